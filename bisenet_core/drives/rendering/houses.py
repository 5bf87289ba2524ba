"""Houses along the street: walls with sash windows, doors, shops, roofs; and gardens between them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bisenet_core.drives.rendering.faces import BEHIND, BUILDING, FENCE, TREE, Faces, Shape, join
from bisenet_core.drives.rendering.materials import BOARDS, BRICK, LEAVES, PLAIN, STONE
from bisenet_core.drives.rendering.street_furniture import tree

#: Metres from the street's middle to the fronts, of a house's depth and its roof's rise, of a garden.
FRONTAGE, DEPTH, RIDGE, GARDEN = 9.0, 8.0, 2.4, 16.0
#: Colours (RGB) and materials of walls.
WALLS = (((150, 137, 113), BRICK), ((116, 82, 70), BRICK), ((108, 94, 82), BRICK), ((206, 202, 192), PLAIN),
         ((190, 179, 154), PLAIN), ((138, 132, 120), STONE))
ROOFS = ((78, 80, 86), (104, 68, 54), (86, 74, 64))
FASCIAS = ((26, 48, 92), (110, 24, 28), (28, 62, 46), (34, 34, 38), (168, 160, 140), (150, 96, 28),
           (58, 90, 104))
DOORS = ((26, 40, 70), (86, 22, 24), (24, 54, 40), (20, 20, 22), (150, 150, 146))
FRAME, SILL, GLASS = (196, 194, 188), (186, 180, 166), (40, 46, 52)


class Style(NamedTuple):
    """What a house looks like. Sizes in metres."""

    wall: int
    bays: int
    storeys: int
    shop: bool
    bay: float
    storey: float

    @property
    def width(self) -> float:
        """Along the street."""
        return self.bays * self.bay

    @property
    def height(self) -> float:
        """Eaves' height."""
        return self.storeys * self.storey + 0.7


def random_style(rng: np.random.Generator) -> Style:
    """A house as one finds in an English high street."""
    return Style(int(rng.integers(len(WALLS))), int(rng.integers(3, 6)), int(rng.choice([2, 3, 3, 4])),
                 bool(rng.random() < 0.6), float(rng.uniform(1.9, 2.9)), float(rng.uniform(2.8, 3.3)))


class _Front(Shape):
    """A house on one side of the street, built in metres along the street, up, and back from its front."""

    def __init__(self, side: int, z: float) -> None:
        super().__init__(BUILDING, BEHIND)
        self._side, self._z = side, z

    def place(self, along: float, up: float, back: float = 0.0) -> tuple[float, float, float]:
        """Where that is on the street."""
        return self._side * (FRONTAGE + back), up, self._z + along

    def panel(self, x0: float, y0: float, x1: float, y1: float, color: ArrayLike, nearer: float = 0.1,
              **look: Any) -> None:
        """A rectangle on the front, ``nearer`` metres before what it is painted over."""
        self.rectangle(self.place(x0, y0), self.place(x1, y1), color, nearer=nearer, **look)


def house(rng: np.random.Generator, side: int, z: float, style: Style) -> Faces:
    """A house with its front from ``z`` on, on the left (``side`` -1) or right (1) of the street."""
    front, (color, material) = _Front(side, z), WALLS[style.wall]
    tone = np.array(color) * rng.uniform(0.9, 1.08)
    _walls(front, style, tone, material)
    for storey in range(style.shop, style.storeys):
        for bay in range(style.bays):
            _window(rng, front, (bay + 0.5) * style.bay, storey * style.storey + 0.85, style)
    if style.shop:
        _shop(rng, front, style)
    else:
        _door(rng, front, style)
    top = style.height
    front.panel(0, top - 0.85, style.width, top - 0.35, 0.7 * tone)
    front.panel(0, top - 0.35, style.width, top - 0.12, (168, 162, 150))
    front.panel(0, top - 0.12, style.width, top, (58, 58, 58))
    front.panel(style.width - 0.25, 0, style.width - 0.12, top, (44, 44, 46), 0.3)
    _roof(rng, front, style, 0.9 * tone)
    return front.faces()


def _walls(front: _Front, style: Style, tone: np.ndarray, material: int) -> None:
    """Front and side in pieces, small enough to be ordered by distance."""
    levels = [*(np.arange(style.storeys) * style.storey), style.height]
    for low, high in zip(levels, levels[1:]):
        weathered = tone * (0.85 + 0.15 * high / style.height)
        for bay in range(style.bays):
            front.panel(bay * style.bay, low, (bay + 1) * style.bay, high, weathered, 0, material=material)
        for back in (0.0, DEPTH / 2):
            front.rectangle(front.place(0, low, back), front.place(0, high, back + DEPTH / 2),
                            0.92 * weathered, material=material)


def _roof(rng: np.random.Generator, front: _Front, style: Style, tone: np.ndarray) -> None:
    """A slope towards the street, a gable, and a chimney with pots."""
    top, slates = style.height, ROOFS[rng.integers(len(ROOFS))]
    for bay in range(style.bays):
        x0, x1 = bay * style.bay, (bay + 1) * style.bay
        front.add([front.place(x0, top), front.place(x1, top), front.place(x1, top + RIDGE, DEPTH / 2),
                   front.place(x0, top + RIDGE, DEPTH / 2)], slates, material=BRICK)
    front.add([front.place(0, top), front.place(0, top, DEPTH), front.place(0, top + RIDGE, DEPTH / 2),
               front.place(0, top + RIDGE / 2, DEPTH / 4)], tone, material=BRICK)
    for width, low, high in ((0.35, -0.6, 0.9), (0.42, 0.72, 0.84), (0.12, 0.9, 1.2)):
        x, y, z = front.place(0.8, top + RIDGE, DEPTH / 2)
        front.box((x - width, y + low, z - 1.4 * width), (x + width, y + high, z + 1.4 * width),
                  (132, 82, 60) if width < 0.2 else tone)


