"""The real node over real DDS: what goes in, what comes out, and that every image is accounted for."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from node_harness import BEST_EFFORT, RELIABLE, NodeProcess, Observer, deep_qos
from std_msgs.msg import Header

from bisenet_core.images.encodings import ENCODINGS, view_image
from bisenet_core.labels.label_space import CAMVID_11
from bisenet_core.labels.visualization import overlay
from bisenet_core.runtime.segmenter import Segmenter
from bisenet_ros.image_messages import image_to_msg
from bisenet_ros.parameters import PARAMETERS

HEIGHT, WIDTH = 50, 70  # not the network's size, and no multiple of its stride


@pytest.fixture(scope="module")
def node(ros, tmp_path_factory, tiny_model_folder):
    """One node for the tests that leave it as it was."""
    log = tmp_path_factory.mktemp("node") / "node.log"
    with NodeProcess(log, model=tiny_model_folder, precision="fp32", masks="[Road, sky]") as process:
        yield process
        assert process.stop() == 0, process.output
    assert _is_settled(process.output), process.output


@pytest.fixture(scope="module")
def one_observer(node):
    """An observer of that node, which is active."""
    with Observer() as observer:
        observer.status(lambda status: status.facts["state"] == "active", "an active node")
        yield observer


@pytest.fixture
def watched(one_observer):
    """The same, without what the test before has subscribed to or published."""
    yield one_observer
    one_observer.forget()


@pytest.fixture(scope="module")
def segmenter(tiny_model_folder):
    with Segmenter.open(str(tiny_model_folder), precision="fp32") as one:
        yield one


def _is_settled(output):
    """Whether the node's last line accounts for every image."""
    last = output.strip().splitlines()[-1]
    return "images: received" in last and "pending" not in last


