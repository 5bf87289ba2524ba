"""What may end a run before its time: one clear line, and the last checkpoint as it was."""

import resource
import signal

import pytest
import torch
from training_process import TrainingProcess, street, train_here

from bisenet_core.errors import TrainingError
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.run_guard import explain_failures


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return street(tmp_path_factory.mktemp("street"))


def _last_line(printed):
    line = printed.strip().splitlines()[-1]
    assert "Traceback" not in printed and line.startswith("bisenet: ")
    return line


def _iterations(folder):
    return torch.load(folder / "last.ckpt", weights_only=True)["global_step"]


# what fills the disk is simulated where a test may not mount one: no file may grow beyond half a checkpoint
FULL_DISK = """
import resource
if iteration == 2: resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, resource.RLIM_INFINITY))
"""

FULL_GPU = "import torch\nif iteration == 2: raise torch.OutOfMemoryError('x')"

#: A worker that the kernel has chosen when memory ran out.
DEAD_WORKER = """
import multiprocessing
if iteration == 2: os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
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
def test_an_accident_is_one_line_and_nothing_lost(accident, said, data, tmp_path, capfd):
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        status = train_here(tmp_path, data, "--save-every", 0, at=accident, iterations=400)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    line = _last_line(capfd.readouterr().err)
    assert status == 1 and said in line and f"go on from {tmp_path / 'last.ckpt'}" in line
    assert _iterations(tmp_path) >= 2
    assert not list(tmp_path.glob(".*.part"))


def test_slurm_puts_a_stopped_job_back_into_its_queue(data, tmp_path, monkeypatch, capfd):
    (tmp_path / "scontrol").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n')
    (tmp_path / "scontrol").chmod(0o755)
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    twice = "if iteration == 2:\n for _ in range(2): os.kill(os.getpid(), signal.SIGUSR1)"
    before = signal.getsignal(signal.SIGUSR1)
    assert train_here(tmp_path / "run", data, at=twice) == 128 + signal.SIGUSR1
    assert "SIGUSR1 after iteration 3" in _last_line(capfd.readouterr().err)
    assert (tmp_path / "asked").read_text().split() == ["requeue", "17"]
    assert _iterations(tmp_path / "run") == 3
    assert signal.getsignal(signal.SIGUSR1) == before


@pytest.mark.slow
def test_a_second_ctrl_c_ends_at_once_and_the_last_checkpoint_stays(data, tmp_path):
    twice = "if iteration == 2:\n for _ in range(2): os.kill(os.getpid(), signal.SIGINT)"
    status, line, printed = TrainingProcess(tmp_path, data, "--save-every", 0, at=twice).end()
    assert status == 128 + signal.SIGINT and "Ctrl-C ends at once" in printed and "Traceback" not in printed
    assert _iterations(tmp_path) == 2, line


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (torch.OutOfMemoryError("CUDA"), "the GPU has too little memory for batch_size 16 in 2 part"),
        (MemoryError(), "too little memory for batch_size 16"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "raise accumulate"),
        (RuntimeError("[../gloo/transport/tcp/pair.cc] Connection closed by peer"), "another process of"),
        (ConnectionResetError(104, "Connection reset by peer"), "a process that reads the data has died"),
        (OSError(28, "No space left on device"), "No space left on device; make room, and begin anew"),
    ],
)
def test_what_to_do_is_said_in_one_line(error, said, tmp_path):
    recipe = Recipe(name="a", dataset="camvid", accumulate=2)
    with pytest.raises(TrainingError, match=said) as caught, explain_failures(recipe, tmp_path):
        raise error
    assert "\n" not in str(caught.value)


def test_what_is_a_fault_of_ours_stays_one(tmp_path):
    with pytest.raises(RuntimeError, match="shape"), explain_failures(Recipe("a", "camvid"), tmp_path):
        raise RuntimeError("shape mismatch")
