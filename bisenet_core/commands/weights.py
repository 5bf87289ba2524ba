"""`bisenet weights`: make model folders of checkpoints that others have published."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import DownloadColumn

from bisenet_core.commands.extras import training_code
from bisenet_core.commands.options import JsonFile, JudgedOn, ModelFolder, parse_size
from bisenet_core.deployment.data_set_terms import DATA_SET_TERMS
from bisenet_core.deployment.published import catalogue
from bisenet_core.deployment.published.catalogue import find_published, is_installed
from bisenet_core.reports.console import progress_bar, show_result, show_table, write_json
from bisenet_core.runtime.model_card import ModelCard

weights = typer.Typer(no_args_is_help=True, help="Published checkpoints -> model folders.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="As `bisenet weights list` has it.")]
Checkpoint = Annotated[Path, typer.Argument(metavar="FILE", help="The checkpoint.", show_default=False)]
Format = Annotated[
    str, typer.Option("--from", metavar="FORMAT", help="Writer: coincheung, efficientvit, mmseg or stdc-seg.")
]
Architecture = Annotated[str, typer.Option(help="Such as bisenetv2, bisenetv1_resnet18, stdc1_seg.")]
Dataset = Annotated[str, typer.Option(help="What it was trained on: cityscapes, cocostuff or ade20k.")]
Size = Annotated[
    str | None,
    typer.Option(
        help="WIDTHxHEIGHT of the network's input. Accuracy was reported at the publisher's size, which is "
        "larger: 2048x1024 for Cityscapes.",
        show_default="1024x512 for Cityscapes, otherwise 640x480",
    ),
]
ModelName = Annotated[str | None, typer.Option("--name", help="Of the model.", show_default="the folder's")]


@weights.command("list")
def list_(json: JsonFile = None) -> None:
    """Show the checkpoints that can be fetched, and which are already in the cache."""
    entries = [
        {"name": one.name, "publisher": one.publisher, "sha256_prefix": one.sha256_prefix, **asdict(one),
         "data_terms": DATA_SET_TERMS[one.dataset].terms, "installed": is_installed(one)}
        for one in catalogue.CATALOGUE
    ]
    rows = [
        (e["name"], f"{e['miou']:.2f}", e["evaluated_at"], e["sha256_prefix"], e["publisher"], e["note"],
         "yes" if e["installed"] else "")
        for e in entries
    ]
    headings = ("name", "mIoU, %", "at", "sha256", "from (licence of the code)", "note", "here")
    show_table("published checkpoints, mIoU as their publishers report it", rows, headings,
               "the weights stand under their data's terms too: see docs/weights.md")
    write_json(json, {"checkpoints": entries})


@weights.command()
def fetch(name: Name, images: JudgedOn = None, json: JsonFile = None) -> None:
    """Download, verify and import a published checkpoint into ~/.cache/bisenet/weights."""
    published = find_published(name)
    code = training_code("bisenet_core.deployment.published.fetch")
    with progress_bar(DownloadColumn()) as bar:
        task = bar.add_task(published.file, total=None, note="")
        folder, fetched = code.fetch(
            published, lambda done, total: bar.update(task, completed=done, total=total), images)
    title = "bisenet weights fetch" if fetched else "bisenet weights fetch: already in the cache"
    card = ModelCard.load(folder)
    summary = {"model": published.folder, "folder": str(folder), "fetched": fetched, **_card_summary(card)}
    show_result(title, summary, json)


@weights.command("import")
def import_(
    checkpoint: Checkpoint, format: Format, architecture: Architecture, output: ModelFolder,
    dataset: Dataset = "cityscapes", size: Size = None, name: ModelName = None, images: JudgedOn = None,
    json: JsonFile = None
) -> None:
    """Make a model folder of a checkpoint that was published, or trained with, another code base."""
    wanted = parse_size(size, "--size") if size else None
    importer = training_code("bisenet_core.deployment.published.importer")
    source = importer.Source(checkpoint, format, architecture, dataset)
    card, parity = importer.import_checkpoint(source, output, name or "", wanted, images)
    summary = {"checkpoint": str(checkpoint), "model": str(output), **_card_summary(card), **asdict(parity)}
    show_result("bisenet weights import", summary, json)


def _card_summary(card: ModelCard) -> dict[str, Any]:
    return {
        "architecture": card.architecture,
        "classes": card.label_space.name,
        "input": f"{card.input_width}x{card.input_height}",
        "licence": card.licence,
        "upsampling": card.upsampling,
        "stored_weights": card.metrics.get("stored_weights"),
    }
