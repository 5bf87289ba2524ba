"""The part of Nav2's semantic segmentation layer: labels, confidence and their meaning, paired by stamps."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from node_harness import BEST_EFFORT, python_path
from test_segmentation_node import _labels, _message, _picture
from vision_msgs_package import LABEL_INFO_HASH

from bisenet_core.labels.label_space import CAMVID_11
from bisenet_ros.label_info import LABEL_INFO_QOS

SIZES = ((50, 70), (64, 96), (33, 200))  # height, width; as if the camera were reconfigured
FRAMES = 9
MIN_CONFIDENCE = 0.2


class CostmapLayer:
    """Takes labels and confidence as a costmap does: best effort, and only pairs of one stamp count."""

    def __init__(self, observer):
        self._labels = observer.listen("/segmentation/labels", BEST_EFFORT)
        self._confidence = observer.listen("/segmentation/confidence", BEST_EFFORT)

    def pairs(self):
        """[(labels, confidence), ...], messages of identical stamps."""
        confidence = {_stamp(message): message for message in self._confidence}
        return [(labels, confidence[_stamp(labels)]) for labels in self._labels
                if _stamp(labels) in confidence]


def _stamp(message):
    return message.header.stamp.sec, message.header.stamp.nanosec


def _drive(observer, layer):
    """Publish frame after frame, each once it has been labelled or dropped; returns image sizes by second."""
    camera, sizes = observer.camera(), {}
    for second in range(1000, 1000 + FRAMES):
        height, width = sizes[second] = SIZES[second % len(SIZES)]
        message = _message(_picture(second, height=height, width=width), second=second)
        observer.publish_until(
            camera, message, lambda s=second: any(_stamp(labels)[0] == s for labels, _ in layer.pairs()),
            f"labels and confidence of frame {second}")
    return sizes


def test_labels_and_confidence_pair_by_their_stamps(run_node, observer):
    run_node(min_confidence=MIN_CONFIDENCE)
    observer.status(lambda status: status.facts["state"] == "active", "an active node")
    layer = CostmapLayer(observer)
    sizes = _drive(observer, layer)
    pairs = layer.pairs()
    assert {_stamp(labels)[0] for labels, _ in pairs} == set(sizes)
    for labels, confidence in pairs:
        assert labels.header == confidence.header
        assert labels.encoding == confidence.encoding == "mono8"
        assert (labels.height, labels.width) == sizes[_stamp(labels)[0]]
        assert (confidence.height, confidence.width) == sizes[_stamp(labels)[0]]
        _check_pixels(_labels(labels), _labels(confidence))


def _check_pixels(ids, confidence):
    """Ids of the label space or 255; a winner of 11 has at least 1/11; 255 just where it is not sure."""
    labelled = ids != 255
    assert ids[labelled].max() < CAMVID_11.num_classes
    assert confidence.min() >= 255 // CAMVID_11.num_classes
    np.testing.assert_array_equal(labelled, confidence / 255 >= MIN_CONFIDENCE)
    assert labelled.any() and len(np.unique(confidence)) > 10


def test_label_info_waits_for_the_layer_and_follows_its_limit(start_node, observer, vision_msgs_environment):
    from vision_msgs.msg import LabelInfo

    start_node(environment=vision_msgs_environment, autostart=False, cameras="[front, left]")
    assert observer.set_parameter("min_confidence", 0.25).successful
    assert observer.change_state("configure") and observer.change_state("activate")
    observer.status(lambda status: status.facts["state"] == "active", "an active node")
    # The node has said it before anybody listened.
    topics = [f"/segmentation/{camera}/label_info" for camera in ("front", "left")]
    heard = [observer.listen(topic, LABEL_INFO_QOS, LabelInfo) for topic in topics]
    observer.wait(lambda: all(heard), "the label info of both cameras")
    for first, *_ in heard:
        classes = {one.class_id: one.class_name for one in first.class_map}
        assert classes == dict(enumerate(CAMVID_11.classes))
    assert observer.set_parameter("min_confidence", 0.5).successful
    observer.wait(lambda: all(one[-1].threshold == 0.5 for one in heard), "the new threshold on both")
    assert not observer.set_parameter("min_confidence", 2.0).successful
    assert observer.set_parameter("overlay_alpha", 0.1).successful
    late = observer.listen(topics[0], LABEL_INFO_QOS, LabelInfo)
    observer.wait(lambda: late, "the label info for the second listener")
    for one in heard:
        assert [info.threshold for info in one] == [0.25, 0.5]
    assert [info.threshold for info in late] == [0.5]
    if vision_msgs_environment:  # what stands in for vision_msgs has its type
        info, = observer.node.get_publishers_info_by_topic(topics[0])
        assert info.topic_type == "vision_msgs/msg/LabelInfo"
        assert str(info.topic_type_hash) == LABEL_INFO_HASH


def test_without_vision_msgs_one_line_says_so(start_node, observer, tmp_path):
    (tmp_path / "vision_msgs").mkdir()
    (tmp_path / "vision_msgs" / "__init__.py").touch()  # hides one that is installed
    node = start_node(environment=python_path(tmp_path))
    observer.status(lambda status: status.facts["state"] == "active", "an active node")
    assert node.output.count("no ~/label_info: vision_msgs, of ROS 2 Humble or newer, is not installed") == 1
    assert not observer.node.get_publishers_info_by_topic("/segmentation/label_info")
