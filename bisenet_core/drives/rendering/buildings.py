"""A terrace of houses along both sides of the street, with gardens behind railings or boards in between."""

from typing import Callable, List, NamedTuple, Sequence

import cv2
import numpy as np

from bisenet_core.drives.rendering import facades, walls
from bisenet_core.drives.rendering.camera import Camera
from bisenet_core.drives.rendering.canvas import Canvas
from bisenet_core.drives.rendering.classes import BUILDING, FENCE, TREE
from bisenet_core.drives.rendering.foliage import hedge
from bisenet_core.drives.rendering.light import irradiance
from bisenet_core.drives.rendering.mesh import Mesh, MeshBuilder
from bisenet_core.drives.rendering.mesh_drawing import draw_mesh
from bisenet_core.drives.rendering.noise import fractal_noise, tint, to_bytes
from bisenet_core.drives.rendering.panels import Texture, draw_panel, draw_sprite
from bisenet_core.drives.rendering.road_surface import FRONTAGE, KERB_HEIGHT
from bisenet_core.drives.rendering.street_furniture import railing

DEPTH, RIDGE = 8.0, 2.4
#: Metres of a garden along the street.
GARDEN = 16.0


class House(NamedTuple):
    """One house's pictures and size."""

    style: facades.Style
    front: Texture
    roof: Texture
    gable: Texture
    chimney: Mesh


class Lot(NamedTuple):
    """A place along the street, ``side`` -1 left or 1 right; ``house`` -1 is a garden."""

    side: int
    start: float
    end: float
    house: int
    look: int


class Terrace:
    """The houses and gardens that a street is made of, and how they are drawn."""

    def __init__(
        self, rng: np.random.Generator, middle: Callable, trees: Sequence[Texture], variety: int = 8
    ) -> None:
        self._middle = middle
        self._trees = trees
        self.houses = {side: [_house(rng, side) for _ in range(variety)] for side in (-1, 1)}
        tile = railing()
        count = round(GARDEN / 2)
        rail = Texture(
            np.tile(tile.image, (1, count, 1)),
            np.full((tile.image.shape[0], count * tile.image.shape[1]), 255, np.uint8),
        )
        self._fences = {side: (rail, Texture(_boards(rng, side))) for side in (-1, 1)}
        self._hedges = [hedge(rng, color) for color in ((92, 102, 66), (110, 108, 74))]

    def draw(self, canvas: Canvas, camera: Camera, lots: List[Lot]) -> None:
        """Paint the lots from far to near. ``lots`` go along one side, then along the other."""
        hidden = {lot: self._hides(before, lot) for before, lot in zip(lots, lots[1:])}
        for lot in sorted(lots, key=lambda lot: -lot.start):
            if lot.house < 0:
                self._draw_garden(canvas, camera, lot)
            else:
                self._draw_house(canvas, camera, lot, hidden.get(lot, False))

    def _hides(self, before: Lot, lot: Lot) -> bool:
        """Whether the house before a house hides its side wall."""
        if before.side != lot.side or before.house < 0 or lot.house < 0:
            return False
        houses = self.houses[lot.side]
        return houses[before.house].style.height >= houses[lot.house].style.height

    def _line(self, lot: Lot, offset: float = 0.0) -> np.ndarray:
        """Bottom corners of the lot's front, 2x3: left end and right end as seen from the street."""
        z = np.array([lot.start, lot.end] if lot.side < 0 else [lot.end, lot.start])
        x = self._middle(z) + lot.side * (FRONTAGE + offset)
        return np.stack([x, np.full(2, KERB_HEIGHT), z], 1)

    def _draw_house(self, canvas: Canvas, camera: Camera, lot: Lot, hidden: bool) -> None:
        house, low = self.houses[lot.side][lot.house], self._line(lot)
        top = low + (0, house.style.height, 0)
        back = top + (lot.side * DEPTH / 2, RIDGE, 0)
        near = 0 if lot.side < 0 else 1
        across = np.array([lot.side * DEPTH, 0, 0])
        if not hidden:
            wall = _side_wall(low[near], across, house.style.height + RIDGE)
            draw_panel(canvas, camera, house.gable, wall, BUILDING)
        draw_mesh(
            canvas, camera, house.chimney, back[near] + 0.3 * (back[1 - near] - back[near]), 0.0, BUILDING
        )
        draw_panel(canvas, camera, house.roof, np.array([top[0], top[1], back[1], back[0]]), BUILDING)
        draw_panel(canvas, camera, house.front, np.array([low[0], low[1], top[1], top[0]]), BUILDING)

    def _draw_garden(self, canvas: Canvas, camera: Camera, lot: Lot) -> None:
        for share, offset in ((0.8, 6.0), (0.45, 3.2), (0.15, 5.0)):
            z = lot.start + share * (lot.end - lot.start)
            foot = np.array([float(self._middle(z)) + lot.side * (FRONTAGE + offset), 0.0, z])
            tree = self._trees[(lot.look + int(10 * share)) % len(self._trees)]
            height = 7.0 + 2.5 * ((lot.look * 7 + int(share * 13)) % 5) / 4
            draw_sprite(canvas, camera, tree, foot, (0.8 * height, height), TREE)
        low = self._line(lot, 1.0)
        tall = np.array([0, 1.9 + 0.3 * (lot.look % 3), 0])
        green = self._hedges[lot.look % 2]
        draw_panel(canvas, camera, green, np.array([low[0], low[1], low[1] + tall, low[0] + tall]), TREE)
        low, board = self._line(lot), lot.look % 2
        tall = np.array([0, 1.7 if board else 1.25, 0])
        fence = self._fences[lot.side][board]
        draw_panel(canvas, camera, fence, np.array([low[0], low[1], low[1] + tall, low[0] + tall]), FENCE)


