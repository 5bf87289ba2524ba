import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_onnx import FLOAT16, image_info, model, node, small_network, tensor

from bisenet_core.errors import InputError
from bisenet_core.runtime.engine import onnx_wire
from bisenet_core.runtime.engine.onnx_wire import messages, number_of, read_fields, texts, write_fields
from bisenet_core.runtime.engine.prepared_onnx import is_quantised, prepare_onnx, with_signed_activations

FIELDS = st.lists(st.one_of(
    st.tuples(st.integers(1, 1 << 20), st.just(onnx_wire.VARINT), st.integers(0, (1 << 64) - 1)),
    st.tuples(st.integers(1, 1 << 20), st.just(onnx_wire.BYTES), st.binary(max_size=300)),
    st.tuples(st.integers(1, 1 << 20), st.just(onnx_wire.FIXED32), st.binary(min_size=4, max_size=4)),
    st.tuples(st.integers(1, 1 << 20), st.just(onnx_wire.FIXED64), st.binary(min_size=8, max_size=8))))


def graph_of(content):
    return list(read_fields(messages(list(read_fields(content)), 7)[0]))


def tensors_of(content):
    found = [list(read_fields(value)) for value in messages(graph_of(content), 5)]
    return {texts(fields, 8)[0]: (number_of(fields, 2), messages(fields, 9)[0]) for fields in found}


def operators_of(content):
    return [texts(list(read_fields(value)), 4)[0] for value in messages(graph_of(content), 1)]


@given(FIELDS)
def test_what_is_written_is_read(fields):
    assert list(read_fields(write_fields(fields))) == fields


@given(st.binary(max_size=200))
def test_any_bytes_are_a_network_or_bad_input(content):
    try:
        prepare_onnx(content, 64, 32)
    except InputError as error:
        assert "\n" not in str(error) and "export or fetch" in str(error)


@given(st.integers(5, 150))  # the last field, of 4 bytes, is not the graph
def test_a_truncated_network_is_bad_input(missing):
    whole = small_network()
    with pytest.raises(InputError, match="model.onnx is no ONNX file"):
        prepare_onnx(whole[:len(whole) - missing], 64, 32)


def test_a_kernel_behind_a_cast_becomes_float32_in_place():
    prepared = prepare_onnx(small_network(), 64, 32)
    kernel = np.linspace(-1, 1, 33).astype(np.float16)
    assert operators_of(prepared) == ["Conv"]
    assert tensors_of(prepared) == {"kernel32": (1, kernel.astype(np.float32).tobytes())}


def test_fp16_tensors_that_are_used_as_they_are_stay():
    uses_half = node("Add", ["kernel", "kernel"], ["twice"])
    prepared = prepare_onnx(small_network([uses_half]), 64, 32)
    assert tensors_of(prepared)["kernel"][0] == FLOAT16
    assert set(tensors_of(prepared)) == {"kernel", "kernel32"}


def test_casts_of_activations_and_to_other_types_stay():
    half = np.ones(3, np.float16)
    nodes = [node("Cast", ["image"], ["image32"], to=1), node("Cast", ["half"], ["double"], to=11)]
    prepared = prepare_onnx(model(nodes, [tensor("half", half)]), 64, 32)
    assert operators_of(prepared) == ["Cast", "Cast"]
    assert tensors_of(prepared) == {"half": (FLOAT16, half.tobytes())}


def test_the_input_gets_its_size_and_the_output_keeps_its_freedom():
    graph = graph_of(prepare_onnx(small_network(), 64, 32))
    assert messages(graph, 11) == [image_info("image", 3, 32, 64)]
    assert messages(graph, 12) == [image_info("logits", 11, "rows", "columns")]


def test_a_quantised_network_is_known_by_its_nodes():
    nodes = [node("QuantizeLinear", ["image", "s"], ["q"]), node("DequantizeLinear", ["q", "s"], ["d"])]
    assert is_quantised(small_network(nodes)) and not is_quantised(small_network())


