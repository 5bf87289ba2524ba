"""Several processes come to what one does, also when they are killed."""

import multiprocessing
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace

import pytest
from recorded_bags import IMAGES
from same_outcomes import assert_same

from bisenet_core.errors import EvaluationError, InputError
from bisenet_core.evaluation.replay import local_jobs
from bisenet_core.evaluation.replay.job import split
from bisenet_core.evaluation.replay.local_jobs import ATTEMPTS, run_in_processes
from bisenet_core.evaluation.replay.replay import run_here


def in_order(finished):
    """The frames of the finished parts, as they were recorded."""
    ordered = sorted(finished, key=lambda pair: pair[0].start)
    return [frame for _, result in ordered for frame in result.frames]


class Killer:
    """Progress that kills a worker with the first frame of each of so many parts, and counts frames."""

    def __init__(self, most):
        self.left, self.frames, self.killed = most, 0, set()

    def __call__(self, frames):
        self.frames += frames
        alive = {child.pid for child in multiprocessing.active_children()} - self.killed
        if self.left and frames > 0 and alive:
            self.left -= 1
            self.killed.add(min(alive))
            os.kill(min(alive), signal.SIGKILL)


@pytest.fixture(scope="module")
def alone(job, street_bag):
    """The street, evaluated by this process."""
    return in_order(run_here(job, split(street_bag, IMAGES, 23), lambda frames: None))


def test_no_core_is_kept_for_a_process_without_parts(job, street_parts, monkeypatch):
    threads = []
    monkeypatch.setattr(local_jobs, "available_cores", lambda: 8)
    monkeypatch.setattr(local_jobs, "LocalWorker", lambda job, count: threads.append(count) or 1 / 0)
    for size in (23, 12):
        with pytest.raises(ZeroDivisionError):
            list(run_in_processes(job, street_parts(size), print, processes=8))
    assert threads == [8, 4]
    assert list(run_in_processes(job, [], print, processes=8)) == []


def test_two_processes_come_to_the_same_also_when_killed(job, street_parts, alone, caplog):
    killer = Killer(2)
    finished = list(run_in_processes(job, street_parts(8), killer, processes=2))
    assert len(killer.killed) == 2
    assert_same(in_order(finished), alone)
    assert killer.frames == 23  # those that were lost are taken back
    assert "SIGKILL" in caplog.text and "done again" in caplog.text
    assert not multiprocessing.active_children()


def test_a_part_that_kills_its_workers_is_given_up(job, street_parts):
    killer = Killer(99)
    with pytest.raises(EvaluationError, match=f"{ATTEMPTS} times now.*--resume"):
        list(run_in_processes(job, street_parts(23), killer, processes=1))
    assert len(killer.killed) == ATTEMPTS
    assert not multiprocessing.active_children()


def test_what_a_worker_refuses_is_raised_here(job, street_parts):
    with pytest.raises(InputError, match="another network"):
        list(run_in_processes(replace(job, model_sha256="1"), street_parts(8), print, processes=1))
    assert not multiprocessing.active_children()


def test_workers_are_gone_when_their_results_are_not_wanted(job, street_parts):
    running = run_in_processes(job, street_parts(4), lambda frames: None, processes=2)
    next(running)
    running.close()
    assert not multiprocessing.active_children()


def test_ctrl_c_is_left_to_the_process_that_began_them(job):
    source = (
        "from bisenet_core.evaluation.replay.local_jobs import LocalWorker\n"
        "team = [LocalWorker(None, 1) for _ in range(2)]\n"
        "for worker in team:\n"
        "    print(open(f'/proc/{worker.process.pid}/status').read().split('SigBlk:')[1].split()[0])\n"
        "    worker.stop()\n"
    )
    command = [sys.executable, "-c", source]
    masks = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert [int(mask, 16) & 1 << (signal.SIGINT - 1) for mask in masks] == [2, 2]


CLAIM = """
import os
from bisenet_core.evaluation.replay.cores import claim_cores
print(claim_cores(1), *sorted(os.sched_getaffinity(0)), flush=True)
input()
"""


def test_each_process_has_its_own_cores(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    every = sorted(os.sched_getaffinity(0))
    with ExitStack() as stack:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        start = [sys.executable, "-c", CLAIM]
        claims = [stack.enter_context(subprocess.Popen(start, **pipes)) for _ in every]
        taken = [list(map(int, claim.stdout.readline().split())) for claim in claims]
        late = stack.enter_context(subprocess.Popen(start, **pipes))
        assert list(map(int, late.stdout.readline().split())) == [len(every), *every]  # none is free: all
        for process in (*claims, late):
            process.stdin.write("\n")
            process.stdin.flush()
    assert [count for count, _ in taken] == [1] * len(every)
    assert sorted(core for _, core in taken) == every
