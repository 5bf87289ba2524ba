"""Cars: bodies lofted over a side profile, with glass, wheels, lights and number plates."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bisenet_core.drives.rendering.faces import CAR, GROUND, ON_ROAD, ROAD, Faces, Shape, join

GLASS, TRIM, TYRE = (17, 21, 24), (20, 21, 23), (17, 17, 18)
#: A wheel: radius over the tyre's, and colour, of the arch, the tyre, the rim and the hub.
WHEEL = ((1.2, (9, 9, 10)), (1.0, TYRE), (0.66, (104, 106, 108)), (0.34, (48, 49, 52)))


@dataclass(frozen=True)
class Profile:
    """Side view of a car, metres from the rear bumper: height ``roof`` over ``along``; where the glass is."""

    length: float
    width: float
    along: tuple[float, ...]
    roof: tuple[float, ...]
    rear_glass: tuple[float, float]
    cabin: tuple[float, float]
    windscreen: tuple[float, float]
    pillars: tuple[float, ...]
    wheels: tuple[float, float]
    belt: float = 0.92


PROFILES = {
    "hatchback": Profile(3.9, 1.68, (0, .08, .25, .75, 1.3, 2.0, 2.35, 3.05, 3.5, 3.8, 3.9),
                         (.80, .98, 1.06, 1.42, 1.47, 1.46, 1.40, .98, .88, .72, .60),
                         (.25, .75), (.35, 2.95), (2.35, 3.05), (.55, 1.42, 2.52), (.72, 3.2)),
    "saloon": Profile(4.5, 1.75, (0, .10, .75, 1.0, 1.55, 2.1, 2.75, 3.45, 3.9, 4.35, 4.5),
                      (.78, .98, 1.02, 1.10, 1.40, 1.44, 1.38, .97, .90, .74, .58),
                      (1.0, 1.55), (1.0, 3.35), (2.75, 3.45), (1.25, 2.1, 2.98), (.9, 3.65)),
    "off-roader": Profile(4.4, 1.82, (0, .06, .18, .45, 1.2, 2.2, 2.6, 3.15, 3.8, 4.25, 4.4),
                          (.95, 1.12, 1.25, 1.74, 1.80, 1.79, 1.72, 1.14, 1.06, .92, .75),
                          (.18, .45), (.25, 3.08), (2.6, 3.15), (.45, 1.15, 2.05, 2.8), (.85, 3.55), 1.08),
    "van": Profile(4.9, 1.92, (0, .04, .10, .20, 1.5, 3.0, 3.4, 4.1, 4.5, 4.8, 4.9),
                   (1.6, 1.8, 1.95, 2.02, 2.06, 2.05, 1.95, 1.28, 1.10, .85, .7),
                   (-1, -1), (2.75, 4.05), (3.4, 4.1), (2.8, 3.55), (.95, 4.05), 1.18),
}

PAINTS = ((128, 131, 134), (30, 38, 62), (20, 21, 24), (94, 20, 25), (160, 162, 160), (44, 60, 54),
          (64, 68, 74), (36, 66, 104), (84, 82, 74))


def car(kind: str, paint: tuple[int, int, int]) -> Faces:
    """A car of ``PROFILES`` in a colour (RGB); origin on the ground under its middle, front towards +z."""
    profile, parts = PROFILES[kind], []
    for stations, detail, near, far in ((20, 1.0, 0.0, 18.0), (0, 0.6, 18.0, np.inf)):
        shape = Shape(CAR, ON_ROAD, detail, near=near, far=far)
        _body(shape, profile, paint, stations)
        _ends(shape, profile, paint)
        _wheels(shape, profile)
        parts.append(shape.faces())
    half = 0.46 * profile.width
    beneath = Shape(ROAD, GROUND)  # little of the sky is seen there
    beneath.rectangle((-half, 0.0, 0.1), (half, 0.0, profile.length - 0.1), (14, 14, 15))
    return join([*parts, beneath.faces()]).at((0, 0, -profile.length / 2))


def _body(shape: Shape, profile: Profile, paint: ArrayLike, count: int) -> None:
    """The skin over cross-sections at the corners of the profile and pillars, and ``count`` in between."""
    pillars = [p + d for p in profile.pillars for d in (-0.035, 0.035)] if count else []
    known = np.unique(np.concatenate([profile.along, pillars, profile.cabin]))
    regular = np.linspace(0, profile.length, count)
    stations = np.sort(np.concatenate([known, regular[(np.abs(regular[:, None] - known) > 0.06).all(1)]]))
    rings = np.array([_section(profile, z) for z in stations])
    middle = np.repeat((stations[:-1] + stations[1:]) / 2, rings.shape[1] - 1)
    strip = np.tile([0, 1, 2, 3, 4, 5, 6, 6, 5, 4, 3, 2, 1, 0], len(stations) - 1)
    color, gloss = _paint(profile, paint, strip, middle)
    shape.loft(rings, color, gloss=gloss)


def _section(profile: Profile, z: float) -> np.ndarray:
    """The cross-section at ``z`` from the right sill over the roof to the left sill: 15x3."""
    half = profile.width / 2
    to_end = min(z, profile.length - z)
    plan = 1 - 0.10 * (1 - min(to_end / 0.55, 1)) ** 2
    roof = float(np.interp(z, profile.along, profile.roof))
    belt = min(profile.belt + 0.10 * (1 - z / profile.length), roof - 0.03)
    lean = np.clip((roof - belt) / (max(profile.roof) - profile.belt), 0, 1)
    edge = half * (0.93 - 0.17 * lean) if profile.length < 4.8 else half * (0.95 - 0.06 * lean)
    sill = 0.22 + 0.10 * (1 - min(to_end / 0.35, 1))
    outline = [(0.92 * half, sill), (0.985 * half, sill + 0.16), (half, 0.5 * (sill + belt) + 0.05),
               (0.98 * half, belt - 0.06), (0.94 * half, belt), (edge, roof - 0.07 * lean),
               (0.82 * edge, roof + 0.01 * lean), (0.0, roof + 0.035)]
    right = np.array([(x * plan, y, z) for x, y in outline])
    return np.concatenate([right, right[-2::-1] * (-1, 1, 1)])


def _paint(profile: Profile, paint: ArrayLike, strip: np.ndarray,
           z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colour and gloss of the body's faces: strip 0 is the sill, 4 the side glass, 5 and 6 the roof."""
    color = np.tile(np.array(paint, np.float32), (len(z), 1))
    gloss = np.full(len(z), 0.55, np.float32)
    inside = (z > profile.cabin[0]) & (z < profile.cabin[1])
    pillar = np.any(np.abs(z[:, None] - np.array(profile.pillars)) < 0.04, 1)
    glass = (strip == 4) & inside & ~pillar
    for low, high in (profile.rear_glass, profile.windscreen):
        glass |= (strip >= 5) & (z > low + 0.03) & (z < high - 0.03)
    color[glass], gloss[glass] = GLASS, 0.9
    color[pillar & (strip >= 1) & (strip <= 3)] *= 0.8
    color[strip == 0], gloss[strip == 0] = TRIM, 0.1
    return color, gloss


