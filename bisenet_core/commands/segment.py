"""`bisenet segment`: images, a folder, a video or a rosbag in; label images and overlays out."""

import logging
import time
from pathlib import Path
from typing import Annotated

import typer

from bisenet_core.commands.options import Backend, Input, JsonFile, Model, Precision, SignificantBits
from bisenet_core.drives.drive import Drive
from bisenet_core.drives.image_files import write_image
from bisenet_core.drives.opening import open_drive
from bisenet_core.errors import InputError, explain_os_errors
from bisenet_core.images.encodings import SAMPLE_BITS
from bisenet_core.images.orientation import HOW_TO_TURN
from bisenet_core.labels.visualization import overlay
from bisenet_core.reports.console import show_result, track, warn_left_out
from bisenet_core.runtime.segmenter import Segmenter

logger = logging.getLogger(__name__)

Output = Annotated[Path, typer.Option("--output", "-o", help="Folder for labels/ and overlays/.")]
Topic = Annotated[str | None, typer.Option(help="The image topic of a rosbag that has several.")]
Overlays = Annotated[bool, typer.Option("--overlays/--no-overlays", help="Write overlays beside the labels.")]
Strict = Annotated[bool, typer.Option("--strict", help="End at the first image that cannot be read.")]


def segment(
    input: Input, model: Model, output: Output, backend: Backend = "auto", precision: Precision = "auto",
    topic: Topic = None, significant_bits: SignificantBits = SAMPLE_BITS, overlays: Overlays = True,
    strict: Strict = False, json: JsonFile = None
) -> None:
    """Label images: OUTPUT/labels holds 8-bit grey PNGs of class ids, OUTPUT/overlays pictures of them.

    An image that cannot be read is named and left out. The exit status is 2 where none could be read.
    """
    drive = open_drive(input, topic=topic, with_truth=False, significant_bits=significant_bits)
    labels_folder, overlays_folder = _output_folders(output, drive)
    frames, turns, busy = 0, 0, 0.0
    left_out: list[str] = []
    with drive, Segmenter.open(model, backend=backend, precision=precision) as segmenter:
        started = time.perf_counter()  # of the drive: opening the model takes as long as many frames
        # iterating over the drive itself ends at an image that cannot be read
        for frame in track(drive if strict else drive.frames(), len(drive), "segmenting"):
            if frame.image is None:
                left_out.append(drive.explain(frame))
                continue
            result = segmenter.segment(frame.image, color_order="rgb")
            write_image(labels_folder / f"{frame.name}.png", result.labels)
            if overlays:
                picture = overlay(frame.image, result.labels, segmenter.label_space)
                write_image(overlays_folder / f"{frame.name}.jpg", picture)
            frames += 1
            turns += frame.asks_for_turn
            busy += result.timings["total_ms"] / 1e3
        labels_used = segmenter.label_space.name
    seconds = time.perf_counter() - started
    warn_left_out(left_out, frames + len(left_out))
    if turns:
        logger.warning("%s: %d of %d %s", input, turns, frames, HOW_TO_TURN)
    summary = {
        "input": str(input),
        "model": str(model),
        "label_space": labels_used,
        "frames": frames,
        "left_out": left_out,
        "not_turned": turns,
        "fps": round(frames / seconds, 3),
        "segmenter_fps": round(frames / busy, 3) if busy else None,
        "labels": str(labels_folder),
        "overlays": str(overlays_folder) if overlays else None,
    }
    show_result("bisenet segment", summary, json, left_out=len(left_out))
    if not frames:
        raise InputError(f"{input}: none of its {len(left_out)} images can be read")


def _output_folders(output: Path, drive: Drive) -> tuple[Path, Path]:
    folders = output / "labels", output / "overlays"
    read = {folder.resolve() for folder in drive.folders}
    for folder in folders:
        # A data set's ground truth lies in a folder called labels too: it must never be replaced by ours.
        if folder.resolve() in read:
            raise InputError(f"--output {output} would write into {folder}, which belongs to the input; "
                             "choose another folder")
        with explain_os_errors(f"cannot make the folder {folder}", "choose another --output"):
            folder.mkdir(parents=True, exist_ok=True)
    return folders
