"""`bisenet agreement`: how far two backends or precisions agree on a drive."""

from typing import Annotated

import typer

from bisenet_core.commands.options import Input, JsonFile, Model, SignificantBits
from bisenet_core.drives.opening import open_drive
from bisenet_core.errors import InputError
from bisenet_core.evaluation.backend_agreement import Agreement
from bisenet_core.images.encodings import SAMPLE_BITS
from bisenet_core.reports.console import show_result, track
from bisenet_core.runtime.segmenter import Segmenter

First = Annotated[str, typer.Option(help="BACKEND:PRECISION, such as openvino:bf16.")]
Second = Annotated[str, typer.Option(help="What it is compared with.")]


def agreement(
    input: Input, model: Model, first: First = "openvino:fp32", second: Second = "onnxruntime:fp32",
    significant_bits: SignificantBits = SAMPLE_BITS, json: JsonFile = None
) -> None:
    """Label every frame twice; count the pixels that differ and how near to a tie they were."""
    source = open_drive(input, with_truth=False, significant_bits=significant_bits)
    total = Agreement()
    with _open(model, first) as one, _open(model, second) as other:
        for frame in track(source, len(source), "comparing"):
            assert frame.image is not None  # iterating ends at one that cannot be read
            total.add(one, other, frame.image)
    result = {"input": str(input), "model": str(model), "first": first, "second": second, **total.as_json()}
    show_result("bisenet agreement", result, json)


def _open(model: str, choice: str) -> Segmenter:
    backend, colon, precision = choice.partition(":")
    if not colon:
        raise InputError(f"{choice!r} is not BACKEND:PRECISION; expected for example openvino:fp32")
    return Segmenter.open(model, backend, precision)
