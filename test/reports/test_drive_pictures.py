"""Overlay video and contact sheet: what is written is what a person then sees."""

import resource

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisenet_core.drives.image_files import read_image
from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import CAMVID_11
from bisenet_core.reports.drive_pictures import (
    MAX_PANEL_WIDTH,
    ContactSheet,
    OverlayVideo,
    legend_strip,
    side_by_side,
)
from bisenet_core.reports.parts.panels import evenly_spaced

ROAD = CAMVID_11.id_of("Road")


def grey(width, height, value=100):
    return np.full((height, width, 3), value, np.uint8)


def road(width, height):
    return np.full((height, width), ROAD, np.uint8)


def test_pair_shows_the_image_left_and_its_labels_right():
    pair = side_by_side(grey(64, 48), road(64, 48), CAMVID_11, 64)
    assert pair.shape == (48, 128, 3)
    assert (pair[:, :64] == 100).all()
    np.testing.assert_allclose(pair[20, 100], (np.array(CAMVID_11.palette[ROAD]) + 100) / 2, atol=1)


@pytest.mark.parametrize("size", [(1, 1), (2000, 1), (1, 300)])
def test_pair_of_an_image_that_is_all_length(size):
    assert side_by_side(grey(*size), road(*size), CAMVID_11, 320).shape[1:] == (640, 3)


@pytest.mark.parametrize("width", [100, 640, 1944])
def test_legend_is_as_wide_as_asked(width):
    assert legend_strip(CAMVID_11, width).shape[1] == width


def test_video_plays_with_the_frames_that_were_written(tmp_path):
    path = tmp_path / "overlay.mp4"
    with OverlayVideo(path, CAMVID_11, rate=12.5) as video:
        for value in (40, 120, 200):
            video.add(grey(63, 47, value), road(63, 47))
    capture = cv2.VideoCapture(str(path))
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(12.5)
    frames = [capture.read()[1] for _ in range(3)]
    assert not capture.read()[0]
    for frame, value in zip(frames, (40, 120, 200)):
        assert frame[5:40, 5:50].mean() == pytest.approx(value, abs=6)


def test_video_takes_frames_of_other_sizes_and_narrows_wide_ones(tmp_path):
    path = tmp_path / "overlay.mp4"
    with OverlayVideo(path, CAMVID_11, rate=10) as video:
        video.add(grey(1200, 100), road(1200, 100))
        video.add(grey(50, 90), road(50, 90))
    capture = cv2.VideoCapture(str(path))
    assert capture.get(cv2.CAP_PROP_FRAME_WIDTH) == 2 * MAX_PANEL_WIDTH
    assert video.frames == capture.get(cv2.CAP_PROP_FRAME_COUNT) == 2


def test_video_that_cannot_be_written_is_one_line(tmp_path):
    with pytest.raises(InputError, match="cannot write the video"), OverlayVideo(
        tmp_path / "nowhere" / "overlay.mp4", CAMVID_11, 10
    ) as video:
        video.add(grey(64, 48), road(64, 48))


def test_a_video_for_which_the_disk_is_too_small_is_one_line(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3)).astype(np.uint8)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))  # as a disk without room
    try:
        with pytest.raises(InputError, match="cannot write the video .*File too large; choose an"), \
                OverlayVideo(tmp_path / "overlay.mp4", CAMVID_11, 10) as video:
            for _ in range(20):
                video.add(noise, road(200, 200))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_sheet_shows_frames_spread_over_the_drive(tmp_path):
    sheet = ContactSheet(CAMVID_11, total=50, cells=4, columns=2)
    for position in range(50):
        sheet.offer(position, grey(64, 48, position * 4), road(64, 48), str(position))
    sheet.write(tmp_path / "sheet.png")
    picture = read_image(tmp_path / "sheet.png")
    found = [picture[top + 100, left + 100].mean() for top in (0, 270) for left in (0, 648)]
    np.testing.assert_allclose(found, [0, 64, 132, 196], atol=5)


def test_sheet_of_a_single_frame():
    sheet = ContactSheet(CAMVID_11, total=1)
    sheet.offer(0, grey(64, 48), road(64, 48), "only")
    assert sheet.picture().shape[1] > 600


@given(total=st.integers(0, 10_000), count=st.integers(1, 30))
def test_spread_takes_both_ends_and_no_more_than_asked(total, count):
    chosen = evenly_spaced(total, count)
    assert len(chosen) == min(total, count)
    assert chosen <= set(range(total))
    if total and count > 1:
        assert {0, total - 1} <= chosen
