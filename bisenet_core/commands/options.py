"""Options that several commands share, so that each is named and explained once."""

import re
from pathlib import Path
from typing import Annotated

import typer

from bisenet_core.errors import InputError
from bisenet_core.evaluation.protocols import PROTOCOLS, Protocol, make_protocol
from bisenet_core.reports.console import json_file

Model = Annotated[str, typer.Option("--model", "-m", help="A model folder, or a name under weights/.")]
Backend = Annotated[str, typer.Option(help="auto, tensorrt, openvino or onnxruntime.")]
Precision = Annotated[
    str, typer.Option(help="auto, fp32; fp16 on a GPU; bf16 on a CPU; int8 where the model has it.")
]
JsonFile = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", callback=json_file,
                 help="Also write what is printed, machine-readable."),
]
JudgedOn = Annotated[
    Path | None,
    typer.Option(
        "--images",
        metavar="FOLDER",
        help="Photographs such as the robot sees: on them it is judged whether FP16 may store the weights.",
        show_default="rendered street frames",
    ),
]
Input = Annotated[
    Path,
    typer.Argument(
        metavar="INPUT", help="An image, a folder of images, a video or a rosbag.", show_default=False
    ),
]
NetworkSize = Annotated[
    str | None, typer.Option(help="WIDTHxHEIGHT of the network's input.", show_default="the model's")
]
Dataset = Annotated[str, typer.Option(help="Data set, as for `bisenet train`.")]
Root = Annotated[Path, typer.Option(help="The data set's folder.")]
ModelFolder = Annotated[Path, typer.Option("--output", "-o", help="The model folder to write.")]
SignificantBits = Annotated[
    int,
    typer.Option(
        min=8, max=16, help="Bits that a bag's camera uses of 16-bit samples: 12 where it gives 0 to 4095."
    ),
]


#: Of an image that is asked for by its size; a larger one hardly fits into memory.
MAX_SIDE = 8192


def parse_size(text: str, option: str) -> tuple[int, int]:
    """(width, height) of a WIDTHxHEIGHT text such as 1024x512. Raises InputError for any other."""
    match = re.fullmatch(r"(\d{1,9})[xX](\d{1,9})", text.strip())
    width, height = map(int, match.groups()) if match else (0, 0)
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise InputError(
            f"{option} {text!r} is not a size; expected WIDTHxHEIGHT in pixels, such as 1024x512, "
            f"each at most {MAX_SIDE}"
        )
    return width, height


Kind = Annotated[
    str, typer.Option("--protocol", help=", ".join(PROTOCOLS) + "; see docs/training_evaluation.md.")
]
Size = Annotated[
    str | None,
    typer.Option(
        metavar="WxH", help="Images are resized to it.", show_default="the model's; for sliding the image's"
    ),
]
Scales = Annotated[
    str | None,
    typer.Option(help="Factors of the size, for multiscale.", show_default="0.5,0.75,1,1.25,1.5,1.75"),
]
Flip = Annotated[
    bool | None,
    typer.Option("--flip/--no-flip", help="Mirror images too, for multiscale.", show_default="flip"),
]
Window = Annotated[
    str | None, typer.Option(metavar="WxH", help="For sliding.", show_default="the model's size")
]
Stride = Annotated[
    str | None, typer.Option(metavar="WxH", help="For sliding.", show_default="two thirds of the window")
]


def parse_protocol(
    kind: str, size: str | None, scales: str | None, flip: bool | None, window: str | None,
    stride: str | None
) -> Protocol:
    """The protocol that the options describe. Raises InputError for one that is wrong or has no meaning."""
    sizes = {"size": size, "window": window, "stride": stride}
    parsed = {name: parse_size(text, f"--{name}") for name, text in sizes.items() if text is not None}
    return make_protocol(kind, scales=_scales(scales), flip=flip, **parsed)


def _scales(text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--scales {text!r}: expected numbers between commas, such as 0.75,1,1.25") from None
