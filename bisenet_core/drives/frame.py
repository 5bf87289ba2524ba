"""Frame and Source: what every recorded drive looks like to the code that plays, labels or scores it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Frame:
    """One image of a drive."""

    index: int
    """Position in the source, from 0."""
    stamp_ns: int
    """Time since the first frame, in nanoseconds: the pace at which the drive was recorded."""
    name: str
    """Unique in its source and fit to be a file name without suffix."""
    image: np.ndarray
    """HxWx3 uint8 RGB."""
    labels: np.ndarray | None = None
    """HxW uint8 class ids where the source has ground truth."""


class Source(ABC):
    """A recorded drive. Iterating yields ``Frame`` in order, read one at a time, and may be repeated."""

    name: str
    """What it is called in tables and reports."""
    rate: float | None = None
    """Frames per second, or None where it cannot be known."""
    label_space_truth: bool = False
    """Whether the frames carry ground truth."""
    folders: tuple[Path, ...] = ()
    """Folders it reads files from; results must never be written into them."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of frames; for a video, the number its container declares."""

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames. Raises InputError, naming the file, for one that cannot be read."""


def uniform_stamp(index: int, rate: float) -> int:
    """Stamp in nanoseconds of frame ``index`` at a steady ``rate`` in Hz."""
    return round(index * 1e9 / rate)
