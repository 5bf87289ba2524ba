"""Write new ROS 2 bags: messages of any kind, and what the node would have published for a recording."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bisenet_core.drives import bag_messages as messages
from bisenet_core.drives.drive import Frame
from bisenet_core.errors import InputError, explain_os_errors
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.labels.visualization import overlay

LABELS = "/segmentation/labels"
CONFIDENCE = "/segmentation/confidence"
OVERLAY = "/segmentation/overlay"
LABEL_INFO = "/segmentation/label_info"
DIAGNOSTICS = "/diagnostics"

_STATUS = "segmentation: image"  # as the node calls it
_NUMBERS = "/replay"
_SECOND = 1_000_000_000


class BagWriter:
    """A bag folder of one .mcap with chunks compressed by zstd, as viewers and `ros2 bag` read them.

    To be used with ``with``; of one that fails nothing is left. Raises InputError where ``path`` exists,
    cannot be written, or rosbags is not installed.
    """

    def __init__(self, path: Path) -> None:
        if path.exists() or path.is_symlink():
            raise InputError(f"{path} exists already; a bag never replaces anything: name a new folder")
        self.path = path
        self._connections: dict[str, Any] = {}
        messages.typestore()  # first of all: it says in one line that rosbags is missing
        with self._explaining():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = _open(path)

    def put(self, topic: str, time_ns: int, message: Any, latched: bool = False) -> None:
        """Add a message, recorded at ``time_ns``. ``latched``: who subscribes late gets it, too, as it is
        played. Raises InputError."""
        store, msgtype = messages.typestore(), message.__msgtype__
        with self._explaining():
            if topic not in self._connections:
                qos = {"offered_qos_profiles": [_latched_qos()] if latched else []}
                self._connections[topic] = self._writer.add_connection(topic, msgtype, typestore=store, **qos)
            data = store.serialize_cdr(message, msgtype)
            self._writer.write(self._connections[topic], time_ns, data)

    def __enter__(self) -> "BagWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *about: Any) -> None:
        whole = False
        try:
            if kind is None:
                with self._explaining():
                    self._writer.close()
                whole = True
        finally:
            if not whole:
                with suppress(Exception):
                    self._writer.close()
                shutil.rmtree(self.path, ignore_errors=True)

    def _explaining(self) -> AbstractContextManager[None]:
        return explain_os_errors(f"cannot write {self.path}", "choose another folder or make room")


def _open(folder: Path) -> Any:
    from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

    writer = Writer(folder, version=Writer.VERSION_LATEST, storage_plugin=StoragePlugin.MCAP)
    writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
    writer.open()
    return writer


def _latched_qos() -> Any:
    from rosbags import interfaces as ros

    never = ros.QosTime(0, 0)
    reliable, kept = ros.QosReliability.RELIABLE, ros.QosDurability.TRANSIENT_LOCAL
    alive = ros.QosLiveliness.SYSTEM_DEFAULT
    return ros.Qos(ros.QosHistory.KEEP_LAST, 1, reliable, kept, never, never, alive, never, False)


class LabelledFrame(NamedTuple):
    """A frame, with HxW uint8 labels and confidence (255 times a probability); None where there are none."""

    frame: Frame
    labels: np.ndarray | None
    confidence: np.ndarray | None
    numbers: Mapping[str, float]
    """Of this frame, by name: what viewers draw over the time."""


@contextmanager
def open_labelled_bag(
    path: Path, source: Path, label_space: LabelSpace
) -> Iterator["LabelledBagWriter"]:
    """A writer into the new bag ``path``, of which nothing is left where the block fails.

    Raises InputError where ``path`` exists, lies in the source, or cannot be written.
    """
    if source.resolve() in path.resolve().parents:
        raise InputError(f"{path} would lie in the recording {source}; name a folder outside of it")
    with BagWriter(path) as bag:
        writer = LabelledBagWriter(bag, label_space)
        yield writer
        writer.finish()


class LabelledBagWriter:
    """Writes into ``bag`` with the recorded stamps, frame names and times of recording.

    Labels and confidence are mono8, the overlay is rgb8. The label info comes once, with the first frame;
    diagnostics once a second of the recording, with the counts that ``write`` was given last.
    """

    def __init__(self, bag: BagWriter, label_space: LabelSpace) -> None:
        self._bag = bag
        self._label_space = label_space
        self._counts: Mapping[str, object] = {}
        self._last_ns = self._next_report = -1

    def write(self, labelled: LabelledFrame, counts: Mapping[str, object]) -> None:
        """Add a frame; they come in the order of the recording.

        ``counts``: the account so far, this frame in it, such as received, published and failed. Raises
        InputError.
        """
        frame = labelled.frame
        if self._last_ns < 0:
            self._begin(frame)
        elif frame.recorded_ns >= self._next_report:
            self._report(self._next_report)
            # A recording may have gaps, or a clock that jumps: a second without images has no report.
            self._next_report += _SECOND * (1 + (frame.recorded_ns - self._next_report) // _SECOND)
        self._counts, self._last_ns = dict(counts), frame.recorded_ns
        if labelled.labels is not None and frame.image is not None:
            self._put_image(LABELS, frame, labelled.labels)
            self._put_image(OVERLAY, frame, overlay(frame.image, labelled.labels, self._label_space))
        if labelled.confidence is not None:
            self._put_image(CONFIDENCE, frame, labelled.confidence)
        for name, value in labelled.numbers.items():
            number = messages.make("std_msgs/msg/Float64", data=value)
            self._bag.put(f"{_NUMBERS}/{name}", frame.recorded_ns, number)

    def finish(self) -> None:
        """Report the counts of the last frames."""
        if self._last_ns >= 0:
            self._report(self._last_ns)

    def _begin(self, frame: Frame) -> None:
        self._next_report = frame.recorded_ns + _SECOND
        header = messages.header(frame.stamp_ns, frame.frame_id)
        info = messages.label_info(self._label_space, header)
        self._bag.put(LABEL_INFO, frame.recorded_ns, info, latched=True)

    def _put_image(self, topic: str, frame: Frame, pixels: np.ndarray) -> None:
        header = messages.header(frame.stamp_ns, frame.frame_id)
        encoding = "mono8" if pixels.ndim == 2 else "rgb8"
        self._bag.put(topic, frame.recorded_ns, messages.image(pixels, encoding, header))

    def _report(self, time_ns: int) -> None:
        header = messages.header(time_ns, "")
        self._bag.put(DIAGNOSTICS, time_ns, messages.diagnostics(_STATUS, "replayed", self._counts, header))
