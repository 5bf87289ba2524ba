"""The picture of a confusion matrix: shades, numbers, names; any number of classes."""

import cv2
import numpy as np
import pytest

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import ADE20K_150, CITYSCAPES_19
from bisenet_core.reports.dataset_charts import draw_confusion

pytest.importorskip("matplotlib", reason="pictures are drawn with matplotlib")


def counts(classes, seed=0):
    matrix = np.random.default_rng(seed).integers(0, 40, (classes, classes + 1))
    matrix[np.arange(classes), np.arange(classes)] += 500
    matrix[1] = 0
    return matrix


def test_names_numbers_and_absent_classes_are_text(tmp_path):
    names, matrix = CITYSCAPES_19.classes, counts(19)
    matrix[0] = 0
    matrix[0, [0, 6]] = 600, 400
    draw_confusion(tmp_path / "c.svg", matrix, names, "a title")
    page = (tmp_path / "c.svg").read_text()
    for text in ("a title", *names, "sidewalk (absent)", ">60<", "40.0% of road labelled traffic light"):
        assert text in page


@pytest.mark.parametrize("classes", [1, 2, 11, 150])
def test_every_cell_has_room(tmp_path, classes):
    path, matrix = tmp_path / "new" / "c.png", counts(classes) if classes > 1 else np.array([[3, 0]])
    draw_confusion(path, matrix, ADE20K_150.classes[:classes], "a title")
    height, width = cv2.imread(str(path)).shape[:2]
    assert min(height, width) > 25 * classes


def test_what_cannot_be_drawn_or_written(tmp_path):
    with pytest.raises(InputError, match=r"ends in \.png or \.svg"):
        draw_confusion(tmp_path / "c.jpg", counts(2), ("a", "b"), "t")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="give --confusion"):
        draw_confusion(tmp_path / "file" / "c.png", counts(2), ("a", "b"), "t")
