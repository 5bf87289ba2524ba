"""Learning to tell whole images apart."""

import pytest
import torch
from dataset_trees import write_imagenet
from recipe_steps import shrunk

from bisenet_core.errors import InputError
from bisenet_core.learning.classification_task import ClassificationTask
from bisenet_core.learning.launch import make_fabric
from bisenet_core.learning.learner import set_up
from bisenet_core.learning.loop import evaluate, train_step
from bisenet_core.learning.task import task_and_data

CLASSES = [f"n{index}" for index in range(7)]


class _Known(torch.nn.Module):
    """Logits that are the images' own first values."""

    def forward(self, image):
        return image[:, 0, 0, : len(CLASSES)]


def test_it_learns_to_tell_colours_apart(tmp_path):
    root = write_imagenet(tmp_path, counts={"train": 8, "val": 4}, size=(40, 40)).root
    short = {"batch_size": 12, "iterations": 80, "warmup_iterations": 2, "learning_rate": 0.02}
    recipe = shrunk("imagenet_stdc1", **short, crop_width=32, crop_height=32, scale_range=(0.8, 1.0))
    torch.manual_seed(0)
    task, data = task_and_data(recipe, root, workers=0)
    fabric = make_fabric(accelerator="cpu")
    learner = set_up(fabric, task)
    batches = iter(data.training_batches(fabric))
    for iteration in range(recipe.iterations):
        train_step(learner, iteration, batches)
    metrics = evaluate(learner, data.validation_batches(fabric)).metrics()
    assert metrics["val_top1"] > 0.8 and metrics["val_top5"] == 1


def test_top_1_and_top_5_are_shares_of_all_images():
    task = ClassificationTask(shrunk("imagenet_stdc1"), CLASSES)
    image, score = torch.zeros(4, 3, 1, 7), task.new_score()
    image[:, 0, 0] = torch.tensor([7.0, 6, 5, 4, 3, 2, 1])
    for target in ([0, 1, 4, 5], [0, 0, 6, 6]):  # ranks 1 2 5 6 and 1 1 7 7
        task.score_batch(score, _Known(), image, torch.tensor(target))
    assert score.metrics() == {"val_top1": 3 / 8, "val_top5": 5 / 8}


def test_labels_are_smoothed():
    task = ClassificationTask(shrunk("imagenet_stdc1"), CLASSES)
    sure = torch.zeros(1, 7)
    sure[0, 2] = 100
    loss = task.losses(sure, torch.tensor([2]))["loss"]
    assert loss == pytest.approx(100 * 0.1 * 6 / 7, rel=1e-5)  # float32


def test_a_network_that_labels_pixels_is_refused():
    with pytest.raises(InputError, match="bisenetv2 labels pixels"):
        ClassificationTask(shrunk("imagenet_stdc1", network="bisenetv2"), CLASSES)


def test_the_classes_are_kept_with_the_weights():
    assert ClassificationTask(shrunk("imagenet_stdc1"), CLASSES).hyper_parameters["classes"] == CLASSES
