"""CameraStream under any schedule of images, failures and activations: every image is accounted for once."""

import random
import threading
from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from hypothesis import given
from hypothesis import strategies as st
from node_fakes import Network, Node, Publisher, check_account, small_message
from rclpy.time import Time

from bisenet_core.images.doubts import Doubt
from bisenet_core.labels.label_space import CAMVID_11
from bisenet_ros.camera import CameraStream
from bisenet_ros.frame_account import FrameAccount
from bisenet_ros.inference_worker import InferenceWorker
from bisenet_ros.outputs import LabelOutputs
from bisenet_ros.parameters import PARAMETERS, SegmentationParameters

ROAD = CAMVID_11.id_of("Road")
SETTINGS = SegmentationParameters(**{spec.name: spec.default for spec in PARAMETERS})


def _camera(on_image=lambda: None, masks=()):
    """A subscribed camera with real LabelOutputs, and their publishers by name."""
    node = Node()
    outputs = LabelOutputs(node, CAMVID_11)
    outputs.set_masks(masks)
    camera = CameraStream(node, FrameAccount(), outputs, SETTINGS, on_image)
    camera.subscribe()
    return camera, node.publishers


STEPS = st.lists(st.sampled_from([
    "image", "image", "truncated", "serve", "serve", "break network", "mend network", "break publisher",
    "mend publisher", "listeners leave", "listeners leave meanwhile", "listeners come", "limit age",
    "unlimit age", "subscribe", "unsubscribe"]), max_size=50)


@given(STEPS)
def test_every_image_is_accounted_for_once(steps):
    camera, publishers = _camera()
    network = Network()

    def listen(come):
        publishers.all(subscribers=int(come))
        network.meanwhile = lambda: None

    def leave_meanwhile():
        network.meanwhile = lambda: listen(False)

    actions = {
        "image": lambda: camera.receive(small_message()),
        "truncated": lambda: camera.receive(small_message(True)),
        "serve": lambda: camera.serve(network), "subscribe": camera.subscribe,
        "unsubscribe": camera.unsubscribe,
        "break network": lambda: setattr(network, "broken", True),
        "mend network": lambda: setattr(network, "broken", False),
        "break publisher": lambda: publishers.all(broken=True),
        "mend publisher": lambda: publishers.all(broken=False),
        "listeners leave": lambda: listen(False), "listeners come": lambda: listen(True),
        "listeners leave meanwhile": leave_meanwhile,
        "limit age": lambda: setattr(camera, "settings", SETTINGS._replace(max_image_age=1.0)),
        "unlimit age": lambda: setattr(camera, "settings", SETTINGS),
    }
    for step in steps:
        actions[step]()
        check_account(camera.account.counts())
    camera.unsubscribe()
    counts = camera.account.counts()
    assert counts.pending == 0
    assert counts.received == sum(step in ("image", "truncated") for step in steps)
    assert counts.published == len(publishers["labels"].sent)
    assert set(counts.dropped) <= {"superseded", "too_old", "no_subscriber", "deactivated"}
    assert set(counts.failed) <= {"truncated", "inference", "publishing"}


def test_two_threads_settle_every_image():
    camera, publishers = _camera(lambda: worker.wake())
    worker = InferenceWorker(Network, camera.serve)
    network, rng = worker.start(), random.Random(0)
    camera.subscribe()
    pause = threading.Event()
    for _ in range(3000):
        network.broken = rng.random() < 0.1
        camera.receive(small_message(rng.random() < 0.1))
        if rng.random() < 0.2:
            pause.wait(0.0005)
        check_account(camera.account.counts(), most_pending=2)
    camera.unsubscribe()
    assert worker.stop()
    counts = camera.account.counts()
    assert counts.pending == 0 and counts.received == 3000
    assert counts.published == len(publishers["labels"].sent) > 0


def test_every_drop_and_failure_has_its_reason():
    camera, publishers = _camera()
    network = Network()

    def serve(message):
        camera.receive(message)
        assert camera.serve(network)

    serve(small_message(truncated=True))
    network.broken = True
    serve(small_message())
    network.broken = False
    publishers.all(broken=True)
    serve(small_message())
    publishers.all(broken=False, subscribers=0)
    serve(small_message())
    publishers.all(subscribers=1)
    camera.settings = SETTINGS._replace(max_image_age=1.0)
    serve(small_message())
    camera.settings = SETTINGS
    camera.receive(small_message())
    serve(small_message())
    camera.receive(small_message())
    camera.unsubscribe()
    assert not camera.serve(network)
    counts = camera.account.counts()
    assert counts.failed == {"truncated": 1, "inference": 1, "publishing": 1}
    assert counts.dropped == {"no_subscriber": 1, "too_old": 1, "superseded": 1, "deactivated": 1}
    assert (counts.received, counts.published) == (8, 1)
    labels, = publishers["labels"].sent
    assert (labels.header.frame_id, labels.height, labels.width) == ("camera", 4, 6)


