"""finish_parts: have every part of an evaluation done, by whichever workers there are."""

from collections.abc import Callable, Iterator, Sequence

from bisenet_core.evaluation.replay.job import Evaluation, Part
from bisenet_core.evaluation.replay.part_result import PartResult
from bisenet_core.evaluation.replay.part_store import PartStore
from bisenet_core.evaluation.replay.work import Progress, evaluate_part

#: Yields each part with its result, in any order. How many times a part may lose its worker is bounded.
Runner = Callable[[Evaluation, Sequence[Part], Progress], Iterator[tuple[Part, PartResult]]]


def finish_parts(
    evaluation: Evaluation, parts: Sequence[Part], store: PartStore, runner: Runner, progress: Progress
) -> int:
    """Do the parts that ``store`` lacks; returns how many it had. It keeps each as soon as it is finished."""
    missing = [part for part in parts if store.load(part) is None]
    progress(sum(map(len, parts)) - sum(map(len, missing)))
    for part, result in runner(evaluation, missing, progress):
        store.save(part, result)
    return len(parts) - len(missing)


def run_here(
    evaluation: Evaluation, parts: Sequence[Part], progress: Progress
) -> Iterator[tuple[Part, PartResult]]:
    """The runner that uses this process alone."""
    for part in parts:
        yield part, evaluate_part(evaluation, part, progress)
