"""STDC networks against the figures of their paper."""

import pytest

torch = pytest.importorskip("torch", reason="networks need PyTorch (pip install .[train])")

from torch import nn  # noqa: E402

from bisenet_core.models import create_model  # noqa: E402
from bisenet_core.models.complexity import complexity_of, measure_complexity  # noqa: E402
from bisenet_core.models.stdc import (  # noqa: E402
    ShortTermDenseConcatenateModule,
    STDCNet,
)


def _pooled_elements(network, image):
    """What average pooling reads, which the counter behind Table 2 adds to that of BiSeNet V2."""
    read = []
    for module in network.modules():
        if isinstance(module, nn.AvgPool2d):
            module.register_forward_hook(lambda _module, inputs, _output: read.append(inputs[0].numel()))
    network(image)
    return sum(read) + STDCNet.channels[-1] * 7 * 7  # and the global pooling


@pytest.mark.parametrize(("name", "flops", "parameters"), [("stdc1", 813, 8.44), ("stdc2", 1446, 12.47)])
def test_classification_networks_of_table_2(name, flops, parameters):
    with torch.device("meta"):
        network, image = create_model(name, 1000).eval(), torch.zeros(1, 3, 224, 224)
        found = measure_complexity(network, image)
        counted = found.operations + _pooled_elements(network, image)
    assert round(counted / 1e6) == flops
    assert round(found.parameters / 1e6, 2) == parameters


@pytest.mark.parametrize(
    ("name", "width", "height", "gmacs", "parameters"),
    [
        ("stdc1_seg", 1024, 512, 16.86, 8.275),
        ("stdc2_seg", 1024, 512, 23.46, 12.306),
        ("stdc1_seg", 1536, 768, 37.94, 8.275),
        ("stdc2_seg", 1536, 768, 52.78, 12.306),
    ],
)
def test_segmentation_networks_as_deployed(name, width, height, gmacs, parameters):
    found = complexity_of(name, 19, width, height)
    assert round(found.macs / 1e9, 2) == gmacs
    assert round(found.parameters / 1e6, 3) == parameters


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("m", "n"), [(64, 256), (256, 256), (512, 1024)])
def test_a_module_has_the_weights_of_equation_3(m, n, stride):
    module = ShortTermDenseConcatenateModule(m, n, stride)
    weights = sum(p.numel() for p in module.blocks.parameters() if p.ndim == 4)
    assert weights == n * m / 2 + 3 * n**2 / 2 * (1 + 1 / 2 ** (2 * 4 - 3))


@pytest.mark.parametrize(("stride", "fields"), [(1, [1, 3, 5, 7]), (2, [3, 7, 11, 15])])
def test_receptive_fields(stride, fields):
    """Table 1, but that at stride 2 it has 3, 3, 7, 11: without the depth-wise layer that Table 2 counts."""
    module = ShortTermDenseConcatenateModule(4, 32, stride).eval()
    for convolution in (part for part in module.modules() if isinstance(part, nn.Conv2d)):
        nn.init.ones_(convolution.weight)
    image = torch.zeros(1, 4, 32, 32, requires_grad=True)
    outputs = module(image + 1)[0, :, 8, 8]
    found = []
    for channel in (0, 16, 24, 28):  # the first of each block's
        (gradient,) = torch.autograd.grad(outputs[channel], image, retain_graph=True)
        found.append(int((gradient[0, 0] != 0).any(0).sum()))
    assert found == fields


def test_stages_halve_the_image_rounding_up():
    with torch.no_grad():
        stages = STDCNet("stdc1").eval()(torch.zeros(1, 3, 33, 65))
    assert [tuple(stage.shape[1:]) for stage in stages] == [
        (64, 9, 17), (256, 5, 9), (512, 3, 5), (1024, 2, 3)
    ]  # fmt: skip


def test_detail_head_learns_from_stage_3_and_the_others_from_the_context_path():
    outputs = create_model("stdc1_seg", 4).train()(torch.randn(2, 3, 32, 64))
    assert {name: tuple(out.shape[1:]) for name, out in outputs.items()} == {
        "main": (4, 4, 8), "detail": (1, 4, 8), "context16": (4, 4, 8), "context32": (4, 2, 4)
    }  # fmt: skip


def test_the_row_of_table_4_with_a_spatial_path():
    """It replaces stage 3 and its Detail Head, at 11% more operations; the paper's frame takes 10% longer."""
    plain, wider = (complexity_of("stdc2_seg", 19, 1024, 512, spatial_path=path) for path in (False, True))
    assert 1.05 < wider.macs / plain.macs < 188.6 / 171.6 + 0.03
    network = create_model("stdc2_seg", 4, spatial_path=True)
    outputs = network.train()(torch.randn(2, 3, 32, 64))
    assert set(outputs) == {"main", "context16", "context32"} and outputs["main"].shape[1:] == (4, 4, 8)
    outputs["main"].sum().backward()
    assert all(p.grad.any() for p in network.spatial_path.parameters() if p.ndim == 4)


def test_classification_is_one_vector_of_logits_in_both_modes():
    network = create_model("stdc1", 7)
    assert network.train()(torch.randn(2, 3, 33, 47)).shape == (2, 7)
    assert network.eval()(torch.randn(1, 3, 47, 33)).shape == (1, 7)
