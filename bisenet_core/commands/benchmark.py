"""`bisenet benchmark`: milliseconds per frame, of the bare network and of the whole segmenter."""

from typing import Annotated, Any

import typer

from bisenet_core.benchmarks.segmenter_speed import measure
from bisenet_core.commands.options import Backend, JsonFile, Model, NetworkSize, Precision, parse_size
from bisenet_core.reports.console import show, table, write_json
from bisenet_core.reports.measurement import versions
from bisenet_core.runtime.segmenter import Segmenter

Camera = Annotated[
    str | None, typer.Option(help="WIDTHxHEIGHT of the camera's image.", show_default="--size")
]
Frames = Annotated[int, typer.Option(min=1, help="Frames to measure, after the warm-up.")]


def benchmark(
    model: Model, backend: Backend = "auto", precision: Precision = "auto", size: NetworkSize = None,
    camera: Camera = None, frames: Frames = 100, json: JsonFile = None
) -> None:
    """Time the bare network and the whole segmenter in turn, in one run."""
    width, height = parse_size(size, "--size") if size else (0, 0)
    with Segmenter.open(model, backend, precision, input_width=width, input_height=height) as segmenter:
        network_size = segmenter.backend.input_size
        camera_size = parse_size(camera, "--camera") if camera else network_size
        result = {
            "model": str(model),
            "backend": segmenter.backend.name,
            "precision": segmenter.backend.precision,
            "device": segmenter.backend.device,
            "versions": versions(segmenter),
            "size": "{}x{}".format(*network_size),
            "camera": "{}x{}".format(*camera_size),
            "frames": frames,
            **measure(segmenter, camera_size, frames),
        }
    show(table("bisenet benchmark", _rows(result)))
    write_json(json, result)


def _rows(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (key, ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value))
        for key, value in result.items()
    ]
