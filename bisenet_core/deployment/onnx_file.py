"""Write the ONNX file of a network."""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

OPSET = 13  # the newest that TensorRT 8.2 (Jetson TX2) reads in full
SMALL = 1024  # elements; shape constants and biases are not worth a Cast node


def write_onnx(network: nn.Module, width: int, height: int, path: Path) -> None:
    """Write ``network`` as ONNX: "image" 1x3xHxW float32 -> "logits" 1xKxhxw float32, H and W free.

    Weights that FP16 holds exactly are stored so, behind Cast nodes which every runtime folds when it loads
    the file.
    """
    image = torch.zeros(1, 3, height, width)
    torch.onnx.export(
        network, (image,), str(path), opset_version=OPSET, dynamo=False,
        input_names=["image"], output_names=["logits"],
        dynamic_axes={"image": {2: "height", 3: "width"}, "logits": {2: "height_8", 3: "width_8"}},
    )
    model = onnx.load(str(path))
    _store_weights_in_fp16(model.graph)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))


def _store_weights_in_fp16(graph: onnx.GraphProto) -> None:
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALL:
            continue
        halves = values.astype(np.float16)
        if not np.array_equal(halves, values):
            continue  # was not rounded: the file must say what the network computes with
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(halves, f"{name}_fp16"))
        casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
