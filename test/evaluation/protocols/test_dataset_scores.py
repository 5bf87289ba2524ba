"""Counts over a data set: every image once, absent classes by name, clear refusals."""

import json

import numpy as np
import pytest

from bisenet_core.errors import InputError
from bisenet_core.evaluation.metrics.scoring import Scores
from bisenet_core.evaluation.protocols import evaluate_dataset, make_protocol
from bisenet_core.labels.label_space import CAMVID_11, CITYSCAPES_19, UNLABELED


class Images:
    """A data set of given pairs."""

    def __init__(self, pairs, label_space=CAMVID_11):
        self.pairs, self.label_space = pairs, label_space

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        return self.pairs[index]


@pytest.fixture
def images(make_image):
    """Three images of different sizes; their truth has classes 0 to 7, and pixels without a class."""
    rng = np.random.default_rng(1)
    sizes = ((96, 64), (50, 70), (120, 33))
    truth = [rng.choice([*range(8), UNLABELED], (height, width)).astype(np.uint8) for width, height in sizes]
    return Images([(make_image(*size), labels) for size, labels in zip(sizes, truth)])


def test_every_image_is_counted(network, images):
    single, expected = make_protocol("single"), Scores(CAMVID_11)
    for image, truth in images.pairs:
        expected.add(single.labels(network, image), truth, "")
    found = evaluate_dataset(network, images, single)
    assert found.matrix.matrix.dtype == np.int64 and found.images == 3
    np.testing.assert_array_equal(found.matrix.counts, expected.matrix.counts)
    result = json.loads(json.dumps(found.as_json()))
    assert {**result, **expected.as_json()} == result
    assert np.sum(result["confusion"]) == sum((truth != UNLABELED).sum() for _, truth in images.pairs)


def test_absent_classes_are_named_and_out_of_the_mean(network, images):
    found = evaluate_dataset(network, images, make_protocol("single"))
    assert found.absent == ["Car", "Pedestrian", "Bicyclist"]
    result = found.as_json()
    present = [value for name, value in result["iou"].items() if name not in found.absent]
    assert result["miou"] == pytest.approx(np.mean(present), abs=1e-6)
    assert result["absent_classes"] == found.absent and result["classes"]["Car"]["pixels"] == 0
    assert result["classes"]["Car"]["recall"] is None


def test_progress_sees_every_image(network, images):
    seen = []

    def progress(items, total):
        assert total == 3
        for item in items:
            yield item
            seen.append(item)

    evaluate_dataset(network, images, make_protocol("single"), progress)
    assert seen == [0, 1, 2]


def test_refusals(network, images, make_image):
    with pytest.raises(InputError, match="CamVid-11's, the data set's are Cityscapes-19's"):
        evaluate_dataset(network, Images(images.pairs, CITYSCAPES_19), make_protocol("single"))
    hidden = Images([(make_image(64, 64), np.full((64, 64), UNLABELED, np.uint8))])
    with pytest.raises(InputError, match="none of the 1 images has ground truth"):
        evaluate_dataset(network, hidden, make_protocol("single"))
