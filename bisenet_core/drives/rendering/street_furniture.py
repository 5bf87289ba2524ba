"""Things that stand on the pavement: lamp posts, signs, traffic lights, bollards, railings, bins."""

import cv2
import numpy as np
from numpy.typing import ArrayLike

from bisenet_core.drives.rendering.mesh import Mesh, MeshBuilder
from bisenet_core.drives.rendering.panels import Texture

STEEL = (92, 96, 98)
DARK = (40, 42, 44)


def lamp_post(reach: float) -> Mesh:
    """A lamp post 7.5 m high with an arm that reaches ``reach`` m towards +x (or -x when negative)."""
    builder = MeshBuilder()
    builder.tube([(0, 0, 0), (0, 1.2, 0)], [.095, .095], STEEL, 8)
    builder.tube([(0, 1.2, 0), (0, 4, 0), (0, 7.2, 0)], [.062, .052, .04], STEEL, 8)
    builder.tube([(0, 7.2, 0), (.3 * reach, 7.55, 0), (reach, 7.7, 0)], [.04, .036, .034], STEEL, 6)
    low, high = sorted((reach, 1.5 * reach))
    builder.box((low, 7.62, -0.11), (high, 7.76, 0.11), (120, 122, 120))
    return builder.build()


def post(height: float, radius: float = 0.038, color: ArrayLike = STEEL) -> Mesh:
    """A plain post."""
    builder = MeshBuilder()
    builder.tube([(0, 0, 0), (0, height * 0.5, 0), (0, height, 0)], [radius] * 3, color, 7)
    return builder.build()


def bollard() -> Mesh:
    """A cast-iron bollard, 0.95 m high."""
    builder = MeshBuilder()
    path = [(0, h, 0) for h in (0, .1, .12, .8, .82, .92, .95)]
    builder.tube(path, [.11, .11, .07, .06, .085, .07, .01], (26, 27, 29), 9)
    return builder.build()


def sign_plate(kind: str) -> Mesh:
    """A plate around (0, 0, 0) that faces -z: "warning", "limit", "parking" or "direction"."""
    builder = MeshBuilder()
    if kind == "warning":
        _flat(builder, 3, 0.42, (176, 30, 28), 0.0)
        _flat(builder, 3, 0.29, (222, 220, 212), 0.01)
        _plate(builder, -0.03, -0.12, 0.03, 0.14, (22, 22, 22))
    elif kind == "limit":
        _flat(builder, 18, 0.32, (178, 28, 28), 0.0)
        _flat(builder, 18, 0.235, (224, 222, 214), 0.01)
        for x in (-0.13, 0.03):
            _plate(builder, x, -0.10, x + 0.10, 0.10, (22, 22, 22))
            _plate(builder, x + 0.03, -0.05, x + 0.07, 0.05, (224, 222, 214), 0.03)
    elif kind == "parking":
        _plate(builder, -0.25, -0.38, 0.25, 0.38, (28, 60, 132), 0.0)
        _plate(builder, -0.10, -0.15, -0.03, 0.25, (222, 222, 220))
        _plate(builder, -0.03, 0.05, 0.12, 0.25, (222, 222, 220))
    else:
        _plate(builder, -0.75, -0.42, 0.75, 0.42, (26, 74, 56), 0.0)
        for level, end in ((0.14, 0.45), (-0.06, 0.25), (-0.26, 0.5)):
            _plate(builder, -0.6, level, end, level + 0.1, (218, 218, 210))
    return builder.build()


def traffic_light(red: bool) -> Mesh:
    """A three-lamp head 0.9 m high that faces -z, its middle at (0, 0, 0)."""
    builder = MeshBuilder()
    builder.box((-.16, -.45, 0), (.16, .45, .22), (16, 17, 18))
    lamps = ((.28, (230, 40, 30), red), (0, (210, 140, 20), False), (-.28, (40, 220, 130), not red))
    for level, color, lit in lamps:
        shade = color if lit else tuple(0.2 * c for c in color)
        _flat(builder, 12, 0.10, shade, 0.02, level, glow=1.0 if lit else 0.0)
    return builder.build()


def _flat(builder: MeshBuilder, sides: int, radius: float, color: ArrayLike, gap: float, level: float = 0.0,
          glow: float = 0.1) -> None:
    """A regular polygon, point up, as quads that share its middle."""
    angle = np.pi / 2 + np.arange(sides) * 2 * np.pi / sides
    rim = np.stack([radius * np.cos(angle), level + radius * np.sin(angle), np.full(sides, -gap)], 1)
    middle = (0.0, level, -gap)
    for i in range(sides):
        here, after = rim[i], rim[(i + 1) % sides]
        builder.quad(
            [middle, here, (here + after) / 2, after], color, glow=glow, nearer=10 * gap, two_sided=True
        )


def _plate(builder: MeshBuilder, x0: float, y0: float, x1: float, y1: float, color: ArrayLike,
           gap: float = 0.02) -> None:
    corners = [(x0, y0, -gap), (x1, y0, -gap), (x1, y1, -gap), (x0, y1, -gap)]
    builder.quad(corners, color, glow=0.1, nearer=10 * gap, two_sided=True)


def bin_mesh() -> Mesh:
    """A litter bin."""
    builder = MeshBuilder()
    path = [(0, h, 0) for h in (0, .05, .9, .95, 1.1, 1.15)]
    builder.tube(path, [.2, .24, .25, .27, .2, .01], (24, 30, 28), 10)
    return builder.build()


def railing() -> Texture:
    """A guard rail 2 m long and 1.05 m high; its label covers the whole panel, as annotators draw it."""
    height, width = 106, 200
    picture = np.zeros((height, width, 4), np.uint8)
    iron, lit = (70, 72, 74, 255), (112, 114, 114, 255)
    for level in (4, 90):
        cv2.rectangle(picture, (0, level), (width, level + 4), iron, -1)
        cv2.line(picture, (0, level), (width, level), lit, 1)
    for x in range(5, width, 11):
        cv2.rectangle(picture, (x, 6), (x + 2, 92), iron, -1)
        cv2.line(picture, (x + 2, 6), (x + 2, 92), lit, 1)
    for x in (0, width - 5):
        cv2.rectangle(picture, (x, 0), (x + 5, height), iron, -1)
    return Texture(picture, np.full((height, width), 255, np.uint8))
