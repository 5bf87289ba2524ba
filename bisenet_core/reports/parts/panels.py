"""Which frames to show in a report, and their pictures, small enough to stand inside it."""

import base64
from dataclasses import dataclass

import cv2
import numpy as np

from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.labels.visualization import colourise, overlay

_FILM_WIDTH, _PANEL_WIDTH = 400, 440
_TALLEST = 3  # times the width
_WRONG = (255, 40, 70)

#: Captions and pictures as data URIs.
Panels = list[tuple[str, str]]


@dataclass(frozen=True)
class Seen:
    """A frame with its labels: image HxWx3 uint8 RGB, the others HxW uint8 ids."""

    image: np.ndarray
    truth: np.ndarray | None
    labels: np.ndarray
    before: np.ndarray | None = None
    """Labels of the frame before, where they are wanted."""


def film_panels(seen: Seen, label_space: LabelSpace) -> Panels:
    """The labels over the image: one panel."""
    image, labels = _shrunk(seen.image, _FILM_WIDTH), _shrunk(seen.labels, _FILM_WIDTH)
    return [("Labels over the image", jpeg(overlay(image, labels, label_space, 0.55)))]


def frame_panels(seen: Seen, label_space: LabelSpace) -> Panels:
    """Image, truth, prediction and difference; without truth what there is of them."""
    beside = ("Frame before", seen.before) if seen.truth is None else ("Truth", seen.truth)
    named = [(name, ids) for name, ids in (beside, ("Prediction", seen.labels)) if ids is not None]
    panels = pair_panels(seen.image, named, label_space)
    if seen.truth is not None:
        image, truth, labels = (
            _shrunk(each, _PANEL_WIDTH) for each in (seen.image, seen.truth, seen.labels))
        panels.append(("Difference", jpeg(difference(image, truth, labels, label_space.num_classes))))
    return panels


def pair_panels(image: np.ndarray, named: list[tuple[str, np.ndarray]], label_space: LabelSpace) -> Panels:
    """Image HxWx3 uint8 RGB and several labels of it with their captions, each HxW uint8, side by side."""
    return [("Image", jpeg(_shrunk(image, _PANEL_WIDTH)))] + [
        (name, png(colourise(_shrunk(ids, _PANEL_WIDTH), label_space)))
        for name, ids in named
    ]


def heat_panel(counts: np.ndarray) -> tuple[str, str]:
    """Counts HxW as one panel, 0 black and the highest of them yellow."""
    shade = cv2.applyColorMap((counts * (255 / counts.max())).astype(np.uint8), cv2.COLORMAP_INFERNO)
    return "Changes", png(_shrunk(shade[..., ::-1], _PANEL_WIDTH))


def difference(image: np.ndarray, truth: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Right pixels as the grey image, wrong ones red, those without truth nearly black.

    image: HxWx3 uint8 RGB; truth and labels: HxW uint8 ids; ``classes`` and above in the truth is unknown.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    pixels = cv2.cvtColor(cv2.convertScaleAbs(grey, None, 0.6, 70), cv2.COLOR_GRAY2RGB)
    pixels[truth != labels] = _WRONG
    unknown = truth >= classes
    pixels[unknown] = grey[unknown, None] // 6
    return pixels


def jpeg(image: np.ndarray) -> str:
    """HxWx3 uint8 RGB as a data URI; for photographs."""
    return _uri("jpeg", image, [cv2.IMWRITE_JPEG_QUALITY, 80, cv2.IMWRITE_JPEG_OPTIMIZE, 1])


def png(image: np.ndarray) -> str:
    """HxWx3 uint8 RGB as a data URI; smaller than a JPEG, and without its fringes, for flat colours."""
    return _uri("png", image, [cv2.IMWRITE_PNG_COMPRESSION, 9])


def _uri(kind: str, image: np.ndarray, options: list[int]) -> str:
    data = cv2.imencode(f".{kind}", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)[1]
    return f"data:image/{kind};base64," + base64.b64encode(data.tobytes()).decode("ascii")


def _shrunk(image: np.ndarray, width: int) -> np.ndarray:
    """At most ``width`` wide and not too tall; of ids, HxW, none is made up."""
    interpolation = cv2.INTER_AREA if image.ndim == 3 else cv2.INTER_NEAREST_EXACT
    width = min(width, image.shape[1])
    height = round(image.shape[0] * width / image.shape[1])
    return cv2.resize(image, (width, min(max(height, 1), _TALLEST * width)), interpolation=interpolation)


_MOST_APART = 30


def evenly_spaced(total: int, count: int) -> set[int]:
    """At most ``count`` positions of 0 .. ``total`` - 1, evenly spaced, both ends included."""
    if total <= count:
        return set(range(total))
    return {round(step * (total - 1) / (count - 1)) for step in range(count)} if count > 1 else {0}


def best_and_worst(
    bag: np.ndarray, index: np.ndarray, ranked: np.ndarray, each: int
) -> tuple[list[int], list[int]]:
    """At most ``each`` of the best and of the worst, best and worst first, of ``ranked``, the worst first.

    ``ranked`` holds places in ``bag`` and ``index``, int64, N each. None is in both lists.
    """
    half = min(each, (len(ranked) + 1) // 2)
    worst = without_neighbours(bag, index, ranked, half)
    best = without_neighbours(bag, index, ranked[::-1][~np.isin(ranked[::-1], worst)], half)
    return best, worst


def without_neighbours(bag: np.ndarray, index: np.ndarray, ranked: np.ndarray, most: int) -> list[int]:
    """The first ``most`` of ``ranked``, places in ``bag`` and ``index``, that are no neighbours in a bag."""
    gap = min(_MOST_APART, max(0, (len(ranked) // max(most, 1) - 1) // 2))
    chosen: list[int] = []
    for place in ranked:
        near = (bag[chosen] == bag[place]) & (np.abs(index[chosen] - index[place]) <= gap)
        if len(chosen) < most and not near.any():
            chosen.append(int(place))
    return chosen
