"""The post-processing kernel's own source, run on the host, against the CPU's post-processing."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisenet_core.images.encodings import to_rgb
from bisenet_core.labels.label_space import CITYSCAPES_19, unlabel_unsure
from bisenet_core.labels.visualization import overlay
from bisenet_core.runtime.cuda.kernels import FrameKernels
from bisenet_core.runtime.postprocessing import UPSAMPLINGS, labels_from_logits

SIDES = st.integers(1, 150)
RULES = st.sampled_from(UPSAMPLINGS)
TEMPERATURES = st.sampled_from([0.1, 1.0, 1.7, 10.0])
KINDS = ("noise", "regions", "ties")
PALETTE = CITYSCAPES_19.palette_lut()


def random_logits(classes, rows, cols, seed, kind):
    """Noise; regions of confident classes; or small integers, full of exact ties and of both zeros."""
    rng = np.random.RandomState(seed)
    if kind == "ties":
        shape = (1, classes, rows, cols)
        return (rng.randint(0, 2, shape) * rng.choice([-1.0, 1.0], shape)).astype(np.float32)
    logits = rng.randn(1, classes, rows, cols)
    if kind == "regions":
        size = (-(-rows // 3), -(-cols // 4))
        regions = rng.randint(0, classes, size).repeat(3, 0).repeat(4, 1)[:rows, :cols]
        logits += 8 * (np.arange(classes)[:, None, None] == regions)
    return logits.astype(np.float32)


class Outputs:
    """What the kernel writes for one frame, filled beforehand with what it must overwrite."""

    def __init__(self, size, masks=0):
        self.labels, self.confidence = (np.full(size[::-1], 77, np.uint8) for _ in range(2))
        self.masks = np.full((masks, *size[::-1]), 77, np.uint8)
        self.overlay = np.full((*size[::-1], 3), 77, np.uint8)
        self.status = np.zeros(1, np.int32)


def run(module, logits, network, out, **wanted):
    """``wanted``: further arguments of FrameKernels.postprocess; arrays are passed by their address."""
    pointers = {key: value.ctypes.data if isinstance(value, np.ndarray) else value
                for key, value in wanted.items()}
    height, width = out.labels.shape
    FrameKernels(module).postprocess(
        None, logits.ctypes.data, logits.dtype == np.float16, logits.shape[1], logits.shape[3],
        logits.shape[2], network[0], network[1], width, height, out.labels.ctypes.data, **pointers)


CASES = st.builds(random_logits, st.integers(1, 40), st.integers(1, 20), st.integers(1, 40),
                  st.integers(0, 9), st.sampled_from(KINDS))


@settings(max_examples=60)
@given(CASES, SIDES, SIDES, SIDES, SIDES, RULES)
def test_labels_are_the_cpus(host_module, logits, net_width, net_height, out_width, out_height, rule):
    out, network = Outputs((out_width, out_height)), (net_width, net_height)
    run(host_module, logits, network, out, upsampling=rule)
    expected, _ = labels_from_logits(logits, network, (out_width, out_height), upsampling=rule)
    assert (out.labels == expected).all()


@settings(max_examples=60)
@given(CASES, SIDES, SIDES, SIDES, SIDES, RULES, TEMPERATURES)
def test_confidence_is_the_cpus_within_one(
        host_module, logits, net_width, net_height, out_width, out_height, rule, temperature):
    out, network = Outputs((out_width, out_height)), (net_width, net_height)
    run(host_module, logits, network, out, confidence=out.confidence, upsampling=rule,
        temperature=temperature)
    labels, confidence = labels_from_logits(
        logits, network, (out_width, out_height), True, rule, temperature)
    assert (out.labels == labels).all()
    assert np.abs(out.confidence.astype(int) - confidence).max() <= 1


@pytest.mark.parametrize("output", [(1024, 512), (1280, 720), (961, 541), (200, 100)])
@pytest.mark.parametrize("network", [(512, 256), (514, 250)])
@pytest.mark.parametrize("kind", KINDS)
def test_real_proportions(host_module, kind, network, output):
    logits = random_logits(19, 32, 64, 3, kind)
    for rule in UPSAMPLINGS:
        out = Outputs(output)
        run(host_module, logits, network, out, confidence=out.confidence, status=out.status, upsampling=rule)
        labels, confidence = labels_from_logits(logits, network, output, True, rule)
        assert (out.labels == labels).all()
        assert (out.confidence != confidence).mean() < 1e-4
        assert out.status[0] == 0


@pytest.mark.parametrize("classes", [1, 32, 33, 171, 255])
def test_any_number_of_classes(host_module, classes):
    logits = random_logits(classes, 5, 18, 0, "noise")
    out = Outputs((300, 77))
    run(host_module, logits, (144, 40), out)
    assert (out.labels == labels_from_logits(logits, (144, 40), (300, 77))[0]).all()


def test_both_zeros_are_one_value(host_module):
    logits, out = np.zeros((1, 2, 6, 10), np.float32), Outputs((80, 48))
    logits[0, 0] = -0.0
    run(host_module, logits, (80, 48), out)
    assert (out.labels == 0).all()


def test_logits_of_16_bits(host_module):
    logits = random_logits(19, 12, 20, 0, "noise").astype(np.float16)
    logits[0, :, :2] *= np.float16(1e-7)  # subnormal
    out = Outputs((320, 200))
    run(host_module, logits, (160, 96), out)
    expected, _ = labels_from_logits(logits.astype(np.float32), (160, 96), (320, 200))
    assert (out.labels == expected).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_logit_that_is_not_finite_is_told(host_module, dtype, bad):
    logits = random_logits(5, 9, 20, 0, "noise").astype(dtype)
    out = Outputs((160, 72))
    run(host_module, logits, (160, 72), out, status=out.status)
    assert out.status[0] == 0
    logits[0, 3, 8, 19] = bad
    run(host_module, logits, (160, 72), out, status=out.status)
    assert out.status[0] == 1


@pytest.mark.parametrize("min_confidence", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("output", [(320, 200), (333, 201)])
def test_masks_leave_out_what_is_unsure_and_labels_do_not(host_module, output, min_confidence):
    logits, ids = random_logits(19, 12, 20, 0, "regions"), np.array([3, 0, 18], np.uint8)
    out = Outputs(output, masks=len(ids))
    run(host_module, logits, (160, 96), out, confidence=out.confidence, masks=out.masks, mask_ids=ids,
        mask_count=len(ids), min_confidence=min_confidence)
    shown = unlabel_unsure(out.labels, out.confidence, min_confidence)
    assert (out.masks == 255 * (shown == ids[:, None, None])).all()
    assert (out.labels == labels_from_logits(logits, (160, 96), output, True)[0]).all()


def test_drawing_needs_no_confidence(host_module):
    logits, ids = random_logits(19, 6, 10, 0, "ties"), np.arange(19, dtype=np.uint8)
    image, rgb = camera((100, 60), "bgr")
    out = Outputs((100, 60), masks=19)
    run(host_module, logits, (80, 48), out, masks=out.masks, mask_ids=ids, mask_count=19, overlay=out.overlay,
        source=image, step=image.strides[0], layout="bgr", palette=PALETTE, alpha=0.7)
    assert (out.labels == labels_from_logits(logits, (80, 48), (100, 60))[0]).all()
    assert (out.masks == 255 * (out.labels == ids[:, None, None])).all()
    assert (out.overlay == overlay(rgb, out.labels, CITYSCAPES_19, 0.7)).all()


def camera(size, layout):
    """A random image and its RGB."""
    channels = {"mono": 1, "rgb": 3, "bgr": 3}.get(layout, 4)
    if layout in ("uyvy", "yuyv"):
        image = np.random.RandomState(0).randint(0, 256, (*size[::-1], 2)).astype(np.uint8)
        return image, cv2.cvtColor(image, getattr(cv2, "COLOR_YUV2RGB_" + layout.upper()))
    image = np.random.RandomState(0).randint(0, 256, (*size[::-1], channels)).astype(np.uint8)
    image = image[..., 0].copy() if layout == "mono" else image
    return image, to_rgb(image, layout)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("min_confidence", [0.0, 0.4])
@pytest.mark.parametrize("layout", ["rgb", "bgra", "mono", "uyvy", "yuyv"])
def test_overlay_is_drawn_as_visualization_draws_it(host_module, layout, min_confidence, alpha):
    logits, size = random_logits(19, 6, 10, 0, "regions"), (170, 91)
    image, rgb = camera(size, layout)
    out = Outputs(size)
    run(host_module, logits, (80, 48), out, confidence=out.confidence, overlay=out.overlay, source=image,
        step=image.strides[0], layout=layout, palette=PALETTE, alpha=alpha, min_confidence=min_confidence)
    shown = unlabel_unsure(out.labels, out.confidence, min_confidence)
    assert (out.overlay == overlay(rgb, shown, CITYSCAPES_19, alpha)).all()


def test_only_what_is_asked_for_is_written(host_module):
    logits, out = random_logits(19, 6, 10, 0, "noise"), Outputs((80, 48), masks=2)
    run(host_module, logits, (80, 48), out)
    assert all((array == 77).all() for array in (out.confidence, out.masks, out.overlay))
