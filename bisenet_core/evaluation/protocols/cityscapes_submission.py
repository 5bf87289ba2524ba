"""Write what the Cityscapes benchmark's server scores: a ZIP of one label PNG for each image of a split."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from bisenet_core.drives.image_files import read_image
from bisenet_core.errors import InputError, explain_os_errors
from bisenet_core.evaluation.protocols.dataset_scores import Progress, refuse_other_classes
from bisenet_core.evaluation.protocols.protocol import Protocol, Size, SizedNetwork, size_of
from bisenet_core.files import open_regular, replacing
from bisenet_core.labels.label_space import CITYSCAPES_19, CITYSCAPES_LABEL_IDS

#: Images of a split, and the size of each.
IMAGES = {"val": 500, "test": 1525}
SIZE: Size = (2048, 1024)
_ENDING = "_leftImg8bit.png"


def submitted_images(root: Path, split: str) -> list[Path]:
    """The images of ``split`` below ``root``, of which no labels are needed.

    Raises InputError unless all of them are there in their size.
    """
    if split not in IMAGES:
        raise InputError(f"--submission is of split {' or '.join(IMAGES)}, not {split}")
    folder = root / "leftImg8bit" / split
    found = sorted(folder.glob(f"*/*{_ENDING}"))
    if len(found) != IMAGES[split]:
        raise InputError(
            f"{folder} holds {len(found)} images *{_ENDING}; expected all {IMAGES[split]} of {split}"
        )
    for path in found:
        size = _png_size(path)
        if size != SIZE:
            raise InputError("{} is {}x{} pixels; expected {}x{}".format(path, *size, *SIZE))
    return found


def write_submission(
    archive: Path, network: SizedNetwork, protocol: Protocol, images: Sequence[Path], progress: Progress
) -> None:
    """Label ``images`` as ``protocol`` says; ``archive`` appears once all of them are in it.

    Raises InputError for a network of other classes, before the first image, and for a broken image.
    """
    refuse_other_classes(network.card.label_space, CITYSCAPES_19)
    ids = np.array(CITYSCAPES_LABEL_IDS, np.uint8)
    failed = explain_os_errors(f"cannot write {archive}", "choose another --submission or make room")
    with failed, replacing(archive) as unfinished, zipfile.ZipFile(unfinished, "w") as file:
        for index in progress(range(len(images)), len(images)):
            image = read_image(images[index])
            if size_of(image) != SIZE:
                raise InputError(f"{images[index]} has changed; begin again")
            content = cv2.imencode(".png", ids[protocol.labels(network, image)])[1].tobytes()
            file.writestr(images[index].name.replace(_ENDING, "_pred_labelIds.png"), content)


def _png_size(path: Path) -> Size:
    """(width, height) as a PNG's first bytes have them."""
    with explain_os_errors(f"cannot read {path}"), open_regular(path) as file:
        head = file.read(24)
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
