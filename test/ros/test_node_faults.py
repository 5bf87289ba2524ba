"""What the real node says, and how it ends, when a transition fails or its network hangs."""

import os
import signal
import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

import rclpy
from node_harness import ROOT, TIMEOUT_S, Observer
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions

from bisenet_ros.segmentation_node import SegmentationNode

# The node's own main, with a network that hangs while it is opened, or over its first image.
HANGING = """
import sys, threading
from bisenet_core.runtime.segmenter import Segmenter
from bisenet_ros import inference_worker, segmentation_node
inference_worker._STOP_TIMEOUT_S = 0.5
def hang(*arguments):
    print("hanging", flush=True)
    threading.Event().wait()
setattr(Segmenter, sys.argv[1], hang)
sys.exit(segmentation_node.main(["node", "--ros-args", "-p", "model:=" + sys.argv[2]]))
"""


@pytest.fixture
def node(ros, tiny_model_folder):
    """The node in this process, configured."""
    context = rclpy.Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    one = SegmentationNode(context=context, parameter_overrides=[
        Parameter("model", value=str(tiny_model_folder)), Parameter("precision", value="fp32")])
    one.trigger_configure()
    yield one
    one.stop()
    one.destroy_node()
    rclpy.shutdown(context=context)


def _status(node, monkeypatch):
    sent = []
    with monkeypatch.context() as patched:
        patched.setattr(node._diagnostics_publisher, "publish", sent.append)
        node._publish_diagnostics()
    return sent[0].status[0]


@pytest.mark.parametrize("transition", ["activate", "deactivate"])
def test_a_transition_that_fails_is_an_error_until_the_next_configure(node, monkeypatch, transition):
    def fail():
        raise RuntimeError("the network does not return")

    if transition == "deactivate":
        node.trigger_activate()
    assert _status(node, monkeypatch).level == b"\x00"
    monkeypatch.setattr(node._pipeline, transition, fail)
    getattr(node, "trigger_" + transition)()
    status = _status(node, monkeypatch)
    assert status.level == b"\x02"
    assert status.message == transition + " failed: RuntimeError: the network does not return"
    assert {value.key: value.value for value in status.values}["state"] == "unconfigured"
    assert node.start()
    assert _status(node, monkeypatch).level == b"\x00"


def test_a_dead_worker_is_an_error(node, monkeypatch):
    assert _status(node, monkeypatch).level == b"\x00"
    node._pipeline._worker.failure = "the inference thread has ended: OSError"
    status = _status(node, monkeypatch)
    assert (status.level, status.message) == (b"\x02", "the inference thread has ended: OSError")


@pytest.mark.parametrize("method, number, line", [
    ("open", signal.SIGINT, "stopped while the network was being opened"),
    ("segment", signal.SIGTERM, "the network does not return; its thread is left behind"),
])
def test_a_signal_ends_it_though_the_network_hangs(ros, tiny_model_folder, method, number, line):
    node = subprocess.Popen([sys.executable, "-c", HANGING, method, str(tiny_model_folder)], cwd=str(ROOT),
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
                            env=dict(os.environ, PYTHONUNBUFFERED="1"))
    try:
        if method == "segment":
            _send_an_image()
        assert node.stdout.readline() == "hanging\n"
        node.send_signal(number)
        _, errors = node.communicate(timeout=TIMEOUT_S)
        assert line in errors
        assert node.returncode == 0, errors
        assert "pending" not in errors.strip().splitlines()[-1]
    finally:
        node.kill()


def _send_an_image():
    from test_segmentation_node import _message, _picture

    with Observer() as observer:
        observer.listen("/segmentation/labels")
        observer.publish_until(observer.camera(), _message(_picture()),
                               lambda: _is_pending(observer.statuses), "an image in work")


def _is_pending(statuses):
    return bool(statuses) and int(statuses[-1].facts.get("pending", 0)) > 0
