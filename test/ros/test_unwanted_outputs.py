"""What nobody subscribes to is neither made nor sent."""

import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from rclpy.publisher import Publisher
from sensor_msgs.msg import CompressedImage, Image
from test_segmentation_node import _message, _picture, _send_and_hear

from bisenet_core.runtime.segmenter import Segmenter
from bisenet_ros import outputs

OUTPUTS = {"labels": set(), "confidence": {"confidence"}, "masks/Road": set(), "overlay": {"overlay"},
           "labels_color": {"colours"}, "labels/compressed": {"png"}}


@pytest.fixture
def done(monkeypatch):
    """What the node has computed, and the topics on which it has sent images."""
    found = set()

    def note(holder, name, what):
        function = getattr(holder, name)

        def noting(*arguments):
            found.update(what(*arguments))
            return function(*arguments)
        monkeypatch.setattr(holder, name, noting)

    note(outputs, "overlay", lambda *arguments: {"overlay"})
    note(outputs, "colourise", lambda *arguments: {"colours"})
    note(outputs, "labels_to_png_msg", lambda *arguments: {"png"})
    note(Segmenter, "segment",
         lambda self, image, order, confidence, drawing: {"confidence"} if confidence else set())
    note(Publisher, "publish", lambda self, message: {self.topic_name} if hasattr(message, "data") else set())
    return found


@pytest.mark.parametrize("name", sorted(OUTPUTS))
def test_only_what_is_subscribed_to_is_made(run_node, observer, done, name):
    run_node(masks="[Road]")
    topic = "/segmentation/" + name
    heard = observer.listen(topic, message_type=CompressedImage if "compressed" in name else Image)
    _send_and_hear(observer, observer.camera(), heard, _message(_picture(), second=1))
    assert done - {"/image"} == OUTPUTS[name] | {topic}