def _glass(rng: np.random.Generator, front: _Front, x0: float, y0: float, x1: float, y1: float) -> None:
    """A pane: a dark room, the sky mirrored in its upper part, sometimes a curtain."""
    front.panel(x0, y0, x1, y1, np.array(GLASS) * rng.uniform(0.5, 1.2), 0.3, gloss=0.2)
    middle = y1 - (y1 - y0) * rng.uniform(0.3, 0.6)
    front.panel(x0, middle, x1, y1, np.array(GLASS) * rng.uniform(0.8, 2.4), 0.32, far=50.0)
    if rng.random() < 0.35:
        front.panel(x0, y0, x0 + 0.2 * (x1 - x0), y1, (118, 114, 106), 0.34, far=40.0)


def _window(rng: np.random.Generator, front: _Front, middle: float, low: float, style: Style) -> None:
    half, high = 0.26 * style.bay, low + 0.54 * style.storey
    front.panel(middle - half - 0.1, low - 0.12, middle + half + 0.1, low, SILL, 0.2, far=60.0)
    front.panel(middle - half - 0.1, high, middle + half + 0.1, high + 0.22, SILL, 0.2, far=60.0)
    front.panel(middle - half, low, middle + half, high, FRAME, 0.2)
    _glass(rng, front, middle - half + 0.07, low + 0.08, middle + half - 0.07, high - 0.08)
    bar = (low + high) / 2
    front.panel(middle - half, bar - 0.035, middle + half, bar + 0.035, FRAME, 0.4, far=40.0)
    front.panel(middle - 0.02, low, middle + 0.02, high, FRAME, 0.4, far=40.0)


def _shop(rng: np.random.Generator, front: _Front, style: Style) -> None:
    """A shop: fascia with letters, large panes with goods behind, a door."""
    top, board = style.storey, np.array(FASCIAS[rng.integers(len(FASCIAS))])
    door = int(rng.integers(style.bays))
    for bay in range(style.bays):
        x0, x1 = bay * style.bay, (bay + 1) * style.bay
        front.panel(x0, 0, x1, top, 0.75 * board)
        _glass(rng, front, x0 + 0.1, 0.1 if bay == door else 0.55, x1 - 0.1, top - 0.9)
        for x in () if bay == door else rng.uniform(x0 + 0.2, x1 - 0.6, 5):
            y = 0.6 + rng.uniform(0, 0.7)
            front.panel(x, 0.6, x + rng.uniform(0.15, 0.4), y, rng.uniform(30, 160, 3), 0.4, far=40.0)
        front.panel(x0, top - 0.8, x1, top - 0.05, board, 0.3)
        front.panel(x0, top - 1.0, x1, top - 0.8, 0.4 * board, 0.35)
    letters = (225, 220, 205) if board.sum() < 300 else (30, 30, 34)
    for x in np.arange(0.22 * style.width, rng.uniform(0.55, 0.8) * style.width, 0.26):
        front.panel(x, top - 0.58, x + rng.uniform(0.06, 0.2), top - 0.27, letters, 0.5, far=50.0)


def _door(rng: np.random.Generator, front: _Front, style: Style) -> None:
    at = style.bay * (rng.integers(style.bays - 1) + 1)
    front.panel(at - 0.70, 0, at + 0.70, 2.75, (178, 174, 164), 0.3)
    front.panel(at - 0.48, 0.15, at + 0.48, 2.15, DOORS[rng.integers(len(DOORS))], 0.4)
    _glass(rng, front, at - 0.45, 2.22, at + 0.45, 2.6)


def garden(rng: np.random.Generator, side: int, z: float) -> Faces:
    """Trees and a hedge behind a fence of boards, high or low."""
    shape, x = Shape(FENCE, BEHIND), side * FRONTAGE
    tall, green = (1.7, 2.1) if rng.random() < 0.6 else (1.1, 1.7)
    for along in np.arange(z, z + GARDEN, 2.0):
        shape.rectangle((x, 0, along), (x, tall, along + 2), (112, 88, 64), material=BOARDS)
        shape.rectangle((x, tall, along), (x, tall + 0.07, along + 2), (140, 116, 88))
        shape.box((x + side, 0, along), (x + 1.8 * side, green, along + 2), (100, 106, 70), label=TREE,
                  material=LEAVES)
    behind = [tree(rng, rng.uniform(7, 9.5), BEHIND).at((side * (FRONTAGE + rng.uniform(3, 6)), 0, z + along))
              for along in (2.5, 7.0, 13.0)]
    return join([shape.faces(), *behind])


def lots(rng: np.random.Generator, start: float, end: float) -> Faces:
    """Both sides of the street from ``start`` to ``end``: mostly houses, a garden now and then."""
    parts = []
    for side in (-1, 1):
        z, since = start - rng.uniform(0, 6), int(rng.integers(0, 3))
        while z < end:
            since += 1
            if since > 3 and rng.random() < (0.45 if side < 0 else 0.6):
                parts.append(garden(rng, side, z))
                z, since = z + GARDEN, 0
            else:
                style = random_style(rng)
                parts.append(house(rng, side, z, style))
                z += style.width
    return join(parts)
