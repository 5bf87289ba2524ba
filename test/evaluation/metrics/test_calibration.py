import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisenet_core.evaluation.metrics.calibration import (
    BINS,
    binned,
    counts,
    expected_calibration_error,
    summary,
)

CLASSES, UNKNOWN = 4, 11


def test_a_case_worked_by_hand():
    labels = np.array([[0, 0, 1, 1], [2, 255, 3, 0]], np.uint8)
    truth = np.array([[0, 1, 1, 1], [2, 0, UNKNOWN, 255]], np.uint8)
    confidence = np.array([[255, 255, 51, 51], [0, 0, 9, 9]], np.uint8)
    total = counts(labels, confidence, truth, CLASSES)
    assert {value: total[value].tolist() for value in np.flatnonzero(total[:, 0])} == {
        255: [2, 1], 51: [2, 2], 0: [2, 1]}
    # |1/2 - 1| * 2/6 + |1 - 0.2| * 2/6 + |1/2 - 0| * 2/6
    assert expected_calibration_error(total) == pytest.approx(0.6)
    found = summary(np.stack(binned(total)))
    assert found["ece"] == 0.6 and len(found["bins"]) == 15
    assert found["bins"][2] == {  # 51 / 255 = 3 / 15 ends the third bin
        "low": 0.133333, "high": 0.2, "confidence": 0.2, "accuracy": 1.0, "pixels": 2}
    assert found["bins"][14] == {
        "low": 0.933333, "high": 1.0, "confidence": 1.0, "accuracy": 0.5, "pixels": 2}
    assert found["bins"][0]["pixels"] == 2 and found["bins"][7]["accuracy"] is None


def test_sure_and_right_is_calibrated_and_sure_and_wrong_is_not():
    right, wrong = np.zeros((256, 2), np.int64), np.zeros((256, 2), np.int64)
    right[255] = 7, 7
    wrong[255] = 7, 0
    assert expected_calibration_error(right) == 0.0
    assert expected_calibration_error(wrong) == 1.0


def test_nothing_scored_gives_none():
    found = summary(np.zeros((3, 15), np.int64))
    assert found["ece"] is None and all(entry["accuracy"] is None for entry in found["bins"])


@given(st.integers(0, 2**32 - 1))
def test_agrees_with_the_definition_pixel_by_pixel(seed):
    rng = np.random.default_rng(seed)
    labels, truth = rng.integers(0, CLASSES, (2, 9, 7), np.uint8)
    truth[rng.random(truth.shape) < 0.2] = rng.choice([UNKNOWN, 255])
    confidence = rng.integers(0, 256, truth.shape).astype(np.uint8)
    known = truth < CLASSES
    right = (labels == truth)[known]
    values = confidence[known].astype(int)
    error = 0.0
    for i in range(BINS):
        inside = (values * BINS > 255 * i) & (values * BINS <= 255 * (i + 1)) | ((i == 0) & (values == 0))
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - values[inside].mean() / 255)
    total = counts(labels, confidence, truth, CLASSES)
    assert total.sum(axis=0).tolist() == [known.sum(), right.sum()]
    assert expected_calibration_error(total) == pytest.approx(error, abs=1e-12)
