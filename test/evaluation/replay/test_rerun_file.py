"""`bisenet replay --rerun FILE`: Rerun's own reader finds images, named labels and time series in FILE."""

import sys

import numpy as np
import pytest
from recorded_bags import IMAGES, START, STEP

from bisenet_core.cli import main
from bisenet_core.drives.bag_drive import BagDrive
from bisenet_core.labels.label_space import CAMVID_11
from bisenet_core.runtime.segmenter import Segmenter

FRAMES = 23


def replay(bag, model, output, rerun):
    """Exit status of an evaluation of the street."""
    arguments = [bag, "--model", model, "--precision", "fp32", "--topic", IMAGES, "--no-report"]
    return main(["replay", *map(str, arguments), "--output", str(output), "--rerun", str(rerun)])


def columns(path):
    """(entity, column) -> its values, in the order of the recording."""
    chunk = pytest.importorskip("rerun.chunk", reason="needs rerun-sdk: pip install bisenet_ros[rerun]")
    found = {}
    for one in chunk.RrdReader(path).stream().to_chunks():
        batch = one.to_record_batch()
        for name in batch.schema.names:
            times = batch.column(name).cast("int64") if name == "recorded" else batch.column(name)
            if name == "recorded" or ":" in name:
                found.setdefault((one.entity_path, name), []).extend(times.to_pylist())
    return found


def test_it_has_images_named_labels_and_time_series(street_bag, tiny_model_folder, tmp_path):
    pytest.importorskip("rerun", reason="needs rerun-sdk: pip install bisenet_ros[rerun]")
    path = tmp_path / "street.rrd"
    path.write_text("an earlier one")
    assert replay(street_bag, tiny_model_folder, tmp_path / "out", path) == 0
    found = columns(path)
    ((classes,),) = found["/", "AnnotationContext:context"]
    infos = [each["class_description"]["info"] for each in classes]
    known = {info["id"]: (info["label"], tuple(info["color"].to_bytes(4, "big"))) for info in infos}
    assert known.pop(255) == ("unlabeled", (0, 0, 0, 0))
    assert known == {index: (name, (*CAMVID_11.palette[index], 255))
                     for index, name in enumerate(CAMVID_11.classes)}
    assert len(found["/street/camera", "EncodedImage:blob"]) == FRAMES
    assert found["/street/camera/labels", "recorded"] == [START + index * STEP for index in range(FRAMES)]
    buffers = found["/street/camera/labels", "SegmentationImage:buffer"]
    with Segmenter.open(str(tiny_model_folder), precision="fp32") as segmenter:
        for frame, (buffer,) in zip(BagDrive(street_bag, IMAGES).frames(), buffers, strict=True):
            expected = segmenter.segment(frame.image, "rgb").labels
            np.testing.assert_array_equal(np.array(buffer, np.uint8), expected.reshape(-1))
    for name in ("latency_ms", "mean_confidence", "dropped_as_driven"):
        values = np.array(found[f"/street/{name}", "Scalars:scalars"])
        assert values.shape == (FRAMES, 1) and np.isfinite(values).all()


@pytest.mark.parametrize("name, words", [("drive.mcap", "ends in .rrd"), ("none/x.rrd", "cannot write")])
def test_a_file_that_cannot_be_is_one_line(street_bag, tiny_model_folder, tmp_path, capfd, name, words):
    pytest.importorskip("rerun", reason="needs rerun-sdk: pip install bisenet_ros[rerun]")
    assert replay(street_bag, tiny_model_folder, tmp_path / "out", tmp_path / name) == 2
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("bisenet: ")]
    assert words in line
    assert not (tmp_path / name).exists()
    assert (tmp_path / "out").exists() == name.endswith(".rrd")  # a bad name is refused before the work


def test_a_full_disk_is_one_line_and_leaves_the_file_before(
    street_bag, tiny_model_folder, tmp_path, capfd, monkeypatch
):
    rerun = pytest.importorskip("rerun", reason="needs rerun-sdk: pip install bisenet_ros[rerun]")
    save = rerun.RecordingStream.save
    monkeypatch.setattr(rerun.RecordingStream, "save", lambda stream, path: save(stream, "/dev/full"))
    before = tmp_path / "street.rrd"
    before.write_text("an earlier one")
    assert replay(street_bag, tiny_model_folder, tmp_path / "out", before) == 2
    assert "make room or choose another --rerun" in capfd.readouterr().err
    assert before.read_text() == "an earlier one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "street.rrd"]


def test_without_the_sdk_it_says_what_to_install(street_bag, tiny_model_folder, tmp_path, capfd, monkeypatch):
    monkeypatch.setitem(sys.modules, "rerun", None)
    assert replay(street_bag, tiny_model_folder, tmp_path / "out", tmp_path / "x.rrd") == 2
    assert "pip install 'bisenet_ros[rerun]'" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []
