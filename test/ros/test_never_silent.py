"""Whatever keeps images or labels from where they belong is said, in diagnostics and in the log."""

import threading

import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from node_harness import BEST_EFFORT, ROOT, NodeProcess, Observer
from rclpy.qos import DurabilityPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from test_segmentation_node import _count, _message, _picture, _send_and_hear

from bisenet_core.runtime.segmenter import Segmenter

OK, WARN, ERROR = b"\x00", b"\x01", b"\x02"
LASTING = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE,
                     durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.fixture(scope="module")
def node(ros, tmp_path_factory, tiny_model_folder):
    """A node that asks for reliable images on a topic other than the usual."""
    log = tmp_path_factory.mktemp("silence") / "node.log"
    with NodeProcess(log, ["-r", "image:=/cam/image_raw"], model=tiny_model_folder, precision="fp32",
                     reliability="reliable", stale_after=0.5) as process:
        yield process


@pytest.fixture(scope="module")
def one_observer(node):
    with Observer() as observer:
        observer.status(lambda status: status.facts["state"] == "active", "an active node")
        yield observer


@pytest.fixture
def watched(one_observer):
    yield one_observer
    one_observer.forget()


def _says(observer, text, level):
    return observer.status(lambda status: text in status.message and status.level == level, text)


def _is_logged(observer, node, text):
    observer.wait(lambda: text in node.output, "in the log: " + text)


def test_nothing_publishes(node, watched):
    status = _says(watched, "no image on /cam/image_raw for ", WARN)
    assert status.message.endswith("nothing publishes it; start the camera, or remap `image` to its topic")
    _is_logged(watched, node, "nothing publishes it; start the camera")


def test_a_compressed_topic_beside_a_raw_one_that_nothing_publishes(node, watched):
    watched.mute_camera("/cam/image_raw/compressed", message_type=CompressedImage)
    _says(watched, "/cam/image_raw/compressed is published: set image_transport:=compressed", WARN)


@pytest.mark.parametrize("transport, remapped, published, text", [
    ("compressed", "/x/compressed", "/x/compressed",
     "no image on /x/compressed/compressed for {}set `image` to /x: image_transport:=compressed adds "),
    ("compressed", "/x", "/x", "no image on /x/compressed for {}/x is published: set image_transport:=raw"),
    ("raw", "/x/compressed", "/x", "no image on /x/compressed for {}/x is published: set `image` to it")])
def test_a_topic_of_the_other_transport_is_named(run_node, observer, transport, remapped, published, text):
    run_node(["-r", "image:=" + remapped], image_transport=transport, stale_after=0.3)
    observer.mute_camera(published, message_type=CompressedImage if "compressed" in published else Image)
    parts = text.split("{}")
    status = observer.status(lambda one: all(part in one.message for part in parts), text)
    assert status.level == WARN


def test_a_parameter_file_for_another_node(start_node, observer, tmp_path):
    (tmp_path / "other.yaml").write_text("/bisenet:\n  ros__parameters:\n    stale_after: 9.0\n")
    process = start_node(["--params-file", tmp_path / "other.yaml"])
    _is_logged(observer, process, "other.yaml is for this node, /segmentation, so nothing in it is used")
    observer.status()
    assert process.output.count("is for this node") == 1


def test_a_publisher_that_sends_nothing(node, watched):
    watched.mute_camera("/cam/image_raw")
    text = "s: it has 1 publisher(s) but nothing arrives; check that the camera runs"
    assert "no image on /cam/image_raw for" in _says(watched, text, WARN).message
    _is_logged(watched, node, text)


def test_a_publisher_that_offers_less_than_we_ask_until_it_is_gone(node, watched):
    watched.mute_camera("/cam/image_raw", BEST_EFFORT)
    text = ("images on /cam/image_raw cannot come: publisher /observer offers best_effort, we ask reliable: "
            "set reliability:=best_effort")
    assert _says(watched, text, ERROR).message == text
    _is_logged(watched, node, text)
    heard = watched.listen("/segmentation/labels")
    good = watched.camera("/cam/image_raw")  # the first one still cannot be heard
    _send_and_hear(watched, good, heard, _message(_picture(), second=1))
    _says(watched, text, WARN)
    watched.forget()
    _says(watched, "nothing publishes it", WARN)


def test_each_cameras_trouble_is_its_own_even_where_their_topics_are_swapped(run_node, observer):
    run_node(arguments=["-r", "front/image:=/left/image", "-r", "left/image:=/front/image"],
               cameras="[front, left]", reliability="reliable")
    observer.mute_camera("/left/image", BEST_EFFORT)
    status = observer.status(
        lambda status: "offers best_effort" in status.message, "a publisher that cannot be heard")
    assert status.name == "segmentation: front"
    assert status.message.startswith("images on /left/image cannot come")


def test_a_publisher_of_another_type(node, watched):
    watched.mute_camera("/cam/image_raw", message_type=CompressedImage)
    text = ("publisher /observer offers sensor_msgs/msg/CompressedImage, we ask sensor_msgs/msg/Image: set "
            "image_transport to what the topic carries")
    _says(watched, text, ERROR)
    _is_logged(watched, node, text)


