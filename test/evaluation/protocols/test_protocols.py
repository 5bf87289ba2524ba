"""What the protocols have in common, and what each of them computes."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisenet_core.errors import InputError
from bisenet_core.evaluation.backend_agreement import widest_tie
from bisenet_core.evaluation.protocols import make_protocol
from bisenet_core.runtime.postprocessing import HALF_PIXEL, UPSAMPLINGS

SIDES = st.integers(32, 80)
SEEDS = st.integers(0, 1000)
FEW = settings(max_examples=8)


def assert_same(found, expected, logits, size):
    """Equal labels but for ties, of upsampled ``logits``, that rounding decides."""
    assert found.shape == expected.shape and found.dtype == np.uint8
    assert widest_tie(logits, size, found, expected, HALF_PIXEL) < 1e-3
    assert (found == expected).mean() > 0.99


@FEW
@given(width=SIDES, height=SIDES, seed=SEEDS, beyond=st.sampled_from([0, 1, 300]))
def test_a_window_as_large_as_the_image_is_single_scale(network, make_image, width, height, seed, beyond):
    image, size = make_image(width, height, seed), (width, height)
    sliding = make_protocol("sliding", window=(width + beyond, height + beyond)).labels(network, image)
    single = make_protocol("single", size=size).labels(network, image)
    assert_same(sliding, single, network.logits(image), size)


@FEW
@given(width=SIDES, height=SIDES, seed=SEEDS)
def test_scale_1_without_flip_is_single_scale(network, make_image, width, height, seed):
    image, size = make_image(width, height, seed), (width, height)
    several = make_protocol("multiscale", size=size, scales=(1.0,), flip=False).labels(network, image)
    single = make_protocol("single", size=size).labels(network, image)
    resized = make_protocol("resize", size=size).labels(network, image)
    assert_same(several, single, network.logits(image), size)
    np.testing.assert_array_equal(resized, single)


@FEW
@given(width=st.integers(3, 200), height=st.integers(3, 200), seed=SEEDS)
def test_scale_1_without_flip_is_the_resize_protocol_at_any_size(network, make_image, width, height, seed):
    image = make_image(width, height, seed)
    several = make_protocol("multiscale", scales=(1.0,), flip=False).labels(network, image)
    resized = make_protocol("resize").labels(network, image)
    logits = network.logits(cv2.resize(image, network.own_size))
    assert_same(several, resized, logits, (width, height))


@FEW
@given(width=st.integers(16, 40), height=st.integers(16, 40), seed=SEEDS)
def test_labels_with_flips_are_those_of_the_mirror_image_mirrored(network, make_image, width, height, seed):
    # scales at which an 8-bit image and its mirror image are resized alike
    size = (2 * width, 2 * height)
    image, protocol = make_image(*size, seed), make_protocol("multiscale", size=size, scales=(1, 2))
    mirrored = np.ascontiguousarray(image[:, ::-1])
    there, back = (protocol.labels(network, one) for one in (image, mirrored))
    assert (there == back[:, ::-1]).mean() > 0.998


def test_without_flips_they_are_not(network, make_image):
    image, protocol = make_image(80, 64), make_protocol("multiscale", scales=(1, 2), flip=False)
    there, back = (protocol.labels(network, one) for one in (image, np.ascontiguousarray(image[:, ::-1])))
    assert (there == back[:, ::-1]).mean() < 0.98


@FEW
@given(columns=st.integers(1, 3), rows=st.integers(1, 3), seed=SEEDS)
def test_windows_that_do_not_overlap_are_images_of_their_own(network, make_image, columns, rows, seed):
    image, window = make_image(40 * columns, 32 * rows, seed), (40, 32)
    found = make_protocol("sliding", window=window, stride=window).labels(network, image)
    for top in range(0, 32 * rows, 32):
        for left in range(0, 40 * columns, 40):
            part = np.ascontiguousarray(image[top : top + 32, left : left + 40])
            expected = make_protocol("single", size=window).labels(network, part)
            assert_same(found[top : top + 32, left : left + 40], expected, network.logits(part), window)


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
def test_each_protocol_computes_what_torch_does(network, make_image, monkeypatch, upsampling):
    torch = pytest.importorskip("torch", reason="an independent upsampling")
    monkeypatch.setattr(network, "card", replace(network.card, upsampling=upsampling))
    image, size, aligned = make_image(150, 110), (110, 150), upsampling == "align_corners"

    def upsampled(view, shape):
        logits = torch.from_numpy(network.logits(view))[None]
        return torch.nn.functional.interpolate(logits, shape, mode="bilinear", align_corners=aligned)

    def agree(kind, expected, **settings):
        found = make_protocol(kind, **settings).labels(network, image)
        assert (found == expected.argmax(1)[0].numpy()).mean() > 0.9995

    agree("resize", upsampled(cv2.resize(image, (96, 64)), size))

    total = 0.0
    for width, height in ((48, 32), (120, 80)):
        view = cv2.resize(image, (width, height))
        total += upsampled(view, size).softmax(1) + upsampled(view[:, ::-1], size).softmax(1).flip(-1)
    agree("multiscale", total, scales=(0.5, 1.25))

    total, count = torch.zeros(1, 11, *size), torch.zeros(size)
    for top in (0, 40, 50):  # the last one is moved back to end with the image
        for left in (0, 64, 70):
            part = np.s_[top : top + 60, left : left + 80]
            total[(..., *part)] += upsampled(image[part], (60, 80))
            count[part] += 1
    agree("sliding", total / count, window=(80, 60), stride=(64, 40))

    small = upsampled(cv2.resize(image, (75, 55)), (55, 75))  # sized windows are upsampled a second time
    expected = torch.nn.functional.interpolate(small, size, mode="bilinear", align_corners=aligned)
    agree("sliding", expected, size=(75, 55), window=(75, 55))


@FEW
@given(width=SIDES, height=SIDES, seed=SEEDS)
def test_padding_labels_the_image_as_it_lies_in_a_larger_one(network, make_image, width, height, seed):
    image, size = make_image(width, height, seed), (96, 80)
    grey = np.array([round(255 * value) for value in network.card.mean], np.uint8)
    larger = np.full((80, 96, 3), grey)
    larger[:height, :width] = image
    found = make_protocol("pad", size=size).labels(network, image)
    expected = make_protocol("single", size=size).labels(network, larger)[:height, :width]
    np.testing.assert_array_equal(found, expected)
    assert found.flags.c_contiguous


def test_an_image_that_padding_cannot_make_as_large_is_refused(network, make_image):
    with pytest.raises(InputError, match="an image of 97x64 does not fit into 96x64; choose a larger --size"):
        make_protocol("pad").labels(network, make_image(97, 64))


def test_defaults_come_from_the_model_and_the_image(network, make_image):
    image = make_image(200, 100)
    for kind, defaults in {
        "single": {"size": (96, 64)},
        "resize": {"size": (96, 64)},
        "multiscale": {"size": (96, 64), "scales": (0.5, 0.75, 1.0, 1.25, 1.5, 1.75), "flip": True},
        "sliding": {"size": (200, 100), "window": (96, 64), "stride": (64, 42)},
    }.items():
        found, expected = (make_protocol(kind, **s).labels(network, image) for s in ({}, defaults))
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "kind, settings, words",
    [
        ("multi-scale", {}, "did you mean 'multiscale'?"),
        ("single", {"window": (64, 64)}, "--window means nothing to --protocol single, which takes --size"),
        ("sliding", {"flip": True}, "which takes --size, --window, --stride"),
        ("multiscale", {"scales": (1.0, 0.0)}, "numbers above 0"),
        ("multiscale", {"scales": (float("nan"),)}, "numbers above 0"),
        ("multiscale", {"scales": ()}, "numbers above 0"),
        ("sliding", {"window": (64, 64), "stride": (64, 65)}, "gaps between windows of 64x64"),
    ],
)
def test_what_makes_no_sense_is_refused(kind, settings, words):
    with pytest.raises(InputError, match=words.replace("?", r"\?")):
        make_protocol(kind, **settings)


def test_gaps_between_windows_of_the_models_own_size_are_refused(network, make_image):
    sliding = make_protocol("sliding", stride=(97, 64))
    with pytest.raises(InputError, match="stride 97x64 leaves gaps between windows of 96x64"):
        sliding.labels(network, make_image(300, 200))


def test_a_size_that_the_network_cannot_take_is_refused(network, make_image):
    with pytest.raises(InputError, match="input size 24x16: each side must be from 32"):
        make_protocol("multiscale", scales=(0.25,)).labels(network, make_image(96, 64))
