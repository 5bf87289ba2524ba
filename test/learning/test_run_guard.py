"""What may end a run before its time: one clear line, and the last checkpoint as it was."""

import resource
import signal

import pytest
import torch
from training_process import TrainingProcess, street

from bisenet_core.errors import TrainingError
from bisenet_core.learning.checkpointing import write_atomically
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.run_guard import one_clear_line


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return street(tmp_path_factory.mktemp("street"))


def _one_line(printed, line):
    assert "Traceback" not in printed and line.startswith("bisenet: ")
    return line


def _iterations(folder):
    return torch.load(folder / "last.ckpt", weights_only=True)["global_step"]


# what fills the disk is simulated where a test may not mount one: no file may grow beyond half a checkpoint
FULL_DISK = """
import resource
if trainer.global_step == 2: resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))
"""

FULL_GPU = "import torch\nif trainer.global_step == 2: raise torch.OutOfMemoryError('x')"

#: A worker that the kernel has chosen when memory ran out.
DEAD_WORKER = """
import multiprocessing
if trainer.global_step == 2: os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("accident", "said"),
    [
        pytest.param(FULL_DISK, "cannot be written: File too large", id="full disk"),
        pytest.param(DEAD_WORKER, "a process that reads the data has died", id="dead worker"),
        pytest.param(FULL_GPU, "lower batch_size", id="full GPU"),
    ],
)
def test_an_accident_is_one_line_and_nothing_lost(accident, said, data, tmp_path):
    run = TrainingProcess(tmp_path, data, "--save-every", 0, at=accident, iterations=400)
    status, line, printed = run.end()
    line = _one_line(printed, line)
    assert status == 1 and said in line and f"go on from {tmp_path / 'last.ckpt'}" in line
    assert _iterations(tmp_path) >= 2
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.slow
def test_slurm_puts_a_stopped_job_back_into_its_queue(data, tmp_path):
    (tmp_path / "scontrol").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n')
    (tmp_path / "scontrol").chmod(0o755)
    environment = {"SLURM_JOB_ID": "17", "PATH": f"{tmp_path}:/usr/bin:/bin"}
    twice = "if trainer.global_step == 2:\n for _ in range(2): os.kill(os.getpid(), signal.SIGUSR1)"
    run = tmp_path / "run"
    status, line, printed = TrainingProcess(run, data, at=twice, environment=environment).end()
    assert status == 128 + signal.SIGUSR1 and "SIGUSR1 after iteration 3" in _one_line(printed, line)
    assert (tmp_path / "asked").read_text().split() == ["requeue", "17"] and _iterations(run) == 3


@pytest.mark.slow
def test_a_second_ctrl_c_ends_at_once_and_the_last_checkpoint_stays(data, tmp_path):
    twice = "if trainer.global_step == 2:\n for _ in range(2): os.kill(os.getpid(), signal.SIGINT)"
    status, line, printed = TrainingProcess(tmp_path, data, "--save-every", 0, at=twice).end()
    assert status == 128 + signal.SIGINT and "Ctrl-C ends at once" in printed and "Traceback" not in printed
    assert _iterations(tmp_path) == 2, line


def test_what_cannot_be_written_leaves_what_was_there(tmp_path):
    path = tmp_path / "last.ckpt"
    write_atomically(path, b"first")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            write_atomically(path, bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == b"first" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (torch.OutOfMemoryError("CUDA"), "the GPU has too little memory for batch_size 16 in 2 part"),
        (MemoryError(), "too little memory for batch_size 16"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "raise accumulate"),
        (RuntimeError("[../gloo/transport/tcp/pair.cc] Connection closed by peer"), "another process of"),
        (OSError(28, "No space left on device"), "No space left on device; make room, and begin anew"),
    ],
)
def test_what_to_do_is_said_in_one_line(error, said, tmp_path):
    recipe = Recipe(name="a", dataset="camvid", accumulate=2)
    with pytest.raises(TrainingError, match=said) as caught, one_clear_line(recipe, tmp_path):
        raise error
    assert "\n" not in str(caught.value)


def test_what_is_a_fault_of_ours_stays_one(tmp_path):
    with pytest.raises(RuntimeError, match="shape"), one_clear_line(Recipe("a", "camvid"), tmp_path):
        raise RuntimeError("shape mismatch")
