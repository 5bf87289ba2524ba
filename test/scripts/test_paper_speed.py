"""Speed as the papers measured it: every row measured or explained, wherever the node runs."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("openvino", reason="the model is run with openvino")

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "paper_speed"
#: What a robot has, beside Python.
ROBOT = {"cv2", "numpy", "bisenet_core.errors", "bisenet_core.files", "bisenet_core.runtime.segmenter"}


def _run(*arguments):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_each_size_and_precision_is_measured_or_says_why_not(tiny_model_folder, tmp_path):
    out = tmp_path / "speed.json"
    ended = _run(tiny_model_folder, "--sizes", "96x64", "64x32", "--precisions", "fp32", "fp16", "--camera",
                 "128x96", "--iterations", "3", "--backend", "openvino", "--json", out)
    assert ended.returncode == 0, ended.stderr
    rows = json.loads(out.read_text())["rows"]
    assert [(row["size"], row["precision"]) for row in rows] == [
        ("96x64", "fp32"), ("96x64", "fp16"), ("64x32", "fp32"), ("64x32", "fp16")
    ]  # fmt: skip
    for row in rows:
        assert ("fp16" in row["reason"]) if row["precision"] == "fp16" else row["iterations"] == 3
    for row in rows[::2]:
        for kind in ("network_size", "with_resizing"):
            found = row[kind]
            assert found["p50_ms"] <= found["p99_ms"] and found["fps"] == pytest.approx(
                1e3 / found["mean_ms"], rel=0.01
            )
    assert ended.stdout.count("frames/s at the network's size") == 2 and ended.stdout.count("\n") == 4


def test_without_any_row_the_status_says_so(tmp_path):
    ended = _run(tmp_path / "nowhere", "--iterations", "1")
    assert ended.returncode == 1 and "nowhere" in ended.stdout


@pytest.mark.parametrize(
    "options, words",
    [
        (("--sizes", "big"), "not WIDTHxHEIGHT"),
        (("--sizes", "8x8"), "sides from 32 to 8192"),
        (("--iterations", "0"), "a whole number above 0"),
    ],
)
def test_bad_input_is_refused(options, words):
    ended = _run("model", *options)
    assert ended.returncode == 2 and words in ended.stderr


def test_it_is_robot_code():
    tree = ast.parse(SCRIPT.read_text(), feature_version=(3, 6))
    found = set()
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) else []
        found |= {name for name in names if name.split(".")[0] not in sys.stdlib_module_names}
    assert found == ROBOT
