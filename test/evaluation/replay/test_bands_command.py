"""`bisenet replay` with scores by distance and by object size, from the bag to report and verdicts."""

import json
from dataclasses import asdict, replace
from hashlib import sha256

import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs typer and rich")
pytest.importorskip("jinja2", reason="writes the report")

from recorded_bags import IMAGES, LABELS, START, STEP, Record, write_bag

from bisenet_core.cli import main
from bisenet_core.evaluation.replay import job as parts_module
from bisenet_core.evaluation.replay.evaluated_drive import EvaluatedDrive
from bisenet_core.evaluation.replay.job import fingerprint, split
from bisenet_core.evaluation.replay.measures import measure

ASKED = ("--camera-height", 1.32, "--camera-pitch", 0.7, "--objects", "pedestrian", "--objects", "Car")


def replay(bags, model, output, *options, status=0):
    """results.json of an evaluation in parts of 5 frames, if there is one."""
    given = [*bags, "--topic", IMAGES, "--label-topic", LABELS, "--model", model, "--precision", "fp32",
             "--output", output, *options]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts_module.split, "__defaults__", (None, 5))
        assert main(["replay", *map(str, given)]) == status
    path = output / "results.json"
    return json.loads(path.read_text()) if path.exists() else None


@pytest.fixture(scope="module")
def evaluated(street_bag, tiny_model_folder, tmp_path_factory):
    """The folder of an evaluation by bands, and its results. Do not change it."""
    output = tmp_path_factory.mktemp("evaluated") / "out"
    return output, replay([street_bag], tiny_model_folder, output, *ASKED)


def timeless(slices):
    figures = {"iou", "pixel_accuracy", "object_recall", "object_pixel_recall"}
    return [{**one, "figures": {name: one["figures"].get(name) for name in figures}}
            for one in slices["slices"]]


def test_bands_are_the_same_by_any_number_of_processes_and_after_an_interruption(
        evaluated, street_bag, tiny_model_folder, tmp_path):
    _, results = evaluated
    spread = replay([street_bag], tiny_model_folder, tmp_path / "out", *ASKED, "--jobs", 2, "--no-report")
    for part in sorted((tmp_path / "out" / "parts").iterdir())[1::2]:
        part.unlink()
    resumed = replay([street_bag], tiny_model_folder, tmp_path / "out", *ASKED, "--resume", "--no-report")
    assert timeless(results["slices"]) == timeless(spread["slices"]) == timeless(resumed["slices"])
    assert results["objects"] == spread["objects"] == resumed["objects"] and results["objects"]["count"] > 0


def test_bands_add_up_to_the_whole_and_are_documented_keys(evaluated, street):
    output, results = evaluated
    slices = {(one["by"], one["value"]): one for one in results["slices"]["slices"]}
    assert results["slices"]["compared_by"] == "iou" and len(results["slices"]["worst"]) == 2
    drive = EvaluatedDrive.load(output)
    np.testing.assert_array_equal(drive.counts["distance"].sum(axis=1), drive.counts["truth"])
    for key, band in drive.bands().items():
        measured = measure(band)
        for name, value in slices[key]["figures"].items():
            assert value == round(float(measured[name][0, 0]), 6)
    objects = [one for (by, _), one in slices.items() if by == "object height"]
    assert sum(one["objects"] for one in objects) == results["objects"]["count"]
    assert set(results["objects"]) == {"count", "recall", "pixel_recall", "by_class"}
    assert {name for name, value in results["objects"]["by_class"].items() if value is not None} <= {
        "Car", "Pedestrian"}
    assert results["figures"]["object_recall"] == results["objects"]["recall"]
    page = (output / "report.html").read_text()
    texts = "Worst distance ", "<h3>By distance</h3>", "By object height</h3>"
    places = [page.index(text) for text in texts]
    assert places == sorted(places)


def test_what_was_not_asked_for_is_not_counted(street_bag, tiny_model_folder, tmp_path):
    results = replay([street_bag], tiny_model_folder, tmp_path / "out", "--no-report")
    assert "slices" not in results and results["objects"] is None
    assert {"distance", "objects"}.isdisjoint(EvaluatedDrive.load(tmp_path / "out").counts)


