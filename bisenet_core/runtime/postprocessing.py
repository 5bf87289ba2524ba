"""From the network's logits to labels at the camera image's own size.

The definition, the same in every backend: bilinear upsampling of the logits to the network's input size and
argmax (lowest id wins a tie, float32), then nearest resize of the labels. The network's card names where the
logits lie among the pixels: they have half-pixel centres, or the outermost ones lie on the outermost pixels
(PyTorch's align_corners=True), as some publishers train and score their networks.

How it is computed: every upsampled pixel is a convex combination of the four logits around it. Between four
neighbouring logits (a *cell*) a class can win only if its largest corner reaches the largest of all classes'
smallest corners. Most cells of a street scene leave one such candidate, which then fills the cell; the others
are evaluated for their two or three candidates alone. The result is that of upsampling every class and taking
the argmax, at a cost that hardly grows with the number of classes.
All arithmetic is float32: bfloat16 would round upsampled logits into ties.
"""

from functools import lru_cache
from typing import Iterator, Optional, Tuple

import numpy as np

from bisenet_core.errors import InferenceError

#: Where logits lie among the pixels of the network's input; a ModelCard names one.
HALF_PIXEL, ALIGN_CORNERS = UPSAMPLINGS = ("half_pixel", "align_corners")

# Classes this far below the winner add less than 2e-5 to the softmax's sum even if there are 170 of them,
# so they cannot move an 8-bit confidence.
_NEGLIGIBLE = 16.0

# Cells evaluated at once: their scores, 64 float32 each, should stay in the processor's second-level cache.
_CHUNK = 512

# cells, values, classes, present: see LogitUpsampler._contested
_Contest = Tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def labels_from_logits(logits: np.ndarray, network_size: Tuple[int, int], output_size: Tuple[int, int],
                       with_confidence: bool = False, upsampling: str = HALF_PIXEL,
                       temperature: float = 1.0) -> Tuple[np.ndarray, Optional[np.ndarray]]:
    """Labels, and confidence when asked for, of the output size; both new HxW uint8 arrays.

    ``logits`` is 1xCxhxw float32; the sizes are (width, height); ``upsampling`` is one of UPSAMPLINGS.
    Confidence is 255 times the winning class's probability, resized as the labels are: the softmax of the
    logits divided by ``temperature``, which changes no label. Raises InferenceError for logits that are
    not finite: they would otherwise be drawn as a confident class 0.
    """
    refuse_non_finite(logits)
    upsampler = _upsampler(logits.shape[2:], network_size[::-1], output_size[::-1], upsampling)
    if with_confidence:
        return upsampler.labels_and_confidence(logits[0], temperature)
    return upsampler.labels(logits[0]), None


def refuse_non_finite(logits: np.ndarray) -> None:
    """Raise InferenceError unless every one of ``logits`` is a finite number."""
    if not np.isfinite(logits).all():
        raise non_finite_logits()


def non_finite_logits() -> InferenceError:
    """The error for logits that are not finite, wherever they were found."""
    return InferenceError("the network gave logits that are not finite numbers; no labels can be trusted. "
                          "Try precision fp32, and check how model.onnx was made")


