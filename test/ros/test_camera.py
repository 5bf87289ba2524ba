"""CameraStream under any schedule of images, failures and activations: every image has one fate."""

import logging
import random
import threading

import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rclpy.clock import Clock, ClockType
from std_msgs.msg import Header

from bisenet_core.errors import InferenceError
from bisenet_core.label_space import CAMVID_11
from bisenet_core.runtime.segmenter import Segmentation
from bisenet_ros.camera import CameraStream
from bisenet_ros.frame_account import FrameAccount
from bisenet_ros.image_messages import image_to_msg
from bisenet_ros.inference_worker import InferenceWorker
from bisenet_ros.outputs import LabelOutputs
from bisenet_ros.parameters import PARAMETERS, SegmentationParameters

SETTINGS = SegmentationParameters(**{spec.name: spec.default for spec in PARAMETERS})


class Node:
    """As much of a node as a CameraStream needs: a clock, a logger, and subscriptions that never call."""

    def __init__(self):
        self._clock = Clock(clock_type=ClockType.ROS_TIME)

    def get_clock(self):
        return self._clock

    def get_logger(self):
        return logging.getLogger("test_camera")

    def create_subscription(self, *arguments):
        return type("Subscription", (), {"topic_name": "/image"})

    def destroy_subscription(self, subscription):
        pass


class Outputs:
    """Subscribers that come and go, and a publisher that may break."""

    def __init__(self):
        self.listeners, self.broken, self.published = True, False, []

    def wanted(self):
        return self.listeners

    def publish(self, header, image, color_order, labels, alpha):
        if self.broken:
            raise RuntimeError("publisher's context is invalid")
        self.published.append((header, labels.shape))
        return []


class Network:
    """A Segmenter that fails on demand."""

    def __init__(self):
        self.broken = False

    def segment(self, image, color_order):
        if self.broken:
            raise InferenceError("the network gave no usable answer")
        return Segmentation(np.zeros(image.shape[:2], np.uint8), None, {"total_ms": 1.0})

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass


def _message(truncated=False):
    message = image_to_msg(np.zeros((4, 6, 3), np.uint8), "rgb8", Header(frame_id="camera"))
    if truncated:
        message.data = message.data[:-1]
    return message


def _camera(on_image=lambda: None):
    outputs = Outputs()
    return CameraStream(Node(), FrameAccount(), outputs, SETTINGS, on_image), outputs


def _check(counts, most_pending=1):
    assert 0 <= counts.pending <= most_pending
    assert counts.received == (counts.published + sum(counts.dropped.values())
                               + sum(counts.failed.values()) + counts.pending)


STEPS = st.lists(st.sampled_from([
    "image", "image", "truncated", "serve", "serve", "break network", "mend network", "break publisher",
    "mend publisher", "listeners leave", "listeners come", "limit age", "unlimit age", "subscribe",
    "unsubscribe"]), max_size=50)


@given(STEPS)
def test_every_image_has_one_fate(steps):
    camera, outputs = _camera()
    network = Network()
    actions = {
        "image": lambda: camera.receive(_message()), "truncated": lambda: camera.receive(_message(True)),
        "serve": lambda: camera.serve(network), "subscribe": camera.subscribe,
        "unsubscribe": camera.unsubscribe,
        "break network": lambda: setattr(network, "broken", True),
        "mend network": lambda: setattr(network, "broken", False),
        "break publisher": lambda: setattr(outputs, "broken", True),
        "mend publisher": lambda: setattr(outputs, "broken", False),
        "listeners leave": lambda: setattr(outputs, "listeners", False),
        "listeners come": lambda: setattr(outputs, "listeners", True),
        "limit age": lambda: setattr(camera, "settings", SETTINGS._replace(max_image_age=1.0)),
        "unlimit age": lambda: setattr(camera, "settings", SETTINGS),
    }
    for step in steps:
        actions[step]()
        _check(camera.account.counts())
    camera.unsubscribe()
    counts = camera.account.counts()
    assert counts.pending == 0
    assert counts.received == sum(step in ("image", "truncated") for step in steps)
    assert counts.published == len(outputs.published)
    assert set(counts.dropped) <= {"superseded", "too_old", "no_subscriber", "deactivated"}
    assert set(counts.failed) <= {"truncated", "inference", "publishing"}


def test_two_threads_settle_every_image():
    camera, outputs = _camera(lambda: worker.wake())
    worker = InferenceWorker(Network, camera.serve)
    network, rng = worker.start(), random.Random(0)
    camera.subscribe()
    pause = threading.Event()
    for _ in range(3000):
        network.broken = rng.random() < 0.1
        camera.receive(_message(rng.random() < 0.1))
        if rng.random() < 0.2:
            pause.wait(0.0005)
        _check(camera.account.counts(), most_pending=2)
    camera.unsubscribe()
    assert worker.stop()
    counts = camera.account.counts()
    assert counts.pending == 0 and counts.received == 3000
    assert counts.published == len(outputs.published) > 0


