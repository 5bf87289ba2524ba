"""Quantised networks: symmetric, the same each time, and float where they are told to be."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="networks are written with onnx (pip install .[train])")
pytest.importorskip("nncf", reason="quantisation needs NNCF (pip install .[quantize])")
pytest.importorskip("onnxruntime", reason="quantisation needs ONNX Runtime (pip install .[cpu])")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from bisenet_core.deployment.quantiser import (  # noqa: E402
    costliest_layers,
    layers_of,
    quantise,
    read_float_network,
)
from bisenet_core.errors import InputError  # noqa: E402

RNG = np.random.default_rng(0)
IMAGES = [RNG.normal(0, 1, (1, 3, 64, 96)).astype(np.float32) for _ in range(6)]
INPUTS = [lambda image=image: image for image in IMAGES]


@pytest.fixture(scope="module")
def network(tiny_network_onnx):
    """The tiny network; its first kernel lies in FP16 behind a Cast, as `bisenet export` stores it."""
    model = onnx.load_from_string(tiny_network_onnx())
    kernel = next(tensor for tensor in model.graph.initializer if tensor.name == "kernel0")
    halves = numpy_helper.to_array(kernel).astype(np.float16)
    kernel.CopyFrom(numpy_helper.from_array(halves, "kernel0_fp16"))
    model.graph.node.insert(0, helper.make_node("Cast", ["kernel0_fp16"], ["kernel0"], to=TensorProto.FLOAT))
    return model


@pytest.fixture(scope="module")
def floats(network):
    return read_float_network(network.SerializeToString())


@pytest.fixture(scope="module")
def quantised(floats):
    return quantise(floats, INPUTS)


def values(model, name):
    return numpy_helper.to_array(next(one for one in model.graph.initializer if one.name == name))


def kinds(model):
    return [node.op_type for node in model.graph.node]


def test_casts_are_folded_and_every_node_has_a_name(network, floats):
    assert "Cast" not in kinds(floats) and values(floats, "kernel0").dtype == np.float32
    np.testing.assert_array_equal(values(floats, "kernel0"), values(network, "kernel0_fp16"))
    names = [node.name for node in floats.graph.node]
    assert all(names) and len(set(names)) == len(names) and len(layers_of(floats)) == 4


def test_it_is_symmetric_and_of_any_size(quantised):
    dequantised = [node for node in quantised.graph.node if node.op_type == "DequantizeLinear"]
    zeros = [values(quantised, node.input[2]) for node in dequantised]
    assert len(zeros) == 8 and not any(zero.any() for zero in zeros)
    inputs = [node for node in quantised.graph.node if node.op_type == "QuantizeLinear"]
    assert all(values(quantised, node.input[1]).ndim == 0 for node in inputs)  # TensorRT takes no other
    sides = quantised.graph.input[0].type.tensor_type.shape.dim[2:]
    assert [side.dim_param for side in sides] == ["height", "width"]
    assert [one.version for one in quantised.opset_import if one.domain == ""] == [13]


def test_it_is_the_same_for_the_same_images(floats, quantised):
    assert quantise(floats, INPUTS).SerializeToString() == quantised.SerializeToString()


def test_a_layer_stays_in_float(floats, quantised):
    first, other = layers_of(floats)[:2]
    kept = quantise(floats, INPUTS, [first])
    assert kinds(kept).count("DequantizeLinear") == kinds(quantised).count("DequantizeLinear") - 2
    by_name = {node.name: node for node in kept.graph.node}
    assert list(by_name[first].input)[:2] == ["image", "kernel0"]
    assert by_name[other].input[1] != "kernel1"


def test_a_name_that_is_no_layers_is_refused(floats):
    with pytest.raises(InputError, match="no layer is called 'Conv_33'; did you mean 'Conv_3'"):
        quantise(floats, INPUTS, ["Conv_33"])


def test_the_layer_that_costs_most_is_found(tiny_network_onnx):
    model = read_float_network(tiny_network_onnx())
    # one huge weight in each of its kernels leaves the others two steps of INT8: this layer must be the worst
    kernel = next(tensor for tensor in model.graph.initializer if tensor.name == "kernel2")
    spoilt = numpy_helper.to_array(kernel).copy()
    spoilt[:, 0, 0, 0] = 60 * np.abs(spoilt).max()
    kernel.CopyFrom(numpy_helper.from_array(spoilt, "kernel2"))
    worst = layers_of(model)[2]
    ranking = costliest_layers(model, quantise(model, INPUTS), IMAGES[:2])
    assert ranking[0] == worst and sorted(ranking) == sorted(layers_of(model))


def test_what_cannot_be_quantised_is_refused(quantised):
    with pytest.raises(InputError, match="is quantised already"):
        read_float_network(quantised.SerializeToString())
    with pytest.raises(InputError, match="is no ONNX file"):
        read_float_network(b"no network")
    with pytest.raises(InputError, match="holds no network"):
        read_float_network(b"")
