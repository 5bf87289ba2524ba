"""The pre-processing kernel's own source, run on the host, against the CPU's pre-processing: equal bits."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisenet_core.runtime.cuda.kernels import LAYOUTS, FrameKernels
from bisenet_core.runtime.preprocessing import COLOR_CHANNELS, fit_image, normalisation_tables, normalise

TABLES = normalisation_tables((0.40, 0.42, 0.43), (0.27, 0.29, 0.28))
YUV = {"uyvy": cv2.COLOR_YUV2RGB_UYVY, "yuyv": cv2.COLOR_YUV2RGB_YUYV}
SIDES = st.integers(1, 150)


def camera_image(width, height, layout, seed=0):
    """Random pixels with 5 bytes of padding behind each row: HxWxC, or HxW for mono."""
    channels = COLOR_CHANNELS[layout]
    padded = np.random.RandomState(seed).randint(0, 256, (height, width * channels + 5)).astype(np.uint8)
    shape, strides = (height, width, channels), (padded.strides[0], channels, 1)
    image = np.ndarray(shape, np.uint8, padded, strides=strides)
    return image[..., 0] if layout == "mono" else image


def on_cpu(image, layout, size, network_order="rgb"):
    if layout in YUV:
        image, layout = cv2.cvtColor(image, YUV[layout]), "rgb"
    fitted = np.empty((size[1], size[0], 3), np.uint8)
    fit_image(image, layout, network_order, fitted)
    out = np.empty((1, 3, size[1], size[0]), np.float32)
    normalise(fitted, TABLES, out)
    return out


def by_kernel(module, image, layout, size, network_order="rgb", dtype=np.float32):
    out = np.full((1, 3, size[1], size[0]), np.nan, dtype)
    FrameKernels(module).preprocess(
        None, image.ctypes.data, image.shape[1], image.shape[0], image.strides[0], layout, out.ctypes.data,
        size[0], size[1], dtype == np.float16, TABLES.ctypes.data, network_order)
    return out


@settings(max_examples=80)
@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from(sorted(set(LAYOUTS) - set(YUV))), st.integers(0, 9))
def test_any_size_gives_the_cpus_bits(host_module, width, height, net_width, net_height, layout, seed):
    image = camera_image(width, height, layout, seed)
    size = (net_width, net_height)
    assert (by_kernel(host_module, image, layout, size) == on_cpu(image, layout, size)).all()


@settings(max_examples=40)
@given(st.integers(1, 75), SIDES, SIDES, SIDES, st.sampled_from(sorted(YUV)))
def test_yuv_is_converted_before_it_is_resized(host_module, pairs, height, net_width, net_height, layout):
    image = camera_image(2 * pairs, height, layout)
    size = (net_width, net_height)
    assert (by_kernel(host_module, image, layout, size) == on_cpu(image, layout, size)).all()


@pytest.mark.parametrize("source", [(64, 48), (128, 96), (128, 48), (192, 144), (65, 49), (32, 24)])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("network_order", ["rgb", "bgr"])
@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_every_layout_and_type_at_telling_sizes(host_module, layout, network_order, dtype, source):
    """The same size, exact halves of both sides or one, other whole ratios, and none."""
    image = camera_image(source[0] // 2 * 2, source[1], layout)
    expected = on_cpu(image, layout, (64, 48), network_order).astype(dtype)
    found = by_kernel(host_module, image, layout, (64, 48), network_order, dtype)
    assert (found == expected).all()


def test_every_yuv_colour_is_cv2s(host_module):
    luma, u, v = np.meshgrid(np.arange(0, 256, 3), np.arange(256), np.arange(0, 256, 5))
    first, second = np.dstack([u.ravel(), luma.ravel()]), np.dstack([v.ravel(), luma.ravel()])
    image = np.stack([first, second], 2).astype(np.uint8).reshape(256, -1, 2)
    size = (image.shape[1], image.shape[0])
    assert (by_kernel(host_module, image, "uyvy", size) == on_cpu(image, "uyvy", size)).all()
