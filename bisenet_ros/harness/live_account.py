"""LiveAccount: counts and times of the frames that were sent and of the labels that came back."""

import copy
import threading
from array import array
from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sent:
    """A frame that is on its way."""

    index: int
    name: str  # unique in its drive
    at: float  # time.monotonic() just before


@dataclass
class LiveFigures:
    """What came of a playing so far; 8 bytes for each time, since it may go on for days."""

    published: int = 0
    began_at: float = 0.0
    """time.monotonic() just before the first was published."""
    labelled: int = 0
    strays: int = 0
    """Labels of images that are not ours."""
    unreadable: Counter[str] = field(default_factory=Counter)
    """Frames that could not be played, by reason."""
    latency_ms: "array[float]" = field(default_factory=lambda: array("d"))
    """Publication to receipt of the labels."""
    age_ms: "array[float]" = field(default_factory=lambda: array("d"))
    """The image's stamp to receipt of the labels, on the node's clock."""
    late_ms: "array[float]" = field(default_factory=lambda: array("d"))
    """How long after it was due an image was published."""


class LiveAccount:
    """Notes what becomes of each frame. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._figures = LiveFigures()
        self._on_their_way: dict[int, Sent] = {}

    @property
    def published(self) -> int:
        """Frames so far."""
        return self._figures.published

    @property
    def labelled(self) -> int:
        """Frames whose labels have come."""
        return self._figures.labelled

    def figures(self) -> LiveFigures:
        """Those of this moment, which stay as they are."""
        with self._lock:
            return copy.deepcopy(self._figures)

    def leave_out(self, problem: str) -> None:
        """Count a frame that cannot be played."""
        with self._lock:
            self._figures.unreadable[problem] += 1

    def send(self, stamp_ns: int, frame: Sent, late_s: float) -> int:
        """Note a frame that is about to be published; returns the stamp it shall have.

        That is ``stamp_ns``, or some nanoseconds more where another frame on its way has the same: by its
        stamp it will be known again.
        """
        with self._lock:
            while stamp_ns in self._on_their_way:
                stamp_ns += 1
            self._on_their_way[stamp_ns] = frame
            self._figures.began_at = self._figures.began_at or frame.at
            self._figures.published += 1
            self._figures.late_ms.append(1e3 * max(0.0, late_s))
            return stamp_ns

    def receive(self, stamp_ns: int, at: float, age_s: float | None) -> Sent | None:
        """Note labels with this stamp; returns the frame they belong to, or None where it is not ours."""
        with self._lock:
            sent = self._on_their_way.get(stamp_ns)
            if sent is None:
                self._figures.strays += 1
                return None
            # The node labels images in the order in which they came: of those before nothing will come.
            for stamp in list(self._on_their_way):
                del self._on_their_way[stamp]
                if stamp == stamp_ns:
                    break
            self._figures.labelled += 1
            self._figures.latency_ms.append(1e3 * (at - sent.at))
            if age_s is not None:
                self._figures.age_ms.append(1e3 * age_s)
            return sent
