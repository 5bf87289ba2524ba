"""ReplayJob says how frames are evaluated, Part which; both are small enough to send to any worker."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2

from bisenet_core import __version__
from bisenet_core.drives.bags.sqlite_storage import logs_of
from bisenet_core.errors import explain_os_errors
from bisenet_core.images.encodings import SAMPLE_BITS
from bisenet_core.runtime.model_card import CARD_NAME, file_sha256
from bisenet_core.runtime.segmenter import Segmenter

#: Frames of one part: ten seconds at 15 Hz. What an interruption loses, and what a worker takes at a time.
PART_FRAMES = 150

#: Fields of a job that older versions did not have: without them their parts can still be used.
_LATER = ("camera_height", "camera_pitch", "objects")


@dataclass(frozen=True)
class ReplayJob:
    """All that the figures depend on besides the bags. Paths are absolute."""

    model: str
    """Its folder."""
    model_sha256: str
    model_settings: str
    """See ``settings_of``."""
    backend: str
    """As it was found to be, never "auto": a worker that lacks it must say so."""
    precision: str
    backend_version: str
    teacher: str | None = None
    teacher_sha256: str | None = None
    teacher_settings: str | None = None
    labels: str | None = None
    """A folder of ground truth."""
    label_topic: str | None = None
    """Or the topic that has it."""
    significant_bits: int = SAMPLE_BITS
    """Of the images' 16-bit samples."""
    camera_height: float | None = None
    """Metres above the ground, where scores by distance are asked for."""
    camera_pitch: float | None = None
    """Degrees, down where positive."""
    objects: tuple[str, ...] | None = None
    """Classes whose objects are counted."""
    keep_labels: bool = False
    """Whether the label images are kept too."""
    version: str = __version__
    opencv_version: str = cv2.__version__
    """Of the library that decodes and resizes images."""


@dataclass(frozen=True)
class Part:
    """Frames ``start`` to ``stop`` - 1 of the images on ``topic`` of the bag at ``bag``."""

    bag: str
    topic: str
    state: str
    """Of the files that it is read from, see ``state_of``."""
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def __str__(self) -> str:
        return f"{self.bag}, images {self.start} to {self.stop - 1}"


def split(
    bag: Path, topic: str, frames: int, labels: Path | None = None, size: int = PART_FRAMES
) -> list[Part]:
    """The parts of a bag with that many images, in order, each of at most ``size``.

    ``labels``: the folder of its ground truth. Raises InputError for what cannot be read.
    """
    state = " ".join(state_of(path) for path in (bag, labels) if path)
    starts = range(0, frames, size)
    return [Part(str(bag), topic, state, start, min(start + size, frames)) for start in starts]


def fingerprint(job: ReplayJob, part: Part) -> str:
    """64 hexadecimal digits; equal only where a part's result can be used again."""
    known = {name: value for name, value in asdict(job).items() if value is not None or name not in _LATER}
    content = json.dumps([known, asdict(part)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def settings_of(segmenter: Segmenter) -> str:
    """Digest of what labels depend on besides the weights: the model's model.json and its input size.

    Raises InputError for a file that cannot be read.
    """
    card = file_sha256(segmenter.card.onnx_path.with_name(CARD_NAME))
    return hashlib.sha256("{} {}x{}".format(card, *segmenter.backend.input_size).encode()).hexdigest()


def state_of(path: Path) -> str:
    """Digest of the names, sizes and times of change of a file and its logs, or of the files in a folder.

    Raises InputError for what cannot be read.
    """
    digest = hashlib.sha256()
    with explain_os_errors(f"{path} cannot be read"):
        for file in sorted(path.iterdir()) if path.is_dir() else [path, *logs_of(path)]:
            status = file.stat()
            digest.update(f"{file.name}\n{status.st_size}\n{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
