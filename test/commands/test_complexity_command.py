"""`bisenet complexity` as a user calls it."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="networks need PyTorch (pip install .[train])")

from bisenet_core.cli import main
from bisenet_core.models import list_models
from bisenet_core.models.complexity import complexity_of
from bisenet_core.models.registry import is_segmentation

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"


def _json(tmp_path, *arguments):
    assert main(["complexity", *arguments, "--json", str(tmp_path / "found.json")]) == 0
    return json.loads((tmp_path / "found.json").read_text())


def test_one_network_with_options(tmp_path, capsys):
    found = _json(tmp_path, "bisenetv2", "--set", "lambda=0.5", "--set", "depth=1")
    assert found["gflops"] == pytest.approx(25.84, rel=1e-3)  # Table 3a of the paper
    assert found["size"] == "1024x512" and found["options"] == {"lambda_": 0.5, "depth": 1}
    assert found["parameters"] > 5e6 and found["macs"] > 25e9
    assert "25.840" in capsys.readouterr().out


def test_every_network_at_the_size_its_paper_counts(tmp_path):
    rows = {row["network"]: row for row in _json(tmp_path)["networks"]}
    assert sorted(rows) == list_models()
    assert rows["stdc1"]["size"] == "224x224" and rows["stdc1"]["classes"] == 1000
    assert rows["stdc1_seg"]["size"] == "1024x512" and rows["stdc1_seg"]["classes"] == 19


def test_modules_add_up_to_the_network(tmp_path):
    found = _json(tmp_path, "bisenetv2", "--by-module", "--depth", "1", "--size", "256x128")
    whole, *parts = found["modules"]
    assert (whole["level"], whole["macs"]) == (0, found["macs"])
    assert sum(part["macs"] for part in parts) == found["macs"]
    assert {"detail", "semantic", "aggregation", "head"} <= {part["module"] for part in parts}


@pytest.mark.slow
def test_times_by_precision(tmp_path):
    pytest.importorskip("openvino", reason="networks are timed in OpenVINO")
    found = _json(tmp_path, "bisenetv2", "--size", "96x64", "--cpu", "2")
    assert found["cpu_ms"]["fp32"] > 0 and {"device", "cores", "openvino"} == set(found["cpu"])


@pytest.mark.parametrize(("arguments", "expected"), [
    (["bisenet2"], "did you mean 'bisenetv2'"),
    (["bisenetv2", "--set", "alhpa=2"], "did you mean 'alpha'"),
    (["bisenetv2", "--set", "alpha"], "expected OPTION=VALUE"),
    (["bisenetv2", "--set", "alpha=[1"], "expected OPTION=VALUE"),
    (["bisenetv2", "--set", "alpha=2020-13-45"], "expected OPTION=VALUE"),
    (["bisenetv2", "--set", "alpha=wide"], "expected a number above 0"),
    (["bisenetv2", "--set", "depth=0"], "expected a whole number above 0"),
    (["bisenetv2", "--set", "depth=1.5"], "expected a whole number above 0"),
    (["bisenetv2", "--set", "variant=2"], "expected text"),
    (["bisenetv2", "--size", "16x16"], "at least 32"),
    (["--set", "alpha=2"], "give its name"),
    (["--by-module"], "give its name"),
])
def test_bad_input_is_one_line(arguments, expected, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["complexity", *arguments]) == 2
    error = capsys.readouterr().err
    assert expected in error and error.count("\n") == 1


DRAWN = [name for name in list_models() if is_segmentation(name) and not name.startswith("efficientvit")]


@pytest.mark.parametrize("name", DRAWN)
def test_the_drawing_in_the_documentation_tells_what_is_counted(name):
    root = complexity_of(name, 19, 1024, 512)
    caption = f"{name}: {root.parameters / 1e6:.2f} M parameters, {root.gflops:.2f} GFLOPs"
    assert caption in (IMAGES / f"{name}.svg").read_text(), "the drawing is of another network: take it away"
