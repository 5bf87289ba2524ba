"""A drive from a folder of images, with ground truth from the sibling folder ``labels``."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bisenet_core.drives.drive import Drive, Frame, steady_ns
from bisenet_core.drives.image_files import as_on_disk, image_files_in, read_tagged_image
from bisenet_core.drives.truth.label_images import read_labels
from bisenet_core.errors import InputError

DEFAULT_RATE_HZ = 15.0


class FolderDrive(Drive):
    """The images of a folder in natural order, or one image file, at a steady rate.

    Where the folder is called ``images`` and has a sibling ``labels``, a PNG of the same stem there is the
    frame's ground truth. Raises InputError for an empty folder, or two images of one stem.
    """

    def __init__(self, path: Path, rate_hz: float = DEFAULT_RATE_HZ, with_truth: bool = True) -> None:
        single = not path.is_dir()
        folder = path.parent if single else path
        self._files = [path] if single else image_files_in(path)
        _refuse_repeated_stems(self._files)
        home = folder.resolve()
        in_data_set, labels = home.name == "images", home.parent / "labels"
        has_labels = with_truth and in_data_set and labels.is_dir()
        self._labels = labels if has_labels else None
        if single and self._labels is not None and not _label_file(self._labels, path).exists():
            self._labels = None  # a single picture was asked for, not a data set: it needs no ground truth
        self.name = f"{home.parent.name}/images" if in_data_set and not single else path.name
        # "." has no name, and a link another one: labels beside the images, wherever these lie, are truth
        places = {folder.absolute(), home, *(file.resolve().parent for file in self._files)}
        self.folders = (*places, *(at.parent / "labels" for at in places
                                   if at.name == "images" or (at.parent / "labels").is_dir()))
        self.rate_hz = self._rate_hz = rate_hz
        self.has_truth = self._labels is not None

    def __len__(self) -> int:
        return len(self._files)

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        for index in range(*slice(start, stop).indices(len(self))):
            yield self._frame(index)

    def _frame(self, index: int) -> Frame:
        path, time_ns = self._files[index], steady_ns(index, self._rate_hz)
        image, truth, problem, turn = None, None, "", False
        try:
            image, turn = read_tagged_image(path)
            truth = _labels_of(path, image, self._labels) if self._labels else None
        except InputError as error:
            problem = str(error)
        return Frame(
            index, path.stem, time_ns, time_ns, image=image, truth=truth, problem=problem, asks_for_turn=turn
        )


def _label_file(folder: Path, image: Path) -> Path:
    return as_on_disk(folder / f"{image.stem}.png")


def _labels_of(path: Path, image: np.ndarray, folder: Path) -> np.ndarray:
    file = _label_file(folder, path)
    if not file.exists():
        raise InputError(f"{file} is missing: {path.name} has no ground truth; add it, "
                         f"or rename the folder {folder.name} to play without")
    labels = read_labels(file)
    if labels.shape != image.shape[:2]:
        raise InputError(f"{file} is {_size(labels)} but its image is {_size(image)}; "
                         "ground truth must have its image's size")
    return labels


def _refuse_repeated_stems(files: list[Path]) -> None:
    seen: dict[str, Path] = {}
    for path in files:
        other = seen.setdefault(path.stem, path)
        if other is not path:
            raise InputError(f"{other} and {path.name} have the same stem, so their results would overwrite "
                             "one another; rename one of them")


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"
