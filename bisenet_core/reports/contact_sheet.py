"""ContactSheet: a drive on one page, as a grid of image and overlay pairs."""

from pathlib import Path

import numpy as np

from bisenet_core.drives.image_files import write_image
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.reports.pictures import caption, legend_strip, side_by_side

_PANEL_WIDTH, _GUTTER = 320, 8


class ContactSheet:
    """Keeps ``cells`` frames spread evenly over ``total`` and writes them ``columns`` to a row."""

    def __init__(self, label_space: LabelSpace, total: int, cells: int = 12, columns: int = 3) -> None:
        self._label_space, self._columns = label_space, columns
        self._wanted = spread(total, cells)
        self._pairs: list[np.ndarray] = []

    def offer(self, position: int, image: np.ndarray, labels: np.ndarray, text: str) -> None:
        """Show frame ``position`` (0 .. total - 1), HxWx3 uint8 RGB and HxW uint8 ids, if chosen."""
        if position in self._wanted:
            pair = side_by_side(image, labels, self._label_space, _PANEL_WIDTH)
            self._pairs.append(np.vstack([pair, caption(pair.shape[1], text)]))

    def picture(self) -> np.ndarray:
        """The sheet so far, HxWx3 uint8 RGB, legend at the foot; at least one frame has been offered."""
        columns = min(self._columns, len(self._pairs))
        height = max(pair.shape[0] for pair in self._pairs)
        blank = np.full((height, 2 * _PANEL_WIDTH, 3), 32, np.uint8)
        cells = [_padded(pair, blank) for pair in self._pairs]
        cells += [_padded(blank, blank)] * (-len(cells) % columns)
        rows = [np.hstack(cells[start : start + columns]) for start in range(0, len(cells), columns)]
        return np.vstack([*rows, legend_strip(self._label_space, rows[0].shape[1])])

    def write(self, path: Path) -> None:
        """Write the sheet as an image. Raises InputError where the file cannot be written."""
        write_image(path, self.picture())


def spread(total: int, count: int) -> set[int]:
    """At most ``count`` positions of 0 .. ``total`` - 1, evenly spaced, both ends included."""
    if total <= count:
        return set(range(total))
    return {round(step * (total - 1) / (count - 1)) for step in range(count)} if count > 1 else {0}


def _padded(pair: np.ndarray, blank: np.ndarray) -> np.ndarray:
    cell = blank.copy()
    cell[: pair.shape[0]] = pair
    return np.pad(cell, ((0, _GUTTER), (0, _GUTTER), (0, 0)), constant_values=32)
