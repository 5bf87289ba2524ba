"""Every recipe takes real steps on data in its data set's true layout."""

import math
from functools import partial
from pathlib import Path

import pytest
import torch
from dataset_trees import TREES, write_cocostuff_10k, write_imagenet
from recipe_steps import RECIPES, SIDE, shrunk, take_step
from trunk_files import deep_stem_names, torchvision_names

from bisenet_core.commands.extras import validation_score
from bisenet_core.learning.checkpoint import read_checkpoint
from bisenet_core.learning.launch import make_fabric
from bisenet_core.learning.learner import set_up
from bisenet_core.learning.pretrained import load_backbone
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.run import Run, RunFiles, save
from bisenet_core.learning.task import task_and_data
from bisenet_core.learning.train import train
from bisenet_core.models.backbones import BACKBONES

WRITERS = {**TREES, "cocostuff": write_cocostuff_10k, "imagenet": write_imagenet}

OPEN_MMLAB = partial(deep_stem_names, stem="stem", last_norm="stem.7")


@pytest.fixture(scope="session")
def roots(tmp_path_factory):
    """Data set name -> root; images of SIDE x SIDE in the layout the recipes were published on."""
    folder = tmp_path_factory.mktemp("recipes")
    return {name: write(folder / name, size=(SIDE, SIDE)).root for name, write in WRITERS.items()}


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_recipe_trains(name, roots):
    recipe = shrunk(name, backbone="", train_split=Recipe.load(RECIPES[name]).train_split or "train")
    step = take_step(recipe, roots[recipe.dataset])
    assert math.isfinite(step.measured["loss"]) and step.share_changed > 0.9
    if recipe.val_split:
        assert 0 <= step.measured[step.metric] <= 1


@pytest.mark.parametrize(
    "name",
    ["cityscapes_stdc1_seg50", "cityscapes_stdc2_seg75", "camvid_stdc1_seg", "camvid_bisenetv2_pretrained",
     "cocostuff_bisenetv1_xception39"],
)
def test_a_recipe_begins_from_the_checkpoint_of_the_recipe_it_names(name, roots, tmp_path):
    first = Recipe.load(RECIPES[name]).backbone.split("/")[1]
    task, data = task_and_data(shrunk(first), roots[shrunk(first).dataset], workers=0)
    files = RunFiles(tmp_path, 0.0)
    save(Run(set_up(make_fabric(accelerator="cpu"), task), data, files), files.best)
    begun, _ = task_and_data(shrunk(name), roots[shrunk(name).dataset], workers=0)
    fit = load_backbone(begun.network, files.best)
    assert fit.share == 1 and read_checkpoint(files.best).recipe.name == first
    learnt, state = task.network.state_dict(), begun.network.state_dict()
    same = [key for key in state if key in learnt and torch.equal(learnt[key], state[key])]
    assert len(same) >= len(fit.matched), "the same tensors by the same names"


@pytest.mark.parametrize(
    ("name", "trunk", "names"),
    [
        ("camvid_bisenetv1_resnet18", "resnet18", torchvision_names),
        ("cityscapes_bisenetv1_resnet101", "resnet101_v1c", OPEN_MMLAB),
    ],
)
def test_a_recipe_begins_from_the_resnet_file_it_asks_for(name, trunk, names, roots, tmp_path):
    recipe = shrunk(name)
    content = names(BACKBONES[trunk]().state_dict())
    torch.save(content, tmp_path / Path(recipe.backbone).name)
    task, _ = task_and_data(recipe, roots[recipe.dataset], workers=0)
    assert load_backbone(task.network, tmp_path / Path(recipe.backbone).name).share == 1
    begun = task.network.trunk.state_dict()["layer4.1.conv2.0.weight"]
    assert torch.equal(begun, content["layer4.1.conv2.weight"])


def test_the_same_call_trains_imagenet_and_what_begins_from_it(roots, tmp_path):
    tiny = {"iterations": 2, "crop_width": 32, "crop_height": 32}
    best = train(shrunk("imagenet_stdc1", **tiny), roots["imagenet"], tmp_path / "trunk", workers=0)
    assert best.name == "best.ckpt", "kept by its top-1 accuracy"
    assert set(validation_score(best)) == {"top1"}
    assert "Best validation top-1" in (tmp_path / "trunk" / "report.html").read_text()
    recipe = shrunk("camvid_stdc1_seg", **tiny, backbone=str(best))
    last = train(recipe, roots["camvid"], tmp_path / "pixels", workers=0)
    assert last.name == "last.ckpt" and read_checkpoint(last).progress["iterations"] == 2
