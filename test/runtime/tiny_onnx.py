"""A small network with random weights as ONNX, written without the onnx package (Python 3.6 has none)."""

import numpy as np

from bisenet_core.runtime.engine.onnx_wire import BYTES, VARINT, write_fields

_FLOAT, _INTS, _OPSET, _IR = 1, 7, 13, 8


def tiny_onnx(num_classes=11, seed=0, scale=1.0):
    """Bytes of a model.onnx: "image" 1x3xhxw float32 -> "logits" at 1/8, for any size."""
    rng = np.random.RandomState(seed)
    graph, blob = [], "image"
    layers = [(8, 3, 3), (12, 8, 3), (16, 12, 3), (num_classes, 16, 1)]
    for layer, (outputs, inputs, size) in enumerate(layers):
        spread = scale * np.sqrt(2 / (inputs * size * size))
        names = ["kernel{}".format(layer), "bias{}".format(layer)]
        graph += [_tensor(names[0], spread * rng.standard_normal((outputs, inputs, size, size))),
                  _tensor(names[1], rng.standard_normal(outputs) / 4)]
        last = size == 1
        target = "logits" if last else "sum{}".format(layer)
        graph.append(_node("Conv", [blob] + names, target, kernel_shape=[size] * 2, strides=[2 - last] * 2,
                           pads=[size // 2] * 4))
        if not last:
            blob = "relu{}".format(layer)
            graph.append(_node("Relu", [target], blob))
    graph += [_text(2, "tiny"), _info(11, "image", [1, 3, "height", "width"]),
              _info(12, "logits", [1, num_classes, "rows", "columns"])]
    opset = _message(8, [_text(1, ""), (2, VARINT, _OPSET)])
    return write_fields([(1, VARINT, _IR), _message(7, graph), opset])


def _message(number, fields):
    return number, BYTES, write_fields(fields)


def _text(number, text):
    return number, BYTES, text.encode()


def _tensor(name, values):
    dims = [(1, VARINT, side) for side in values.shape]
    content = (9, BYTES, values.astype("<f4").tobytes())
    return _message(5, dims + [(2, VARINT, _FLOAT), _text(8, name), content])


def _node(operator, inputs, output, **attributes):
    given = [_message(5, [_text(1, name), (20, VARINT, _INTS)] + [(8, VARINT, int(one)) for one in values])
             for name, values in attributes.items()]
    return _message(1, [_text(1, name) for name in inputs] + [_text(2, output), _text(4, operator)] + given)


def _info(number, name, shape):
    dims = [_message(1, [_text(2, side) if isinstance(side, str) else (1, VARINT, side)]) for side in shape]
    tensor = [(1, VARINT, _FLOAT), _message(2, dims)]
    return _message(number, [_text(1, name), _message(2, [_message(1, tensor)])])
