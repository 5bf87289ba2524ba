"""Figures for the documentation: both formats, the same bytes every time, and one line where it cannot be."""

import subprocess
import sys

import pytest

from bisenet_core.errors import InputError
from bisenet_core.reports.figures import require_matplotlib, write_figure


def draw(figure):
    figure.text(0.1, 0.5, "a text")


def test_the_same_content_gives_the_same_bytes_in_both_formats(tmp_path):
    pytest.importorskip("matplotlib", reason="figures are drawn with matplotlib (pip install .[train])")
    first, second = (write_figure(tmp_path / name / "new", "figure", (2, 1), draw) for name in "ab")
    assert [path.name for path in first] == ["figure.png", "figure.svg"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert ">a text<" in first[1].read_text()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    pytest.importorskip("matplotlib", reason="figures are drawn with matplotlib (pip install .[train])")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write to .*file: .* give --plot a folder"):
        write_figure(tmp_path / "file", "figure", (2, 1), draw)


def test_without_matplotlib_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"pip install 'bisenet_ros\[train\]'"):
        require_matplotlib()


def test_the_command_line_never_brings_matplotlib():
    pytest.importorskip("typer", reason="the command line needs typer and rich")
    code = "import sys, bisenet_core.cli; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
