"""NodeProcess: the real node as a process, and what listens to its labels and diagnostics."""

import math
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import rclpy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

from bisenet_core.errors import InputError, explain_os_errors
from bisenet_ros.harness.child_process import ChildProcess
from bisenet_ros.harness.node_watch import listen, spinning
from bisenet_ros.harness.tool import BAD_INPUT

AnyProcess = TypeVar("AnyProcess", bound="NodeProcess")

READY_TIMEOUT_S = 90.0


class ProcessError(InputError):
    """The node, or a process that loads it, has ended or took too long.

    ``bad_input``: it had been given something that it cannot work with.
    """

    def __init__(self, text: str, bad_input: bool = False) -> None:
        super().__init__(text)
        self.bad_input = bad_input


class NodeProcess:
    """The node with these parameters, started by ``with``, which ends it.

    ``on_labels`` gets a camera's place in ``cameras``, names of which one alone is "", and its labels, in the
    listener's thread. Logs go into ``folder``. Raises InputError where nothing can be written into it.
    """

    program = "bisenet_ros.segmentation_node"

    def __init__(self, parameters: dict[str, Any], folder: Path, on_labels: Callable[[int, Image], None],
                 cameras: Sequence[str] = ("",)) -> None:
        make_writable(folder)
        # Domains are few, and others on this machine may use the same one: the namespace keeps them apart.
        self.namespace = f"/load{os.getpid()}"
        self._parameters, self._folder = parameters, folder
        self._on_labels, self._cameras = on_labels, cameras
        self._stack = ExitStack()

    def __enter__(self: AnyProcess) -> AnyProcess:
        with ExitStack() as stack:
            self.node = stack.enter_context(ChildProcess(
                self.program, self._node_arguments(), self._folder / "node.log"))
            rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)  # Ctrl-C belongs to the tool
            stack.callback(rclpy.try_shutdown)
            self.ros = rclpy.create_node("listener", namespace=self.namespace)
            self.watch = listen(self.ros, "segmentation", self._on_labels, self._cameras)
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
            raise ended("node", self.node)

    def _node_arguments(self) -> list[str]:
        arguments = ["--ros-args", "-r", "__ns:=" + self.namespace]
        for name, value in self._parameters.items():
            arguments += ["-p", f"{name}:={value}"]
        return arguments


def make_writable(folder: Path) -> None:
    """Make a folder for logs. Raises InputError where nothing can be written into it."""
    with explain_os_errors(f"cannot write to {folder}", "choose another --output"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "node.log").touch()


def ended(who: str, process: ChildProcess) -> ProcessError:
    """What to raise where a process has ended."""
    return ProcessError(f"the {who} ended: {process.last_error()}; see {process.log}",
                       bad_input=process.status == BAD_INPUT)
