"""`bisenet replay` on real bags: the figures of `bisenet evaluate`, however the work is spread or cut off."""

import csv
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs typer and rich")
pytest.importorskip("openvino", reason="the model is run with openvino")

from recorded_bags import (
    COMPRESSED,
    IMAGES,
    LABELS,
    RAW,
    START,
    STEP,
    Record,
    picture,
    storage_file,
    write_bag,
)
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin

from bisenet_core.cli import main
from bisenet_core.drives.bag_drive import BagDrive
from bisenet_core.errors import EvaluationError
from bisenet_core.evaluation.metrics.scoring import or_none
from bisenet_core.evaluation.replay import job as parts_module
from bisenet_core.evaluation.replay.evaluated_bag import unique_names
from bisenet_core.evaluation.replay.evaluated_drive import EvaluatedDrive
from bisenet_core.evaluation.replay.measures import figure_of, measure
from bisenet_core.evaluation.replay.preparation import Request, open_recordings
from bisenet_core.evaluation.replay.worker import MOST_OPEN, Worker
from bisenet_core.labels.label_space import CAMVID_11
from bisenet_core.reports.replay.figure_names import FIGURES

ROOT = Path(__file__).resolve().parents[3]
MEASURED = {"created", "command", "cores", "fps", "latency_ms", "stages_ms", "as_driven", "figures"}


def replay(output, bag, model, *options, truth=True, status=0):
    """results.json of an evaluation in parts of 5 frames; None where the command fails with ``status``."""
    topic = ["--label-topic", LABELS, "--topic", IMAGES] if truth else []
    arguments = [bag, "--model", model, "--precision", "fp32", "--no-report", *topic, "--output", output]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts_module.split, "__defaults__", (None, 5))
        assert main(["replay", *map(str, [*arguments, *options])]) == status
    return json.loads((output / "results.json").read_text()) if status == 0 else None


@pytest.fixture
def run(street_bag, tiny_model_folder, tmp_path):
    """``run(*options, bag=..., output=...)``: see ``replay``; the tiny model on the street."""

    def run(*options, bag=street_bag, output="out", **more):
        return replay(tmp_path / output, bag, tiny_model_folder, *options, **more)

    return run


@pytest.fixture(scope="module")
def evaluated(street_bag, tiny_model_folder, tmp_path_factory):
    """The folder of an evaluation of the street, by one process. Do not change it."""
    output = tmp_path_factory.mktemp("evaluated") / "out"
    replay(output, street_bag, tiny_model_folder)
    return output


@pytest.fixture(scope="module")
def spread(street_bag, tiny_model_folder, tmp_path_factory):
    """The folder of the same evaluation by two processes, with a labelled bag. Do not change it."""
    output = tmp_path_factory.mktemp("spread") / "out"
    replay(output, street_bag, tiny_model_folder, "--jobs", 2, "--labelled-bag")
    return output


@pytest.fixture(scope="module")
def street_dataset(street, tiny_model_folder, tmp_path_factory):
    """``dataset`` of the street, and what `bisenet evaluate` says of it."""
    root = dataset(tmp_path_factory.mktemp("data"), street)
    return root, evaluate(root, tiny_model_folder)


def evaluate(root, model):
    """The JSON of `bisenet evaluate`."""
    arguments = ["--root", root, "--model", model, "--precision", "fp32", "--json", root / "evaluate.json"]
    assert main(["evaluate", *map(str, arguments)]) == 0
    return json.loads((root / "evaluate.json").read_text())


def results_of(output):
    return json.loads((output / "results.json").read_text())


def refused(capfd, run, *options, words, status=2, **more):
    """The command fails with one line that holds ``words``."""
    run(*options, status=status, **more)
    (line,) = capfd.readouterr().err.splitlines()
    for word in words:
        assert str(word) in line


def noting(done, evaluate):
    """``Worker.evaluate`` that adds the start of each part to ``done``."""
    return lambda *arguments: done.append(arguments[1].start) or evaluate(*arguments)


