"""A drive from a video file, decoded by OpenCV one frame at a time."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from bisenet_core.drives.drive import Drive, Frame, steady_ns
from bisenet_core.errors import InputError

VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".ts", ".wmv")

FALLBACK_RATE_HZ = 25.0

logger = logging.getLogger(__name__)

# FFmpeg explains itself on stderr, where the user is to find our one line. OpenCV reads this once, when a
# process first touches a video; a user's own choice goes first.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

# A playlist, or a list of files, under a video's name would have FFmpeg open other files and addresses.
_FORMATS = "mov,mp4,avi,matroska,webm,mpeg,mpegts,mpegvideo,m4v,asf"
os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", f"protocol_whitelist;file|format_whitelist;{_FORMATS}")


class VideoDrive(Drive):
    """The frames of a video at its own rate, or at ``rate_hz`` where one is given.

    Raises InputError for a file that does not decode.
    """

    def __init__(self, path: Path, rate_hz: float | None = None) -> None:
        self._path = path
        self.name = path.name
        self.folders = (path.parent,)
        with _opened(path) as capture:
            own_rate = capture.get(cv2.CAP_PROP_FPS)
            self._asks_for_turn = bool(capture.get(cv2.CAP_PROP_ORIENTATION_META))
            self._length = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
            if not capture.grab():
                raise _does_not_decode(path)
        self.rate_hz = self._rate_hz = rate_hz or (own_rate if 0 < own_rate < 1000 else FALLBACK_RATE_HZ)
        if self._length <= 0:  # a bare stream declares no length
            with _opened(path) as capture:
                self._length = sum(1 for _ in iter(capture.grab, False))

    def __len__(self) -> int:
        return self._length

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        index = -1
        with _opened(self._path) as capture:
            for index, image in islice(enumerate(_decoded(capture)), start, stop):
                time_ns = steady_ns(index, self._rate_hz)
                name, turn = f"{self._path.stem}_{index:06d}", self._asks_for_turn
                yield Frame(index, name, time_ns, time_ns, image=image, asks_for_turn=turn)
        if stop is None and index + 1 < self._length:
            logger.warning(
                "%s: %d of the %d frames it declares could be decoded", self._path, index + 1, self._length
            )


@contextmanager
def _opened(path: Path) -> Iterator[cv2.VideoCapture]:
    if not path.is_file():  # a pipe would be waited for
        raise InputError(f"{path} is no regular file; expected a video")
    # OpenCV, too, explains itself on stderr.
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)  # "http:/a.mp4" would be an address
    cv2.utils.logging.setLogLevel(level)
    try:
        if not capture.isOpened():
            raise _does_not_decode(path)
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)  # pixels as stored: see images.orientation
        yield capture
    finally:
        capture.release()


def _decoded(capture: cv2.VideoCapture) -> Iterator[np.ndarray]:
    while True:
        decoded, image = capture.read()
        if not decoded:
            return
        yield cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _does_not_decode(path: Path) -> InputError:
    return InputError(
        f"{path} does not decode as a video ({path.stat().st_size} bytes); it may be damaged or "
        "in a codec OpenCV lacks: convert it to H.264 MP4, or to a folder of images"
    )
