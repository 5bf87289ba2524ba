"""ONNX files written field by field: neither a Jetson nor the tests' Python 3.6 has the onnx package."""

import numpy as np

from bisenet_core.runtime.engine.onnx_wire import BYTES, VARINT, write_fields

FLOAT, FLOAT16 = 1, 10


def text(number, value):
    return number, BYTES, value.encode()


def node(op_type, inputs, outputs, **integers):
    """A node with whole-number attributes."""
    attributes = [(5, BYTES, write_fields([text(1, name), (3, VARINT, value), (20, VARINT, 2)]))
                  for name, value in integers.items()]
    names = [text(1, name) for name in inputs] + [text(2, name) for name in outputs]
    return write_fields(names + [text(4, op_type)] + attributes)


def tensor(name, values):
    kind = FLOAT16 if values.dtype == np.float16 else FLOAT
    dims = [(1, VARINT, side) for side in values.shape]
    return write_fields(dims + [(2, VARINT, kind), text(8, name), (9, BYTES, values.tobytes())])


def image_info(name, channels, height, width):
    """A float32 tensor's type, with names for the sides that are free."""
    sides = [(1, VARINT, side) if isinstance(side, int) else text(2, side)
             for side in (1, channels, height, width)]
    shape = write_fields([(1, BYTES, write_fields([side])) for side in sides])
    return write_fields([text(1, name), (2, BYTES, write_fields([(1, BYTES, write_fields(
        [(1, VARINT, FLOAT), (2, BYTES, shape)]))]))])


def model(nodes, tensors):
    graph = write_fields(
        [(1, BYTES, value) for value in nodes] + [text(2, "graph")] + [(5, BYTES, value) for value in tensors]
        + [(11, BYTES, image_info("image", 3, "height", "width")),
           (12, BYTES, image_info("logits", 11, "rows", "columns"))])
    return write_fields([(1, VARINT, 8), (7, BYTES, graph), (8, BYTES, write_fields([(2, VARINT, 13)]))])


def small_network(extra_nodes=()):
    """image -> a 1x1 convolution whose kernel lies in FP16 behind a Cast -> logits, at full size."""
    kernel = np.linspace(-1, 1, 33).reshape(11, 3, 1, 1).astype(np.float16)
    nodes = [node("Cast", ["kernel"], ["kernel32"], to=FLOAT),
             node("Conv", ["image", "kernel32"], ["logits"])] + list(extra_nodes)
    return model(nodes, [tensor("kernel", kernel)])
