"""What parameters do to the real node, at its start and at run time, over real DDS."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from node_harness import ros_arguments
from test_segmentation_node import _labels, _message, _picture, _send_and_hear

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import CAMVID_11
from bisenet_core.labels.visualization import overlay
from bisenet_core.runtime.segmenter import Segmenter
from bisenet_ros.segmentation_node import main

CAMERAS = ("front", "left")


def _check_labels(observer, segmenter):
    """One image gets the labels that the Segmenter gives it."""
    heard, image = observer.listen("/segmentation/labels"), _picture(1)
    answer = _send_and_hear(observer, observer.camera(), heard, _message(image, second=1))
    np.testing.assert_array_equal(_labels(answer), segmenter.segment(image, "rgb").labels)


@pytest.mark.parametrize("backend, precision", [
    ("openvino", "fp32"), ("openvino", "bf16"), ("onnxruntime", "fp32"), ("onnxruntime", "auto")])
def test_the_backend_and_precision_that_are_asked_for_run(run_node, observer, tiny_model_folder, backend,
                                                          precision):
    try:
        segmenter = Segmenter.open(str(tiny_model_folder), backend, precision)
    except InputError as error:
        pytest.skip(str(error))
    run_node(backend=backend, precision=precision)
    with segmenter:
        _check_labels(observer, segmenter)
        facts = observer.status().facts
        assert (facts["backend"], facts["precision"]) == (backend, segmenter.backend.precision)


@pytest.mark.parametrize("size, runs", [
    ({"input_width": 64, "input_height": 32}, "64x32"),
    ({"input_width": 64}, "64x64"),
    ({"input_height": 32}, "96x32"),
    ({"input_width": 101, "input_height": 67}, "101x67"),  # no multiple of anything
    ({"input_width": 0, "input_height": 0}, "96x64"),
])
def test_the_network_runs_at_the_size_that_is_asked_for(run_node, observer, tiny_model_folder, size, runs):
    run_node(**size)
    with Segmenter.open(str(tiny_model_folder), precision="fp32", **size) as segmenter:
        _check_labels(observer, segmenter)
    assert observer.status().facts["input_size"] == runs


@pytest.mark.parametrize("parameters, complaint", [
    ({"image_transport": "theora"}, "image_transport is 'theora'; expected one of raw, compressed"),
    ({"input_width": 31}, "input size 31x64: each side must be from 32 to 8192 pixels"),
    ({"input_width": 64, "input_height": 8}, "input size 64x8: each side must be from 32 to 8192 pixels"),
    ({"input_height": 8193}, "Parameter input_height out of range"),
    ({"input_height": -1}, "Parameter input_height out of range"),
    ({"backend": "onnxruntime", "precision": "bf16"},
     "precision 'bf16' is not available with onnxruntime on a CPU; use auto or fp32"),
    ({"precision": "double"}, "precision 'double' is not available with "),
])
def test_what_cannot_be_had_ends_it_with_the_reason(refused, tiny_model_folder, parameters, complaint):
    settings = dict({"model": tiny_model_folder, "precision": "fp32"}, **parameters)
    output = refused(main, *ros_arguments([], settings))
    assert complaint in output.strip().splitlines()[-1]
    assert "Traceback" not in output


def test_stale_after_takes_effect_at_run_time(run_node, observer):
    run_node(stale_after=3600)
    observer.status(lambda status: status.facts["state"] == "active", "an active node")
    for seconds, stale in ((0.1, True), (3600.0, False), (1, True)):
        assert observer.set_parameter("stale_after", seconds).successful
        status = observer.status(lambda status, stale=stale: ("no image on" in status.message) == stale,
                                 f"stale_after at {seconds}")
        assert status.level == (b"\x01" if stale else b"\x00")


def _pair(observer, cameras, heard, camera, message):
    """The camera's labels and overlay of one image."""
    return [_labels(_send_and_hear(observer, cameras[camera], heard[camera, output], message))
            for output in ("labels", "overlay")]


def test_changes_at_run_time_reach_every_camera(run_node, observer, tiny_model_folder):
    run_node(cameras="[front, left]")
    heard = {(name, output): observer.listen(f"/segmentation/{name}/{output}")
             for name in CAMERAS for output in ("labels", "overlay")}
    cameras, image = {name: observer.camera(f"/{name}/image") for name in CAMERAS}, _picture(1)
    with Segmenter.open(str(tiny_model_folder), precision="fp32") as segmenter:
        found = segmenter.segment(image, "rgb", with_confidence=True)
    limit = float(np.median(found.confidence)) / 255
    for second, (alpha, least) in enumerate([(0.5, 0.0), (0.2, 0.0), (1.0, limit)]):
        assert observer.set_parameter("overlay_alpha", alpha).successful
        assert observer.set_parameter("min_confidence", least).successful
        labels = np.where(found.confidence / 255 < least, 255, found.labels).astype(np.uint8)
        for name in CAMERAS:
            message = _message(image, second=second, frame_id=name)
            answers = _pair(observer, cameras, heard, name, message)
            np.testing.assert_array_equal(answers[0], labels)
            np.testing.assert_array_equal(answers[1], overlay(image, labels, CAMVID_11, alpha))
