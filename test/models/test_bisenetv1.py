"""BiSeNetV1 against its authors' code, the published figures and CoinCheung's port."""

import pytest

torch = pytest.importorskip("torch", reason="networks need PyTorch (pip install .[train])")

from bisenet_core.errors import InputError  # noqa: E402
from bisenet_core.models import create_model  # noqa: E402
from bisenet_core.models.bisenetv1 import (  # noqa: E402
    ATTENTIONS,
    AttentionRefinementModule,
    FeatureFusionModule,
    bilinear,
)
from bisenet_core.models.complexity import complexity_of  # noqa: E402
from bisenet_core.models.layers import nearest_to  # noqa: E402


def _deployed(backbone, **options):
    with torch.device("meta"):
        return create_model(f"bisenetv1_{backbone}", 19, auxiliary=False, **options)


@pytest.mark.parametrize(
    ("backbone", "parameters", "macs"),
    [
        ("xception39", 1_541_963, 3_065_157_888),
        ("resnet18", 12_894_163, 11_581_049_856),
        ("resnet101", 47_638_803, 48_710_692_864),
    ],
)
def test_parameters_and_operations_of_the_authors_code(backbone, parameters, macs):
    found = complexity_of(f"bisenetv1_{backbone}", 19, 640, 360)
    assert (found.parameters, found.macs) == (parameters, macs)


@pytest.mark.parametrize(
    ("backbone", "operations", "size"), [("xception39", 2.9, 5.8), ("resnet18", 10.8, 49.0)]
)
def test_published_figures_are_in_binary_units(backbone, operations, size):
    """FLOPs are MACs in units of 2^30, "parameters" the megabytes (2^20) of a float32 checkpoint.

    The sizes, 5.8 and 49.0, are those without the convolution that the authors' code has on the global
    context; with it they would read 5.9 and 49.2.
    """
    assert round(complexity_of(f"bisenetv1_{backbone}", 19, 640, 360).macs / 2**30, 1) == operations
    values = sum(
        tensor.numel()
        for name, tensor in _deployed(backbone).state_dict().items()
        if "global_context" not in name and not name.endswith("num_batches_tracked")
    )
    assert round(4 * values / 2**20, 1) == size


def test_parameters_and_operations_of_coincheungs_port():
    options = {"head_channels": 256, "attention": "conv-norm", "upsampling": "nearest"}
    found = complexity_of("bisenetv1_resnet18", 19, 1024, 512, **options)
    assert (found.parameters, round(found.macs / 1e9, 2)) == (13_275_539, 29.58)


def test_auxiliary_heads_see_the_context_at_a_sixteenth_and_an_eighth():
    network = create_model("bisenetv1_xception39", 4).train()
    outputs = network(torch.randn(2, 3, 65, 130))
    assert {name: tuple(logits.shape[-2:]) for name, logits in outputs.items()} == {
        "main": (9, 17),
        "context32": (5, 9),
        "context16": (9, 17),
    }


@pytest.mark.parametrize("option", ["backbone", "attention", "upsampling"])
def test_an_unknown_part_is_refused_with_the_known_ones(option):
    with pytest.raises(InputError, match=f"{option} is 'mine'; expected one of .+, "):
        create_model("bisenetv1_resnet18", 4, **{option: "mine"})


def test_attention_refinement_gives_each_channel_one_weight():
    module = AttentionRefinementModule(6, 4).eval()
    features = torch.randn(2, 6, 5, 7)
    with torch.no_grad():
        weights = module(features) / module.conv(features)
    weights = weights.flatten(2)
    spread = weights.nan_to_num(-1).amax(2) - weights.nan_to_num(2).amin(2)  # 0/0 where the ReLU is shut
    assert spread.abs().max() < 1e-5
    assert 0 < weights.nanmean() < 1


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_feature_fusion_adds_a_part_of_itself(attention):
    """Figure 2c: the weighted features are added to the features, so the result is 1 to 2 times them."""
    module = FeatureFusionModule(10, 6, ATTENTIONS[attention](6)).eval()
    spatial, context = torch.randn(2, 4, 5, 7), torch.randn(2, 6, 5, 7)
    with torch.no_grad():
        features = module.conv(torch.cat([spatial, context], dim=1))
        fused = module(spatial, context)
    assert (fused >= features).all() and (fused <= 2 * features).all()
    assert attention != "conv-norm-relu" or (fused >= 1.5 * features).all()


def test_upsampling_keeps_corners_or_repeats_values():
    features, like = torch.tensor([[[[0.0, 3.0]]]]), torch.zeros(1, 1, 1, 4)
    assert bilinear(features, like).flatten().tolist() == pytest.approx([0, 1, 2, 3])
    assert nearest_to(features, like).flatten().tolist() == [0, 0, 3, 3]