def test_a_subscriber_that_asks_for_more_than_we_offer(node, watched):
    watched.listen("/segmentation/labels", LASTING)
    text = ("subscriber /observer asks transient_local, /segmentation/labels offers volatile: change the "
            "subscriber's durability")
    _says(watched, text, WARN)
    _is_logged(watched, node, text)
    watched.forget()
    watched.status(lambda status: "/segmentation/labels offers" not in status.message, "its end")


def test_a_subscriber_that_asks_for_another_liveliness(watched):
    watched.listen("/segmentation/labels", QoSProfile(
        depth=1, reliability=ReliabilityPolicy.RELIABLE, liveliness=LivelinessPolicy.MANUAL_BY_TOPIC))
    _says(watched, "subscriber /observer asks manual_by_topic, /segmentation/labels offers automatic: change "
          "the subscriber's liveliness", WARN)


def test_damaged_images(node, watched):
    watched.listen("/segmentation/labels")
    damaged = _message(_picture(), second=1)
    damaged.data = damaged.data[:-1]
    text = "image(s) on /cam/image_raw not labelled since the last report (truncated "
    status = watched.publish_until(watched.camera("/cam/image_raw"), damaged, lambda: next(
        (one for one in watched.statuses if text in one.message), None), text)
    assert status.level == ERROR
    assert "the last: truncated image: 70x50 rgb8" in status.message
    assert "; check the camera's driver and the link to it" in status.message
    _is_logged(watched, node, "image on /cam/image_raw not labelled (truncated): truncated image: 70x50")


def test_a_step_that_leaves_bytes_over_is_a_warning_once(node, watched):
    heard, camera = watched.listen("/segmentation/labels"), watched.camera("/cam/image_raw")
    sheared = _message(_picture(), second=1)
    sheared.data = bytes(sheared.data) + bytes(50 * 6)
    text = ("images on /cam/image_raw may be read wrongly: step is 210 bytes, but the 10800 bytes of a 70x50 "
            "rgb8 image are just those of rows of 216: if the picture is sheared")
    status = watched.publish_until(camera, sheared, lambda: next(
        (one for one in watched.statuses if text in one.message), None), text)
    assert status.level == WARN and _count(status, "doubtful.step") >= 1 and heard
    _is_logged(watched, node, text)
    for second in (2, 3):
        sheared.header.stamp.sec = second
        _send_and_hear(watched, camera, heard, sheared)
    trailing = _message(_picture(), second=4)
    trailing.data = bytes(trailing.data) + b"some trailing bytes"
    _send_and_hear(watched, camera, heard, trailing)
    watched.status(lambda status: "may be read wrongly" not in status.message, "an end of the doubt")
    assert node.output.count(text) == 1


def test_large_images_of_which_some_are_lost(node, watched):
    watched.listen("/segmentation/labels")
    camera, message = watched.camera("/cam/image_raw"), _message(_picture(height=330, width=540))
    sent = []

    def lost():
        if len(sent) == node_received(watched) - before:  # the one before has come
            sent.append(sum(1 + index % 3 for index in range(len(sent) + 1)))
            message.header.stamp.sec = sent[-1]
            camera.publish(message)
        return next((one for one in watched.statuses if "were lost before they came" in one.message), None)

    before = node_received(watched)
    status = watched.wait(lost, "a loss")
    assert status.level == WARN
    assert "1 s apart: each has 0.5 MB, and Fast DDS's shared memory" in status.message
    assert str(ROOT / "config" / "fastdds_large_images.xml") in status.message


def node_received(observer):
    """How many images the node has received, by its last report."""
    return _count(observer.statuses[-1], "received")


def test_an_image_makes_all_well_again(node, watched):
    _says(watched, "nothing publishes it", WARN)
    heard, camera = watched.listen("/segmentation/labels"), watched.camera("/cam/image_raw")
    message = _message(_picture(), second=2)
    watched.publish_until(
        camera, message, lambda: heard and watched.statuses[-1].level == OK, "a good status")
    assert "images/s in" in watched.statuses[-1].message


def test_a_network_slower_than_the_camera(run_node, observer, monkeypatch, capfd):
    segment = Segmenter.segment

    def slowly(*arguments):
        threading.Event().wait(0.1)
        return segment(*arguments)

    run_node()
    monkeypatch.setattr(Segmenter, "segment", slowly)
    observer.listen("/segmentation/labels")
    camera, message = observer.camera(), _message(_picture(), second=3)

    def slow():
        camera.publish(message)
        return next((one for one in observer.statuses if "were passed over" in one.message), None)

    status = observer.wait(slow, "a warning")
    assert status.level == WARN
    assert "images on /image were passed over: labelling is slower than the camera (ms" in status.message
    for word in ("p50: read ", " network ", " publish ", "send fewer images", "input_width and input_height"):
        assert word in status.message
    assert _count(status, "dropped.superseded") > _count(status, "published")
    assert "were passed over: labelling is slower than the camera" in "".join(capfd.readouterr())
