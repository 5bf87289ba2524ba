"""What stands where: the street's line, its houses, trees, furniture and parked cars."""

from typing import Any, List, NamedTuple, Tuple

import numpy as np

from bisenet_core.drives.rendering import street_furniture as furniture
from bisenet_core.drives.rendering.buildings import RIDGE, Lot, Terrace, lay_out
from bisenet_core.drives.rendering.classes import CAR, POLE, SIGN
from bisenet_core.drives.rendering.foliage import bare_tree, leafy_tree
from bisenet_core.drives.rendering.mesh import Mesh
from bisenet_core.drives.rendering.mesh_drawing import Levels, single
from bisenet_core.drives.rendering.panels import Texture
from bisenet_core.drives.rendering.road_surface import FRONTAGE, KERB, KERB_HEIGHT
from bisenet_core.drives.rendering.shadows import Skyline
from bisenet_core.drives.rendering.vehicles import PAINTS, PROFILES, car_meshes

#: How far the street's middle swings to both sides, and over what length (metres).
SWING, SWING_LENGTH = 4.5, 250.0


class Solid(NamedTuple):
    """A mesh at rest; ``x`` is metres right of the street's middle, ``meshes`` its shape."""

    meshes: Levels
    label: int
    x: float
    y: float
    z: float
    heading: float
    footprint: Tuple[float, float]


class Tree(NamedTuple):
    """A tree's picture, foot and height."""

    picture: Texture
    x: float
    z: float
    height: float


class Railing(NamedTuple):
    """A panel of a guard rail along the kerb."""

    side: int
    start: float
    end: float


class Street:
    """A street from z ``start`` to ``end``; the same for the same generator."""

    def __init__(self, rng: np.random.Generator, start: float, end: float) -> None:
        self._phase = float(rng.uniform(0, 2 * np.pi))
        self.tree_pictures = [leafy_tree(rng, (122, 126, 82)), leafy_tree(rng, (140, 128, 84), 0.75),
                              leafy_tree(rng, (88, 100, 72), 0.45), bare_tree(rng), bare_tree(rng)]
        self.terrace = Terrace(rng, self.middle, self.tree_pictures)
        self.lots = lay_out(rng, self.terrace, start, end)
        self.skyline = self._skyline(start, end)
        self.rail_picture = furniture.railing()
        self.cars = [car_meshes(kind, paint) for kind, paint in _fleet(rng)]
        self.trees = _trees(rng, self.tree_pictures, start, end)
        self.railings = _railings(rng, start, end)
        self.solids = _furniture(rng, start, end) + self._parked(rng, start, end)

    def middle(self, z: Any) -> Any:
        """World x of the street's middle line at ``z`` (a number or an array)."""
        return SWING * np.sin(z * (2 * np.pi / SWING_LENGTH) + self._phase)

    def heading(self, z: float) -> float:
        """Direction of the street at ``z``, radians to the right."""
        slope = 2 * np.pi / SWING_LENGTH
        return float(np.arctan(SWING * slope * np.cos(z * slope + self._phase)))

    def place(self, x: float, y: float, z: float) -> np.ndarray:
        """World position of a place given by its distance ``x`` from the street's middle."""
        return np.array([float(self.middle(z)) + x, y, z])

    def _skyline(self, start: float, end: float) -> Skyline:
        skyline = Skyline(start, end + 30, FRONTAGE)
        for lot in self.lots:
            if lot.side > 0 and lot.house >= 0:
                skyline.add(lot.start, lot.end, self.terrace.houses[1][lot.house].style.height + 0.4 * RIDGE)
        return skyline

    def _parked(self, rng: np.random.Generator, start: float, end: float) -> List[Solid]:
        parked = []
        for side, gap in ((-1, 17.0), (1, 11.0)):
            z = start + rng.uniform(0, gap)
            while z < end:
                for _ in range(int(rng.integers(1, 4))):
                    meshes = self.cars[rng.integers(len(self.cars))]
                    turn = 0.0 if side < 0 or rng.random() < 0.3 else np.pi
                    x = side * (KERB - 1.12) + rng.normal(0, 0.05)
                    heading = self.heading(z) + turn + rng.normal(0, 0.012)
                    parked.append(Solid(meshes, CAR, x, 0.0, z, heading, (1.75, 4.2)))
                    z += rng.uniform(5.3, 6.8)
                z += gap * rng.uniform(0.6, 1.6)
        return parked


