"""Soft labels: a teacher's probabilities of all training images, kept in a folder and seen through crops."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn import functional

from bisenet_core.errors import InputError
from bisenet_core.files import replacing
from bisenet_core.learning.checkpoint import NamedFiles, inventory
from bisenet_core.learning.pretrained import trained_place
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.teacher import STRIDE, Teacher, soft_size
from bisenet_core.learning.transforms import View
from bisenet_core.reports.console import track
from bisenet_core.runtime.model_card import ONNX_NAME, file_sha256


class Images(NamedFiles, Protocol):
    """The images of a training split."""

    def image_path(self, index: int) -> Path:
        """The image's file."""

    def image(self, index: int) -> np.ndarray:
        """HxWx3 uint8 RGB."""


class SoftLabels:
    """The probabilities of K classes that lie in ``folder``, one file for each training image.

    ``made_of`` is what they depend on; ``InputError`` where the folder's were made of something else.
    """

    def __init__(self, folder: Path, made_of: dict[str, Any]) -> None:
        self.folder = folder
        before = _read_index(folder / "index.json")
        changes = [key for key in made_of if before is not None and before.get(key) != made_of[key]]
        if changes:
            raise InputError(
                f"{folder} holds soft labels made with other {', '.join(changes)}; remove the folder, or "
                "choose another one with --teacher-cache"
            )
        if before is None:
            folder.mkdir(parents=True, exist_ok=True)
            with replacing(folder / "index.json", shared=True) as unfinished:
                unfinished.write_text(json.dumps(made_of, indent=1))

    def missing(self, indices: Sequence[int]) -> list[int]:
        """Those of ``indices`` that have no file yet."""
        return [index for index in indices if not self._path(index).exists()]

    def write(self, index: int, probabilities: Tensor) -> None:
        """Keep ``probabilities``, Kxhxw, as float16."""
        with replacing(self._path(index), shared=True) as unfinished, unfinished.open("wb") as file:
            np.save(file, probabilities.numpy().astype(np.float16))

    def whole(self, index: int, shape: Sequence[int]) -> np.ndarray:
        """Kxhxw float16 of the image ``index`` of ``shape`` (rows, columns)."""
        path = self._path(index)
        try:
            found = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"{path} cannot be read: {error}; remove it, and it is made again") from None
        if found.shape[1:] != soft_size(tuple(shape)):
            raise InputError(
                f"{path} is of an image of another size than {shape[1]}x{shape[0]}; remove {self.folder}, "
                "and it is made again"
            )
        return found

    def seen(self, index: int, shape: Sequence[int], view: View) -> Tensor:
        """Kx(crop height/4)x(crop width/4) float32: what ``view`` shows of them, 0 beside the image."""
        whole = torch.from_numpy(self.whole(index, shape).astype(np.float32))[None]
        size = (1, whole.shape[1], *soft_size((view.crop_height, view.crop_width)))
        grid = functional.affine_grid(torch.tensor([view.affine]), list(size), align_corners=False)
        return functional.grid_sample(whole, grid, align_corners=False)[0]

    def likeliest(self, index: int, shape: Sequence[int]) -> np.ndarray:
        """HxW uint8: the class that the teacher gives each pixel of an image of ``shape`` (rows, columns)."""
        classes = self.whole(index, shape).argmax(0).astype(np.uint8)
        return cv2.resize(classes, tuple(shape[1::-1]), interpolation=cv2.INTER_NEAREST_EXACT)

    def _path(self, index: int) -> Path:
        return self.folder / f"{index:06}.npy"


def _read_index(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path} cannot be read: {error}; remove the folder, and it is made again") from None


def taught(
    recipe: Recipe, images: Images, classes: Sequence[str], folder: Path, fabric: Fabric
) -> SoftLabels:
    """The soft labels of all ``images``, after the teacher has been asked for those that ``folder`` lacks."""
    teacher = Teacher(recipe, classes, fabric.device)
    soft = SoftLabels(folder, _made_of(recipe, teacher, images))
    missing = soft.missing(range(fabric.global_rank, len(images), fabric.world_size))
    shown = track(missing, len(missing), "asking the teacher") if fabric.is_global_zero else missing
    for index in shown:
        soft.write(index, teacher.probabilities(images.image(index)))
    fabric.barrier()
    return soft


def teacher_sha256(recipe: Recipe) -> str:
    """Of the file that holds the teacher's network; "" for a recipe without one."""
    place = trained_place(recipe.teacher)
    return file_sha256(place / ONNX_NAME if place.is_dir() else place) if recipe.teacher else ""


def _made_of(recipe: Recipe, teacher: Teacher, images: Images) -> dict[str, Any]:
    """What soft labels depend on, as plain values, by what an error calls it.

    The images' sizes in bytes tell them from others of the same names, without reading them.
    """
    sizes = [images.image_path(index).stat().st_size for index in range(len(images))]
    return {
        "teacher": teacher_sha256(recipe),
        "classes": teacher.mapping.int().tolist(),
        "teacher_scales": list(recipe.teacher_scales),
        "teacher_temperature": recipe.teacher_temperature,
        "stride": STRIDE,
        "images": {**inventory({"train": images})["train"], "bytes": sizes},
    }
