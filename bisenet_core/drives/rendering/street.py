"""What stands where: the street's line, its houses, trees, furniture and parked cars."""

from typing import Any

import numpy as np

from bisenet_core.drives.rendering import street_furniture as furniture
from bisenet_core.drives.rendering.faces import Faces, join
from bisenet_core.drives.rendering.ground import KERB, KERB_HEIGHT, ground
from bisenet_core.drives.rendering.houses import lots
from bisenet_core.drives.rendering.street_furniture import tree
from bisenet_core.drives.rendering.vehicles import PAINTS, car

#: How far the street's middle swings to both sides, and over what length (metres).
SWING, SWING_LENGTH = 4.5, 250.0


class Street:
    """A street from z ``start`` to ``end``; the same for the same generator."""

    def __init__(self, rng: np.random.Generator, start: float, end: float) -> None:
        self._phase = float(rng.uniform(0, 2 * np.pi))
        kinds = ["hatchback"] * 4 + ["saloon"] * 3 + ["off-roader"] * 2
        paints = [PAINTS[index] for index in rng.permutation(len(PAINTS))]
        self.cars = [car(kind, paint) for kind, paint in zip(kinds, paints)] + [car("van", (166, 167, 166))]
        self.ground = self.bent(ground(rng, start, end))
        things = join([lots(rng, start, end), *_trees(rng, start, end), *_furniture(rng, start, end),
                       *self._parked(rng, start, end)])
        self.faces = join([self.ground, self.bent(things)])

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

    def bent(self, faces: Faces) -> Faces:
        """World places of what was laid out along a straight street."""
        corners = faces.corners.copy()
        corners[..., 0] += self.middle(corners[..., 2])
        return Faces(corners, faces.look)

    def _parked(self, rng: np.random.Generator, start: float, end: float) -> list[Faces]:
        parked = []
        for side, gap in ((-1, 17.0), (1, 11.0)):
            z = start + rng.uniform(0, gap)
            while z < end:
                for _ in range(int(rng.integers(1, 4))):
                    turn = 0.0 if side < 0 or rng.random() < 0.3 else np.pi
                    x = side * (KERB - 1.12) + rng.normal(0, 0.05)
                    car_here = self.cars[rng.integers(len(self.cars))]
                    parked.append(car_here.at((x, 0.0, z), turn + rng.normal(0, 0.012)))
                    z += rng.uniform(5.3, 6.8)
                z += gap * rng.uniform(0.6, 1.6)
        return parked


def _trees(rng: np.random.Generator, start: float, end: float) -> list[Faces]:
    """Street trees, in rows."""
    trees = []
    for side in (-1, 1):
        z = start + rng.uniform(0, 20)
        while z < end:
            for _ in range(int(rng.integers(1, 4))):
                trees.append(tree(rng, rng.uniform(5.5, 8.0)).at((side * (KERB + 1.0), KERB_HEIGHT, z)))
                z += rng.uniform(9, 13)
            z += rng.uniform(18, 50)
    return trees


def _furniture(rng: np.random.Generator, start: float, end: float) -> list[Faces]:
    """Lamp posts on alternating sides, signs, traffic lights, bollards and bins."""
    things: list[Faces] = []

    def put(thing: Faces, side: int, beside: float, z: float, up: float = 0.0) -> None:
        things.append(thing.at((side * (KERB + beside), KERB_HEIGHT + up, z)))

    for i, z in enumerate(np.arange(start + rng.uniform(0, 14), end, 15.0)):
        side = -1 if i % 2 else 1
        put(furniture.lamp_post(-side * 1.2), side, 0.45, z)
    for z in np.arange(start + rng.uniform(0, 12), end, 13.0):
        side, kind = int(rng.choice([-1, 1])), str(rng.choice(["warning", "limit", "parking", "direction"]))
        beside = 1.0 if kind == "direction" else 0.5
        put(furniture.post(2.9), side, beside, z)
        put(furniture.sign_plate(kind), side, beside, z - 0.05, 2.45)
    for z in np.arange(start + rng.uniform(15, 40), end, 52.0):
        for side in (-1, 1):
            put(furniture.post(3.1, 0.055, furniture.DARK), side, 0.35, z)
            put(furniture.traffic_light(red=int(z) % 2 == 0), side, 0.35, z - 0.28, 2.75)
    for z in np.arange(start + rng.uniform(0, 20), end, 24.0):
        side = int(rng.choice([-1, 1]))
        for step in range(int(rng.integers(2, 5))):
            put(furniture.bollard(), side, 0.3, z + 1.5 * step)
        put(furniture.litter_bin(), -side, 0.6, z)
    return things
