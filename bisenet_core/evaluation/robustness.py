"""Confidence on a data set: on corrupted images, and the temperature that is fitted to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bisenet_core.errors import InferenceError
from bisenet_core.evaluation.corruptions import CORRUPTIONS, STRENGTHS, corrupt
from bisenet_core.evaluation.metrics import calibration
from bisenet_core.evaluation.metrics.scoring import or_none, summary
from bisenet_core.evaluation.protocols.dataset_scores import (
    DatasetScores,
    LabelledImages,
    Progress,
    labelled_pairs,
)
from bisenet_core.evaluation.protocols.protocol import Size, SizedNetwork, size_of
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.runtime.postprocessing import labels_from_logits
from bisenet_core.runtime.segmenter import Segmenter

#: From 0.25 to 4 in equal ratios of 2^(1/8); finer steps move the error by less than images differ in it.
TEMPERATURES = tuple(round(2 ** (step / 8), 3) for step in range(-16, 17))


@dataclass(frozen=True)
class TemperatureFit:
    """The best temperature (Guo et al., ICML 2017, arXiv 1706.04599), its expected calibration error (ECE,
    0 to 1), and that of temperature 1."""

    temperature: float
    ece: float
    ece_at_1: float
    images: int


def fit_temperature(
    network: SizedNetwork, dataset: LabelledImages, progress: Progress = lambda items, total: items
) -> TemperatureFit:
    """The one of ``TEMPERATURES`` whose 8-bit confidence, as a robot gets it, has the least ECE.

    The card's own temperature does not matter. Raises as ``evaluate_dataset`` does.
    """
    size, card = network.own_size, network.card
    totals = np.zeros((len(TEMPERATURES), 256, 2), np.int64)
    for image, truth in labelled_pairs(network, dataset, progress):
        logits = network.at(size).logits(image, "rgb")
        for total, temperature in zip(totals, TEMPERATURES):
            labels, confidence = labels_from_logits(
                logits, size, size_of(image), True, card.upsampling, temperature)
            assert confidence is not None  # it was asked for
            total += calibration.counts(labels, confidence, truth, card.label_space.num_classes)
    errors = [calibration.expected_calibration_error(total) for total in totals]
    least = min(range(len(errors)), key=lambda index: (errors[index], abs(np.log(TEMPERATURES[index]))))
    return TemperatureFit(
        TEMPERATURES[least], errors[least], errors[TEMPERATURES.index(1.0)], len(dataset))


#: Kind and strength; the images as they are have strength 0.
Corruption = tuple[str, int]
CLEAN: Corruption = ("", 0)


class CalibratedScores(DatasetScores):
    """Counts over images: confusions, and by confidence value (256 x 2) pixels and right ones."""

    def __init__(self, label_space: LabelSpace) -> None:
        super().__init__(label_space)
        self.by_confidence = np.zeros((256, 2), np.int64)

    def label(self, segmenter: Segmenter, image: np.ndarray, truth: np.ndarray, name: str) -> None:
        """Label ``image``, HxWx3 uint8 RGB, and count against ``truth``, HxW uint8 class ids."""
        found = segmenter.segment(image, color_order="rgb", with_confidence=True)
        if found.confidence is None:
            raise InferenceError(f"backend {segmenter.backend.name} gives no confidence")
        self.add(found.labels, truth, name)
        self.by_confidence += calibration.counts(
            found.labels, found.confidence, truth, self.label_space.num_classes)

    def overall(self) -> dict[str, float | None]:
        """``miou``, ``pixel_accuracy`` and ``ece``, the expected calibration error; None where undefined."""
        scores = summary(self.matrix.counts, self.label_space.classes)
        ece = or_none(calibration.expected_calibration_error(self.by_confidence))
        return {"miou": scores["miou"], "pixel_accuracy": scores["pixel_accuracy"], "ece": ece}


def evaluate_corrupted(
    network: SizedNetwork, dataset: LabelledImages, size: Size | None = None,
    progress: Progress = lambda items, total: items
) -> dict[Corruption, CalibratedScores]:
    """Label every image as a robot does, as it is (``CLEAN``) and with every corruption in every strength.

    ``size``: the network's input, by default its own. Raises as ``evaluate_dataset`` does.
    """
    segmenter = Segmenter(network.card, network.at(size or network.own_size))
    kinds = [CLEAN, *((kind, strength) for kind in CORRUPTIONS for strength in STRENGTHS)]
    scores = {corruption: CalibratedScores(dataset.label_space) for corruption in kinds}
    for number, (image, truth) in enumerate(labelled_pairs(network, dataset, progress)):
        for (kind, strength), found in scores.items():
            seen = corrupt(image, kind, strength, number) if strength else image
            found.label(segmenter, seen, truth, f"image {number}")
    return scores


def robustness(scores: Mapping[Corruption, CalibratedScores]) -> dict[str, Any]:
    """``clean``; ``corrupted``, by kind a list by strength; and ``relative_miou`` of all, and by kind.

    A relative mIoU is the mean over the strengths, or over everything, in parts of the clean one.
    """
    clean = scores[CLEAN].overall()
    corrupted = {
        kind: [{"strength": strength, **scores[kind, strength].overall()} for strength in STRENGTHS]
        for kind in CORRUPTIONS
    }
    relative = {kind: _relative(rows, clean) for kind, rows in corrupted.items()}
    return {
        "clean": clean,
        "corrupted": corrupted,
        "relative_miou": _relative(sum(corrupted.values(), []), clean),
        "relative_miou_by_kind": relative,
    }


def _relative(rows: list[dict[str, Any]], clean: dict[str, float | None]) -> float | None:
    return round(float(np.mean([row["miou"] for row in rows])) / clean["miou"], 6) if clean["miou"] else None
