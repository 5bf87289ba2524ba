"""Fixtures for many tests: a tiny network in a model folder, and CamVid images where they are at hand."""

import hashlib
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import settings

from bisenet_core.labels.label_space import CAMVID_11
from bisenet_core.runtime.model_card import ModelCard

# How long an example takes says something of the machine and nothing of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# A shell's background job, as a CI may run us, ignores Ctrl-C, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

CAMVID = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "camvid"


def _card(**changes):
    content = dict(
        name="tiny", architecture="tiny", architecture_options={}, label_space=CAMVID_11,
        mean=(0.40, 0.42, 0.43), std=(0.27, 0.29, 0.28), color_order="rgb", input_width=96, input_height=64,
        onnx_sha256="0" * 64, training_data="none: random weights", recipe={"seed": 0}, metrics={},
        licence="Apache-2.0")
    content.update(changes)
    return ModelCard(**content)


def _tiny_network(num_classes=11, seed=0, scale=1.0):
    # three strided 3x3 convolutions and a 1x1: "image" -> "logits" at 1/8, for any size
    helper = pytest.importorskip("onnx.helper", reason="test networks are written with onnx")
    from onnx import TensorProto, numpy_helper

    floats, to_tensor = TensorProto.FLOAT, numpy_helper.from_array
    rng = np.random.default_rng(seed)
    nodes, weights, blob = [], [], "image"
    layers = [(8, 3, 3), (12, 8, 3), (16, 12, 3), (num_classes, 16, 1)]
    for layer, (outputs, inputs, size) in enumerate(layers):
        spread = scale * np.sqrt(2 / (inputs * size * size))
        kernel = spread * rng.standard_normal((outputs, inputs, size, size))
        bias = rng.standard_normal(outputs) / 4
        weights += [to_tensor(kernel.astype(np.float32), f"kernel{layer}"),
                    to_tensor(bias.astype(np.float32), f"bias{layer}")]
        last = size == 1
        nodes.append(helper.make_node(
            "Conv", [blob, f"kernel{layer}", f"bias{layer}"], ["logits" if last else f"sum{layer}"],
            kernel_shape=[size, size], strides=[1, 1] if last else [2, 2], pads=[size // 2] * 4))
        if not last:
            blob = f"relu{layer}"
            nodes.append(helper.make_node("Relu", [f"sum{layer}"], [blob]))
    graph = helper.make_graph(
        nodes, "tiny", [helper.make_tensor_value_info("image", floats, [1, 3, "height", "width"])],
        [helper.make_tensor_value_info("logits", floats, [1, num_classes, "rows", "columns"])], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return model.SerializeToString()


def _write_model_folder(folder, onnx_bytes=None, **changes):
    onnx_bytes = _tiny_network() if onnx_bytes is None else onnx_bytes
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(onnx_bytes)
    _card(onnx_sha256=hashlib.sha256(onnx_bytes).hexdigest(), **changes).save(folder)
    return folder


@pytest.fixture(scope="session")
def make_card():
    """``make_card(**changes)``: a valid ModelCard with some fields replaced."""
    return _card


@pytest.fixture(scope="session")
def tiny_network_onnx():
    """``tiny_network_onnx(num_classes, seed, scale)``: bytes of a small model.onnx with random weights."""
    return _tiny_network


@pytest.fixture(scope="session")
def write_model_folder():
    """``write_model_folder(folder, onnx_bytes, **card_changes)``: a valid model folder; returns its path."""
    return _write_model_folder


@pytest.fixture(scope="session")
def tiny_model_folder(tmp_path_factory):
    """A model folder with random weights: CamVid-11 classes, 96x64, 1 ms per image. Do not change it."""
    return _write_model_folder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def camvid_root():
    """The CamVid data beside this repository; skips where it is absent."""
    if not (CAMVID / "classes.json").is_file():
        pytest.skip("the CamVid images are not beside this repository")
    return CAMVID


@pytest.fixture(scope="session")
def camvid_images(camvid_root):
    """Four CamVid validation images, 360x480x3 uint8 RGB."""
    paths = sorted((camvid_root / "val" / "images").glob("*"))[::26][:4]
    return [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for path in paths]
