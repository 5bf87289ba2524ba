"""The real node as a process, and ChildProcess: any Python program as one, which ends with its tool."""

import ctypes
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, TypeVar

import rclpy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

from bisenet_core.errors import InputError, explain_os_errors
from bisenet_ros.harness.node_watch import listen, spinning
from bisenet_ros.harness.tool import BAD_INPUT

_PR_SET_PDEATHSIG = 1
# Found now: between fork and exec, a lock that another thread held would stay held.
_PRCTL = ctypes.CDLL(None).prctl if sys.platform.startswith("linux") else None

_STOP_TIMEOUT_S = 10.0
_LAST_BREATH_S = 1.0


class ChildProcess:
    """A Python module, or a file *.py, run as a process from now on; ``with`` stops it.

    stderr, and stdout where no other is given, go to ``log``. It has a session of its own, so that Ctrl-C
    reaches the tool alone, which then stops its children in order; it also ends when the tool is killed.
    """

    def __init__(self, program: str, arguments: list[str], log: Path, stdin: int = subprocess.DEVNULL,
                 stdout: int | None = None) -> None:
        self.log = log
        paths = filter(None, [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH")])
        with log.open("wb") as log_file:
            self._process = subprocess.Popen(
                [sys.executable, *([] if program.endswith(".py") else ["-m"]), program, *arguments],
                stdin=stdin,
                stdout=log_file if stdout is None else stdout,
                stderr=log_file,
                env=dict(os.environ, PYTHONPATH=os.pathsep.join(paths), PYTHONUNBUFFERED="1"),
                text=True,
                start_new_session=True,
                preexec_fn=_prepare,
            )

    def __enter__(self) -> "ChildProcess":
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit status, or None while it runs."""
        return self._process.poll()

    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self.status is not None

    def stop(self) -> None:
        """Send SIGINT, as a terminal does; a process that does not heed it is terminated, then killed."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            if self.has_ended():
                return
            self._process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_TIMEOUT_S)

    def last_error(self) -> str:
        """What killed it, or the last error in its log, or the last line, or its exit status: one line."""
        with suppress(subprocess.TimeoutExpired):  # a closed pipe may tell of its end before its status does
            self._process.wait(_LAST_BREATH_S)
        if (self.status or 0) < 0:
            return f"killed by {signal.Signals(-(self.status or 0)).name}"
        text = self.log.read_bytes().decode("utf-8", "replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        errors = [line for line in lines if "[ERROR]" in line or "[FATAL]" in line]
        if errors:
            return errors[-1].split("]: ", 1)[-1]
        return lines[-1] if lines else f"exit status {self.status}"


def _prepare() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # who is run in the background, as `demo &`, ignores it
    if _PRCTL is not None:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGTERM)


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
