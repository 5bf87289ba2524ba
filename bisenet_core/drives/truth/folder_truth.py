"""Ground truth from PNG files, matched by the stamp or number in their names, or by their order."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bisenet_core.drives.image_files import natural_key
from bisenet_core.drives.truth.label_images import read_labels
from bisenet_core.drives.truth.truth import StampPairs, Truth
from bisenet_core.errors import InputError, explain_os_errors
from bisenet_core.labels.label_space import LabelSpace

_SECOND = 1_000_000_000


class FolderTruth(Truth):
    """Labels of a folder, matched in one way for all of its files; ``description`` says in which.

    By stamp, where any name holds one: nanoseconds, or seconds and nanoseconds with "_" or "." between them.
    Else by number, where the frames are counted from 0: 000000.png belongs to the first. Else by order, where
    there are as many files as frames. Raises InputError for a folder without PNGs.
    """

    def __init__(self, folder: Path, label_space: LabelSpace) -> None:
        super().__init__(label_space)
        self._folder = folder
        self._files = _png_files(folder)
        self._way = ""
        self._nameless = 0

    @property
    def description(self) -> str:
        return f"{len(self._files)} labels in {self._folder}, {self._way}"

    def match(self, frames: int, stamps_ns: Callable[[], np.ndarray]) -> None:
        self._way, keys = self._choose_keys(frames)
        self.counts = "stamp" not in self._way
        first: dict[int, Path] = {}
        for key, path in zip(keys, self._files):
            if key >= 0 and first.setdefault(key, path) is not path:
                raise InputError(f"{first[key]} and {path.name} are for the same image; remove one of them")
        self._nameless = keys.count(-1)
        self._pairs = StampPairs(range(frames) if self.counts else stamps_ns(), keys)

    def notes(self) -> list[str]:
        nameless = f"ground truth: {self._nameless} labels have no stamp in their names"
        return [*([nameless] if self._nameless else []), *super().notes()]

    def _read(self, place: int) -> np.ndarray:
        path = self._files[place]
        try:
            return read_labels(path)
        except InputError as error:  # without the path: frames that share a reason are told of in one line
            raise InputError(str(error).replace(f"{path}: ", "", 1)) from None

    def _choose_keys(self, frames: int) -> tuple[str, list[int]]:
        """The way of matching, and the key of each file: a stamp or the index of a frame, -1 for neither."""
        stamps = [stamp_in(path.stem) for path in self._files]
        numbers = [int(path.stem) if path.stem.isdecimal() else -1 for path in self._files]
        if any(stamp is not None for stamp in stamps):
            # Simulated time starts at 0: in its first second stamps are as small as numbers.
            keys = [number if stamp is None else stamp for stamp, number in zip(stamps, numbers)]
            return "by the stamp in their names", keys
        if _count_from_zero(numbers, frames):
            return "by the number in their names", numbers
        if len(self._files) == frames:
            return "in the order of their names", list(range(frames))
        raise InputError(
            f"{self._folder} has {len(self._files)} labels for {frames} images, with names such as "
            f"{self._files[0].name}: name each by its image's stamp in nanoseconds, or number from 000000"
        )


def _count_from_zero(numbers: list[int], frames: int) -> bool:
    """Whether numbers are indices of frames; a bag that was cut off may lack the last of these.

    Not those that may be counted from 1: all labels would be taken for their neighbours'.
    """
    first, last = min(numbers), max(numbers)
    if first < 0 or first == 1 or (first and last == frames):
        return False
    return last < frames or (first < frames and len(numbers) != frames)


def named_by_stamp(folder: Path) -> bool:
    """Whether the labels of a folder say by their names to which stamps they belong; see FolderTruth."""
    return any(stamp_in(path.stem) is not None for path in _png_files(folder))


def stamp_in(name: str) -> int | None:
    """The stamp, nanoseconds, that a file's name holds: 1700000000100000000, 1700000000_100000000 or
    1700000000.100000000 (of which the end may be missing: 1700000000.1); None where it holds none.
    """
    match = re.fullmatch(r"(\d+)(?:_(\d{1,9})|\.(\d{1,9}))?", name)
    if match is None:
        return None
    whole, nanoseconds, fraction = match.groups()
    if nanoseconds is None and fraction is None:
        # Below one second it is the number of an image: no recording has a thousand million of them.
        return int(whole) if int(whole) >= _SECOND else None
    return int(whole) * _SECOND + int(nanoseconds or fraction.ljust(9, "0"))


def _png_files(folder: Path) -> list[Path]:
    with explain_os_errors(f"cannot list {folder}", "expected a folder of PNG labels"):
        entries = [path for path in folder.iterdir() if not path.name.startswith(".")]
    files = sorted((path for path in entries if path.suffix.lower() == ".png"), key=natural_key)
    if not files:
        raise InputError(f"{folder} has no PNG files; expected single-channel labels such as 000000.png")
    return files
