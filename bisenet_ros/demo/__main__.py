"""The main job, end to end: `python -m bisenet_ros.demo [INPUT] --output demo_output`.

A recorded drive is played to the real segmentation node over real DDS, the labels that come back are
recorded, and every frame is accounted for. Without INPUT the drive is one that the project renders itself.
"""

import argparse
import logging
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from bisenet_core.commands.options import parse_size
from bisenet_core.drives.drive import Drive
from bisenet_core.drives.opening import open_drive
from bisenet_core.errors import InputError
from bisenet_core.evaluation.metrics.scoring import Scores
from bisenet_core.labels.label_space import CAMVID_11
from bisenet_core.reports.console import progress_bar, show, table, write_json
from bisenet_core.runtime.model_card import ModelCard, resolve_model
from bisenet_ros.demo.drive_player import IMAGE_TOPIC
from bisenet_ros.demo.pictures import name_labels, write_pictures
from bisenet_ros.demo.preparation import prepare_output, refuse_input_folder, render_drive
from bisenet_ros.demo.session import DemoSession, Recording
from bisenet_ros.demo.summary import latencies_ms, rows, summarise, unaccounted
from bisenet_ros.harness.isolation import isolate, let_large_images_through

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130


def main(arguments: Optional[List[str]] = None) -> int:
    """Run the demo. Exit status: 2 bad input, 1 a process failed or frames were lost, 130 Ctrl-C."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="demo: %(message)s")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `timeout` and CI then stop it as Ctrl-C does
    isolate(os.environ)
    try:
        return run(options)
    except InputError as error:
        print("demo: {}".format(error), file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("demo: interrupted", file=sys.stderr)
        return INTERRUPTED


def run(options: argparse.Namespace) -> int:
    """Play the drive and write what came of it; what was received is written however the playing ended."""
    options.model = resolve_model(options.model).resolve()
    card = ModelCard.load(options.model)
    _prepare(options, card)
    source = _source(options)
    let_large_images_through(os.environ)
    recording = _play(options, len(source))

    def write_summary(scores: Optional[Scores], problem: Optional[str]) -> Dict[str, Any]:
        summary = dict(
            summarise(recording, scores, options.output), input=str(options.input), rate=source.rate_hz
        )
        summary.update(model=card.name, label_space=card.label_space.name, problem=problem)
        write_json(options.output / "summary.json", summary)
        return summary

    write_summary(None, recording.failure)  # drawing takes a while, and may be interrupted
    scores, bad_truth = _draw(options, card, recording)
    problem = recording.failure or bad_truth or unaccounted(recording)
    show(table("demo: {}".format(source.name), rows(write_summary(scores, problem))))
    return _exit_status(recording, problem, bad_input=recording.bad_input or problem == bad_truth)


def _prepare(options: argparse.Namespace, card: ModelCard) -> None:
    """Make the output folder and, where no input is given, the drive to play."""
    options.with_truth = True
    if options.input is not None:
        source = _source(options)
        refuse_input_folder(options.output, source)
        options.topic = getattr(source, "topic", None)  # chosen, and said, once
    prepare_output(options.output)
    if options.input is None:
        size = parse_size(options.size, "--size")
        options.input = render_drive(options.output / "rendered_drive", size, options.frames)
        options.with_truth = card.label_space.classes == CAMVID_11.classes  # what the rendered labels mean


def _source(options: argparse.Namespace) -> Drive:
    return open_drive(options.input, topic=options.topic, rate=options.rate, with_truth=options.with_truth)


def _play(options: argparse.Namespace, total: int) -> Recording:
    node = ["--ros-args", "-r", "image:=" + IMAGE_TOPIC]
    for name in ("model", "backend", "precision"):
        node += ["-p", "{}:={}".format(name, getattr(options, name))]
    player = [str(options.input)]
    for option, value in (("--rate", options.rate), ("--bag-topic", options.topic)):
        player += [option, str(value)] if value else []
    with progress_bar() as progress:
        task = progress.add_task("playing", total=total, note="")

        def show_progress(sent: int, labelled: int) -> None:
            progress.update(task, completed=sent, note="{} labelled".format(labelled))

        return DemoSession(node, player, options.output, show_progress).run()


def _draw(
    options: argparse.Namespace, card: ModelCard, recording: Recording
) -> Tuple[Optional[Scores], Optional[str]]:
    """Write the pictures; returns the scores, and in one line what was wrong with the ground truth."""
    scores, problem = None, None
    with progress_bar() as progress:
        task = progress.add_task("drawing overlays", total=len(latencies_ms(recording)), note="")
        draw = partial(
            write_pictures,
            recording=recording,
            label_space=card.label_space,
            output=options.output,
            on_frame=partial(progress.advance, task),
        )
        try:
            scores = draw(_source(options))
        except InputError as error:  # ground truth that does not fit must not cost the pictures
            problem, options.with_truth = str(error), False
            progress.update(task, completed=0)
            draw(_source(options))
    options.with_truth = False
    name_labels(_source(options), recording)
    return scores, problem


def _exit_status(recording: Recording, problem: Optional[str], bad_input: bool) -> int:
    if recording.interrupted:
        print("demo: interrupted; what was received by then is written", file=sys.stderr)
        return INTERRUPTED
    if problem is None:
        return 0
    print("demo: {}".format(problem), file=sys.stderr)
    return BAD_INPUT if bad_input else FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__.splitlines()[0])
    parser.add_argument(
        "input",
        nargs="?",
        type=Path,
        metavar="INPUT",
        help="a folder of images, an image, a video or a rosbag (default: a rendered street)",
    )
    parser.add_argument("--output", type=Path, default=Path("demo_output"), help="default: %(default)s")
    parser.add_argument(
        "--model", default="camvid_bisenetv2", help="a model folder or name (default: %(default)s)"
    )
    parser.add_argument("--backend", default="auto", help="auto, tensorrt, openvino or onnxruntime")
    parser.add_argument("--precision", default="auto", help="auto, fp32 or bf16")
    parser.add_argument("--rate", type=float, help="frames per second instead of the drive's own")
    parser.add_argument("--size", default="480x360", help="of a rendered street (default: %(default)s)")
    parser.add_argument("--frames", type=int, default=150, help="of a rendered street (default: %(default)s)")
    parser.add_argument("--topic", help="the image topic of a rosbag that has several")
    return parser


if __name__ == "__main__":
    sys.exit(main())
