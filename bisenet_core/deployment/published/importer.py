"""Import a published checkpoint into a model folder."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn

from bisenet_core.deployment.data_set_terms import DATA_SET_TERMS
from bisenet_core.deployment.loading import load_exactly
from bisenet_core.deployment.model_folder import NO_SHA256, write_model_folder
from bisenet_core.deployment.onnx_file import Parity
from bisenet_core.deployment.published.catalogue import PUBLISHERS, Published, recognise
from bisenet_core.deployment.published.mmseg_config import Conventions, stated_conventions
from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import LabelSpace, label_space_of
from bisenet_core.models import create_model
from bisenet_core.models.weights.renamings import renaming_of
from bisenet_core.models.weights.torch_file import read_published
from bisenet_core.runtime.model_card import ModelCard, file_sha256

#: Every network's; its first dimension is the number of classes.
CLASSIFIER = "head.classifier.weight"


class Source(NamedTuple):
    """A checkpoint, the code base that wrote it (``format``), and what it is said to be."""

    path: Path
    format: str
    architecture: str
    dataset: str


def import_checkpoint(
    source: Source, output: Path, name: str = "", size: tuple[int, int] | None = None,
    images: Path | None = None
) -> tuple[ModelCard, Parity]:
    """Import ``source`` to the model folder ``output``.

    The model is called ``name``, by default as the folder. ``size`` is the (width, height) the robot runs it
    at, by default one that suits the data set. ``InputError`` for a checkpoint that is not what it is said
    to be. For the rest see ``write_model_folder``.
    """
    network, conventions = read_network(source)
    published = recognise(file_sha256(source.path))
    card = card_of(source, name or output.resolve().name, published, conventions, size)
    return write_model_folder(network, card, output, images)


def read_network(source: Source) -> tuple[nn.Module, Conventions]:
    """The network of ``source`` as it is deployed, and its conventions: its own, or those of its publisher.
    """
    renaming, space = renaming_of(source.format, source.architecture), label_space_of(source.dataset)
    checkpoint = read_published(source.path)
    try:
        state = renaming.translate(checkpoint.state)
        _check_number_of_classes(state, space)
        _check_meta(checkpoint.meta, space)
        conventions = stated_conventions(checkpoint.meta, _usual_conventions(source))
    except InputError as error:
        raise InputError(f"{source.path}: {error}") from None
    network = create_model(renaming.network, space.num_classes, **renaming.options, auxiliary=False)
    load_exactly(network, state, source.path)
    return network, conventions


def _usual_conventions(source: Source) -> Conventions:
    renaming = renaming_of(source.format, source.architecture)
    if source.dataset not in renaming.statistics:
        raise InputError(f"{source.format} publishes no {source.architecture} for {source.dataset}; "
                         f"known: {', '.join(renaming.statistics)}")
    return Conventions(*renaming.statistics[source.dataset], "rgb", renaming.upsampling)


def card_of(
    source: Source, name: str, published: Published | None, conventions: Conventions,
    size: tuple[int, int] | None = None
) -> ModelCard:
    """What the model folder says of ``source``, which is ``published``, if that is known."""
    renaming, data_set = renaming_of(source.format, source.architecture), DATA_SET_TERMS[source.dataset]
    width, height = size or data_set.input_size
    publisher = published.publisher if published else PUBLISHERS[source.format]
    recipe = {"source": source.path.name, "format": source.format, "sha256": file_sha256(source.path)}
    metrics = {}
    if published:
        recipe.update(url=published.url, train_split="train")  # its publishers report scores on val
        metrics["reported_by_publisher"] = {
            "miou": round(published.miou / 100, 4), "split": "val", "evaluated_at": published.evaluated_at}
    return ModelCard(
        name=name,
        architecture=renaming.network,
        architecture_options=dict(renaming.options),
        label_space=label_space_of(source.dataset),
        input_width=width,
        input_height=height,
        onnx_sha256=NO_SHA256,
        training_data=source.dataset,
        recipe=recipe,
        metrics=metrics,
        licence=f"code and weights: {publisher}; data: {data_set.terms}",
        **conventions._asdict(),
    )


def _check_number_of_classes(state: Mapping[str, Tensor], space: LabelSpace) -> None:
    weight = state.get(CLASSIFIER)
    if weight is None or not weight.ndim:
        return  # told later, as of any tensor
    found = len(weight)
    if found != space.num_classes:
        raise InputError(f"the checkpoint tells {found} classes apart, {space.name} has {space.num_classes}; "
                         "give the --dataset that it was trained on")


def _check_meta(meta: Mapping[str, Any], space: LabelSpace) -> None:
    """mmsegmentation notes CLASSES and PALETTE, since version 1 in lower case below dataset_meta."""
    newer = meta.get("dataset_meta")
    notes = {**meta, **(newer if isinstance(newer, Mapping) else {})}
    notes = {str(key).lower(): value for key, value in notes.items() if isinstance(value, (list, tuple))}
    classes = [str(name).strip() for name in notes.get("classes") or space.classes]
    if classes != list(space.classes):
        others = [name for name in classes if name not in space.classes] or ["another order"]
        raise InputError(f"the checkpoint's classes are not those of {space.name}: {', '.join(others[:3])}")
    if _plain(notes.get("palette") or space.palette) != _plain(space.palette):
        raise InputError(f"the checkpoint's palette is not that of {space.name}; give its own --dataset")


def _plain(colors: Iterable[Any]) -> list[list[str]]:
    """Colours as text, whatever holds them."""
    return [list(map(str, color)) if isinstance(color, (list, tuple)) else [str(color)] for color in colors]
