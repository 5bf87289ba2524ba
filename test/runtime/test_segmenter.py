import numpy as np
import pytest

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import CAMVID_11
from bisenet_core.runtime.segmenter import Segmenter

pytest.importorskip("openvino", reason="a backend is needed")


@pytest.fixture(scope="module")
def segmenter(tiny_model_folder):
    with Segmenter.open(str(tiny_model_folder), precision="fp32") as opened:
        yield opened


def test_it_says_what_it_runs(segmenter):
    assert segmenter.card.name == "tiny"
    assert segmenter.label_space == CAMVID_11
    assert (segmenter.backend.name, segmenter.backend.precision) == ("openvino", "fp32")


@pytest.mark.parametrize("color_order, shape", [
    ("rgb", (40, 50, 3)), ("bgr", (64, 96, 3)), ("rgba", (90, 120, 4)), ("bgra", (33, 47, 4)),
    ("mono", (100, 80)), ("uyvy", (70, 98, 2)), ("yuyv", (64, 96, 2))])
def test_labels_have_the_images_size_and_ids_of_the_label_space(segmenter, color_order, shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    untouched = image.copy()
    result = segmenter.segment(image, color_order, with_confidence=True)
    assert result.labels.shape == result.confidence.shape == shape[:2]
    assert result.labels.dtype == result.confidence.dtype == np.uint8
    assert result.labels.max() < CAMVID_11.num_classes and result.confidence.min() >= 255 // 11
    assert (image == untouched).all()


def test_timings_add_up(segmenter):
    timings = segmenter.segment(np.zeros((64, 96, 3), np.uint8)).timings
    parts = timings["preprocess_ms"] + timings["network_ms"] + timings["postprocess_ms"]
    assert 0 < parts <= timings["total_ms"]


def test_a_padded_read_only_view_of_a_message_is_taken_as_it_is(segmenter):
    buffer = np.random.default_rng(0).integers(0, 256, 64 * 300, dtype=np.uint8).tobytes()
    rows = np.frombuffer(buffer, np.uint8).reshape(64, 300)[:, :288]  # 12 bytes of padding per row
    view = np.lib.stride_tricks.as_strided(rows, (64, 96, 3), (300, 3, 1), writeable=False)
    assert (segmenter.segment(view).labels == segmenter.segment(view.copy()).labels).all()


VIEWS = {
    "reversed channels": lambda image: image[..., ::-1], "mirrored": lambda image: image[:, ::-1],
    "every second column": lambda image: image[:, ::2], "upside down": lambda image: image[::-1],
    "planes": lambda image: np.ascontiguousarray(np.moveaxis(image, -1, 0)).transpose(1, 2, 0)}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("color_order, channels", [("rgb", 3), ("bgr", 3), ("rgba", 4), ("mono", 0)])
def test_backends_get_rows_that_are_copied_in_one_piece(segmenter, monkeypatch, view, color_order, channels):
    image = np.random.default_rng(0).integers(0, 256, (60, 80) + (channels,) * bool(channels), dtype=np.uint8)
    if not channels and view is VIEWS["planes"]:
        return
    seen, infer = [], segmenter.backend.infer
    monkeypatch.setattr(segmenter.backend, "infer", lambda one, order, *rest: (
        seen.append((one, order)), infer(one, order, *rest))[1])
    labels = segmenter.segment(view(image), color_order).labels
    (given, order), = seen
    assert given[0].flags.c_contiguous
    assert (labels == segmenter.segment(view(image).copy(), color_order).labels).all()
    if view is VIEWS["reversed channels"] and channels == 3:
        assert order == color_order[::-1] and np.shares_memory(given, image)  # nothing was copied


def test_the_input_size_can_be_chosen(tiny_model_folder):
    with Segmenter.open(tiny_model_folder, precision="fp32", input_width=160) as wider:
        assert wider.backend.input_size == (160, 64)
    with pytest.raises(InputError, match="input size -1x0"):
        Segmenter.open(tiny_model_folder, input_width=-1)


def test_bad_images_are_refused(segmenter):
    with pytest.raises(InputError, match="expected uint8 HxWx3"):
        segmenter.segment(np.zeros((4, 4), np.uint8))
    with pytest.raises(InputError, match="unknown color_order 'yuv'"):
        segmenter.segment(np.zeros((4, 4, 3), np.uint8), "yuv")


def test_closed_is_closed(tiny_model_folder):
    with Segmenter.open(tiny_model_folder, precision="fp32") as segmenter:
        pass
    with pytest.raises(RuntimeError, match="has been closed"):
        segmenter.segment(np.zeros((4, 4, 3), np.uint8))


def test_a_model_that_is_not_there_is_named():
    with pytest.raises(InputError, match="model 'no_such_net' not found"):
        Segmenter.open("no_such_net")
