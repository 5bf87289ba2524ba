"""Write frames.npz, a row for each frame of an evaluation; EvaluatedDrive reads it back."""

import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.evaluation.metrics.bands import BANDS, DISTANCE, HEIGHT
from bisenet_core.evaluation.metrics.calibration import BINS, binned
from bisenet_core.evaluation.metrics.mailbox_simulation import LABELLED
from bisenet_core.evaluation.replay.evaluated_bag import EvaluatedBag, unique_names
from bisenet_core.evaluation.replay.frame_result import COUNTS, FrameResult
from bisenet_core.files import read_json
from bisenet_core.labels.metrics import class_counts

RESULTS, FRAMES_NPZ = "results.json", "frames.npz"

_ARRAYS = ("scored", "bag", "index", "stamp_ns", "driven")
_READ_BYTES = 32_000_000

#: Of ``counts``, those that the figures of a frame are computed from: the shape for one frame of C classes.
_COUNTS: dict[str, Callable[[int], tuple[int, ...]]] = {
    "truth": lambda classes: (3, classes),  # summed from the matrices, which do not fit into memory
    "boundary": lambda classes: (classes, 4),
    "calibration": lambda classes: (3, BINS),
    "temporal": lambda classes: (classes, 2),
    "teacher": lambda classes: (3, classes),
    "distance": lambda classes: (len(BANDS[DISTANCE]), 3, classes),
    "objects": lambda classes: (len(BANDS[HEIGHT]), classes, 4),
    "segment_ms": lambda classes: (),
}
_OF_TRUTH = ("truth", "boundary", "calibration", "distance", "objects")


def write_npz(path: Path, bags: Sequence[EvaluatedBag], classes: int) -> np.ndarray:
    """Write the arrays of an EvaluatedDrive, and return the sum of its matrices, int64 C x (C + 1).

    The matrices of a long drive do not fit into memory, and are written as they are read.
    """
    rows = [row for bag in bags for row in bag.rows]
    arrays = {
        "scored": np.array([row["scored_pixels"] is not None for row in rows], bool),
        "bag": np.repeat(np.arange(len(bags), dtype=np.int32), [len(bag.rows) for bag in bags]),
        "index": np.array([row["index"] for row in rows], np.int64),
        "stamp_ns": np.array([row["stamp_ns"] for row in rows], np.int64),
        "driven": np.array([row["driven"] == LABELLED for row in rows], bool),
        "segment_ms": np.array([row["segment_ms"] for row in rows], np.float64),
        **_stacked_counts([_counts_of(frame) for bag in bags for frame in bag.frames()], classes),
    }
    matrices = (frame.confusion for bag in bags for frame in bag.frames())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("confusion.npy", "w", force_zip64=True) as stream:
            total = _write_matrices(stream, matrices, (len(rows), classes, classes + 1))
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, array, allow_pickle=False)
    return total


def _counts_of(frame: FrameResult) -> dict[str, np.ndarray]:
    counts = {name: getattr(frame, name) for name in COUNTS if name in _COUNTS}
    if frame.calibration is not None:
        counts["calibration"] = np.stack(binned(frame.calibration))
    if frame.teacher is not None:
        counts["teacher"] = np.stack(class_counts(frame.teacher))
    return {name: array for name, array in counts.items() if array is not None}


def _stacked_counts(frames: list[dict[str, np.ndarray]], classes: int) -> dict[str, np.ndarray]:
    """The counts of each kind, int64 N x ..., 0 where a frame has none; absent where no frame has."""
    found = [name for name in _COUNTS if any(name in frame for frame in frames)]
    nothing = {name: np.zeros(_COUNTS[name](classes), np.int64) for name in found}
    return {name: np.stack([frame.get(name, nothing[name]) for frame in frames]) for name in found}


def _write_matrices(
    stream: IO[bytes], matrices: Iterable[np.ndarray | None], shape: tuple[int, int, int]
) -> np.ndarray:
    np.lib.format.write_array_header_1_0(stream, {"descr": "<i8", "fortran_order": False, "shape": shape})
    nothing, total = np.zeros(shape[1:], "<i8"), np.zeros(shape[1:], np.int64)
    for matrix in matrices:
        stream.write((nothing if matrix is None else matrix.astype("<i8")).tobytes())
        total += nothing if matrix is None else matrix
    return total


