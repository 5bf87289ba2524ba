"""Cars: bodies lofted over a side profile, with glass, wheels, lights and number plates."""

from dataclasses import dataclass
from functools import partial
from typing import Any, List, Sequence, Tuple

import numpy as np
from numpy.typing import ArrayLike

from bisenet_core.drives.rendering.mesh import Mesh, MeshBuilder, grid_faces
from bisenet_core.drives.rendering.mesh_drawing import Levels

GLASS = (17, 21, 24)
TRIM = (20, 21, 23)
TYRE = (17, 17, 18)


@dataclass(frozen=True)
class Profile:
    """Side view of a car, metres from the rear bumper: height ``roof`` over ``along``; where the glass is."""

    length: float
    width: float
    along: Tuple[float, ...]
    roof: Tuple[float, ...]
    rear_glass: Tuple[float, float]
    cabin: Tuple[float, float]
    windscreen: Tuple[float, float]
    pillars: Tuple[float, ...]
    wheels: Tuple[float, float]
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


#: Points of the cross-section that a coarse body uses.
COARSE_POINTS = (0, 2, 4, 5, 7)


def car_meshes(kind: str, paint: Tuple[int, int, int]) -> Levels:
    """A car of ``PROFILES`` in a colour (RGB); origin on the ground under its middle, front towards +z."""
    everything = range(8)
    return Levels(
        0.62 * PROFILES[kind].length,
        partial(_car, kind, paint, 30, everything, 1.0),
        partial(_car, kind, paint, 12, everything, 0.6),
        partial(_car, kind, paint, 0, COARSE_POINTS, 0.4),
    )


def _car(kind: str, paint: Tuple[int, int, int], count: int, points: Sequence[int], detail: float) -> Mesh:
    profile, builder = PROFILES[kind], MeshBuilder(detail)
    _body(builder, profile, paint, count, list(points))
    _ends(builder, profile, paint)
    _wheels(builder, profile, detail)
    for side in (-1, 1):
        x, z = side * (profile.width / 2 + 0.08), profile.windscreen[1] - 0.25
        builder.box(
            (x - 0.07, profile.belt + 0.03, z - 0.04),
            (x + 0.07, profile.belt + 0.14, z + 0.04),
            paint,
            nearer=0.2,
        )
    mesh = builder.build()
    mesh.vertices[:, 2] -= profile.length / 2
    return mesh


def _stations(profile: Profile, count: int) -> np.ndarray:
    """Places along the car to cut it: the corners of its profile and pillars, and enough in between."""
    if not count:
        return np.unique(np.concatenate([profile.along, profile.cabin]))
    pillars = [p + d for p in profile.pillars for d in (-0.035, 0.035)]
    known = np.unique(np.concatenate([profile.along, pillars, profile.cabin]))
    regular = np.linspace(0, profile.length, count)
    gap = np.abs(regular[:, None] - known).min(1)
    return np.sort(np.concatenate([known, regular[gap > 0.06]]))


def _section(profile: Profile, z: float) -> np.ndarray:
    """Right half of the cross-section at ``z``, from sill to roof middle: 8x3."""
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
    return np.array([(x * plan, y, z) for x, y in outline])


def _body(builder: MeshBuilder, profile: Profile, paint: ArrayLike, count: int, points: List[int]) -> None:
    stations = _stations(profile, count)
    right = np.array([_section(profile, z)[points] for z in stations])
    faces = grid_faces(len(stations), len(points), closed=False)
    middle = (stations[:-1] + stations[1:]) / 2
    strip = np.tile(points[:-1], len(middle))
    z = np.repeat(middle, len(points) - 1)
    color, gloss = _paint(profile, paint, strip, z)
    builder.add(right, faces, color, gloss=gloss)
    builder.add(right * (-1, 1, 1), faces[:, ::-1], color, gloss=gloss)


