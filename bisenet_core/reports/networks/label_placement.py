"""Where the labels of points go, so that they cover neither each other nor points nor, if possible, lines."""

from typing import Any

# from a point to its label, in points of typography, and how the label is aligned to it; the best first
_SIDES: tuple[tuple[float, float, str, str], ...] = (
    (7, 0, "left", "center"),
    (-7, 0, "right", "center"),
    (0, 7, "center", "bottom"),
    (0, -7, "center", "top"),
    (5, 6, "left", "bottom"),
    (-5, 6, "right", "bottom"),
    (5, -6, "left", "top"),
    (-5, -6, "right", "top"),
)
_MARKER = 9  # the side of a square around a point, in points of typography


def place_labels(axes: Any, labels: list[tuple[float, float, str, dict[str, Any]]]) -> None:
    """Write a label beside each point, given as x, y, text and how it is to look.

    Points and lines are drawn and the limits of ``axes`` fixed before. Every label takes the side of its
    point where it hides least of what is already there.
    """
    from matplotlib.transforms import Bbox

    renderer = axes.figure.canvas.get_renderer()
    half = _MARKER / 2 * axes.figure.dpi / 72
    centres = [axes.transData.transform((x, y)) for x, y, _, _ in labels]
    taken = [Bbox.from_extents(x - half, y - half, x + half, y + half) for x, y in centres]
    lines = [line.get_path().transformed(axes.transData) for line in axes.lines]
    for x, y, text, look in labels:
        notes = [
            axes.annotate(text, (x, y), (dx, dy), textcoords="offset points", ha=ha, va=va, **look)
            for dx, dy, ha, va in _SIDES
        ]
        boxes = [note.get_window_extent(renderer) for note in notes]
        costs = [
            100 * (not _inside(box, axes.bbox))
            + 10 * box.count_overlaps(taken)
            + sum(line.intersects_bbox(box, filled=False) for line in lines)
            for box in boxes
        ]
        best = costs.index(min(costs))
        taken.append(boxes[best])
        for index, note in enumerate(notes):
            if index != best:
                note.remove()


def _inside(box: Any, frame: Any) -> bool:
    return box.x0 >= frame.x0 and box.x1 <= frame.x1 and box.y0 >= frame.y0 and box.y1 <= frame.y1
