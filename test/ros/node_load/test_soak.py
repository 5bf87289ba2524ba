"""A soak of seconds with real processes, and the fault that it injects."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install .[ros]")
pytest.importorskip("matplotlib", reason="charts need matplotlib: pip install .[train]")
pytest.importorskip("onnx", reason="the faulty model is written with onnx: pip install .[train]")

from node_harness import ROOT
from tool_process import start_tool

from bisenet_core.runtime.segmenter import Segmenter

LOAD = ROOT / "scripts" / "node_load"
SOAK = LOAD / "soak.py"
sys.path.insert(0, str(LOAD))

from faulty_model import write_faulty_model  # noqa: E402


def test_the_faulty_model_fails_for_white_images_alone(tmp_path, tiny_model_folder):
    faulty = write_faulty_model(tiny_model_folder, tmp_path / "faulty")
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    with Segmenter.open(str(tiny_model_folder), precision="fp32") as healthy:
        expected = healthy.segment(image).labels
    with Segmenter.open(str(faulty), precision="fp32") as segmenter:
        np.testing.assert_array_equal(segmenter.segment(image).labels, expected)
        with pytest.raises(Exception, match="not finite"):
            segmenter.segment(np.full_like(image, 255))
        np.testing.assert_array_equal(segmenter.segment(image).labels, expected)
        segmenter.segment(np.zeros_like(image))


def _children(pid):
    """pids by the module that a child runs."""
    pids = Path("/proc/{0}/task/{0}/children".format(pid)).read_text().split()
    return {Path("/proc", one, "cmdline").read_text().split("\0")[2]: int(one) for one in pids}


def _soak_until_the_second_camera_plays(tmp_path, model, end):
    """Exit status, stderr and soak.json of a soak that ``end``s, called with its pid."""
    log, begun = tmp_path / "out" / "camera0.log", set()
    with start_tool(SOAK, tmp_path, "--model", model, "--precision", "fp32", "--size", "96x64",
                    "--input-size", "96x64", "--minutes", 10, "--restart-every", 1, "--sample-every", 0.5,
                    "--output", "out") as soak:
        while len(begun) < 2:  # logs, one for each camera: the first one has played by then
            assert soak.poll() is None
            begun |= {log.stat().st_mtime_ns} if log.exists() else set()
            time.sleep(0.05)
        end(soak.pid)
        _, errors = soak.communicate(timeout=120)
    return soak.returncode, errors, json.loads((tmp_path / "out" / "soak.json").read_text())


@pytest.mark.slow
def test_the_account_closes_over_restarts_and_failures_when_it_is_stopped(ros, tmp_path, tiny_model_folder):
    status, errors, soak = _soak_until_the_second_camera_plays(
        tmp_path, tiny_model_folder, lambda pid: os.kill(pid, signal.SIGINT))
    assert (status, errors, soak["problems"]) == (0, "", [])
    assert soak["camera_restarts"] >= 1
    assert soak["failed"]["inference"] > 0
    passed_over = sum(soak["dropped"].values()) + sum(soak["failed"].values())
    assert soak["received"] == soak["published"] + passed_over
    assert 0 <= soak["labels_lost"] <= soak["published"] / 10
    assert (soak["runs"]["precision"], soak["runs"]["input_size"]) == ("fp32", "96x64")
    assert soak["received"] <= soak["sent"]
    assert [one["restarts"] for one in soak["samples"]] == sorted(one["restarts"] for one in soak["samples"])
    assert all(one["memory_mib"] > 10 and one["threads"] > 1 for one in soak["samples"])
    for name in ("soak.png", "soak.svg"):
        assert (tmp_path / "out" / name).stat().st_size > 1000


@pytest.mark.slow
def test_a_run_whose_node_is_killed_is_written(ros, tmp_path, tiny_model_folder):
    status, errors, soak = _soak_until_the_second_camera_plays(
        tmp_path, tiny_model_folder,
        lambda pid: os.kill(_children(pid)["bisenet_ros.segmentation_node"], signal.SIGKILL))
    problem = "the node ended: killed by SIGKILL; see out/node.log"
    assert (status, errors, soak["problems"]) == (1, f"soak: {problem}\n", [problem])
    assert soak["samples"] and soak["sent"] > 0
    assert (tmp_path / "out" / "soak.png").stat().st_size > 1000


@pytest.mark.parametrize("arguments, line", [
    (["--model", "/nowhere"], "soak: "),
    (["--output", "/dev/null/here"], "soak: cannot write to /dev/null/here: Not a directory"),
])
def test_bad_input_is_refused(ros, tmp_path, arguments, line):
    with start_tool(SOAK, tmp_path, *arguments) as soak:
        _, errors = soak.communicate(timeout=120)
    assert soak.returncode == 2
    assert errors.startswith(line) and "Traceback" not in errors
