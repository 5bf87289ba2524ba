"""Mining: chosen frames are unsure ones, lie apart, and are a data set that training takes as it is."""

import csv

import cv2
import numpy as np
import pytest

pytest.importorskip("rosbags", reason="reading bags needs rosbags: pip install bisenet_ros[eval]")

from recorded_bags import COMPRESSED, IMAGES, START, STEP, Record, write_bag

from bisenet_core.cli import main
from bisenet_core.evaluation.replay.mining import SIGNALS, _scores


def run(bag, output, model, *options):
    arguments = [bag, "--topic", IMAGES, "--model", model, "--precision", "fp32", "--no-report",
                 "--output", output, *options]
    assert main(["replay", *map(str, arguments)]) == 0
    with open(output / "mined" / "mined.csv", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_mined_frames_are_a_data_set_with_the_labels_of_the_model(
        street_bag, street, tiny_model_folder, write_model_folder, tiny_network_onnx, tmp_path):
    teacher = write_model_folder(tmp_path / "teacher", tiny_network_onnx(seed=1))
    options = ["--mine", 4, "--teacher", teacher, "--jobs", 2]
    found = run(street_bag, tmp_path / "out", tiny_model_folder, *options)
    assert all(0 <= float(row[name] or 0) <= 1 for row in found for name in SIGNALS)
    scores = [float(row["score"]) for row in found]
    assert len(found) == 4 and scores == sorted(scores, reverse=True) and 0.5 < scores[0] <= 1
    indices = sorted(int(row["name"][-6:]) for row in found)
    assert min(np.diff(indices)) > 1, "neighbours show the same"
    split = tmp_path / "out" / "mined" / "mined"
    options = ["--precision", "fp32", "--no-overlays", "--model", tiny_model_folder]
    options += ["--output", tmp_path / "same"]
    assert main(["segment", str(split / "images"), *map(str, options)]) == 0
    for row, index in zip(sorted(found, key=lambda row: row["name"]), indices):
        image = cv2.imread(str(split / "images" / f"{row['name']}.png"))[..., ::-1]
        np.testing.assert_array_equal(image, street[index][0])
        names = (folder / f"{row['name']}.png" for folder in (split / "labels", tmp_path / "same" / "labels"))
        one, other = (cv2.imread(str(name), cv2.IMREAD_UNCHANGED) for name in names)
        np.testing.assert_array_equal(one, other)
    pytest.importorskip("torch", reason="the data set is read as training reads it")
    check = ["data", "check", "--dataset", "folder", "--root", tmp_path / "out" / "mined", "--split", "mined"]
    assert main([*map(str, check)]) == 0, "it has no problems"


def test_a_signal_raises_the_frames_in_which_it_is_high():
    rng = np.random.default_rng(0)
    signals = rng.random((50, 3)) / 10
    signals[7] = 1.0
    signals[11] = (1.0, np.nan, 1.0)
    signals[23, 2] = np.nan
    assert set(np.argsort(-_scores(signals))[:2]) == {7, 11}
    without_teacher = np.column_stack([signals[:, 0], np.full(50, np.nan), signals[:, 2]])
    assert np.isfinite(_scores(without_teacher)).all()
    assert set(np.argsort(-_scores(without_teacher))[:2]) == {7, 11}


def test_frames_without_labels_are_never_chosen_and_few_are_all_chosen(street, tiny_model_folder, tmp_path):
    records = [Record(IMAGES, START + i * STEP, image, COMPRESSED) for i, (image, _) in enumerate(street[:5])]
    records[2] = records[2]._replace(pixels=b"no picture")
    bag = write_bag(tmp_path / "a drive: one", records)
    found = run(bag, tmp_path / "out", tiny_model_folder, "--mine", 50)
    assert sorted(row["name"] for row in found) == [f"00_a_drive__one_{index:06d}" for index in (0, 1, 3, 4)]
    assert all(row["disagreement"] == "" for row in found)
    assert len(list((tmp_path / "out" / "mined" / "mined" / "images").iterdir())) == 4


def test_resumption_mines_the_same_beside_what_was_corrected(
        street_bag, tiny_model_folder, tmp_path, capsys):
    again = (street_bag, tmp_path / "out", tiny_model_folder, "--mine", 3, "--resume")
    first = run(*again[:-1])
    corrected = tmp_path / "out" / "mined" / "mined" / "labels" / f"{first[0]['name']}.png"
    corrected.write_bytes(b"by hand")
    with pytest.raises(AssertionError):
        run(*again)
    assert "corrected by hand; move it" in capsys.readouterr().err
    assert corrected.read_bytes() == b"by hand"
    (tmp_path / "out" / "mined").rename(tmp_path / "mine")
    assert run(*again) == first
