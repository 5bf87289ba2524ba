"""Scores and calibration on corrupted images, and the temperature that is fitted to a data set."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="the model is run with onnxruntime")

from bisenet_core.errors import InputError
from bisenet_core.evaluation.corruptions import CORRUPTIONS, STRENGTHS, corrupt
from bisenet_core.evaluation.metrics import calibration
from bisenet_core.evaluation.protocols import SizedNetwork
from bisenet_core.evaluation.protocols.dataset_scores import EveryNth
from bisenet_core.evaluation.robustness import (
    CLEAN,
    TEMPERATURES,
    evaluate_corrupted,
    fit_temperature,
    robustness,
)
from bisenet_core.labels.label_space import CAMVID_11, UNLABELED
from bisenet_core.runtime.opening import open_backend
from bisenet_core.runtime.segmenter import Segmenter


class Images(list):
    """(image, labels) pairs of CamVid's classes."""

    label_space = CAMVID_11


@pytest.fixture(scope="module")
def network(tiny_model_folder):
    with SizedNetwork.of_folder(str(tiny_model_folder), "onnxruntime", "fp32") as network:
        yield network


def images(count=4, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (64, 96, 3), np.uint8) for _ in range(count)]


def labelled(network, right, temperature=1.0):
    """Images whose truth is the network's label where ``right`` says so of its confidence, else another."""
    card, found = replace(network.card, temperature=temperature), Images()
    backend = open_backend(card, "onnxruntime", "fp32")
    for image in images():
        result = Segmenter(card, backend).segment(image, "rgb", with_confidence=True)
        truth = np.where(right(result.confidence), result.labels, (result.labels + 1) % 11)
        found.append((image, truth.astype(np.uint8)))
    backend.close()
    return found


def test_every_corruption_is_scored_as_a_robot_would_label_it(network):
    data = labelled(network, lambda confidence: confidence > 40)
    scores = evaluate_corrupted(network, data)
    assert list(scores) == [CLEAN, *((kind, strength) for kind in CORRUPTIONS for strength in STRENGTHS)]
    segmenter = Segmenter(network.card, network.at(network.own_size))
    counts = np.zeros((256, 2), np.int64)
    for number, (image, truth) in enumerate(data):
        found = segmenter.segment(corrupt(image, "rain", 4, number), "rgb", with_confidence=True)
        counts += calibration.counts(found.labels, found.confidence, truth, 11)
    assert (scores["rain", 4].by_confidence == counts).all()
    assert np.trace(scores["rain", 4].matrix.counts) == counts[:, 1].sum()


def test_relative_figures_are_means_over_strengths_in_parts_of_the_clean_one(network):
    borne = robustness(evaluate_corrupted(network, labelled(network, lambda confidence: confidence >= 0)))
    assert borne["clean"]["miou"] == borne["clean"]["pixel_accuracy"] == 1
    means = {kind: np.mean([row["miou"] for row in rows]) for kind, rows in borne["corrupted"].items()}
    assert borne["relative_miou_by_kind"] == pytest.approx(means, abs=1e-6)
    assert borne["relative_miou"] == pytest.approx(np.mean(list(means.values())), abs=1e-6)
    assert means["low light"] < 1
    assert [row["strength"] for row in borne["corrupted"]["fog"]] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("true", [TEMPERATURES[8], TEMPERATURES[22]])
def test_the_temperature_that_made_the_truth_is_found(network, true):
    draw = np.random.default_rng(1)
    data = labelled(network, lambda confidence: draw.random(confidence.shape) < confidence / 255, true)
    fit = fit_temperature(network, data)
    assert abs(TEMPERATURES.index(fit.temperature) - TEMPERATURES.index(true)) <= 1
    assert fit.ece < 0.02 < fit.ece_at_1 and fit.images == 4


def test_every_nth_image(network):
    data = labelled(network, lambda confidence: confidence >= 0)
    for step, expected in ((1, [0, 1, 2, 3]), (2, [0, 2]), (3, [0, 3]), (9, [0])):
        some = EveryNth(data, step)
        assert len(some) == len(expected)
        assert all(some[index][0] is data[number][0] for index, number in enumerate(expected))


def test_images_without_truth_are_refused(network):
    data = Images((image, np.full((64, 96), UNLABELED, np.uint8)) for image in images(1))
    for evaluate in (evaluate_corrupted, fit_temperature):
        with pytest.raises(InputError, match="none of the 1 images has ground truth"):
            evaluate(network, data)


def test_the_cards_own_temperature_does_not_matter_to_the_fit(network):
    data = labelled(network, lambda confidence: confidence > 60)
    card = replace(network.card, temperature=3.0)
    with SizedNetwork(card, lambda size: open_backend(card, "onnxruntime", "fp32", size)) as other:
        assert fit_temperature(other, data) == fit_temperature(network, data)
