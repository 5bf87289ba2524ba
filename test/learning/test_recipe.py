"""Recipes on disk."""

from pathlib import Path

import pytest

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
        ("name: a\ndataset: camvid\nlearning_rat: 1", "did you mean learning_rate"),
        ("dataset: camvid", "'name' is missing"),
        ("name: a\ndataset: camvid\niterations: many", "'iterations' is 'many'; expected a whole number"),
        ("name: a\ndataset: camvid\nlearning_rate: true", "expected a number"),
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


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        Recipe.load(tmp_path / "none.yaml")


def test_the_deployed_size_is_the_crop_unless_named():
    base = {"name": "a", "dataset": "camvid", "crop_width": 64, "crop_height": 48}
    assert Recipe.from_dict(base).input_size == (64, 48)
    assert Recipe.from_dict({**base, "input_width": 96}).input_size == (96, 48)
