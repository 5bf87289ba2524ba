"""What stands or moves on the street at one moment, as one camera sees it: culled, then painted."""

from typing import List, NamedTuple, Sequence, Tuple, Union

import numpy as np

from bisenet_core.drives.rendering.camera import Camera
from bisenet_core.drives.rendering.canvas import Canvas
from bisenet_core.drives.rendering.classes import CAR, FENCE, TREE
from bisenet_core.drives.rendering.light import SUN
from bisenet_core.drives.rendering.mesh_drawing import SMALLEST, draw_mesh
from bisenet_core.drives.rendering.panels import draw_panel, draw_sprite
from bisenet_core.drives.rendering.road_surface import KERB, KERB_HEIGHT
from bisenet_core.drives.rendering.shadows import SLOPE, Blot, ellipse
from bisenet_core.drives.rendering.street import Railing, Solid, Street, Tree

#: Metres from the camera within which things cast shadows that one can see.
SHADOW_REACH = 45.0
#: Metres over which the street may be taken as straight.
STRAIGHT_REACH = 40.0
#: A crown's shadow is made of rounds: offset along x and z and radius, in radii of the crown.
CROWN_SHADOW = (
    (0.0, 0.0, 0.75),
    (0.75, 0.3, 0.45),
    (-0.8, -0.2, 0.5),
    (0.3, -0.6, 0.42),
    (-0.35, 0.62, 0.45),
    (1.2, -0.15, 0.2),
    (-1.3, 0.25, 0.24),
)


class Placed(NamedTuple):
    """A solid thing and its place in the world."""

    solid: Solid
    place: np.ndarray


def in_view(solids: Sequence[Solid], street: Street, camera: Camera) -> List[Placed]:
    """The things that show in the picture, or whose shadows do."""
    rows = np.array([(s.x, s.y, s.z, s.meshes.radius) for s in solids]).reshape(-1, 4)
    places, radius = rows[:, :3].copy(), rows[:, 3]
    places[:, 0] += street.middle(places[:, 2])
    right, _, depth = camera.to_camera(places).T
    slope = camera.width / (2 * camera.focal)
    large = 2 * radius * camera.focal > SMALLEST * camera.width * depth
    shown = (depth + radius > 0) & large & (np.abs(right) - slope * depth < 1.2 * radius + 3.0)
    return [Placed(solids[i], places[i]) for i in np.flatnonzero(shown).tolist()]


def paint(canvas: Canvas, camera: Camera, street: Street, solids: List[Placed], trees: List[Tree],
          rails: List[Railing]) -> None:
    """Paint all of it from far to near."""
    here = camera.position[2]
    things: List[Union[Placed, Tree, Railing]] = [*solids, *trees, *rails]
    for thing in sorted(things, key=lambda thing: _turn_to_paint(thing, here)):
        if isinstance(thing, Placed):
            _paint_solid(canvas, camera, street, thing)
        elif isinstance(thing, Tree):
            foot = street.place(thing.x, KERB_HEIGHT, thing.z)
            draw_sprite(canvas, camera, thing.picture, foot, (0.8 * thing.height, thing.height), TREE)
        else:
            _paint_railing(canvas, camera, street, thing)


def _turn_to_paint(thing: Union[Placed, Tree, Railing], here: float) -> Tuple[int, int, float]:
    """Sorting key, what lies behind first.

    We drive on the road, and so near us nothing on the pavements can hide what is on the road. Farther away
    the street bends, and depth alone decides. A long thing on the road counts by its far end: what passes
    beside it, nearer to our lane, is in front of it.
    """
    if isinstance(thing, Railing):
        depth, length, on_road = (thing.start + thing.end) / 2, 0.0, False
    elif isinstance(thing, Tree):
        depth, length, on_road = thing.z, 0.0, False
    else:
        solid = thing.solid
        depth, length, on_road = solid.z, solid.footprint[1], abs(solid.x) < KERB
    near = depth - here < STRAIGHT_REACH
    return int(near), int(near and on_road), -(depth + length / 2)


def _paint_solid(canvas: Canvas, camera: Camera, street: Street, placed: Placed) -> None:
    solid = placed.solid
    sunlit = street.skyline.share(solid.x, solid.z, solid.y + 0.8)
    mesh = solid.meshes.at(camera, solid.z - camera.position[2])
    draw_mesh(canvas, camera, mesh, placed.place, solid.heading, solid.label, sunlit)


def _paint_railing(canvas: Canvas, camera: Camera, street: Street, rail: Railing) -> None:
    low = np.array([street.place(rail.side * (KERB + 0.25), KERB_HEIGHT, z) for z in (rail.start, rail.end)])
    corners = np.concatenate([low, low[::-1] + (0, 1.05, 0)])
    draw_panel(canvas, camera, street.rail_picture, corners, FENCE)


def cast_shadows(solids: List[Placed], trees: List[Tree], street: Street, here: float) -> List[Blot]:
    """Shadows that the sun casts on the ground."""
    blots = []
    for tree in trees:
        if tree.z - here < SHADOW_REACH:
            x, _, z = street.place(tree.x, 0, tree.z)
            rise, wide = 0.62 * tree.height, 0.26 * tree.height
            x_crown, z_crown = x + SLOPE[0] * rise, z + SLOPE[1] * rise
            for dx, dz, size in CROWN_SHADOW:
                blots.append(
                    ellipse(
                        x_crown + dx * wide, z_crown + dz * wide, size * wide, 0.8 * size * wide, 0.0, 0.85
                    )
                )
            blots.append(_strip(x, z, 0.5 * tree.height, 0.12))
    for solid, (x, _, z) in solids:
        if solid.z - here < SHADOW_REACH:
            blots.append(
                _car_shadow(x, z) if solid.label == CAR else _strip(x, z, 1.7, solid.footprint[0] / 2)
            )
    return blots


def contact_shadows(solids: List[Placed], here: float) -> List[Blot]:
    """The dark under cars, feet and wheels, where little of the sky is seen."""
    blots = []
    for solid, (x, _, z) in solids:
        half_x, half_z = 0.5 * solid.footprint[0], 0.5 * solid.footprint[1]
        if solid.label == CAR:
            corners = np.array([(-half_x, -half_z), (half_x, -half_z), (half_x, half_z), (-half_x, half_z)])
            blots.append(Blot(corners + (x, z), 0.0, 0.85))
        elif solid.z - here < SHADOW_REACH:
            blots.append(ellipse(x, z, half_x, half_z, solid.y, 0.4))
    return blots


def _strip(x: float, z: float, height: float, half: float) -> Blot:
    """Shadow of something upright and thin."""
    end = np.array([x + SLOPE[0] * height, z + SLOPE[1] * height])
    across = half * np.array([-SUN[2], SUN[0]]) / np.hypot(SUN[0], SUN[2])
    foot = np.array([x, z])
    return Blot(np.array([foot - across, foot + across, end + across, end - across]), 0.0, 1.0)


def _car_shadow(x: float, z: float) -> Blot:
    dx, dz = SLOPE[0] * 1.2, SLOPE[1] * 1.2
    outline = [(x - 0.85, z + 2.1), (x + 0.85, z + 2.1), (x + 0.85, z - 2.1), (x + 0.6 + dx, z - 1.6 + dz),
               (x - 0.6 + dx, z - 1.6 + dz), (x - 0.6 + dx, z + 1.6 + dz)]
    return Blot(np.array(outline), 0.0, 1.0)
