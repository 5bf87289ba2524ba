"""TensorBoard reads one curve from the files of all starts."""

import pytest

pytest.importorskip("lightning", reason="training needs lightning (pip install .[train])")

from bisenet_core.learning.run_report import loggers
from bisenet_core.learning.run_report.metrics_file import read_rows


def _log(output, begin, end, offset):
    found = loggers(output, begin)
    for step in range(begin, end):
        for logger in found:
            logger.log_metrics({"loss": step + offset}, step)
            logger.save()
    for logger in found:
        logger.finalize("success")


def test_a_resumed_run_is_one_curve_in_tensorboard(tmp_path):
    event_accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="TensorBoard is not installed"
    )
    _log(tmp_path, 0, 10, 0.5)
    _log(tmp_path, 6, 12, 0.25)
    events = event_accumulator.EventAccumulator(str(tmp_path / "logs"))
    events.Reload()
    curve = [(event.step, event.value) for event in events.Scalars("loss")]
    assert curve == [(step, step + (0.5 if step < 6 else 0.25)) for step in range(12)]


def test_metrics_are_logged_whether_tensorboard_is_there_or_not(tmp_path):
    _log(tmp_path, 0, 3, 0.5)
    assert [row["loss"] for row in read_rows(tmp_path / "logs" / "metrics.csv")] == ["0.5", "1.5", "2.5"]
