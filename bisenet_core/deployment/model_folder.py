"""Write a model folder: ONNX file, card and README, the file compared with the network first."""

import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from bisenet_core.deployment.onnx_file import Parity, check_parity, measure_parity, write_onnx
from bisenet_core.deployment.stored_weights import (
    STORED_WEIGHTS,
    JudgedImages,
    choose_stored_weights,
    judged_images,
)
from bisenet_core.errors import InputError, explain_os_errors
from bisenet_core.runtime.model_card import CARD_NAME, ONNX_NAME, ModelCard, file_sha256
from bisenet_core.runtime.quantised_file import INT8_NAME

README_NAME = "README.md"
_MARK = "<!-- Written by bisenet, and anew with the model. To keep a text of your own, remove this line. -->"

#: What the network and every backend take.
MIN_SIDE = 32

#: Of a file that is not written yet.
NO_SHA256 = "0" * 64


def write_model_folder(
    network: nn.Module, card: ModelCard, output: Path | str, images: Path | None = None
) -> tuple[ModelCard, Parity]:
    """Write the model folder ``output``; returns its card and how its file compares with ``network``.

    ``network`` has no auxiliary heads (``auxiliary=False``). ``card`` says all but the file's sha256 and how
    its weights are stored (``metrics``: "stored_weights"), which are filled in. On photographs of the folder
    ``images``, or else on rendered street frames, it is judged whether FP16 may store the weights, and the
    file is compared with the network: ``ParityError``, and nothing is written, if they differ. A new folder
    appears at once and whole; in one that exists, the model's files are replaced one by one when all is done.
    ``InputError`` for an input size that is too small, a folder without images, and for an ``output`` that
    cannot be written.
    """
    if min(card.input_width, card.input_height) < MIN_SIDE:
        size = f"{card.input_width}x{card.input_height}"
        raise InputError(f"input size {size}: each side must be at least {MIN_SIDE} pixels")
    judged = judged_images(card, images)
    advice = "choose another folder or make room"
    with explain_os_errors(f"cannot write {output}", advice), scratch_folder(Path(output)) as workplace:
        parity, stored = _write_checked_onnx(network.eval(), card, workplace / ONNX_NAME, judged)
        card = replace(card, metrics={**card.metrics, STORED_WEIGHTS: stored})
        replace(card, onnx_sha256=file_sha256(workplace / ONNX_NAME)).save(workplace)
        (workplace / README_NAME).write_text(_readme_of(card), encoding="utf-8")
        _publish(workplace, Path(output))
    return ModelCard.load(output), parity


def _write_checked_onnx(
    trained: nn.Module, card: ModelCard, path: Path, judged: JudgedImages
) -> tuple[Parity, dict[str, Any]]:
    deployed, stored = choose_stored_weights(trained, judged)
    write_onnx(deployed, card.input_width, card.input_height, path)
    parity = measure_parity(trained, deployed, path, judged.images)
    check_parity(parity, card.name)
    return parity, stored


def _publish(workplace: Path, output: Path) -> None:
    if workplace.parent != output:
        os.rename(workplace, output)
        return
    for name in (ONNX_NAME, CARD_NAME):  # a card that does not fit its file is refused when it is read
        os.replace(workplace / name, output / name)
    with suppress(FileNotFoundError):  # of the network that was here before
        (output / INT8_NAME).unlink()
    page = output / README_NAME
    if not page.exists() or page.read_text(encoding="utf-8", errors="replace").startswith(_MARK):
        os.replace(workplace / README_NAME, page)  # nobody has written one of their own


def _readme_of(card: ModelCard) -> str:
    """Markdown that says what ``card`` does: how the model was made, what is known of it, its terms."""
    options = "".join(f", {name.rstrip('_')} {value}" for name, value in card.architecture_options.items())
    space, size = card.label_space, f"{card.input_width}x{card.input_height}"
    lines = [
        _MARK,
        f"# {card.name}",
        f"`{card.architecture}`{options}, for the {space.num_classes} classes of {space.name} at {size}; "
        f"trained on {card.training_data}.",
        "## How it was made",
        _listed({**card.recipe, "upsampling": card.upsampling, **_stored(card.metrics[STORED_WEIGHTS])}),
        "## What it scores",
        "`metrics` in model.json holds what is known; `bisenet evaluate --record` measures it.",
        "## What it must not be used for",
        "Whatever its training images do not show: expect nothing of other places, weather, light or camera "
        "heights until you have measured it there. Do not let a vehicle rely on it alone.",
        "## Terms",
        card.licence,
    ]
    return "\n\n".join(lines) + "\n"


def _stored(weights: Mapping[str, Any]) -> dict[str, str]:
    share = f"{weights['equal_labels_in_fp16']:.2%} of the labels equal in FP16, on the worst of"
    return {"weights stored in": f"{weights['precision']} ({share} {weights['judged_on']})"}


def _listed(facts: Mapping[str, Any]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())


@contextmanager
def scratch_folder(output: Path) -> Iterator[Path]:
    """A new folder on ``output``'s file system, so that what it holds can be renamed; removed in the end.

    It lies in ``output`` where that is a folder, else beside it. Raises OSError where none can be made.
    """
    parent = output if output.is_dir() else output.parent
    parent.mkdir(parents=True, exist_ok=True)
    folder = parent / f".{output.name}.{uuid.uuid4().hex[:8]}"
    folder.mkdir()  # not mkdtemp, whose folders nobody else may read
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
