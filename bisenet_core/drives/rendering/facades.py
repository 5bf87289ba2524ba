"""Fronts of houses: sash windows, doors, shops. Flat pictures, light included."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bisenet_core.drives.rendering.noise import fractal_noise, tint
from bisenet_core.drives.rendering.walls import DENSITY, WALLS, wall_picture, weathered

FASCIAS = (
    (26, 48, 92),
    (110, 24, 28),
    (28, 62, 46),
    (34, 34, 38),
    (168, 160, 140),
    (150, 96, 28),
    (58, 90, 104),
)
DOORS = ((26, 40, 70), (86, 22, 24), (24, 54, 40), (20, 20, 22), (150, 150, 146))


class Style(NamedTuple):
    """What a front looks like. Sizes in metres."""

    wall: str
    width: float
    storeys: int
    shop: bool
    bay: float
    storey: float = 3.0

    @property
    def height(self) -> float:
        """Eaves' height."""
        return self.storeys * self.storey + 0.7


def random_style(rng: np.random.Generator) -> Style:
    """A front as one finds in an English high street."""
    storeys = int(rng.choice([2, 3, 3, 4]))
    return Style(
        str(rng.choice(list(WALLS))),
        float(rng.uniform(6.5, 12.5)),
        storeys,
        bool(rng.random() < 0.6),
        float(rng.uniform(1.9, 2.9)),
        float(rng.uniform(2.8, 3.3)),
    )


class Front:
    """A picture of a wall that is painted in metres: x from the left end, y up from the pavement."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.color = np.zeros((round(height * DENSITY), round(width * DENSITY), 3), np.float32)

    def part(self, x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
        """View of a rectangle's pixels; empty where it lies outside."""
        rows, cols = self.color.shape[:2]
        left, right = (min(max(round(x * DENSITY), 0), cols) for x in (x0, x1))
        top, bottom = (min(max(rows - round(y * DENSITY), 0), rows) for y in (y1, y0))
        return self.color[top:bottom, left:right]

    def fill(self, x0: float, y0: float, x1: float, y1: float, color: ArrayLike) -> None:
        """Paint a rectangle in one colour (RGB)."""
        self.part(x0, y0, x1, y1)[...] = color

    def darken(self, x0: float, y0: float, x1: float, y1: float, factor: float) -> None:
        """Multiply a rectangle: a shadow."""
        self.part(x0, y0, x1, y1)[...] *= factor


def front_picture(rng: np.random.Generator, style: Style, light: np.ndarray) -> np.ndarray:
    """The front in ``light`` (RGB factors): uint8 RGB of style.height by style.width metres."""
    front = Front(style.width, style.height)
    front.color[...] = wall_picture(rng, front.color.shape[:2], style.wall)
    first = 1 if style.shop else 0
    for storey in range(first, style.storeys):
        _windows(rng, front, style, storey)
    if style.shop:
        _shop(rng, front, style)
    else:
        _door(rng, front, style)
    _trim(rng, front, style)
    return weathered(rng, front.color, light)


def _windows(rng: np.random.Generator, front: Front, style: Style, storey: int) -> None:
    count = max(1, int((style.width - 0.8) / style.bay))
    margin = (style.width - count * style.bay) / 2
    wide = 0.52 * style.bay if storey or not style.shop else 0.6 * style.bay
    tall = style.storey * (0.56 if storey < 3 else 0.46)
    for i in range(count):
        middle = margin + (i + 0.5) * style.bay
        low = storey * style.storey + 0.85
        _window(rng, front, middle - wide / 2, low, middle + wide / 2, low + tall, style)


def _window(
    rng: np.random.Generator, front: Front, x0: float, y0: float, x1: float, y1: float, style: Style
) -> None:
    stone = np.array((186, 180, 166)) * rng.uniform(0.85, 1.05)
    front.fill(x0 - 0.10, y1, x1 + 0.10, y1 + 0.22, stone * (0.9 if "render" in style.wall else 1))
    front.fill(x0 - 0.10, y0 - 0.12, x1 + 0.10, y0, stone)
    front.darken(x0 - 0.06, y0 - 0.30, x1 + 0.06, y0 - 0.12, 0.80)
    front.fill(x0, y0, x1, y1, (196, 194, 188))
    _glass(rng, front.part(x0 + 0.08, y0 + 0.08, x1 - 0.08, y1 - 0.08))
    middle, bar = (y0 + y1) / 2, 0.035
    front.fill(x0, middle - bar, x1, middle + bar, (190, 188, 182))
    front.fill((x0 + x1) / 2 - 0.02, y0, (x0 + x1) / 2 + 0.02, y1, (186, 184, 178))
    front.darken(x0, y1 - 0.14, x1, y1, 0.55)


