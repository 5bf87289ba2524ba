import sys

import numpy as np
import pytest

from bisenet_core.errors import InputError
from bisenet_core.runtime.engine.prepared_onnx import prepare_onnx, to_half
from bisenet_core.runtime.model_card import ModelCard, resolve_model


@pytest.fixture(scope="module")
def prepared():
    pytest.importorskip("onnxconverter_common", reason="FP16 networks are written with onnxconverter-common")
    content = ModelCard.load(resolve_model("camvid_bisenetv2")).onnx_path.read_bytes()
    return prepare_onnx(content, 128, 64)


def test_a_missing_converter_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxconverter_common", None)
    with pytest.raises(InputError, match="pip install onnx onnxconverter-common, or use precision fp32"):
        to_half(b"")


def test_what_cannot_be_converted_is_bad_input():
    pytest.importorskip("onnxconverter_common", reason="FP16 networks are written with onnxconverter-common")
    with pytest.raises(InputError, match=r"cannot be written in FP16: .*; use precision fp32"):
        to_half(b"no network")


def test_fp16_inside_float32_outside(prepared):
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime", reason="the network is run with onnxruntime")
    half = to_half(prepared)
    network = onnx.load_from_string(half)
    onnx.checker.check_model(network, full_check=True)
    kinds = {tensor.data_type for tensor in network.graph.initializer}
    assert onnx.TensorProto.FLOAT not in kinds
    casts = sum(node.op_type == "Cast" for node in network.graph.node)
    before = sum(node.op_type == "Cast" for node in onnx.load_from_string(prepared).graph.node)
    assert casts - before <= 3, "FP32 islands inside the network"
    image = np.random.default_rng(0).standard_normal((1, 3, 64, 128)).astype(np.float32)
    expected, found = [
        runtime.InferenceSession(content, providers=["CPUExecutionProvider"]).run(None, {"image": image})[0]
        for content in (prepared, half)]
    assert found.dtype == np.float32 and found.shape == expected.shape
    # FP16 rounds by 2 ** -12, in some 40 layers: it decides near ties alone
    assert (found.argmax(1) == expected.argmax(1)).mean() >= 0.99
    assert np.abs(found - expected).max() < 0.1
