"""However a drive is cut into parts, its frames come to the same, bit by bit."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_bags import COMPRESSED, IMAGES, START, STEP, Record, write_bag
from same_outcomes import assert_same

from bisenet_core import __version__
from bisenet_core.errors import InferenceError, InputError
from bisenet_core.evaluation.replay import worker as worker_module
from bisenet_core.evaluation.replay.job import split
from bisenet_core.evaluation.replay.part_result import unpack_labels
from bisenet_core.evaluation.replay.worker import MOST_OPEN, Worker, evaluate_part
from bisenet_core.labels.metrics import ConfusionMatrix, class_counts
from bisenet_core.runtime.segmenter import Segmenter

FRAMES = 23


@pytest.fixture(scope="module")
def whole(job, street_bag):
    """The street in one part."""
    return evaluate_part(job, *split(street_bag, IMAGES, FRAMES))


def test_every_frame_is_labelled_and_scored(whole, job, street):
    assert [frame.index for frame in whole.frames] == list(range(FRAMES))
    with Segmenter.open(job.model, precision="fp32") as segmenter:
        for frame, (image, truth) in zip(whole.frames, street):
            assert (frame.width, frame.height) == (96, 64)
            assert set(frame.timings_ms) == {"decode", "preprocess", "network", "postprocess", "segment"}
            if frame.index == 5:
                assert frame.confusion is None and frame.calibration is None and frame.boundary is None
                continue
            expected = ConfusionMatrix(11).update(segmenter.segment(image).labels, truth)
            np.testing.assert_array_equal(frame.confusion, expected.counts)
            assert frame.calibration[:, 0].sum() == expected.pixels
            assert frame.boundary.shape == (11, 4)
            np.testing.assert_array_equal(frame.distance.sum(axis=0), class_counts(expected.counts))
            assert frame.objects.shape == (5, 11, 4) and not frame.objects[:, 0].any()


def test_every_frame_but_the_first_is_compared_with_the_one_before(whole):
    assert whole.frames[0].temporal is None
    assert all(frame.temporal.sum() for frame in whole.frames[1:])


@settings(max_examples=8)
@given(size=st.integers(1, FRAMES))
def test_the_same_however_it_is_split(whole, job, street_bag, size):
    parts = split(street_bag, IMAGES, FRAMES, size=size)
    frames = [frame for part in parts for frame in evaluate_part(job, part).frames]
    assert_same(frames, whole.frames)


def test_a_frame_that_cannot_be_read_keeps_its_place(job, street, tmp_path):
    records = [Record(IMAGES, START + i * STEP, image, COMPRESSED) for i, (image, _) in enumerate(street[:5])]
    records[2] = records[2]._replace(pixels=b"\x89PNG no more")
    bag = write_bag(tmp_path / "bag", records)
    without_truth = replace(job, label_topic=None, camera_height=None, objects=None)
    (part,) = split(bag, IMAGES, 5)
    frames = evaluate_part(without_truth, part).frames
    assert [bool(frame.timings_ms) for frame in frames] == [True, True, False, True, True]
    assert [frame.temporal is not None for frame in frames] == [False, True, False, False, True]
    assert frames[2].problem and not frames[3].problem
    parts = split(bag, IMAGES, 5, size=1)
    assert_same([f for part in parts for f in evaluate_part(without_truth, part).frames], frames)


def test_a_frame_that_the_network_fails_on_says_so(job, street_bag, monkeypatch):
    def fail(self, image, color_order, with_confidence=False):
        raise InferenceError("no numbers")

    monkeypatch.setattr(Segmenter, "segment", fail)
    (part,) = split(street_bag, IMAGES, 2)
    assert [frame.problem for frame in evaluate_part(job, part).frames] == ["no numbers"] * 2


def test_few_recordings_are_open_at_a_time(job, street_bag, tmp_path):
    def open_bags():
        files = map(os.path.realpath, Path("/proc/self/fd").iterdir())
        return [file for file in files if file.startswith(str(tmp_path.resolve()))]

    bags = [shutil.copytree(street_bag, tmp_path / f"many{index}") for index in range(MOST_OPEN + 2)]
    with Worker(job) as worker:
        for bag in bags:
            (part,) = split(bag, IMAGES, 1)
            assert worker.look(part, 0)[0].shape == (64, 96, 3)
        assert len(set(open_bags())) == MOST_OPEN
    assert not open_bags()


def test_the_time_of_a_part_is_that_of_its_frames(job, street_bag, monkeypatch):
    now = [0.0]

    def slow(function):
        return lambda *arguments: now.append(now[-1] + 1000.0) or function(*arguments)

    monkeypatch.setattr(worker_module, "perf_counter", lambda: now[-1])
    for name in ("_open_model", "_recording", "_view_before"):
        monkeypatch.setattr(Worker, name, slow(getattr(Worker, name)))
    with Worker(job) as worker:
        (part,) = split(street_bag, IMAGES, 2)
        assert worker.evaluate(part, lambda frames: now.append(now[-1] + 1.0)).seconds == 2.0
    assert now[-1] == 3002.0


def test_a_teacher_of_the_same_weights_agrees(job, street_bag):
    same = {"sha256": job.model_sha256, "settings": job.model_settings}
    taught = replace(
        job, teacher=job.model, **{f"teacher_{key}": value for key, value in same.items()}
    )
    (part,) = split(street_bag, IMAGES, 3)
    for frame in evaluate_part(taught, part).frames:
        assert frame.teacher.sum() == np.trace(frame.teacher) == 96 * 64


def test_kept_labels_are_the_labels(job, street, street_bag):
    (part,) = split(street_bag, IMAGES, 3)
    pngs = evaluate_part(replace(job, keep_labels=True), part).labels
    with Segmenter.open(job.model, precision="fp32") as segmenter:
        for png, (image, _) in zip(pngs, street, strict=False):
            labels, confidence = unpack_labels(png, 64)
            expected = segmenter.segment(image, with_confidence=True)
            np.testing.assert_array_equal(labels, expected.labels)
            np.testing.assert_array_equal(confidence, expected.confidence)
            alone = cv2.imencode(".png", labels)[1].tobytes()  # as parts had it before there was confidence
            kept, nothing = unpack_labels(alone, 64)
            assert (kept == labels).all() and nothing is None


@pytest.mark.parametrize(
    "change, words",
    [
        ({"model_sha256": "1" * 64}, "another network"),
        ({"model_settings": "1" * 64}, "another model.json"),
        ({"opencv_version": "0.1"}, "has OpenCV .* the evaluation 0.1"),
        ({"backend_version": "0.1"}, "the evaluation 0.1"),
        ({"version": "0.0.1"}, f"has bisenet {__version__}"),
        ({"model": "/nowhere"}, "/nowhere"),
    ],
)
def test_a_worker_that_would_come_to_something_else_refuses(job, street_bag, change, words):
    (part,) = split(street_bag, IMAGES, 2)
    with pytest.raises(InputError, match=words):
        evaluate_part(replace(job, **change), part)
