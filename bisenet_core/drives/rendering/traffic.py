"""Who moves: cars in both lanes, cyclists, people on the pavements. Places are functions of time alone."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from bisenet_core.drives.rendering.faces import Faces
from bisenet_core.drives.rendering.ground import KERB, KERB_HEIGHT
from bisenet_core.drives.rendering.houses import FRONTAGE
from bisenet_core.drives.rendering.people import PHASES, cyclist, random_outfit, walker
from bisenet_core.drives.rendering.street import Street

#: Our own speed in metres a second, and our place across the street.
OWN_SPEED, OWN_LANE = 6.5, -1.35


def own_distance(time: float) -> float:
    """Metres that the camera has driven after ``time`` seconds: steady, a little faster and slower."""
    return OWN_SPEED * time + 0.9 * np.sin(0.5 * time)


class Mover(NamedTuple):
    """Something that moves along the street at a steady ``speed`` (negative: towards us).

    ``shape`` gives its faces in one of PHASES phases, through which it goes ``cycle`` times in a second;
    ``drift`` is how far it wanders sideways.
    """

    shape: Callable[[int], Faces]
    x: float
    y: float
    start: float
    speed: float
    cycle: float
    drift: float

    def z(self, time: float) -> float:
        return self.start + self.speed * time

    def at(self, time: float) -> Faces:
        x = self.x + self.drift * np.sin(0.6 * time + self.start)
        phase = int(time * self.cycle * PHASES + 7 * self.start) % PHASES
        return self.shape(phase).at((x, self.y, self.z(time)), 0.0 if self.speed >= 0 else np.pi)


class Traffic:
    """Everybody on the move over a drive of ``duration`` seconds."""

    def __init__(self, rng: np.random.Generator, street: Street, duration: float) -> None:
        reach = own_distance(duration) + 150
        # Never the van, the last of the fleet: it would hide too much of the street for the whole drive.
        self._leader = street.cars[rng.integers(len(street.cars) - 1)]
        self._movers = [*_oncoming(rng, street, reach + 7.5 * duration), *_walkers(rng, reach),
                        *_cyclists(rng, reach, duration)]

    def at(self, time: float, near: float, far: float) -> list[Faces]:
        ahead = own_distance(time) + 17 + 6 * np.sin(0.33 * time + 0.6)
        leader = self._leader.at((OWN_LANE + 0.1 * np.sin(0.4 * time), 0.0, ahead))
        return [leader] + [mover.at(time) for mover in self._movers if near < mover.z(time) < far]


def _oncoming(rng: np.random.Generator, street: Street, reach: float) -> list[Mover]:
    cars, z = [], 16.0
    while z < reach:
        faces = street.cars[rng.integers(len(street.cars))]
        x = 1.5 + rng.normal(0, 0.1)
        cars.append(Mover(partial(lambda own, _phase: own, faces), x, 0.0, z, -7.5, 0, 0.05))
        z += rng.uniform(14, 42)
    return cars


def _walkers(rng: np.random.Generator, reach: float) -> list[Mover]:
    """People alone or in pairs on both pavements, in both directions."""
    people = [partial(walker, random_outfit(rng)) for _ in range(9)]
    walkers: list[Mover] = []
    for side in (-1, 1):
        z = rng.uniform(4, 10)
        while z < reach:
            speed = float(rng.choice([-1, 1]) * rng.uniform(1.1, 1.5))
            x = side * rng.uniform(KERB + 0.75, FRONTAGE - 0.6)
            for _ in range(1 if rng.random() < 0.6 else 2):
                walkers.append(Mover(people[len(walkers) % len(people)], x, KERB_HEIGHT, z, speed, 0.9, 0.06))
                x -= side * 0.65
            z += rng.uniform(3.5, 13)
    return walkers


def _cyclists(rng: np.random.Generator, reach: float, duration: float) -> list[Mover]:
    """Cyclists near the left kerb whom we overtake, and others towards us; one wears a yellow jacket."""
    outfits = [random_outfit(rng)._replace(coat=(150, 166, 44)), *(random_outfit(rng) for _ in range(3))]
    cyclists: list[Mover] = []
    for x, speed, gap, first in ((-2.75, 4.6, 24.0, 14.0), (2.7, -4.8, 34.0, 24.0)):
        z = first
        while z < reach + abs(speed) * duration:
            rider = partial(cyclist, outfits[len(cyclists) % len(outfits)])
            cyclists.append(Mover(rider, x, 0.0, z, speed, 1.0, 0.08))
            z += gap * rng.uniform(0.7, 1.4)
    return cyclists
