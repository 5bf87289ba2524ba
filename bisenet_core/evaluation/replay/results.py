"""The finished parts of an evaluation, added up: results.json, frames.csv and frames.npz."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bisenet_core.errors import InputError
from bisenet_core.evaluation.metrics import latency, mailbox_simulation
from bisenet_core.evaluation.metrics.mailbox_simulation import LABELLED
from bisenet_core.evaluation.replay.evaluated_bag import EvaluatedBag
from bisenet_core.evaluation.replay.frame_files import Row, csv_row, rows_of, write_csv, write_npz
from bisenet_core.evaluation.replay.totals import Totals
from bisenet_core.files import replacing
from bisenet_core.labels.label_space import LabelSpace

RESULTS, FRAMES_CSV, FRAMES_NPZ = "results.json", "frames.csv", "frames.npz"

#: Lines of ``left_out`` for one bag.
_MOST_PROBLEMS = 50


def write_results(
    output: Path, about: dict[str, Any], bags: list[EvaluatedBag], space: LabelSpace, left_out: list[str]
) -> dict[str, Any]:
    """Write the three files into ``output`` and return what results.json holds.

    ``about``: the entries that say what was evaluated and how, ``teacher`` the name of one or None among
    them. ``left_out``: lines of what was left out before any frame. A file is replaced when the new one is
    whole. Raises InputError where that is not possible.
    """
    totals = Totals(space)
    try:
        scored: Counter[int] = Counter()
        with replacing(output / FRAMES_CSV, shared=True) as path:
            write_csv(path, (csv_row(row) for row in _counted(bags, totals, scored)))
        with replacing(output / FRAMES_NPZ, shared=True) as path:
            write_npz(path, bags, space.num_classes)
        results = _results(about, bags, totals, scored, left_out)
        with replacing(output / RESULTS, shared=True) as path:
            path.write_text(json.dumps(results, indent=2) + "\n")
    except OSError as error:
        raise InputError(
            f"cannot write into {output}: {error.strerror}; make room, and add --resume to go on"
        ) from None
    return results


def _counted(bags: list[EvaluatedBag], totals: Totals, scored: Counter[int]) -> Iterator[Row]:
    for row in rows_of(bags):
        totals.add(row.frame, row.driven.outcome == LABELLED)
        scored[row.bag] += row.frame.confusion is not None
        yield row


def _results(
    about: dict[str, Any],
    bags: list[EvaluatedBag],
    totals: Totals,
    scored: Counter[int],
    left_out: list[str],
) -> dict[str, Any]:
    outlines = [frame for bag in bags for frame in bag.outlines]
    driven = [fate for bag in bags for fate in bag.driven]
    stages = latency.stages(outlines)
    as_driven = mailbox_simulation.summary(outlines, driven, about["classes"])
    return {
        "schema": 1,
        **about,
        "bags": [bag.as_json(scored[place]) for place, bag in enumerate(bags)],
        **_speed(bags, sum(bool(frame.timings_ms) for frame in outlines)),
        "scored": sum(scored.values()),
        **totals.scores(),
        **totals.others(about["teacher"]),
        "latency_ms": stages.get("segment"),
        "stages_ms": stages,
        "as_driven": {**as_driven, **totals.scores_as_driven()},
        "left_out": left_out + [line for bag in bags for line in _problems(bag)],
    }


def _speed(bags: list[EvaluatedBag], labelled: int) -> dict[str, Any]:
    # Of one worker, so that neither their number nor an interruption changes what the figure means.
    parts = [(part.seconds, part.device, part.cores) for bag in bags for part in bag.results()]
    seconds = sum(taken for taken, _, _ in parts)
    return {
        "device": "; ".join(sorted({device for _, device, _ in parts})),
        "cores": sorted({cores for _, _, cores in parts}),
        "frames": labelled,
        "fps": round(labelled / seconds, 3) if seconds else None,
    }


def _problems(bag: EvaluatedBag) -> list[str]:
    """What became of frames that were not labelled or not scored, each reason once, the commonest first."""
    problems = Counter(frame.problem for frame in bag.outlines if frame.problem)
    first = {frame.problem: frame.index for frame in reversed(bag.outlines)}
    lines = [
        f"{bag.name}: {count} images, the first of them {first[problem]}: {problem}"
        if count > 1
        else f"{bag.name}: image {first[problem]}: {problem}"
        for problem, count in problems.most_common(_MOST_PROBLEMS)
    ]
    more = len(problems) - len(lines)
    return lines + ([f"{bag.name}: {more} more reasons, see {FRAMES_CSV}"] if more else [])
