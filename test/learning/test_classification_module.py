"""Learning to tell whole images apart."""

import lightning
import pytest
import torch
from dataset_trees import write_imagenet
from recipe_steps import shrunk

from bisenet_core.errors import InputError, TrainingError
from bisenet_core.learning.classification_module import ClassificationModule
from bisenet_core.learning.task import module_and_data

CLASSES = [f"n{index}" for index in range(7)]


class _Known(torch.nn.Module):
    """Logits that are the images' own first values."""

    def forward(self, image):
        return image[:, 0, 0, : len(CLASSES)]


def test_it_learns_to_tell_colours_apart(tmp_path):
    root = write_imagenet(tmp_path, counts={"train": 8, "val": 4}, size=(40, 40)).root
    short = {"batch_size": 12, "iterations": 80, "warmup_iterations": 2, "learning_rate": 0.02}
    recipe = shrunk("imagenet_stdc1", **short, crop_width=32, crop_height=32, scale_range=(0.8, 1.0))
    lightning.seed_everything(0, verbose=False)
    module, data = module_and_data(recipe, root, workers=0)
    trainer = lightning.Trainer(
        max_steps=80, accelerator="cpu", val_check_interval=80, check_val_every_n_epoch=None, logger=False,
        use_distributed_sampler=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, num_sanity_val_steps=0,
    )  # fmt: skip
    trainer.fit(module, data)
    assert trainer.callback_metrics["val_top1"] > 0.8 and trainer.callback_metrics["val_top5"] == 1


def test_top_1_and_top_5_are_shares_of_all_images():
    module = ClassificationModule(shrunk("imagenet_stdc1").to_dict(), CLASSES)
    module.network = _Known()
    module.log_dict = lambda *_args, **_kwargs: None
    image = torch.zeros(4, 3, 1, 7)
    image[:, 0, 0] = torch.tensor([7.0, 6, 5, 4, 3, 2, 1])
    for target in ([0, 1, 4, 5], [0, 0, 6, 6]):  # ranks 1 2 5 6 and 1 1 7 7
        module.validation_step((image, torch.tensor(target)), 0)
    shares = {name: float(accuracy.compute()) for name, accuracy in module.accuracies.items()}
    assert shares == {"val_top1": 3 / 8, "val_top5": 5 / 8}


def test_labels_are_smoothed():
    module = ClassificationModule(shrunk("imagenet_stdc1").to_dict(), CLASSES)
    module.network = _Known()
    module.log = lambda *_args, **_kwargs: None
    sure = torch.zeros(1, 3, 1, 7)
    sure[0, 0, 0, 2] = 100
    loss = module.training_step((sure, torch.tensor([2])), 0)
    assert loss == pytest.approx(100 * 0.1 * 6 / 7, rel=1e-4)


def test_a_loss_that_is_not_finite_stops_the_run():
    module = ClassificationModule(shrunk("imagenet_stdc1").to_dict(), CLASSES)
    with pytest.raises(TrainingError, match="lower the learning rate"):
        module.training_step((torch.full((2, 3, 64, 64), torch.nan), torch.tensor([0, 1])), 0)


def test_a_network_that_labels_pixels_is_refused():
    with pytest.raises(InputError, match="bisenetv2 labels pixels"):
        ClassificationModule(shrunk("imagenet_stdc1", network="bisenetv2").to_dict(), CLASSES)


def test_the_classes_are_kept_with_the_weights(tmp_path):
    module = ClassificationModule(shrunk("imagenet_stdc1").to_dict(), CLASSES)
    assert module.hparams["classes"] == CLASSES
    assert all(name.startswith("network.") for name in module.state_dict()), "no metric is among the weights"
