"""The report of a run: complete, in one file, whether the run has ended well, badly or not yet."""

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import pytest
import torch

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import CAMVID_11
from bisenet_core.learning.run_report.__main__ import main
from bisenet_core.learning.run_report.finished_run import read_run
from bisenet_core.learning.run_report.page import write_run_report

pytest.importorskip("jinja2", reason="the report is a jinja2 template (pip install .[train])")


class _Page(HTMLParser):
    """Text and addresses of a page, whose tags must close."""

    def __init__(self, output):
        super().__init__()
        self.open, self.addresses, self.words = [], [], []
        self.feed((output / "report.html").read_text(encoding="utf-8"))
        assert not self.open
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag, attrs):
        self.addresses += [value for name, value in attrs if name in ("src", "href", "srcset")]
        if tag not in {"meta", "img", "col", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture
def run(finished, tmp_path):
    """A copy of the finished run, to be spoilt."""
    return shutil.copytree(finished, tmp_path / "run")


def test_a_finished_run_tells_all_of_itself(finished):
    page = _Page(finished)
    for said in ("Training of tiny", "Best validation mIoU", "Resumed 1 time", "Resumed at iteration 2",
                 "4 of 4", "Loss", "Learning rate", "Validation", "Worst images", "batch_size: 3", "torch",
                 *CAMVID_11.classes):
        assert said in page.text
    assert "ended early" not in page.text
    assert len(page.addresses) == 2 * 4 and all(one.startswith("data:image/") for one in page.addresses)


def test_the_scores_are_those_of_the_best_checkpoint(finished):
    run = read_run(finished)
    saved = torch.load(finished / "best.ckpt", weights_only=True)
    assert run.scores.iteration == saved["global_step"]
    rows = {int(row["step"]) + 1: row["val_miou"] for row in run.rows if row["val_miou"]}
    assert run.scores.miou == pytest.approx(max(map(float, rows.values())), rel=1e-6)
    assert set(run.scores.images) == {0, 1} and len(run.scores.class_ious()) == 11


def test_every_start_is_recorded(finished):
    starts = read_run(finished).starts
    assert [(start.begin, start.end, start.outcome) for start in starts] == [
        (0, 2, "stopped by SIGTERM after iteration 2, which is saved"), (2, 4, "finished"),
    ]
    assert all(0 < start.training_seconds <= start.seconds for start in starts)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("out <of> memory")])
def test_a_run_that_is_broken_off_has_its_report_too(start_run, tmp_path, error):
    def fail():
        raise error

    with pytest.raises(type(error)):
        start_run(tmp_path / "run", 3, fail)
    page = _Page(tmp_path / "run")
    assert f"ended early, at iteration 3: {type(error).__name__}" in page.text
    assert "3 of 4" in page.text and "Worst images" in page.text
    assert str(error) in page.text


def test_a_run_that_was_killed_has_its_report_made_later(run, capsys):
    (run / "report.html").unlink()
    path = run / "logs" / "run.json"
    record = json.loads(path.read_text())
    record["starts"][-1]["outcome"] = "running"
    path.write_text(json.dumps(record))
    assert main([str(run)]) == 0
    assert capsys.readouterr().out.strip() == str(run / "report.html")
    assert "was killed; it had come to iteration 4" in _Page(run).text


def test_pictures_are_left_out_where_the_data_is_gone(run):
    write_run_report(run, root=run / "gone")
    page = _Page(run)
    assert "They cannot be shown" in page.text and not page.addresses and "Sky" in page.text


@pytest.mark.parametrize("names", [["logs"], ["best.ckpt", "last.ckpt"], ["logs/metrics.csv"],
                                   ["logs/run.json"], ["recipe.yaml"],
                                   ["logs", "best.ckpt", "last.ckpt"]])
def test_whatever_is_missing_there_is_a_page(run, names):
    for name in names:
        shutil.rmtree(run / name) if (run / name).is_dir() else (run / name).unlink()
    write_run_report(run)
    assert "Training of tiny" in _Page(run).text


@pytest.mark.parametrize(("split", "said"), [("", "the recipe has no val_split"), ("val", "no validation")])
def test_why_there_is_no_score(run, split, said):
    for name in ("logs", "best.ckpt", "last.ckpt"):
        shutil.rmtree(run / name) if (run / name).is_dir() else (run / name).unlink()
    recipe = (run / "recipe.yaml").read_text()
    (run / "recipe.yaml").write_text(re.sub("val_split: .*", f"val_split: '{split}'", recipe))
    write_run_report(run)
    assert said in _Page(run).text


@pytest.mark.parametrize("name", ["best.ckpt", "recipe.yaml", "logs/run.json"])
def test_a_file_that_is_damaged_is_named_in_one_line(run, name, capsys):
    (run / name).write_bytes(b"{ junk: \xff")
    assert main([str(run)]) == 2
    error = capsys.readouterr().err
    assert str(run / name) in error and error.count("\n") == 1


def test_a_folder_without_a_run_is_one_line(tmp_path):
    with pytest.raises(InputError, match="holds no run"):
        write_run_report(tmp_path)


def test_it_runs_as_a_module(tmp_path):
    command = [sys.executable, "-m", "bisenet_core.learning.run_report", tmp_path]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2 and "holds no run" in result.stderr and result.stderr.count("\n") == 1


def test_a_report_that_cannot_be_written_does_not_end_the_run(start_run, tmp_path, caplog):
    (tmp_path / "run" / "report.html").mkdir(parents=True)
    start_run(tmp_path / "run")
    assert (tmp_path / "run" / "best.ckpt").exists() and "was not written" in caplog.text
