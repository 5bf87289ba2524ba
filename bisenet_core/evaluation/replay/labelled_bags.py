"""Write the labels that an evaluation has kept as bags, for viewers; labelled_frames reads them."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bisenet_core.drives.bag_writer import LabelledFrame, open_labelled_bag
from bisenet_core.drives.bags.bag_files import is_bag_file, stored_name
from bisenet_core.drives.read_ahead import read_ahead
from bisenet_core.errors import explain_os_errors
from bisenet_core.evaluation.metrics.mailbox_simulation import SUPERSEDED
from bisenet_core.evaluation.replay.evaluated_bag import EvaluatedBag, unique_names
from bisenet_core.evaluation.replay.part_result import unpack_labels
from bisenet_core.evaluation.replay.worker import AHEAD, Progress
from bisenet_core.labels.label_space import LabelSpace

#: File in a bag's folder: what its labels were made of; see ``PartStore.digest``.
_STATE = "parts.sha256"


def write_labelled_bags(
    folder: Path, bags: list[EvaluatedBag], space: LabelSpace, progress: Progress
) -> None:
    """Write one below ``folder`` for each bag, of its name without a file's ending. One made of other parts
    is replaced when the new one is whole.

    Raises InputError where that is not possible.
    """
    with explain_os_errors(f"cannot write into {folder}", "make room, and add --resume to go on"):
        folder.mkdir(exist_ok=True)
        for bag, name in zip(bags, unique_names([_folder_name(bag.recording.path) for bag in bags])):
            state, written = bag.store.digest(bag.parts), folder / name / _STATE
            if written.is_file() and written.read_text() == state:
                progress(len(bag.recording))
            else:
                _replace(folder / name, bag, state, space, progress)


def labelled_frames(bag: EvaluatedBag) -> Iterator[LabelledFrame]:
    """The frames of a bag whose labels were kept, in order."""
    dropped = 0
    pngs = (png for result in bag.results() for png in result.labels)
    with bag.reading() as source:
        frames = read_ahead(source.frames(with_truth=False), AHEAD)
        for frame, png, row in zip(frames, pngs, bag.rows, strict=True):
            dropped += row["driven"] == SUPERSEDED
            labels, confidence = unpack_labels(png, row["height"])
            mean = None if confidence is None else confidence.mean() / 255
            numbers = {"latency_ms": row["segment_ms"], "age_as_driven_ms": row["age_ms"],
                       "mean_confidence": mean, "dropped_as_driven": dropped}
            known = {name: float(value) for name, value in numbers.items() if value is not None}
            yield LabelledFrame(frame, labels, confidence, known)


def _folder_name(bag: Path) -> str:
    path = Path(os.path.abspath(bag))
    return path.name if path.is_dir() or not is_bag_file(path) else stored_name(path).stem


def _replace(path: Path, bag: EvaluatedBag, state: str, space: LabelSpace, progress: Progress) -> None:
    counts = Counter(received=0, published=0, failed=0)
    with TemporaryDirectory(prefix=".", dir=path.parent) as workplace:
        written = Path(workplace) / "new" / path.name  # a bag's file is called after its folder
        with open_labelled_bag(written, bag.recording.path, space) as writer:
            for labelled in labelled_frames(bag):
                counts["received"] += 1
                counts["failed" if labelled.labels is None else "published"] += 1
                writer.write(labelled, counts)
                progress(1)
        (written / _STATE).write_text(state)
        if path.exists():
            os.rename(path, Path(workplace) / "old")
        os.rename(written, path)
