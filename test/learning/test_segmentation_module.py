"""The module: weights of its losses, validation, label spaces, moving average."""

import lightning
import pytest
import torch
from lightning.pytorch.callbacks import Checkpoint
from torch.nn import functional

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import CAMVID_11, UNLABELED, LabelSpace
from bisenet_core.learning.class_weights import count_pixels, inverse_log
from bisenet_core.learning.data_module import SegmentationDataModule
from bisenet_core.learning.datasets import open_dataset
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.saved_label_space import label_space_from, label_space_values
from bisenet_core.learning.segmentation_module import SegmentationModule


def _recipe(**changes):
    values = {
        "name": "tiny", "dataset": "camvid", "options": {"alpha": 0.25}, "iterations": 4, "batch_size": 3,
        "crop_width": 64, "crop_height": 64, "precision": "32", "validate_every_epochs": 1,
        "learning_rate": 0.02,
    }  # fmt: skip
    return Recipe.from_dict({**values, **changes})


def _module(**changes):
    torch.manual_seed(0)
    return SegmentationModule(_recipe(**changes).to_dict())


def _trainer(folder, steps, *callbacks):
    return lightning.Trainer(
        accelerator="cpu", max_steps=steps, callbacks=list(callbacks), logger=False, precision="32",
        enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=bool(callbacks),
        default_root_dir=folder, num_sanity_val_steps=1, use_distributed_sampler=False,
        val_check_interval=steps, check_val_every_n_epoch=None,
    )  # fmt: skip