def _picture(seed=0, channels=3, height=HEIGHT, width=WIDTH):
    """HxWxC uint8 (HxW for one channel) with structure at several scales."""
    small = np.random.RandomState(seed).randint(0, 256, (height // 8 + 1, width // 8 + 1, channels))
    image = np.kron(small, np.ones((8, 8, 1)))[:height, :width].astype(np.uint8)
    return np.ascontiguousarray(image[..., 0] if channels == 1 else image)


def _message(image, encoding="rgb8", padding=0, second=1, frame_id="camera_optical"):
    header = Header(frame_id=frame_id)
    header.stamp.sec, header.stamp.nanosec = second, 123456789
    message = image_to_msg(image, encoding, header)
    if padding:
        rows = image.reshape(image.shape[0], -1)
        message.step = rows.shape[1] + padding
        message.data = np.pad(rows, ((0, 0), (0, padding)), "constant", constant_values=99).tobytes()
    return message


def _labels(message):
    return view_image(message.data, message.height, message.width, message.encoding, message.step)[0]


def _count(status, key):
    return int(status.facts.get(key, 0))


def _send_and_hear(observer, camera, heard, message):
    """The answer with this message's header."""
    def found():
        return next((answer for answer in heard if answer.header == message.header), None)

    return observer.publish_until(camera, message, found, f"an answer to {message.header}")


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize("encoding", [name for name in sorted(ENCODINGS) if ENCODINGS[name].convert is None])
def test_labels_have_the_images_size_header_and_content(watched, segmenter, encoding, padding):
    heard, camera = watched.listen("/segmentation/labels"), watched.camera()
    order, channels = ENCODINGS[encoding][:2]
    image = _picture(1, channels)
    answer = _send_and_hear(watched, camera, heard, _message(image, encoding, padding, second=7))
    assert (answer.height, answer.width, answer.encoding, answer.step) == (HEIGHT, WIDTH, "mono8", WIDTH)
    assert answer.header.frame_id == "camera_optical"
    np.testing.assert_array_equal(_labels(answer), segmenter.segment(image, order).labels)


@pytest.mark.parametrize("encoding", [name for name in sorted(ENCODINGS) if ENCODINGS[name].convert])
def test_images_that_need_conversion_are_labelled_as_what_they_show(watched, segmenter, encoding):
    heard, camera = watched.listen("/segmentation/labels"), watched.camera()
    rows = int(HEIGHT * ENCODINGS[encoding].height_scaling)
    raw = _picture(6, 1, rows, WIDTH * ENCODINGS[encoding].pixel_bytes)
    message = _message(raw, "mono8", padding=3, second=14)
    message.height, message.width, message.encoding = HEIGHT, WIDTH, encoding
    answer = _send_and_hear(watched, camera, heard, message)
    image, order = view_image(message.data, HEIGHT, WIDTH, encoding, message.step)
    np.testing.assert_array_equal(_labels(answer), segmenter.segment(image, order).labels)


def test_masks_and_overlay_agree_with_the_labels(watched, segmenter):
    heard = {name: watched.listen("/segmentation/" + name)
             for name in ("labels", "masks/Road", "masks/Sky", "overlay")}
    camera, image = watched.camera(), _picture(2)
    message = _message(image, second=8)
    answers = {name: _labels(_send_and_hear(watched, camera, messages, message))
               for name, messages in heard.items()}
    labels = segmenter.segment(image, "rgb").labels
    np.testing.assert_array_equal(answers["labels"], labels)
    for name in ("Road", "Sky"):
        np.testing.assert_array_equal(answers["masks/" + name], 255 * (labels == CAMVID_11.id_of(name)))
    np.testing.assert_array_equal(answers["overlay"], overlay(image, labels, CAMVID_11, 0.5))
    assert heard["overlay"][0].encoding == "rgb8"


@pytest.mark.parametrize("subscriber", [RELIABLE, BEST_EFFORT])
@pytest.mark.parametrize("publisher", [RELIABLE, BEST_EFFORT])
def test_every_reliability_matches(watched, publisher, subscriber):
    heard = watched.listen("/segmentation/labels", subscriber)
    _send_and_hear(watched, watched.camera(qos=publisher), heard, _message(_picture(3), second=9))


def test_a_damaged_image_is_counted_and_the_next_one_is_labelled(node, watched):
    heard, camera = watched.listen("/segmentation/labels"), watched.camera()
    before = watched.status().facts
    truncated = _message(_picture(4), second=10)
    truncated.data = truncated.data[:-1]
    unsupported = _message(_picture(4), second=11)
    unsupported.encoding = "nv24"
    narrow = _message(_picture(4), second=12)
    narrow.step -= 1
    for reason, message in (("truncated", truncated), ("unsupported_encoding", unsupported),
                            ("bad_step", narrow)):
        key, count = "failed." + reason, len(watched.statuses)
        watched.publish_until(
            camera, message, lambda k=key: _count(watched.statuses[-1], k) > int(before.get(k, 0)), reason)
        errors = [status for status in watched.statuses[count:] if status.level == b"\x02"]
        assert "image(s) on /image not labelled" in errors[0].message
    good = _message(_picture(4), second=13)
    _send_and_hear(watched, camera, heard, good)
    assert {answer.header.stamp.sec for answer in heard} == {13}
    assert "truncated image: 70x50 rgb8 with step 210 needs 10500 bytes, found 10499" in node.output
    assert "unsupported encoding 'nv24'" in node.output


def test_an_image_for_nobody_is_dropped(watched):
    before = _count(watched.status(), "dropped.no_subscriber")
    watched.publish_until(
        watched.camera(), _message(_picture(5), second=14),
        lambda: _count(watched.statuses[-1], "dropped.no_subscriber") > before, "a drop")


def test_old_images_are_dropped_while_max_image_age_says_so(watched):
    heard, camera = watched.listen("/segmentation/labels"), watched.camera()
    assert watched.set_parameter("max_image_age", 1).successful
    watched.publish_until(
        camera, _message(_picture(6), second=15),  # 1970
        lambda: watched.statuses[-1].level == b"\x01", "a warning")
    status = watched.statuses[-1]
    assert "older than max_image_age when their labelling begins or ends; check the" in status.message
    assert _count(status, "dropped.too_old") > 0 and not heard
    fresh = _message(_picture(6))
    fresh.header.stamp = watched.node.get_clock().now().to_msg()
    _send_and_hear(watched, camera, heard, fresh)
    assert watched.set_parameter("max_image_age", 0.0).successful
    _send_and_hear(watched, camera, heard, _message(_picture(6), second=16))


def test_overlay_alpha_changes_at_run_time(watched, segmenter):
    heard, camera, image = watched.listen("/segmentation/overlay"), watched.camera(), _picture(7)
    labels = segmenter.segment(image, "rgb").labels
    for second, alpha in ((17, 1), (18, 0.0), (19, 0.5)):
        assert watched.set_parameter("overlay_alpha", alpha).successful
        answer = _send_and_hear(watched, camera, heard, _message(image, second=second))
        np.testing.assert_array_equal(_labels(answer), overlay(image, labels, CAMVID_11, alpha))


def test_masks_change_at_run_time(watched):
    car, camera = watched.listen("/segmentation/masks/Car"), watched.camera()
    assert watched.set_parameter("masks", ["Car"]).successful
    watched.wait(lambda: watched.node.count_publishers("/segmentation/masks/Car"), "the mask's publisher")
    watched.wait(lambda: not watched.node.count_publishers("/segmentation/masks/Road"), "the other's end")
    _send_and_hear(watched, camera, car, _message(_picture(8), second=20))
    assert watched.set_parameter("masks", ["Road", "Sky"]).successful


@pytest.mark.parametrize("name, value, reason", [
    ("masks", ["Rode"], "masks: unknown class 'Rode': did you mean 'Road'? CamVid-11 has Sky, Building"),
    ("masks", "Road", "masks is 'Road'; expected a list of class names"),
    ("overlay_alpha", 1.5, "overlay_alpha out of range"),
    ("stale_after", float("nan"), "stale_after"),
    ("stale_after", "soon", "stale_after is 'soon'; expected a number from 0.1 to 3600"),
    ("model", "another", "model can change only while the node is unconfigured, and it is active: deac"),
    ("cameras", ["front"], "read-only"),
    ("autostart", False, "read-only"),
])
def test_invalid_values_are_refused_with_the_reason(watched, name, value, reason):
    result = watched.set_parameter(name, value)
    assert not result.successful
    assert reason in result.reason


def test_a_refused_change_changes_nothing(watched):
    assert not watched.set_parameter("masks", ["Car", "Rode"]).successful
    assert watched.node.count_publishers("/segmentation/masks/Road") == 1
    assert watched.node.count_publishers("/segmentation/masks/Car") == 0


def test_parameters_describe_themselves(watched):
    descriptors = watched.describe(*[spec.name for spec in PARAMETERS])
    assert [one.name for one in descriptors] == [spec.name for spec in PARAMETERS]
    for spec, one in zip(PARAMETERS, descriptors):
        assert one.description == spec.description and one.read_only != (spec.live or spec.at_configure)
        ranges = [(limit.from_value, limit.to_value)
                  for limit in list(one.floating_point_range) + list(one.integer_range)]
        assert ranges == ([] if spec.low is None else [(spec.low, spec.high)])
        choices = "one of " + ", ".join(spec.choices) if spec.choices else ""
        assert one.additional_constraints.startswith(choices)


def test_diagnostics_name_what_runs_and_warn_of_silence(watched):
    status = watched.status(lambda s: "no image on /image for" in s.message, "a warning")
    assert status.level == b"\x01"
    assert status.name == "segmentation: image"
    assert "start the camera, or remap `image`" in status.message
    facts = status.facts
    assert (facts["model"], facts["precision"], facts["input_size"]) == ("tiny", "fp32", "96x64")
    assert facts["backend"] in ("openvino", "onnxruntime")
    for key in ("latency_ms_p50", "latency_ms_p99", "segment_ms_p50", "rate_hz", "since_last_image_s"):
        assert float(facts[key]) >= 0


def test_every_image_of_a_flood_is_accounted_for(watched):
    heard, camera = watched.listen("/segmentation/labels", deep_qos(500)), watched.camera()
    _send_and_hear(watched, camera, heard, _message(_picture(9), second=99))
    before = watched.status(lambda s: s.facts["pending"] == "0", "a settled account")
    already = len(heard)
    for second in range(100, 300):
        camera.publish(_message(_picture(9), second=second))
    _send_and_hear(watched, camera, heard, _message(_picture(9), second=300))
    after = watched.status(lambda s: s.facts["pending"] == "0", "a settled account")
    # The reader keeps one image: what a flood overwrites there, the node has never received.
    received, published, dropped, failed = (
        _count(after, key) - _count(before, key) for key in ("received", "published", "dropped", "failed"))
    assert received == published + dropped
    assert failed == 0 and published > 0
    watched.wait(lambda: len(heard) == already + published, "all labels")
    seconds = [answer.header.stamp.sec for answer in heard]
    assert seconds == sorted(seconds)
