import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisenet_core.errors import InferenceError
from bisenet_core.runtime import postprocessing
from bisenet_core.runtime.postprocessing import (
    ALIGN_CORNERS,
    HALF_PIXEL,
    UPSAMPLINGS,
    LogitUpsampler,
    labels_from_logits,
    nearest_index,
)

# Two scores this close may be ordered either way by float32 rounding: of scores below 16, seven roundings of
# 2 ** -24 come to 7e-6 at most.
NEAR_TIE = 1e-4


def upsampled(logits, size, upsampling=HALF_PIXEL):
    """Reference: every class at full size, float64. CxHxW, size (height, width)."""
    result = logits.astype(np.float64)
    for axis, target in ((1, size[0]), (2, size[1])):
        length = logits.shape[axis]
        source = np.clip((np.arange(target) + 0.5) * length / target - 0.5, 0, length - 1)
        if upsampling == ALIGN_CORNERS:
            source = np.linspace(0, length - 1, target)
        low = np.floor(source).astype(int)
        high = np.minimum(low + 1, length - 1)
        weight = (source - low).reshape((1, -1, 1) if axis == 1 else (1, 1, -1))
        result = result.take(low, axis) * (1 - weight) + result.take(high, axis) * weight
    return result


def nearest(image, size):
    rows, cols = (np.floor((np.arange(target) + 0.5) * source / target).astype(int)
                  for source, target in zip(image.shape, size))
    return image[rows][:, cols]


def random_logits(classes, rows, cols, seed, kind):
    """Noise; regions of confident classes; or small integers, full of exact ties."""
    rng = np.random.default_rng(seed)
    if kind == "ties":
        return rng.integers(0, 3, (classes, rows, cols)).astype(np.float32)
    logits = rng.standard_normal((classes, rows, cols))
    if kind == "regions":
        regions = rng.integers(0, classes, (3, 3)).repeat(4, 0).repeat(4, 1)[:rows, :cols]
        logits += 8 * (np.arange(classes)[:, None, None] == regions)
    return logits.astype(np.float32)


CASES = st.builds(random_logits, st.integers(1, 7), st.integers(1, 12), st.integers(1, 12), st.integers(0, 9),
                  st.sampled_from(["noise", "regions", "ties"]))
SIZES = st.tuples(st.integers(1, 100), st.integers(1, 100))


@settings(deadline=None)
@given(CASES, SIZES, st.sampled_from(UPSAMPLINGS))
def test_labels_are_the_argmax_of_the_upsampled_logits_for_any_sizes(logits, size, upsampling):
    labels = LogitUpsampler(logits.shape[1:], size, size, upsampling).labels(logits)
    assert labels.shape == size and labels.dtype == np.uint8
    full = upsampled(logits, size, upsampling)
    rows, cols = np.indices(size)
    assert (full[labels, rows, cols] >= full.max(axis=0) - NEAR_TIE).all()
    clear = (full >= full.max(axis=0) - NEAR_TIE).sum(axis=0) == 1
    assert (labels == full.argmax(axis=0))[clear].all()


@settings(deadline=None)
@given(CASES, SIZES, st.sampled_from(UPSAMPLINGS), st.sampled_from([0.1, 1.0, 1.7, 10.0]))
def test_confidence_is_the_softmax_of_the_winner(logits, size, upsampling, temperature):
    upsampler = LogitUpsampler(logits.shape[1:], size, size, upsampling)
    labels, confidence = upsampler.labels_and_confidence(logits, temperature)
    assert (labels == upsampler.labels(logits)).all()
    full = upsampled(logits, size, upsampling)
    probability = 1.0 / np.exp((full - full.max(axis=0)) / temperature).sum(axis=0)
    # half a level to the next, and what float32 rounds and _NEGLIGIBLE leaves out
    assert np.abs(confidence - 255 * probability).max() <= 0.5 + 1e-3


@settings(deadline=None)
@given(CASES, SIZES, SIZES)
def test_the_output_size_is_reached_by_nearest_neighbour(logits, network, output):
    full = LogitUpsampler(logits.shape[1:], network, network).labels_and_confidence(logits)
    resized = LogitUpsampler(logits.shape[1:], network, output).labels_and_confidence(logits)
    for image, expected in zip(resized, full):
        assert (image == nearest(expected, output)).all()


