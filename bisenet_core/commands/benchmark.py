"""`bisenet benchmark` and `bisenet tune`: milliseconds per frame, and what is fastest on this CPU."""

from functools import partial
from statistics import median
from typing import Annotated

import typer

from bisenet_core.benchmarks.segmenter_speed import cpu_segmenters, measure, street
from bisenet_core.benchmarks.timing import timed_in_turn
from bisenet_core.commands.options import Backend, JsonFile, Model, NetworkSize, Precision, parse_size
from bisenet_core.reports.console import show_result, show_table, write_json
from bisenet_core.reports.measurement import versions
from bisenet_core.runtime.model_card import ModelCard, resolve_model
from bisenet_core.runtime.segmenter import Segmenter
from bisenet_core.runtime.tuned_choice import TunedChoice, store_choice

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
    listed = {key: ", ".join(f"{name} {one}" for name, one in value.items())
              for key, value in result.items() if isinstance(value, dict)}
    show_result("bisenet benchmark", result, json, **listed)


def tune(model: Model, size: NetworkSize = None, json: JsonFile = None) -> None:
    """Time what this CPU can run a model in; keep the fastest, which "auto" takes from then on."""
    card = ModelCard.load(resolve_model(model))
    width, height = parse_size(size, "--size") if size else (card.input_width, card.input_height)
    segmenters, failures = cpu_segmenters(card, (width, height))
    image = street((width, height))
    calls = {one: partial(segmenter.segment, image) for one, segmenter in segmenters.items()}
    times = {one: sorted(values) for one, values in timed_in_turn(calls).items()}
    backend, precision = fastest = min(times, key=lambda one: times[one][0])
    measured = f"{times[fastest][0]:.1f} ms, the fastest of {len(times)}"
    path = store_choice(card, (width, height), TunedChoice(backend, precision, measured))
    result = {
        "model": str(model),
        "device": segmenters[fastest].backend.device,
        "size": f"{width}x{height}",
        "segment_ms": {":".join(one): round(values[0], 3) for one, values in times.items()},
        "left_out": failures,
        "backend": backend,
        "precision": precision,
        "file": str(path),
    }
    title = "{model} at {size} on {device}: {backend} in {precision}, kept in {file}".format(**result)
    timed = [(":".join(one), f"{values[0]:.1f}", f"{median(values):.1f}") for one, values in times.items()]
    show_table("; ".join([title, *failures]), timed, ("ms", "least", "median"))
    write_json(json, result)
