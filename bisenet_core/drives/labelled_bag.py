"""Write what the node would have published for a recording, as a new ROS 2 bag."""

import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from bisenet_core.drives import label_messages as messages
from bisenet_core.drives.bag_drive import BagDrive
from bisenet_core.drives.drive import Frame
from bisenet_core.errors import InputError, explain_os_errors
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.labels.visualization import overlay

LABELS = "/segmentation/labels"
OVERLAY = "/segmentation/overlay"
LABEL_INFO = "/segmentation/label_info"
DIAGNOSTICS = "/diagnostics"

_STATUS = "segmentation: image"  # as the node calls it
_SECOND = 1_000_000_000


class LabelledBagWriter:
    """A bag folder of one .mcap, with the recorded stamps, frame names and times of recording.

    Labels are mono8, the overlay is rgb8. The label info comes once, with the first frame; diagnostics once a
    second of the recording, with the counts that ``write`` was given last.

    To be used with ``with``; of one that fails nothing is left. Raises InputError where ``path`` exists, lies
    in the source, or cannot be written.
    """

    def __init__(self, path: Path, source: BagDrive, label_space: LabelSpace) -> None:
        _refuse_what_is_there(path, source.path)
        self.path = path
        self._label_space = label_space
        self._counts: Mapping[str, object] = {}
        self._last_ns = self._next_report = -1
        self._connections: dict[str, Any] = {}
        with self._explaining():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = messages.open_writer(path)

    def write(self, frame: Frame, labels: np.ndarray | None, counts: Mapping[str, object]) -> None:
        """Add a frame; they come in the order of the recording.

        ``labels``: HxW uint8 of the frame's size, or None where it was not labelled. ``counts``: the account
        so far, this frame in it, such as received, published and failed. Raises InputError.
        """
        with self._explaining():
            if self._last_ns < 0:
                self._begin(frame)
            elif frame.recorded_ns >= self._next_report:
                self._report(self._next_report)
                # A recording may have gaps, or a clock that jumps: a second without images has no report.
                self._next_report += _SECOND * (1 + (frame.recorded_ns - self._next_report) // _SECOND)
            self._counts, self._last_ns = dict(counts), frame.recorded_ns
            if labels is not None and frame.image is not None:
                self._write_labels(frame, frame.image, labels)

    def __enter__(self) -> "LabelledBagWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *about: Any) -> None:
        whole = False
        try:
            if kind is None:
                with self._explaining():
                    self._finish()
                whole = True
        finally:
            if not whole:
                self._discard()

    def _begin(self, frame: Frame) -> None:
        self._next_report = frame.recorded_ns + _SECOND
        header = messages.header(frame.stamp_ns, frame.frame_id)
        self._put(LABEL_INFO, frame.recorded_ns, messages.label_info(self._label_space, header))

    def _write_labels(self, frame: Frame, image: np.ndarray, labels: np.ndarray) -> None:
        header = messages.header(frame.stamp_ns, frame.frame_id)
        self._put(LABELS, frame.recorded_ns, messages.image(labels, "mono8", header))
        picture = overlay(image, labels, self._label_space)
        self._put(OVERLAY, frame.recorded_ns, messages.image(picture, "rgb8", header))

    def _report(self, time_ns: int) -> None:
        header = messages.header(time_ns, "")
        self._put(DIAGNOSTICS, time_ns, messages.diagnostics(_STATUS, "replayed", self._counts, header))

    def _put(self, topic: str, time_ns: int, message: Any) -> None:
        if topic not in self._connections:
            latched = topic == LABEL_INFO
            self._connections[topic] = messages.add_topic(self._writer, topic, message.__msgtype__, latched)
        self._writer.write(self._connections[topic], time_ns, messages.serialise(message))

    def _finish(self) -> None:
        if self._last_ns >= 0:
            self._report(self._last_ns)
        self._writer.close()

    def _discard(self) -> None:
        with suppress(Exception):
            self._writer.close()
        shutil.rmtree(self.path, ignore_errors=True)

    def _explaining(self) -> AbstractContextManager[None]:
        return explain_os_errors(f"cannot write {self.path}", "choose another folder or make room")


def _refuse_what_is_there(path: Path, source: Path) -> None:
    if path.exists() or path.is_symlink():
        raise InputError(f"{path} exists already; a labelled bag never replaces anything: name a new folder")
    if source.resolve() in path.resolve().parents:
        raise InputError(f"{path} would lie in the recording {source}; name a folder outside of it")
