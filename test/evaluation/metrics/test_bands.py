"""Distances are those of the ground that pixels show; objects are connected pixels, found by half of them."""

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="reading bags needs rosbags: pip install bisenet_ros[eval]")

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from recorded_bags import (
    CAMERA_INFO,
    COMPRESSED,
    RAW,
    START,
    Record,
    camera_info,
    picture,
    write_bag,
    write_ros1_bag,
)

from bisenet_core.drives.bag_drive import BagDrive
from bisenet_core.drives.rendering import RenderedDrive
from bisenet_core.errors import InputError
from bisenet_core.evaluation.metrics.bands import (
    BANDS,
    distance_bands,
    distance_counts,
    object_counts,
    recall,
)
from bisenet_core.labels.label_space import CAMVID_11, LabelSpace
from bisenet_core.labels.metrics import ConfusionMatrix, class_counts

SPACE = LabelSpace("three", ("a", "b", "c"), ((0, 0, 0), (1, 1, 1), (2, 2, 2)), 200)


@pytest.fixture
def bands(tmp_path):
    """``bands(info, pitch)``: those of a bag with an image of 96x64 and this camera_info."""

    def of(info, pitch=0.0, topic="/front/image_rect", on="/front/camera_info", kind=RAW, write=write_bag):
        records = [Record(topic, START, picture(0, 96, 64), kind)]
        records += [Record(on, START, info, CAMERA_INFO)] if info else []
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        with BagDrive(write(folder / "drive.bag", records), topic) as drive:
            return distance_bands(drive, 1.5, pitch)

    return of


def named(found):
    return [BANDS["distance"][place] for place in found[:, 0]]


def test_a_level_camera_by_hand(bands):
    found = bands(camera_info(focal=104.0))  # row 31.5 + 104 * 1.5 / x shows the ground x metres ahead
    assert found.shape == (64, 96) and (found == found[:, :1]).all()
    assert named(found) == ["above horizon"] * 32 + ["40+ m"] * 4 + ["20-40 m"] * 4 + ["10-20 m"] * 8 + \
        ["0-10 m"] * 16


@pytest.mark.parametrize("pitch, words", [(-20.0, ["above horizon"] * 64), (60.0, ["0-10 m"] * 64)])
def test_a_camera_may_show_ground_alone_but_not_none(bands, pitch, words):
    if pitch < 0:
        with pytest.raises(InputError, match="show no ground where --camera-pitch is -20 degrees"):
            bands(camera_info(focal=104.0), pitch)
    else:
        assert named(bands(camera_info(focal=104.0), pitch)) == words


def test_the_road_of_the_rendered_street_lies_below_the_horizon_and_its_sky_above(bands):
    drive = RenderedDrive(96, 64, frames=1)
    camera = drive.camera(0)
    found = bands(camera_info(focal=camera.focal), np.degrees(-camera.pitch))
    truth = drive[0][1]
    assert (found[truth == CAMVID_11.id_of("Road")] < 4).all()
    assert (found[truth == CAMVID_11.id_of("Sky")] >= 3).all()


@pytest.mark.parametrize("topic, on, kind, write", [
    ("/front/image_raw/compressed", "/front/camera_info", COMPRESSED, write_bag),
    ("/image_raw", "/camera_info", RAW, write_bag),
    ("/front/image_raw", "/front/camera_info", RAW, write_ros1_bag),
])
def test_camera_info_lies_beside_the_images(bands, topic, on, kind, write):
    assert named(bands(camera_info(), 0.0, topic, on, kind, write))[-1] == "0-10 m"


@pytest.mark.parametrize("info, topic, words", [
    (None, "/front/image_rect", "there is none on /front/camera_info, for .*; topics of that type: none"),
    (camera_info(), "/rear/image_rect", "there is none on /rear/.*; topics .*: /front/camera_info"),
    (b"\0\1\0\0rest", "/front/image_rect", "its 8 bytes are no sensor_msgs/msg/CameraInfo"),
    (camera_info(480, 360), "/front/image_rect", "it is of 480x360, the images are 96x64"),
    (camera_info(d=np.full(5, 0.1)), "/front/image_raw", "distorts, and /front/image_raw is not rectified"),
    (camera_info(d=np.full(5, 0.1), p=np.zeros(12)), "/front/image_rect", "distortion D but no P"),
    (camera_info(k=np.zeros(9), p=np.zeros(12)), "/front/image_rect", "expected a calibrated camera"),
    (camera_info(roi=(8, 8, 64, 48)), "/front/image_rect", "region of interest or binning"),
    (camera_info(binning_x=2), "/front/image_rect", "region of interest or binning"),
])
def test_what_gives_no_distances_is_refused_in_one_line(bands, info, topic, words):
    with pytest.raises(InputError, match=words) as error:
        bands(info, topic=topic)
    assert "no distances in " in str(error.value) and "drive.bag: camera_info: " in str(error.value)
    assert "\n" not in str(error.value)


def test_a_rectified_image_of_a_camera_that_distorts_has_distances(bands):
    found = bands(camera_info(focal=104.0, d=np.full(5, 0.1)))
    np.testing.assert_array_equal(found, bands(camera_info(focal=104.0), topic="/front/image"))


LABELS = arrays(np.uint8, (12, 9), elements=st.sampled_from([0, 1, 2, 255]))


@given(LABELS, arrays(np.uint8, (12, 9), elements=st.sampled_from([0, 1, 2, 200, 255])))
def test_distances_are_counted_row_by_row_and_add_up_to_the_whole(labels, truth):
    bands = np.broadcast_to(np.repeat([4, 3, 2, 0], [3, 4, 4, 1])[:, None], (12, 9))
    found = distance_counts(labels, truth, bands, SPACE)
    whole = class_counts(ConfusionMatrix(3, 200).update(labels, truth).counts)
    np.testing.assert_array_equal(found.sum(axis=0), whole)
    far = class_counts(ConfusionMatrix(3, 200).update(labels[3:7], truth[3:7]).counts)
    np.testing.assert_array_equal(found[3], far)
    assert not found[1].any()


def test_images_of_another_size_have_no_distances():
    labels = np.zeros((4, 4), np.uint8)
    assert distance_counts(labels, labels, np.zeros((4, 5), int), SPACE) is None
    assert distance_counts(labels, labels, None, SPACE) is object_counts(labels, labels, [], SPACE) is None


def test_objects_worked_by_hand():
    truth = np.full((200, 60), 2, np.uint8)
    truth[2:7, 1:3] = 1  # 10 pixels, 5 of them right: found
    truth[20:23, 1:4] = 1  # a speck of 9 pixels does not count
    truth[50:66, 10:14] = 1  # 16 high, 64 pixels, 31 of them right: not found
    truth[66:70, 14] = 0  # another class, though it touches
    truth[100:110, 5], truth[110:130, 6] = 1, 1  # joined at a corner: one of 30, all right
    truth[60:190, 40] = 1  # 130 high, all labelled as another class or as none
    labels = truth.copy()
    labels[2:7, 1], labels[50:66, 12:14], labels[50, 10] = 0, 2, 2
    labels[60:190, 40] = 255
    labels[60:100, 40] = 0
    found = object_counts(labels, truth, [1], SPACE)
    assert found[:, 1].tolist() == [[1, 1, 10, 5], [2, 1, 94, 61], [0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 130, 0]]
    assert not found[:, [0, 2]].any()
    assert recall(found).tolist() == pytest.approx([2 / 4, np.nan, 2 / 4, np.nan], nan_ok=True)
    assert recall(found, pixels=True)[0] == pytest.approx(66 / 234)
