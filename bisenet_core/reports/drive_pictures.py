"""A labelled drive for people to look at: a video, and a page of frames, each beside its overlay."""

from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from bisenet_core.drives.image_files import write_image
from bisenet_core.errors import explain_os_errors
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.labels.visualization import legend, overlay
from bisenet_core.reports.parts.panels import evenly_spaced

_INK, _PAPER = (235, 235, 235), (32, 32, 32)
_SHEET_PANEL_WIDTH, _GUTTER = 320, 8
# Wider panels make a file that many players refuse.
MAX_PANEL_WIDTH = 960
# Chromium and Firefox play VP9 in MP4 wherever they run, but not MPEG-4 part 2, which OpenCV writes.
_CODEC = "libvpx-vp9"
_ADVICE = "choose an --output folder that can be written"
_ENCODING = {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "crf": "30", "b": "0"}


class OverlayVideo:
    """Writes labelled frames to ``path`` with the legend beneath; use with ``with``.

    The first frame settles the size; a frame of another size is fitted into it. Raises InputError where the
    file cannot be written.
    """

    def __init__(self, path: Path, label_space: LabelSpace, rate: float) -> None:
        self.path, self.frames = path, 0
        self._label_space, self._rate = label_space, Fraction(rate).limit_denominator(1000)
        self._file: Any = None
        self._stream: Any = None
        self._size = (0, 0)

    def add(self, image: np.ndarray, labels: np.ndarray) -> None:
        """Append one frame. image: HxWx3 uint8 RGB; labels: HxW uint8 ids."""
        width = min(image.shape[1], MAX_PANEL_WIDTH) if self._file is None else self._size[0] // 2
        pair = side_by_side(image, labels, self._label_space, width)
        picture = np.vstack([pair, legend_strip(self._label_space, pair.shape[1])])
        with explain_os_errors(f"cannot write the video {self.path}", _ADVICE):
            if self._file is None:
                self._open(picture)
            self._write(av.VideoFrame.from_ndarray(_fitted(picture, self._size), format="rgb24"))
        self.frames += 1

    def close(self) -> None:
        """Finish the file; without this an MP4 has no index and does not play."""
        if self._file is None:
            return
        with explain_os_errors(f"cannot write the video {self.path}", _ADVICE), self._file:
            self._write(None)

    def __enter__(self) -> "OverlayVideo":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, picture: np.ndarray) -> None:
        # 4:2:0 chroma needs even sides.
        self._size = (picture.shape[1] // 2 * 2, (picture.shape[0] + 1) // 2 * 2)
        file = av.open(str(self.path.absolute()), "w")  # FFmpeg takes "http:/a.mp4" for an address
        self._stream = file.add_stream(_CODEC, rate=self._rate, options=_ENCODING)
        self._stream.width, self._stream.height = self._size
        self._stream.pix_fmt = "yuv420p"
        self._file = file

    def _write(self, frame: Any) -> None:
        """Encode a frame; None stands for the end."""
        self._file.mux(self._stream.encode(frame))


class ContactSheet:
    """Keeps ``cells`` frames spread evenly over ``total`` and writes them ``columns`` to a row."""

    def __init__(self, label_space: LabelSpace, total: int, cells: int = 12, columns: int = 3) -> None:
        self._label_space, self._columns = label_space, columns
        self._wanted = evenly_spaced(total, cells)
        self._pairs: list[np.ndarray] = []

    def offer(self, position: int, image: np.ndarray, labels: np.ndarray, text: str) -> None:
        """Show frame ``position`` (0 .. total - 1), HxWx3 uint8 RGB and HxW uint8 ids, if chosen."""
        if position in self._wanted:
            pair = side_by_side(image, labels, self._label_space, _SHEET_PANEL_WIDTH)
            self._pairs.append(np.vstack([pair, caption(pair.shape[1], text)]))

    def picture(self) -> np.ndarray:
        """The sheet so far, HxWx3 uint8 RGB, legend at the foot; at least one frame has been offered."""
        columns = min(self._columns, len(self._pairs))
        size = 2 * _SHEET_PANEL_WIDTH + _GUTTER, max(pair.shape[0] for pair in self._pairs) + _GUTTER
        nothing = np.empty((0, 0, 3), np.uint8)
        cells = [_fitted(pair, size) for pair in self._pairs + [nothing] * (-len(self._pairs) % columns)]
        rows = [np.hstack(cells[start : start + columns]) for start in range(0, len(cells), columns)]
        return np.vstack([*rows, legend_strip(self._label_space, rows[0].shape[1])])

    def write(self, path: Path) -> None:
        """Write the sheet as an image. Raises InputError where the file cannot be written."""
        write_image(path, self.picture())


def side_by_side(
    image: np.ndarray, labels: np.ndarray, label_space: LabelSpace, panel_width: int
) -> np.ndarray:
    """Image left, overlay right, each ``panel_width`` wide at the image's own proportions.

    image: HxWx3 uint8 RGB; labels: HxW uint8; returns h x 2*panel_width x 3 uint8 RGB.
    """
    height = max(1, round(image.shape[0] * panel_width / image.shape[1]))
    shrunk = cv2.resize(image, (panel_width, height), interpolation=cv2.INTER_AREA)
    small_labels = cv2.resize(labels, (panel_width, height), interpolation=cv2.INTER_NEAREST)
    return np.hstack([shrunk, overlay(shrunk, small_labels, label_space)])


@lru_cache(maxsize=8)
def legend_strip(label_space: LabelSpace, width: int) -> np.ndarray:
    """The legend exactly ``width`` pixels wide, hx``width``x3 uint8 RGB, so that it can be stacked below."""
    return legend(label_space, width)[:, :width]


def caption(width: int, text: str) -> np.ndarray:
    """A line of light text on dark, 22 x ``width`` x 3 uint8 RGB; what does not fit is cut off."""
    bar = np.full((22, width, 3), _PAPER, np.uint8)
    cv2.putText(bar, text, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, _INK, 1, cv2.LINE_AA)
    return bar


def _fitted(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """``picture`` in the upper left of a canvas of (width, height); what does not fit is cut off."""
    canvas = np.full((size[1], size[0], 3), 32, np.uint8)
    height, width = min(picture.shape[0], size[1]), min(picture.shape[1], size[0])
    canvas[:height, :width] = picture[:height, :width]
    return canvas