def test_a_requirement_may_name_a_band_with_a_class_and_confidence(
        evaluated, street_bag, tiny_model_folder, tmp_path, capfd):
    gate = tmp_path / "gate.yaml"
    output, results = evaluated
    group = "  {}: {{tags: {{{}}}, requirements: [{{figure: {}}}]}}\n"
    gate.write_text(f"against: {output}\ngroups:\n" + "".join(group.format(*row) for row in (
        ("near", "distance: 0-10 m", "iou, at_least: 0, confidence: 95"),
        ("tall", "object height: 32-63 px", "object_recall, class: Car, at_least: 0"),
        ("same", "distance: 40+ m", "pixel_accuracy, worse_by_at_most: 0"),
        ("strict", "distance: 10-20 m", "iou, at_least: 100"),
        ("huge", "object height: 128+ px", "object_recall, at_least: 0"),
        ("late", "distance: 10-20 m", "latency_p99, at_most: 1000"))))
    judged = replay(
        [street_bag], tiny_model_folder, tmp_path / "out", *ASKED, "--no-report", "--require", gate, status=2)
    verdicts = {one["group"]: one for one in judged["requirements"]}
    assert {name: one["verdict"] for name, one in verdicts.items()} == {
        "near": "met", "tall": "met", "same": "met", "strict": "missed", "huge": "not judged",
        "late": "not judged"}
    near = next(one for one in results["slices"]["slices"] if one["value"] == "0-10 m")
    assert round(verdicts["near"]["value"], 6) == near["figures"]["iou"]
    assert "nothing of object height 128+ px" in verdicts["huge"]["found"]
    assert len(capfd.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("tags, words", [
    ("distance: 0-10", "have distance 0-10: did you mean '0-10 m'?"),
    ("distance: 0-10 m, object height: 1-15 px", "both distance and object height"),
])
def test_a_band_that_does_not_exist_is_refused_before_the_work(
        street_bag, tiny_model_folder, tmp_path, capfd, tags, words):
    gate = tmp_path / "gate.yaml"
    gate.write_text(f"groups: {{near: {{tags: {{{tags}}}, requirements: [{{figure: iou, at_least: 0}}]}}}}\n")
    replay([street_bag], tiny_model_folder, tmp_path / "out", *ASKED, "--require", gate, status=2)
    (line,) = capfd.readouterr().err.splitlines()
    assert words in line and not (tmp_path / "out").exists()


def test_evaluations_are_compared_by_band(evaluated, street_bag, tiny_model_folder, tmp_path, capfd):
    output, results = evaluated
    assert main(["replay", "compare", str(output), str(output), "--output", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "compare.json").read_text())["slices"]
    assert [(one["by"], one["value"]) for one in found] == [
        (one["by"], one["value"]) for one in results["slices"]["slices"]]
    assert {one["difference"] for one in found} == {one["low"] for one in found} == {0.0}
    assert {one["figure"] for one in found} == {"iou", "object_recall"}
    page, printed = (tmp_path / "compare.html").read_text(), capfd.readouterr().out
    for title in ("Mean IoU by distance", "Objects found by object height"):
        assert f"<h2>{title}</h2>" in page and title in printed
    other = tmp_path / "other"
    replay([street_bag], tiny_model_folder, other, "--camera-height", 2.5, "--no-report")
    assert main(["replay", "compare", str(output), str(other)]) == 2
    assert "frames had other distances in the second evaluation" in capfd.readouterr().err


@pytest.mark.parametrize("options, words", [
    (("--camera-height", 0), "--camera-height 0 is no height; expected metres above 0"),
    (("--camera-height", -1.3), "--camera-height -1.3 is no height"),
    (("--camera-height", "nan"), "--camera-height nan is no height"),
    (("--camera-height", "inf"), "--camera-height inf is no height"),
    (("--camera-height", 1.3, "--camera-pitch", 90), "--camera-pitch 90: expected degrees from -90 to 90"),
    (("--camera-height", 1.3, "--camera-pitch", "nan"), "--camera-pitch nan"),
    (("--camera-height", 1.3, "--camera-pitch", -80), "show no ground where --camera-pitch is -80 degrees"),
    (("--camera-pitch", 1), "--camera-pitch needs --camera-height"),
    (("--objects", "Bicycle"), "unknown class 'Bicycle': did you mean 'Bicyclist'?"),
])
def test_bad_options_are_one_line_before_the_work(
        street_bag, tiny_model_folder, tmp_path, capfd, options, words):
    assert replay([street_bag], tiny_model_folder, tmp_path / "out", *options, status=2) is None
    (line,) = capfd.readouterr().err.splitlines()
    assert words in line and not (tmp_path / "out").exists()


def test_bands_need_ground_truth(street_bag, tiny_model_folder, tmp_path, capfd):
    for options in (("--camera-height", "1"), ("--objects", "Car")):
        given = [street_bag, "--model", tiny_model_folder, "--output", tmp_path / "out", *options]
        assert main(["replay", *map(str, given)]) == 2
        assert "need ground truth: --labels or --label-topic" in capfd.readouterr().err


def test_a_bag_without_camera_info_is_left_out_beside_others_and_refused_alone(
        street, street_bag, tiny_model_folder, tmp_path, capfd):
    records = [Record(topic, START + place * STEP, pixels) for place, pair in enumerate(street[:3])
               for topic, pixels in zip((IMAGES, LABELS), pair)]
    without = write_bag(tmp_path / "without", records)
    assert replay([without], tiny_model_folder, tmp_path / "alone", *ASKED, status=2) is None
    (line,) = capfd.readouterr().err.splitlines()
    assert "without: camera_info: there is none on /camera/camera_info" in line
    both = replay([without, street_bag], tiny_model_folder, tmp_path / "both", *ASKED, "--no-report")
    assert [bag["name"] for bag in both["bags"]] == ["street"]
    assert "camera_info: there is none" in both["left_out"][0]


def test_parts_of_an_evaluation_without_bands_keep_their_fingerprint(job, street_bag):
    plain = replace(job, camera_height=None, camera_pitch=None, objects=None)
    (part,) = split(street_bag, IMAGES, 5)
    known = {name: value for name, value in asdict(plain).items()
             if name not in ("camera_height", "camera_pitch", "objects")}
    before = sha256(json.dumps([known, asdict(part)], sort_keys=True).encode()).hexdigest()
    assert fingerprint(plain, part) == before != fingerprint(job, part)
