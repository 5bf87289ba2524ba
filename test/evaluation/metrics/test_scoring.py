"""Scores: names beside numbers, undefined ones as null, errors that name the image."""

import json

import numpy as np
import pytest

from bisenet_core.errors import InputError
from bisenet_core.evaluation.metrics.scoring import Scores
from bisenet_core.labels.label_space import CAMVID_11


def test_scores_of_a_small_example():
    scores = Scores(CAMVID_11)
    truth = np.array([[0, 0, 3, 3], [0, 0, 3, 11]], np.uint8)
    labels = np.array([[0, 0, 3, 0], [0, 0, 3, 5]], np.uint8)
    scores.add(labels, truth, "a.png")
    result = json.loads(json.dumps(scores.as_json()))
    assert result["images"] == 1
    assert result["iou"]["Sky"] == pytest.approx(4 / 5)
    assert result["iou"]["Road"] == pytest.approx(2 / 3, abs=1e-6)
    assert result["iou"]["Car"] is None
    assert result["miou"] == pytest.approx((4 / 5 + 2 / 3) / 2, abs=1e-6)
    assert result["pixel_accuracy"] == pytest.approx(6 / 7, abs=1e-6)


def test_nothing_scored_is_null():
    assert Scores(CAMVID_11).as_json()["miou"] is None


@pytest.mark.parametrize("truth", [np.full((2, 2), 12, np.uint8), np.zeros((3, 2), np.uint8)])
def test_bad_truth_names_its_image(truth):
    with pytest.raises(InputError, match="val/labels/a.png: "):
        Scores(CAMVID_11).add(np.zeros((2, 2), np.uint8), truth, "val/labels/a.png")
