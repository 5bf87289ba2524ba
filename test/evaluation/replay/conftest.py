"""A recorded drive with ground truth, and what it takes to evaluate it."""

import pytest

pytest.importorskip("rosbags", reason="reading bags needs rosbags: pip install bisenet_ros[eval]")

from recorded_bags import (
    CAMERA_INFO,
    IMAGES,
    LABELS,
    RAW,
    START,
    STEP,
    Record,
    camera_info,
    write_bag,
)

from bisenet_core.drives.rendering import RenderedDrive
from bisenet_core.evaluation.replay.job import ReplayJob, settings_of, split
from bisenet_core.runtime.segmenter import Segmenter

FRAMES = 23


@pytest.fixture(scope="session")
def street():
    """23 pairs of 64x96x3 uint8 RGB and 64x96 uint8 CamVid-11 ids."""
    return list(map(RenderedDrive(96, 64, frames=FRAMES).__getitem__, range(FRAMES)))


@pytest.fixture(scope="session")
def street_bag(street, tmp_path_factory):
    """A bag of the street at 10 Hz, its ids on the topic LABELS but for frame 5, and its camera_info. Do not
    change it."""
    images = [Record(IMAGES, START + i * STEP, image) for i, (image, _) in enumerate(street)]
    labels = [Record(LABELS, START + i * STEP, ids, RAW) for i, (_, ids) in enumerate(street) if i != 5]
    info = Record("/camera/camera_info", START, camera_info(), CAMERA_INFO)
    records = sorted([info, *images, *labels], key=lambda record: record.time)
    return write_bag(tmp_path_factory.mktemp("bags") / "street", records)


@pytest.fixture(scope="session")
def job(tiny_model_folder):
    """A ReplayJob of the tiny model against the topic LABELS, with all that can be counted."""
    pytest.importorskip("openvino", reason="the model is run with openvino")
    with Segmenter.open(str(tiny_model_folder), precision="fp32") as segmenter:
        card, backend = segmenter.card, segmenter.backend
        model = str(tiny_model_folder), card.onnx_sha256, settings_of(segmenter)
        return ReplayJob(*model, backend.name, "fp32", backend.version, label_topic=LABELS,
                         camera_height=1.32, camera_pitch=0.7, objects=("Car", "Pedestrian"))


@pytest.fixture
def street_parts(street_bag):
    """``street_parts(size)``: the bag in parts of that many frames."""
    return lambda size: split(street_bag, IMAGES, FRAMES, size=size)
