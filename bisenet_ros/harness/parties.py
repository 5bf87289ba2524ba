"""The real node, its cameras and its planner, each a process of its own, started and asked from here."""

import json
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from bisenet_core.errors import InputError
from bisenet_ros.harness.child_process import ChildProcess
from bisenet_ros.harness.process_usage import Usage, usage
from bisenet_ros.harness.status import Status

READY_TIMEOUT_S = 90.0
_SETTLE_TIMEOUT_S = 10.0
_POLL_S = 0.2

# After this long without an image, the last one has come to the node: from then on diagnostics tell of it.
_QUIET_S = 1.5


class Setting(NamedTuple):
    """What runs."""

    model: str
    parameters: dict[str, Any]  # of the node, beside the model and those that follow from what is below
    size: str                   # WIDTHxHEIGHT
    rate: float
    cameras: int = 1
    transport: str = "raw"
    images: int = 0             # that each camera sends; 0 = until told
    white: bool = False         # one image in five is white


class Parties:
    """All processes; ``with`` stops them, cameras first. Logs go into ``folder``.

    They have a namespace of their own: domains are few, and others on this machine may use the same one.
    """

    def __init__(self, setting: Setting, folder: Path) -> None:
        make_writable(folder)
        self.setting = setting
        self._namespace = "/load{}".format(os.getpid())
        self.names = ["camera{}".format(index) for index in range(setting.cameras)]
        self.cameras: list[ChildProcess] = []
        self._folder = folder
        self._stack = ExitStack()

    def __enter__(self) -> "Parties":
        with ExitStack() as stack:
            self.node = stack.enter_context(ChildProcess(
                "bisenet_ros.segmentation_node", self._node_arguments(), self._folder / "node.log"))
            self.planner = stack.enter_context(ChildProcess(
                "bisenet_ros.harness.planner_process", self.label_topics(), self._folder / "planner.log",
                talks=True))
            self._wait(self._is_ready, READY_TIMEOUT_S, "the node is not active")
            stack.callback(self._stop_cameras)
            for index in range(self.setting.cameras):
                self.cameras.append(self._start_camera(index))
            for camera in self.cameras:
                self._wait_for_match(camera)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def replace_camera(self, index: int) -> None:
        """Another camera process, matched, in the place of one, which is stopped and forgotten."""
        self.cameras[index].stop()
        self.cameras[index] = self._start_camera(index)
        self._wait_for_match(self.cameras[index])

    def sent(self, index: int) -> int:
        """How many images a camera has sent; waits until it is done. Raises InputError when it is gone."""
        return int(json.loads(_line(self.cameras[index], "camera"))["sent"])

    def label_topics(self) -> list[str]:
        """Of each camera, in order."""
        return [self._namespace + "/segmentation/" + place + "labels" for place in self._places()]

    def ask_planner(self) -> dict[str, Any]:
        """The planner's report."""
        self.planner.say("report")
        return dict(json.loads(_line(self.planner, "planner")))

    def node_usage(self) -> Usage:
        """What the node takes. Raises InputError when it has ended."""
        try:
            return usage(self.node.pid)
        except OSError:
            raise _ended("node", self.node) from None

    def settle(self, listen: Callable[[], list[Status]]) -> None:
        """Once every camera has ended, wait until each image has its fate; ``listen`` asks for statuses.

        Raises InputError when that takes too long, or when the node ends.
        """
        quiet = time.monotonic() + _QUIET_S

        def is_settled() -> bool:
            return all(one.facts["pending"] == "0" and time.monotonic() - one.age_s > quiet
                       for one in listen())

        self._wait(is_settled, _SETTLE_TIMEOUT_S, "the node's account does not come to rest")

    def statuses(self, report: dict[str, Any]) -> list[Status]:
        """Of each camera, from a report; fewer before all have been heard."""
        cameras = self.names if self.setting.cameras > 1 else ["image"]
        names = ["{}/segmentation: {}".format(self._namespace[1:], camera) for camera in cameras]
        return [Status(**report["statuses"][name]) for name in names if name in report["statuses"]]

    def _wait(self, condition: Callable[[], Any], timeout_s: float, complaint: str) -> None:
        """Poll until ``condition``. Raises InputError after ``timeout_s``, or when the node ends."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            self._check_node()
            if time.monotonic() > deadline:
                raise InputError("{} after {:.0f} s; see {}".format(complaint, timeout_s, self.node.log))
            time.sleep(_POLL_S)

    def _wait_for_match(self, camera: ChildProcess) -> None:
        """Wait until the node has subscribed to it. Raises InputError when either ends instead."""
        while not camera.has_output(_POLL_S):
            self._check_node()
        _line(camera, "camera")

    def _check_node(self) -> None:
        if self.node.has_ended():
            raise _ended("node", self.node)

    def _start_camera(self, index: int) -> ChildProcess:
        setting = self.setting
        arguments = [self._image_topics()[index], "--size", setting.size, "--rate", str(setting.rate),
                     "--count", str(setting.images)]
        return ChildProcess(
            "bisenet_ros.harness.camera_process", arguments + (["--white"] if setting.white else []),
            self._folder / "camera{}.log".format(index), talks=True)

    def _stop_cameras(self) -> None:
        for camera in self.cameras:
            camera.stop()

    def _is_ready(self) -> bool:
        statuses = self.statuses(self.ask_planner())
        active = [one for one in statuses if one.facts["state"] == "active"]
        return len(active) == self.setting.cameras

    def _image_topics(self) -> list[str]:
        end = "image/compressed" if self.setting.transport == "compressed" else "image"
        return [self._namespace + "/" + place + end for place in self._places()]

    def _places(self) -> list[str]:
        """What stands before "image" and "labels" in each camera's topics."""
        return [name + "/" for name in self.names] if self.setting.cameras > 1 else [""]

    def _node_arguments(self) -> list[str]:
        parameters = dict(self.setting.parameters, model=self.setting.model)
        if self.setting.cameras > 1:
            parameters["cameras"] = "[{}]".format(", ".join(self.names))
        if self.setting.transport != "raw":
            parameters["image_transport"] = self.setting.transport
        arguments = ["--ros-args", "-r", "__ns:=" + self._namespace]
        for name, value in parameters.items():
            arguments += ["-p", "{}:={}".format(name, value)]
        return arguments


def make_writable(folder: Path) -> None:
    """Make a folder for logs. Raises InputError where nothing can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "node.log").touch()
    except OSError as error:
        raise InputError("cannot write to {}: {}; choose another --output".format(
            folder, error.strerror)) from None


def _line(process: ChildProcess, who: str) -> str:
    line = next(process.lines(), "")
    if not line:
        raise _ended(who, process)
    return line


def _ended(who: str, process: ChildProcess) -> InputError:
    return InputError("the {} ended: {}; see {}".format(who, process.last_error(), process.log))
