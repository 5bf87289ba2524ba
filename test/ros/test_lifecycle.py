"""The node through its lifecycle again and again, and its end while an image is in work."""

import json
import os
import subprocess
import sys
import threading

import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

import rclpy
from node_harness import ROOT, TIMEOUT_S, Observer
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from test_segmentation_node import _is_settled, _message, _picture

from bisenet_core.runtime.segmenter import Segmenter
from bisenet_ros.findings import judge
from bisenet_ros.segmentation_node import SegmentationNode

CYCLES = 50
WARM_CYCLES = 20  # until the libraries have what they keep
# An image, a network and its buffers are several MiB each cycle; the libraries' own crumbs, about 30 KiB.
GROWTH_KIB = 100 * (CYCLES - WARM_CYCLES)


@pytest.mark.slow
def test_many_cycles_leak_nothing(ros, tiny_model_folder):
    script = str(ROOT / "test" / "ros" / "lifecycle_process.py")
    done = subprocess.run(
        [sys.executable, script, str(tiny_model_folder), str(CYCLES)], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, universal_newlines=True, timeout=10 * TIMEOUT_S,
        env=dict(os.environ, PYTHONPATH=str(ROOT)))
    assert done.returncode == 0, done.stderr
    assert _is_settled(done.stderr)
    samples = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(samples) == CYCLES
    early, late = samples[WARM_CYCLES - 10:WARM_CYCLES], samples[-10:]
    assert max(one["memory"] for one in late) - min(one["memory"] for one in early) < GROWTH_KIB
    for kind in ("threads", "files"):
        assert max(one[kind] for one in late) < max(one[kind] for one in early) + 10, kind


@pytest.fixture
def node(ros, tiny_model_folder):
    """The node in this process, active."""
    context = rclpy.Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    one = SegmentationNode(context=context, parameter_overrides=[
        Parameter("model", value=str(tiny_model_folder)), Parameter("precision", value="fp32")])
    yield one
    one.destroy_node()
    rclpy.try_shutdown(context=context)


@pytest.mark.parametrize("context_too", [False, True])
def test_an_executor_that_shuts_down_while_an_image_is_in_work(node, monkeypatch, context_too):
    begun, gate = threading.Event(), threading.Event()
    segment = Segmenter.segment

    def wait_and_segment(*arguments):
        begun.set()
        assert gate.wait(TIMEOUT_S)
        return segment(*arguments)

    monkeypatch.setattr(Segmenter, "segment", wait_and_segment)
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    spinning = threading.Thread(target=_spin, args=(executor,))
    assert node.start()
    spinning.start()
    with Observer() as observer:
        observer.listen("/segmentation/labels")
        camera = observer.camera()
        observer.publish_until(camera, _message(_picture()), begun.is_set, "an image in work")
        executor.shutdown(timeout_sec=0)
        if context_too:
            rclpy.shutdown(context=node.context)
        spinning.join(TIMEOUT_S)
        assert not spinning.is_alive()
        gate.set()
        node.stop()
    counts = node._accounts[0].counts()
    assert counts.pending == 0 and counts.received > 0
    assert counts.published + counts.failed.get("publishing", 0) >= 1
    assert not any(thread.name == "inference" for thread in threading.enumerate())


def _spin(executor):
    try:
        executor.spin()
    except Exception as error:  # rclpy raises one kind or another, by release
        assert "Shutdown" in type(error).__name__ or "Context" in str(error), error


def test_it_can_be_configured_again_after_a_network_that_would_not_return(node, monkeypatch):
    from bisenet_ros import inference_worker

    monkeypatch.setattr(inference_worker, "_STOP_TIMEOUT_S", 0.2)
    begun, gate = threading.Event(), threading.Event()
    segment = Segmenter.segment

    def hang(*arguments):
        begun.set()
        assert gate.wait(TIMEOUT_S)
        return segment(*arguments)

    assert node.start()
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    with Observer() as observer, monkeypatch.context() as hanging:
        heard, camera = observer.listen("/segmentation/labels"), observer.camera()
        hanging.setattr(Segmenter, "segment", hang)
        observer.publish_until(
            camera, _message(_picture()),
            lambda: executor.spin_once(timeout_sec=0) or begun.is_set(), "an image in work")
        left_behind = node._pipeline._worker._thread
        (state,) = node._pipeline.states("active")
        assert judge(state._replace(now=state.now + 99), state.counts, state.counts)[0].kind == "hung"
        node.trigger_deactivate()
        assert node._fault == "deactivate failed: RuntimeError: the network does not return"
        hanging.undo()
        assert node.start()
        again = observer.camera()
        observer.publish_until(again, _message(_picture(), second=2),
                               lambda: executor.spin_once(timeout_sec=0) or heard, "labels")
    node.stop()
    counts = node._accounts[0].counts()
    gate.set()
    left_behind.join(TIMEOUT_S)
    assert counts == node._accounts[0].counts()
    assert (counts.pending, counts.failed) == (0, {"abandoned": 1})
    executor.shutdown()
