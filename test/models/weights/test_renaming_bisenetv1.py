"""BiSeNet V1 with the weights of a public implementation gives the logits of that implementation."""

import pytest

torch = pytest.importorskip("torch", reason="networks need PyTorch (pip install .[train])")

from golden import image_of, read_golden, sample, state_of  # noqa: E402

from bisenet_core.models import create_model  # noqa: E402
from bisenet_core.models.weights import renamings  # noqa: E402

RENAMINGS = {key: one for key, one in renamings.RENAMINGS.items() if key[1].startswith("bisenetv1")}

GOLDENS = [
    ("coincheung", "bisenetv1_resnet18"),
    ("mmseg", "bisenetv1_resnet18"),
    pytest.param("mmseg", "bisenetv1_resnet50", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("code", "architecture"), GOLDENS)
def test_logits_are_those_of_the_public_code(code, architecture):
    """Weights drawn by name let logits grow into the hundreds and more, so both were run in float64."""
    golden, renaming = read_golden(f"{code}_{architecture}"), RENAMINGS[code, architecture]
    network = create_model(renaming.network, 19, auxiliary=False, **renaming.options)
    network.load_state_dict(renaming.translate(state_of(golden["shapes"])))
    with torch.no_grad():
        logits = network.double().eval()(image_of(*golden["image"]).double())
    assert list(logits.shape) == golden["logits_shape"]
    expected = torch.tensor(golden["samples"], dtype=torch.float64)
    assert (sample(logits) - expected).abs().max() < 1e-6 * expected.abs().max()  # seven digits are kept


@pytest.mark.parametrize(("code", "architecture"), RENAMINGS)
def test_each_renaming_makes_its_network_and_has_statistics(code, architecture):
    renaming = RENAMINGS[code, architecture]
    with torch.device("meta"):
        create_model(renaming.network, 19, **renaming.options)
    assert renaming.network == architecture
    assert "cocostuff" in renaming.statistics


def test_the_deepest_trunk_has_its_blocks():
    renaming = RENAMINGS["mmseg", "bisenetv1_resnet101"]
    tensor = torch.zeros(1024)
    ours = renaming.translate({"backbone.context_path.backbone.layer3.22.bn3.running_var": tensor})
    assert ours == {"trunk.layer3.22.conv3.1.running_var": tensor}
    with torch.device("meta"):
        network = create_model(renaming.network, 19, auxiliary=False, **renaming.options)
    assert network.state_dict()[next(iter(ours))].shape == tensor.shape
