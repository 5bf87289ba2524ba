"""The parts of pixel_math.h that whole images hardly reach."""

from ctypes import c_void_p

import numpy as np
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(0, 2 ** 16), st.integers(1, 2 ** 20), st.integers(-1, 1))
def test_quotients_are_exact_around_every_multiple(host_kernels, times, divisor, beside):
    n = min(max(0, min(times * divisor, 2 ** 20 * divisor - 1) + beside), 2 ** 31 - 1)
    assert host_kernels.host_quotient(n, divisor) == n // divisor


def test_every_16_bit_float_is_numpys(host_kernels):
    halves = np.arange(1 << 16, dtype=np.uint16)
    values = np.empty(1 << 16, np.float32)
    host_kernels.host_to_float(halves.ctypes.data_as(c_void_p), values.ctypes.data_as(c_void_p), len(halves))
    np.testing.assert_array_equal(values, halves.view(np.float16).astype(np.float32))
    assert (np.signbit(values) == np.signbit(halves.view(np.float16)))[~np.isnan(values)].all()


def test_rounding_to_16_bits_is_numpys(host_kernels):
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
    every = every[np.isfinite(every)]
    between = (np.sort(every)[1:] + np.sort(every)[:-1]) / np.float32(2)  # ties
    beside = [np.nextafter(between, np.float32(side)) for side in (-np.inf, np.inf)]
    large = np.array([65519.996, 65520, 1e38, -1e38, np.inf, -np.inf], np.float32)
    values = np.concatenate([every, between, *beside, large])
    halves = np.empty(len(values), np.uint16)
    host_kernels.host_to_half(values.ctypes.data_as(c_void_p), halves.ctypes.data_as(c_void_p), len(values))
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(halves, values.astype(np.float16).view(np.uint16))
