"""`bisenet tune`: the backend and precision in which a model is fastest on this CPU, kept for "auto"."""

from functools import partial
from statistics import median

from bisenet_core.benchmarks.segmenter_speed import cpu_segmenters, street
from bisenet_core.benchmarks.timing import timed_in_turn
from bisenet_core.commands.options import JsonFile, Model, NetworkSize, parse_size
from bisenet_core.reports.console import show, table, write_json
from bisenet_core.runtime.model_card import ModelCard, resolve_model
from bisenet_core.runtime.tuned_choice import TunedChoice, store_choice


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
    show(table("; ".join([title, *failures]), timed, ("ms", "least", "median")))
    write_json(json, result)
