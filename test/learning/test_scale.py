"""Several processes train what one does."""

import csv
import signal
import socket

import pytest
import torch
from training_process import TrainingProcess, finished, street, train_here

from bisenet_core.errors import InputError
from bisenet_core.learning.launch import make_fabric

#: In float64: two processes sum in another order than one, which no more than the last digits may show.
CHANGES = {
    "accumulate": 1, "iterations": 4, "ema_decay": 0.9, "validate_every_epochs": 1, "precision": "64-true",
}  # fmt: skip
TWO = ("--accelerator", "cpu", "--devices", "2")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return street(tmp_path_factory.mktemp("street"))


@pytest.fixture(scope="module")
def alone(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    return finished(folder, data, "--accelerator", "cpu", **CHANGES), _rows(folder)


def _rows(folder):
    with (folder / "logs" / "metrics.csv").open() as file:
        return [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]


def _assert_same(alone, last, rows):
    assert [row.keys() for row in rows] == [row.keys() for row in alone[1]]
    for ours, theirs in zip(rows, alone[1]):
        assert ours == pytest.approx(theirs, rel=1e-9)
    for name, values in alone[0]["state_dict"].items():
        torch.testing.assert_close(last["state_dict"][name], values, rtol=1e-9, atol=1e-9)


@pytest.mark.slow
def test_two_processes_train_what_one_does_with_the_whole_batch(alone, data, tmp_path):
    """Loss, scores and weights: batch norms, OHEM and validation are over both."""
    assert TrainingProcess(tmp_path, data, *TWO, **CHANGES).end()[0] == 0
    _assert_same(alone, torch.load(tmp_path / "last.ckpt", weights_only=True), _rows(tmp_path))


@pytest.mark.slow
def test_two_processes_stop_together_and_one_goes_on(alone, data, tmp_path):
    stop = "if iteration == 1 and rank == 1: os.kill(os.getpid(), signal.SIGTERM)"
    status, line, printed = TrainingProcess(tmp_path, data, *TWO, at=stop, **CHANGES).end()
    assert status == 143 and "SIGTERM after iteration 2, which is saved" in line, printed
    _assert_same(alone, finished(tmp_path, data, "--resume", **CHANGES), _rows(tmp_path))


@pytest.mark.slow
def test_the_death_of_one_process_ends_the_other_with_a_line(data, tmp_path):
    die = "if iteration == 2 and rank == 1: os.kill(os.getpid(), signal.SIGKILL)"
    status, _, printed = TrainingProcess(tmp_path, data, *TWO, "--save-every", 0, at=die, **CHANGES).end()
    assert status in (1, -signal.SIGKILL) and "Traceback" not in printed
    # ours, or Lightning's where its watch over the processes is faster than the one that misses an answer
    assert "another process of this run has ended" in printed or "terminated with code -9" in printed
    # the first may still have been saving its second step when it was ended
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] in (1, 2)


def test_a_batch_that_cannot_be_divided_is_refused(data, tmp_path, capfd):
    assert train_here(tmp_path, data, "--accelerator", "cpu", "--devices", 3) == 2
    assert "batch_size 4 cannot be divided over 3 processes" in capfd.readouterr().err


@pytest.mark.parametrize("accelerator", ["gpu", "tpu", "abacus"])
def test_devices_that_are_not_there_are_refused(accelerator):
    if accelerator == "gpu" and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(InputError, match=f"--devices 1 --nodes 1 --accelerator {accelerator}: "):
        make_fabric(accelerator=accelerator)


@pytest.mark.parametrize("devices", ["foo", "-2", "0,1"])
def test_what_names_no_devices_is_refused(devices):
    with pytest.raises(InputError, match=f"--devices {devices} "):
        make_fabric(devices, accelerator="cpu")


@pytest.mark.slow
def test_torchrun_says_how_many_there_are(alone, data, tmp_path):
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    torchrun = ["-m", "torch.distributed.run", "--nproc-per-node=2", f"--master-port={port}"]
    given = TrainingProcess(tmp_path, data, "--accelerator", "cpu", start=[*torchrun, "-m"], **CHANGES)
    assert given.end()[0] == 0
    last = torch.load(tmp_path / "last.ckpt", weights_only=True)
    _assert_same(alone, last, _rows(tmp_path))
