"""How far float32 runs of the tests' tiny network may lie from its exact result, on any CPU.

A CPU's instructions decide the order in which a convolution adds and what it fuses, so float32 results differ
from one CPU, and one library, to the next. But a sum of n products, added in any order, is off by at most
gamma_n = n u / (1 - n u) of the sum of their magnitudes, u = 2 ** -24 (Higham, Accuracy and Stability of
Numerical Algorithms, section 3.1). The network has no convolution that Winograd's or other algorithms fit.
"""

import numpy as np

from bisenet_core.runtime.engine.onnx_wire import messages, read_fields

_UNIT = 2.0 ** -24


def exact_logits(onnx, image):
    """Logits in float64 and the bound of a float32 run's error, both 1xCx(h/8)x(w/8), of a 1x3xhxw image.

    ``image`` is normalised in float64; a float32 run rounds it, and normalises it by itself before that.
    """
    values, error = image, 4 * _UNIT * (np.abs(image) + 2)  # mean / std of the tests' cards is below 2
    layers = _layers(onnx)
    for index, (kernel, bias) in enumerate(layers):
        stride = 1 if kernel.shape[-1] == 1 else 2
        terms = kernel[0].size + 1
        gamma = terms * _UNIT / (1 - terms * _UNIT)
        magnitudes = _convolve(np.abs(values) + error, np.abs(kernel), np.abs(bias), stride)
        error = _convolve(error, np.abs(kernel), np.zeros(len(bias)), stride) + gamma * magnitudes
        values = _convolve(values, kernel, bias, stride)
        if index + 1 < len(layers):
            values = np.maximum(values, 0)  # which brings two values no further apart
    return values, error


def _layers(onnx):
    graph = list(read_fields(messages(list(read_fields(onnx)), 7)[0]))
    tensors = []
    for tensor in messages(graph, 5):
        fields = list(read_fields(tensor))
        shape = [value for number, _, value in fields if number == 1]
        tensors.append(np.frombuffer(messages(fields, 9)[0], "<f4").reshape(_shape(shape)).astype(float))
    return list(zip(tensors[::2], tensors[1::2]))


def _shape(dims):
    """The onnx package packs the dimensions into one field of bytes, a byte each."""
    return list(dims[0]) if isinstance(dims[0], bytes) else dims


def _convolve(values, kernel, bias, stride):
    size = kernel.shape[-1]
    pad = size // 2
    padded = np.pad(values[0], ((0, 0), (pad, pad), (pad, pad)), "constant")
    height, width = (-(-side // stride) for side in values.shape[2:])
    total = np.zeros((len(kernel), height, width)) + bias[:, None, None]
    for row in range(size):
        for col in range(size):
            part = padded[:, row:row + stride * height:stride, col:col + stride * width:stride]
            total += np.tensordot(kernel[:, :, row, col], part[:, :height, :width], 1)
    return total[None]
