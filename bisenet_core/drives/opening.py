"""Open a drive, or the ground truth for one, from the paths and topics that a user names."""

import logging
from pathlib import Path

from bisenet_core.drives.bag_drive import BagDrive
from bisenet_core.drives.bags.bag_files import BAG_SUFFIXES, is_bag_file, is_bag_folder
from bisenet_core.drives.drive import Drive
from bisenet_core.drives.folder_drive import DEFAULT_RATE_HZ, FolderDrive
from bisenet_core.drives.image_files import is_image_file
from bisenet_core.drives.truth.folder_truth import FolderTruth
from bisenet_core.drives.truth.topic_truth import TopicTruth
from bisenet_core.drives.truth.truth import Truth
from bisenet_core.drives.video_drive import VIDEO_SUFFIXES, VideoDrive
from bisenet_core.errors import InputError, explain_os_errors
from bisenet_core.images.encodings import SAMPLE_BITS
from bisenet_core.labels.label_space import LabelSpace

logger = logging.getLogger(__name__)


def open_drive(
    path: str | Path, topic: str | None = None, rate: float | None = None, with_truth: bool = True,
    significant_bits: int = SAMPLE_BITS
) -> Drive:
    """A folder of images, an image, a video or a bag, read lazily; what is odd about a bag is logged.

    ``topic``: the image topic of a bag. ``rate``: frames per second in place of the drive's own (a folder
    has 15 Hz). ``with_truth``: read the ground truth of a folder called ``images`` from its sibling
    ``labels``. ``significant_bits``: of a bag's 16-bit samples, see ``BagDrive``.
    Raises InputError, in one line naming the file, for what cannot be read.
    """
    if rate is not None and not 0 < rate <= 1000:
        raise InputError(f"rate {rate:g} Hz is out of range; expected more than 0, at most 1000")
    path = Path(path)
    with explain_os_errors(f"cannot read {path}", "check its permissions"):
        if _is_bag(path):
            drive = BagDrive(path, topic, rate_hz=rate, significant_bits=significant_bits)
            for note in drive.opening_notes:
                logger.warning("%s", note)
            return drive
        files = _open_files(path, rate, with_truth)
    bits = f"significant bits, here {significant_bits}," if significant_bits != SAMPLE_BITS else ""
    unused = bits or (f"a topic, here {topic}," if topic is not None else "")
    if unused:
        raise InputError(f"{path} is no rosbag: {unused} can be given for a rosbag only; leave it out")
    return files


def open_truth(
    labels: Path | None, label_topic: str | None, bag: Path, label_space: LabelSpace
) -> Truth | None:
    """Ground truth from a folder of PNGs, from a topic of the bag, or None where neither is named.

    Raises InputError for both at once, and for what cannot be read.
    """
    if labels is not None and label_topic is not None:
        raise InputError(f"ground truth is either in {labels} or on {label_topic}; name one of the two")
    if labels is not None:
        return FolderTruth(labels, label_space)
    return TopicTruth(bag, label_topic, label_space) if label_topic is not None else None


def _is_bag(path: Path) -> bool:
    """Whether it is a bag; raises InputError for a path at which nothing is, and for an empty file."""
    if not path.exists():
        raise InputError(f"{path} does not exist; expected a folder of images, an image, a video or a rosbag")
    if path.is_dir():
        return is_bag_folder(path)
    if not path.stat().st_size:
        raise InputError(f"{path} is an empty file; expected an image, a video or a rosbag")
    return is_bag_file(path)


def _open_files(path: Path, rate: float | None, with_truth: bool) -> Drive:
    if path.suffix.lower() in VIDEO_SUFFIXES and not path.is_dir():
        return VideoDrive(path, rate)
    if path.is_dir() or is_image_file(path):
        return FolderDrive(path, rate or DEFAULT_RATE_HZ, with_truth)
    raise InputError(
        f"{path} is of an unknown kind; expected an image, a video ({', '.join(VIDEO_SUFFIXES)}) "
        f"or a rosbag ({', '.join(BAG_SUFFIXES)})"
    )
