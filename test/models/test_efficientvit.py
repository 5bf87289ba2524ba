"""EfficientViT-Seg: what its linear attention computes, and how much of it there is."""

import pytest

torch = pytest.importorskip("torch", reason="networks need PyTorch (pip install .[train])")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch.nn import functional  # noqa: E402

from bisenet_core.errors import InputError  # noqa: E402
from bisenet_core.models import create_model  # noqa: E402
from bisenet_core.models.complexity import complexity_of  # noqa: E402
from bisenet_core.models.efficientvit.backbone import relu_attention  # noqa: E402
from bisenet_core.models.efficientvit.network import cubic_matrix  # noqa: E402

# Of onnx-tensorrt's docs/operators.md at 8.2-GA, those that our exports have; Resize is nearest and linear.
TENSORRT_8_2 = {
    "Add", "Cast", "Clip", "Concat", "Constant", "ConstantOfShape", "Conv", "Div", "Equal", "Gather",
    "HardSigmoid", "Identity", "MatMul", "Max", "Min", "Mul", "Range", "Relu", "Reshape", "Shape", "Slice",
    "Split", "Sub", "Transpose", "Unsqueeze",
}


@given(st.integers(1, 2), st.integers(1, 3), st.integers(1, 40), st.integers(0, 99))
def test_attention_is_the_weighted_mean_of_its_definition(batch, heads, pixels, seed):
    draw = torch.Generator().manual_seed(seed)
    query, key, value = torch.randn(3, batch, heads, 16, pixels, generator=draw, dtype=torch.float64)
    weights = query.relu().transpose(-1, -2) @ key.relu()  # of every pixel to every pixel
    sums = weights.sum(-1, keepdim=True)
    expected = (weights / torch.where(sums > 0, sums, 1)) @ value.transpose(-1, -2)
    expected = torch.where(sums / pixels > 1e-6, expected, 0).transpose(-1, -2)  # else its sum is cut off
    found = relu_attention(query, key, value)
    torch.testing.assert_close(torch.where(sums.transpose(-1, -2) / pixels > 1e-6, found, 0), expected)


def test_a_query_that_meets_no_key_gives_zero():
    nothing = -torch.ones(1, 1, 16, 9)
    assert torch.equal(relu_attention(nothing, nothing, torch.ones(1, 1, 16, 9)), torch.zeros(1, 1, 16, 9))


def test_attention_stays_in_the_range_of_float16():
    # 8192 pixels are a frame of 2048x1024 at 1/16, 10 the largest activation of the published weights on
    # real streets. Sums over the pixels would be 1e8.
    draw = torch.Generator().manual_seed(0)
    query, key, value = 10 * torch.rand(3, 1, 1, 16, 8192, generator=draw)
    expected = relu_attention(query, key, value)
    found = relu_attention(query.half(), key.half(), value.half())
    assert torch.isfinite(found).all()
    # the keys' means, the two products and the quotient are each rounded to 11 bits
    torch.testing.assert_close(found.float(), expected, rtol=8 * 2.0**-11, atol=0)


@pytest.mark.parametrize("name, parameters, macs", [("efficientvit_b0", 0.7e6, 4.4e9),
                                                    ("efficientvit_b1", 4.8e6, 25e9)])
def test_parameters_and_operations_are_the_published_ones(name, parameters, macs):
    counted = complexity_of(name, 19, 2048, 1024)
    assert round(counted.parameters / 1e6, 1) == parameters / 1e6
    assert counted.macs == pytest.approx(macs, rel=0.03)  # published to two digits


@given(*[st.integers(1, 40)] * 2)
def test_the_cubic_matrix_is_pytorchs_interpolation(source, target):
    lines = torch.randn(1, 2, source, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = functional.interpolate(lines, size=(target, 1), mode="bicubic", align_corners=False)
    torch.testing.assert_close(cubic_matrix(source, target, torch.float64) @ lines, expected)


def test_float16_moves_no_pixel_of_the_cubic_matrix():
    for source, target in ((64, 256), (128, 256), (23, 45), (135, 270)):
        exact, half = (cubic_matrix(source, target, dtype) for dtype in (torch.float64, torch.float16))
        torch.testing.assert_close(half.double(), exact, rtol=0, atol=4 * 2.0**-11)


@pytest.mark.parametrize("name", ["efficientvit_b0", "efficientvit_b1"])
def test_the_exported_graph_has_operators_of_tensorrt_8_2_alone(name, tmp_path):
    onnx = pytest.importorskip("onnx")
    from bisenet_core.deployment.onnx_file import write_onnx

    network = create_model(name, 19).eval()
    write_onnx(network, 96, 64, tmp_path / "model.onnx")
    assert {node.op_type for node in onnx.load(str(tmp_path / "model.onnx")).graph.node} <= TENSORRT_8_2
    session = pytest.importorskip("onnxruntime").InferenceSession(str(tmp_path / "model.onnx"))
    for width, height in ((96, 64), (75, 51), (480, 360)):  # whole factors of 2 and 4, and others
        image = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(width))
        found, = session.run(None, {"image": image.numpy()})
        with torch.no_grad():
            torch.testing.assert_close(torch.from_numpy(found), network(image), rtol=0, atol=1e-5)


def test_an_unknown_variant_suggests_the_nearest():
    with pytest.raises(InputError, match="did you mean 'b1'"):
        create_model("efficientvit_b0", 19, variant="b")