def quantised_tensors(zero=0):
    """A scale and a zero point of unsigned activations, and those of signed weights."""
    pairs = [("unsigned", np.uint8(zero)), ("signed", np.int8(0))]
    zeros = [write_fields([(2, onnx_wire.VARINT, 3 if value.dtype == np.int8 else 2),
                           (8, onnx_wire.BYTES, name.encode()), (9, onnx_wire.BYTES, value.tobytes())])
             for name, value in pairs]
    return [tensor(name + "_scale", np.float32(0.5)) for name, _ in pairs] + zeros


QUANTISERS = [node(kind, ["image", name + "_scale", name], [kind + name])
              for name in ("unsigned", "signed") for kind in ("QuantizeLinear", "DequantizeLinear")]


def test_unsigned_activations_become_signed_up_to_the_same_value():
    found = tensors_of(with_signed_activations(model(QUANTISERS, quantised_tensors())))
    assert [found[name][0] for name in ("unsigned", "signed")] == [3, 3]
    scales = {name: np.frombuffer(found[name + "_scale"][1], "<f4")[0] for name in ("unsigned", "signed")}
    assert scales["signed"] == 0.5 and 127 * scales["unsigned"] == pytest.approx(255 * 0.5, rel=1e-6)


@pytest.mark.parametrize("name", ["unsigned", "unsigned_scale"])
def test_scales_that_are_lists_of_numbers_are_refused(name):
    tensors = [write_fields([field for field in read_fields(one) if field[0] != 9])
               if (8, onnx_wire.BYTES, name.encode()) in list(read_fields(one)) else one
               for one in quantised_tensors()]
    with pytest.raises(InputError, match="keeps scales as lists of numbers"):
        with_signed_activations(model(QUANTISERS, tensors))


def test_asymmetric_activations_are_refused():
    with pytest.raises(InputError, match="asymmetrically, which TensorRT does not take"):
        with_signed_activations(model(QUANTISERS, quantised_tensors(zero=3)))


def test_the_committed_int8_network_keeps_its_labels_when_it_is_signed():
    onnx = pytest.importorskip("onnx", reason="what is written is checked with onnx")
    runtime = pytest.importorskip("onnxruntime", reason="what is written is run with onnxruntime")
    from bisenet_core.drives.rendering import RenderedDrive
    from bisenet_core.runtime.model_card import ModelCard, resolve_model
    from bisenet_core.runtime.preprocessing import normalisation_tables, normalise

    card = ModelCard.load(resolve_model("camvid_bisenetv2"))
    unsigned = prepare_onnx(card.read_onnx("int8"), 240, 184)
    signed = with_signed_activations(unsigned)
    onnx.checker.check_model(onnx.load_from_string(signed), full_check=True)
    image = np.empty((1, 3, 184, 240), np.float32)
    normalise(RenderedDrive(240, 184, frames=1)[0][0], normalisation_tables(card.mean, card.std), image)
    before, after = [
        runtime.InferenceSession(network, providers=["CPUExecutionProvider"]).run(None, {"image": image})[0]
        for network in (unsigned, signed)]
    assert not np.array_equal(before, after) and (before.argmax(1) == after.argmax(1)).mean() > 0.95


def test_the_committed_network_computes_the_same():
    onnx = pytest.importorskip("onnx", reason="what is written is checked with onnx")
    runtime = pytest.importorskip("onnxruntime", reason="what is written is run with onnxruntime")
    from bisenet_core.runtime.model_card import ModelCard, resolve_model

    content = ModelCard.load(resolve_model("camvid_bisenetv2")).onnx_path.read_bytes()
    prepared = prepare_onnx(content, 128, 64)
    onnx.checker.check_model(onnx.load_from_string(prepared), full_check=True)
    image = np.random.default_rng(0).standard_normal((1, 3, 64, 128)).astype(np.float32)
    before, after = [
        runtime.InferenceSession(network, providers=["CPUExecutionProvider"]).run(None, {"image": image})[0]
        for network in (content, prepared)]
    assert after.shape == (1, 11, 8, 16)
    # the same weights; a size that is fixed may choose kernels that add in another order, in some 40 layers
    np.testing.assert_allclose(after, before, rtol=0, atol=40 * 2 ** -24 * 10 * np.abs(before).max())