def _batch(height=64, width=64):
    generator = torch.Generator().manual_seed(3)
    target = torch.randint(0, 11, (2, height // 8, width // 8), generator=generator)
    return (
        torch.randn(2, 3, height, width, generator=generator),
        target.repeat_interleave(8, 1).repeat_interleave(8, 2),
    )


@pytest.mark.filterwarnings("ignore:You are trying to `self.log")
def test_heads_weigh_as_the_recipe_says():
    weights = {"auxiliary_weight": 0.0, "detail_weight": 0.0}

    def loss(**changes):
        module = _module(network="stdc1_seg", options={}, **{**weights, **changes})
        return module.training_step(_batch(), 0).item()

    main = loss()
    with_detail, with_auxiliary = loss(detail_weight=1.0), loss(auxiliary_weight=1.0)
    assert main < min(with_detail, with_auxiliary)
    both = loss(detail_weight=0.5, auxiliary_weight=2.0)
    assert both == pytest.approx(main + 0.5 * (with_detail - main) + 2 * (with_auxiliary - main), rel=1e-4)


@pytest.mark.filterwarnings("ignore:You are trying to `self.log")
@pytest.mark.parametrize("ignored", [False, True], ids=["labels", "no labels"])
def test_mixed_precision_gives_finite_gradients(ignored):
    module = _module(network="stdc1_seg", options={})
    image, target = _batch()
    with torch.autocast("cpu", torch.bfloat16):
        loss = module.training_step((image, torch.full_like(target, UNLABELED) if ignored else target), 0)
    loss.backward()
    gradients = torch.cat([p.grad.flatten() for p in module.parameters()])
    assert loss.dtype == torch.float32 and torch.isfinite(gradients).all()
    assert bool(gradients.any()) == (loss.item() > 0) != ignored


def test_class_weights_must_be_one_for_each_class():
    with pytest.raises(InputError, match="2 numbers; expected 11"):
        _module(class_weights=[1.0, 2.0])


@pytest.mark.parametrize("eval_size", [{}, {"eval_width": 32, "eval_height": 64}], ids=["own", "resized"])
def test_validation_scores_each_image_at_its_own_size(eval_size):
    module = _module(**eval_size).eval()
    image, target = _batch(48, 72)
    target[1] = UNLABELED
    with torch.no_grad():
        module.validation_step((image, target, torch.tensor([5, 9])), 0)
        seen = functional.interpolate(image, (64, 32), mode="bilinear") if eval_size else image
        logits = functional.interpolate(module.network(seen), (48, 72), mode="bilinear")
    right = (logits.argmax(1) == target)[0].sum().item()
    assert module.confusion.pixels == 48 * 72 and module.confusion.matrix.trace() == right
    assert module.val_image_miou == {5: pytest.approx(module.confusion.miou())}


def test_a_label_space_of_ones_own_is_kept_in_the_checkpoint(tmp_path):
    own = LabelSpace("yard", ("ground", "wall"), ((1, 2, 3), (4, 5, 6)), 7)
    module = SegmentationModule(_recipe(dataset="folder").to_dict(), label_space_values(own))
    assert module.label_space == own and module.network.head.classifier.out_channels == 2
    assert SegmentationModule(**module.hparams).label_space == own
    assert label_space_from(label_space_values(CAMVID_11)) == CAMVID_11


class _Save(Checkpoint):
    """Writes the checkpoint ``path`` after ``step`` steps, or amidst the validation that follows."""

    def __init__(self, path, step, validating=False):
        self.path, self.step, self.validating = path, step, validating

    def _save(self, trainer):
        if trainer.global_step == self.step and not trainer.sanity_checking:
            trainer.save_checkpoint(self.path)

    def on_train_batch_end(self, trainer, *_):
        if not self.validating:
            self._save(trainer)

    def on_validation_batch_end(self, trainer, *_):
        if self.validating:
            self._save(trainer)


def _fit(folder, root, steps, *callbacks, resume=None, **changes):
    module = _module(**{"iterations": 4, **changes})
    trainer = _trainer(folder, steps, *callbacks)
    trainer.fit(module, SegmentationDataModule(_recipe(**changes), root, workers=0), ckpt_path=resume)
    return module.state_dict()


def _load(path):
    return torch.load(path, weights_only=True)


def test_the_moving_average_is_what_is_kept_and_goes_on_exactly(street_dataset, tmp_path):
    path, last = tmp_path / "two.ckpt", tmp_path / "four.ckpt"
    _fit(tmp_path, street_dataset, 2, _Save(path, 2), ema_decay=0.9)
    _fit(tmp_path, street_dataset, 4, _Save(last, 4), ema_decay=0.9)
    again = tmp_path / "again.ckpt"
    after = _fit(tmp_path, street_dataset, 4, _Save(again, 4), resume=path, ema_decay=0.9)
    straight, resumed = _load(last), _load(again)
    for key in ("state_dict", "current_model_state"):
        assert all(torch.equal(resumed[key][name], value) for name, value in straight[key].items())
    assert all(torch.equal(after[name], value) for name, value in straight["state_dict"].items())


def test_the_first_steps_of_the_moving_average_by_hand(street_dataset, tmp_path):
    paths = [tmp_path / f"{step}.ckpt" for step in (1, 2)]
    _fit(tmp_path, street_dataset, 2, *(_Save(p, s) for s, p in enumerate(paths, 1)), ema_decay=0.9)
    first, second = map(_load, paths)
    name = "network.head.classifier.weight"
    weights = [content["current_model_state"][name] for content in (first, second)]
    assert torch.equal(first["state_dict"][name], weights[0]) and not torch.equal(*weights)
    expected = 2 / 11 * weights[0] + 9 / 11 * weights[1]  # the second step's decay is (1 + 1) / (10 + 1)
    torch.testing.assert_close(second["state_dict"][name], expected)


def test_a_checkpoint_amidst_a_validation_is_that_before_it(street_dataset, tmp_path):
    before, amidst = tmp_path / "before.ckpt", tmp_path / "amidst.ckpt"
    saves = _Save(before, 2), _Save(amidst, 2, validating=True)
    _fit(tmp_path, street_dataset, 2, *saves, ema_decay=0.9)
    before, amidst = _load(before), _load(amidst)
    for key in ("state_dict", "current_model_state"):
        assert all(torch.equal(amidst[key][name], value) for name, value in before[key].items())


def test_class_weights_are_counted_once_and_kept(street_dataset, tmp_path):
    path = tmp_path / "one.ckpt"
    _fit(tmp_path, street_dataset, 1, _Save(path, 1), class_weights="inverse_log")
    counts = count_pixels(open_dataset("camvid", street_dataset, "train"), 11)
    torch.testing.assert_close(_load(path)["class_weights"], torch.tensor(inverse_log(counts)))
    module = _module(class_weights="inverse_log")
    module.on_load_checkpoint({"class_weights": torch.ones(11)})
    module.on_fit_start()  # which would need a trainer to count again
    assert module.loss.class_weights.tolist() == [1] * 11