def test_fates_are_named():
    camera, outputs = _camera()
    network = Network()
    camera.subscribe()

    def serve(message):
        camera.receive(message)
        assert camera.serve(network)

    serve(_message(truncated=True))
    network.broken = True
    serve(_message())
    network.broken, outputs.broken = False, True
    serve(_message())
    outputs.broken, outputs.listeners = False, False
    serve(_message())
    outputs.listeners, camera.settings = True, SETTINGS._replace(max_image_age=1.0)
    serve(_message())
    camera.settings = SETTINGS
    camera.receive(_message())
    serve(_message())
    camera.receive(_message())
    camera.unsubscribe()
    assert not camera.serve(network)
    counts = camera.account.counts()
    assert counts.failed == {"truncated": 1, "inference": 1, "publishing": 1}
    assert counts.dropped == {"no_subscriber": 1, "too_old": 1, "superseded": 1, "deactivated": 1}
    assert (counts.received, counts.published) == (8, 1)
    header, shape = outputs.published[0]
    assert (header.frame_id, shape) == ("camera", (4, 6))


@pytest.mark.parametrize("seconds", [-2**31, 0, 2**31 - 1])
def test_any_stamp_will_do(seconds):
    camera, outputs = _camera()
    message = _message()
    message.header.stamp.sec = seconds
    camera.subscribe()
    camera.receive(message)
    camera.serve(Network())
    assert camera.account.counts().published == 1
    camera.settings = SETTINGS._replace(max_image_age=1.0)
    camera.receive(message)
    camera.serve(Network())
    assert camera.account.counts().dropped == ({"too_old": 1} if seconds <= 0 else {})


def test_failures_of_one_kind_are_logged_once_in_a_while(caplog):
    camera, _ = _camera()
    camera.subscribe()
    for _ in range(10):
        camera.receive(_message(truncated=True))
        camera.serve(Network())
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "image on /image not labelled (truncated): truncated image: 6x4 rgb8" in caplog.text


class Publisher:
    """A publisher with one subscriber, unless told otherwise; it may break."""

    def __init__(self, topic_name):
        self.topic_name, self.subscribers, self.broken, self.sent = topic_name, 1, False, []

    def get_subscription_count(self):
        return self.subscribers

    def publish(self, message):
        if self.broken:
            raise RuntimeError("publisher's context is invalid")
        self.sent.append(message)


def _with_real_outputs():
    """A subscribed camera with real LabelOutputs, and their publishers by name."""
    node, publishers = Node(), {}
    node.create_publisher = lambda kind, name, qos: publishers.setdefault(name[2:], Publisher(name))
    outputs = LabelOutputs(node, CAMVID_11)
    outputs.set_masks([CAMVID_11.id_of("Road")])
    camera = CameraStream(node, FrameAccount(), outputs, SETTINGS, lambda: None)
    camera.subscribe()
    return camera, publishers


@pytest.mark.parametrize("broken", ["overlay", "masks/Road"])
def test_labels_that_went_out_are_published_whatever_fails_after_them(caplog, broken):
    camera, publishers = _with_real_outputs()
    publishers[broken].broken = True
    for _ in range(3):
        camera.receive(_message())
        camera.serve(Network())
    counts = camera.account.counts()
    assert (counts.published, counts.failed) == (3, {})
    assert {name: len(one.sent) for name, one in publishers.items()} == {
        "labels": 3, "overlay": 3, "masks/Road": 3, broken: 0}
    assert [record.getMessage() for record in caplog.records] == [
        f"labels went out, but not ~/{broken}: RuntimeError: publisher's context is invalid"]


@pytest.mark.parametrize("broken, silent", [("labels", ""), ("overlay", "labels")])
def test_an_image_of_which_nothing_went_out_has_failed(broken, silent):
    camera, publishers = _with_real_outputs()
    publishers[broken].broken = True
    if silent:
        publishers[silent].subscribers = publishers["masks/Road"].subscribers = 0
    camera.receive(_message())
    camera.serve(Network())
    counts = camera.account.counts()
    assert (counts.published, counts.failed) == (0, {"publishing": 1})
    assert "publisher's context is invalid" in camera.last_failure


def test_a_log_that_fails_gives_no_image_a_second_fate():
    camera, publishers = _with_real_outputs()
    publishers["overlay"].broken = True
    camera._node.get_logger = lambda: None
    camera.receive(_message())
    with pytest.raises(AttributeError):
        camera.serve(Network())
    _check(camera.account.counts(), most_pending=0)
    assert camera.account.counts().published == 1
