"""Pedestrians and cyclists: jointed figures of tubes, in the phases of a stride or a turn of the pedals."""

from functools import partial
from typing import Callable, NamedTuple, Tuple

import numpy as np

from bisenet_core.drives.rendering.mesh import Mesh, MeshBuilder
from bisenet_core.drives.rendering.mesh_drawing import Levels

#: Share of the sides of round parts in the meshes from fine to coarse.
DETAILS = (1.5, 0.9, 0.5)
#: Phases that are built of each figure's movement.
PHASES = 10

Color = Tuple[int, int, int]


class Outfit(NamedTuple):
    """Colours (RGB) of a person, and their height in metres."""

    coat: Color
    trousers: Color
    skin: Color
    hair: Color
    height: float


COATS = (
    (38, 42, 58),
    (104, 34, 38),
    (52, 60, 50),
    (26, 26, 28),
    (112, 100, 80),
    (176, 172, 164),
    (48, 84, 118),
)
TROUSERS = ((34, 38, 54), (24, 24, 27), (66, 62, 56), (54, 64, 86))
SKINS = ((176, 132, 110), (140, 96, 74), (92, 62, 48))
HAIR = ((30, 22, 18), (70, 48, 30), (120, 112, 104), (16, 14, 14))


def random_outfit(rng: np.random.Generator) -> Outfit:
    """Somebody's clothes."""
    coat, trousers, skin, hair = (table[rng.integers(len(table))] for table in (COATS, TROUSERS, SKINS, HAIR))
    return Outfit(coat, trousers, skin, hair, float(rng.uniform(1.58, 1.86)))


class Figure:
    """A person in the PHASES of a movement.

    ``build(outfit, phase, detail)`` gives a mesh; its origin is on the ground, it moves towards +z.
    """

    def __init__(self, build: Callable[[Outfit, float, float], Mesh], outfit: Outfit) -> None:
        def levels(angle: float) -> Levels:
            return Levels(1.95, *(partial(build, outfit, angle, detail) for detail in DETAILS))

        self._phases = [levels(2 * np.pi * index / PHASES) for index in range(PHASES)]

    def phase(self, index: int) -> Levels:
        """Meshes of a phase (counted round)."""
        return self._phases[index % PHASES]


def walker(outfit: Outfit) -> Figure:
    """Somebody who walks: two steps."""
    return Figure(_walker, outfit)


def cyclist(outfit: Outfit, bright: bool) -> Figure:
    """Somebody on a bicycle: one turn of the pedals; ``bright`` wears a yellow jacket."""
    return Figure(_cyclist, outfit._replace(coat=(150, 166, 44)) if bright else outfit)


def _walker(outfit: Outfit, phase: float, detail: float) -> Mesh:
    builder, size = MeshBuilder(detail), outfit.height / 1.72
    for side in (-1, 1):
        swing = side * np.sin(phase)
        hip = np.array([side * 0.09, 0.90, 0.0])
        knee = hip + (0.0, -0.43, 0.21 * swing)
        bend = 0.18 * max(0.0, side * np.cos(phase))
        ankle = knee + (0.0, -0.40 + 0.5 * bend, 0.15 * swing - bend)
        builder.tube([hip, knee, ankle], [.095, .07, .05], outfit.trousers)
        builder.tube(
            [ankle + (0, -0.02, d) for d in (-0.09, -0.08, 0.14, 0.17)],
            [0.005, 0.05, 0.04, 0.005],
            (20, 18, 18),
            5,
        )
        shoulder = np.array([side * 0.21, 1.40, 0.0])
        elbow = shoulder + (side * 0.05, -0.29, -0.11 * swing)
        hand = elbow + (0.0, -0.24, -0.06 * swing + 0.07)
        builder.tube([shoulder, elbow, hand], [.068, .055, .042], outfit.coat)
        builder.tube(
            [hand, hand + (0, -0.07, 0.02), hand + (0, -0.10, 0.02)], [0.04, 0.035, 0.01], outfit.skin, 5
        )
    _torso(builder, outfit, np.array([0, 0.76, 0.0]), np.array([0, 1.46, 0.02]))
    _head(builder, outfit, np.array([0, 1.62, 0.03]))
    return _scaled(builder.build(), size)


