"""replay evaluates a model on recorded drives and writes a folder of results."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from bisenet_core.drives.bag_drive import BagDrive
from bisenet_core.evaluation.replay.evaluated_bag import EvaluatedBag, unique_names
from bisenet_core.evaluation.replay.job import Part, ReplayJob, split
from bisenet_core.evaluation.replay.judgement import JUNIT, judge, write_junit
from bisenet_core.evaluation.replay.labelled_bags import write_labelled_bags
from bisenet_core.evaluation.replay.local_jobs import run_in_processes
from bisenet_core.evaluation.replay.mining import mine, refuse_mined
from bisenet_core.evaluation.replay.output_folder import claim_output, refuse_input
from bisenet_core.evaluation.replay.part_result import PartResult, PartStore
from bisenet_core.evaluation.replay.preparation import Models, Request, open_recordings, prepare_models
from bisenet_core.evaluation.replay.ray_jobs import run_on_ray
from bisenet_core.evaluation.replay.reference import (
    Changes,
    compare_with,
    identity,
    refuse_filled,
    write_reference,
)
from bisenet_core.evaluation.replay.requirements import Requirements, read_requirements
from bisenet_core.evaluation.replay.rerun_file import check_rerun_file, write_rerun
from bisenet_core.evaluation.replay.results import save_results, write_results
from bisenet_core.evaluation.replay.tags import Tags, read_tags
from bisenet_core.evaluation.replay.worker import Progress, Worker
from bisenet_core.reports.console import progress_bar
from bisenet_core.reports.parts.panels import Panels, heat_panel, pair_panels
from bisenet_core.reports.replay.figure_names import FIGURES

LABELLED_BAGS, MINED = "labelled", "mined"

#: Yields each part with its result, in any order. How many times a part may lose its worker is bounded.
Runner = Callable[[ReplayJob, Sequence[Part], Progress], Iterator[tuple[Part, PartResult]]]

logger = logging.getLogger(__name__)


def replay(request: Request) -> dict[str, Any]:
    """Evaluate what is asked for and write it into ``request.output``; returns what results.json holds.

    Raises InputError for bad input, EvaluationError where workers keep dying; finished parts are kept.
    """
    requirements = read_requirements(request.require) if request.require else None
    tags = read_tags(request.tags) if request.tags else None
    if request.rerun is not None:
        check_rerun_file(request.rerun)
    if request.write_reference:
        refuse_input("--write-reference", request.write_reference, request)
        refuse_filled(request.write_reference, request.output)
    if request.mine:
        refuse_mined(request.output / MINED)
    models = prepare_models(request)
    recordings, left_out = open_recordings(request, models.space)
    for line in left_out:
        logger.warning("%s", line)
    with ExitStack() as stack:
        for recording in recordings:
            stack.enter_context(recording)
        return _replay(request, models, recordings, left_out, requirements, tags)


def _replay(
    request: Request, models: Models, recordings: Sequence[BagDrive], left_out: list[str],
    requirements: Requirements | None, tags: Tags | None
) -> dict[str, Any]:
    bags = _evaluated(request, models.job, recordings)
    about = {**models.about, "created": datetime.now().astimezone().isoformat(timespec="seconds")}
    unknown = tags.put_into((bag.name, bag.rows) for bag in bags) if tags else []
    drive = write_results(request.output, about, bags, left_out, tags.names if tags else ())
    results = drive.results
    for name in (JUNIT, "report.html"):  # of the evaluation that is resumed
        (request.output / name).unlink(missing_ok=True)
    if tags:
        results["slices"]["problems"] = unknown
    _log_notes(results, known=len(left_out))
    results["identity"] = identity(models.job, results["device"])
    changes = compare_with(request.against, bags, results) if request.against else None
    if changes:
        results["reference"] = changes.summary
        results["figures"]["changed_pixels"] = FIGURES["changed_pixels"].of(results)
    save_results(request.output, results)
    if requirements is not None:
        results["requirements"] = judge(
            requirements, drive, [row for bag in bags for row in bag.rows],
            [*left_out, *(f"{bag.name}: {line}" for bag in bags for line in bag.recording.lost)])
        save_results(request.output, results)
        write_junit(request.output / JUNIT, results["requirements"])
    if request.labelled_bag:
        with _progress("writing labelled bags", sum(len(bag.recording) for bag in bags)) as progress:
            write_labelled_bags(request.output / LABELLED_BAGS, bags, models.space, progress)
    if request.rerun is not None:
        with _progress(f"writing {request.rerun}", sum(len(bag.recording) for bag in bags)) as progress:
            write_rerun(request.rerun, bags, models.space, progress)
    if request.mine:
        mine(request.output / MINED, bags, models.space, request.mine)
    if request.write_reference:
        write_reference(request.write_reference, request.output, bags)
    if request.report:
        _write_report(request.output, results, bags, models.job, changes)
    return results


def finish_parts(
    job: ReplayJob, parts: Sequence[Part], store: PartStore, runner: Runner, progress: Progress
) -> None:
    """Do the parts that ``store`` lacks. It keeps each as soon as it is finished."""
    missing = [part for part in parts if store.load(part) is None]
    progress(sum(map(len, parts)) - sum(map(len, missing)))
    for part, result in runner(job, missing, progress):
        store.save(part, result)


def run_here(
    job: ReplayJob, parts: Sequence[Part], progress: Progress, opened: Sequence[BagDrive] = ()
) -> Iterator[tuple[Part, PartResult]]:
    """The runner that uses this process alone; ``opened``: see Worker."""
    if parts:
        with Worker(job, opened) as worker:
            for part in parts:
                yield part, worker.evaluate(part, progress)


def _evaluated(request: Request, job: ReplayJob, recordings: Sequence[BagDrive]) -> list[EvaluatedBag]:
    """Have every part of the recordings finished."""
    parts = [
        split(recording.path.resolve(), recording.topic, len(recording), request.labels)
        for recording in recordings
    ]
    store = claim_output(request, job)
    every = [part for of_bag in parts for part in of_bag]
    with _progress("evaluating", sum(map(len, recordings))) as progress:
        try:
            finish_parts(job, every, store, _runner(request, recordings), progress)
        except KeyboardInterrupt:
            finished = sum(store.load(part) is not None for part in every)
            logger.warning("%d of %d parts are finished; --resume goes on from there", finished, len(every))
            raise
    names = unique_names([recording.name for recording in recordings])
    return [EvaluatedBag(*each, store) for each in zip(names, recordings, parts)]


def _runner(request: Request, recordings: Sequence[BagDrive]) -> Runner:
    if request.ray is not None:
        return partial(run_on_ray, address=request.ray)
    if request.jobs > 1:
        return partial(run_in_processes, processes=request.jobs)
    return partial(run_here, opened=recordings)


@contextmanager
def _progress(description: str, frames: int) -> Iterator[Progress]:
    with progress_bar() as bar:
        task = bar.add_task(description, total=frames, note="")
        yield partial(bar.advance, task)


def _log_notes(results: dict[str, Any], known: int) -> None:
    """Log what is odd about the bags and what was left out, but for the first ``known`` lines of that."""
    for bag in results["bags"]:
        for note in bag["notes"]:
            logger.warning("%s: %s", bag["name"], note)
    for line in results["left_out"][known:]:
        logger.warning("left out: %s", line)


def _write_report(
    output: Path, results: dict[str, Any], bags: list[EvaluatedBag], job: ReplayJob, changes: Changes | None
) -> None:
    from bisenet_core.reports.replay.page import write_report
    from bisenet_core.reports.replay.pictures import take_pictures

    rows = [row for bag in bags for row in bag.rows]
    with Worker(job, [bag.recording for bag in bags]) as worker:
        pictures = take_pictures(results, rows, lambda bag, index: worker.look(bags[bag].parts[0], index))
        changed = _changed(changes, bags, worker) if changes else []
    write_report(output, results, rows, pictures, changed)


def _changed(changes: Changes, bags: list[EvaluatedBag], worker: Worker) -> list[tuple[str, Panels]]:
    """Heat maps of where labels have changed, by size, and the frames that have changed most."""
    shown = [(f"How often pixels have changed: black never, yellow {heat.max()} times", [heat_panel(heat)])
             for heat in changes.heat.values() if heat.any()]
    for place, index, before in changes.worst:
        bag = bags[place]
        if bag.rows[index]["segment_ms"] is not None and before.size:
            image, _, now = worker.look(bag.parts[0], index)
            named = [("Reference", before), ("Now", now)]
            shown.append((f"{bag.name}, frame {index}",
                          pair_panels(image, named, worker.segmenter.label_space)))
    return shown