class LogitUpsampler:
    """Labels (and confidence) at a size of choice from logits on a coarse grid.

    ``grid`` is the (height, width) of the logits and ``network`` that of the network's input, to which the
    logits are upsampled as ``upsampling`` says, one of UPSAMPLINGS. The labels are then resized to ``output``
    by nearest neighbour, half-pixel centres: row y comes from row
    floor((y + 1/2) * network height / output height). Safe to use from many threads.
    """

    def __init__(self, grid: Tuple[int, int], network: Tuple[int, int], output: Tuple[int, int],
                 upsampling: str = HALF_PIXEL) -> None:
        self._rows = _Axis(grid[0], network[0], output[0], upsampling)
        self._cols = _Axis(grid[1], network[1], output[1], upsampling)
        width = grid[1]
        low_rows, high_rows = self._rows.low[:, None] * width, self._rows.high[:, None] * width
        # Flat indices of each cell's corners: top left, top right, bottom left, bottom right.
        self._corners = np.stack([
            low_rows + self._cols.low, low_rows + self._cols.high,
            high_rows + self._cols.low, high_rows + self._cols.high]).reshape(4, -1)

    def labels(self, logits: np.ndarray) -> np.ndarray:
        """Winning class of each pixel, lowest id first on a tie.

        ``logits`` is CxHxW float32, finite, C from 1 to 255. Returns a new uint8 array of the output size.
        """
        scores = logits.reshape(logits.shape[0], -1)
        winners = _argmax(scores)[self._corners]
        undecided = np.flatnonzero((winners[1:] != winners[0]).any(axis=0))
        canvas = self._fill(winners[0])
        for cells, values, classes, _ in self._contested(scores, undecided, margin=0.0):
            self._put(canvas, cells, _winner(values, classes)[0])
        return self._crop(canvas)

    def labels_and_confidence(self, logits: np.ndarray,
                              temperature: float = 1.0) -> Tuple[np.ndarray, np.ndarray]:
        """Labels as above, and 255 times the softmax probability of the winning class, rounded, uint8.

        The logits are divided by ``temperature`` before the softmax.
        """
        scores = logits.reshape(logits.shape[0], -1)
        labels = self._fill(_argmax(scores)[self._corners[0]])
        confidence = self._fill(np.full(self._corners.shape[1], 255, np.uint8))
        every_cell = np.arange(self._corners.shape[1])
        for cells, values, classes, present in self._contested(scores, every_cell, _NEGLIGIBLE * temperature):
            winner, best = _winner(values, classes)
            self._put(labels, cells, winner)
            self._put(confidence, cells, _probability(values, best, present, 1.0 / temperature))
        return self._crop(labels), self._crop(confidence)

    def _contested(self, scores: np.ndarray, cells: np.ndarray, margin: float) -> Iterator[_Contest]:
        """Yield (cells, values, classes, present) for those of ``cells`` that have several candidate classes.

        A candidate comes within ``margin`` of the winner, or may. ``values`` is RxPxQxM float32: R candidates
        at PxQ pixels of M cells; ``classes`` is RxM uint8, ascending; ``present`` is RxM, False for padding.
        """
        corners = scores[:, self._corners[:, cells]]
        candidates = corners.max(axis=1) >= corners.min(axis=1).max(axis=0) - margin
        counts = candidates.sum(axis=0)
        # Cells with equally many candidates side by side, so that little padding is needed.
        order = np.argsort(-counts, kind="stable")[:np.count_nonzero(counts > 1)]
        for start in range(0, len(order), _CHUNK):
            chosen = order[start:start + _CHUNK]
            classes, present = _ragged_to_table(candidates[:, chosen], counts[chosen])
            corner_values = corners[classes[:, None], np.arange(4)[:, None], chosen]
            values = self._interpolate(corner_values, cells[chosen])
            yield cells[chosen], values, classes.astype(np.uint8), present

    def _interpolate(self, corners: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """Rx4xM corner values of M cells -> RxPxQxM values at their pixels."""
        row, col = np.divmod(cells, len(self._cols.low))
        down = np.take(self._rows.weight, row, axis=1)[:, None]
        across = np.take(self._cols.weight, col, axis=1)
        top_left, top_right, bottom_left, bottom_right = corners.transpose(1, 0, 2)[:, :, None]
        top = top_left + across * (top_right - top_left)
        bottom = bottom_left + across * (bottom_right - bottom_left)
        values = down * (bottom - top)[:, None]
        values += top[:, None]
        return values

    def _fill(self, values: np.ndarray) -> np.ndarray:
        """One value per cell -> a canvas in which each cell is a block of PxQ pixels."""
        by_cell = values.reshape(len(self._rows.low), len(self._cols.low))
        return by_cell.repeat(self._cols.span, axis=1).repeat(self._rows.span, axis=0)

    def _put(self, canvas: np.ndarray, cells: np.ndarray, blocks: np.ndarray) -> None:
        """Write PxQxM ``blocks`` into the canvas."""
        row, col = np.divmod(cells, len(self._cols.low))
        by_cell = canvas.reshape(len(self._rows.low), self._rows.span, len(self._cols.low), self._cols.span)
        by_cell.transpose(0, 2, 1, 3)[row, col] = blocks.transpose(2, 0, 1)

    def _crop(self, canvas: np.ndarray) -> np.ndarray:
        """Canvas -> image of the output size: the unused margins go, and the nearest resize happens."""
        rows, cols = self._rows.pixels, self._cols.pixels
        if len(rows) < canvas.shape[0]:  # the smaller image first
            return canvas.take(rows, axis=0).take(cols, axis=1)
        return canvas.take(cols, axis=1).take(rows, axis=0)


# A node sees one image size per camera; the tables of a few sizes are small and slow to build.
_upsampler = lru_cache(maxsize=8)(LogitUpsampler)


class _Axis:
    """One axis of the grid, cut into cells: cell k lies between logits k - 1 and k.

    The first and the last cell lie beyond the outermost logits, and both their ends are the same logit: half
    cells with half-pixel centres; with aligned corners the first is empty and the last is one pixel. Each
    cell gets ``span`` positions on the canvas, the most that any has; some cells leave one or more unused.
    """

    def __init__(self, grid: int, network: int, output: int, upsampling: str) -> None:
        floor, weight = grid_positions(grid, network, upsampling)
        cell = floor + 1
        first = np.searchsorted(cell, np.arange(grid + 1))
        within = np.arange(network) - first[cell]
        self.span = int(within.max()) + 1
        #: logits at either end of each cell
        self.low = np.maximum(np.arange(grid + 1) - 1, 0)
        self.high = np.minimum(np.arange(grid + 1), grid - 1)
        #: span x cells float32: weight of the high end
        self.weight = np.zeros((self.span, grid + 1), np.float32)
        self.weight[within, cell] = weight
        #: canvas position of each output pixel
        self.pixels = (cell * self.span + within)[nearest_index(network, output)]


def grid_positions(grid: int, pixels: int, upsampling: str) -> Tuple[np.ndarray, np.ndarray]:
    """Where pixels 0 to ``pixels`` - 1 lie among ``grid`` logits, as ``upsampling`` says.

    Two arrays: number of the logit before each pixel, -1 to grid - 1; weight of the next logit, from 0 to 1.
    """
    # in exact integers: a GPU gets to the same without float64
    place = np.arange(pixels)
    if upsampling == ALIGN_CORNERS:  # pixel * (grid - 1) / (pixels - 1)
        numerator, divisor = place * (grid - 1), max(1, pixels - 1)
    else:  # (pixel + 1/2) * grid / pixels - 1/2
        numerator, divisor = (2 * place + 1) * grid - pixels, 2 * pixels
    floor, rest = np.divmod(numerator, divisor)
    return floor, rest / divisor


def nearest_index(source: int, target: int) -> np.ndarray:
    """Source index of each of ``target`` pixels: floor((i + 1/2) * source / target), in exact integers.

    cv2's INTER_NEAREST_EXACT means the same, but rounds in fixed point where a centre falls on an edge.
    """
    return (2 * np.arange(target) + 1) * source // (2 * target)


def _argmax(scores: np.ndarray) -> np.ndarray:
    """Class of the largest score along the first axis, lowest first on a tie; uint8."""
    # np.argmax over the first axis transposes and copies: several times slower.
    return _winner(scores, np.arange(len(scores), dtype=np.uint8)[:, None])[0]


def _winner(values: np.ndarray, classes: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Largest over the first axis: (its class, uint8; its value). ``classes`` may be broadcast."""
    best = values[0].copy()
    winner = np.empty(best.shape, np.uint8)
    winner[...] = classes[0]
    better = np.empty(best.shape, bool)
    for value, candidate in zip(values[1:], classes[1:]):
        np.greater(value, best, out=better)
        np.copyto(winner, candidate, where=better)
        np.maximum(best, value, out=best)
    return winner, best


def _probability(values: np.ndarray, best: np.ndarray, present: np.ndarray, factor: float) -> np.ndarray:
    """255 / sum(exp(factor * (values - best))) over the first axis where ``present``, rounded, uint8."""
    values -= best
    if factor != 1.0:
        values *= np.float32(factor)
    total = np.einsum("rpqm,rm->pqm", np.exp(values, out=values), present.astype(np.float32))
    return np.rint(255.0 / total).astype(np.uint8)


def _ragged_to_table(candidates: np.ndarray, counts: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """CxM flags -> (RxM ids of the set flags in ascending order, RxM which of them are real).

    R is the largest count; columns that are short repeat their first id, which a strict comparison ignores.
    """
    cell, class_id = np.nonzero(candidates.T)
    first = np.cumsum(counts) - counts
    table = np.repeat(class_id[first][None], counts.max(), axis=0)
    table[np.arange(len(cell)) - first[cell], cell] = class_id
    return table, np.arange(len(table))[:, None] < counts
