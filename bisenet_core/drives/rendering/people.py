"""Pedestrians and cyclists: jointed figures of tubes, in the phases of a stride or a turn of the pedals."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from bisenet_core.drives.rendering.faces import BICYCLIST, ON_ROAD, PEDESTRIAN, Faces, Shape, join

#: How the number of sides of round parts falls with the distance (metres).
LEVELS = ((1.0, 0.0, 14.0), (0.7, 14.0, 30.0), (0.4, 30.0, np.inf))
#: Phases that are built of each figure's movement.
PHASES = 10

Color = tuple[int, int, int]

COATS = ((38, 42, 58), (104, 34, 38), (52, 60, 50), (26, 26, 28), (112, 100, 80), (176, 172, 164),
         (48, 84, 118))
TROUSERS = ((34, 38, 54), (24, 24, 27), (66, 62, 56), (54, 64, 86))
SKINS = ((176, 132, 110), (140, 96, 74), (92, 62, 48))
HAIR = ((30, 22, 18), (70, 48, 30), (120, 112, 104), (16, 14, 14))
BLACK = (20, 18, 18)


class Outfit(NamedTuple):
    """Colours (RGB) of a person, and their height in metres."""

    coat: Color
    trousers: Color
    skin: Color
    hair: Color
    height: float


def random_outfit(rng: np.random.Generator) -> Outfit:
    coat, trousers, skin, hair = (table[rng.integers(len(table))] for table in (COATS, TROUSERS, SKINS, HAIR))
    return Outfit(coat, trousers, skin, hair, float(rng.uniform(1.58, 1.86)))


@lru_cache(maxsize=512)
def walker(outfit: Outfit, phase: int) -> Faces:
    """Somebody who walks towards +z, in a ``phase`` of two steps; the origin is on the ground."""
    shapes = [Shape(PEDESTRIAN, detail=detail, near=near, far=far) for detail, near, far in LEVELS]
    for shape in shapes:
        _walk(shape, outfit, 2 * np.pi * phase / PHASES)
    figure = join([shape.faces() for shape in shapes])
    return Faces(figure.corners * np.float32(outfit.height / 1.72), figure.look)


@lru_cache(maxsize=512)
def cyclist(outfit: Outfit, phase: int) -> Faces:
    """Somebody on a bicycle towards +z, in a ``phase`` of a turn of the pedals."""
    shapes = [Shape(BICYCLIST, ON_ROAD, detail, near=near, far=far) for detail, near, far in LEVELS]
    for shape in shapes:
        _ride(shape, outfit, 2 * np.pi * phase / PHASES)
    return join([shape.faces() for shape in shapes])


def _walk(shape: Shape, outfit: Outfit, angle: float) -> None:
    for side in (-1, 1):
        swing = side * np.sin(angle)
        hip = np.array([side * 0.09, 0.90, 0.0])
        knee = hip + (0.0, -0.43, 0.21 * swing)
        bend = 0.18 * max(0.0, side * np.cos(angle))
        ankle = knee + (0.0, -0.40 + 0.5 * bend, 0.15 * swing - bend)
        _leg(shape, outfit, hip, knee, ankle)
        shoulder = np.array([side * 0.21, 1.40, 0.0])
        elbow = shoulder + (side * 0.05, -0.29, -0.11 * swing)
        hand = elbow + (0.0, -0.24, -0.06 * swing + 0.07)
        _arm(shape, outfit, shoulder, elbow, hand)
    _torso(shape, outfit, np.array([0, 0.76, 0.0]), np.array([0, 1.46, 0.02]))
    _head(shape, outfit, np.array([0, 1.62, 0.03]))


def _leg(shape: Shape, outfit: Outfit, hip: np.ndarray, knee: np.ndarray, ankle: np.ndarray) -> None:
    shape.tube([hip, knee, ankle], [.095, .07, .05], outfit.trousers)
    shape.tube([ankle + (0, -0.02, d) for d in (-0.09, 0.0, 0.17)], [0.04, 0.05, 0.02], BLACK, 5)


def _arm(shape: Shape, outfit: Outfit, shoulder: np.ndarray, elbow: np.ndarray, hand: np.ndarray) -> None:
    shape.tube([shoulder, elbow, hand], [.068, .055, .042], outfit.coat)
    shape.tube([hand, hand + (0, -0.10, 0.02)], [0.04, 0.02], outfit.skin, 5)


def _torso(shape: Shape, outfit: Outfit, low: np.ndarray, high: np.ndarray) -> None:
    path = [low + t * (high - low) for t in (-0.02, 0, 0.3, 0.62, 0.88, 1.0, 1.02)]
    shape.tube(path, [.01, .185, .175, .205, .20, .08, .01], outfit.coat, sides=9, squash=0.72)


def _head(shape: Shape, outfit: Outfit, centre: np.ndarray) -> None:
    face = [centre + (0, h, 0.01) for h in (-0.2, -0.12, -0.07, 0.0, 0.06)]
    shape.tube(face, [.055, .055, .085, .098, .09], outfit.skin, 8)
    hair = [centre + (0, h, -0.018) for h in (-0.04, 0.02, 0.08, 0.12, 0.135)]
    shape.tube(hair, [.085, .106, .098, .06, .005], outfit.hair, 8)


def _ride(shape: Shape, outfit: Outfit, angle: float) -> None:
    rear, front, bracket = np.array([0, .34, -.52]), np.array([0, .34, .53]), np.array([0, .29, -.05])
    seat, bars = np.array([0, .93, -.20]), np.array([0, 1.02, .36])
    for hub in (rear, front):
        shape.disc(hub, (1, 2), .34, BLACK, 18, inner=.285)
        for spoke in ((0, .30, 0), (0, 0, .30)):
            shape.tube([hub + spoke, hub - spoke], [.006, .006], (90, 90, 92), 3, far=14.0)
    for start, end in ((rear, bracket), (rear, seat), (bracket, seat), (bracket, bars), (seat, bars),
                       (bars, front), (bars - (.26, 0, 0), bars + (.26, 0, 0))):
        shape.tube([start, end], [.018, .018], (48, 22, 24), 5)
    neck = seat + (0, .54, .30)
    for side in (-1, 1):
        hip = seat + (side * 0.10, 0.06, 0.0)
        turn = angle + (np.pi if side > 0 else 0)
        foot = bracket + (side * 0.11, 0.17 * np.sin(turn), 0.17 * np.cos(turn) + 0.04)
        _leg(shape, outfit, hip, (hip + foot) / 2 + (side * 0.03, 0.10, 0.22), foot)
        shoulder, hand = neck + (side * 0.19, -0.05, -0.02), bars + (side * 0.22, 0.03, 0.0)
        _arm(shape, outfit, shoulder, (shoulder + hand) / 2 + (side * 0.06, -0.05, -0.03), hand)
    _torso(shape, outfit, seat + (0, 0.02, -0.02), neck)
    _head(shape, outfit, neck + (0, 0.18, 0.06))
    shape.rectangle((-0.03, 0.62, -0.58), (0.03, 0.70, -0.58), (180, 20, 20), glow=0.6)
