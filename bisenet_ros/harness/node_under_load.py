"""NodeUnderLoad: the real node as a process, the camera processes that load it, and what comes back."""

import json
import math
import os
import time
from array import array
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import rclpy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

from bisenet_core.errors import InputError, explain_os_errors
from bisenet_ros.harness.camera_publisher import stamp_ns
from bisenet_ros.harness.child_process import ChildProcess
from bisenet_ros.harness.listening import listen, spinning
from bisenet_ros.harness.process_usage import Usage, usage
from bisenet_ros.harness.tool import BAD_INPUT

READY_TIMEOUT_S = 90.0
_SETTLE_TIMEOUT_S = 10.0


class ProcessError(InputError):
    """The node or a camera has ended, or took too long.

    ``bad_input``: it had been given something that it cannot work with.
    """

    def __init__(self, text: str, bad_input: bool = False) -> None:
        super().__init__(text)
        self.bad_input = bad_input


class Sending(NamedTuple):
    """What a camera process sends."""

    size: str            # WIDTHxHEIGHT
    rate: float          # images a second
    images: int = 0      # 0 = until told to stop
    white: bool = False  # one image in five is white


class NodeUnderLoad:
    """The node with these parameters, started by ``with``, which ends it after its cameras.

    ``cameras``: how many the node serves; several have the names camera0, camera1, ... ``on_labels`` gets a
    camera's place and its labels, in the listener's thread; by default ``latency_ms`` is noted of each.
    Logs go into ``folder``. Raises InputError where nothing can be written into it.
    """

    def __init__(self, parameters: dict[str, Any], folder: Path, cameras: int = 1,
                 on_labels: Callable[[int, Image], None] | None = None) -> None:
        make_writable(folder)
        self.names = [f"camera{index}" for index in range(cameras)]
        self.latency_ms = [array("d") for _ in self.names]  # the images' stamps to receipt of their labels
        self.cameras: list[ChildProcess] = []
        # Domains are few, and others on this machine may use the same one: the namespace keeps them apart.
        self.namespace = f"/load{os.getpid()}"
        self._topic_parts = self.names if cameras > 1 else [""]
        self._parameters = parameters
        self._folder = folder
        self._on_labels = on_labels or self._note_latency
        self._stack = ExitStack()

    def __enter__(self) -> "NodeUnderLoad":
        with ExitStack() as stack:
            self.node = stack.enter_context(ChildProcess(
                "bisenet_ros.segmentation_node", self._node_arguments(), self._folder / "node.log"))
            rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)  # Ctrl-C belongs to the tool
            stack.callback(rclpy.try_shutdown)
            self.ros = rclpy.create_node("listener", namespace=self.namespace)
            self.watch = listen(self.ros, "segmentation", self._on_labels, self._topic_parts)
            stack.enter_context(spinning(self.ros))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def wait(self, condition: Callable[[], object], timeout_s: float = math.inf, complaint: str = "") -> None:
        """Return once ``condition`` is true. Raises ProcessError when the node ends, or after the timeout."""
        in_time = self.watch.wait(lambda: self.node.has_ended() or condition(), timeout_s)
        self.check_node()
        if not in_time:
            raise ProcessError(f"{complaint} after {timeout_s:.0f} s; see {self.node.log}")

    def wait_until_active(self) -> None:
        """Return once the node takes images. Raises ProcessError."""
        self.wait(lambda: not self.watch.not_active(), READY_TIMEOUT_S, "the node is not active")

    def check_node(self) -> None:
        """Raise ProcessError where the node has ended."""
        if self.node.has_ended():
            raise _ended("node", self.node)

    def node_usage(self) -> Usage:
        """What the node takes. Raises ProcessError when it has ended."""
        try:
            return usage(self.node.pid)
        except OSError:
            raise _ended("node", self.node) from None

    def start_cameras(self, sending: Sending) -> None:
        """Start a process for each camera, and wait until the node has subscribed to it."""
        self._sending = sending
        self.cameras = [self._start_camera(index) for index in range(len(self.names))]
        for camera in self.cameras:
            self._wait_for_match(camera)

    def replace_camera(self, index: int) -> None:
        """Stop a camera's process and start another one in its place."""
        self.cameras[index].stop()
        self.cameras[index] = self._start_camera(index)
        self._wait_for_match(self.cameras[index])

    def sent(self, index: int) -> int:
        """How many images a camera has sent; waits until it is done. Raises ProcessError when it is gone."""
        return int(json.loads(_line_of(self.cameras[index]))["sent"])

    def settle(self, sent: int) -> None:
        """Wait until it is known what became of each of ``sent`` images, all that the cameras have sent.

        Raises ProcessError when that takes too long, or when the node ends.
        """
        self.watch.settle(
            sent, lambda: sum(map(len, self.latency_ms)), _SETTLE_TIMEOUT_S, self.node.has_ended)
        self.check_node()
        if self.watch.counts().pending:
            raise ProcessError(f"the node's account does not come to rest after {_SETTLE_TIMEOUT_S:.0f} s; "
                              f"see {self.node.log}")

    def _note_latency(self, camera: int, message: Image) -> None:
        # by the system's clock, by which the camera process has stamped the image
        latency_ms = (time.time_ns() - stamp_ns(message.header.stamp)) / 1e6
        self.latency_ms[camera].append(round(latency_ms, 3))

    def _start_camera(self, index: int) -> ChildProcess:
        compressed = self._parameters.get("image_transport") == "compressed"
        parts = [self.namespace, self._topic_parts[index], "image/compressed" if compressed else "image"]
        size, rate, images, white = self._sending
        arguments = ["/".join(filter(None, parts)), "--size", size, "--rate", str(rate),
                     "--count", str(images)] + ["--white"] * white
        return self._stack.enter_context(ChildProcess(
            "bisenet_ros.harness.camera_process", arguments, self._folder / f"camera{index}.log", piped=True))

    def _wait_for_match(self, camera: ChildProcess) -> None:
        self.wait(lambda: camera.has_output(0.0))
        _line_of(camera)

    def _node_arguments(self) -> list[str]:
        parameters = dict(self._parameters)
        if len(self.names) > 1:
            parameters["cameras"] = "[{}]".format(", ".join(self.names))
        arguments = ["--ros-args", "-r", "__ns:=" + self.namespace]
        for name, value in parameters.items():
            arguments += ["-p", f"{name}:={value}"]
        return arguments


def make_writable(folder: Path) -> None:
    """Make a folder for logs. Raises InputError where nothing can be written into it."""
    with explain_os_errors(f"cannot write to {folder}", "choose another --output"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "node.log").touch()


def _line_of(camera: ChildProcess) -> str:
    line = camera.read_line()
    if not line:
        raise _ended("camera", camera)
    return line


def _ended(who: str, process: ChildProcess) -> ProcessError:
    return ProcessError(f"the {who} ended: {process.last_error()}; see {process.log}",
                       bad_input=process.status == BAD_INPUT)
