"""OverlayVideo: image and overlay side by side as an MP4, one frame at a time."""

from pathlib import Path

import cv2
import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.reports.pictures import legend_strip, side_by_side

# Wider panels make a file that many players refuse; MPEG-4 part 2 is the codec every OpenCV can write.
MAX_PANEL_WIDTH = 960
_CODEC = "mp4v"


class OverlayVideo:
    """Writes labelled frames to ``path`` with the legend beneath; use with ``with``.

    The first frame settles the size; a frame of another size is fitted into it. Memory does not grow with
    the length of the drive. Raises InputError where the file cannot be written.
    """

    def __init__(self, path: Path, label_space: LabelSpace, rate: float) -> None:
        self.path, self.frames = path, 0
        self._label_space, self._rate = label_space, rate
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)

    def add(self, image: np.ndarray, labels: np.ndarray) -> None:
        """Append one frame. image: HxWx3 uint8 RGB; labels: HxW uint8 ids."""
        width = min(image.shape[1], MAX_PANEL_WIDTH) if self._writer is None else self._size[0] // 2
        pair = side_by_side(image, labels, self._label_space, width)
        picture = np.vstack([pair, legend_strip(self._label_space, pair.shape[1])])
        if self._writer is None:
            self._writer = self._opened(picture)
        self._writer.write(cv2.cvtColor(_fit(picture, self._size), cv2.COLOR_RGB2BGR))
        self.frames += 1

    def close(self) -> None:
        """Finish the file; without this an MP4 has no index and does not play."""
        if self._writer is not None:
            self._writer.release()

    def __enter__(self) -> "OverlayVideo":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _opened(self, picture: np.ndarray) -> cv2.VideoWriter:
        # 4:2:0 chroma needs even sides.
        self._size = (picture.shape[1] // 2 * 2, (picture.shape[0] + 1) // 2 * 2)
        writer = cv2.VideoWriter(str(self.path), cv2.VideoWriter.fourcc(*_CODEC), self._rate, self._size)
        if not writer.isOpened():
            raise InputError(
                f"cannot write the video {self.path}; choose an --output folder that can be "
                "written, and an OpenCV with FFmpeg"
            )
        return writer


def _fit(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    canvas = np.full((size[1], size[0], 3), 32, np.uint8)
    height, width = min(picture.shape[0], size[1]), min(picture.shape[1], size[0])
    canvas[:height, :width] = picture[:height, :width]
    return canvas
