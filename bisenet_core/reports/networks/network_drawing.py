"""Drawing of a network: its stages, what feeds what, and where the operations are."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from bisenet_core.reports.figures import COLOURS, GREY, INK, PALE, write_figure
from bisenet_core.reports.networks.data_flow import IMAGE, Box, flow_of
from bisenet_core.reports.networks.result import family_of

# in pixels of the drawing, 100 to the inch
_WIDTH, _HEIGHT = 200, 40
_COLUMN, _ROW = 240, 66
_MARGIN, _CAPTION, _LETTER = 26, 46, 9


class Part(Protocol):
    """A measured module (``models.complexity.Complexity``): its output CxHxW, its operations, its parts."""

    name: str
    operations: int
    shape: tuple[int, ...]

    @property
    def parts(self) -> Sequence["Part"]: ...


def draw_network(folder: Path, network: str, root: Part, size: tuple[int, int], caption: str) -> list[Path]:
    """Write ``folder``/``network`` as PNG and SVG: the stages of ``root``, measured on one image of ``size``.

    ``size`` is (width, height). Raises InputError for a structure that has no drawing.
    """
    drawing = _Drawing(network, root, size, caption)
    return write_figure(folder, network, drawing.inches, drawing.draw)


def _paths(part: Part, prefix: str = "") -> Iterator[tuple[str, Part]]:
    for inner in part.parts:
        yield prefix + inner.name, inner
        yield from _paths(inner, f"{prefix}{inner.name}.")


class _Drawing:
    def __init__(self, network: str, root: Part, size: tuple[int, int], caption: str) -> None:
        parts = dict(_paths(root))
        operations = {path: part.operations for path, part in parts.items()}
        self._flow = flow_of(network, operations, root.operations)
        self._boxes = {box.name: box for box in self._flow.boxes}
        self._shares = {box.name: box.cost(operations) / root.operations for box in self._flow.boxes}
        self._shapes = {path: part.shape for path, part in parts.items()}
        self._size = size
        self._colour = COLOURS[family_of(network)]
        columns, rows = zip(*(box.place for box in self._flow.boxes))
        self._rows = sorted(set(rows))  # one that this network leaves empty takes no space
        self._width = 2 * _MARGIN + max(_WIDTH + max(columns) * _COLUMN, _LETTER * len(caption))
        self._height = _CAPTION + _MARGIN + _HEIGHT + (len(self._rows) - 1) * _ROW
        self._caption = caption

    @property
    def inches(self) -> tuple[float, float]:
        return self._width / 100, self._height / 100

    def draw(self, figure: Any) -> None:
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, self._width), ylim=(self._height, 0))
        axes.set_axis_off()
        axes.text(_MARGIN, 22, self._caption, weight="bold", size=10, va="center")
        for heading, names in self._flow.groups.items():
            self._draw_group(axes, heading, [self._boxes[name] for name in names.split()])
        for box in self._flow.boxes:
            for source in box.inputs.split():
                self._draw_edge(axes, self._boxes[source], box)
        for box in self._flow.boxes:
            self._draw_box(axes, box)

    def _draw_group(self, axes: Any, heading: str, boxes: list[Box]) -> None:
        corners = [self._corner(box) for box in boxes]
        left, top = min(x for x, _ in corners) - 12, min(y for _, y in corners) - 21
        right, bottom = max(x for x, _ in corners) + _WIDTH + 12, max(y for _, y in corners) + _HEIGHT + 9
        _rectangle(axes, (left, top), (right - left, bottom - top), facecolor=self._colour, alpha=0.1)
        share = sum(self._shares[box.name] for box in boxes)
        label = {"size": 8, "color": self._colour, "va": "center"}
        axes.text(left + 12, top + 10, heading, **label)
        axes.text(right - 20, top + 10, _percent(share), ha="right", **label)

    def _draw_box(self, axes: Any, box: Box) -> None:
        left, top = self._corner(box)
        dashes = "--" if box.training_only else "-"
        _rectangle(
            axes, (left, top), (_WIDTH, _HEIGHT), facecolor="white", edgecolor=GREY, linewidth=0.8, ls=dashes
        )
        measured = box.name != IMAGE and not box.training_only
        title, output = (top + 11, top + 25) if measured else (top + 13, top + 28)
        axes.text(left + 8, title, box.title, weight="bold", size=8.5, va="center")
        axes.text(left + 8, output, self._output(box), size=8, color=GREY, va="center")
        if measured:
            share = self._shares[box.name]
            axes.text(left + _WIDTH - 8, output, _percent(share), size=8, ha="right", va="center")
            for part, colour in ((1.0, PALE), (share, self._colour)):
                ends = [left + 8, left + 8 + part * (_WIDTH - 16)]
                axes.plot(ends, [top + 35, top + 35], color=colour, linewidth=2.2, solid_capstyle="butt")

    def _draw_edge(self, axes: Any, source: Box, target: Box) -> None:
        from matplotlib.patches import FancyArrowPatch
        from matplotlib.path import Path as Polyline

        dashes = "--" if target.training_only else "-"
        points = self._route(source, target)
        axes.add_patch(
            FancyArrowPatch(
                path=Polyline(points), arrowstyle="-|>", mutation_scale=9, color=INK, linewidth=1, ls=dashes
            )
        )

    def _route(self, source: Box, target: Box) -> list[tuple[float, float]]:
        """From border to border with at most one corner; where paths merge they come in from the side."""
        (x0, y0), (x1, y1) = self._centre(source), self._centre(target)
        right, down = (1 if x1 > x0 else -1), (1 if y1 > y0 else -1)
        if x0 == x1:
            return [(x0, y0 + down * _HEIGHT / 2), (x1, y1 - down * _HEIGHT / 2)]
        if y0 == y1:
            return [(x0 + right * _WIDTH / 2, y0), (x1 - right * _WIDTH / 2, y1)]
        if y1 > y0 and " " in target.inputs:
            return [(x0, y0 + _HEIGHT / 2), (x0, y1), (x1 - right * _WIDTH / 2, y1)]
        return [(x0 + right * _WIDTH / 2, y0), (x1, y0), (x1, y1 - down * _HEIGHT / 2)]

    def _output(self, box: Box) -> str:
        if box.training_only:
            return "in training only"
        width, height = self._size
        shape = (3, height, width) if box.name == IMAGE else self._shapes[box.modules.split()[-1]]
        return " × ".join(map(str, shape))

    def _corner(self, box: Box) -> tuple[float, float]:
        column, row = box.place
        return _MARGIN + column * _COLUMN, _CAPTION + self._rows.index(row) * _ROW

    def _centre(self, box: Box) -> tuple[float, float]:
        left, top = self._corner(box)
        return left + _WIDTH / 2, top + _HEIGHT / 2


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.0005 else "<0.1%"


def _rectangle(axes: Any, corner: tuple[float, float], size: tuple[float, float], **look: Any) -> None:
    from matplotlib.patches import FancyBboxPatch

    axes.add_patch(FancyBboxPatch(corner, *size, boxstyle="round,pad=0,rounding_size=4", **look))
