"""Weights named as others name them give their logits: the goldens come from the public code itself."""

import pytest

torch = pytest.importorskip("torch", reason="networks need PyTorch (pip install .[train])")

from golden import image_of, read_golden, sample, state_of  # noqa: E402

from bisenet_core.errors import InputError  # noqa: E402
from bisenet_core.models import create_model  # noqa: E402
from bisenet_core.models.weights import renamings  # noqa: E402

RENAMINGS = {key: one for key, one in renamings.RENAMINGS.items() if key[1].startswith("bisenetv2")}


@pytest.fixture(scope="module", params=RENAMINGS, ids="-".join)
def published(request):
    """(renaming, golden, state) of one public code base."""
    golden = read_golden("_".join(request.param))
    return RENAMINGS[request.param], golden, state_of(golden["shapes"])


def _create(renaming):
    return create_model(renaming.network, 19, **renaming.options, auxiliary=False).eval()


def test_their_weights_give_their_logits(published):
    renaming, golden, state = published
    network = _create(renaming)
    network.load_state_dict(renaming.translate(state), strict=True)
    with torch.no_grad():
        # in float64, so that the golden's own float32 rounding is all that is apart, whatever this CPU does
        logits = network.double()(image_of(*golden["image"]).double())
    assert list(logits.shape) == golden["logits_shape"]
    expected = torch.tensor(golden["samples"])
    assert expected.std() > 1  # what is compared is not next to nothing
    assert (sample(logits) - expected).abs().max() < 1e-4


def test_tensors_keep_their_shapes(published):
    renaming, _, state = published
    wanted = {name: tensor.shape for name, tensor in _create(renaming).state_dict().items()}
    assert {name: tensor.shape for name, tensor in renaming.translate(state).items()} == wanted


def test_a_name_of_nothing_is_refused(published):
    renaming, _, state = published
    with pytest.raises(InputError, match=r"1 tensors are not of bisenetv2, first .*\.unheard"):
        renaming.translate({**state, f"{next(iter(state))}.unheard": torch.zeros(1)})


def test_what_public_code_bases_disagree_on_matters(published):
    renaming, golden, state = published
    other = {"nearest": "bilinear", "bilinear": "nearest"}
    upsampling = other[renaming.options.get("aggregation_upsampling", "bilinear")]
    network = create_model(
        renaming.network, 19, **{**renaming.options, "aggregation_upsampling": upsampling}, auxiliary=False
    ).eval()
    network.load_state_dict(renaming.translate(state))
    with torch.no_grad():
        logits = network(image_of(*golden["image"]))
    assert (sample(logits) - torch.tensor(golden["samples"])).abs().max() > 0.1