@given(st.integers(1, 40), st.integers(1, 30))
def test_a_tie_goes_to_the_lowest_id(rows, cols):
    logits = np.zeros((5, rows, cols), np.float32)
    logits[2:] = 1.0
    assert (LogitUpsampler((rows, cols), (64, 48), (64, 48)).labels(logits) == 2).all()


@given(CASES, SIZES)
def test_a_copy_of_the_classes_with_higher_ids_never_wins(logits, size):
    upsampler = LogitUpsampler(logits.shape[1:], size, size)
    assert (upsampler.labels(np.concatenate([logits, logits])) == upsampler.labels(logits)).all()


def test_a_class_that_wins_at_no_corner_can_win_between_them():
    logits = np.array([[[10.0, 0.0]], [[0.0, 10.0]], [[7.0, 7.0]]], np.float32)
    labels = LogitUpsampler((1, 2), (8, 16), (8, 16)).labels(logits)
    assert labels[0].tolist() == [0] * 6 + [2] * 4 + [1] * 6


def test_aligned_corners_lie_on_the_outermost_pixels():
    logits = np.array([[[10.0, 0.0]], [[0.0, 10.0]], [[7.0, 7.0]]], np.float32)
    labels = LogitUpsampler((1, 2), (8, 16), (8, 16), ALIGN_CORNERS).labels(logits)
    assert labels[0].tolist() == [0] * 5 + [2] * 6 + [1] * 5


@pytest.mark.parametrize("size", [(512, 256), (500, 250), (512, 1024)])
def test_both_ways_are_torchs(size):
    """As published code upsamples its logits; the other way would change 2% of the labels and more."""
    torch = pytest.importorskip("torch", reason="an independent upsampling")
    logits = random_logits(19, 32, 64, 0, "noise")[None]
    exact = torch.from_numpy(logits).double()
    for upsampling in UPSAMPLINGS:
        aligned = upsampling == ALIGN_CORNERS
        full = torch.nn.functional.interpolate(exact, size[::-1], mode="bilinear", align_corners=aligned)
        labels, _ = labels_from_logits(logits, size, size, upsampling=upsampling)
        differing = labels != full.argmax(1)[0].numpy()
        best, second = full[0].topk(2, dim=0).values.numpy()
        assert not differing[best - second > NEAR_TIE].any()
        other, = set(UPSAMPLINGS) - {upsampling}
        assert (labels_from_logits(logits, size, size, upsampling=other)[0] != labels).mean() > 0.02


def test_many_cells_are_evaluated_in_parts(monkeypatch):
    logits = random_logits(19, 12, 12, 0, "regions")
    upsampler = LogitUpsampler((12, 12), (96, 96), (96, 96))
    whole = upsampler.labels_and_confidence(logits)
    monkeypatch.setattr(postprocessing, "_CHUNK", 7)
    parts = upsampler.labels_and_confidence(logits)
    assert all((a == b).all() for a, b in zip(whole, parts))


@pytest.mark.parametrize("source, target, expected", [
    (4, 4, [0, 1, 2, 3]), (2, 4, [0, 0, 1, 1]), (4, 2, [1, 3]), (3, 2, [0, 2]), (1, 3, [0, 0, 0])])
def test_nearest_index_uses_half_pixel_centres(source, target, expected):
    assert nearest_index(source, target).tolist() == expected


def test_labels_have_the_output_size_and_are_new_every_time():
    logits = np.random.default_rng(0).standard_normal((1, 5, 8, 12)).astype(np.float32)
    labels, confidence = labels_from_logits(logits, (96, 64), (130, 70))
    assert labels.shape == (70, 130) and confidence is None
    again, confidence = labels_from_logits(logits, (96, 64), (130, 70), with_confidence=True)
    assert (labels == again).all() and not np.shares_memory(labels, again)
    assert confidence.shape == (70, 130) and confidence.dtype == np.uint8


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_numbers_are_an_error(value):
    logits = np.zeros((1, 5, 8, 12), np.float32)
    logits[0, 3, 4, 5] = value
    with pytest.raises(InferenceError, match="not finite numbers"):
        labels_from_logits(logits, (96, 64), (96, 64))
