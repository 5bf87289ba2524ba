"""How pictures are looked at."""

import xml.etree.ElementTree as ElementTree

import cv2
import pytest


def _texts(path):
    root = ElementTree.parse(path).getroot()
    assert root.tag.endswith("}svg")
    return ["".join(element.itertext()).strip() for element in root.iter() if element.tag.endswith("}text")]


def _looks_drawn(path):
    image = cv2.imread(str(path))
    return image is not None and min(image.shape[:2]) > 300 and image.std() > 10


@pytest.fixture
def texts_of():
    """``texts_of(path)``: the texts of an SVG, which so are text and not outlines."""
    return _texts


@pytest.fixture
def looks_drawn():
    """``looks_drawn(path)``: whether a PNG can be read and holds more than paper."""
    return _looks_drawn
