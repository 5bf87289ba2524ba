"""The way of one image, from the subscription's callback to the published labels, is short enough to read."""

import sys
import threading

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")
pytest.importorskip("openvino", reason="the way through another backend is as long")

from node_fakes import Node
from node_harness import ROOT
from std_msgs.msg import Header
from test_pipeline import _open, _wait

from bisenet_ros.image_messages import image_to_msg

MOST_FILES = 12
OURS = tuple(str(ROOT / package) for package in ("bisenet_core", "bisenet_ros"))


@pytest.fixture
def files():
    """Files of ours in which a function has been called, in this thread and in those started since."""
    called = set()

    def note(frame, event, argument):
        if event == "call" and frame.f_code.co_filename.startswith(OURS):
            called.add(frame.f_code.co_filename)

    threading.setprofile(note)
    sys.setprofile(note)
    yield called
    threading.setprofile(None)
    sys.setprofile(None)


def test_an_image_passes_few_files(files, tiny_model_folder):
    node = Node()
    one, accounts = _open(node, cameras=(), model=str(tiny_model_folder), backend="openvino",
                          precision="fp32")
    one.activate()
    labels = node.publishers["labels"]
    for name, publisher in node.publishers.items():
        publisher.subscribers = int(name == "labels")
    files.clear()
    node.receivers["image"](image_to_msg(np.zeros((50, 70, 3), np.uint8), "rgb8", Header()))
    _wait(lambda: labels.sent)
    passed = set(files)
    one.close()
    assert accounts[0].counts().published == 1
    assert len(passed) <= MOST_FILES, sorted(passed)
