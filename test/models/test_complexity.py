"""Parameters and operations against the tables of the papers."""

import pytest

torch = pytest.importorskip("torch", reason="networks need PyTorch (pip install .[train])")

from torch import nn  # noqa: E402

from bisenet_core.models.complexity import complexity_of, measure_complexity  # noqa: E402

# BiSeNet V2 (arXiv:2004.02147): options and the GFLOPs of Tables 2, 3 and 5, input 1024x512, 19 classes
BISENETV2 = [
    pytest.param({"branches": "detail"}, 15.26, id="table2-detail"),
    pytest.param({"branches": "semantic"}, 7.63, id="table2-semantic"),
    pytest.param({"aggregation": "sum"}, 20.77, id="table2-sum"),
    pytest.param({"aggregation": "concat"}, 21.98, id="table2-concat"),
    pytest.param({"aggregation": "bga"}, 21.15, id="table2-bga"),
    pytest.param({"lambda_": 1 / 2}, 25.84, id="table3a-lambda-1/2"),
    pytest.param({"lambda_": 1 / 4}, 21.15, id="table3a-lambda-1/4"),
    pytest.param({"lambda_": 1 / 8}, 19.93, id="table3a-lambda-1/8"),
    pytest.param({"lambda_": 1 / 16}, 19.61, id="table3a-lambda-1/16"),
    pytest.param({"context": False}, 21.07, id="table3b-no-context"),
    pytest.param({"double_depthwise": False}, 21.15, id="table3b-5x5"),
    pytest.param({"gather_kernel": 1}, 15.78, id="table3b-gather-1x1"),
    pytest.param({"expansion": 1}, 17.78, id="table3c-e1"),
    pytest.param({"expansion": 2}, 18.45, id="table3c-e2"),
    pytest.param({"expansion": 4}, 19.8, id="table3c-e4"),
    pytest.param({"expansion": 6}, 21.15, id="table3c-e6"),
    pytest.param({"expansion": 8}, 22.49, id="table3c-e8"),
    pytest.param({"alpha": 1.25}, 34.98, id="table5a-alpha-1.25"),
    pytest.param({"alpha": 1.5}, 49.46, id="table5a-alpha-1.5"),
    pytest.param({"alpha": 1.75}, 66.45, id="table5a-alpha-1.75"),
    pytest.param({"alpha": 2.0}, 85.94, id="table5a-alpha-2"),
    pytest.param({"depth": 2}, 25.26, id="table5b-d2"),
    pytest.param({"depth": 3}, 29.38, id="table5b-d3"),
    pytest.param({"depth": 4}, 33.5, id="table5b-d4"),
    pytest.param({"alpha": 2, "depth": 3}, 118.51, id="table6-large"),
]

#: What the issue asks for: within a thousandth of the published figure.
WITHIN = 1e-3


@pytest.mark.parametrize(("options", "published"), BISENETV2)
def test_operations_of_bisenetv2(options, published):
    assert complexity_of("bisenetv2", 19, 1024, 512, **options).gflops == pytest.approx(published, rel=WITHIN)


def test_the_counter_on_a_network_counted_by_hand():
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),  # 27 MACs for each of 8x4x6 outputs
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 4, 1, groups=2),  # 4 MACs and a bias for each of 4x2x3 outputs
        nn.Flatten(),
        nn.Linear(24, 5),
    ).eval()
    found = measure_complexity(network, torch.zeros(1, 3, 8, 12))
    assert found.macs == 27 * 192 + 4 * 24 + 24 * 5
    assert found.operations == found.macs + 3 * 192 + 24 + 5
    assert found.parameters == 216 + 16 + 20 + 125
    assert found.parts[0].shape == (8, 4, 6) and found.parts[-1].shape == (5,)


def test_a_module_costs_what_its_parts_cost():
    whole = complexity_of("bisenetv2", 19, 256, 128)
    for _, part in whole.walk(depth=9):
        if part.parts:
            assert part.macs == sum(inner.macs for inner in part.parts)
            assert part.parameters >= sum(inner.parameters for inner in part.parts)


def test_auxiliary_heads_are_not_counted():
    assert complexity_of("bisenetv2", 19, 64, 64) == complexity_of("bisenetv2", 19, 64, 64, auxiliary=False)
