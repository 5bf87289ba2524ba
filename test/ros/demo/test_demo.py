"""The demo with the real node on real DDS, on a few small frames."""

import json
import signal
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install .[ros]")
pytest.importorskip("rosbags", reason="needs rosbags: pip install .[eval]")

from tool_process import call_tool, start_tool

from bisenet_core.runtime.segmenter import Segmenter

FRAMES = 10


@pytest.fixture
def drive(tmp_path):
    """drive/images and labels: ten frames, each clearly its own."""
    rng = np.random.default_rng(0)
    for folder in ("images", "labels"):
        (tmp_path / "drive" / folder).mkdir(parents=True)
    for index in range(FRAMES):
        image = cv2.resize(rng.integers(0, 256, (6, 8, 3), np.uint8), (96, 64))
        cv2.imwrite(str(tmp_path / f"drive/images/{index}.png"), image)
        cv2.imwrite(str(tmp_path / f"drive/labels/{index}.png"), rng.integers(0, 12, (64, 96), np.uint8))
    return tmp_path / "drive" / "images"


@pytest.fixture
def run(ros, tmp_path):
    """``run(*arguments)``: the demo's exit status, stdout and stderr."""
    return lambda *arguments: call_tool("bisenet_ros.demo", tmp_path, *arguments)


def read_summary(output):
    return json.loads((output / "summary.json").read_text())


def test_demo_labels_every_frame_and_accounts_for_it(run, drive, tiny_model_folder, tmp_path):
    output = tmp_path / "out"
    status, out, err = run(drive, "--output", output, "--model", tiny_model_folder, "--rate", 10)
    assert status == 0, err + (output / "node.log").read_text()
    summary = read_summary(output)
    assert summary["frames_published"] == FRAMES
    fates = ("frames_labelled", "frames_dropped", "frames_failed", "frames_lost")
    assert sum(summary[fate] for fate in fates) == FRAMES
    assert summary["frames_lost"] == 0 and summary["disagreements"] == []
    assert summary["frames_labelled"] >= FRAMES - 2, "a few milliseconds a frame: next to nothing is dropped"
    assert 0 < summary["latency_ms"]["p50"] <= summary["latency_ms"]["p99"]
    assert 0 <= summary["miou"] <= 1 and summary["fps"] > 0
    assert "frames published" in out

    received = sorted((output / "labels").iterdir())
    assert len(received) == summary["frames_labelled"]
    with Segmenter.open(str(tiny_model_folder)) as segmenter:
        for path in received:  # the labels of a frame are that frame's own
            image = cv2.imread(str(drive / path.name))
            expected = segmenter.segment(image, color_order="bgr").labels
            np.testing.assert_array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), expected)

    video = cv2.VideoCapture(str(output / "overlay.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == summary["frames_labelled"]
    assert video.read()[0]
    assert cv2.imread(str(output / "contact_sheet.png")).shape[1] > 600


def test_ctrl_c_keeps_what_was_received_and_leaves_no_process(ros, drive, tiny_model_folder, tmp_path):
    output = tmp_path / "out"
    process = start_tool("bisenet_ros.demo", tmp_path, drive, "--output", output,
                         "--model", tiny_model_folder, "--rate", 2)
    deadline = time.monotonic() + 60
    while len(list((output / "labels").glob("*.png"))) < 2:
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "demo: interrupted; what was received by then is written"
    summary = read_summary(output)
    assert summary["interrupted"] and 2 <= summary["frames_labelled"] < FRAMES
    assert (output / "overlay.mp4").stat().st_size > 1000
    assert not _processes_that_mention(str(tmp_path))


def test_truth_that_does_not_fit_costs_the_score_only(run, drive, tiny_model_folder, tmp_path):
    bad = drive.parent / "labels" / "4.png"
    cv2.imwrite(str(bad), np.zeros((10, 10), np.uint8))
    status, _, err = run(drive, "--output", "out", "--model", tiny_model_folder, "--rate", 20)
    assert status == 2
    assert [str(bad) in line for line in err.splitlines()] == [True]
    summary = read_summary(tmp_path / "out")
    assert summary["miou"] is None and summary["frames_labelled"] > 0
    assert (tmp_path / "out" / "contact_sheet.png").exists()


def test_truth_of_which_no_pixel_is_scored_is_said(run, drive, tiny_model_folder, tmp_path):
    for path in (drive.parent / "labels").iterdir():
        cv2.imwrite(str(path), np.full((64, 96), 255, np.uint8))
    status, _, err = run(drive, "--output", "out", "--model", tiny_model_folder, "--rate", 20)
    assert status == 2 and err.splitlines() == ["demo: no pixel could be scored with its ground truth"]
    assert read_summary(tmp_path / "out")["problem"] in err


def test_image_that_cannot_be_read_is_left_out_or_ends_the_drive_there(
        run, drive, tiny_model_folder, tmp_path, caplog):
    bad = drive / "6.png"
    bad.write_bytes(bad.read_bytes()[:-50])
    common = [drive, "--output", "out", "--model", tiny_model_folder, "--rate", 20]
    status, out, err = run(*common)
    assert status == 0 and "images left out" in out, err
    summary = read_summary(tmp_path / "out")
    (line,) = summary["left_out"]
    assert summary["frames_published"] == 9 and str(bad) in line and f"left out: {line}" in caplog.messages
    assert 0 <= summary["miou"] <= 1
    status, _, err = run(*common, "--strict")
    assert status == 2
    assert len(err.splitlines()) == 1 and str(bad) in err
    summary = read_summary(tmp_path / "out")
    assert summary["frames_published"] == 6 and summary["problem"] in err


def test_node_that_cannot_run_the_model_is_one_line(run, drive, tiny_model_folder, tmp_path):
    """bf16 is not to be had with onnxruntime: the node finds out, not the demo."""
    status, _, err = run(drive, "--output", "out", "--model", tiny_model_folder, "--backend", "onnxruntime",
                         "--precision", "bf16")
    assert status == 2
    assert len(err.splitlines()) == 1 and "bf16" in err
    assert read_summary(tmp_path / "out")["frames_published"] == 0


def test_labels_that_do_not_come_back_are_a_failure(
        run, drive, tiny_network_onnx, write_model_folder, tmp_path):
    """A network whose logits are no numbers labels nothing, frame after frame."""
    broken = write_model_folder(tmp_path / "broken", tiny_network_onnx(scale=float("inf")))
    status, _, err = run(drive, "--output", "out", "--model", broken, "--rate", 20)
    assert status == 1, err
    assert err.splitlines() == ["demo: not one label came back for 10 frames"]
    summary = read_summary(tmp_path / "out")
    assert summary["frames_failed"] + summary["frames_dropped"] == FRAMES
    assert summary["problem"] in err


@pytest.mark.parametrize("arguments, word", [
    (["nowhere"], "nowhere"),
    ([".", "--model", "no_such_model"], "no_such_model"),
    (["DRIVE", "--output", "OCCUPIED"], "--output"),
    (["DRIVE", "--rate", "-3"], "rate"),
])
def test_bad_input_is_one_line_before_anything_starts(
        run, drive, tiny_model_folder, tmp_path, arguments, word):
    replaced = {"DRIVE": drive, "OCCUPIED": drive.parent}
    arguments = [replaced.get(one, one) for one in arguments]
    if "--model" not in arguments:
        arguments += ["--model", tiny_model_folder]
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1 and word in err
    assert not (tmp_path / "demo_output").exists()


def _processes_that_mention(text):
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if text in command and "bisenet_ros." in command:
            found.append(command)
    return found
