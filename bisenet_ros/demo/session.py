"""One playing of a drive through the real node, from start to stop."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from sensor_msgs.msg import Image

from bisenet_core.drives.drive import Drive, Frame
from bisenet_core.drives.image_files import write_image
from bisenet_core.errors import InputError
from bisenet_ros.demo.preparation import emptied
from bisenet_ros.harness.live_account import LiveAccount
from bisenet_ros.harness.node_process import READY_TIMEOUT_S, NodeProcess, ProcessError
from bisenet_ros.harness.node_watch import NodeAccount
from bisenet_ros.harness.player import SETTLE_S, Player, Timeline, create_camera, stamp_ns
from bisenet_ros.image_messages import image_from_msg

_SETTLE_TIMEOUT_S = 5.0


class Playing(NamedTuple):
    """What came of playing a drive."""

    published: int
    latency_ms: dict[int, float]  # publish to label receipt, by index of the labelled frames
    seconds: float                # from the first image sent to the last labels received
    received: int                 # label images
    unwritten: int                # of them, those that could not be written
    account: NodeAccount | None
    interrupted: bool
    left_out: list[str]           # why, of each frame that could not be read, one line
    failure: str | None           # why it ended early, one line
    bad_input: bool               # whether that was the input's fault


class LabelRecorder:
    """Notes in ``account`` what comes, and writes it to ``folder``/<name of the frame>.png, 8-bit grey.

    Each is written at once: memory does not grow with the drive, and nothing received is lost when the
    playing is cut short.
    """

    def __init__(self, folder: Path, account: LiveAccount) -> None:
        self.latency_ms: dict[int, float] = {}  # publication to receipt, by index of the frames that are kept
        self.last_received = 0.0  # time.monotonic()
        self.unwritten = 0  # labels that came and could not be kept
        self.failure = ""  # why, for the first of them, one line
        self._folder = folder
        self._account = account

    def on_labels(self, camera: int, message: Image) -> None:
        """Keep the labels of a frame that was played; others are left out."""
        received = time.monotonic()
        sent = self._account.receive(stamp_ns(message.header.stamp), received, None)
        if sent is None:
            return
        try:
            write_image(self._folder / f"{sent.name}.png", image_from_msg(message)[0])
        except InputError as error:  # such as a full disk; raised in this thread it would be lost
            self.unwritten += 1
            self.failure = self.failure or str(error)
            return
        self.last_received = received
        self.latency_ms[sent.index] = 1e3 * (received - sent.at)


class DemoSession:
    """Plays a drive through the node with ``parameters``; labels and node.log go into ``output``.

    ``on_progress`` is called with the numbers of frames published and labels received. ``strict``: the
    playing ends at a frame that cannot be read; else such frames are left out.
    """

    def __init__(self, parameters: dict[str, Any], output: Path,
                 on_progress: Callable[[int, int], None], strict: bool = False) -> None:
        self._strict = strict
        self._account = LiveAccount()
        self._recorder = LabelRecorder(emptied(output / "labels"), self._account)
        self._load = NodeProcess(parameters, output, self._recorder.on_labels)
        self._on_progress = on_progress

    def run(self, drive: Drive) -> Playing:
        """Play to the end, to Ctrl-C or to a failure; what was received by then is kept in every case."""
        interrupted, failure = False, None
        with self._load as load:
            try:
                self._play(drive)
            except KeyboardInterrupt:
                interrupted = True
            except InputError as error:
                failure = error
            with suppress(KeyboardInterrupt):  # asked twice to hurry
                load.watch.settle(self._account.published, lambda: self._account.labelled, _SETTLE_TIMEOUT_S,
                                  lambda: not load.watch.accounts or load.node.has_ended())
            self._show_progress()
        return self._outcome(interrupted, failure)

    def _play(self, drive: Drive) -> None:
        load = self._load
        camera = create_camera(load.ros, Image, "image")
        load.wait_until_active()
        load.wait(camera.get_subscription_count, READY_TIMEOUT_S, "the node has not subscribed")
        time.sleep(SETTLE_S)
        Player(camera, self._account, Timeline(1.0, 0)).play(_from_zero(drive, self._strict), self._go_on)

    def _go_on(self) -> bool:
        self._load.check_node()
        if self._recorder.failure:
            raise InputError(self._recorder.failure)
        self._show_progress()
        return True

    def _show_progress(self) -> None:
        self._on_progress(self._account.published, self._account.labelled)

    def _outcome(self, interrupted: bool, failure: InputError | None) -> Playing:
        figures, recorder, accounts = self._account.figures(), self._recorder, self._load.watch.accounts
        text = str(failure) if failure else None
        if recorder.unwritten:
            text = f"{recorder.unwritten} label image(s) could not be written: {recorder.failure}"
        bad_input = failure.bad_input if isinstance(failure, ProcessError) else failure is not None
        return Playing(
            figures.published, recorder.latency_ms, recorder.last_received - figures.began_at,
            figures.labelled + figures.strays, recorder.unwritten, accounts[0] if accounts else None,
            interrupted, list(figures.unreadable.elements()), text, bad_input)


def _from_zero(drive: Drive, strict: bool) -> Iterator[Frame]:
    """The frames of a drive, which begins at 0 ns; the problem of one that cannot be read names its file."""
    began_ns = None
    for frame in drive if strict else drive.frames():
        began_ns = frame.recorded_ns if began_ns is None else began_ns
        problem = drive.explain(frame) if frame.problem else ""
        yield replace(frame, recorded_ns=frame.recorded_ns - began_ns, problem=problem)
