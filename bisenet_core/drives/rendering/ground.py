"""The ground: asphalt with markings and repairs, kerbs and pavements, in their order of painting."""

import numpy as np
from numpy.typing import ArrayLike

from bisenet_core.drives.rendering.faces import GROUND, PAVEMENT, ROAD, Faces, Shape
from bisenet_core.drives.rendering.materials import ASPHALT, SLABS

#: Half the road's width, the kerbs' height, and where the ground ends beside us (metres).
KERB, KERB_HEIGHT, EDGE = 4.9, 0.12, 20.0
#: Metres after which crossings come again, and of a piece of ground along the street.
PERIOD, PIECE = 42.0, 2.0
WHITE, YELLOW = (205, 205, 198), (168, 148, 78)


def ground(rng: np.random.Generator, start: float, end: float) -> Faces:
    """The ground between two places along the street."""
    shape = Shape(ROAD, GROUND, material=ASPHALT)
    cuts = np.arange(start, end, PIECE)
    for z in cuts:
        shape.rectangle((-KERB, 0, z), (KERB, 0, z + PIECE), (102, 104, 106))
    _repairs(rng, shape, start, end)
    for side in (-1, 1):
        _flat(shape, side * (KERB - 0.35), side * KERB, start, end, (84, 86, 88))
        for x in (0.22, 0.42):
            _flat(shape, side * (KERB - x), side * (KERB - x - 0.08), start, end, YELLOW)
    for crossing in np.arange(PERIOD * np.floor(start / PERIOD), end, PERIOD):
        _markings(shape, crossing)
    for side in (-1, 1):
        for z in cuts:
            inner, outer, edge = side * KERB, side * (KERB + 0.16), side * EDGE
            shape.rectangle((inner, 0, z), (inner, KERB_HEIGHT, z + PIECE), (86, 85, 82), label=PAVEMENT)
            shape.rectangle((outer, KERB_HEIGHT, z), (edge, KERB_HEIGHT, z + PIECE), (122, 120, 116),
                            label=PAVEMENT, material=SLABS)
            for z0, z1, color in ((z, z + 1.97, (146, 144, 138)), (z + 1.97, z + PIECE, (96, 94, 90))):
                shape.rectangle((inner, KERB_HEIGHT, z0), (outer, KERB_HEIGHT, z1), color, label=PAVEMENT)
    return shape.faces()


def _flat(shape: Shape, x0: float, x1: float, start: float, end: float, color: ArrayLike) -> None:
    """A stripe on the road, in pieces that follow its bends."""
    count = max(1, round((end - start) / PIECE))
    for z0, z1 in zip(np.linspace(start, end, count + 1), np.linspace(start, end, count + 1)[1:]):
        shape.rectangle((x0, 0, z0), (x1, 0, z1), color)


def _repairs(rng: np.random.Generator, shape: Shape, start: float, end: float) -> None:
    """Tracks of tyres and oil, rectangles of newer, darker asphalt, and manhole covers."""
    for x, color in ((-1.4, 98), (1.5, 98), (-2.15, 107), (-0.65, 107), (0.75, 107), (2.25, 107)):
        _flat(shape, x - 0.3, x + 0.3, start, end, (color, color + 2, color + 3))
    for z in np.arange(start, end, 6.0) + rng.uniform(0, 3):
        x, width, tone = rng.uniform(-KERB, KERB - 2), rng.uniform(0.5, 2.0), rng.uniform(78, 96)
        _flat(shape, x, x + width, z, z + rng.uniform(0.8, 6), (0.75 * tone,) * 3)
        _flat(shape, x + 0.04, x + width - 0.04, z + 0.04, z + rng.uniform(0.6, 5), (tone, tone, tone + 2))
    for z in np.arange(start, end, 14.0) + rng.uniform(0, 9):
        place = (rng.uniform(-2, 2), 0.0, z)
        shape.disc(place, (0, 2), 0.36, (84, 84, 84), 16)
        shape.disc(place, (0, 2), 0.31, (62, 62, 63), 16)


def _markings(shape: Shape, z: float) -> None:
    """A zebra crossing, a dashed middle line up to the next one, and edges of parking bays."""
    for x in np.arange(-KERB + 0.55, KERB - 0.6, 1.0):
        _flat(shape, x, x + 0.5, z, z + 2.8, WHITE)
    for dash in np.arange(z + 6, z + PERIOD - 4, 6.0):
        _flat(shape, -0.06, 0.06, dash, dash + 4, WHITE)
    for tick in np.arange(z + 8, z + 20, 2.0):
        for x in (-2.95, 2.87):
            _flat(shape, x, x + 0.08, tick, tick + 1, WHITE)