def _ends(shape: Shape, profile: Profile, paint: tuple[int, int, int]) -> None:
    """Rear and front: closing faces, bumper, lights, plate and grille as flat patches."""
    half = 0.90 * profile.width / 2
    for z, out in ((0.0, -1), (profile.length, 1)):
        ring, top = _section(profile, z), float(np.interp(z, profile.along, profile.roof))
        shape.add([[ring[low], ring[low + 1], ring[13 - low], ring[14 - low]] for low in range(7)], paint,
                  gloss=0.4, normal=(0, 0, out))
        patch = partial(_patch, shape, z + 0.015 * out, out)
        patch(0.96 * half, 0.26, 0.36, TRIM)
        patch(0.97 * half, 0.53, 0.55, [0.6 * c for c in paint], gloss=0.3)
        low, high = (top - 0.24, top - 0.02) if out < 0 else (top - 0.10, top + 0.04)
        for side in (-1, 1):
            patch(0.16 * half, low, high, (150, 16, 18) if out < 0 else (205, 212, 214), side * 0.82 * half,
                  glow=0.35, gloss=0.4)
        level = 0.5 * (0.46 + top) - 0.03 if out < 0 else 0.36
        patch(0.26, level, level + 0.11, (206, 172, 42) if out < 0 else (205, 205, 200), glow=0.15)
        if out > 0:
            patch(0.55 * half, top - 0.10, top - 0.01, TRIM, gloss=0.2)
        elif profile.rear_glass[0] < 0:
            for side in (-1, 1):
                patch(0.36 * half, 1.12, 1.62, GLASS, side * 0.44 * half, gloss=0.9)


def _patch(shape: Shape, z: float, out: int, x: float, y0: float, y1: float, color: ArrayLike,
           centre: float = 0.0, **look: Any) -> None:
    """A rectangle on the rear (``out`` -1) or the front (1), ``x`` to either side of its ``centre``."""
    shape.rectangle((centre - x, y0, z), (centre + x, y1, z), color, normal=(0, 0, out), nearer=1.0, **look)


def _wheels(shape: Shape, profile: Profile) -> None:
    radius = 0.31 if profile.length < 4.2 else 0.34
    for z in profile.wheels:
        for side in (-1, 1):
            centre = np.array([side * (profile.width / 2 + 0.004), radius, z])
            for size, color in WHEEL:
                if shape.detail == 1.0 or 0.5 < size < 1.1:
                    shape.disc(centre, (1, 2), size * radius, color, 14, nearer=1.1 - 0.1 * size, gloss=0.1,
                               normal=(side, 0, 0))
            inside = centre[0] - side * 0.2
            shape.box((inside - 0.1, 0, z - 0.24), (inside + 0.1, 0.3, z + 0.24), TYRE)
