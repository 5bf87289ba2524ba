"""`bisenet complexity --plot` as a user calls it."""

import json
import subprocess
import sys

import pytest

pytest.importorskip("typer", reason="the command line needs typer and rich")
pytest.importorskip("torch", reason="networks need PyTorch (pip install .[train])")
pytest.importorskip("matplotlib", reason="pictures are drawn with matplotlib (pip install .[train])")

from bisenet_core.cli import main
from bisenet_core.models.registry import is_segmentation, list_models


def refused(capfd, arguments, *words):
    """The command fails with status 2 and one line on stderr that holds ``words``."""
    assert main([str(argument) for argument in arguments]) == 2
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    for word in words:
        assert str(word) in lines[0]


def test_a_name_draws_that_network(tmp_path, texts_of):
    arguments = ["bisenetv2", "--size", "128x64", "--set", "lambda=0.5", "--plot", tmp_path / "pictures"]
    assert main(["complexity", *map(str, arguments)]) == 0
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {"bisenetv2.png", "bisenetv2.svg"}
    texts = texts_of(tmp_path / "pictures" / "bisenetv2.svg")
    assert texts[0].startswith("bisenetv2, lambda 0.5: ") and "3 × 64 × 128" in texts


@pytest.mark.slow
def test_without_a_name_all_is_drawn_and_times_can_come_from_earlier(tmp_path, texts_of):
    report = tmp_path / "found.json"
    command = ["complexity", "--size", "128x64", "--json", str(report), "--plot"]
    assert main([*command, str(tmp_path / "a")]) == 0
    stems = {"accuracy_speed", "accuracy_operations", *filter(is_segmentation, list_models())}
    assert {path.stem for path in (tmp_path / "a").iterdir()} == stems
    found = json.loads(report.read_text())
    for row in found["charted"]:
        row["cpu_ms"] = {"fp32": 10 * row["gflops"]}
    found["cpu"] = {"device": "Z80", "cores": 2}
    earlier = tmp_path / "earlier.json"
    earlier.write_text(json.dumps(found))
    assert main([*command, str(tmp_path / "b"), "--timings", str(earlier)]) == 0
    speed = texts_of(tmp_path / "b" / "accuracy_speed.svg")
    assert speed.count("frames per second, OpenVINO fp32, 2 cores of Z80") == 2
    assert "ours: camvid_bisenetv2, 480×360" in speed


def test_without_matplotlib_it_says_what_to_install(tmp_path, monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    refused(capfd, ["complexity", "--plot", tmp_path], "matplotlib", "pip install 'bisenet_ros[train]'")


def test_counting_never_brings_matplotlib():
    code = "import sys, bisenet_core.commands.complexity; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path, capfd):
    (tmp_path / "file").write_text("")
    refused(capfd, ["complexity", "stdc1_seg", "--plot", tmp_path / "file"], tmp_path / "file", "--plot")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--timings", "t.json"],
        ["bisenetv2", "--plot", "p", "--timings", "t.json"],
        ["--plot", "p", "--timings", "nowhere.json"],
    ],
)
def test_timings_without_charts_or_file_are_refused(arguments, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    refused(capfd, ["complexity", *arguments], ".json" if "nowhere.json" in arguments else "--timings")


def test_what_has_no_drawing_is_refused(tmp_path, capfd):
    refused(capfd, ["complexity", "stdc1", "--plot", tmp_path], "no drawing of stdc1")
