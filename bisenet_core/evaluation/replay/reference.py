"""References: labels of an evaluation that are kept, for later ones to be compared with pixel by pixel."""

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import bisenet_core
from bisenet_core.errors import InputError, explain_os_errors, parsing
from bisenet_core.evaluation.replay.evaluated_bag import EvaluatedBag
from bisenet_core.evaluation.replay.evaluated_drive import FRAMES_NPZ, RESULTS, EvaluatedDrive
from bisenet_core.evaluation.replay.job import ReplayJob
from bisenet_core.evaluation.replay.part_result import split_pngs, unpack_labels
from bisenet_core.images.encodings import SAMPLE_BITS
from bisenet_core.reports.parts.formats import percent, plural
from bisenet_core.reports.parts.panels import without_neighbours

LABELS = "labels.npz"

_MOST_SHOWN = 4
_NOTHING = np.zeros((0, 0), np.uint8)
_LABELLING = ("drives", "images", "labels", "runtime")  # the rooms whose code labels depend on


@dataclass(frozen=True)
class Changes:
    """What has changed since a reference."""

    summary: dict[str, Any]
    """``reference`` of results.json."""
    heat: dict[tuple[int, ...], np.ndarray]
    """int64 HxW by size: how often each pixel has changed."""
    worst: list[tuple[int, int, np.ndarray]]
    """Place of the bag, index, and the reference's labels, HxW uint8, of the frames that changed most."""


def identity(job: ReplayJob, device: str) -> dict[str, str]:
    """``identity`` of results.json: what labels depend on besides the images, as texts to be compared."""
    rooms = [Path(bisenet_core.__file__).parent / room for room in _LABELLING]
    files = sorted(path for room in rooms for path in room.rglob("*") if path.suffix in (".py", ".cu", ".h"))
    code = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    bits = job.significant_bits
    return {
        "model": f"{job.model_sha256[:16]} with model.json {job.model_settings[:16]}",
        "backend": f"{job.backend} {job.backend_version}",
        "precision": job.precision + (f", {bits} significant bits" if bits != SAMPLE_BITS else ""),
        "code": f"{job.version} {code[:16]}, OpenCV {job.opencv_version}",
        "processor": device,
    }


def write_reference(folder: Path, output: Path, bags: Sequence[EvaluatedBag]) -> None:
    """Write the labels of the evaluation in ``output``, with its results.json and frames.npz.

    Raises InputError where ``folder`` holds anything or cannot be written.
    """
    best = [cv2.IMWRITE_PNG_COMPRESSION, 9]
    pngs = [bytes(cv2.imencode(".png", labels, best)[1]) if labels.size else b""
            for bag in bags for labels in kept_labels(bag)]
    with explain_os_errors(f"cannot write {folder}", "choose another folder"):
        refuse_filled(folder, output)
        folder.mkdir(parents=True, exist_ok=True)
        for name in (RESULTS, FRAMES_NPZ):
            shutil.copyfile(output / name, folder / name)
        np.savez(folder / LABELS, sizes=np.array([len(png) for png in pngs], np.int64),
                 pngs=np.frombuffer(b"".join(pngs), np.uint8))


def refuse_filled(folder: Path, output: Path) -> None:
    """Raise InputError where a reference would be written over anything, or into ``output``."""
    filled = folder.is_file() or (folder.is_dir() and any(folder.iterdir()))
    if filled or output.resolve() in (folder.resolve(), *folder.resolve().parents):
        raise InputError(f"--write-reference {folder} is filled already or lies in --output; choose another")


