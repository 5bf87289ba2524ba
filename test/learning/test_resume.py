"""A run that was stopped and went on is, bit for bit, the run that was not: 10 and 10 iterations are 20."""

import signal

import pytest
from training_process import TrainingProcess, differences, finished, street

# all that has a state: accumulated gradients, momentum, schedule, moving average, augmentation, best metric
CHANGES = {"iterations": 20, "accumulate": 2, "ema_decay": 0.9, "colour": 0.2}

#: Run before every batch: a network that draws, as with dropout, must go on drawing the same.
DRAWS = """
import torch
network.head.classifier.bias.data += 1e-3 * torch.randn(1)
"""


#: The signal goes to the whole group of processes, as by a terminal, `timeout`, systemd and SLURM.
#: Once, though a step has two batches: a second Ctrl-C would end at once.
STOPPED = DRAWS + """
if iteration == {} and not hasattr(network, "told"):
    network.told = os.killpg(0, signal.{})
"""

STOPPED_IN_A_VALIDATION = DRAWS + """
def stopped(score, *given):
    os.killpg(0, signal.SIGTERM)
    return whole(score, *given)
if iteration == 3:
    from bisenet_core.learning.scores import SegmentationScore
    whole, SegmentationScore.update = SegmentationScore.update, stopped
"""


def _content(folder, checkpoint):
    return checkpoint, (folder / "logs" / "metrics.csv").read_text()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """An epoch is three batches: iteration 10 is amidst one."""
    return street(tmp_path_factory.mktemp("street"), train=14)


@pytest.fixture(scope="module")
def straight(data, tmp_path_factory):
    """(last.ckpt, metrics.csv) of 20 iterations, validated after every 6th."""
    folder = tmp_path_factory.mktemp("straight")
    return _content(folder, finished(folder, data, at=DRAWS, **CHANGES))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "iteration", "workers"),
    [
        pytest.param(STOPPED.format(9, "SIGTERM"), 10, 2, id="amidst an epoch"),
        pytest.param(STOPPED.format(11, "SIGINT"), 12, 0, id="before a validation"),
        pytest.param(STOPPED_IN_A_VALIDATION, 6, 1, id="amidst a validation"),
    ],
)
def test_a_stopped_run_goes_on_as_if_it_had_not(straight, data, tmp_path, code, iteration, workers):
    stopped = TrainingProcess(tmp_path, data, at=code, **CHANGES)
    status, line, _ = stopped.end()
    assert status == 128 + (signal.SIGINT if "SIGINT" in code else signal.SIGTERM)
    assert f"after iteration {iteration}, which is saved; go on with --resume" in line
    assert "The run ended early, at iteration" in (tmp_path / "report.html").read_text()
    assert "Error" not in (tmp_path / "report.html").read_text()
    last = finished(tmp_path, data, "--resume", "--workers", workers, at=DRAWS, **CHANGES)
    checkpoint, log = _content(tmp_path, last)
    assert not differences(straight[0], checkpoint)
    assert log == straight[1]


@pytest.mark.slow
def test_a_run_stopped_at_an_arbitrary_moment_and_another_killed(straight, data, tmp_path):
    """Whatever they are doing: the one saves itself, the other has saved itself some steps before."""
    last = tmp_path / "last.ckpt"
    moment = TrainingProcess(tmp_path, data, "--save-every", 0, at=DRAWS, **CHANGES)
    moment.wait_for(last.exists)
    moment.process.send_signal(signal.SIGTERM)
    assert moment.end()[0] == 128 + signal.SIGTERM
    written = last.stat().st_mtime_ns
    killed = TrainingProcess(tmp_path, data, "--save-every", 0, "--resume", at=DRAWS, **CHANGES)
    killed.wait_for(lambda: last.stat().st_mtime_ns > written)
    killed.process.kill()
    killed.end()
    checkpoint, log = _content(tmp_path, finished(tmp_path, data, "--resume", at=DRAWS, **CHANGES))
    assert not differences(straight[0], checkpoint)
    assert log == straight[1]
