"""What nobody subscribes to is neither made nor sent."""

import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from sensor_msgs.msg import CompressedImage, Image
from test_segmentation_node import _message, _picture, _send_and_hear

# The node's own main, which says what it computes and which images it sends.
TALKATIVE = """
import sys
from bisenet_core.runtime.segmenter import Segmenter
from bisenet_ros import outputs, segmentation_node
from rclpy.publisher import Publisher

def say(holder, name, text):
    function = getattr(holder, name)
    def saying(*arguments):
        what = text(*arguments)
        if what:
            print("does", what, flush=True)
        return function(*arguments)
    setattr(holder, name, saying)

say(outputs, "overlay", lambda *arguments: "overlay")
say(outputs, "labels_to_png_msg", lambda *arguments: "png")
say(Segmenter, "segment", lambda self, image, order, confidence, drawing: "confidence" if confidence else "")
say(Publisher, "publish", lambda self, message: self.topic_name if hasattr(message, "data") else "")
sys.exit(segmentation_node.main())
"""

OUTPUTS = {"labels": set(), "confidence": {"confidence"}, "masks/Road": set(), "overlay": {"overlay"},
           "labels/compressed": {"png"}}


@pytest.mark.parametrize("name", sorted(OUTPUTS))
def test_only_what_is_subscribed_to_is_made(start_node, observer, name):
    node = start_node(program=["-c", TALKATIVE], masks="[Road]")
    topic = "/segmentation/" + name
    heard = observer.listen(topic, message_type=CompressedImage if "compressed" in name else Image)
    _send_and_hear(observer, observer.camera(), heard, _message(_picture(), second=1))
    assert node.stop() == 0
    done = {line.split(" ", 1)[1] for line in node.output.splitlines() if line.startswith("does ")}
    assert done == OUTPUTS[name] | {topic}
