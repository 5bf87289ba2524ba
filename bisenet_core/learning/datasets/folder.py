"""Images and label images in two parallel folders."""

from pathlib import Path

import cv2
import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.label_space import UNLABELED, LabelSpace, label_space_of

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")


class PairedFolder:
    """``root/split/images/NAME.jpg`` with ``root/split/labels/NAME.png``, the layout of CamVid-11 at 480x360.

    Indexing gives (image HxWx3 uint8 RGB, labels HxW uint8) where labels are ids of ``label_space``
    and what was its ``ignore_id`` on disk is ``UNLABELED``. ``InputError`` names a file that is missing,
    unreadable, of another size than its image, or holds an id outside the label space.
    """

    def __init__(self, root: Path | str, split: str, label_space: LabelSpace) -> None:
        self.label_space = label_space
        self.folder = Path(root) / split
        images = self.folder / "images"
        if not images.is_dir():
            raise InputError(f"{images} is not a folder; expected ROOT/{split}/images and .../labels")
        self.images = sorted(p for p in images.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
        if not self.images:
            raise InputError(f"{images} holds no images ({', '.join(IMAGE_SUFFIXES)})")
        missing = [p.stem for p in self.images if not self._label_path(p).is_file()]
        if missing:
            first = self._label_path(Path(missing[0]))
            raise InputError(f"{len(missing)} images of {images} have no labels; first missing: {first}")

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        path = self.images[index]
        image = _read(path, cv2.IMREAD_COLOR)
        labels = _read(self._label_path(path), cv2.IMREAD_UNCHANGED)
        if labels.shape != image.shape[:2]:
            raise InputError(
                f"{self._label_path(path)} has shape {labels.shape}; expected {image.shape[:2]}, that of its "
                "image, one channel of class ids"
            )
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), self._train_ids(labels, self._label_path(path))

    def _label_path(self, image: Path) -> Path:
        return self.folder / "labels" / f"{image.stem}.png"

    def _train_ids(self, labels: np.ndarray, path: Path) -> np.ndarray:
        space = self.label_space
        known = np.zeros(256, bool)
        known[[*range(space.num_classes), space.ignore_id, UNLABELED]] = True
        if not known[labels].all():
            bad = sorted(set(np.unique(labels)) - set(np.flatnonzero(known)))
            raise InputError(
                f"{path} holds label id {int(bad[0])}; {space.name} has 0..{space.num_classes - 1}, "
                f"{space.ignore_id} and {UNLABELED}"
            )
        table = np.arange(256, dtype=np.uint8)
        table[space.ignore_id] = UNLABELED
        return table[labels]


def open_dataset(name: str, root: Path | str, split: str) -> PairedFolder:
    """Open ``split`` (train, val, test) of data set ``name`` below ``root``."""
    return PairedFolder(root, split, label_space_of(name))


def _read(path: Path, flags: int) -> np.ndarray:
    image = cv2.imread(str(path), flags)
    if image is None:
        raise InputError(f"{path} is not a readable image; restore it or remove the pair")
    return image
