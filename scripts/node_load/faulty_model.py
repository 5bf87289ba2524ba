"""Write a model that fails for white images, as an engine may: its logits are NaN."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.runtime.model_card import ModelCard

_WHITE = 250  # the darkest channel value of what counts as a white image


def write_faulty_model(model: Path, folder: Path) -> Path:
    """Copy a model folder; where every pixel of an image is white, the copy's logits are NaN.

    Nothing in the node knows of it: the square root of a negative number is added to the network's logits.
    Raises InputError without onnx.
    """
    try:
        import onnx
        from onnx import helper, numpy_helper
    except ModuleNotFoundError:
        raise InputError("injecting faults needs onnx: pip install 'bisenet_ros[train]'") from None
    card = ModelCard.load(model)
    network = onnx.load(str(card.onnx_path))
    graph = network.graph
    image, logits = graph.input[0].name, graph.output[0].name
    for node in graph.node:
        for index, name in enumerate(node.output):
            if name == logits:
                node.output[index] = "healthy_logits"
    # The least value that a white image has, in the channel where that is least.
    limit = float(np.min((_WHITE / 255 - np.array(card.mean)) / np.array(card.std)))
    graph.initializer.extend([
        numpy_helper.from_array(np.array(limit, np.float32), "white"),
        numpy_helper.from_array(np.array(0, np.float32), "nothing")])
    graph.node.extend([
        helper.make_node("ReduceMin", [image], ["darkest"], keepdims=1),
        helper.make_node("Sub", ["white", "darkest"], ["below_white"]),
        helper.make_node("Sqrt", ["below_white"], ["root"]),
        helper.make_node("Mul", ["root", "nothing"], ["fault"]),
        helper.make_node("Add", ["healthy_logits", "fault"], [logits])])
    content = network.SerializeToString()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(content)
    replace(card, onnx_sha256=hashlib.sha256(content).hexdigest()).save(folder)
    return folder