def _fleet(rng: np.random.Generator) -> List[Tuple[str, Tuple[int, int, int]]]:
    """Kinds and colours of the cars about."""
    kinds = ["hatchback"] * 4 + ["saloon"] * 3 + ["off-roader"] * 2 + ["van"]
    paints = rng.permutation(len(PAINTS))
    assert set(kinds) <= set(PROFILES)
    return [(kind, (166, 167, 166) if kind == "van" else PAINTS[paints[i % len(PAINTS)]])
            for i, kind in enumerate(kinds)]


def _railings(rng: np.random.Generator, start: float, end: float) -> List[Railing]:
    """Guard rails of 12 m on either side, as panels of 2 m so that each takes its turn from far to near."""
    railings = []
    for first in np.arange(start + rng.uniform(0, 30), end, 47.0):
        side = int(rng.choice([-1, 1]))
        railings += [Railing(side, float(z), float(z) + 2.0) for z in first + 2.0 * np.arange(6)]
    return railings


def _trees(rng: np.random.Generator, pictures: List[Texture], start: float, end: float) -> List[Tree]:
    """Street trees, rows of one kind."""
    trees = []
    for side in (-1, 1):
        z = start + rng.uniform(0, 20)
        while z < end:
            picture = pictures[rng.integers(len(pictures))]
            for _ in range(int(rng.integers(1, 4))):
                trees.append(Tree(picture, side * (KERB + 1.0), z, float(rng.uniform(5.5, 8.0))))
                z += rng.uniform(9, 13)
            z += rng.uniform(18, 50)
    return trees


def _furniture(rng: np.random.Generator, start: float, end: float) -> List[Solid]:
    """Lamp posts on alternating sides, signs, traffic lights, bollards and bins."""
    solids: List[Solid] = []

    def put(mesh: Mesh, label: int, x: float, z: float, y: float = KERB_HEIGHT, foot: float = 0.15) -> None:
        solids.append(Solid(single(mesh, 2.0 if label == SIGN else 0.0), label, x, y, z, 0.0, (foot, foot)))

    lamps = {side: furniture.lamp_post(-side * 1.2) for side in (-1, 1)}
    for i, z in enumerate(np.arange(start + rng.uniform(0, 14), end, 15.0)):
        side = -1 if i % 2 else 1
        put(lamps[side], POLE, side * (KERB + 0.45), float(z))
    plates = {kind: furniture.sign_plate(kind) for kind in ("warning", "limit", "parking", "direction")}
    for z in np.arange(start + rng.uniform(0, 12), end, 13.0):
        side, kind = int(rng.choice([-1, 1])), str(rng.choice(list(plates)))
        x = side * (KERB + (1.0 if kind == "direction" else 0.5))
        put(furniture.post(2.9), POLE, x, float(z))
        put(plates[kind], SIGN, x, float(z) - 0.05, KERB_HEIGHT + 2.45)
    lights = [furniture.traffic_light(red) for red in (True, False)]
    for z in np.arange(start + rng.uniform(15, 40), end, 52.0):
        for side in (-1, 1):
            x = side * (KERB + 0.35)
            put(furniture.post(3.1, 0.055, furniture.DARK), POLE, x, float(z))
            put(lights[int(z) % 2], SIGN, x, float(z) - 0.1, KERB_HEIGHT + 2.75)
    litter_bin, bollard = furniture.bin_mesh(), furniture.bollard()
    for z in np.arange(start + rng.uniform(0, 20), end, 24.0):
        side = int(rng.choice([-1, 1]))
        for step in range(int(rng.integers(2, 5))):
            put(bollard, POLE, side * (KERB + 0.3), float(z) + 1.5 * step)
        put(litter_bin, 255, -side * (KERB + 0.6), float(z), foot=0.4)
    return solids


def visible_lots(lots: List[Lot], near: float, far: float) -> List[Lot]:
    """The lots that reach into near..far along the street."""
    return [lot for lot in lots if lot.end > near and lot.start < far]


