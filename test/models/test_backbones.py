"""Trunks against the classification networks they come from."""

import re

import pytest

torch = pytest.importorskip("torch", reason="networks need PyTorch (pip install .[train])")

from torch import nn  # noqa: E402

from bisenet_core.errors import InputError  # noqa: E402
from bisenet_core.models import create_model  # noqa: E402
from bisenet_core.models.backbones import BACKBONES  # noqa: E402
from bisenet_core.models.backbones.resnet import BasicBlock, Bottleneck, ResNet  # noqa: E402
from bisenet_core.models.backbones.xception39 import XceptionBlock  # noqa: E402


def _parameters(network):
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("depth", "published", "classifier"),
    [
        (18, 11_689_512, 512 * 1000 + 1000),
        (50, 25_557_032, 2048 * 1000 + 1000),
        (101, 44_549_160, 2048 * 1000 + 1000),
    ],
)
def test_resnet_has_torchvisions_parameters_but_the_classifier(depth, published, classifier):
    with torch.device("meta"):
        assert _parameters(ResNet(depth)) == published - classifier


def test_resnet_tensors_are_called_as_in_torchvision():
    with torch.device("meta"):
        names = ResNet(18).state_dict()
    theirs = {re.sub(r"conv(\d)\.0", r"conv\1", re.sub(r"conv(\d)\.1", r"bn\1", name)) for name in names}
    assert len(theirs) == len(names) == 120
    assert {"conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "layer4.1.bn2.bias"} <= theirs
    assert {"layer2.0.downsample.0.weight", "layer2.0.downsample.1.weight"} <= theirs


def test_resnet_of_another_depth_is_refused():
    with pytest.raises(InputError, match="depth is 19; expected one of 18, 50, 101"):
        ResNet(19)


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 47), (375, 1242)])
def test_features_halve_from_a_quarter_on(name, height, width):
    with torch.device("meta"):
        trunk = BACKBONES[name]().eval()
        features = trunk(torch.zeros(1, 3, height, width))
    assert [tuple(f.shape[1:]) for f in features] == [
        (channels, -(-height // stride), -(-width // stride))
        for channels, stride in zip(trunk.channels, (4, 8, 16, 32))
    ]


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck, XceptionBlock])
def test_a_block_without_effect_passes_its_input_on(block):
    body = block(4 * block.expansion, 4).eval()
    norms = [module for module in body.modules() if isinstance(module, nn.BatchNorm2d)]
    nn.init.zeros_(norms[-1].weight)
    features = torch.randn(1, 4 * block.expansion, 5, 7)
    with torch.no_grad():
        assert torch.equal(body(features), features.relu())


def test_the_classifier_of_a_trunk_gives_one_vector_in_both_modes():
    network = create_model("xception39", 7)
    assert network.train()(torch.randn(2, 3, 33, 47)).shape == network.eval()(torch.randn(2, 3, 32, 32)).shape
    assert create_model("xception39", 3, backbone="resnet18").trunk.channels[-1] == 512
    with pytest.raises(InputError, match="backbone is 'vgg'; expected one of resnet18"):
        create_model("xception39", 3, backbone="vgg")
