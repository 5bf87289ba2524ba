"""A run's metrics are one curve, however often it is broken off and resumed."""

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="training needs PyTorch (pip install .[train])")

from bisenet_core.errors import InputError
from bisenet_core.learning.run_report.metrics_file import MetricsFile, RunLogs, read_rows


def _value(step):
    return 1 / (step + 3)


def _log(path, begin, end):
    """As a run logs that goes on at iteration ``begin`` and is killed after ``end``."""
    metrics = MetricsFile(path, begin)
    for step in range(begin, end):
        if step % 2:
            metrics.log({"lr-SGD": 0.1 * _value(step)}, step)
            metrics.log({"loss": _value(step)}, step)
        if step % 4 == 3:
            metrics.log({"val_miou": 1 - _value(step)}, step)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=5))
def test_a_run_that_was_resumed_has_the_curve_of_one_that_was_not(tmp_path_factory, breaks):
    folder = tmp_path_factory.mktemp("metrics")
    straight, broken = folder / "straight.csv", folder / "broken.csv"
    _log(straight, 0, 24)
    begin = 0
    for saved, lost in breaks:  # as far as its checkpoint, and beyond
        end = min(begin + saved + lost, 24)
        _log(broken, begin, end)
        begin = min(begin + saved, end)
    _log(broken, begin, 24)
    assert read_rows(broken) == read_rows(straight)
    assert [row["step"] for row in read_rows(broken)] == [str(step) for step in range(1, 24, 2)]


def test_what_is_logged_at_one_step_is_one_row(tmp_path):
    _log(tmp_path / "metrics.csv", 0, 4)
    first, second = read_rows(tmp_path / "metrics.csv")
    assert first == {"step": "1", "loss": "0.25", "lr-SGD": "0.025", "val_miou": ""}
    assert second["val_miou"] and second["loss"] and second["lr-SGD"]


def test_a_row_that_was_not_written_whole_is_left_out(tmp_path):
    path = tmp_path / "metrics.csv"
    _log(path, 0, 8)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert len(read_rows(path)) == max(0, whole[:length].count(b"\n") - 1)
        _log(path, 8, 10)
        assert read_rows(path)[-1]["step"] == "9"


def test_a_run_that_starts_anew_keeps_no_row(tmp_path):
    _log(tmp_path / "metrics.csv", 0, 8)
    _log(tmp_path / "metrics.csv", 0, 2)
    assert len(read_rows(tmp_path / "metrics.csv")) == 1


def test_there_may_be_no_file_yet(tmp_path):
    assert read_rows(tmp_path / "metrics.csv") == []


def _log_run(output, begin, end, offset):
    logs = RunLogs(output, begin)
    for step in range(begin, end):
        logs.log({"loss": step + offset}, step)


def test_a_resumed_run_is_one_curve_in_tensorboard(tmp_path):
    event_accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="TensorBoard is not installed"
    )
    _log_run(tmp_path, 0, 10, 0.5)
    _log_run(tmp_path, 6, 12, 0.25)
    events = event_accumulator.EventAccumulator(str(tmp_path / "logs"))
    events.Reload()
    curve = [(event.step, event.value) for event in events.Scalars("loss")]
    assert curve == [(step, step + (0.5 if step < 6 else 0.25)) for step in range(12)]


def test_metrics_are_logged_without_tensorboard_and_by_the_first_process_alone(tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    _log_run(tmp_path, 0, 3, 0.5)
    assert [row["loss"] for row in read_rows(tmp_path / "logs" / "metrics.csv")] == ["0.5", "1.5", "2.5"]
    assert "no files for TensorBoard" in caplog.text
    RunLogs(tmp_path / "other", enabled=False).log({"loss": 1.0}, 0)
    assert not (tmp_path / "other").exists()


def test_what_a_spreadsheet_made_of_it_is_refused(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("step;loss\n0;1,5\n")
    with pytest.raises(InputError, match="no column of whole numbers called step"):
        read_rows(path)
