"""The figures of docs/readings.md, those of the readings not taken included, are what a calculation gives."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="networks need PyTorch (pip install .[train])")

from torch import nn  # noqa: E402

from bisenet_core.models import create_model  # noqa: E402
from bisenet_core.models.bisenetv1 import SpatialPath  # noqa: E402
from bisenet_core.models.bisenetv2.branches import SemanticBranch, StemBlock  # noqa: E402
from bisenet_core.models.bisenetv2.network import CommunityGatherExpansionLayer  # noqa: E402
from bisenet_core.models.complexity import measure_complexity  # noqa: E402
from bisenet_core.models.layers import SegmentationHead  # noqa: E402

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "readings.md").read_text()


def _counted(change=lambda network: None, **options):
    with torch.device("meta"):
        network = create_model("bisenetv2", 19, auxiliary=False, **options)
        change(network)
        return measure_complexity(network.eval(), torch.zeros(1, 3, 512, 1024)).gflops


def _tail(layers):
    return lambda network: setattr(network, "tail", network.tail[:layers])


def test_the_two_layers_before_the_head():
    base, one, none = _counted(), _counted(_tail(1)), _counted(_tail(0))
    assert all(f"{gflops:.3f}" in PAGE for gflops in (base, one, none))
    assert f"{1 - none / base:.0%} fewer operations" in PAGE


@pytest.mark.parametrize("alpha", [1.0, 1.25, 1.5, 1.75, 2.0])
def test_the_width_of_the_head(alpha):
    def width(channels):
        wide = int(128 * alpha)
        return lambda network: setattr(network, "head", SegmentationHead(wide, channels, 19))

    found = [_counted(width(channels), alpha=alpha) for channels in (64, int(64 * alpha), 128, 256)]
    (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| {alpha} |"))
    assert [cell.strip(" *") for cell in row.split("|")[3:7]] == [f"{gflops:.2f}" for gflops in found]


def test_the_convolution_that_fuses_the_stem():
    def fuse(network):
        network.semantic.stage2 = StemBlock(network.semantic.widths["stage2"], fuse_kernel=3)

    ratios = (1 / 2, 1 / 4, 1 / 8, 1 / 16)
    ours, others = ([_counted(*change, lambda_=ratio) for ratio in ratios] for change in ((), (fuse,)))
    assert "{:.3f} at lambda 1/2, {:.3f} at 1/4, {:.3f} at 1/8 and {:.3f} at 1/16".format(*ours) in PAGE
    assert ", ".join(f"{gflops:.3f}" for gflops in others) in PAGE


def test_what_gathers_and_expands():
    ours, others = [], []
    for expansion in (1, 2, 4, 6, 8):
        def public(network, expansion=expansion):
            def layer(*channels, **options):
                return CommunityGatherExpansionLayer(*channels, expansion=expansion, **options)

            network.semantic = SemanticBranch((16, 32, 64, 128), layer=layer)

        ours.append(_counted(expansion=expansion))
        others.append(_counted(public, expansion=expansion))
    assert "{:.3f}, {:.3f}, {:.3f}, {:.3f} and {:.3f} for expansions".format(*ours) in PAGE
    assert ", ".join(f"{gflops:.3f}" for gflops in others) in PAGE


def test_how_wide_the_spatial_path_is():
    with torch.device("meta"):
        image = torch.zeros(1, 3, 512, 1024)
        ours, wide = (measure_complexity(SpatialPath(width).eval(), image).macs for width in (128, 256))
        whole = measure_complexity(create_model("stdc2_seg", 19, auxiliary=False).eval(), image).macs
    assert f"{ours / 1e9:.2f} GMAC, {ours / (whole + ours):.0%}" in PAGE
    assert f"{wide / 1e9:.2f} GMAC, {wide / whole:.0%} more" in PAGE


def test_the_networks_point_to_the_page():
    for name in ("bisenetv1_resnet18", "bisenetv2", "stdc1_seg"):
        assert "docs/readings.md" in type(create_model(name, 2, auxiliary=False)).__doc__
    assert isinstance(create_model("bisenetv2", 2, variant="community").tail, nn.Identity)
