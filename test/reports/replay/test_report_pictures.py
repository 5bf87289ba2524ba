"""Which frames are shown, and what is in their pictures."""

import base64

import cv2
import numpy as np

from bisenet_core.reports.parts.panels import difference
from bisenet_core.reports.replay.frame_table import FrameTable
from bisenet_core.reports.replay.pictures import choose, take_pictures


def _decoded(uri):
    data = base64.b64decode(uri.split(",")[1])
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def _table(evaluation, **options):
    results, rows = evaluation(**options)
    return FrameTable(rows, results["bags"]), rows


def test_the_worst_come_first_and_neighbours_are_left_out(evaluation):
    frames, _ = _table(evaluation)
    (chosen, ranking), values = choose(frames), frames.column("miou")
    assert ranking == "miou"
    assert chosen["worst"][0] == values.argmin() and chosen["best"][0] == values.argmax()
    assert len(chosen["film"]) == 12 and chosen["film"][0] == 0 and chosen["film"][-1] == 39
    for group in ("worst", "best"):
        assert len(chosen[group]) == 4
        assert np.diff(sorted(chosen[group])).min() > 1
    assert not set(chosen["worst"]) & set(chosen["best"])


def test_a_short_drive_shows_no_frame_as_best_and_worst(evaluation):
    for frames in (1, 2, 3, 5, 9):
        chosen, _ = choose(_table(evaluation, frames=frames)[0])
        assert chosen["worst"] and not set(chosen["worst"]) & set(chosen["best"])
        assert len(chosen["film"]) == frames


def test_without_truth_frames_are_ranked_by_steadiness_or_the_teacher(evaluation):
    frames, rows = _table(evaluation, truth=False)
    assert choose(frames)[1] == "consistency"
    for row in rows:
        row["teacher_agreement"] = 0.5
    assert choose(FrameTable(rows, [{"name": "drive"}]))[1] == "teacher_agreement"


def test_a_frame_that_was_not_labelled_is_not_chosen(evaluation):
    results, rows = evaluation()
    for row in rows[1:]:
        row["segment_ms"] = None
    chosen, _ = choose(FrameTable(rows, results["bags"]))
    assert chosen["film"] == [0] and set(chosen["worst"] + chosen["best"]) == {0}


def test_each_frame_is_looked_at_once_in_order(evaluation, look):
    results, rows = evaluation(bags=("first", "second"))
    asked, show = [], look()
    take_pictures(results, rows, lambda bag, index: (asked.append((bag, index)), show(bag, index))[1])
    assert asked == sorted(set(asked))


def test_a_frame_is_shown_as_image_truth_prediction_and_difference(evaluation, look):
    pictures = take_pictures(*evaluation(), look())
    worst = [picture for picture in pictures if picture.group == "worst"]
    assert [caption for caption, _ in worst[0].panels] == ["Image", "Truth", "Prediction", "Difference"]
    assert all(_decoded(uri).shape == (64, 96, 3) for _, uri in worst[0].panels)
    assert tuple(_decoded(worst[0].panels[2][1])[30, 90]) == (128, 64, 128)  # Road


def test_without_truth_the_frame_before_stands_beside(evaluation, look):
    pictures = take_pictures(*evaluation(truth=False), look(truth=False))
    captions = {picture.group: [caption for caption, _ in picture.panels] for picture in pictures}
    assert captions["worst"] == ["Image", "Frame before", "Prediction"]
    assert captions["film"] == ["Labels over the image"]


def test_pictures_of_large_images_are_bounded(evaluation):
    def show(bag, index):
        noise = np.random.default_rng(index).integers(0, 255, (1080, 1920, 3), np.uint8)
        return noise, None, np.zeros((1080, 1920), np.uint8)

    pictures = take_pictures(*evaluation(truth=False), show)
    assert max(_decoded(uri).shape[1] for picture in pictures for _, uri in picture.panels) <= 440
    assert sum(len(uri) for picture in pictures for _, uri in picture.panels) < 3e6


def test_the_difference_tells_right_wrong_and_unknown_apart():
    image = np.full((1, 3, 3), 200, np.uint8)
    pixels = difference(image, np.uint8([[1, 1, 255]]), np.uint8([[1, 2, 1]]), 11)[0]
    assert len(set(pixels[0])) == 1 and pixels[0, 0] > 100
    assert pixels[1, 0] == 255 and pixels[1, 1] < 60
    assert pixels[2].max() < 50
