"""Recipes on disk."""

from pathlib import Path

import pytest
import yaml

from bisenet_core.errors import InputError
from bisenet_core.learning.recipe import Recipe

RECIPES = sorted((Path(__file__).resolve().parents[2] / "training" / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_shipped_recipes_load_and_survive_a_round_trip(path):
    recipe = Recipe.load(path)
    assert Recipe.from_dict(recipe.to_dict()) == recipe


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a\ndataset: camvid\nlearning_rat: 1", "did you mean 'learning_rate'"),
        ("dataset: camvid", "'name' is missing"),
        ("name: a\ndataset: camvid\niterations: many", "'iterations' is 'many'; expected a whole number"),
        ("name: a\ndataset: camvid\nlearning_rate: true", "expected a number"),
        ("name: a\ndataset: camvid\nsync_batchnorm: 1", "'sync_batchnorm' is 1; expected true or false"),
        ("name: a\ndataset: camvid\nbatch_size: 1", "'batch_size' is 1; expected 2 or more"),
        ("name: a\ndataset: camvid\naccumulate: 3", "'accumulate' is 3; .* batch_size 16"),
        ("name: a\ndataset: camvid\naccumulate: 16", "'accumulate' is 16; .* 2 or more samples"),
        ("name: a\ndataset: camvid\nhue: 0.7", "'hue' is 0.7; expected from 0 to 0.5"),
        ("name: a\ndataset: camvid\nlearning_rate: .nan", "'learning_rate' is nan; .* above 0"),
        ("name: a\ndataset: camvid\nema_decay: 1.0", "'ema_decay' is 1.0; .* less than 1"),
        ("name: a\ndataset: camvid\nprecision: 8", "'precision' is '8'; expected one of bf16-mixed"),
        ("name: a\ndataset: camvid\nschedule: step", "'schedule' is 'step'; expected one of poly, cosine"),
        ("name: a\ndataset: camvid\neval_width: 512", "'eval_width' needs 'eval_height' too"),
        ("name: a\ndataset: camvid\nresize_height: 512", "'resize_height' needs 'resize_width' too"),
        ("name: a\ndataset: camvid\nscale_range: [2, 0.5]", r"is \[2, 0.5\]; expected \[smallest"),
        ("name: a\ndataset: camvid\nscales: []", "'scales' is .*; expected a list of numbers"),
        ("name: a\ndataset: camvid\nstd: [1, 1, 0]", "'std' .* three numbers from 0.001 to 1"),
        ("name: a\ndataset: camvid\nclass_weights: log", "'class_weights' is 'log'; .* inverse_log"),
        ("name: a\ndataset: camvid\nclass_weights: [0, 0]", "not all 0"),
        ("name: a\ndataset: camvid\ndetail_strides: [1, 3]", r"'detail_strides' is \[1, 3\]; .* 1, 2 and 4"),
        ("name: a\ndataset: camvid\ndetail_strides: []", "detail_weight 0 is none"),
        ("name: a\ndataset: camvid\ndetail_strides: [2, 2]", "'detail_strides' is"),
        ("name: a\ndataset: camvid\ndetail_strides: [1.0]", "'detail_strides' is"),
        ("name: a\ndataset: camvid\ndetail_truth: strict", "'detail_truth' is 'strict'; .* paper, code"),
        ("name: a\ndataset: camvid\noptions: [1]", "'options' is .*; expected a mapping"),
        ("name: a\ndataset: camvid\noptions: {1: 2}", "'options' is .*; expected a mapping"),
        ("name: ' '\ndataset: camvid", "'name' is ' '; expected text"),
        ("name: a\ndataset: camvid\nseed: 18446744073709551616", "'seed' is .*; expected from 0 to"),
        ("name: a\ndataset: camvid\nteacher: t\ncrop_width: 382", "382x720 .* multiples of 4"),
        ("name: a\ndataset: camvid\nmin_learning_rate: 1", "at most learning_rate 0.05"),
        ("name: a\ndataset: camvid\nbooster_weight: 1\nauxiliary_weight: 1", "given twice"),
        ("- a list", "not a mapping"),
        ("name: [", "cannot be read"),
    ],
)
def test_bad_recipes_say_what_is_wrong_in_one_line(tmp_path, text, message):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        Recipe.load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_the_recipe_for_ones_own_data_in_the_docs_is_one():
    page = (Path(__file__).resolve().parents[2] / "docs" / "training_own_data.md").read_text()
    recipe = Recipe.from_dict(yaml.safe_load(page.split("```yaml")[1].split("```")[0]))
    assert (recipe.dataset, recipe.input_size) == ("folder", (480, 360))


def test_a_recipe_of_ours_goes_by_its_name():
    assert Recipe.load("camvid_stdc1_cpu") == Recipe.load(RECIPES[0].with_name("camvid_stdc1_cpu.yaml"))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("camvid_bisenet_cpu", r"does not exist; did you mean 'camvid_bisenetv2_cpu'\?$"),
        ("elsewhere/cityscapes_stdc1.yaml", "did you mean 'cityscapes_stdc1_"),
        ("none.yaml", "none.yaml does not exist; known: ade20k_bisenetv2, "),
    ],
)
def test_a_recipe_that_is_not_there(path, message):
    with pytest.raises(InputError, match=message):
        Recipe.load(path)


def test_yaml_takes_a_number_without_a_point_for_text_and_we_do_not(tmp_path):
    (tmp_path / "recipe.yaml").write_text("name: a\ndataset: camvid\nlearning_rate: 5e-3\nweight_decay: 1E-4")
    recipe = Recipe.load(tmp_path / "recipe.yaml")
    assert (recipe.learning_rate, recipe.weight_decay) == (0.005, 0.0001)


def test_the_deployed_size_is_the_crop_unless_named():
    base = {"name": "a", "dataset": "camvid", "crop_width": 64, "crop_height": 48}
    assert Recipe.from_dict(base).input_size == (64, 48)
    assert Recipe.from_dict({**base, "input_width": 96}).input_size == (96, 48)


def test_an_older_name_and_a_number_for_text_are_understood():
    values = {"name": "a", "dataset": "camvid", "booster_weight": 0.4, "precision": 32}
    recipe = Recipe.from_dict(values)
    assert (recipe.auxiliary_weight, recipe.precision) == (0.4, "32")


def test_sizes_come_in_pairs_or_not_at_all():
    base = {"name": "a", "dataset": "camvid"}
    assert Recipe.from_dict(base).eval_size is Recipe.from_dict(base).resize is None
    sizes = {"eval_width": 64, "eval_height": 48, "resize_width": 9, "resize_height": 8}
    pair = Recipe.from_dict({**base, **sizes})
    assert (pair.eval_size, pair.resize) == ((64, 48), (9, 8))
