"""The rows of the papers' tables: what they are, that they run, and that what was broken off goes on."""

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
from bisenet_core.models import create_model
from bisenet_core.models.complexity import complexity_of

TRAINING = Path(__file__).resolve().parents[2] / "training"
sys.path.insert(0, str(TRAINING))

from ablation import main  # noqa: E402
from ablation_rows import TABLE_2, TABLES, check_base, rows_named  # noqa: E402
from ablation_runs import Plan, _recipe  # noqa: E402

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


@pytest.mark.parametrize("name", [name for name in TABLES if name.startswith("bisenetv2")])
def test_each_row_is_the_network_whose_operations_the_paper_counts(name):
    for row in TABLES[name].rows:
        cost = complexity_of("bisenetv2", 19, 1024, 512, **row.options)
        assert cost.gflops == pytest.approx(row.paper_gflops, abs=0.0101), row.name


def test_every_row_has_a_name_and_figures_of_its_own():
    rows = [row for table in TABLES.values() for row in table.rows]
    assert len({row.name for row in rows}) == len(rows) == 56
    assert all(62 < row.paper_miou < 76 for row in rows if not row.name.startswith("blocks_"))


def test_the_rows_of_table_4_put_boosters_where_the_paper_has_check_marks():
    found = {}
    for row in TABLES["bisenetv2_4"].rows:
        network = create_model("bisenetv2", 3, alpha=0.25, **row.options)
        found[row.paper_miou] = [stage.removeprefix("stage") for stage in network.auxiliary]
    assert found == {
        69.67: [], 73.04: ["2", "3", "4", "5_4", "5_5"], 73.19: ["2", "3", "4", "5_4"],
        71.62: ["2", "3", "4"],
        72.84: ["3", "4", "5_4", "5_5"], 72.68: ["4", "5_4", "5_5"], 72.03: ["5_4", "5_5"],
        73.36: ["2", "3", "4", "5_4"],
    }  # fmt: skip


def test_stdcs_rows_differ_from_their_recipe_by_what_they_are_about():
    base = Recipe.from_dict({**BASE, "network": "stdc2_seg", "options": {}})
    found = {row.name: row.recipe(base, 0, 2).to_dict() for name in ("stdc_3", "stdc_4", "stdc_7")
             for row in TABLES[name].rows}
    plain = base.to_dict()
    assert {name: {key: value for key, value in recipe.items() if value != plain[key] and key != "name"}
            for name, recipe in found.items()} == {
        "trunk_stdc1": {"network": "stdc1_seg"}, "trunk_stdc2": {},
        "bisenetv1": {"network": "bisenetv1_xception39"},
        "spatial_path": {"options": {"spatial_path": True}}, "no_guidance": {"detail_weight": 0.0},
        **{f"detail_{stride}x": {"detail_strides": [stride]} for stride in (4, 2, 1)},
        "detail_1x_2x": {"detail_strides": [1, 2]}, "detail_1x_2x_4x": {},
        **{f"blocks_{count}": {"options": {"blocks": count}} for count in (2, 3, 4, 5)},
    }  # fmt: skip


def test_the_blocks_of_a_module_are_cheap_as_equation_3_says():
    operations = [complexity_of("stdc2_seg", 19, 1024, 512, blocks=count).macs for count in (2, 3, 4, 5)]
    assert operations == sorted(operations, reverse=True) and operations[2] / operations[1] > 0.9
    with pytest.raises(InputError, match="blocks is 9; expected 2 to 8"):
        create_model("stdc1_seg", 3, blocks=9)


def test_a_trunk_begins_with_its_file(tmp_path):
    base = Recipe.from_dict(BASE)
    plan = Plan(base, tmp_path, tmp_path, 2, (0,), trunks=tmp_path / "files")
    rows = {row.name: _recipe(plan, row, 0).backbone for row in TABLES["bisenetv2_6"].rows}
    files = {name: str(tmp_path / "files" / f"{trunk}.pth") for name, trunk in (
        ("trunk_shufflenetv2", "shufflenetv2_x1_5"), ("trunk_mobilenetv2", "mobilenetv2"),
        ("trunk_resnet18", "resnet18"))}
    assert rows == {**files, "ours": "", "ours_large": ""}


def test_stdcs_rows_are_trained_and_told(run, tmp_path):
    rows = ["bisenetv1", "no_guidance", "detail_4x", "blocks_2"]
    assert run("--rows", *rows, iterations=1, network="stdc1_seg", options={}) == 0
    content = json.loads((tmp_path / "out" / "ablation.json").read_text())
    assert [row["row"] for row in content["rows"]] == rows
    table = (tmp_path / "out" / "ablation.md").read_text()
    assert table.startswith("STDC's Table 4 and STDC's Figure 7") and "| 73.40 |  |" in table


def test_all_names_are_listed(capsys):
    assert main(["--list"]) == 0
    listed = capsys.readouterr().out
    for name, table in TABLES.items():
        assert f"{name}: {' '.join(row.name for row in table.rows)} " in listed


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
    (("--rows", "detial"), {}, "no row is called 'detial'; did you mean 'detail'?"),
    (("--rows", "detail_3x"), {}, "no row is called 'detail_3x'; did you mean 'detail_"),
    (("--table", "bisenetv2_7"), {}, "no table is called 'bisenetv2_7'; did you mean"),
    (("--rows", "detail", "detail_1x"), {}, "rows detail, detail_1x are of both papers"),
    (("--table", "stdc_4"), {}, "the rows are of stdc1_seg or stdc2_seg"),
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
    rows = rows_named([])
    check_base(Recipe.from_dict(BASE), rows)
    with pytest.raises(InputError, match="variant 'paper'"):
        check_base(Recipe.from_dict({**BASE, "options": {"variant": "community"}}), rows)
