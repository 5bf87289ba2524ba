"""A recorded drive, whatever files it is stored in, and the frames it consists of."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from bisenet_core.errors import InputError

AnyDrive = TypeVar("AnyDrive", bound="Drive")


@dataclass(frozen=True)
class Frame:
    """One image of a drive. One that cannot be read keeps its place, and ``problem`` says why."""

    index: int
    """Place in the drive, from 0."""
    name: str
    """Unique in its drive and fit to be a file name without suffix."""
    recorded_ns: int
    """When it was recorded, nanoseconds; from 0 where only the rate is known or another was asked for."""
    stamp_ns: int
    """Its header's stamp, nanoseconds; the time of recording where it has none."""
    frame_id: str = ""
    """Its header's frame."""
    image: np.ndarray | None = None
    """HxWx3 uint8 RGB; None where it cannot be read."""
    truth: np.ndarray | None = None
    """HxW uint8 class ids of the image's size; None where there is none for it."""
    problem: str = ""
    """Why there is no image, or why its ground truth was left out: one line."""
    decode_ms: float = 0.0
    """What reading and decoding took, where that was measured."""
    asks_for_turn: bool = False
    """Whether its file has an orientation tag; the image is never turned by it."""


class Drive(ABC):
    """A recorded drive, whose frames are read one by one, as often as wanted.

    Iterating over it raises InputError at the first frame that has a problem; ``frames`` goes on.
    """

    name: str
    """What it is called in tables and reports."""
    rate_hz: float | None = None
    """Frames per second, or None where it cannot be known."""
    has_truth: bool = False
    """Whether the frames carry ground truth."""
    folders: tuple[Path, ...] = ()
    """Folders it reads files from; results must never be written into them."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of frames; for a video, the number its container declares."""

    @abstractmethod
    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """The frames [start, stop) in order, those that cannot be read too."""

    def __iter__(self) -> Iterator[Frame]:
        for frame in self.frames():
            if frame.problem:
                raise InputError(self.explain(frame))
            yield frame

    def explain(self, frame: Frame) -> str:
        """The problem of a frame, with the file it comes from."""
        return frame.problem

    def close(self) -> None:  # noqa: B027  (most have nothing to close)
        """Close its files. Harmless when repeated."""

    def __enter__(self: AnyDrive) -> AnyDrive:
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()


def steady_ns(index: int, rate_hz: float) -> int:
    """Time in nanoseconds of frame ``index`` at a steady rate."""
    return round(index * 1e9 / rate_hz)
