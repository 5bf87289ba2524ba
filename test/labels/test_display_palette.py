"""The colours for a display: how clearly any two classes differ, by CIEDE2000."""

import itertools
import math

import numpy as np
import pytest

from bisenet_core.labels.label_space import CAMVID_11, CITYSCAPES_19, LABEL_SPACES, LabelSpace
from bisenet_core.labels.visualization import for_display


def to_lab(color):
    """sRGB, 0..255, to CIE Lab under D65, by the formulas of IEC 61966-2-1 and CIE 15."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in np.divide(color, 255.0)]
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.dot(to_xyz, linear) / [0.9505, 1.0, 1.089]
    x, y, z = (t ** (1 / 3) if t > (6 / 29) ** 3 else t / (3 * (6 / 29) ** 2) + 4 / 29 for t in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def ciede2000(one, other):
    """The colour difference of two Lab colours (Sharma, Wu and Dalal, 2005)."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    mean = ((math.hypot(a1, b1) + math.hypot(a2, b2)) / 2) ** 7
    stretch = 1.5 - 0.5 * math.sqrt(mean / (mean + 25**7))
    c1, c2 = math.hypot(stretch * a1, b1), math.hypot(stretch * a2, b2)
    h1, h2 = (math.degrees(math.atan2(b, stretch * a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = (h2 - h1 + 180) % 360 - 180 if c1 * c2 else 0.0
    hue = (h1 + turn / 2) % 360 if c1 * c2 else h1 + h2
    light, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    t = 1 + sum(share * math.cos(math.radians(factor * hue + shift)) for share, factor, shift in (
        (-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.20, 4, -63)))
    dl = (l2 - l1) / (1 + 0.015 * (light - 50) ** 2 / math.sqrt(20 + (light - 50) ** 2))
    dc = (c2 - c1) / (1 + 0.045 * chroma)
    dh = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2)) / (1 + 0.015 * chroma * t)
    blue = 60 * math.exp(-(((hue - 275) / 25) ** 2))
    rotation = -2 * math.sqrt(chroma**7 / (chroma**7 + 25**7)) * math.sin(math.radians(blue))
    return math.sqrt(dl**2 + dc**2 + dh**2 + rotation * dc * dh)


def least_difference(space, classes=None):
    """The smallest difference between two classes, and between a class and the black of unlabelled pixels."""
    colors = [space.palette[space.id_of(name)] for name in classes or space.classes] + [(0, 0, 0)]
    return min(ciede2000(*pair) for pair in itertools.combinations(map(to_lab, colors), 2))


@pytest.mark.parametrize("one, other, difference", [  # of the authors' table
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((22.7233, 20.0904, -46.694), (23.0331, 14.973, -42.5619), 2.0373),
    ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082)])
def test_the_measure_is_the_published_one(one, other, difference):
    assert ciede2000(one, other) == pytest.approx(difference, abs=1e-4)


@pytest.mark.parametrize("space, at_least", [(CAMVID_11, 28.0), (CITYSCAPES_19, 22.0)])
def test_any_two_classes_differ_clearly(space, at_least):
    assert least_difference(for_display(space)) > at_least > 1.5 * least_difference(space)


def test_a_planners_classes_stand_apart():
    assert least_difference(for_display(CAMVID_11), ["Pedestrian", "Car", "Road"]) > 34
    assert least_difference(CAMVID_11, ["Pedestrian", "Car", "Road"]) < 20


@pytest.mark.parametrize("space", LABEL_SPACES.values(), ids=lambda space: space.name)
def test_nothing_but_the_colours_changes_and_no_two_are_the_same(space):
    shown = for_display(space)
    assert (shown.name, shown.classes, shown.ignore_id) == (space.name, space.classes, space.ignore_id)
    assert len(set(shown.palette)) == space.num_classes
    assert least_difference(shown) > 2.3  # what an eye just notices


def test_as_many_classes_as_there_can_be():
    space = LabelSpace("all", tuple(f"class {i}" for i in range(255)), ((1, 1, 1),) * 255)
    assert len(set(for_display(space).palette)) == 255
