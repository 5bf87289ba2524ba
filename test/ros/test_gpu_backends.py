"""The real node over real DDS with a stand-in for a GPU: what it draws, what it is given, how it fails."""

import threading

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")
pytest.importorskip("openvino", reason="the stand-in computes on the CPU")

from node_harness import ROOT, ros_arguments
from test_segmentation_node import _count, _labels, _message, _picture, _send_and_hear

from bisenet_core.images.encodings import to_rgb
from bisenet_core.labels.label_space import CAMVID_11, unlabel_unsure
from bisenet_core.labels.visualization import for_display, overlay
from bisenet_core.runtime.segmenter import Segmenter
from bisenet_ros import outputs
from bisenet_ros.findings import ERROR, OK, WARN
from bisenet_ros.segmentation_node import main

OUTPUTS = ("labels", "confidence", "masks/Road", "masks/Car", "overlay")
WHITE = np.full((50, 70, 3), 255, np.uint8)


@pytest.fixture
def asked(monkeypatch):
    """Nodes find a stand-in for TensorRT on a GPU; here is (colour order, drawing) of each image it gets."""
    monkeypatch.syspath_prepend(str(ROOT / "test" / "runtime"))
    import stand_in_gpu

    stand_in_gpu.install(monkeypatch.setattr, monkeypatch.setitem)
    monkeypatch.setattr(stand_in_gpu.StandInGpu, "seen", [])
    return stand_in_gpu.StandInGpu.seen


@pytest.fixture
def node_work(monkeypatch):
    """What the node's inference thread does itself: "draws" an overlay, "converts" an image from YUV."""
    done = []

    def note(holder, name, what):
        function = getattr(holder, name)

        def noting(*arguments, **options):
            if threading.current_thread().name == "inference":
                done.extend(what(*arguments))
            return function(*arguments, **options)
        monkeypatch.setattr(holder, name, noting)

    note(outputs, "overlay", lambda *arguments: ["draws"])
    note(cv2, "cvtColor", lambda image, code: ["converts"] if code == cv2.COLOR_YUV2RGB_YUYV else [])
    return done


@pytest.fixture(scope="module")
def segmenter(tiny_model_folder):
    with Segmenter.open(str(tiny_model_folder), backend="openvino", precision="fp32") as one:
        yield one


def _answers(observer, heard, camera, message):
    """Output -> its array of this message."""
    _send_and_hear(observer, camera, heard["overlay"], message)
    return {name: _labels(_send_and_hear(observer, camera, messages, message))
            for name, messages in heard.items()}


def _check(answers, segmenter, image, color_order, min_confidence, space):
    expected = segmenter.segment(image, color_order, with_confidence=True)
    labels = expected.labels
    if min_confidence:
        labels = unlabel_unsure(labels, expected.confidence, min_confidence)
        assert 0.05 < (labels == 255).mean() < 0.95
    np.testing.assert_array_equal(answers["labels"], labels)
    np.testing.assert_array_equal(answers["confidence"], expected.confidence)
    for name in ("Road", "Car"):
        np.testing.assert_array_equal(answers["masks/" + name], 255 * (labels == CAMVID_11.id_of(name)))
    picture = overlay(to_rgb(image, color_order), labels, space, 0.5)
    np.testing.assert_array_equal(answers["overlay"], picture)


@pytest.mark.parametrize("gpu", [True, False])
@pytest.mark.parametrize("encoding, channels, color_order", [("yuv422_yuy2", 2, "yuyv"), ("bgr8", 3, "bgr")])
def test_what_a_gpu_draws_is_what_the_node_would(request, run_node, observer, segmenter, gpu, encoding,
                                                 channels, color_order):
    image = _picture(3, channels)
    limit = float(np.median(segmenter.segment(image, color_order, True).confidence)) / 255
    asked = request.getfixturevalue("asked") if gpu else []
    node_work = request.getfixturevalue("node_work")
    one = run_node(masks="[Road, Car]")
    account = one.node._accounts[0]
    heard = {name: observer.listen("/segmentation/" + name) for name in OUTPUTS}
    camera = observer.camera()
    for second, min_confidence, palette, space in (
            (1, 0.0, "card", CAMVID_11), (2, limit, "display", for_display(CAMVID_11))):
        assert observer.set_parameter("min_confidence", min_confidence).successful
        assert observer.set_parameter("palette", palette).successful
        answers = _answers(observer, heard, camera, _message(image, encoding, padding=6, second=second))
        _check(answers, segmenter, image, color_order, min_confidence, space)
    reason = observer.status().facts["backend_reason"]
    one.__exit__()
    if gpu:
        assert reason == "auto: the first choice" and "draws" not in node_work
        assert any(order == color_order and drawing and drawing.masks for order, drawing in asked)
    else:
        assert reason.startswith("auto; ") and node_work.count("draws") >= 2
        # once for the network and the overlay together
        assert node_work.count("converts") == (account.counts().published if color_order == "yuyv" else 0)


def test_nothing_is_drawn_that_nobody_wants(asked, run_node, observer):
    run_node(masks="[Road]")
    heard = observer.listen("/segmentation/labels")
    _send_and_hear(observer, observer.camera(), heard, _message(_picture(), second=1))
    assert asked[-1] == ("rgb", None)


def test_a_gpu_that_fails_leaves_the_drive_to_the_cpu(asked, run_node, observer, segmenter, capfd):
    run_node(fallback="cpu")
    heard, camera = observer.listen("/segmentation/labels"), observer.camera()
    assert observer.status(lambda one: one.facts["state"] == "active").facts["device"] == "Stand-in GPU"
    for second, image in enumerate((_picture(1), WHITE, _picture(2))):
        answer = _send_and_hear(observer, camera, heard, _message(image, second=second))
        np.testing.assert_array_equal(_labels(answer), segmenter.segment(image, "rgb").labels)
    status = observer.status(lambda one: one.level == WARN and "GPU failed" in one.message, "the warning")
    assert "GPU failed: out of memory; running on the CPU; configure the node again" in status.message
    assert (status.facts["backend"], status.facts["precision"]) == ("openvino", "fp32")
    assert status.facts["backend_reason"] == "fallback: tensorrt on Stand-in GPU failed: out of memory"
    assert status.facts["failed"] == "0"
    assert "".join(capfd.readouterr()).count("failed, and the CPU takes over: out of memory") == 1


def test_without_a_fallback_a_failed_gpu_is_an_error_by_name(asked, run_node, observer):
    run_node()
    heard, camera = observer.listen("/segmentation/labels"), observer.camera()
    _send_and_hear(observer, camera, heard, _message(_picture(1), second=1))
    status = observer.publish_until(
        camera, _message(WHITE, second=2),
        lambda: next((one for one in observer.statuses if one.level == ERROR), None), "a failure")
    assert _count(status, "failed.device")
    assert ", the last: out of memory; configure the node again, or set fallback:=cpu" in status.message
    _send_and_hear(observer, camera, heard, _message(_picture(2), second=3))
    observer.status(lambda one: one.level == OK, "good diagnostics again")


def test_a_fallback_that_makes_no_sense_is_refused(refused):
    output = refused(main, *ros_arguments([], {"fallback": "gpu"}))
    assert "fallback is 'gpu'; expected one of none, cpu" in output
