"""`lifecycle_process.py MODEL CYCLES`: a node through its lifecycle again and again; one JSON line per cycle.

In each cycle the node is configured, labels an image, is deactivated and cleaned up. A line has the process's
resident memory in KiB, its threads and its open files; a part of a pipeline that stays is an error. (rclpy
itself keeps a weak reference to each publisher and subscription that there ever was.)
"""

import gc
import json
import os
import sys
import time

import numpy as np
import rclpy
from node_harness import TIMEOUT_S
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from bisenet_core.runtime.backend import InferenceBackend
from bisenet_core.runtime.memory import keep_freed_memory
from bisenet_core.runtime.segmenter import Segmenter
from bisenet_ros.camera import CameraStream
from bisenet_ros.image_messages import image_to_msg
from bisenet_ros.inference_worker import InferenceWorker
from bisenet_ros.outputs import LabelOutputs
from bisenet_ros.pipeline import SegmentationPipeline
from bisenet_ros.segmentation_node import SegmentationNode


def main():
    """Run the cycles; what goes wrong is raised."""
    keep_freed_memory()
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    node = SegmentationNode(parameter_overrides=[
        Parameter("model", value=sys.argv[1]), Parameter("precision", value="fp32"),
        Parameter("cameras", value=["front", "left"]), Parameter("masks", value=["Road"])])
    planner, heard = rclpy.create_node("planner"), []
    planner.create_subscription(Image, "/segmentation/left/labels", heard.append, 1)
    camera = planner.create_publisher(Image, "/left/image", 1)
    gc.freeze()  # what is loaded for good need not be looked at in every cycle
    message = image_to_msg(np.zeros((480, 640, 3), np.uint8), "rgb8", Header())
    for _ in range(int(sys.argv[2])):
        _cycle(node, planner, heard, lambda: camera.publish(message))
        assert not _parts(), "parts of the pipeline are left"
        print(json.dumps(_usage()), flush=True)
    node.stop()
    planner.destroy_node()
    node.destroy_node()
    rclpy.shutdown()


def _cycle(node, planner, heard, send):
    # An executor of its own: it keeps the callbacks of its last wait, and with them their pipeline, until it
    # waits again.
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    executor.add_node(planner)
    heard.clear()
    assert node.start()
    deadline = time.monotonic() + TIMEOUT_S
    while not heard:
        assert time.monotonic() < deadline, "no labels"
        send()
        executor.spin_once(timeout_sec=0.05)
    for transition in (node.trigger_deactivate, node.trigger_cleanup):
        assert transition().name == "SUCCESS"
    executor.shutdown()


def _usage():
    with open("/proc/self/status") as file:
        lines = dict(line.split(":", 1) for line in file)
    return {"memory": int(lines["VmRSS"].split()[0]), "threads": int(lines["Threads"]),
            "files": len(os.listdir("/proc/self/fd"))}


def _parts():
    gc.collect()
    kinds = (SegmentationPipeline, CameraStream, LabelOutputs, InferenceWorker, Segmenter, InferenceBackend)
    return sum(issubclass(type(one), kinds) for one in gc.get_objects())


main()
