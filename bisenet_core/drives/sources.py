"""open_source: whatever the user names, as a drive of frames."""

from pathlib import Path

from bisenet_core.drives.bag_source import BagSource
from bisenet_core.drives.bags.bag_files import BAG_SUFFIXES, is_bag_folder
from bisenet_core.drives.folder_source import DEFAULT_RATE, ImageFileSource, ImageFolderSource
from bisenet_core.drives.frame import Source
from bisenet_core.drives.image_files import is_image_file
from bisenet_core.drives.video_source import VIDEO_SUFFIXES, VideoSource
from bisenet_core.errors import InputError


def open_source(
    path: str | Path | None, topic: str | None = None, rate: float | None = None, with_truth: bool = True
) -> Source:
    """A folder of images, an image, a video, a bag, or with None the rendered drive, read lazily.

    ``topic``: the image topic of a bag. ``rate``: frames per second in place of the source's own (a folder
    has 15 Hz). ``with_truth``: read the ground truth of a folder called ``images`` from its sibling
    ``labels``. Raises InputError, in one line naming the file, for what cannot be read.
    """
    if rate is not None and not 0 < rate <= 1000:
        raise InputError(f"rate {rate:g} Hz is out of range; expected more than 0, at most 1000")
    if path is None:
        from bisenet_core.drives.rendered_source import RenderedSource

        return RenderedSource(rate=rate)
    path = Path(path)
    try:
        if not path.exists():
            raise InputError(
                f"{path} does not exist; expected a folder of images, an image, a video or a rosbag"
            )
        return (_open_folder if path.is_dir() else _open_file)(path, topic, rate, with_truth)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}; check its permissions") from None


def _open_folder(path: Path, topic: str | None, rate: float | None, with_truth: bool) -> Source:
    if is_bag_folder(path):
        return BagSource(path, topic, rate)
    return ImageFolderSource(path, rate or DEFAULT_RATE, with_truth)


def _open_file(path: Path, topic: str | None, rate: float | None, with_truth: bool) -> Source:
    if not path.stat().st_size:
        raise InputError(f"{path} is an empty file; expected an image, a video or a rosbag")
    if path.suffix.lower() in BAG_SUFFIXES:
        return BagSource(path, topic, rate)
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return VideoSource(path, rate)
    if is_image_file(path):
        return ImageFileSource(path, rate or DEFAULT_RATE, with_truth)
    raise InputError(
        f"{path} is of an unknown kind; expected an image, a video ({', '.join(VIDEO_SUFFIXES)}) "
        f"or a rosbag ({', '.join(BAG_SUFFIXES)})"
    )
