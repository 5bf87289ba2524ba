"""A checkpoint's tensors go into a network as they are, or not at all."""

import pytest

torch = pytest.importorskip("torch", reason="networks need PyTorch (pip install .[train])")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch import nn  # noqa: E402

from bisenet_core.deployment.loading import load_exactly  # noqa: E402
from bisenet_core.errors import InputError  # noqa: E402


def network():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


def state():
    return {name: torch.full_like(tensor, 7) for name, tensor in network().state_dict().items()}


@pytest.mark.parametrize("counts", ["kept", "absent"])
def test_every_tensor_is_copied(counts):
    target = network()
    given_state = {n: t for n, t in state().items() if counts == "kept" or "num_batches_tracked" not in n}
    load_exactly(target, given_state, "file.pth")
    assert all(torch.equal(target.state_dict()[name], tensor) for name, tensor in given_state.items())


@given(st.sampled_from([n for n in network().state_dict() if "num_batches" not in n]),
       st.sampled_from(["less", "more", "wrong"]))
def test_one_tensor_that_is_wrong_is_named_and_nothing_is_copied(name, fault):
    target, wrong = network(), state()
    before = {key: tensor.clone() for key, tensor in target.state_dict().items()}
    if fault == "less":
        del wrong[name]
    else:
        wrong[name + "2" if fault == "more" else name] = torch.ones(5)
    message = {"less": f"{name} is missing", "more": f"{name}2 is extra", "wrong": f"{name} is 5, expected 4"}
    with pytest.raises(InputError, match=f"file.pth does not fit Sequential: 1 of its .* {message[fault]}"):
        load_exactly(target, wrong, "file.pth")
    assert all(torch.equal(before[key], tensor) for key, tensor in target.state_dict().items())


def test_of_many_the_first_few_are_named():
    with pytest.raises(InputError, match=r"6 of its tensors are wrong, first 0.bias is missing; ") as caught:
        load_exactly(network(), {}, "empty.pth")
    assert str(caught.value).count("missing") == 3
