"""Weights named as others name them give their logits: the goldens come from the public code itself."""

import pytest

torch = pytest.importorskip("torch", reason="networks need PyTorch (pip install .[train])")

from golden import image_of, read_golden, sample, state_of  # noqa: E402

from bisenet_core.errors import InputError  # noqa: E402
from bisenet_core.models import create_model  # noqa: E402
from bisenet_core.models.weights.renamings.bisenetv2 import LAYOUTS  # noqa: E402


@pytest.fixture(params=LAYOUTS, ids="-".join)
def published(request):
    """(layout, golden, state) of one public code base."""
    golden = read_golden("_".join(request.param))
    return LAYOUTS[request.param], golden, state_of(golden["shapes"])


def _create(layout):
    return create_model(layout.network, 19, **layout.options, auxiliary=False).eval()


def test_their_weights_give_their_logits(published):
    layout, golden, state = published
    network = _create(layout)
    network.load_state_dict(layout.translate(state), strict=True)
    with torch.no_grad():
        logits = network(image_of(*golden["image"]))
    assert list(logits.shape) == golden["logits_shape"]
    expected = torch.tensor(golden["samples"])
    assert expected.std() > 1  # what is compared is not next to nothing
    assert (sample(logits) - expected).abs().max() < 1e-4


def test_tensors_keep_their_shapes(published):
    layout, _, state = published
    wanted = {name: tensor.shape for name, tensor in _create(layout).state_dict().items()}
    assert {name: tensor.shape for name, tensor in layout.translate(state).items()} == wanted


def test_a_name_of_nothing_is_refused(published):
    layout, _, state = published
    with pytest.raises(InputError, match=r"1 tensors are not of bisenetv2, first .*\.unheard"):
        layout.translate({**state, f"{next(iter(state))}.unheard": torch.zeros(1)})


def test_what_public_code_bases_disagree_on_matters(published):
    layout, golden, state = published
    other = {"nearest": "bilinear", "bilinear": "nearest"}
    upsampling = other[layout.options.get("aggregation_upsampling", "bilinear")]
    network = create_model(
        layout.network, 19, **{**layout.options, "aggregation_upsampling": upsampling}, auxiliary=False
    ).eval()
    network.load_state_dict(layout.translate(state))
    with torch.no_grad():
        logits = network(image_of(*golden["image"]))
    assert (sample(logits) - torch.tensor(golden["samples"])).abs().max() > 0.1
