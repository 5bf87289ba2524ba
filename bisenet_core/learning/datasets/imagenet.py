"""ImageNet's classification: SPLIT/WNID/*.JPEG, a folder for each of the classes."""

from pathlib import Path

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.learning.datasets.image_file import (
    IMAGE_ENDINGS,
    OTHER_IMAGE_ENDINGS,
    not_trained_on,
    read_image,
)
from bisenet_core.learning.datasets.layouts import files_below, folders_in

#: Where the splits lie below what is given as root: there, or as the competition's archive has them.
_BELOW = ("", "ILSVRC/Data/CLS-LOC", "Data/CLS-LOC")


class ClassificationDataset:
    """Images in folders named after their class.

    Indexing gives (image HxWx3 uint8 RGB, class index), the place of the image's folder in ``classes``;
    raises InputError that names a file that cannot be read whole.
    """

    def __init__(self, folder: Path, classes: tuple[str, ...]) -> None:
        self.folder = folder
        self.classes = self.class_names = classes
        self._index = {name: index for index, name in enumerate(classes)}
        self._files = []
        self.unpaired: list[str] = []
        """A line for each image of a kind that is not read; its class no image lacks: that is its folder."""
        for name in classes:
            files = [f"{name}/{file}" for file in files_below(folder / name)]
            self._files += _images(folder / name, files)
            others = [file for file in files if file.lower().endswith(OTHER_IMAGE_ENDINGS)]
            self.unpaired += [not_trained_on(folder / file) for file in others]

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return read_image(self.image_path(index)), self._index[self._files[index].split("/")[0]]

    def name(self, index: int) -> str:
        """WNID/name, without ending; unique in the split."""
        return Path(self._files[index]).with_suffix("").as_posix()

    def image_path(self, index: int) -> Path:
        """The image's file."""
        return self.folder / self._files[index]


def open_classification(root: Path | str, split: str) -> ClassificationDataset:
    """Open train or val of ImageNet, or of images that lie alike.

    The classes are the folders of train, sorted, so that both splits number them alike. Raises InputError
    for a missing split, images without a class folder, and a class folder that is empty or not in train.
    """
    base = _base(root)
    folder = base / split
    if not folder.is_dir():
        there = ", ".join(folders_in(base)) or "no folders"
        raise InputError(f"{base} has no split '{split}'; it has {there}")
    found = folders_in(folder)
    if not found:
        raise InputError(f"{folder} has no class folders; sort its images into {folder}/WNID by their class")
    classes = folders_in(base / "train") or found
    _refuse_differences(folder, found, classes)
    return ClassificationDataset(folder, tuple(classes))


def classification_splits(root: Path | str) -> list[str]:
    """Those of train and val that are below ``root``. Raises InputError where there is neither."""
    splits = [split for split in ("train", "val") if (_base(root) / split).is_dir()]
    if not splits:
        raise InputError(f"{root} does not look like ImageNet; expected train/WNID and val/WNID below it")
    return splits


def _base(root: Path | str) -> Path:
    return next((p for p in (Path(root) / below for below in _BELOW) if (p / "train").is_dir()), Path(root))


def _images(folder: Path, files: list[str]) -> list[str]:
    images = [file for file in files if file.lower().endswith(IMAGE_ENDINGS)]
    if not images:
        raise InputError(f"{folder} holds no images ({', '.join(IMAGE_ENDINGS)}); unpack it again")
    return images


def _refuse_differences(folder: Path, found: list[str], classes: list[str]) -> None:
    for name in sorted({*found} ^ {*classes}):
        where = "train has" if name in classes else "is not in train"
        raise InputError(f"{folder / name}: a class folder that {where}; expected the same in both splits")
