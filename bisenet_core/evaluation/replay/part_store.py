"""PartStore: the finished parts of an evaluation, one file each in a folder."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from bisenet_core.errors import InputError
from bisenet_core.evaluation.replay.job import Evaluation, Part, fingerprint
from bisenet_core.evaluation.replay.part_result import PartResult


class PartStore:
    """Results by part. A file's name has the part's fingerprint: one that no longer fits is not found."""

    def __init__(self, folder: Path, evaluation: Evaluation) -> None:
        self._folder = folder
        self._evaluation = evaluation

    def load(self, part: Part) -> PartResult | None:
        """The part's result; None where it has none, or none that can be used."""
        result = PartResult.load(self._path(part), fingerprint(self._evaluation, part))
        return result if result and len(result.frames) == len(part) else None

    def save(self, part: Part, result: PartResult) -> None:
        """Keep the part's result. Raises InputError where the disk is full or the folder is closed."""
        try:
            result.save(self._path(part))
        except OSError as error:
            raise InputError(
                f"cannot write into {self._folder}: {error.strerror}; make room and add --resume"
            ) from None

    def state_of(self, parts: Sequence[Part]) -> str:
        """Digest, 64 hexadecimal digits, of all that the results of ``parts`` are made of."""
        prints = [fingerprint(self._evaluation, part) for part in parts]
        return hashlib.sha256("".join(prints).encode()).hexdigest()

    def _path(self, part: Part) -> Path:
        of = fingerprint(self._evaluation, part)
        return self._folder / f"{Path(part.bag).name[:80]}-{part.start:06d}-{part.stop:06d}-{of[:16]}.npz"
