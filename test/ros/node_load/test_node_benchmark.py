"""The benchmark with real processes, small and short."""

import json

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install .[ros]")
pytest.importorskip("matplotlib", reason="charts need matplotlib: pip install .[train]")

from node_harness import ROOT
from tool_process import start_tool

BENCHMARK = ROOT / "scripts" / "node_load" / "benchmark.py"


def _run(tmp_path, *arguments):
    with start_tool(BENCHMARK, tmp_path, *arguments) as tool:
        out, errors = tool.communicate(timeout=240)
    return tool.returncode, out, errors


@pytest.mark.slow
def test_every_image_is_accounted_for_and_the_figures_are_written(ros, tmp_path, tiny_model_folder):
    status, out, errors = _run(
        tmp_path, "--model", tiny_model_folder, "--precision", "fp32", "--size",
        "96x64", "--rate", 20, "--seconds", 1, "--json", "figures.json", "--plot", "charts",
        "--cameras", 2, 1, "--transport", "compressed")  # the soak's images are raw
    assert status == 0, errors
    assert "labels at the planner" in out
    rows = json.loads((tmp_path / "figures.json").read_text())["rows"]
    assert [(row["cameras"], row["transport"]) for row in rows] == [(2, "compressed"), (1, "compressed")]
    for row in rows:
        assert row["sent"] == 20 * row["cameras"]
        assert row["received"] == row["published"] + sum(row["dropped"].values())
        assert not row["failed"]
        assert 0 < row["labels_received"] <= row["published"]
        assert sum(row["labels_received_by_camera"]) == row["labels_received"]
        assert 0 < row["latency_ms"]["p50"] <= row["latency_ms"]["p99"]
        for percent in ("p50", "p99"):
            times = {stage: values[percent] for stage, values in row["node_ms"].items()}
            assert times["receive_to_publish"] > times["segment"] > 0
            assert times["receive_to_publish"] > times["own"] > 0
        assert row["cpu_percent"]["node_without_segmenter"] > 0
        assert (row["runs"]["precision"], row["runs"]["input_size"]) == ("fp32", "96x64")
    for name in ("node_benchmark.png", "node_benchmark.svg"):
        assert (tmp_path / "charts" / name).stat().st_size > 1000


@pytest.mark.parametrize("arguments, line", [
    (["--model", "/nowhere"], "benchmark: "),
    (["--size", "wide"], "benchmark: --size"),
    (["--rate", "0"], "expected a number above 0"),
    (["--cameras", "5"], "invalid choice"),
    (["--output", "/dev/null/logs"], "benchmark: cannot write to /dev/null/logs/1_raw: Not a directory"),
])
def test_bad_input_is_refused(ros, tmp_path, arguments, line):
    status, _, errors = _run(tmp_path, *arguments)
    assert status == 2
    assert line in errors and "Traceback" not in errors
