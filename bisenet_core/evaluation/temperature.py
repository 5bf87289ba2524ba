"""Fit the temperature of a network's confidence (Guo et al., ICML 2017, arXiv 1706.04599)."""

from dataclasses import dataclass

import numpy as np

from bisenet_core.evaluation.metrics import calibration
from bisenet_core.evaluation.protocols.dataset_scores import LabelledImages, Progress, labelled_pairs
from bisenet_core.evaluation.protocols.protocol import SizedNetwork, size_of
from bisenet_core.runtime.postprocessing import labels_from_logits

#: From 0.25 to 4 in equal ratios of 2^(1/8); finer steps move the error by less than images differ in it.
TEMPERATURES = tuple(round(2 ** (step / 8), 3) for step in range(-16, 17))


@dataclass(frozen=True)
class TemperatureFit:
    """The best temperature, its expected calibration error (ECE, 0 to 1), and that of temperature 1."""

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
