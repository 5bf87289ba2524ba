"""The recipes against what the papers say, transcribed from them once more by section and table."""

import re
import sys
from pathlib import Path

import pytest

from bisenet_core.learning.recipe import Recipe

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "network_charts"))

from results import PUBLISHED  # noqa: E402

RECIPES = {path.stem: path for path in sorted((ROOT / "training" / "recipes").glob("*.yaml"))}

#: BiSeNet V2, Section 5, "Training": iterations, weight decay and crop by data set. Batch 16, rate 0.05.
V2 = {
    "cityscapes": (150_000, 0.0005, (2048, 1024)),
    "camvid": (10_000, 0.0005, (960, 720)),
    "cocostuff": (20_000, 0.0001, (640, 640)),
    "ade20k": (150_000, 0.0001, (480, 480)),
}
V2_SCALES = (0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
#: Cityscapes' crops are resized to this: the recipes scale by as much less and crop what is left.
V2_CITYSCAPES = (1024, 512)

#: STDC, Section 4.2: batch, iterations, warm-up, scales and crop.
STDC = {
    "cityscapes": (48, 60_000, 1000, (0.125, 1.5), (1024, 512)),
    "camvid": (24, 10_000, 200, (0.5, 2.5), (960, 720)),
}

#: Figures that no table of `published_results` holds: recipe -> what its header must say.
OTHER_FIGURES = {
    "cityscapes_bisenetv1_resnet101": ["80.3", "78.9"],
    "cocostuff_bisenetv1_xception39": ["22.8", "59.0"],
    "cocostuff_bisenetv1_resnet18": ["28.1", "63.2"],
    "cocostuff_bisenetv1_resnet101": ["31.3", "65.5"],
    "cocostuff_bisenetv2": ["25.2", "60.5"],
    "cocostuff_bisenetv2_large": ["28.7", "63.5"],
    "ade20k_bisenetv2": ["29.2"],
    "ade20k_bisenetv2_large": ["32.5"],
    "imagenet_stdc1": ["73.9"],
    "imagenet_stdc2": ["76.4"],
    "imagenet_xception39": [],
    "cityscapes_bisenetv2_mmseg": ["73.21", "75.74"],
    "cityscapes_bisenetv2_mmseg_ohem": ["73.57", "75.80"],
    "cityscapes_bisenetv2_mmseg_4x8": ["75.76", "77.79"],
    "cityscapes_bisenetv2_mmseg_fp16": ["73.07", "75.13"],
}


def _published_name(result):
    if result.network.startswith("stdc"):
        suffix = "" if result.dataset == "camvid" else {1024: "50", 1536: "75"}[result.size[0]]
        return f"{result.dataset}_{result.network}{suffix}"
    return f"{result.dataset}_{result.network}{'_pretrained' if result.pretrained_on else ''}"


def _recipes(prefix):
    return {name: Recipe.load(path) for name, path in RECIPES.items() if re.fullmatch(prefix, name)}


def _header(name):
    lines = RECIPES[name].read_text().splitlines()
    return "\n".join(line for line in lines if line.startswith("#"))


def _settings(recipe, *keys):
    return tuple(getattr(recipe, key) for key in keys)


@pytest.mark.parametrize("result", PUBLISHED, ids=_published_name)
def test_every_result_of_the_tables_has_its_recipe_which_says_so(result):
    name = _published_name(result)
    recipe = Recipe.load(RECIPES[name])
    assert (recipe.name, recipe.dataset, recipe.network) == (name, result.dataset, result.network)
    for figure in (result.val, result.test):
        assert figure is None or str(figure) in _header(name)


@pytest.mark.parametrize("name", OTHER_FIGURES)
def test_every_other_result_has_its_recipe_which_says_so(name):
    assert all(figure in _header(name) for figure in OTHER_FIGURES[name])


def test_there_is_no_recipe_without_a_source():
    ours = {name for name in RECIPES if re.search("_cpu(_[a-z]+)*$", name)}
    assert set(RECIPES) - ours == {_published_name(result) for result in PUBLISHED} | set(OTHER_FIGURES)
    assert all("Published" in _header(name) for name in set(RECIPES) - ours)


@pytest.mark.parametrize("dataset", V2)
def test_bisenetv2_is_trained_as_its_paper_says(dataset):
    iterations, decay, (width, height) = V2[dataset]
    recipes = _recipes(f"{dataset}_bisenetv2(_large)?(_pretrained)?")
    assert len(recipes) == (4 if dataset == "camvid" else 2)
    for recipe in recipes.values():
        assert _settings(recipe, "batch_size", "iterations", "weight_decay") == (16, iterations, decay)
        assert _settings(recipe, "learning_rate", "momentum", "poly_power") == (0.05, 0.9, 0.9)
        assert _settings(recipe, "schedule", "weight_decay_on", "loss") == ("poly", "convolutions", "ohem")
        smaller = V2_CITYSCAPES[0] / width if dataset == "cityscapes" else 1
        assert recipe.scales == tuple(scale * smaller for scale in V2_SCALES)
        assert _settings(recipe, "crop_width", "crop_height") == (width * smaller, height * smaller)


@pytest.mark.parametrize("dataset", STDC)
def test_stdc_is_trained_as_its_paper_says(dataset):
    *steps, scales, crop = STDC[dataset]
    recipes = _recipes(rf"{dataset}_stdc\d_seg(50|75)?")
    assert len(recipes) == (4 if dataset == "cityscapes" else 2)
    for recipe in recipes.values():
        assert [*_settings(recipe, "batch_size", "iterations", "warmup_iterations")] == steps
        assert _settings(recipe, "learning_rate", "momentum", "weight_decay") == (0.01, 0.9, 0.0005)
        assert _settings(recipe, "schedule", "poly_power", "scale_range") == ("poly", 0.9, scales)
        assert _settings(recipe, "crop_width", "crop_height") == crop and recipe.colour > 0
        assert recipe.backbone == f"runs/imagenet_{recipe.network.removesuffix('_seg')}/best.ckpt"


def test_stdc_learns_imagenet_as_its_paper_says():
    images, batch = 1_281_167, 64  # of ILSVRC 2012's training split
    for recipe in _recipes(r"imagenet_stdc\d").values():
        assert _settings(recipe, "batch_size", "momentum", "weight_decay") == (batch, 0.9, 0.0001)
        assert recipe.iterations == 300 * (images // batch)
        assert recipe.warmup_iterations == 5 * (images // batch)
        assert _settings(recipe, "learning_rate", "warmup_start") == (0.1, 0.001 / 0.1)
        assert recipe.schedule == "cosine" and recipe.label_smoothing > 0


def test_bisenetv1_is_trained_as_the_overview_of_its_paper_says():
    recipes = _recipes("[a-z]+_bisenetv1_[a-z0-9]+")
    assert len(recipes) == 8
    for recipe in recipes.values():
        assert _settings(recipe, "batch_size", "learning_rate", "momentum") == (16, 0.025, 0.9)
        assert _settings(recipe, "weight_decay", "schedule", "poly_power") == (0.0001, "poly", 0.9)
        assert recipe.scales == (0.75, 1.0, 1.5, 1.75, 2.0)
        assert _settings(recipe, "loss", "auxiliary_weight") == ("cross_entropy", 1.0)


def test_the_four_rows_of_mmsegmentation_differ_by_what_their_names_say():
    recipes = _recipes("cityscapes_bisenetv2_mmseg.*")
    kept = ("iterations", "learning_rate", "min_learning_rate", "warmup_iterations", "warmup_start")
    differing = {
        name.removeprefix("cityscapes_bisenetv2_mmseg"): _settings(recipe, "batch_size", "loss", "precision")
        for name, recipe in recipes.items()
    }
    assert differing == {
        "": (16, "cross_entropy", "32-true"),
        "_ohem": (16, "ohem", "32-true"),
        "_4x8": (32, "cross_entropy", "32-true"),
        "_fp16": (16, "cross_entropy", "16-mixed"),
    }
    for recipe in recipes.values():
        assert _settings(recipe, *kept) == (160_000, 0.05, 0.0001, 1000, 0.1)
        assert _settings(recipe, "crop_width", "crop_height", "scale_range") == (1024, 1024, (0.5, 2.0))
        assert _settings(recipe, "largest_class_share", "weight_decay_on") == (0.75, "all")
        assert recipe.options == {"variant": "community"}


def test_the_results_table_of_the_handbook_lists_every_recipe():
    listed = (ROOT / "docs" / "training_recipes.md").read_text()
    assert [name for name in RECIPES if f"`{name}`" not in listed] == []
