"""PartResult: the outcomes of one part of a drive; PartStore keeps one file for each finished part."""

import hashlib
import json
import math
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bisenet_core.errors import explain_os_errors
from bisenet_core.evaluation.replay.frame_result import COUNTS, STAGES, FrameResult
from bisenet_core.evaluation.replay.job import Part, ReplayJob, fingerprint
from bisenet_core.files import replacing
from bisenet_core.runtime.segmenter import Segmentation

_NUMBERS = ("index", "recorded_ns", "stamp_ns", "width", "height")
_ABOUT = ("fingerprint", "device", "cores", "seconds")


@dataclass(frozen=True)
class PartResult:
    """Outcomes of consecutive frames of one bag."""

    fingerprint: str
    """Of the part and of all that its figures depend on."""
    frames: list[FrameResult]
    device: str = ""
    """The processor that labelled them, in words."""
    cores: int = 0
    """How many of its cores the worker used: what the times of its frames depend on."""
    seconds: float = 0.0
    """What the whole part took, reading and scoring included."""
    labels: tuple[bytes, ...] = ()
    """Of each frame, where they were asked for, see ``pack_labels``; empty bytes for one that has none."""

    def save(self, path: Path) -> None:
        """Write to ``path``, an .npz without pickled objects. A reader sees all of it or the file before."""
        with replacing(path, shared=True) as unfinished, open(unfinished, "wb") as stream:
            np.savez_compressed(stream, **self._arrays())

    @classmethod
    def load(cls, path: Path, fingerprint: str) -> "PartResult | None":
        """The result in ``path``; None where it is missing, damaged or of another fingerprint."""
        # A disk that was full or unplugged leaves any of these behind.
        try:
            with np.load(path, allow_pickle=False) as stored:
                about = json.loads(str(stored["about"]))
                if about["fingerprint"] != fingerprint:
                    return None
                return cls._from_arrays({key: stored[key] for key in stored.files}, about)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            return None

    def _arrays(self) -> dict[str, Any]:
        about = {**{name: getattr(self, name) for name in _ABOUT},
                 "problems": [frame.problem for frame in self.frames]}
        numbers = [[getattr(frame, name) for name in _NUMBERS] for frame in self.frames]
        timings = [[frame.timings_ms.get(stage, np.nan) for stage in STAGES] for frame in self.frames]
        arrays = {
            "about": np.array(json.dumps(about)),
            "numbers": np.array(numbers, np.int64).reshape(-1, len(_NUMBERS)),
            "timings": np.array(timings, np.float64).reshape(-1, len(STAGES)),
            "label_sizes": np.array([len(png) for png in self.labels], np.int64),
            "labels": np.frombuffer(b"".join(self.labels), np.uint8),
        }
        for name in COUNTS:
            counts = {place: getattr(frame, name) for place, frame in enumerate(self.frames)}
            counts = {place: array for place, array in counts.items() if array is not None}
            arrays[f"{name}_of"] = np.array(list(counts), np.int64)
            arrays[name] = np.array(list(counts.values()), np.int64)
        return arrays

    @classmethod
    def _from_arrays(cls, arrays: dict[str, np.ndarray], about: dict[str, Any]) -> "PartResult":
        counts: list[dict[str, Any]] = [{} for _ in about["problems"]]
        for name in COUNTS:
            for place, array in zip(arrays.get(f"{name}_of", ()), arrays.get(name, ()), strict=True):
                counts[place][name] = array
        timings = [{stage: time for stage, time in zip(STAGES, row) if not math.isnan(time)}
                   for row in arrays["timings"].tolist()]
        columns = zip(arrays["numbers"].tolist(), about["problems"], timings, counts, strict=True)
        frames = [FrameResult(**dict(zip(_NUMBERS, numbers)), problem=problem, timings_ms=times, **of_frame)
                  for numbers, problem, times, of_frame in columns]
        pngs = split_pngs(arrays["labels"], arrays["label_sizes"])
        return cls(frames=frames, labels=tuple(pngs), **{name: about[name] for name in _ABOUT})


def split_pngs(joined: np.ndarray, sizes: np.ndarray) -> list[bytes]:
    """The files of so many bytes each that stand one behind the other in ``joined``, uint8."""
    return [each.tobytes() for each in np.split(joined, np.cumsum(sizes))[:-1]]


def pack_labels(labelled: Segmentation) -> bytes:
    """A PNG with the labels and, below them, the confidence."""
    assert labelled.confidence is not None
    both = np.vstack([labelled.labels, labelled.confidence])
    return bytes(cv2.imencode(".png", both, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1])


def unpack_labels(png: bytes, height: int) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Labels and confidence of a frame, HxW uint8; None for what was not kept."""
    if not png:
        return None, None
    rows = np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED))
    return rows[:height], rows[height:] if len(rows) > height else None  # once the labels alone were kept


class PartStore:
    """The finished parts of ``job`` in ``folder``. A file's name has its part's fingerprint, so that a result
    of another bag, model or ground truth is not found."""

    def __init__(self, folder: Path, job: ReplayJob) -> None:
        self._folder = folder
        self._job = job

    def load(self, part: Part) -> PartResult | None:
        """The part's result; None where it has none, or none that can be used."""
        result = PartResult.load(self._path(part), fingerprint(self._job, part))
        return result if result and len(result.frames) == len(part) else None

    def save(self, part: Part, result: PartResult) -> None:
        """Keep the part's result. Raises InputError where the disk is full or the folder is closed."""
        with explain_os_errors(f"cannot write into {self._folder}", "make room and add --resume"):
            result.save(self._path(part))

    def digest(self, parts: Sequence[Part]) -> str:
        """64 hexadecimal digits, of all that the results of ``parts`` are made of."""
        prints = [fingerprint(self._job, part) for part in parts]
        return hashlib.sha256("".join(prints).encode()).hexdigest()

    def _path(self, part: Part) -> Path:
        of = fingerprint(self._job, part)
        return self._folder / f"{Path(part.bag).name[:80]}-{part.start:06d}-{part.stop:06d}-{of[:16]}.npz"
