"""`bisenet replay` evaluates a model on recorded drives; `bisenet replay compare` compares two models."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from bisenet_core.commands.options import Backend, JsonFile, Model, Precision, SignificantBits
from bisenet_core.errors import InputError, printable
from bisenet_core.evaluation.replay.compare import compare as compare_results
from bisenet_core.evaluation.replay.evaluated_drive import RESULTS
from bisenet_core.evaluation.replay.judgement import refuse_missed
from bisenet_core.evaluation.replay.preparation import Request
from bisenet_core.evaluation.replay.replay import replay
from bisenet_core.images.encodings import SAMPLE_BITS
from bisenet_core.reports.console import show_table, write_json
from bisenet_core.reports.replay.comparison import HEADINGS, figure_rows, part_tables
from bisenet_core.reports.replay.figure_names import FIGURES
from bisenet_core.reports.replay.headline import live_detail, slice_tables

First = Annotated[
    Path, typer.Argument(metavar="A", help="results.json of a replay, or its folder.", show_default=False)
]
Second = Annotated[Path, typer.Argument(metavar="B", help="Another, of the same bags.", show_default=False)]
ComparePage = Annotated[
    Path | None, typer.Option("--output", "-o", help="Folder for compare.json, and pictures in compare.html.")
]
Resamples = Annotated[int, typer.Option(min=1, help="Resamples of the bootstrap.")]
Seed = Annotated[int, typer.Option(min=0, help="Of the bootstrap's random numbers.")]
Block = Annotated[
    int | None, typer.Option(min=1, help="Successive frames drawn together.", show_default="those of 2 s")
]


def compare(
    a: First, b: Second, output: ComparePage = None, resamples: Resamples = 1000, seed: Seed = 0,
    block: Block = None, json: JsonFile = None
) -> None:
    """Say which of two evaluations is better, by how much, and on which classes and frames."""
    for one in (a, b):
        if json and json.resolve() in (one.resolve(), (one / RESULTS).resolve()):
            raise InputError(f"--json {json} is an evaluation to compare; name another file")
    result = compare_results(a, b, output, resamples, seed, block)
    title = f"{result['common_frames']} frames in common, {result['scored_frames']} of them with ground truth"
    title += "".join(f"; {key.upper()}: {result[key]['seen_in_training']}" for key in ("a", "b")
                     if result[key]["seen_in_training"])
    typer.echo(printable(result["verdict"]))
    show_table(f"{title}; {result['bootstrap']['method']}", figure_rows(result), HEADINGS)
    for place, (part, rows) in enumerate(part_tables(result).items()):
        if not place or not part.endswith("by class"):  # compare.html has the others
            show_table(part, rows, HEADINGS)
    if result["most_different"]:
        iou = FIGURES["iou"]
        frames = [(f"{one['bag']} {one['index']}", iou.text(one["a"]), iou.text(one["b"]),
                   iou.change(one["difference"])) for one in result["most_different"]]
        show_table("Frames that decide, by their mean IoU", frames, ("frame", "A", "B", "B - A"))
    write_json(json, result)


Bags = Annotated[
    list[Path],
    typer.Argument(metavar="BAG...", help="Rosbags: folders, .db3, .mcap, .bag, .zst.", show_default=False),
]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder for the results; new, or see --resume.")]
Labels = Annotated[
    Path | None, typer.Option(help="Ground truth: a folder of PNGs named by stamp or sequence number.")
]
LabelTopic = Annotated[str | None, typer.Option(help="Ground truth: a topic of the bag with label images.")]
Topic = Annotated[str | None, typer.Option(help="The image topic of a bag that has several.")]
CameraHeight = Annotated[
    float | None, typer.Option(metavar="METRES", help="Height of the camera; scores by distance follow.")
]
CameraPitch = Annotated[float | None, typer.Option(metavar="DEGREES", help="Its tilt; positive is down.")]
Objects = Annotated[
    list[str] | None, typer.Option(metavar="CLASS", help="Of objects: how many are found. Repeatable.")
]
Teacher = Annotated[str | None, typer.Option(help="A larger model of the same classes, to compare with.")]
Jobs = Annotated[int, typer.Option(min=1, help="Processes, each with its share of the cores.")]
Ray = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Work on a Ray cluster: HOST:PORT, auto, or local.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with an evaluation that was interrupted.")]
LabelledBag = Annotated[
    bool, typer.Option("--labelled-bag", help="Also write OUTPUT/labelled: bags with labels and overlays.")
]
Require = Annotated[
    Path | None,
    typer.Option(metavar="YAML", help="Limits that figures must keep; exit status 1 where one is missed."),
]
Tags = Annotated[
    Path | None,
    typer.Option(metavar="CSV", help="Tags of bags or frames, such as weather; figures for each value."),
]
Rerun = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Also write a recording for the viewer Rerun: NAME.rrd.")
]
WriteReference = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Keep the labels, for --against of later runs.")
]
Against = Annotated[
    Path | None, typer.Option(metavar="DIR", help="A reference: say how many pixels differ, where and why.")
]
Mine = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Write OUTPUT/mined: the N frames most worth labelling."),
]
Report = Annotated[bool, typer.Option("--report/--no-report", help="Write OUTPUT/report.html.")]

_RUN, _COMPARE = "run", "compare"


class _BagsOrCompare(TyperGroup):
    """Runs the subcommand ``run`` where none is named."""

    def parse_args(self, context: Any, arguments: list[str]) -> list[str]:
        named = arguments[:1] in ([_RUN], [_COMPARE])
        return super().parse_args(context, arguments if named or not arguments else [_RUN, *arguments])


replay_command = typer.Typer(
    cls=_BagsOrCompare, no_args_is_help=True, help="Evaluate a model on recorded drives: BAG... --model M."
)
replay_command.command(_COMPARE)(compare)


@replay_command.command(_RUN)
def run(
    bags: Bags, model: Model, output: Output, labels: Labels = None, label_topic: LabelTopic = None,
    topic: Topic = None, significant_bits: SignificantBits = SAMPLE_BITS, camera_height: CameraHeight = None,
    camera_pitch: CameraPitch = None, objects: Objects = None, teacher: Teacher = None,
    backend: Backend = "auto", precision: Precision = "auto", jobs: Jobs = 1, ray: Ray = None,
    resume: Resume = False, labelled_bag: LabelledBag = False, require: Require = None, tags: Tags = None,
    rerun: Rerun = None, write_reference: WriteReference = None, against: Against = None, mine: Mine = None,
    report: Report = True, json: JsonFile = None
) -> None:
    """Evaluate every frame of recorded drives: results.json, frames.csv, report.html. "run" may be left out.

    `bisenet replay compare A B` sets two evaluations side by side.
    """
    options = {name: value for name, value in locals().items() if name != "json"}
    request = Request(**{**options, "bags": tuple(bags), "command": ("bisenet", *sys.argv[1:])})
    results = replay(request)
    title = "{frames} frames, {scored} of them with ground truth: {model}, {backend} {precision}"
    trained = [f"trained on {results['trained_on']}"] if results["trained_on"] else []
    said = [results["seen_in_training"]] if results["seen_in_training"] else trained
    show_table("; ".join([title.format(**results), *said]), _rows(results))
    verdicts, reference = results.get("requirements", []), results.get("reference")
    slices = results.get("slices") or {}
    for table_title, headings, shown in slice_tables(slices):
        show_table(table_title, shown, headings)
    for line in slices.get("worst", []):
        typer.echo(printable(f"Worst {line}"))
    if reference:
        typer.echo(printable(reference["text"]))
    if verdicts:
        rows = [(one["verdict"], one["group"], one["found"]) for one in verdicts]
        show_table("Requirements", rows, ("", "", ""))
    write_json(json, results)
    _refuse_empty_results(results, output, truth=labels is not None or label_topic is not None)
    problems = [] if reference is None else reference["problems"]
    refuse_missed(verdicts, [*problems, *slices.get("problems", [])])


def _refuse_empty_results(results: dict[str, Any], output: Path, truth: bool) -> None:
    """Raise InputError, when all is written, where no frame was labelled or none of the truth scored."""
    if not results["frames"]:
        raise InputError(f"none of the images could be labelled; {output / 'results.json'} says why")
    if truth and results["miou"] is None:
        raise InputError(
            f"no pixel could be scored with this truth; {output / 'results.json'} says what was left out"
        )


def _rows(results: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [(FIGURES[name].title, FIGURES[name].text(value, 2))
            for name, value in results["figures"].items() if value is not None and not name.endswith("_live")]
    live, frames = results["as_driven"]["labelled"], sum(bag["frames"] for bag in results["bags"])
    rows.append(("Labelled live, simulated", f"{live} of {frames} frames"))
    if results["miou"] is not None:
        rows.append((FIGURES["iou_live"].title, live_detail(results, "iou_live").removeprefix("live ")))
    rows.append(("Notes on the bags", _lines(sum(len(bag["notes"]) for bag in results["bags"]))))
    return [*rows, ("Left out", _lines(len(results["left_out"])))]


def _lines(count: int) -> str:
    return f"{count} {'line' if count == 1 else 'lines'} in results.json" if count else "nothing"
