"""EfficientViT-Seg: what its linear attention computes, and how much of it there is."""

import pytest

torch = pytest.importorskip("torch", reason="networks need PyTorch (pip install .[train])")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from bisenet_core.errors import InputError  # noqa: E402
from bisenet_core.models import create_model  # noqa: E402
from bisenet_core.models.complexity import complexity_of  # noqa: E402
from bisenet_core.models.efficientvit.linear_attention import relu_attention  # noqa: E402


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


def test_an_unknown_variant_suggests_the_nearest():
    with pytest.raises(InputError, match="did you mean 'b1'"):
        create_model("efficientvit_b0", 19, variant="b")
