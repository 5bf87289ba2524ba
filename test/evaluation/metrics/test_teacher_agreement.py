import numpy as np
import pytest

from bisenet_core.errors import InputError
from bisenet_core.evaluation.metrics.teacher_agreement import counts, summary


def test_a_case_worked_by_hand():
    ours = np.array([[0, 0, 1, 255, 1, 1]], np.uint8)
    teacher = np.array([[0, 0, 0, 1, 1, 255]], np.uint8)
    total = counts(ours, teacher, 2)
    assert total.tolist() == [[2, 1, 0], [0, 1, 1]]
    # class a: 2 of 3; class b: 1 right, 1 of ours only, 1 of the teacher's that we left unlabelled
    assert summary(total, "large", ["a", "b"]) == {
        "model": "large", "miou": 0.5, "pixel_agreement": 0.6, "iou": {"a": 0.666667, "b": 0.333333}}


def test_a_teacher_of_another_size_is_refused():
    with pytest.raises(InputError, match="one size"):
        counts(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), 2)
