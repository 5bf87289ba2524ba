"""NodeUnderLoad: the real node, the camera processes that load it, and when its labels come back."""

import json
import platform
import time
from array import array
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from piped_process import PipedProcess
from process_usage import Usage, usage
from sensor_msgs.msg import Image

from bisenet_core import __version__
from bisenet_ros.harness.node_process import NodeProcess, ProcessError, ended
from bisenet_ros.harness.node_watch import RUNS
from bisenet_ros.harness.player import stamp_ns

_SETTLE_TIMEOUT_S = 10.0


class Sending(NamedTuple):
    """What a camera process sends."""

    size: str            # WIDTHxHEIGHT
    rate: float          # images a second
    images: int = 0      # 0 = until told to stop
    white: bool = False  # one image in five is white


class NodeUnderLoad(NodeProcess):
    """The node with these parameters and so many cameras, started by ``with``, which ends it after them.

    Several cameras have the names camera0, camera1, ...; ``latency_ms`` is noted of each. Logs go into
    ``folder``. Raises InputError where nothing can be written into it.
    """

    def __init__(self, parameters: dict[str, Any], folder: Path, cameras: int = 1) -> None:
        self.names = [f"camera{index}" for index in range(cameras)]
        self.latency_ms = [array("d") for _ in self.names]  # the images' stamps to receipt of their labels
        self.cameras: list[PipedProcess] = []
        if cameras > 1:
            parameters = dict(parameters, cameras="[{}]".format(", ".join(self.names)))
        super().__init__(parameters, folder, self._note_latency, self.names if cameras > 1 else ("",))

    def node_usage(self) -> Usage:
        """What the node takes. Raises ProcessError when it has ended."""
        try:
            return usage(self.node.pid)
        except OSError:
            raise ended("node", self.node) from None

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

    def _start_camera(self, index: int) -> PipedProcess:
        compressed = self._parameters.get("image_transport") == "compressed"
        parts = [self.namespace, self._cameras[index], "image/compressed" if compressed else "image"]
        size, rate, images, white = self._sending
        arguments = ["/".join(filter(None, parts)), "--size", size, "--rate", str(rate),
                     "--count", str(images)] + ["--white"] * white
        program, log = Path(__file__).with_name("camera_process.py"), self._folder / f"camera{index}.log"
        return self._stack.enter_context(PipedProcess(str(program), arguments, log))

    def _wait_for_match(self, camera: PipedProcess) -> None:
        self.wait(lambda: camera.has_output(0.0))
        _line_of(camera)


def _line_of(camera: PipedProcess) -> str:
    line = camera.read_line()
    if not line:
        raise ended("camera", camera)
    return line


def what_runs(facts: dict[str, str]) -> dict[str, str]:
    """The network and what it runs on, from a status, and the versions of what it runs with."""
    backend = facts["backend"]
    versions = {"bisenet_version": __version__, "python_version": platform.python_version()}
    with suppress(metadata.PackageNotFoundError):  # a build that goes by another name
        versions["backend_version"] = metadata.version(backend)
    return {**{name: facts[name] for name in RUNS}, **versions}
