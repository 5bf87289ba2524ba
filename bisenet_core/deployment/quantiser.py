"""Quantise an ONNX network to INT8 with NNCF, and find the layers that this costs most."""

import contextlib
import io
import logging
import os
import sys
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, numpy_helper

from bisenet_core.errors import InputError, suggest

# NNCF would tell its makers of each use.
os.environ.setdefault("NNCF_CI", "1")

_LAYERS = {"Conv", "ConvTranspose", "Gemm", "MatMul"}


def read_float_network(content: bytes) -> onnx.ModelProto:
    """The network of a model.onnx with all weights in FP32, as NNCF must have them, and a name for each node.

    Raises InputError for bytes that are no ONNX, and for a network that is quantised.
    """
    try:
        model = onnx.load_from_string(content)
    except Exception as error:  # protobuf's own, whose module differs between its releases
        raise InputError(f"model.onnx is no ONNX file ({error}); export the model again") from error
    graph = model.graph
    if not (graph.node and model.opset_import):
        raise InputError("model.onnx holds no network; export the model again")
    if any(node.op_type == "QuantizeLinear" for node in graph.node):
        raise InputError("model.onnx is quantised already; quantise a network of FP32 or FP16 weights")
    halves = {tensor.name: tensor for tensor in graph.initializer if tensor.data_type == TensorProto.FLOAT16}
    kept = []
    for index, node in enumerate(graph.node):
        if node.op_type == "Cast" and node.input[0] in halves:
            tensor = halves[node.input[0]]
            values = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, node.output[0]))
        else:
            node.name = node.name or f"{node.op_type}_{index}"
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)
    return model


def layers_of(model: onnx.ModelProto) -> list[str]:
    """Names of the layers that INT8 computes in."""
    return [node.name for node in model.graph.node if node.op_type in _LAYERS]


def quantise(
    model: onnx.ModelProto, inputs: Sequence[Callable[[], np.ndarray]], keep_float: Sequence[str] = ()
) -> onnx.ModelProto:
    """``model`` with symmetric QuantizeLinear and DequantizeLinear nodes; the same for the same ``inputs``.

    ``inputs``: each gives one 1x3xHxW float32 normalised. ``keep_float``: layers that stay as they are.
    Asymmetric activations would cost points of mIoU instead of hundredths, and TensorRT takes neither them
    nor any that are scaled by channel. Raises InputError for a name that is no layer's.
    """
    import nncf
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, QuantizationParameters

    known = layers_of(model)
    for name in keep_float:
        if name not in known:
            raise InputError(f"no layer is called {name!r}; {suggest(name, known)}")
    logging.getLogger("nncf").setLevel(logging.ERROR)  # not its handlers, which others share
    shown = sys.stderr if sys.stderr.isatty() else io.StringIO()
    with contextlib.redirect_stdout(shown):  # where its progress goes
        found = nncf.quantize(
            onnx.ModelProto.FromString(model.SerializeToString()),
            nncf.Dataset(inputs, lambda read: {model.graph.input[0].name: read()}),
            preset=nncf.QuantizationPreset.PERFORMANCE,
            subset_size=len(inputs),
            ignored_scope=nncf.IgnoredScope(names=list(keep_float)),
            advanced_parameters=AdvancedQuantizationParameters(
                activations_quantization_params=QuantizationParameters(per_channel=False)
            ),
        )
    _store_plainly(found.graph)
    onnx.checker.check_model(found, full_check=True)
    return found


def _store_plainly(graph: onnx.GraphProto) -> None:
    """Every tensor as raw bytes, and no types between the nodes: what a robot's reader of ONNX expects."""
    for tensor in graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor), tensor.name))
    del graph.value_info[:]


def costliest_layers(
    model: onnx.ModelProto, quantised: onnx.ModelProto, inputs: Iterable[np.ndarray]
) -> list[str]:
    """Layers of ``quantised``, first that which, left in float, brings the logits nearest to ``model``'s.

    ``inputs`` are 1x3xHxW float32 normalised.
    """
    images = list(inputs)
    exact = _logits(model, images)

    def distance(layer: str) -> float:
        return float(np.mean([np.abs(found - true).mean() for found, true in zip(
            _logits(_with_float_layer(quantised, model, layer), images), exact)]))

    return sorted(layers_of(model), key=distance)


def _logits(model: onnx.ModelProto, images: list[np.ndarray]) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return [session.run(None, {session.get_inputs()[0].name: image})[0] for image in images]


def _with_float_layer(quantised: onnx.ModelProto, model: onnx.ModelProto, layer: str) -> onnx.ModelProto:
    """A copy of ``quantised`` in which one layer takes its inputs and weights as ``model``'s does."""
    copy = onnx.ModelProto.FromString(quantised.SerializeToString())
    makers = {output: node for node in copy.graph.node for output in node.output}
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    original, node = (next(node for node in one.graph.node if node.name == layer) for one in (model, copy))
    for index, name in enumerate(node.input):
        dequantised = makers.get(name)
        if dequantised is None or dequantised.op_type != "DequantizeLinear":
            continue
        if dequantised.input[0] in makers:
            node.input[index] = makers[dequantised.input[0]].input[0]
        else:
            weight = weights[original.input[index]]
            node.input[index] = f"{weight.name}_in_float"
            copy.graph.initializer.append(weight)
            copy.graph.initializer[-1].name = node.input[index]
    return copy
