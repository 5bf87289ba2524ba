"""`bisenet export`: write a training checkpoint as a model folder."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bisenet_core.commands.extras import shown_score, training_code, validation_score
from bisenet_core.commands.options import JsonFile, JudgedOn, ModelFolder, parse_size
from bisenet_core.reports.console import show_table, write_json

Checkpoint = Annotated[
    Path,
    typer.Argument(metavar="CHECKPOINT", help="A checkpoint written by `bisenet train`.", show_default=False),
]
Size = Annotated[
    str | None, typer.Option(help="WIDTHxHEIGHT of the network's input.", show_default="the recipe's")
]


def export(
    checkpoint: Checkpoint, output: ModelFolder, size: Size = None, images: JudgedOn = None,
    json: JsonFile = None
) -> None:
    """Write model.onnx and model.json, checked against PyTorch."""
    wanted = parse_size(size, "--size") if size else None
    exporter = training_code("bisenet_core.deployment.exporter")
    card, parity = exporter.export_model(checkpoint, output, wanted, images)
    summary = {
        "checkpoint": str(checkpoint),
        "model": str(output),
        "architecture": card.architecture,
        "input": f"{card.input_width}x{card.input_height}",
        "bytes": (output / "model.onnx").stat().st_size,
        **asdict(parity),
        "stored_weights": card.metrics["stored_weights"],
    }
    score = validation_score(checkpoint)
    rows = [(key, str(value)) for key, value in summary.items()]
    show_table("bisenet export", [*rows, *shown_score(score)])
    write_json(json, {**summary, **score})
