"""Write the ONNX file of a network, and compare it with the network that it was exported from."""

import copy
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.overrides import TorchFunctionMode

from bisenet_core.errors import ParityError

_LOGGER = logging.getLogger(__name__)

OPSET = 13  # the newest that TensorRT 8.2 (Jetson TX2) reads in full
SMALL = 1024  # elements; shape constants and biases are not worth a Cast node

#: A quarter of FP16's largest number: other images than those looked at may bring larger values.
FP16_MARGIN = float(np.finfo(np.float16).max) / 4
#: Of logits. In a hundred layers of fresh weights FP32 strays further from the exact value, in PyTorch as in
#: any runtime: there the file may be off by ``ROUNDINGS`` times what PyTorch itself is.
MAX_DIFFERENCE = 1e-3
ROUNDINGS = 4.0
MIN_EQUAL_LABELS = 0.999
MIN_EQUAL_TO_TRAINED = 0.99


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


@dataclass(frozen=True)
class Parity:
    """How the file compares with the network, both in FP32 on the CPU; labels are those at 1/8.

    ``max_difference``: largest absolute difference of the logits from those of the deployed network, NaN
    where either is not finite; ``limit``: what it may be. ``equal_labels``: share of equal labels.
    ``equal_to_trained``: the same against the network as it was trained, before its weights were rounded.
    ``largest_value``: of all that the network computes with, which FP16 must hold on a GPU.
    """

    max_difference: float
    limit: float
    equal_labels: float
    equal_to_trained: float
    largest_value: float


def measure_parity(trained: nn.Module, deployed: nn.Module, onnx_path: Path, images: np.ndarray) -> Parity:
    """Run all three on Nx3xHxW float32 normalised ``images``; the networks are in evaluation mode."""
    session = onnxruntime.InferenceSession(str(onnx_path), providers=["CPUExecutionProvider"])
    rows = []
    for image in images:
        original, expected = (_logits(network, image) for network in (trained, deployed))
        (found,) = session.run(None, {"image": image[None]})
        labels = found.argmax(1)
        equal = [float((labels == logits.argmax(1)).mean()) for logits in (expected, original)]
        rows.append((np.abs(found - expected).max(), *equal))
    differences, equal_labels, equal_to_trained = np.array(rows, np.float64).T
    largest = float(np.max(differences))  # passes a NaN on, where Python's max would lose it
    limit = MAX_DIFFERENCE
    if largest > MAX_DIFFERENCE:
        limit = max(limit, ROUNDINGS * fp32_rounding(deployed, images[int(np.argmax(differences))]))
    in_fp16 = largest_value(deployed, images)
    return Parity(largest, limit, float(equal_labels.mean()), float(equal_to_trained.mean()), in_fp16)


def check_parity(parity: Parity, name: str) -> None:
    """Raise ``ParityError`` when the exported file of the model ``name`` must not be trusted."""
    close = parity.max_difference <= parity.limit
    if close and parity.equal_labels >= MIN_EQUAL_LABELS and parity.equal_to_trained >= MIN_EQUAL_TO_TRAINED:
        _warn_of_large_values(parity, name)
        return
    raise ParityError(
        f"the ONNX file of {name} differs from the network, and was not written: logits by "
        f"{parity.max_difference:.2g} (at most {parity.limit:.2g}), {parity.equal_labels:.2%} of the labels "
        f"are equal (at least {MIN_EQUAL_LABELS:.1%}), and {parity.equal_to_trained:.2%} to those of the "
        f"network as trained (at least {MIN_EQUAL_TO_TRAINED:.0%}); check that the checkpoint's numbers are "
        "finite, and report it if they are"
    )


def _warn_of_large_values(parity: Parity, name: str) -> None:
    if not parity.largest_value <= FP16_MARGIN:
        _LOGGER.warning(
            "%s computes with values up to %.3g, and FP16 ends at 65504: on a GPU run it with precision fp32",
            name, parity.largest_value
        )


def largest_value(network: nn.Module, images: np.ndarray) -> float:
    """Largest magnitude among the weights and all that is computed on Nx3xHxW float32 ``images``."""
    largest = _LargestValue()
    for parameter in network.parameters():
        largest.look_at(parameter.detach())
    with torch.no_grad(), largest:
        for image in images:
            network(torch.from_numpy(image[None]))
    return largest.value


class _LargestValue(TorchFunctionMode):
    """Looks at the result of every call into PyTorch; ``value`` is NaN once one of them was."""

    def __init__(self) -> None:
        super().__init__()
        self.value = 0.0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.is_floating_point():
            self.look_at(result)
        return result

    def look_at(self, tensor: torch.Tensor) -> None:
        """Remember the tensor's largest magnitude, if it is the largest so far."""
        if tensor.numel():
            self.value = float(np.maximum(self.value, float(tensor.abs().max())))


def fp32_rounding(network: nn.Module, image: np.ndarray) -> float:
    """Largest difference that FP32 makes to the logits of 3xHxW float32 ``image`` in PyTorch itself."""
    exact = _logits(copy.deepcopy(network).double(), image.astype(np.float64))
    return float(np.abs(exact - _logits(network, image)).max())


def _logits(network: nn.Module, image: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return network(torch.from_numpy(image[None])).numpy()