def without_times(results):
    return {key: value for key, value in results.items() if key not in MEASURED}


def dataset(root, street):
    """ROOT/test of the street's images and truth but for frame 5, as `bisenet evaluate` reads it."""
    for folder in ("images", "labels"):
        (root / "test" / folder).mkdir(parents=True)
    for index, (image, ids) in enumerate(street):
        if index != 5:
            cv2.imwrite(str(root / f"test/images/{index:06d}.png"), image[..., ::-1])
            cv2.imwrite(str(root / f"test/labels/{index:06d}.png"), ids)
    return root


@pytest.mark.parametrize("kind", [RAW, COMPRESSED])
@pytest.mark.parametrize("storage", [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
@pytest.mark.parametrize("truth", ["topic", "folder"])
def test_the_figures_are_those_of_evaluate(run, street, street_dataset, tmp_path, kind, storage, truth):
    root, expected = street_dataset
    records = [Record(IMAGES, START + i * STEP, image, kind) for i, (image, _) in enumerate(street)]
    labels = [Record(LABELS, START + i * STEP, ids) for i, (_, ids) in enumerate(street) if i != 5]
    bag = write_bag(tmp_path / "bag", records + (labels if truth == "topic" else []), storage)
    options = [] if truth == "topic" else ["--labels", root / "test" / "labels"]
    found = run(*options, bag=bag, truth=truth == "topic")
    for key in ("miou", "iou", "pixel_accuracy", "backend", "precision"):
        assert found[key] == expected[key]
    assert found["scored"] == expected["images"] == 22
    assert found["bags"][0]["notes"] == ["ground truth: 1 of 23 frames have none"]


def test_camvid_has_the_figures_of_evaluate(run, camvid_root, tmp_path):
    root, records = tmp_path / "data", []
    for folder in ("images", "labels"):
        (root / "test" / folder).mkdir(parents=True)
    for index, path in enumerate(sorted((camvid_root / "test" / "images").iterdir())[::58]):
        truth = camvid_root / "test" / "labels" / path.with_suffix(".png").name
        shutil.copy(path, root / "test" / "images")
        shutil.copy(truth, root / "test" / "labels")
        image = cv2.imread(str(path))[..., ::-1]
        records.append(Record(IMAGES, START + index * STEP, image, COMPRESSED))
        records.append(Record(LABELS, START + index * STEP, cv2.imread(str(truth), cv2.IMREAD_UNCHANGED)))
    model = ROOT / "weights" / "camvid_bisenetv2"
    found = run("--model", model, bag=write_bag(tmp_path / "bag", records))
    expected = evaluate(root, model)
    assert found["miou"] == expected["miou"] > 0.3
    assert [found[key] for key in ("iou", "pixel_accuracy")] == [
        expected[key] for key in ("iou", "pixel_accuracy")
    ]


def test_what_is_printed_is_written_as_json(run, tmp_path):
    assert run("--json", tmp_path / "same.json") == json.loads((tmp_path / "same.json").read_text())


def test_the_files_agree(evaluated):
    results = results_of(evaluated)
    with open(evaluated / "frames.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    arrays = np.load(evaluated / "frames.npz")
    assert [int(row["index"]) for row in rows] == arrays["index"].tolist() == list(range(23))
    assert [int(row["stamp_ns"]) for row in rows] == arrays["stamp_ns"].tolist()
    assert [row["driven"] == "labelled" for row in rows] == arrays["driven"].tolist()
    assert arrays["bag"].dtype == np.int32 and not arrays["bag"].any()
    assert np.flatnonzero(~arrays["scored"]).tolist() == [5]
    assert rows[5]["miou"] == rows[0]["consistency"] == "" and rows[6]["miou"]
    assert arrays["confusion"].dtype == np.int64
    assert arrays["confusion"].sum(axis=0).tolist() == results["confusion_matrix"]
    assert sum(int(row["scored_pixels"] or 0) for row in rows) == np.sum(results["confusion_matrix"])
    assert results["frames"] == 23 and results["temporal"]["pairs"] == 22
    assert results["latency_ms"]["p50"] > 0 and results["fps"] > 0
    driven = results["as_driven"]
    assert driven["labelled"] + driven["superseded"] == 23
    assert driven["scored"] == int((arrays["driven"] & arrays["scored"]).sum())
    assert results["figures"]["iou"] == results["figures"]["iou_live"] == results["miou"]
    assert set(results["figures"]) == set(FIGURES) - {"flicker"} and results["figures"]["frames_lost"] == 0
    bag = results["bags"][0]
    assert (bag["name"], bag["frames"], bag["scored"], bag["rate_hz"]) == ("street", 23, 22, 10.0)
    assert main(["replay", "compare", str(evaluated), str(evaluated)]) == 0


def test_every_figure_follows_from_the_counts_of_frames(run, write_model_folder, tiny_network_onnx, tmp_path):
    teacher = write_model_folder(tmp_path / "teacher", tiny_network_onnx(seed=1))
    results = run("--teacher", teacher, "--objects", "Car", "--objects", "sky")
    drive = EvaluatedDrive.load(tmp_path / "out")
    measured = measure(drive)
    assert set(measured) == set(FIGURES) - {"fps", "changed_pixels"}
    for name in set(measured) - {"flicker"}:
        digits = 3 if FIGURES[name].unit == "ms" else 6
        assert round(float(measured[name][0, 0]), digits) == figure_of(drive, {}, name)[0]
    expected = {"iou": results["iou"], "boundary_score": results["boundary"]["by_class"],
                "flicker": results["temporal"]["flicker"], "teacher_iou": results["teacher"]["iou"],
                "object_recall": results["objects"]["by_class"]}
    for name, by_class in expected.items():
        assert [or_none(value) for value in measured[name][0, 1:]] == list(by_class.values())
    assert measured["flicker"][0, 0] == pytest.approx(1 - results["temporal"]["consistency"], abs=1e-6)
    assert measured["frames_lost"] == 0


def test_requirements_are_met_missed_or_not_judged(run, evaluated, tmp_path, capfd):
    pytest.importorskip("jinja2", reason="the report needs it")
    path, output = tmp_path / "gate.yaml", shutil.copytree(evaluated, tmp_path / "out")
    for limit, more, status in ((1.5, "", 0), (99, "", 1), (99, "- {figure: teacher_iou, at_least: 2}", 2)):
        path.write_text(f"requirements:\n- {{figure: consistency, at_least: 60}}\n"
                        f"- {{figure: iou, at_least: {limit}, confidence: 95}}\n{more}\n")
        run("--resume", "--report", "--require", path, status=status)
        told = capfd.readouterr()
        verdicts = results_of(output)["requirements"]
        assert len(told.err.splitlines()) == (status > 0)
        assert ("missed: all: Mean IoU is" in told.err) == (status > 0)
        assert ("could not be judged: all: Mean IoU with the teacher" in told.err) == (status == 2)
        assert (output / "requirements.xml").read_text().count("<testcase ") == len(verdicts)
        page = (output / "report.html").read_text()
        assert page.index(f"{len(verdicts)} requirements: ") < page.index("<h2>Classes")
    unjudged = {key: value for key, value in results_of(output).items() if key != "requirements"}
    assert without_times(unjudged) == without_times(results_of(evaluated))
    run("--require", tmp_path / "absent.yaml", output="other", status=2)
    assert not (tmp_path / "other").exists()  # before any work is done


def test_processes_come_to_the_same(evaluated, spread):
    assert without_times(results_of(evaluated)) == without_times(results_of(spread))
    assert len(results_of(spread)["cores"]) == 1


def test_resume_does_nothing_twice(run, evaluated, monkeypatch, capfd, caplog):
    done = []

    def work(worker, part, progress):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(part.start)
        return evaluate(worker, part, progress)

    evaluate = Worker.evaluate
    monkeypatch.setattr(Worker, "evaluate", work)
    run(status=130)
    assert "3 of 5 parts are finished; --resume goes on" in caplog.text
    capfd.readouterr()
    refused(capfd, run, words=["holds an evaluation already", "--resume"])
    monkeypatch.setattr(Worker, "evaluate", noting(done, evaluate))
    assert without_times(run("--resume")) == without_times(results_of(evaluated))
    assert done == [0, 5, 10, 15, 20]
    run("--resume")
    assert len(done) == 5  # nothing is left to do


def test_resume_does_parts_that_no_longer_fit_again(run, street_bag, monkeypatch, tmp_path):
    bag = shutil.copytree(street_bag, tmp_path / "street")
    run(bag=bag)
    kept = sorted((tmp_path / "out" / "parts").iterdir())
    kept[1].write_bytes(kept[1].read_bytes()[:100])  # a disk that was full
    done = []
    monkeypatch.setattr(Worker, "evaluate", noting(done, Worker.evaluate))
    run("--resume", bag=bag)
    assert done == [5]
    os.utime(next(bag.glob("*.mcap")), ns=(0, 0))
    run("--resume", bag=bag)
    assert done == [5, 0, 5, 10, 15, 20]
    assert set(kept) <= set((tmp_path / "out" / "parts").iterdir())  # nothing that was written is lost


def test_another_evaluation_is_never_overwritten(run, evaluated, capfd, tmp_path, street_bag):
    def refused_there(*options, **more):
        refused(capfd, run, *options, output=evaluated, **more)

    before = (evaluated / "results.json").read_bytes()
    refused_there("--resume", "--precision", "bf16", words=["precision"])
    refused_there("--resume", "--labels", tmp_path, truth=False, words=["PNG"])
    refused_there("--resume", truth=False, words=["topic none", "choose another --output"])
    refused_there("--resume", "--topic", IMAGES, truth=False, words=["label topic", LABELS])
    other = shutil.copytree(street_bag, tmp_path / "other")
    refused_there("--resume", other, words=[f"bags {street_bag},", f"bags {street_bag}, {other}:"])
    refused_there("--resume", bag=other, words=["bags", other, "choose another --output"])
    assert (evaluated / "results.json").read_bytes() == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("text")
    for options in ([], ["--resume"]):
        refused(capfd, run, *options, output="mine", words=["something else", "mine"])


def test_significant_bits_reach_segment_and_every_part_of_an_evaluation(
    run, street, tiny_model_folder, tmp_path, capfd
):
    def bag(name, bits):
        samples = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.uint16) << 8 for image, _ in street]
        records = [Record(LABELS, START + i * STEP, ids) for i, (_, ids) in enumerate(street)]
        records += [
            Record(IMAGES, START + i * STEP, one >> (16 - bits), encoding="mono16")
            for i, one in enumerate(samples)
        ]
        return write_bag(tmp_path / name, sorted(records, key=lambda record: record.time))

    bright, dark = bag("bright", 16), bag("dark", 12)
    expected, wrong = run(bag=bright, output="bright_out"), run(bag=dark, output="dark_out")
    found = run("--significant-bits", 12, "--jobs", 2, bag=dark)
    assert found["iou"] == expected["iou"] != wrong["iou"]
    assert any("set significant_bits to that" in note for note in wrong["bags"][0]["notes"])
    capfd.readouterr()
    words = ["significant bits 16", "significant bits 12", "choose another --output"]
    refused(
        capfd, run, "--resume", "--significant-bits", 12, bag=dark, output="dark_out", words=words
    )
    options = ["--topic", IMAGES, "--precision", "fp32", "--model", tiny_model_folder, "--no-overlays"]
    for drive, bits in ((bright, 16), (dark, 12)):
        arguments = ["segment", drive, *options, "--significant-bits", bits, "--output", tmp_path / f"{bits}"]
        assert main(list(map(str, arguments))) == 0
    one, other = (
        cv2.imread(str(tmp_path / f"{bits}/labels/000003.png"), cv2.IMREAD_UNCHANGED) for bits in (16, 12)
    )
    np.testing.assert_array_equal(one, other)


def test_results_of_another_model_card_are_never_gone_on_with(run, capfd, tmp_path, tiny_model_folder):
    folders = {role: shutil.copytree(tiny_model_folder, tmp_path / role) for role in ("model", "teacher")}
    models = [word for role, folder in folders.items() for word in (f"--{role}", folder)]
    run(*models)
    changes = ({"mean": [0.1, 0.2, 0.3]}, {"color_order": "bgr"}, {"input_width": 64})
    for (role, folder), change in product(folders.items(), changes):
        written = (folder / "model.json").read_text()
        card = json.loads(written)
        assert card[next(iter(change))] not in change.values()
        (folder / "model.json").write_text(json.dumps({**card, **change}))
        refused(capfd, run, "--resume", *models, words=[f"{role} settings", "another --output"])
        (folder / "model.json").write_text(written)
    assert run("--resume", *models)["frames"] == 23


def test_bad_input_is_one_line(run, capfd, tmp_path, street_bag, write_model_folder, tiny_network_onnx):
    refused(capfd, run, bag=tmp_path / "gone", words=["gone does not exist"])
    refused(capfd, run, street_bag, words=["given twice"])
    refused(capfd, run, next(street_bag.glob("*.mcap")), words=["given twice"])
    refused(capfd, run, "--topic", "/nothing", words=["no images on /nothing"])
    refused(capfd, run, "--labels", tmp_path / "x", words=["name one of the two"])
    refused(capfd, run, "--model", tmp_path, words=["model.json"])
    refused(capfd, run, "--output", street_bag / "out", words=["an input"])
    refused(capfd, run, "--output", "/proc/out", words=["cannot write into /proc/out"])
    refused(capfd, run, "--jobs", 0, words=["--jobs"])
    refused(capfd, run, "--ray", "somewhere", words=["ray"])
    assert not (tmp_path / "out").is_dir() or not list((tmp_path / "out" / "parts").iterdir())


def test_a_teacher_of_other_classes_is_refused(run, capfd, tmp_path, write_model_folder, tiny_network_onnx):
    from bisenet_core.labels.label_space import CITYSCAPES_19

    other = write_model_folder(tmp_path / "other", tiny_network_onnx(19), label_space=CITYSCAPES_19)
    refused(capfd, run, "--teacher", other, words=["Cityscapes", "teacher of the same classes"])


def test_a_teacher_is_compared_with(run, tiny_model_folder):
    teacher = run("--teacher", tiny_model_folder)["teacher"]
    assert teacher["model"] == str(tiny_model_folder)
    assert teacher["pixel_agreement"] == teacher["miou"] == 1.0


def test_a_bag_that_cannot_be_read_is_left_out_and_said(run, tmp_path, caplog):
    broken = tmp_path / "broken.mcap"
    broken.write_bytes(b"no bag")
    results = run(broken)
    assert results["frames"] == 23
    assert len(results["left_out"]) == 1 and "broken.mcap" in results["left_out"][0]
    assert "broken.mcap" in caplog.text
    gate = tmp_path / "gate.yaml"
    gate.write_text("requirements: [{figure: frames_lost, at_most: 0}]")
    run(broken, "--resume", "--require", gate, status=2)
    (tmp_path / "out" / "report.html").write_text("of before")
    run(broken, "--resume")
    assert not {"requirements.xml", "report.html"} & {path.name for path in (tmp_path / "out").iterdir()}


def test_what_is_odd_about_a_bag_is_said(run, street_bag, tmp_path, caplog, capfd):
    bag = shutil.copytree(street_bag, tmp_path / "cut")
    (file,) = bag.glob("*.mcap")
    file.write_bytes(file.read_bytes()[:-20_000])
    (results,) = run(bag=bag)["bags"]
    said = [record.getMessage() for record in caplog.records]
    assert any("was cut off" in note for note in results["notes"])
    for note in results["notes"]:
        assert said.count(f"cut: {note}") == 1
    assert f"{len(results['notes'])} lines in results.json" in capfd.readouterr().out


@pytest.mark.parametrize("kind", [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
def test_a_bag_is_not_left_out_where_no_more_files_can_be_opened(tmp_path, kind):
    bag = write_bag(tmp_path / "bag", [Record(IMAGES, START, picture(0))], kind)
    request, before = Request((bag,), "", tmp_path), resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        with suppress(OSError):
            while True:
                stack.enter_context(open(os.devnull))
        with pytest.raises(EvaluationError, match="Too many open files; .*ulimit"):
            open_recordings(request, CAMVID_11)
    assert len(open_recordings(request, CAMVID_11)[0]) == 1


def test_several_bags_of_one_name_add_up(run, evaluated, street_bag, tmp_path):
    other = shutil.copytree(street_bag, tmp_path / "other" / "street")
    one, both = results_of(evaluated), run(other)
    assert [bag["name"] for bag in both["bags"]] == ["street", "street#2"]
    assert both["confusion_matrix"] == (2 * np.array(one["confusion_matrix"])).tolist()
    assert both["temporal"]["pairs"] == 44  # the last frame of one is not compared with the first of the next


def test_no_two_bags_have_one_name():
    assert unique_names(["a", "a", "a#2", "b", "a"]) == ["a", "a#2", "a#2#2", "b", "a#3"]
    assert unique_names(["a#2", "a", "a"]) == ["a#2", "a", "a#3"]


def test_numbered_labels_are_of_one_bag_and_stamped_ones_of_any(run, capfd, street, street_bag, tmp_path):
    other = shutil.copytree(street_bag, tmp_path / "other")
    labels = dataset(tmp_path / "data", street) / "test" / "labels"
    options = [other, "--topic", IMAGES, "--labels", labels]
    refused(capfd, run, *options, truth=False, words=[labels, "its own run", "by stamp"])
    for path in labels.iterdir():
        path.rename(labels / f"{START + int(path.stem) * STEP}.png")
    assert run(*options, truth=False)["scored"] == 2 * 22


def test_an_image_without_a_header_has_no_stamp_to_be_out_of_order(run, street, tmp_path):
    records = [Record(IMAGES, START + i * STEP, image, RAW, i * STEP) for i, (image, _) in enumerate(street)]
    records[3] = records[3]._replace(pixels=b"\0\1\0\0")
    results = run(bag=write_bag(tmp_path / "bag", records), truth=False)
    assert results["bags"][0]["notes"] == ["1 images have no readable header"]


def test_a_damaged_image_keeps_its_header_and_its_label(run, street, tmp_path):
    records = [Record(IMAGES, START + i * STEP, image, COMPRESSED) for i, (image, _) in enumerate(street)]
    labels = [record._replace(topic=LABELS, pixels=street[i][1]) for i, record in enumerate(records)]
    records[3] = records[3]._replace(pixels=b"no picture")
    results = run(bag=write_bag(tmp_path / "bag", records + labels))
    assert results["bags"][0]["notes"] == []
    assert "damaged image" in results["left_out"][0]


def test_without_truth_what_can_be_known_is(run):
    results = run(truth=False)
    assert results["scored"] == 0 and results["frames"] == 23
    for key in ("miou", "iou", "pixel_accuracy", "confusion_matrix", "boundary", "calibration", "teacher"):
        assert results[key] is None
    assert results["temporal"]["pairs"] == 22


def test_truth_of_other_classes_is_left_out_with_the_reason(run, tmp_path, caplog, capfd):
    ids = np.full((24, 32), 40, np.uint8)
    bag = write_bag(tmp_path / "bag", [Record(IMAGES, START, picture(0)), Record(LABELS, START, ids)])
    run(bag=bag, status=2)
    assert "no pixel could be scored" in capfd.readouterr().err
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["scored"] == 0 and "another label space" in results["left_out"][0]
    assert f"left out: {results['left_out'][0]}" in caplog.messages


def test_images_of_which_none_can_be_labelled(run, tmp_path, capfd):
    record = Record(IMAGES, START, picture(0), COMPRESSED)._replace(pixels=b"no picture")
    run(bag=write_bag(tmp_path / "bag", [record]), truth=False, status=2)
    assert "none of the images could be labelled" in capfd.readouterr().err
    assert json.loads((tmp_path / "out" / "results.json").read_text())["frames"] == 0


def test_the_labelled_bag_has_the_labels(spread, street_bag, tiny_model_folder, tmp_path):
    written = BagDrive(spread / "labelled" / "street", "/segmentation/labels")
    images = tmp_path / "images"
    images.mkdir()
    for frame in BagDrive(street_bag, IMAGES).frames():
        cv2.imwrite(str(images / f"{frame.index:06d}.png"), frame.image[..., ::-1])
    arguments = ["--model", tiny_model_folder, "--precision", "fp32", "--output", tmp_path / "labels"]
    assert main(["segment", str(images), *map(str, arguments), "--no-overlays"]) == 0
    for frame in written.frames():
        expected = cv2.imread(str(tmp_path / f"labels/labels/{frame.index:06d}.png"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(frame.image[..., 0], expected)
    assert len(written) == 23


def test_the_labelled_bag_has_confidence_and_time_series_of_the_frames(spread):
    found = {}
    with AnyReader([spread / "labelled" / "street"]) as reader:
        for connection, _, data in reader.messages():
            found.setdefault(connection.topic, []).append(reader.deserialize(data, connection.msgtype))
    with open(spread / "frames.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    means = [message.data for message in found["/replay/mean_confidence"]]
    assert means == [image.data.mean() / 255 for image in found["/segmentation/confidence"]]
    assert len(means) == 23 and len({image.data.tobytes() for image in found["/segmentation/confidence"]}) > 1
    latencies = [float(row["segment_ms"]) for row in rows]
    assert [message.data for message in found["/replay/latency_ms"]] == pytest.approx(latencies, abs=1e-3)
    dropped = np.cumsum([row["driven"] == "superseded" for row in rows]).tolist()
    assert [message.data for message in found["/replay/dropped_as_driven"]] == dropped
    assert len(found["/replay/age_as_driven_ms"]) == 23 - dropped[-1]


@pytest.mark.parametrize("bags", [1, MOST_OPEN + 1])
def test_a_bag_is_opened_once_where_there_are_few(run, street_bag, tmp_path, monkeypatch, bags):
    opened, open_bag = [], BagDrive.__init__

    def noted(drive, path, *others, **named):
        opened.append(path)
        open_bag(drive, path, *others, **named)

    monkeypatch.setattr(BagDrive, "__init__", noted)
    more = [shutil.copytree(street_bag, tmp_path / f"street{number}") for number in range(1, bags)]
    run(*more, "--labelled-bag")
    assert (len(opened) == len(set(opened))) == (bags == 1)


def test_a_labelled_bag_is_written_again_for_other_input_only(run, street_bag, tmp_path):
    bag, folder = tmp_path / "street", tmp_path / "out" / "labelled"
    shutil.copytree(street_bag, bag)
    run("--labelled-bag", bag=bag)
    first = (folder / "street").stat()
    run("--labelled-bag", "--resume", bag=bag)
    assert (folder / "street").stat() == first
    shutil.rmtree(bag)
    write_bag(bag, [Record(IMAGES, START, picture(0)), Record(LABELS, START, np.zeros((24, 32), np.uint8))])
    run("--labelled-bag", "--resume", bag=bag)
    with BagDrive(folder / "street", "/segmentation/labels") as written:
        assert [frame.image.shape for frame in written.frames()] == [(24, 32, 3)]
    assert list(folder.iterdir()) == [folder / "street"]  # and nothing half-done beside it


def test_images_that_the_network_was_trained_on_are_marked_in_the_headline(
    street_bag, write_model_folder, tmp_path, capsys
):
    trained = {"training_data": "camvid", "recipe": {"train_split": "train+val"}}
    model, note = write_model_folder(tmp_path / "trained", **trained), "trained on these images (camvid val)"
    for name, seen in (("camvid_val", True), ("monday", False)):
        output, bag = tmp_path / f"out_{name}", tmp_path / name
        shutil.copytree(street_bag, bag)
        found = replay(output, bag, model)
        assert (note in str(found["seen_in_training"])) == seen and found["trained_on"] == "camvid train+val"
        said = note if seen else "trained on camvid train+val"
        assert "".join(said.split()) in "".join(capsys.readouterr().out.split())  # a title is folded


def test_labelled_bags_of_files_have_no_file_endings(run, street_bag, tmp_path):
    (file,) = street_bag.glob("*.mcap")
    bags = [tmp_path / name / "street.mcap" for name in ("a", "b")]
    for bag in bags:
        bag.parent.mkdir()
        shutil.copy(file, bag)
    run(bags[1], "--labelled-bag", bag=bags[0])
    assert sorted(path.name for path in (tmp_path / "out/labelled").iterdir()) == ["street", "street#2"]


def test_ctrl_c_keeps_what_is_finished(street_bag, tiny_model_folder, tmp_path):
    output = tmp_path / "out"
    arguments = ["--model", str(tiny_model_folder), "--no-report", "--jobs", "2", "--output", str(output)]
    source = (
        "import sys; from bisenet_core.evaluation.replay import job as e; "
        "e.split.__defaults__ = (None, 1); from bisenet_core.cli import main; "
        "sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", source, "replay", str(street_bag), "--topic", IMAGES, *arguments]
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, **streams)
    while process.poll() is None and not list(output.glob("parts/*.npz")):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to all of them
    _, error = process.communicate()
    assert process.returncode == 130, error
    assert len(error.splitlines()) == 2 and "--resume goes on from there" in error
    assert list(output.glob("parts/*.npz")) and not (output / "results.json").exists()


def test_what_is_read_is_not_replaced_by_json(run, evaluated, street_bag, tmp_path, capfd):
    bag = storage_file(shutil.copytree(street_bag, tmp_path / "bag"))
    whole = bag.read_bytes()
    refused(capfd, run, "--json", bag, bag=bag.parent, words=["a file of another kind"])
    assert bag.read_bytes() == whole
    (tmp_path / "link.json").symlink_to(tmp_path / "new.json")
    assert main(["replay", "compare", *[str(evaluated)] * 2, "--json", str(tmp_path / "link.json")]) == 0
    assert json.loads((tmp_path / "new.json").read_text())["verdict"].startswith("A and B have the same")
    results = shutil.copytree(evaluated, tmp_path / "a") / "results.json"
    whole = results.read_bytes()
    for a in (results, results.parent):
        assert main(["replay", "compare", str(a), str(evaluated), "--json", str(results)]) == 2
        assert "is an evaluation to compare" in capfd.readouterr().err and results.read_bytes() == whole


def test_compare_pictures_where_two_models_differ(
        run, evaluated, tmp_path, write_model_folder, tiny_network_onnx, caplog):
    other = write_model_folder(tmp_path / "other", tiny_network_onnx(seed=1))
    run("--model", other)
    about = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    older = {key: value for key, value in about.items() if not key.startswith(("camera_", "objects"))}
    (tmp_path / "out" / "evaluation.json").write_text(json.dumps(older))
    command = ["replay", "compare", str(evaluated), str(tmp_path / "out"), "--output"]
    caplog.clear()
    assert main([*command, str(tmp_path / "compared")]) == 0
    page = (tmp_path / "compared" / "compare.html").read_text()
    different = json.loads((tmp_path / "compared" / "compare.json").read_text())["most_different"]
    assert different and all(f"{frame['bag']}, frame {frame['index']}:" in page for frame in different)
    assert page.count("data:image/") == 4 * len(different), "image, truth and two labels"
    assert not caplog.messages
    other.rename(tmp_path / "away")
    assert main([*command, str(tmp_path / "again")]) == 0
    (line,) = caplog.messages
    assert line.startswith("no pictures: ") and str(other) in line
    assert "There are no pictures" in (tmp_path / "again" / "compare.html").read_text()