def compare_with(folder: Path, bags: Sequence[EvaluatedBag], results: dict[str, Any]) -> Changes:
    """Compare the labels of an evaluation with a reference, bag by bag.

    What cannot be compared is a line of ``problems`` in the summary.
    """
    try:
        drive, pngs = EvaluatedDrive.load(folder), _read_labels(folder)
    except InputError as error:
        nothing = _summary(np.zeros((0, 4)), {})
        return Changes({"path": str(folder), **nothing, "problems": [str(error)]}, {}, [])
    before, now = drive.results.get("identity") or {}, results["identity"]
    differ = {name: f"{text}; was {before.get(name)}" for name, text in now.items()
              if text != before.get(name)}
    problems = [f"{name} of the reference was not evaluated" for name in drive.bags
                if name not in [bag.name for bag in bags]]
    heat: dict[tuple[int, ...], np.ndarray] = {}
    found: list[tuple[int, ...]] = []
    old: dict[tuple[int, int], bytes] = {}
    for place, bag in enumerate(bags):
        rows, problem = _rows_of(drive, bag, results["classes"])
        problems += [problem] if problem else []
        for index, (row, labels) in enumerate(zip(rows, kept_labels(bag))):
            changed = _changed(_decoded(pngs[row]), labels)
            if changed is None:
                problems.append(f"{bag.name} has another size than in the reference, from image {index} on")
                break
            old[place, index] = pngs[row]
            heat[changed.shape] = heat.get(changed.shape, 0) + changed
            found.append((place, index, changed.size, int(changed.sum())))
    counts = np.array(found, np.int64).reshape(-1, 4)
    ranked = np.argsort(-counts[:, 3], kind="stable")[: np.count_nonzero(counts[:, 3])]
    shown = counts[without_neighbours(counts[:, 0], counts[:, 1], ranked, _MOST_SHOWN), :2].tolist()
    summary = {"path": str(folder), **_summary(counts, differ), "problems": problems}
    return Changes(summary, heat, [(place, index, _decoded(old[place, index])) for place, index in shown])


def _summary(counts: np.ndarray, differ: dict[str, str]) -> dict[str, Any]:
    pixels, changed = (int(counts[:, column].sum()) for column in (2, 3))
    frames = int(np.count_nonzero(counts[:, 3]))
    text = f"Bit-identical to the reference over {plural(len(counts), 'frame')}"
    if not len(counts):
        text = "Nothing could be compared with the reference"
    elif changed:
        why = f"what may explain it: another {', another '.join(differ)}" if differ else (
            "nothing known explains it: model, backend, precision, code and processor are the same")
        text = (f"{percent(changed / pixels, 3)} of the pixels differ from the reference, in {frames} of "
                f"{plural(len(counts), 'frame')}; {why}")
    return {"text": f"{text}.", "frames": len(counts), "changed_frames": frames, "pixels": pixels,
            "changed_pixels": changed, "changed_share": changed / pixels if pixels else None,
            "explained_by": differ}


def _read_labels(folder: Path) -> list[bytes]:
    told = parsing(f"{folder} is no reference of `bisenet replay --write-reference`")
    with told, np.load(folder / LABELS) as stored:
        return split_pngs(stored["pngs"], stored["sizes"])


def _rows_of(drive: EvaluatedDrive, bag: EvaluatedBag, classes: list[str]) -> tuple[list[int], str]:
    """The reference's rows of a bag; or none, and why there are none."""
    if classes != drive.classes:
        return [], f"{bag.name}: the reference has other classes, {', '.join(drive.classes[:3])}, ..."
    if bag.name not in drive.bags:
        return [], f"{bag.name} is not in the reference, which has {', '.join(drive.bags)}"
    place = drive.bags.index(bag.name)
    rows = np.flatnonzero(drive.bag == place)
    topic, now = drive.results["bags"][place].get("topic"), bag.recording.topic
    if topic != now:
        return [], f"{bag.name} has other images than in the reference: those of {now}, there of {topic}"
    if drive.stamp_ns[rows].tolist() != [row["stamp_ns"] for row in bag.rows]:
        return [], f"{bag.name} has other images than in the reference: {len(bag.rows)}, there {len(rows)}"
    return rows.tolist(), ""


def kept_labels(bag: EvaluatedBag) -> Iterator[np.ndarray]:
    """The labels of a bag whose labels were kept, HxW uint8; 0x0 of a frame that was not labelled."""
    pngs = (png for result in bag.results() for png in result.labels)
    for row, png in zip(bag.rows, pngs, strict=True):
        labels, _ = unpack_labels(png, row["height"])
        yield _NOTHING if labels is None else labels


def _changed(old: np.ndarray, new: np.ndarray) -> np.ndarray | None:
    """bool HxW; all of a frame that was labelled in one alone. None where the sizes differ."""
    if old.shape == new.shape:
        return old != new
    return None if old.size and new.size else np.ones(max(old.shape, new.shape), bool)


def _decoded(png: bytes) -> np.ndarray:
    found = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE) if png else None
    return _NOTHING if found is None else found