def _glass(rng: np.random.Generator, part: np.ndarray) -> None:
    """A pane: a dark room, the sky mirrored unevenly, sometimes a curtain or blind."""
    height, width = part.shape[:2]
    if not height or not width:
        return
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    mirrored = np.clip(1.1 - 1.3 * down + 0.5 * fractal_noise(rng, height, width, 14, 3), 0, 1)
    tone = rng.uniform(12, 36) + rng.uniform(15, 95) * mirrored
    part[...] = tint(tone, (0.92, 0.98, 1.04))
    chance = rng.random()
    if chance < 0.35:
        side = max(1, int(width * rng.uniform(0.12, 0.26)))
        folds = 105 + 18 * np.sin(np.arange(side) * 1.3)
        part[:, :side] = part[:, -side:] = tint(np.broadcast_to(folds, (height, side)), (1, 0.97, 0.9))
    elif chance < 0.5:
        part[:int(height * rng.uniform(0.2, 0.6))] = (150, 146, 134)


def _shop(rng: np.random.Generator, front: Front, style: Style) -> None:
    """A shop: fascia with letters, stall riser, large panes with goods behind, a door in the middle."""
    top, width = style.storey, style.width
    board = np.array(FASCIAS[rng.integers(len(FASCIAS))], np.float32)
    front.fill(0, 0, width, top, board * 0.75)
    door = width * rng.uniform(0.3, 0.7)
    for x0, x1 in ((0.3, door - 0.6), (door + 0.6, width - 0.3)):
        for x in np.arange(x0, x1 - 0.5, 1.9):
            pane = front.part(x + 0.05, 0.55, min(x + 1.85, x1), top - 0.85)
            _glass(rng, pane)
            _goods(rng, pane)
    front.fill(door - 0.5, 0.05, door + 0.5, top - 0.85, board * 0.6)
    _glass(rng, front.part(door - 0.36, 0.5, door + 0.36, top - 1.0))
    front.fill(0, top - 0.80, width, top - 0.05, board)
    letters = (225, 220, 205) if board.sum() < 300 else (30, 30, 34)
    x, end = width * 0.22, width * rng.uniform(0.55, 0.8)
    while x < end:
        step = rng.uniform(0.12, 0.34)
        if rng.random() < 0.85:
            front.fill(x, top - 0.58, x + 0.07, top - 0.27, letters)
            level = top - rng.choice([0.58, 0.43, 0.32])
            front.fill(x, level, x + step * 0.7, level + 0.06, letters)
        x += step
    front.darken(0, top - 1.05, width, top - 0.80, 0.55)
    front.fill(0, top - 0.05, width, top + 0.10, (170, 166, 156))


def _goods(rng: np.random.Generator, pane: np.ndarray) -> None:
    height, width = pane.shape[:2]
    if height < 12 or width < 12:
        return
    for _ in range(14):
        w, h = int(rng.integers(3, 14)), int(rng.integers(4, 22))
        x, y = int(rng.integers(0, max(1, width - w))), int(height - h - rng.integers(0, height // 2))
        color = rng.uniform(30, 190, 3) * rng.uniform(0.4, 1.0)
        part = pane[max(y, 0):y + h, x:x + w]
        part[...] = 0.35 * part + 0.65 * color.astype(np.float32)


def _door(rng: np.random.Generator, front: Front, style: Style) -> None:
    at = style.width * rng.uniform(0.15, 0.85)
    at = min(max(at, 0.8), style.width - 0.8)
    front.fill(at - 0.70, 0, at + 0.70, 2.75, (178, 174, 164))
    front.fill(at - 0.48, 0.15, at + 0.48, 2.15, DOORS[rng.integers(len(DOORS))])
    for x in (at - 0.36, at + 0.06):
        for y in (0.4, 1.2):
            front.darken(x, y, x + 0.30, y + 0.65, 0.75)
    _glass(rng, front.part(at - 0.45, 2.22, at + 0.45, 2.6))
    front.darken(at - 0.48, 2.0, at + 0.48, 2.18, 0.5)
    front.fill(at - 0.8, 0, at + 0.8, 0.15, (150, 146, 138))


def _trim(rng: np.random.Generator, front: Front, style: Style) -> None:
    """Cornice with its shadow, string course, drainpipe, darker foot."""
    top = style.height
    front.darken(0, top - 0.85, style.width, top - 0.35, 0.72)
    front.fill(0, top - 0.35, style.width, top - 0.12, np.array((182, 176, 162)) * rng.uniform(0.7, 1.05))
    front.fill(0, top - 0.12, style.width, top, (58, 58, 58))
    pipe = style.width - 0.25
    front.fill(pipe, 0.1 if not style.shop else style.storey, pipe + 0.11, top, (44, 44, 46))
    front.darken(pipe + 0.11, 0, pipe + 0.2, top, 0.75)
    front.darken(0, 0, style.width, 0.30, 0.75)
    front.darken(0, 0, 0.05, top, 0.6)