def _torso(builder: MeshBuilder, outfit: Outfit, low: np.ndarray, high: np.ndarray) -> None:
    path = [low + t * (high - low) for t in (-0.02, 0, 0.3, 0.62, 0.88, 1.0, 1.02)]
    builder.tube(path, [.01, .185, .175, .205, .20, .08, .01], outfit.coat, sides=9, squash=0.72)


def _head(builder: MeshBuilder, outfit: Outfit, centre: np.ndarray) -> None:
    builder.tube([centre + (0, -0.2, -0.02), centre + (0, -0.08, 0)], [.055, .055], outfit.skin, 6)
    heights = np.array([-0.12, -0.07, 0.0, 0.06])
    builder.tube([centre + (0, h, 0.01) for h in heights], [.045, .085, .098, .09], outfit.skin, 8)
    hair = [centre + (0, h, -0.018) for h in (-0.04, 0.02, 0.08, 0.12, 0.135)]
    builder.tube(hair, [.085, .106, .098, .06, .005], outfit.hair, 8)


def _cyclist(outfit: Outfit, phase: float, detail: float) -> Mesh:
    builder = MeshBuilder(detail)
    rear, front, bracket = np.array([0, .34, -.52]), np.array([0, .34, .53]), np.array([0, .29, -.05])
    seat, bars = np.array([0, .93, -.20]), np.array([0, 1.02, .36])
    frame: Color = (48, 22, 24)
    for hub in (rear, front):
        for side in (-1, 1):
            builder.disc(hub + (side * 0.018, 0, 0), side, .34, (18, 18, 19), 18, inner=.29)
            builder.disc(hub + (side * 0.018, 0, 0), side, .29, (120, 122, 124), 18, inner=.275)
        builder.tube([hub + (0, .30, 0), hub + (0, -.30, 0)], [.006, .006], (90, 90, 92), 3)
        builder.tube([hub + (0, 0, .30), hub + (0, 0, -.30)], [.006, .006], (90, 90, 92), 3)
    for start, end in (
        (rear, bracket),
        (rear, seat),
        (bracket, seat),
        (bracket, bars),
        (seat, bars),
        (bars, front),
    ):
        builder.tube([start, end], [.018, .018], frame, 5)
    builder.tube([bars + (-.26, 0, 0), bars + (.26, 0, 0)], [.018, .018], (24, 24, 25), 5)
    _rider(builder, outfit, phase, seat, bars, bracket)
    builder.quad(
        [(-0.03, 0.62, -0.58), (0.03, 0.62, -0.58), (0.03, 0.70, -0.58), (-0.03, 0.70, -0.58)],
        (180, 20, 20),
        glow=0.6,
    )
    return builder.build()


def _rider(builder: MeshBuilder, outfit: Outfit, phase: float, seat: np.ndarray, bars: np.ndarray,
           bracket: np.ndarray) -> None:
    neck = seat + (0, .54, .30)
    for side in (-1, 1):
        hip = seat + (side * 0.10, 0.06, 0.0)
        turn = phase + (np.pi if side > 0 else 0)
        foot = bracket + (side * 0.11, 0.17 * np.sin(turn), 0.17 * np.cos(turn) + 0.04)
        knee = (hip + foot) / 2 + (side * 0.03, 0.10, 0.22)
        builder.tube([hip, knee, foot], [.10, .07, .05], outfit.trousers)
        builder.tube(
            [foot + (0, -0.01, d) for d in (-0.1, -0.09, 0.12, 0.14)],
            [0.005, 0.045, 0.04, 0.005],
            (20, 18, 18),
            5,
        )
        shoulder = neck + (side * 0.19, -0.05, -0.02)
        hand = bars + (side * 0.22, 0.03, 0.0)
        builder.tube(
            [shoulder, (shoulder + hand) / 2 + (side * 0.06, -0.05, -0.03), hand],
            [0.07, 0.055, 0.04],
            outfit.coat,
        )
    _torso(builder, outfit, seat + (0, 0.02, -0.02), neck)
    _head(builder, outfit, neck + (0, 0.18, 0.06))


def _scaled(mesh: Mesh, size: float) -> Mesh:
    mesh.vertices[...] *= size
    return mesh
