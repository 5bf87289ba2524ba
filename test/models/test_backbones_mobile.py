"""MobileNetV2 and ShuffleNetV2 against the figures of their papers."""

import pytest

torch = pytest.importorskip("torch", reason="networks need PyTorch (pip install .[train])")

from bisenet_core.models.backbones.mobile import (  # noqa: E402
    MobileNetV2,
    ShuffleNetV2,
    ShuffleUnit,
)
from bisenet_core.models.complexity import measure_complexity  # noqa: E402

CLASSES = 1000


class Recorder(torch.nn.Module):
    """The last features of a trunk, since the counter counts what returns a tensor."""

    def __init__(self, trunk):
        super().__init__()
        self.trunk = trunk

    def forward(self, image):
        return self.trunk(image)[-1]


@pytest.mark.parametrize(
    ("trunk", "own", "published"),
    [(MobileNetV2, (2.224e6, 299.5e6), (3.4e6, 300e6)), (ShuffleNetV2, (2.483e6, 297.9e6), (3.5e6, 299e6))],
)
def test_parameters_and_macs(trunk, own, published):
    with torch.device("meta"):
        cost = measure_complexity(Recorder(trunk()).eval(), torch.zeros(1, 3, 224, 224))
        channels = trunk().channels[-1]
    assert (cost.parameters, cost.macs) == pytest.approx(own, rel=5e-4)
    # the papers count the classifier too; 3.4 M is rounded down from 3.505
    parameters, macs = cost.parameters + (channels + 1) * CLASSES, cost.macs + channels * CLASSES
    assert parameters == pytest.approx(published[0], abs=0.11e6)
    assert macs == pytest.approx(published[1], rel=3e-3)


@pytest.mark.parametrize(
    ("trunk", "channels"), [(MobileNetV2, (24, 32, 96, 1280)), (ShuffleNetV2, (24, 176, 352, 1024))]
)
@pytest.mark.parametrize(("height", "width"), [(64, 96), (33, 47)])
def test_features_at_four_scales(trunk, channels, height, width):
    network = trunk().eval()
    assert network.channels == channels
    with torch.no_grad():
        found = network(torch.randn(1, 3, height, width))
    wanted = [(1, c, -(-height // s), -(-width // s)) for c, s in zip(channels, (4, 8, 16, 32))]
    assert [tuple(features.shape) for features in found] == wanted


def test_a_shuffle_unit_passes_every_second_channel_and_filters_the_others():
    unit = ShuffleUnit(6).eval()
    features = torch.randn(1, 6, 5, 7)
    with torch.no_grad():
        found = unit(features)
        assert torch.equal(found[:, :3], features[:, [0, 2, 4]])
        assert torch.equal(found[:, 3:], unit.body(features[:, [1, 3, 5]]))


def test_activations_of_mobilenet_stop_at_six():
    network = MobileNetV2().eval()
    with torch.no_grad():
        assert network.stem[0](1e4 * torch.randn(1, 3, 32, 32)).max() == 6
    assert not any(isinstance(module, torch.nn.ReLU) for module in network.modules())
