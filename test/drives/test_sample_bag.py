"""`scripts/sample_bag` writes a drive that this package plays and that other readers open."""

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="writing bags needs rosbags: pip install bisenet_ros[eval]")

from rosbags.highlevel import AnyReader

from bisenet_core.drives.bag_drive import BagDrive
from bisenet_core.drives.opening import open_truth
from bisenet_core.drives.rendering import RenderedDrive
from bisenet_core.labels.label_space import CAMVID_11

ROOT = Path(__file__).resolve().parents[2]
SIZE, FRAMES = (64, 48), 3


@pytest.fixture
def write(capsys):
    """Call it to run the script; it returns what that says on stderr."""
    loader = SourceFileLoader("sample_bag", str(ROOT / "scripts/sample_bag"))
    script = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(script)

    def write(folder, *options, status=0):
        assert script.main([str(folder), "--size", "64x48", "--frames", str(FRAMES), *options]) == status
        return capsys.readouterr().err

    return write


def frames(folder):
    """Its frames with the truth on /labels, found without naming the image topic."""
    with BagDrive(folder, truth=open_truth(None, "/labels", folder, CAMVID_11)) as drive:
        return list(drive.frames())


@pytest.mark.parametrize("images", ["png", "jpeg", "raw"])
def test_images_and_labels_are_those_of_the_rendered_drive(write, tmp_path, images):
    write(tmp_path / "drive", "--images", images)
    found = frames(tmp_path / "drive")
    assert len(found) == FRAMES
    for frame, (image, labels) in zip(found, RenderedDrive(*SIZE, frames=FRAMES)):
        difference = np.abs(frame.image.astype(int) - image)
        assert (difference.max() == 0) == (images != "jpeg") and difference.mean() < 8
        np.testing.assert_array_equal(frame.truth, labels)
        assert frame.frame_id == "camera_optical_frame"


def test_camera_info_is_that_of_the_camera_and_names_of_the_labels_come_first(write, tmp_path):
    write(tmp_path / "drive")
    with AnyReader([tmp_path / "drive"]) as reader:
        messages = [(c.topic, reader.deserialize(data, c.msgtype)) for c, _, data in reader.messages()]
    assert sorted({topic for topic, _ in messages}) == [
        "/camera/camera_info", "/camera/image_raw/compressed", "/label_info", "/labels"]
    topic, names = messages[0]
    assert topic == "/label_info"
    assert [one.class_name for one in names.class_map] == list(CAMVID_11.classes)
    info = next(message for topic, message in messages if topic == "/camera/camera_info")
    camera = RenderedDrive(*SIZE, frames=FRAMES).camera(0)
    ahead = camera.position + 10 * camera.rotation[2] + camera.rotation[0]  # a metre to the right
    u, v = camera.project(ahead)[0]
    x, y, w = info.p.reshape(3, 4) @ (1.0, 0.0, 10.0, 1.0)
    assert (x / w, y / w) == pytest.approx((u, v))
    assert info.k.reshape(3, 3).tolist() == info.p.reshape(3, 4)[:, :3].tolist()
    assert (info.width, info.height, info.d.any()) == (*SIZE, False)


def test_nothing_is_replaced_and_bad_input_is_one_line(write, tmp_path):
    write(tmp_path / "drive")
    before = sorted(path.read_bytes() for path in (tmp_path / "drive").iterdir())
    assert "exists already; a bag never replaces anything" in write(tmp_path / "drive", status=2)
    assert sorted(path.read_bytes() for path in (tmp_path / "drive").iterdir()) == before
    assert len(write(tmp_path / "small", "--size", "8x8", status=2).splitlines()) == 1
    assert not (tmp_path / "small").exists()
