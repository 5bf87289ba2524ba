"""Who moves: cars in both lanes, cyclists, people on the pavements. Places are functions of time alone."""

from typing import List, NamedTuple, Tuple, Union

import numpy as np

from bisenet_core.drives.rendering.classes import BICYCLIST, CAR, PEDESTRIAN
from bisenet_core.drives.rendering.mesh_drawing import Levels
from bisenet_core.drives.rendering.people import PHASES, Figure, cyclist, random_outfit, walker
from bisenet_core.drives.rendering.road_surface import FRONTAGE, KERB, KERB_HEIGHT
from bisenet_core.drives.rendering.street import Solid, Street

#: Our own speed in metres a second, and our place across the street.
OWN_SPEED, OWN_LANE = 6.5, -1.35


def own_distance(time: float) -> float:
    """Metres that the camera has driven after ``time`` seconds: steady, a little faster and slower."""
    return OWN_SPEED * time + 0.9 * np.sin(0.5 * time)


class Mover(NamedTuple):
    """Something that moves along the street at a steady ``speed`` (negative: towards us).

    ``shape`` is a figure or a car's meshes, ``cycle`` the number of rounds through its phases in a second,
    ``drift`` how far it wanders sideways.
    """

    shape: Union[Figure, Levels]
    label: int
    x: float
    y: float
    start: float
    speed: float
    cycle: float
    drift: float
    footprint: Tuple[float, float]

    def at(self, time: float, street: Street) -> Solid:
        """Where and in which phase it is."""
        z = self.start + self.speed * time
        x = self.x + self.drift * np.sin(0.6 * time + self.start)
        meshes = self.shape
        if isinstance(meshes, Figure):
            meshes = meshes.phase(int(time * self.cycle * PHASES + 7 * self.start))
        heading = street.heading(z) + (0.0 if self.speed >= 0 else np.pi)
        return Solid(meshes, self.label, x, self.y, z, heading, self.footprint)


class Traffic:
    """Everybody on the move over a drive of ``duration`` seconds."""

    def __init__(self, rng: np.random.Generator, street: Street, duration: float) -> None:
        self._street = street
        reach = own_distance(duration) + 150
        people = [walker(random_outfit(rng)) for _ in range(9)]
        riders = [cyclist(random_outfit(rng), bright=i == 0) for i in range(4)]
        # Never the van, the last of the fleet: it would hide too much of the street for the whole drive.
        self._leader = street.cars[rng.integers(len(street.cars) - 1)]
        self._movers = (_oncoming(rng, street, reach, duration) + _walkers(rng, people, reach)
                        + _cyclists(rng, riders, reach, duration))

    def at(self, time: float) -> List[Solid]:
        """All movers at a time; the car ahead of us first."""
        ahead = own_distance(time) + 17 + 6 * np.sin(0.33 * time + 0.6)
        leader = Solid(self._leader, CAR, OWN_LANE + 0.1 * np.sin(0.4 * time), 0.0, ahead,
                       self._street.heading(ahead), (1.75, 4.2))
        return [leader] + [mover.at(time, self._street) for mover in self._movers]


def _oncoming(rng: np.random.Generator, street: Street, reach: float, duration: float) -> List[Mover]:
    cars, z, speed = [], 16.0, -7.5
    while z < reach - speed * duration:
        meshes = street.cars[rng.integers(len(street.cars))]
        cars.append(Mover(meshes, CAR, 1.5 + rng.normal(0, 0.1), 0.0, z, speed, 0, 0.05, (1.75, 4.2)))
        z += rng.uniform(14, 42)
    return cars


def _walkers(rng: np.random.Generator, people: List[Figure], reach: float) -> List[Mover]:
    """People alone or in pairs on both pavements, in both directions."""
    walkers: List[Mover] = []
    for side in (-1, 1):
        z = rng.uniform(4, 10)
        while z < reach:
            speed = float(rng.choice([-1, 1]) * rng.uniform(1.1, 1.5))
            x = side * rng.uniform(KERB + 0.75, FRONTAGE - 0.6)
            for _ in range(1 if rng.random() < 0.6 else 2):
                figure = people[len(walkers) % len(people)]
                walkers.append(Mover(figure, PEDESTRIAN, x, KERB_HEIGHT, z, speed, 0.9, 0.06, (0.5, 0.5)))
                x -= side * 0.65
            z += rng.uniform(3.5, 13)
    return walkers


def _cyclists(rng: np.random.Generator, riders: List[Figure], reach: float, duration: float) -> List[Mover]:
    """Cyclists near the left kerb whom we overtake, and others towards us."""
    cyclists: List[Mover] = []
    for x, speed, gap, first in ((-2.75, 4.6, 24.0, 14.0), (2.7, -4.8, 34.0, 24.0)):
        z = first
        while z < reach + abs(speed) * duration:
            figure = riders[len(cyclists) % len(riders)]
            cyclists.append(Mover(figure, BICYCLIST, x, 0.0, z, speed, 1.0, 0.08, (0.4, 1.7)))
            z += gap * rng.uniform(0.7, 1.4)
    return cyclists
