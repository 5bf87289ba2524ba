"""Mailboxes, accounts and worker together: under any schedule every image of every camera is counted once."""

import threading

import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

import numpy as np
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from node_fakes import Network, Node, check_account, small_message

from bisenet_core.errors import DeviceError, InferenceError, InputError
from bisenet_ros import pipeline
from bisenet_ros.frame_account import FrameAccount, sum_counts
from bisenet_ros.parameters import PARAMETERS, SegmentationParameters, check_value

CAMERAS = ("front", "left", "right")
SETTINGS = SegmentationParameters(**{spec.name: check_value(spec.name, spec.default) for spec in PARAMETERS})
TIMEOUT_S = 10.0


class HeldNetwork(Network):
    """A network that can be held up."""

    def __init__(self):
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.meanwhile = self._wait

    def _wait(self):
        assert self.gate.wait(TIMEOUT_S)


@pytest.fixture
def network(monkeypatch):
    """The network that a pipeline of this test opens."""
    one = HeldNetwork()
    monkeypatch.setattr(pipeline.Segmenter, "open", lambda *arguments: one)
    return one


def _open(node, cameras=CAMERAS, **changes):
    accounts = [FrameAccount() for _ in cameras or ("",)]
    return pipeline.SegmentationPipeline(
        node, SETTINGS._replace(cameras=tuple(cameras), **changes), accounts), accounts


def _wait(condition):
    pause, left = threading.Event(), TIMEOUT_S / 0.002
    while not condition() and left > 0:
        pause.wait(0.002)
        left -= 1
    assert condition()


camera = st.sampled_from(CAMERAS)
STEPS = st.lists(st.one_of(
    st.tuples(st.just("image"), camera), st.tuples(st.just("image"), camera),
    st.tuples(st.just("damaged"), camera),
    st.tuples(st.sampled_from(["hold", "release", "break", "mend", "deactivate", "activate", "settle"]))),
    max_size=60)


class Schedule:
    """A running pipeline, and the steps that may happen to it."""

    def __init__(self, node, network):
        self.sent = dict.fromkeys(CAMERAS, 0)
        self._node, self._network = node, network
        self.pipeline, self.accounts = _open(node)
        self.pipeline.activate()

    def image(self, name, damaged=False):
        receive = self._node.receivers.get(name + "/image")
        if receive:
            self.sent[name] += 1
            receive(small_message(damaged, self.sent[name]))

    def damaged(self, name):
        self.image(name, damaged=True)

    def hold(self):
        self._network.gate.clear()

    def release(self):
        self._network.gate.set()

    def break_(self):
        self._network.broken = True

    def mend(self):
        self._network.broken = False

    def activate(self):
        if not self._node.receivers:
            self.pipeline.activate()

    def deactivate(self):
        self.release()  # else it would wait for the network, for seconds
        self.pipeline.deactivate()
        assert all(account.counts().pending == 0 for account in self.accounts)

    def settle(self):
        self.release()
        _wait(lambda: sum_counts(account.counts() for account in self.accounts).pending == 0)


@hypothesis_settings(max_examples=150)
@given(STEPS)
def test_every_image_of_every_camera_is_accounted_for(steps):
    with pytest.MonkeyPatch.context() as patched:
        node, network = Node(), HeldNetwork()
        patched.setattr(pipeline.Segmenter, "open", lambda *arguments: network)
        schedule = Schedule(node, network)
        published = {name: node.publishers[f"{name}/labels"].sent for name in CAMERAS}
        for name, *arguments in steps:
            getattr(schedule, "break_" if name == "break" else name)(*arguments)
            for account in schedule.accounts:
                check_account(account.counts(), most_pending=2)
        schedule.release()
        schedule.pipeline.close()
    for name, account in zip(CAMERAS, schedule.accounts):
        counts = account.counts()
        assert counts.pending == 0
        assert counts.received == schedule.sent[name]
        stamps = [message.header.stamp.sec for message in published[name]]
        assert counts.published == len(stamps)
        assert stamps == sorted(set(stamps))
        assert set(counts.dropped) <= {"superseded", "deactivated"}
        assert set(counts.failed) <= {"truncated", "inference"}
    assert network.closed and not node.receivers and not node.publishers


def test_no_camera_starves_beside_one_that_floods(network):
    node = Node()
    one, accounts = _open(node)
    one.activate()
    # the next image of this camera is there before the worker looks for one
    node.publishers["front/labels"].publish = lambda message: node.receivers["front/image"](small_message())
    node.receivers["front/image"](small_message())
    for number in range(1, 21):
        for name in ("left", "right"):
            node.receivers[name + "/image"](small_message())
        _wait(lambda n=number: all(account.counts().published == n for account in accounts[1:]))
    node.publishers["front/labels"].publish = lambda message: None
    one.close()
    assert accounts[0].counts().published > 20


def test_a_camera_without_a_name_has_the_plain_topics(network):
    node = Node()
    one, _ = _open(node, cameras=(), masks=("Road",))
    one.activate()
    assert list(node.receivers) == ["image"]
    assert set(node.publishers) - {"label_info"} == {
        "labels", "confidence", "masks/Road", "labels_color", "overlay", "labels/compressed"}
    one.close()


def test_compressed_images_come_behind_the_remapped_topic(network):
    node = Node()
    one, _ = _open(node, cameras=("front",), image_transport="compressed")
    one.activate()
    assert list(node.receivers) == ["/car/front/image/compressed"]
    one.close()


def test_it_is_warm_before_the_first_image(network):
    one, _ = _open(Node())
    assert network.warmed_up_with == ((4, 8, 3), np.uint8)
    one.close()


def test_what_fails_on_the_way_leaves_nothing_behind(network):
    node = Node()
    with pytest.raises(InputError, match="unknown class 'Rode'"):
        _open(node, masks=("Rode",))
    assert network.closed and not node.publishers


def test_a_publisher_that_cannot_be_made_closes_the_network(network, monkeypatch):
    node = Node()
    create, names = node.create_publisher, []

    def fail_at_the_second_camera(kind, name, qos):
        names.append(name)
        if name.startswith("~/left"):
            raise ValueError("no such topic")
        return create(kind, name, qos)

    monkeypatch.setattr(node, "create_publisher", fail_at_the_second_camera)
    with pytest.raises(ValueError, match="no such topic"):
        _open(node)
    assert names and network.closed and not node.publishers


@pytest.mark.parametrize("error", [RuntimeError, DeviceError])
def test_a_network_that_fails_when_warmed_up_is_closed(network, error):
    def fail(image, color_order):
        raise error("out of memory")

    network.backend.infer = fail
    with pytest.raises(error, match="out of memory"):
        _open(Node())
    assert network.closed


def test_what_it_makes_of_a_black_image_is_no_judgement(network, caplog):
    def fail(image, color_order):
        raise InferenceError("logits are not finite")

    network.backend.infer = fail
    _open(Node())[0].close()
    assert "warming up: logits are not finite" in caplog.text
