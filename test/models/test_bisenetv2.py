"""BiSeNetV2 against the figures of its paper."""

import pytest

torch = pytest.importorskip("torch", reason="networks need PyTorch (pip install .[train])")

from torch import nn  # noqa: E402

from bisenet_core.models import create_model, list_models  # noqa: E402


def _giga_operations(network, width, height):
    """The paper's counter: MACs and bias of convolutions, 2 per norm output, 1 per activation output."""
    total = 0

    def count(module, _inputs, output):
        nonlocal total
        per_output = {nn.BatchNorm2d: 2, nn.ReLU: 1}.get(type(module), 0)
        if isinstance(module, nn.Conv2d):
            per_output = module.weight[0].numel() + (module.bias is not None)
        total += per_output * output.numel()

    for module in network.modules():
        module.register_forward_hook(count)
    with torch.no_grad():
        network.eval()(torch.zeros(1, 3, height, width))
    return total / 1e9


@pytest.mark.parametrize(
    ("options", "published", "parameters"),
    [({}, 21.15, 5.25e6), ({"alpha": 2, "depth": 3}, 118.51, 57.8e6)],
    ids=["base", "large"],
)
def test_operations_and_parameters_of_the_paper(options, published, parameters):
    network = create_model("bisenetv2", 19, auxiliary=False, **options)
    # a quarter of 1024x512 in each direction: the count grows with the area, but for the global pooling
    assert 16 * _giga_operations(network, 256, 128) == pytest.approx(published, abs=0.007)
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(parameters, rel=0.002)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 47), (97, 131), (48, 160)])
def test_any_size_gives_logits_at_an_eighth(height, width):
    network = create_model("bisenetv2", 5, auxiliary=False).eval()
    with torch.no_grad():
        logits = network(torch.randn(1, 3, height, width))
    assert logits.shape == (1, 5, -(-height // 8), -(-width // 8))


@pytest.mark.parametrize("shape", [(1, 3, 31, 64), (1, 1, 64, 64), (3, 64, 64)])
def test_unusable_images_are_refused_by_shape(shape):
    with pytest.raises(ValueError, match="expected Bx3xHxW"):
        create_model("bisenetv2", 5)(torch.zeros(shape))


def test_boosters_exist_in_training_only_and_learn():
    network = create_model("bisenetv2", 4).train()
    outputs = network(torch.randn(2, 3, 64, 64))
    assert list(outputs) == ["main", "stage2", "stage3", "stage4", "stage5_4"]
    assert [tuple(o.shape[-2:]) for o in outputs.values()] == [(8, 8), (16, 16), (8, 8), (4, 4), (2, 2)]
    sum(o.square().mean() for o in outputs.values()).backward()
    assert all(p.grad is not None for p in network.parameters())
    assert torch.is_tensor(network.eval()(torch.zeros(1, 3, 64, 64)))


def test_unknown_names_suggest_the_nearest():
    assert "bisenetv2" in list_models()
    with pytest.raises(ValueError, match="did you mean bisenetv2"):
        create_model("bisenet_v2", 4)
    with pytest.raises(ValueError, match="did you mean alpha"):
        create_model("bisenetv2", 4, alhpa=2)
    with pytest.raises(ValueError, match="expected one of paper"):
        create_model("bisenetv2", 4, variant="mine")
