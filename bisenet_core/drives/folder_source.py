"""A folder of images as a drive, with ground truth from the sibling folder ``labels``."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bisenet_core.drives.frame import Frame, Source, uniform_stamp
from bisenet_core.drives.image_files import image_files_in, read_image, read_labels
from bisenet_core.errors import InputError

DEFAULT_RATE = 15.0


class ImageFolderSource(Source):
    """Images in natural order at a steady rate.

    Where the folder is called ``images`` and has a sibling ``labels``, a PNG of the same stem there is the
    frame's ground truth. Raises InputError for an empty folder, or two images of one stem.
    """

    def __init__(self, folder: Path, rate: float = DEFAULT_RATE, with_truth: bool = True) -> None:
        self._open(folder.name, image_files_in(folder), rate, _truth_folder(folder) if with_truth else None)
        self.name = (
            f"{folder.resolve().parent.name}/{folder.name}" if folder.name == "images" else folder.name
        )
        self.folders = (folder, folder.parent / "labels") if folder.name == "images" else (folder,)

    def _open(self, name: str, files: list[Path], rate: float, truth: Path | None) -> None:
        self.name, self.rate, self._files, self._truth = name, rate, files, truth
        self._rate = rate
        self.label_space_truth = truth is not None
        _refuse_repeated_stems(files)

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[Frame]:
        for index, path in enumerate(self._files):
            image = read_image(path)
            yield Frame(
                index, uniform_stamp(index, self._rate), path.stem, image, self._labels_of(path, image)
            )

    def _labels_of(self, path: Path, image: np.ndarray) -> np.ndarray | None:
        if self._truth is None:
            return None
        file = self._truth / f"{path.stem}.png"
        if not file.exists():
            raise InputError(
                f"{file} is missing: {path.name} has no ground truth; add it, "
                f"or rename the folder {self._truth.name} to play without"
            )
        labels = read_labels(file)
        if labels.shape != image.shape[:2]:
            raise InputError(
                f"{file} is {_size(labels)} but its image is {_size(image)}; "
                "ground truth must have its image's size"
            )
        return labels


class ImageFileSource(ImageFolderSource):
    """One image file as a drive of one frame."""

    def __init__(self, path: Path, rate: float = DEFAULT_RATE, with_truth: bool = True) -> None:
        truth = _truth_folder(path.parent) if with_truth else None
        if truth is not None and not (truth / f"{path.stem}.png").exists():
            truth = None  # a single picture was asked for, not a data set: it needs no ground truth
        self._open(path.name, [path], rate, truth)
        self.folders = (path.parent, path.parent.parent / "labels")


def _truth_folder(folder: Path) -> Path | None:
    folder = folder.resolve()
    labels = folder.parent / "labels"
    return labels if folder.name == "images" and labels.is_dir() else None


def _refuse_repeated_stems(files: list[Path]) -> None:
    seen: dict[str, Path] = {}
    for path in files:
        other = seen.setdefault(path.stem, path)
        if other is not path:
            raise InputError(
                f"{other} and {path.name} have the same stem, so their results would overwrite "
                "one another; rename one of them"
            )


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"