@pytest.mark.parametrize("cause_ends", ["listeners leave", "subscribe"])
def test_doubts_last_no_longer_than_what_they_are_of(monkeypatch, cause_ends):
    camera, publishers = _camera()
    transport = camera._transport._replace(doubt=lambda *_: [Doubt("dark", "too dark")])
    monkeypatch.setattr(camera, "_transport", transport)
    camera.receive(small_message())
    camera.serve(Network())
    assert camera.doubts
    if cause_ends == "subscribe":
        camera.subscribe()
    else:
        publishers.all(subscribers=0)
        camera.receive(small_message())
        camera.serve(Network())
    assert not camera.doubts


def test_an_image_whose_subscribers_leave_while_it_is_labelled_is_not_published():
    camera, publishers = _camera()
    network = Network()
    network.meanwhile = lambda: publishers.all(subscribers=0)
    camera.receive(small_message())
    camera.serve(network)
    counts = camera.account.counts()
    assert (counts.published, counts.dropped) == (0, {"no_subscriber": 1})


def test_an_image_that_grows_too_old_while_it_is_labelled_is_not_published():
    camera, publishers = _camera()
    message, network = small_message(), Network()
    message.header.stamp = camera._node.get_clock().now().to_msg()
    camera.settings = SETTINGS._replace(max_image_age=1000.0)

    def network_takes_long():
        message.header.stamp.sec -= 1001

    network.meanwhile = network_takes_long
    camera.receive(message)
    camera.serve(network)
    counts = camera.account.counts()
    assert (counts.published, counts.dropped) == (0, {"too_old": 1}) and not publishers["labels"].sent
    assert camera.times.by_stage()["segment"], "how long it took is what the user needs to know"


def test_of_an_image_that_was_given_up_nothing_goes_out(caplog):
    camera, publishers = _camera()
    network = Network()
    network.meanwhile = camera.abandon
    camera.receive(small_message())
    camera.serve(network)
    counts = camera.account.counts()
    assert (counts.published, counts.failed) == (0, {"abandoned": 1})
    assert not publishers["labels"].sent and not caplog.records and not camera.last_failure


def test_an_image_that_is_going_out_is_no_longer_given_up(monkeypatch):
    camera, publishers = _camera()
    monkeypatch.setattr(publishers["labels"], "publish", lambda message: camera.abandon())
    camera.receive(small_message())
    camera.serve(Network())
    counts = camera.account.counts()
    assert (counts.published, counts.failed) == (1, {})


def test_while_simulated_time_stands_no_image_is_young_enough(monkeypatch):
    camera, _ = _camera()
    monkeypatch.setattr(camera._node, "get_clock", lambda: SimpleNamespace(now=Time))
    assert camera.clock_stands()
    for limit in (0.0, 1.0):
        camera.settings = SETTINGS._replace(max_image_age=limit)
        camera.receive(small_message())
        camera.serve(Network())
    counts = camera.account.counts()
    assert (counts.published, counts.dropped) == (1, {"no_clock": 1})


@pytest.mark.parametrize("seconds", [-2**31, 0, 2**31 - 1])
def test_any_stamp_will_do(seconds):
    camera, _ = _camera()
    message = small_message()
    message.header.stamp.sec = seconds
    camera.receive(message)
    camera.serve(Network())
    assert camera.account.counts().published == 1
    camera.settings = SETTINGS._replace(max_image_age=1.0)
    camera.receive(message)
    camera.serve(Network())
    assert camera.account.counts().dropped == ({"too_old": 1} if seconds <= 0 else {})


def test_failures_of_one_kind_are_logged_once_in_a_while(caplog):
    camera, _ = _camera()
    for _ in range(10):
        camera.receive(small_message(truncated=True))
        camera.serve(Network())
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "image on image not labelled (truncated): truncated image: 6x4 rgb8" in caplog.text


