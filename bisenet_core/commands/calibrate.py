"""`bisenet calibrate`: fit the temperature of a model's confidence."""

from dataclasses import asdict
from typing import Annotated

import typer

from bisenet_core.commands.evaluate import Backend, Model, data_name
from bisenet_core.commands.extras import is_checkpoint, open_network, training_code
from bisenet_core.commands.options import Dataset, JsonFile, Precision, Root
from bisenet_core.errors import explain_os_errors
from bisenet_core.evaluation.robustness import TemperatureFit, fit_temperature
from bisenet_core.evaluation.trained_images import seen_note, seen_splits
from bisenet_core.reports.console import show_table, track, write_json
from bisenet_core.runtime.model_card import ModelCard

Split = Annotated[str, typer.Option(help="One that was neither trained on nor is tested on.")]


def calibrate(
    model: Model, root: Root, dataset: Dataset = "camvid", split: Split = "val", backend: Backend = "auto",
    precision: Precision = "auto", json: JsonFile = None
) -> None:
    """Fit the temperature of a model's confidence; keep it in model.json where it lowers the error."""
    images = training_code("bisenet_core.learning.datasets").open_dataset(dataset, root, split)
    with open_network(model, backend, precision) as network:
        fit = fit_temperature(
            network, images, lambda items, total: track(items, total, f"calibrating on {dataset} {split}"))
        card = network.card
    seen = seen_note(card, seen_splits(card, data_name(dataset, images), split))
    why_not = _why_not_stored(model, fit, seen, card.temperature)
    result = {"dataset": dataset, "split": split, "model": str(model), **asdict(fit),
              "stored": not why_not, "seen_in_training": seen}
    if not why_not:
        _store(card, fit, f"{dataset} {split}")
    rows = [
        ("temperature", f"{fit.temperature:g}"),
        ("calibration error with it, %", f"{100 * fit.ece:.2f}"),
        ("with 1, %", f"{100 * fit.ece_at_1:.2f}"),
        ("stored in model.json", f"no: {why_not}" if why_not else "yes"),
    ]
    show_table(f"{dataset} {split}, {fit.images} images: {model}", rows)
    write_json(json, result)


def _why_not_stored(model: str, fit: TemperatureFit, seen: str | None, before: float) -> str | None:
    if is_checkpoint(model):
        return "a checkpoint has no model.json"
    if seen:
        return seen
    return "1 is as good" if fit.temperature == before == 1 else None


def _store(card: ModelCard, fit: TemperatureFit, images: str) -> None:
    metrics = {"calibration": {"images_of": images, **asdict(fit)}}
    with explain_os_errors(f"cannot write {card.folder}/model.json", "copy the model to where you may write"):
        card.amend(temperature=fit.temperature, metrics=metrics)
