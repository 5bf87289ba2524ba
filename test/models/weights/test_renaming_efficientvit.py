"""Published EfficientViT-Seg weights give the logits that the public code gives."""

import pytest

torch = pytest.importorskip("torch", reason="networks need PyTorch (pip install .[train])")

from golden import image_of, read_golden, sample, state_of  # noqa: E402

from bisenet_core.errors import InputError  # noqa: E402
from bisenet_core.models import create_model  # noqa: E402
from bisenet_core.models.weights.renamings.efficientvit import RENAMINGS  # noqa: E402


@pytest.mark.parametrize(("format", "architecture"), RENAMINGS)
def test_logits_are_those_of_the_public_code(format, architecture):
    golden, renaming = read_golden(f"{format}_{architecture}"), RENAMINGS[format, architecture]
    network = create_model(architecture, 19)
    state = state_of(golden["shapes"])
    ours = renaming.translate(state)
    assert ours.keys() == network.state_dict().keys() and len(ours) == len(state)
    network.load_state_dict(ours)
    with torch.no_grad():
        logits = network.double().eval()(image_of(*golden["image"]).double())
    assert list(logits.shape) == golden["logits_shape"]
    # Both were computed in float64, from an image that is made in float32: its rounding, which depends on the
    # CPU, is 6e-8 of the largest values, and grows some times on its way.
    expected = torch.tensor(golden["samples"])
    nearness = {"rtol": 1e-6, "atol": 1e-6 * float(expected.abs().max())}
    torch.testing.assert_close(sample(logits).float(), expected, **nearness)
    with pytest.raises(InputError, match="1 tensors are not of efficientvit"):
        renaming.translate({**state, "backbone.stranger.weight": torch.zeros(1)})
