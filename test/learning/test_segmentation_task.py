"""Learning to label pixels: weights of losses, validation, label spaces, class weights."""

import pytest
import torch
from torch.nn import functional

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import CAMVID_11, UNLABELED, LabelSpace
from bisenet_core.learning.checkpoint import label_space_from, label_space_values, saved_classes
from bisenet_core.learning.datasets import open_dataset
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.segmentation_task import SegmentationTask, count_pixels, inverse_log
from bisenet_core.learning.task import task_and_data


def _recipe(**changes):
    values = {
        "name": "tiny", "dataset": "camvid", "options": {"alpha": 0.25}, "iterations": 4, "batch_size": 3,
        "crop_width": 64, "crop_height": 64, "precision": "32", "validate_every_epochs": 1,
        "learning_rate": 0.02,
    }  # fmt: skip
    return Recipe.from_dict({**values, **changes})


def _task(**changes):
    torch.manual_seed(0)
    return SegmentationTask(_recipe(**changes))


def _batch(height=64, width=64):
    generator = torch.Generator().manual_seed(3)
    target = torch.randint(0, 11, (2, height // 8, width // 8), generator=generator)
    return (
        torch.randn(2, 3, height, width, generator=generator),
        target.repeat_interleave(8, 1).repeat_interleave(8, 2),
    )


def test_heads_weigh_as_the_recipe_says():
    weights = {"auxiliary_weight": 0.0, "detail_weight": 0.0}
    image, target = _batch()

    def loss(**changes):
        task = _task(network="stdc1_seg", options={}, **{**weights, **changes})
        return task.losses(task.network(image), target)["loss"].item()

    main = loss()
    with_detail, with_auxiliary = loss(detail_weight=1.0), loss(auxiliary_weight=1.0)
    assert main < min(with_detail, with_auxiliary)
    both = loss(detail_weight=0.5, auxiliary_weight=2.0)
    # sums of a few float32 numbers, each with 7 digits
    assert both == pytest.approx(main + 0.5 * (with_detail - main) + 2 * (with_auxiliary - main), rel=1e-5)


@pytest.mark.parametrize("ignored", [False, True], ids=["labels", "no labels"])
def test_mixed_precision_gives_finite_gradients(ignored):
    task = _task(network="stdc1_seg", options={})
    image, target = _batch()
    with torch.autocast("cpu", torch.bfloat16):
        outputs = task.network(image)
    loss = task.losses(outputs, torch.full_like(target, UNLABELED) if ignored else target)["loss"]
    loss.backward()
    gradients = torch.cat([p.grad.flatten() for p in task.network.parameters()])
    assert loss.dtype == torch.float32 and torch.isfinite(gradients).all()
    assert bool(gradients.any()) == (loss.item() > 0) != ignored


def test_class_weights_must_be_one_for_each_class():
    with pytest.raises(InputError, match="2 numbers; expected 11"):
        _task(class_weights=[1.0, 2.0])


@pytest.mark.parametrize("eval_size", [{}, {"eval_width": 32, "eval_height": 64}], ids=["own", "resized"])
def test_validation_scores_each_image_at_its_own_size(eval_size):
    task = _task(**eval_size)
    task.network.eval()
    image, target = _batch(48, 72)
    target[1] = UNLABELED
    score = task.new_score()
    with torch.no_grad():
        task.score_batch(score, task.network, image, target, torch.tensor([5, 9]))
        seen = functional.interpolate(image, (64, 32), mode="bilinear") if eval_size else image
        logits = functional.interpolate(task.network(seen), (48, 72), mode="bilinear")
    right = (logits.argmax(1) == target)[0].sum().item()
    assert score.confusion.pixels == 48 * 72 and score.confusion.matrix.trace() == right
    assert score.image_miou == {5: pytest.approx(score.confusion.miou())}


def test_a_label_space_of_ones_own_is_kept_in_the_checkpoint():
    own = LabelSpace("yard", ("ground", "wall"), ((1, 2, 3), (4, 5, 6)), 7)
    task = SegmentationTask(_recipe(dataset="folder"), own)
    assert task.label_space == own and task.network.head.classifier.out_channels == 2
    assert saved_classes(task.hyper_parameters, task.recipe) == own
    assert label_space_from(label_space_values(CAMVID_11)) == CAMVID_11


def test_class_weights_are_counted_once_and_kept(street_dataset):
    task, data = task_and_data(_recipe(class_weights="inverse_log"), street_dataset, workers=0)
    task.prepare(data)
    counts = count_pixels(open_dataset("camvid", street_dataset, "train"), 11)
    torch.testing.assert_close(task.class_weights, torch.tensor(inverse_log(counts)))
    task.class_weights = torch.ones(11)
    task.prepare(None)  # which would need data to count again
    assert task.loss.class_weights.tolist() == [1] * 11
