"""The options that choose how `bisenet evaluate` labels an image."""

from typing import Annotated

import typer

from bisenet_core.commands.options import parse_size
from bisenet_core.errors import InputError
from bisenet_core.evaluation.protocols import PROTOCOLS, Protocol, make_protocol

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