def _paint(
    profile: Profile, paint: ArrayLike, strip: np.ndarray, z: np.ndarray
) -> Tuple[np.ndarray, np.ndarray]:
    """Colour and gloss of the body's faces: strip 0 is the sill, 4 the side glass, 5 and 6 the roof."""
    color = np.tile(np.array(paint, np.float32), (len(z), 1))
    gloss = np.full(len(z), 0.55, np.float32)
    inside = (z > profile.cabin[0]) & (z < profile.cabin[1])
    pillar = np.any(np.abs(z[:, None] - np.array(profile.pillars)) < 0.04, 1)
    glass = (strip == 4) & inside & ~pillar
    for low, high in (profile.rear_glass, profile.windscreen):
        glass |= (strip >= 5) & (z > low + 0.03) & (z < high - 0.03)
    color[glass], gloss[glass] = GLASS, 0.9
    seam = (
        (np.any(np.abs(z[:, None] - np.array(profile.pillars[1:])) < 0.04, 1)) & (strip >= 1) & (strip <= 3)
    )
    color[seam] *= 0.8
    color[strip == 0] = TRIM
    gloss[strip == 0] = 0.1
    return color, gloss


def _ends(builder: MeshBuilder, profile: Profile, paint: Tuple[int, int, int]) -> None:
    """Rear and front: closing faces, bumper, lights, plate and grille as flat patches."""
    for z, out in ((0.0, -1), (profile.length, 1)):
        _close(builder, _section(profile, z), out, paint)
        half = 0.90 * profile.width / 2
        top = float(np.interp(z, profile.along, profile.roof))

        patch = partial(_patch, builder, z, out)
        patch(-0.96 * half, 0.96 * half, 0.26, 0.36, TRIM)
        patch(-0.97 * half, 0.97 * half, 0.53, 0.55, tuple(0.6 * c for c in paint), gloss=0.3)
        low, high = (top - 0.24, top - 0.02) if out < 0 else (top - 0.10, top + 0.04)
        for side in (-1, 1):
            near, far = side * 0.66 * half, side * 0.98 * half
            light = (150, 16, 18) if out < 0 else (205, 212, 214)
            patch(min(near, far), max(near, far), low, high, light, glow=0.35, gloss=0.4)
        plate = (206, 172, 42) if out < 0 else (205, 205, 200)
        level = 0.5 * (0.46 + top) - 0.03 if out < 0 else 0.36
        patch(-0.26, 0.26, level, level + 0.11, plate, gap=0.03, glow=0.15)
        if out < 0 and profile.rear_glass[0] < 0:
            for side in (-1, 1):
                near, far = sorted((side * 0.07, side * 0.8 * half))
                patch(near, far, 1.12, 1.62, GLASS, gloss=0.9)
            patch(-0.012, 0.012, 0.5, top, TRIM)
        if out > 0:
            patch(-0.55 * half, 0.55 * half, top - 0.10, top - 0.01, TRIM, gloss=0.2)


def _patch(
    builder: MeshBuilder,
    z: float,
    out: int,
    x0: float,
    x1: float,
    y0: float,
    y1: float,
    color: ArrayLike,
    gap: float = 0.015,
    **look: Any,
) -> None:
    """A rectangle on the rear (``out`` -1) or the front (1)."""
    corners = [
        (x0, y0, z + out * gap),
        (x1, y0, z + out * gap),
        (x1, y1, z + out * gap),
        (x0, y1, z + out * gap),
    ]
    builder.quad(corners if out < 0 else corners[::-1], color, nearer=1.0, **look)


def _close(builder: MeshBuilder, section: np.ndarray, out: int, paint: ArrayLike) -> None:
    mirrored = section * (-1, 1, 1)
    for low, high in zip(range(7), range(1, 8)):
        corners = [mirrored[low], section[low], section[high], mirrored[high]]
        builder.quad(corners if out < 0 else corners[::-1], paint, gloss=0.4)


def _wheels(builder: MeshBuilder, profile: Profile, detail: float) -> None:
    radius = 0.31 if profile.length < 4.2 else 0.34
    for z in profile.wheels:
        for side in (-1, 1):
            x = side * profile.width / 2
            centre = np.array([x + side * 0.004, radius, z])
            arch = centre + (-side * 0.002, 0.05, 0)
            builder.disc(centre, side, radius, TYRE, 14, nearer=1.04)
            builder.disc(centre, side, 0.66 * radius, (104, 106, 108), 14, nearer=1.08, gloss=0.3)
            if detail > 0.5:
                builder.disc(arch, side, radius + 0.06, (9, 9, 10), 14, nearer=1.0)
                builder.disc(centre, side, 0.34 * radius, (48, 49, 52), 14, nearer=1.12, gloss=0.2)
            builder.box((x - side * 0.2 - 0.1, 0.0, z - 0.24), (x - side * 0.2 + 0.1, 0.3, z + 0.24), TYRE)
