"""Several cameras on one network, compressed images, and nodes side by side: the real node over real DDS."""

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from node_harness import NodeProcess, Observer, ros_arguments
from sensor_msgs.msg import CompressedImage
from test_segmentation_node import _count, _is_settled, _labels, _message, _picture, _send_and_hear

from bisenet_core.runtime.segmenter import Segmenter
from bisenet_ros.segmentation_node import main

CAMERAS = ("front", "left", "right")


@pytest.fixture(scope="module")
def segmenter(tiny_model_folder):
    with Segmenter.open(str(tiny_model_folder), precision="fp32") as one:
        yield one


@pytest.fixture(scope="module")
def node(ros, tmp_path_factory, tiny_model_folder):
    log = tmp_path_factory.mktemp("cameras") / "node.log"
    with NodeProcess(log, model=tiny_model_folder, precision="fp32", cameras="[front,left,right]",
                     masks="[Road]") as process:
        yield process
        assert process.stop() == 0, process.output
    assert _is_settled(process.output), process.output
    lines = [line.split("]: ")[-1] for line in process.output.strip().splitlines()[-4:]]
    assert [line.split(":")[0] for line in lines] == ["images of " + name for name in CAMERAS] + ["images"]
    received = [int(line.split("received ")[1].split()[0]) for line in lines]
    assert sum(received[:3]) == received[3] > 0


@pytest.fixture(scope="module")
def one_observer(node):
    with Observer() as observer:
        _status(observer, "front", lambda status: status.facts["state"] == "active", "an active node")
        yield observer


@pytest.fixture
def watched(one_observer):
    yield one_observer
    one_observer.forget()


def _status(observer, camera, accept=lambda status: True, what="a status", prefix=""):
    name = f"{prefix}segmentation: {camera}"
    return observer.status(lambda status: status.name == name and accept(status), f"{what} of {name}")


def _settled(observer, *cameras):
    """The next status of each of these cameras in which no image is pending, by camera."""
    seen = len(observer.statuses)

    def all_settled():
        found = {status.name.split(": ")[1]: status for status in reversed(observer.statuses[seen:])
                 if status.facts["pending"] == "0"}
        return found if set(cameras) <= set(found) else None

    return observer.wait(all_settled, "settled accounts")


def _compressed(image, second, kind=".png"):
    message = CompressedImage(format=kind[1:], data=cv2.imencode(kind, image[..., ::-1])[1].tobytes())
    message.header.frame_id, message.header.stamp.sec = "camera_optical", second
    return message


def test_each_camera_gets_its_own_labels(watched, segmenter):
    heard = {name: watched.listen(f"/segmentation/{name}/labels") for name in CAMERAS}
    road = watched.listen("/segmentation/left/masks/Road")
    cameras = {name: watched.camera(f"/{name}/image") for name in CAMERAS}
    for seed, name in enumerate(CAMERAS):
        image = _picture(seed)
        message = _message(image, second=seed, frame_id=name)
        answer = _send_and_hear(watched, cameras[name], heard[name], message)
        np.testing.assert_array_equal(_labels(answer), segmenter.segment(image, "rgb").labels)
    assert {name: {answer.header.frame_id for answer in answers} for name, answers in heard.items()} == {
        name: {name} for name in CAMERAS}
    watched.wait(lambda: road, "a mask")
    assert watched.node.count_publishers("/segmentation/labels") == 0
    assert watched.node.count_subscribers("/image") == 0


def test_every_output_bears_the_cameras_name(watched):
    images = [watched.listen(f"/segmentation/left/{name}")
              for name in ("labels", "confidence", "masks/Road", "overlay")]
    heard = [*images, watched.listen("/segmentation/left/labels/compressed", message_type=CompressedImage)]
    message = _message(_picture(), second=5, frame_id="left")
    watched.publish_until(
        watched.camera("/left/image"), message,
        lambda: all(any(one.header == message.header for one in answers) for answers in heard), "all outputs")