def lay_out(rng: np.random.Generator, terrace: Terrace, start: float, end: float) -> List[Lot]:
    """Fill both sides of the street from ``start`` to ``end``: mostly houses, a garden now and then."""
    lots = []
    for side in (-1, 1):
        z, last, since = start - rng.uniform(0, 6), -1, int(rng.integers(0, 3))
        while z < end:
            since += 1
            garden = since > 3 and rng.random() < (0.45 if side < 0 else 0.6)
            choice = -1 if garden else int(rng.integers(len(terrace.houses[side])))
            if choice == last:
                continue
            width = GARDEN if garden else terrace.houses[side][choice].style.width
            lots.append(Lot(side, z, z + width, choice, int(rng.integers(1000))))
            since = 0 if garden else since
            z, last = z + width, choice
    return lots


def _side_wall(foot: np.ndarray, across: np.ndarray, height: float) -> np.ndarray:
    left, right = sorted((foot, foot + across), key=lambda p: p[0])
    up = np.array([0, height, 0])
    return np.array([left, right, right + up, left + up])


def _house(rng: np.random.Generator, side: int) -> House:
    style = facades.random_style(rng)
    facing, slope, end = irradiance(np.array([[-side, 0, 0], [-side * 0.6, 0.8, 0], [0, 0, -1]], np.float32))
    builder = MeshBuilder()
    brick = style.wall if "brick" in style.wall else "brown brick"
    color = walls.WALLS[brick]
    builder.box((-0.35, -0.6, -0.55), (0.35, 0.9, 0.55), color)
    builder.box((-0.42, 0.72, -0.62), (0.42, 0.84, 0.62), color)
    for z in (-0.3, 0.3):
        builder.box((-0.11, 0.9, z - 0.1), (0.11, 1.2, z + 0.1), (132, 82, 60))
    return House(
        style,
        Texture(facades.front_picture(rng, style, facing)),
        Texture(walls.roof_picture(rng, slope)),
        Texture(walls.gable_picture(rng, brick, DEPTH, style.height, style.height + RIDGE, end)),
        builder.build(),
    )


def _boards(rng: np.random.Generator, side: int) -> np.ndarray:
    """A fence of wooden boards, GARDEN m long: uint8 RGB."""
    height, width = 80, 640
    board = np.repeat(rng.normal(1, 0.12, width // 6 + 1), 6)[:width].astype(np.float32)
    tone = board[None] + 0.12 * fractal_noise(rng, height, width, 8, 4, stretch=6.0)
    tone[:, np.arange(width) % 6 == 0] *= 0.55
    tone[:, np.arange(width) % 80 < 4] *= 1.2
    tone[:4] *= 1.25
    light = irradiance(np.array([[-side, 0, 0]], np.float32))[0]
    return cv2.GaussianBlur(to_bytes(tint(tone, (112, 88, 64)) * light), (0, 0), 0.5)
