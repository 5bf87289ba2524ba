"""Progress: a bar for who watches a terminal, a line now and then for a log file."""

import io
import re

import pytest
from rich.console import Console

from bisenet_core.learning.run_report import progress_bar


def _printed(start_run, output, terminal, seconds=1e9):
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=110)
    start_run(output, callbacks=[progress_bar(console, seconds)])
    return file.getvalue()


def test_a_log_file_gets_a_line_for_each_validation(start_run, tmp_path):
    lines = _printed(start_run, tmp_path / "run", terminal=False).splitlines()
    assert all(re.fullmatch(r"[ -~]+", line) for line in lines), "control characters in a log file"
    assert lines[0] == "iteration 0 of 4 (0 %)"
    said = r"iteration 2 of 4 \(50 %\), loss [\d.]+, [\d.]+ iterations/s, [\d.]+ s left, val mIoU .* %.*"
    assert re.fullmatch(said, lines[1])
    assert len(lines) == 4 and lines[-1].startswith("iteration 4 of 4 (100 %)")


def test_a_log_file_gets_a_line_as_often_as_is_asked(start_run, tmp_path):
    lines = _printed(start_run, tmp_path / "run", terminal=False, seconds=0.0).splitlines()
    assert [line.split(",")[0] for line in lines[:3]] == [
        "iteration 0 of 4 (0 %)", "iteration 1 of 4 (25 %)", "iteration 2 of 4 (50 %)",
    ]


def test_a_terminal_gets_one_bar_over_the_whole_run(start_run, tmp_path):
    printed = _printed(start_run, tmp_path / "run", terminal=True)
    assert "training" in printed and "2/4" in printed and "s left" in printed and "validating" in printed
    assert "iteration 2 of 4" not in printed


@pytest.mark.parametrize("terminal", [True, False])
def test_other_processes_are_silent(start_run, tmp_path, terminal):
    file = io.StringIO()
    bar = progress_bar(Console(file=file, force_terminal=terminal))
    setup = bar.setup
    bar.setup = lambda *arguments, **named: (setup(*arguments, **named), bar.disable())[0]
    start_run(tmp_path / "run", callbacks=[bar])
    assert file.getvalue() == ""
