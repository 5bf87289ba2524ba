"""Play a drive through the real node, end to end: `python -m bisenet_ros.demo [INPUT] --output demo_output`.

A recorded drive is played to the real segmentation node over real DDS, the labels that come back are
recorded, and every frame is accounted for. Without INPUT the drive is one that the project renders itself.
"""

import argparse
import logging
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from bisenet_core.commands.options import parse_size
from bisenet_core.drives.drive import Drive
from bisenet_core.drives.opening import open_drive
from bisenet_core.errors import InputError, PrintableFormatter, printable
from bisenet_core.evaluation.metrics.scoring import Scores
from bisenet_core.evaluation.trained_images import seen_by_name, seen_note, trained_on
from bisenet_core.images.encodings import SAMPLE_BITS
from bisenet_core.labels.label_space import CAMVID_11
from bisenet_core.reports.console import progress_bar, show_table, warn_left_out, write_json
from bisenet_core.runtime.model_card import ModelCard, resolve_model
from bisenet_ros.demo.preparation import prepare_output, refuse_input_folder, render_drive
from bisenet_ros.demo.session import DemoSession, Playing
from bisenet_ros.demo.summary import rows, summarise, unaccounted, write_pictures
from bisenet_ros.harness.tool import (
    BAD_INPUT,
    FAILED,
    INTERRUPTED,
    add_model_options,
    let_large_images_through,
    run_tool,
)


def main(arguments: list[str] | None = None) -> int:
    """Run the demo. Exit status: 2 bad input, 1 a process failed or frames were lost, 130 Ctrl-C."""
    options = _parser().parse_args(arguments)
    handler = logging.StreamHandler()
    handler.setFormatter(PrintableFormatter("demo: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    return run_tool("demo", partial(run, options))


def run(options: argparse.Namespace) -> int:
    """Play the drive and write what came of it; what was received is written however the playing ended."""
    options.model = resolve_model(options.model).resolve()
    card = ModelCard.load(options.model)
    _prepare(options, card)
    drive = _drive(options, with_truth=False)
    let_large_images_through(os.environ)
    playing = _play(options, drive)

    def write_summary(scores: Scores | None, problem: str | None) -> dict[str, Any]:
        summary = summarise(playing, scores, options.output)
        summary.update(input=str(options.input), rate=drive.rate_hz, model=card.name,
                       label_space=card.label_space.name, problem=problem, trained_on=trained_on(card),
                       seen_in_training=seen_note(card, seen_by_name(card, [options.input])))
        write_json(options.output / "summary.json", summary)
        return summary

    warn_left_out(playing.left_out, playing.published + len(playing.left_out))
    write_summary(None, playing.failure)  # drawing takes a while, and may be interrupted
    scores, bad_truth = _draw(options, card, playing)
    problem = playing.failure or bad_truth or unaccounted(playing)
    show_table(f"demo: {drive.name}", rows(write_summary(scores, problem)))
    nothing_readable = bool(playing.left_out) and not playing.published
    bad_input = playing.bad_input or problem == bad_truth or nothing_readable
    return _exit_status(playing, problem, bad_input)


def _prepare(options: argparse.Namespace, card: ModelCard) -> None:
    """Make the output folder and, where no input is given, the drive to play."""
    options.with_truth = True
    if options.input is not None:
        drive = _drive(options, with_truth=True)
        refuse_input_folder(options.output, drive)
        options.topic = getattr(drive, "topic", None)  # chosen, and said, once
    prepare_output(options.output)
    if options.input is None:
        size = parse_size(options.size, "--size")
        options.input = render_drive(options.output / "rendered_drive", size, options.frames)
        options.with_truth = card.label_space.classes == CAMVID_11.classes  # what the rendered labels mean


def _drive(options: argparse.Namespace, with_truth: bool) -> Drive:
    return open_drive(options.input, topic=options.topic, rate=options.rate, with_truth=with_truth,
                      significant_bits=options.significant_bits)


def _play(options: argparse.Namespace, drive: Drive) -> Playing:
    parameters = {name: getattr(options, name) for name in ("model", "backend", "precision")}
    with progress_bar() as progress:
        task = progress.add_task("playing", total=len(drive), note="")

        def show_progress(sent: int, labelled: int) -> None:
            progress.update(task, completed=sent, note=f"{labelled} labelled")

        return DemoSession(parameters, options.output, show_progress, options.strict).run(drive)


def _draw(options: argparse.Namespace, card: ModelCard, playing: Playing) -> tuple[Scores | None, str | None]:
    """Write the pictures; returns the scores, and in one line what was wrong with the ground truth."""
    with progress_bar() as progress:
        task = progress.add_task("drawing overlays", total=len(playing.latency_ms), note="")
        draw = partial(write_pictures, playing=playing, label_space=card.label_space, output=options.output,
                       on_frame=partial(progress.advance, task))
        try:
            scores = draw(_drive(options, options.with_truth))
            unscored = scores is not None and not scores.matrix.pixels
            return scores, "no pixel could be scored with its ground truth" if unscored else None
        except InputError as error:  # ground truth that does not fit must not cost the pictures
            progress.update(task, completed=0)
            draw(_drive(options, with_truth=False))
            return None, str(error)


def _exit_status(playing: Playing, problem: str | None, bad_input: bool) -> int:
    if playing.interrupted:
        print("demo: interrupted; what was received by then is written", file=sys.stderr)
        return INTERRUPTED
    if problem is None:
        return 0
    print(printable(f"demo: {problem}"), file=sys.stderr)
    return BAD_INPUT if bad_input else FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__.splitlines()[0])
    parser.add_argument("input", nargs="?", type=Path, metavar="INPUT",
                        help="a folder of images, an image, a video or a rosbag (default: a rendered street)")
    parser.add_argument("--output", type=Path, default=Path("demo_output"), help="default: %(default)s")
    add_model_options(parser)
    parser.add_argument("--rate", type=float, help="frames per second instead of the drive's own")
    parser.add_argument("--size", default="480x360", help="of a rendered street (default: %(default)s)")
    parser.add_argument("--frames", type=int, default=150, help="of a rendered street (default: %(default)s)")
    parser.add_argument("--topic", help="the image topic of a rosbag that has several")
    parser.add_argument("--significant-bits", type=int, choices=range(8, SAMPLE_BITS + 1), metavar="BITS",
                        default=SAMPLE_BITS, help="that a rosbag's camera uses of 16-bit samples, 8 to 16")
    parser.add_argument("--strict", action="store_true", help="end at the first image that cannot be read")
    return parser


if __name__ == "__main__":
    sys.exit(main())
