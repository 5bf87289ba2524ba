"""Progress: a bar for who watches a terminal, a line now and then for a log file."""

import io
import re

import pytest
from rich.console import Console

from bisenet_core.learning.run_report.progress import RunProgress


def _printed(terminal, seconds=1e9, **options):
    """What a run of 4 iterations prints that validates after the second and the last."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=110, **options)
    progress = RunProgress(4, console, seconds)
    with progress.running(0):
        for done in (1, 2, 3, 4):
            progress.trained(done, 1 / done)
            if done % 2 == 0:
                with progress.validating(batches=2):
                    progress.validated_batch()
                    progress.validated_batch()
                progress.validated(done, 0.1 * done, 0.1 * done)
    return file.getvalue()


def test_a_log_file_gets_a_line_for_each_validation():
    lines = _printed(terminal=False).splitlines()
    assert all(re.fullmatch(r"[ -~]+", line) for line in lines), "control characters in a log file"
    assert lines[0] == "iteration 0 of 4 (0 %)"
    said = r"iteration 2 of 4 \(50 %\), loss 0.5, [\d.e+]+ iterations/s, [\d.]+ \w+ left, val mIoU 20.0 % .*"
    assert re.fullmatch(said, lines[1])
    assert len(lines) == 4 and lines[-1].startswith("iteration 4 of 4 (100 %)")


def test_a_log_file_gets_a_line_as_often_as_is_asked():
    lines = _printed(terminal=False, seconds=0.0).splitlines()
    assert [line.split(",")[0] for line in lines[:3]] == [
        "iteration 0 of 4 (0 %)", "iteration 1 of 4 (25 %)", "iteration 2 of 4 (50 %)",
    ]


def test_a_terminal_gets_one_bar_over_the_whole_run():
    printed = _printed(terminal=True)
    assert "training" in printed and "4/4" in printed and "val mIoU 40.0 %" in printed
    assert "iteration 2 of 4" not in printed


@pytest.mark.parametrize("terminal", [True, False])
def test_other_processes_are_silent(terminal):
    assert _printed(terminal, quiet=True) == ""
