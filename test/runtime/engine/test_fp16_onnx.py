import sys

import numpy as np
import pytest

from bisenet_core.errors import InputError
from bisenet_core.runtime.engine.prepared_onnx import prepare_onnx, to_half
from bisenet_core.runtime.model_card import ModelCard, resolve_model

SUMS = ("ReduceMean", "ReduceSum", "GlobalAveragePool")


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


def test_fp16_inside_and_outside(prepared):
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime", reason="the network is run with onnxruntime")
    half = to_half(prepared)
    network = onnx.load_from_string(half)
    onnx.checker.check_model(network, full_check=True)
    kinds = {tensor.data_type for tensor in network.graph.initializer}
    assert onnx.TensorProto.FLOAT not in kinds
    casts = sum(node.op_type == "Cast" for node in network.graph.node)
    nodes = onnx.load_from_string(prepared).graph.node
    sums = sum(node.op_type in SUMS for node in nodes)
    before = sum(node.op_type == "Cast" for node in nodes)
    assert sums and casts - before <= 3 + 2 * sums, "FP32 islands inside the network"
    image = np.random.default_rng(0).standard_normal((1, 3, 64, 128)).astype(np.float16)
    expected, found = [
        runtime.InferenceSession(content, providers=["CPUExecutionProvider"]).run(
            None, {"image": image.astype(dtype)})[0] for content, dtype in ((prepared, "f4"), (half, "f2"))]
    assert found.dtype == np.float16 and found.shape == expected.shape
    # FP16 rounds by 2 ** -12, in some 40 layers: it decides near ties alone
    assert (found.argmax(1) == expected.argmax(1)).mean() >= 0.99
    assert np.abs(found - expected).max() < 0.1


@pytest.mark.parametrize("operator", SUMS)
def test_sums_over_the_image_stay_in_fp32(operator):
    """20 000 in each of 2048 pixels: their sum is beyond FP16, and one of 1.0 stagnates at 2048."""
    pytest.importorskip("onnxconverter_common", reason="FP16 networks are written with onnxconverter-common")
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime", reason="the network is run with onnxruntime")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    inputs = ["wide"] + (["axes"] if operator == "ReduceSum" else [])
    attributes = {"ReduceMean": {"axes": [2, 3]}}.get(operator, {})
    graph = helper.make_graph(
        [helper.make_node("Mul", ["image", "one"], ["wide"]),
         helper.make_node(operator, inputs, ["sum"], **attributes),
         helper.make_node("Mul", ["sum", "small"], ["logits"])], "sums",
        [helper.make_tensor_value_info("image", kind, [1, 3, 32, 64])],
        [helper.make_tensor_value_info("logits", kind, [1, 3, 1, 1])],
        [onnx.numpy_helper.from_array(np.array([1.0], np.float32), "one"),
         onnx.numpy_helper.from_array(np.array([2.0 ** -12], np.float32), "small"),
         onnx.numpy_helper.from_array(np.array([2, 3]), "axes")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    half = onnx.load_from_string(to_half(model.SerializeToString()))
    onnx.checker.check_model(half, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(half).graph.value_info
    types = {info.name: info.type.tensor_type.elem_type for info in inferred}
    node, = (node for node in half.graph.node if node.op_type == operator)
    assert types[node.input[0]] == types[node.output[0]] == kind
    session = runtime.InferenceSession(half.SerializeToString(), providers=["CPUExecutionProvider"])
    image = np.full((1, 3, 32, 64), 1.0, np.float16)
    total = 1 if operator != "ReduceSum" else 2048
    np.testing.assert_allclose(session.run(None, {"image": image})[0], total * 2.0 ** -12, rtol=1e-2)
