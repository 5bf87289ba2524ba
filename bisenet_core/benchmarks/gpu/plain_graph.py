"""The plain way to deploy, which gpu-check measures ours against: upsampling and argmax in the graph."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write_plain_graph(network: Path, width: int, height: int, path: Path) -> None:
    """model.onnx of a network alone -> "image" 1x3xHxW float32 -> "labels" 1xHxW int32, the size fixed.

    As the backends define the result: bilinear with half-pixel centres to the input's size, then the argmax,
    lowest id first on a tie.
    """
    model = onnx.load(str(network))
    graph = model.graph
    (image,), (logits,) = graph.input, graph.output
    classes = logits.type.tensor_type.shape.dim[1].dim_value
    sizes = numpy_helper.from_array(np.array([1, classes, height, width], np.int64), "full_size")
    graph.initializer.append(sizes)
    graph.node.extend([
        helper.make_node(
            "Resize", [logits.name, "", "", sizes.name], ["full_logits"], mode="linear",
            coordinate_transformation_mode="half_pixel",
        ),
        helper.make_node("ArgMax", ["full_logits"], ["winner"], axis=1, keepdims=0),
        # TensorRT 10 would otherwise write 64 bits for each pixel
        helper.make_node("Cast", ["winner"], ["labels"], to=TensorProto.INT32),
    ])  # fmt: skip
    image.CopyFrom(helper.make_tensor_value_info(image.name, TensorProto.FLOAT, [1, 3, height, width]))
    logits.CopyFrom(helper.make_tensor_value_info("labels", TensorProto.INT32, [1, height, width]))
    del graph.value_info[:]  # their sizes were free
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))