@dataclass(frozen=True)
class EvaluatedDrive:
    """``results`` is results.json; the arrays are those of frames.npz, one row for each frame."""

    path: Path
    results: dict[str, Any]
    scored: np.ndarray  # bool N: has ground truth
    bag: np.ndarray  # int32 N: place in results["bags"]
    index: np.ndarray  # int64 N: place in its bag
    stamp_ns: np.ndarray  # int64 N
    driven: np.ndarray  # bool N: would have been labelled live
    counts: dict[str, np.ndarray] = field(default_factory=dict)
    """Of ``_COUNTS``, N x ..., those that were measured; in evaluations of old "truth" alone."""

    @classmethod
    def load(cls, path: Path) -> "EvaluatedDrive":
        """Read results.json, given by itself or by its folder. Raises InputError for any other file."""
        path = path / RESULTS if path.is_dir() else path
        try:
            drive = cls(path, read_json(path), **read_arrays(path.with_name(FRAMES_NPZ)))
        except OSError as error:
            reason = f"{error.filename or path}: {error.strerror or error}"
        except Exception as error:  # zipfile's, zlib's, tokenize's: all that reading a damaged file raises
            reason = str(error) or "it is damaged"
        else:
            reason = _misfit(drive)
        if reason:
            raise InputError(f"cannot compare {path}: {' '.join(reason.split())}; expected results.json of "
                             "`bisenet replay`, with frames.npz beside it")
        return drive

    def __len__(self) -> int:
        return len(self.index)

    def take(self, rows: np.ndarray) -> "EvaluatedDrive":
        """The same evaluation with some of its frames: ``rows`` are places or a mask."""
        counts = {name: array[rows] for name, array in self.counts.items()}
        return replace(self, counts=counts, **{name: getattr(self, name)[rows] for name in _ARRAYS})

    def where_scored(self, scored: np.ndarray) -> "EvaluatedDrive":
        """The same frames, those that are not in the mask ``scored`` without what needs ground truth."""
        counts = {name: array * scored.reshape(-1, *[1] * (array.ndim - 1)) if name in _OF_TRUTH else array
                  for name, array in self.counts.items()}
        return replace(self, counts=counts, scored=scored)

    def bands(self) -> dict[tuple[str, str], "EvaluatedDrive"]:
        """The same frames with the counts of one of BANDS alone, by its kind and name, those that occur."""
        found = {}
        for kind, name in ((DISTANCE, "distance"), (HEIGHT, "objects")):
            for place, band in enumerate(BANDS[kind] if name in self.counts else ()):
                array = self.counts[name][:, place]
                counts = {"truth": array} if kind == DISTANCE else {name: array[:, None]}
                found[kind, band] = replace(self, counts=counts, scored=np.any(array, axis=(1, 2)))
        return {key: drive for key, drive in found.items() if drive.scored.any()}

    @property
    def classes(self) -> list[str]:
        """Class names by id."""
        return self.results["classes"]

    @property
    def bags(self) -> list[str]:
        """A name for each bag, by place; a second one of the same name gets "#2"."""
        return unique_names([bag["name"] for bag in self.results["bags"]])


def common_frames(
    first: EvaluatedDrive, second: EvaluatedDrive
) -> tuple[EvaluatedDrive, EvaluatedDrive]:
    """Both, with the frames that both have, in the order of ``first``.

    Bags are paired by name, and their frames by stamp; by index where stamps repeat.
    """
    names = second.bags
    rows = [_pair(first, place, second, names.index(name))
            for place, name in enumerate(first.bags) if name in names]
    none = np.zeros((2, 0), np.int64)
    one, two = np.concatenate([none, *rows], axis=1)
    return first.take(one), second.take(two)


def _pair(first: EvaluatedDrive, bag: int, second: EvaluatedDrive, other_bag: int) -> np.ndarray:
    # int64 2 x N: rows of one bag's frames in the one and in the other
    one, two = np.flatnonzero(first.bag == bag), np.flatnonzero(second.bag == other_bag)
    keys, others = first.stamp_ns[one], second.stamp_ns[two]
    if len(np.unique(keys)) < len(keys) or len(np.unique(others)) < len(others):
        keys, others = first.index[one], second.index[two]
    _, at, there = np.intersect1d(keys, others, return_indices=True)
    order = np.argsort(at)
    return np.stack([one[at[order]], two[there[order]]])


def read_arrays(path: Path) -> dict[str, Any]:
    """The arrays of an EvaluatedDrive, from frames.npz."""
    with np.load(path) as arrays:
        counts = {name: arrays[name] for name in _COUNTS if name in arrays}
        with arrays.zip.open("confusion.npy") as stream:
            counts["truth"] = _read_matrices(stream)
        return {"counts": counts, **{name: arrays[name] for name in _ARRAYS}}


def _read_matrices(stream: IO[bytes]) -> np.ndarray:
    """``class_counts`` of the matrices that ``_write_matrices`` wrote, int64 N x 3 x C."""
    np.lib.format.read_magic(stream)
    (frames, *shape), fortran, kind = np.lib.format.read_array_header_1_0(stream)
    if fortran or kind.kind not in "iu" or len(shape) != 2 or shape[1] != shape[0] + 1:
        raise ValueError("frames.npz does not have one row for each frame and class")
    truth, size = np.zeros((frames, 3, shape[0]), np.int64), kind.itemsize * shape[0] * shape[1]
    step = max(1, _READ_BYTES // max(size, 1))
    for start in range(0, frames, step):
        part = truth[start : start + step]
        matrices = np.frombuffer(stream.read(len(part) * size), kind).reshape(len(part), *shape)
        part[:] = np.stack(class_counts(matrices), axis=1)
    return truth


def _misfit(drive: EvaluatedDrive) -> str:
    # why the parts do not belong together, or empty
    results = drive.results
    if not isinstance(results, dict) or results.get("schema") != 1:
        return "it is not an evaluation of schema 1"
    if not (_is_list_of(str, results.get("classes")) and _is_list_of(dict, results.get("bags"))
            and all(isinstance(bag.get("name"), str) for bag in results["bags"])):
        return "it names no classes or no bags"
    expected = (len(drive), 3, len(drive.classes))
    lengths = {getattr(drive, name).shape for name in _ARRAYS}
    if drive.counts["truth"].shape != expected or lengths != {expected[:1]}:
        return "frames.npz does not have one row for each frame and class"
    shapes = {name: (len(drive), *_COUNTS[name](len(drive.classes))) for name in drive.counts}
    if any(each.shape != shapes[name] or each.dtype.kind not in "iuf" for name, each in drive.counts.items()):
        return "frames.npz has counts of other classes"
    if len(drive) and not 0 <= drive.bag.min() <= drive.bag.max() < len(results["bags"]):
        return "frames.npz names a bag that results.json does not"
    return ""


def _is_list_of(kind: type, value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, kind) for each in value)