@pytest.mark.parametrize("min_confidence, label", [(0.0, 0), (0.5, 0), (0.51, 255)])
@pytest.mark.parametrize("listeners", [0, 1])
def test_what_is_not_sure_enough_is_unlabeled(min_confidence, label, listeners):
    camera, publishers = _camera()  # of a network whose confidence is 128
    publishers["confidence"].subscribers = listeners
    camera.settings = SETTINGS._replace(min_confidence=min_confidence)
    camera.receive(small_message())
    camera.serve(Network())
    labels, = publishers["labels"].sent
    assert set(labels.data) == {label}
    assert [set(one.data) for one in publishers["confidence"].sent] == [{128}] * listeners


def test_labels_that_cannot_be_judged_do_not_go_out(monkeypatch):
    camera, publishers = _camera()
    camera.settings = SETTINGS._replace(min_confidence=0.5)
    network = Network()
    segment = network.segment
    monkeypatch.setattr(network, "segment", lambda *arguments: segment(*arguments)._replace(confidence=None))
    camera.receive(small_message())
    camera.serve(network)
    assert camera.account.counts().failed == {"inference": 1} and not publishers["labels"].sent
    assert "no confidence" in camera.last_failure


def test_the_times_of_an_image_add_up():
    camera, _ = _camera()
    camera.receive(small_message())
    camera.serve(Network())
    times = {stage: one for stage, (one,) in camera.times.by_stage().items()}
    assert set(times) == {"wait", "read", "segment", "publish", "outputs", "latency", "own", "own_cpu", "age"}
    assert times["own"] == pytest.approx(times["latency"] - times["wait"] - times["segment"])
    assert min(times[stage] for stage in ("wait", "read", "publish", "outputs", "own_cpu")) >= 0
    assert times["latency"] >= times["wait"] + times["read"] + times["publish"]


@pytest.mark.parametrize(
    "broken", ["confidence", "labels_color", "overlay", "masks/Road", "labels/compressed"])
def test_labels_that_went_out_are_published_whatever_fails_after_them(caplog, broken):
    camera, publishers = _camera(masks=[ROAD])
    publishers[broken].broken = True
    for _ in range(3):
        camera.receive(small_message())
        camera.serve(Network())
    counts = camera.account.counts()
    assert (counts.published, counts.failed) == (3, {})
    assert {name: len(one.sent) for name, one in publishers.items()} == dict(
        dict.fromkeys(publishers, 3), **{broken: 0})
    assert [record.getMessage() for record in caplog.records] == [
        f"labels went out, but not ~/{broken}: RuntimeError: publisher's context is invalid"]


@pytest.mark.parametrize("broken, alone", [("labels", False), ("overlay", True), ("labels/compressed", True)])
def test_an_image_of_which_nothing_went_out_has_failed(broken, alone):
    camera, publishers = _camera(masks=[ROAD])
    publishers[broken].broken = True
    if alone:
        for name in set(publishers) - {broken}:
            publishers[name].subscribers = 0
    camera.receive(small_message())
    camera.serve(Network())
    counts = camera.account.counts()
    assert (counts.published, counts.failed) == (0, {"publishing": 1})
    assert "publisher's context is invalid" in camera.last_failure


def test_labels_go_first_and_the_slowest_last(monkeypatch):
    monkeypatch.setattr(Publisher, "order", [])
    camera, _ = _camera(masks=[ROAD])
    camera.receive(small_message())
    camera.serve(Network())
    assert Publisher.order == [
        "~/labels", "~/confidence", "~/masks/Road", "~/labels_color", "~/overlay", "~/labels/compressed"]


def test_a_subscriber_to_the_confidence_that_comes_late_waits_for_the_next_image(monkeypatch):
    camera, publishers = _camera(masks=[ROAD])
    publishers["confidence"].subscribers = 0
    network = Network()
    segment = network.segment

    def segment_meanwhile(*arguments):
        result = segment(*arguments)
        publishers["confidence"].subscribers = 1
        return result

    monkeypatch.setattr(network, "segment", segment_meanwhile)
    for sent in (0, 1):
        camera.receive(small_message())
        camera.serve(network)
        assert len(publishers["confidence"].sent) == sent
    assert camera.account.counts().published == len(publishers["labels"].sent) == 2


def test_a_log_that_fails_counts_no_image_twice():
    camera, publishers = _camera(masks=[ROAD])
    publishers["overlay"].broken = True
    camera._node.get_logger = lambda: None
    camera.receive(small_message())
    with pytest.raises(AttributeError):
        camera.serve(Network())
    check_account(camera.account.counts(), most_pending=0)
    assert camera.account.counts().published == 1
