"""A Ray cluster comes to what one process does, also when a worker is killed."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from same_outcomes import assert_same
from test_local_jobs import alone, in_order  # noqa: F401  (a fixture)

from bisenet_core.errors import InputError
from bisenet_core.evaluation.replay.ray_jobs import run_on_ray

ray = pytest.importorskip("ray", reason="needs Ray: pip install bisenet_ros[ray]")


@pytest.fixture
def two_workers(monkeypatch):
    """A local Ray may run two tasks at once."""
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    monkeypatch.setattr(ray, "init", lambda address, **options: _init(address, num_cpus=2, **options))
    yield
    ray.shutdown()


_init = ray.init


def busy_workers():
    """Processes that do a task of ours: grandchildren of this process that Ray has named after it."""
    return [pid for pid in _processes() if _parent(_parent(pid)) == os.getpid() and "_task" in _name(pid)]


def test_two_workers_come_to_the_same(two_workers, job, street_parts, alone):  # noqa: F811
    counted = []
    finished = list(run_on_ray(job, street_parts(4), counted.append, "local"))
    assert_same(in_order(finished), alone)
    assert sum(counted) == 23
    assert not ray.is_initialized()


def test_a_killed_workers_part_is_done_again(two_workers, job, street_parts, alone):  # noqa: F811
    killed = []

    def kill_one(frames):
        if not killed:
            workers = busy_workers()
            while not workers:
                workers = busy_workers()
            killed.append(workers[0])
            os.kill(workers[0], signal.SIGKILL)

    finished = list(run_on_ray(job, street_parts(1), kill_one, "local"))
    assert killed
    assert_same(in_order(finished), alone)


def test_what_a_worker_refuses_is_raised_here(two_workers, job, street_parts):
    with pytest.raises(InputError, match="another network"):
        list(run_on_ray(replace(job, model_sha256="1"), street_parts(8), print, "local"))


@pytest.mark.parametrize(
    "address, words",
    [
        ("127.0.0.1:1", "no Ray cluster at 127.0.0.1:1: .*refused"),
        ("ray://127.0.0.1:1", "no Ray cluster"),
        ("127.0.0.1:99999", "no Ray cluster"),
        ("somewhere", "expected HOST:PORT"),
        ("auto", "cannot join the Ray cluster at auto"),
    ],
)
def test_an_address_where_nothing_answers_is_bad_input(job, street_parts, address, words):
    with pytest.raises(InputError, match=words):
        list(run_on_ray(job, street_parts(8), print, address))


def _processes():
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _parent(pid):
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:  # it has ended
        return 0


def _name(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
