"""`bisenet explain`: one page of pictures of what a network looks at in an image."""

from pathlib import Path
from time import perf_counter
from typing import Annotated

import cv2
import typer

from bisenet_core.commands.extras import training_code
from bisenet_core.commands.options import JsonFile, parse_size
from bisenet_core.drives.image_files import read_image
from bisenet_core.errors import explain_os_errors
from bisenet_core.reports.console import show_result
from bisenet_core.reports.parts.classes import class_rows
from bisenet_core.reports.parts.page import render_page, write_page
from bisenet_core.reports.parts.panels import jpeg

Image = Annotated[Path, typer.Argument(metavar="IMAGE", help="A photograph.", show_default=False)]
Model = Annotated[
    Path,
    typer.Option("--model", "-m", help="A checkpoint (*.ckpt), or a model folder that `bisenet` wrote."),
]
Beside = Annotated[
    Path | None,
    typer.Option(help="Another one on the same page, such as one trained without detail guidance."),
]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder for explain.html.")]
ClassName = Annotated[
    str, typer.Option("--class", help="Grad-CAM's class.", show_default="that of each pixel")
]
Size = Annotated[
    str | None, typer.Option(help="WIDTHxHEIGHT that the image is resized to.", show_default="its own")
]


def explain(
    image: Image, model: Model, output: Output, beside: Beside = None, class_name: ClassName = "",
    size: Size = None, json: JsonFile = None
) -> None:
    """Draw what a network looks at: Grad-CAM, predictions of its branches, maps of its detail."""
    started = perf_counter()
    code = training_code("bisenet_core.deployment.explanation")
    pixels = read_image(image)
    if size:
        pixels = cv2.resize(pixels, parse_size(size, "--size"), interpolation=cv2.INTER_LINEAR)
    models = [str(place) for place in (model, beside) if place]
    opened = [code.open_explained(place) for place in models]
    explained = [code.explain(trained, pixels, class_name) for trained in opened]
    pictures = [[(title, [(text, jpeg(one)) for text, one in row]) for title, row in rows]
                for rows in explained]
    legends = [class_rows(one.label_space.classes, one.label_space.palette) for one in opened]
    shown = "{1}x{0}".format(*pixels.shape)
    page = render_page(Path(str(code.__file__)).parent, "explain.html.j2", models=models, image=str(image),
                       size=shown, explained=list(zip(models, legends, pictures)))
    with explain_os_errors(f"cannot write {output}", "choose another --output"):
        output.mkdir(parents=True, exist_ok=True)
    written = write_page(output / "explain.html", page)
    titles = [title for rows in explained for title, _ in rows]
    result = {"image": str(image), "size": shown, "models": models, "rows": titles,
              "page": str(written), "seconds": round(perf_counter() - started, 1)}
    show_result("bisenet explain", result, json)