def test_each_camera_has_its_own_account_and_all_are_summed_up(watched):
    before = _settled(watched, *CAMERAS)
    damaged = _message(_picture(), second=1)
    damaged.data = damaged.data[:-1]
    watched.listen("/segmentation/left/labels")  # what nobody subscribes to is not even read
    seen = len(watched.statuses)
    watched.publish_until(
        watched.camera("/left/image"), damaged,
        lambda: any(status.name == "segmentation: left" and status.level == b"\x02"
                    for status in watched.statuses[seen:]), "an error")
    after = _settled(watched, *CAMERAS, "all cameras")
    assert _count(after["left"], "failed.truncated") > _count(before["left"], "failed.truncated")
    for name in ("front", "right"):
        assert after[name].facts["received"] == before[name].facts["received"]
        assert "failed.truncated" not in after[name].facts
    total = after["all cameras"]
    for key in ("received", "published", "dropped", "failed"):
        assert _count(total, key) == sum(_count(after[name], key) for name in CAMERAS)
    errors = [status for status in watched.statuses[seen:]
              if status.name == "segmentation: all cameras" and status.level == b"\x02"]
    assert "left" in errors[0].message


def test_a_flood_on_one_camera_leaves_the_others_their_turn(watched):
    heard = {name: watched.listen(f"/segmentation/{name}/labels") for name in CAMERAS}
    cameras = {name: watched.camera(f"/{name}/image") for name in CAMERAS}
    flood = _message(_picture(), second=1, frame_id="front")

    def heard_from(name):
        cameras["front"].publish(flood)
        return heard[name]

    for name in ("left", "right"):
        watched.publish_until(cameras[name], _message(_picture(), frame_id=name),
                              lambda name=name: heard_from(name), "labels of " + name)
    watched.wait(lambda: heard["front"], "labels of front")


@pytest.mark.parametrize("arguments, parameters, topic, labels", [
    ([], {}, "/image/compressed", "/segmentation/labels"),
    (["-r", "image:=/cam/image_raw"], {}, "/cam/image_raw/compressed", "/segmentation/labels"),
    (["-r", "front/image:=/cam/front"], {"cameras": "[front]"}, "/cam/front/compressed",
     "/segmentation/front/labels"),
])
def test_compressed_images_come_on_the_remapped_topic(run_node, observer, segmenter, arguments, parameters,
                                                      topic, labels):
    run_node(arguments, image_transport="compressed", **parameters)
    heard = observer.listen(labels)
    camera, image = observer.camera(topic, message_type=CompressedImage), _picture(1)
    answer = _send_and_hear(observer, camera, heard, _compressed(image, second=1))
    np.testing.assert_array_equal(_labels(answer), segmenter.segment(image, "rgb").labels)
    assert answer.header.frame_id == "camera_optical"
    broken = _compressed(image, second=2, kind=".jpg")
    broken.data = broken.data[:20]
    status = observer.publish_until(camera, broken, lambda: next(
        (one for one in observer.statuses if one.level == b"\x02"), None), "an error")
    assert f"image(s) on {topic} not labelled" in status.message
    assert _count(status, "failed") > 0 and not _count(status, "failed.inference")
    assert float(status.facts["read_ms_p50"]) > 0
    _send_and_hear(observer, camera, heard, _compressed(image, second=3, kind=".jpg"))


def test_nodes_stand_side_by_side_in_namespaces(run_node, observer):
    for name in ("a", "b"):
        run_node(["-r", "__ns:=/" + name])
    heard = {name: observer.listen(f"/{name}/segmentation/labels") for name in ("a", "b")}
    cameras = {name: observer.camera(f"/{name}/image") for name in ("a", "b")}
    for second, name in enumerate(("a", "b")):
        _send_and_hear(observer, cameras[name], heard[name],
                       _message(_picture(second), second=second, frame_id=name))
    for name in ("a", "b"):
        assert {answer.header.frame_id for answer in heard[name]} == {name}
        _status(observer, "image", lambda status: _count(status, "published") > 0, "a labelled image",
                prefix=f"{name}/")


@pytest.mark.parametrize("cameras, complaint", [
    ("[front, front]", "cameras: 'front' stands there twice; expected each name once"),
    ("['2nd']", "cameras: '2nd' cannot be part of a topic's name"),
])
def test_names_that_cannot_be_topics_end_it_with_one_line(refused, cameras, complaint):
    output = refused(main, *ros_arguments([], {"cameras": cameras}))
    assert complaint in output and "Traceback" not in output
