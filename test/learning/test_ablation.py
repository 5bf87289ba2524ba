"""The rows of Table 2: what they are, that they run, and that what was broken off goes on."""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
import yaml

from bisenet_core.errors import InputError
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.train import RunStoppedError, train
from bisenet_core.models.complexity import complexity_of

TRAINING = Path(__file__).resolve().parents[2] / "training"
sys.path.insert(0, str(TRAINING))

from ablation import main  # noqa: E402
from ablation_rows import TABLE_2, check_base  # noqa: E402

BASE = {
    "name": "tiny", "dataset": "camvid", "network": "bisenetv2", "options": {"alpha": 0.25},
    "iterations": 2, "batch_size": 3, "crop_width": 64, "crop_height": 64, "precision": "32-true",
    "validate_every_epochs": 1,
}


@pytest.fixture
def run(street_dataset, tmp_path):
    """Runs the script on a tiny recipe, with changes, and returns its status."""

    def run(*options, output=tmp_path / "out", **changes):
        (tmp_path / "recipe.yaml").write_text(yaml.safe_dump({**BASE, **changes}))
        command = ["--config", tmp_path / "recipe.yaml", "--root", street_dataset, "--output", output]
        return main([str(one) for one in (*command, "--workers", "0", *options)])

    return run


@pytest.mark.parametrize("row", TABLE_2, ids=lambda row: row.name)
def test_each_row_is_the_network_whose_operations_the_paper_counts(row):
    cost = complexity_of("bisenetv2", 19, 1024, 512, **row.options)
    assert cost.gflops == pytest.approx(row.paper_gflops, abs=0.0101)


def test_boosters_and_ohem_come_last_as_in_the_table():
    recipes = [row.recipe(Recipe.from_dict(BASE), 1, 7) for row in TABLE_2]
    assert [recipe.options["auxiliary"] for recipe in recipes] == [False] * 5 + [True] * 2
    assert [recipe.loss for recipe in recipes] == ["cross_entropy"] * 6 + ["ohem"]
    assert {(one.options["alpha"], one.seed, one.iterations) for one in recipes} == {(0.25, 1, 7)}
    assert [row.paper_miou for row in TABLE_2] == sorted(row.paper_miou for row in TABLE_2)


@pytest.mark.slow
def test_every_row_is_trained_and_told(run, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("--seeds", "0", iterations=1) == 0
    content = json.loads((out / "ablation.json").read_text())
    assert [row["row"] for row in content["rows"]] == [row.name for row in TABLE_2]
    assert len({row["parameters"] for row in content["rows"][:5]}) == 5
    table = (out / "ablation.md").read_text()
    assert "| 73.36 | 21.15 |" in table and table in capsys.readouterr().out
    assert (out / "ablation.png").stat().st_size > 10_000 and (out / "ablation.svg").exists()
    assert run("--seeds", "0", "1", "--rows", "detail", iterations=1) == 0, "one more, beside what is there"
    (row,) = json.loads((out / "ablation.json").read_text())["rows"]
    assert len(row["val_miou"]) == 2 and row["spread"] >= 0 and " ± " in (out / "ablation.md").read_text()


def test_what_is_finished_stays_and_what_was_broken_off_goes_on(run, street_dataset, tmp_path):
    assert run("--rows", "detail", "bga") == 0
    before = json.loads((tmp_path / "out" / "ablation.json").read_text())
    detail, bga = (tmp_path / "out" / name / "seed_0" for name in ("detail", "bga"))
    kept = (detail / "last.ckpt").stat().st_mtime_ns
    _break_off(bga, street_dataset)
    assert run("--rows", "detail", "bga") == 0
    assert (detail / "last.ckpt").stat().st_mtime_ns == kept
    starts = json.loads((bga / "logs" / "run.json").read_text())["starts"]
    assert [(start["begin"], start["end"]) for start in starts] == [(0, 1), (1, 2)]
    after = json.loads((tmp_path / "out" / "ablation.json").read_text())
    assert [row["val_miou"] for row in after["rows"]] == [row["val_miou"] for row in before["rows"]]


class _Stop:
    def on_train_batch_start(self, *_):
        os.kill(os.getpid(), signal.SIGTERM)


def _break_off(folder, root):
    """Make it the folder of a run that was stopped after its first iteration."""
    recipe = Recipe.load(folder / "recipe.yaml")
    shutil.rmtree(folder)
    with pytest.raises(RunStoppedError):
        train(recipe, root, folder, workers=0, callbacks=[_Stop()])


@pytest.mark.parametrize("options, changes, said", [
    (("--rows", "detial"), {}, "no row is called 'detial'"),
    ((), {"network": "stdc1_seg", "options": {}}, "the rows are of bisenetv2"),
    ((), {"val_split": ""}, "no val_split"),
    ((), {"loss": "ohme"}, "loss"),
])
def test_bad_input_is_one_line(run, capsys, options, changes, said):
    assert run(*options, **changes) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_runs_of_another_recipe_are_not_mixed_in(run, tmp_path, capsys):
    folder = tmp_path / "out" / "sum" / "seed_0"
    folder.mkdir(parents=True)
    other = next(row for row in TABLE_2 if row.name == "sum").recipe(Recipe.from_dict(BASE), 0, 99)
    (folder / "recipe.yaml").write_text(yaml.safe_dump(other.to_dict()))
    assert run() == 2
    assert "iterations 99, this one has 2" in capsys.readouterr().err


def test_the_base_is_a_bisenetv2_with_a_validation():
    check_base(Recipe.from_dict(BASE))
    with pytest.raises(InputError, match="variant 'paper'"):
        check_base(Recipe.from_dict({**BASE, "options": {"variant": "community"}}))
