"""BiSeNetV2 against the figures of its paper; test_complexity.py holds the tables of its ablations."""

import inspect

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="networks need PyTorch (pip install .[train])")

from bisenet_core.errors import InputError  # noqa: E402
from bisenet_core.models import create_model, list_models  # noqa: E402
from bisenet_core.models.bisenetv2.options import CHOICES, Options  # noqa: E402
from bisenet_core.models.complexity import complexity_of  # noqa: E402

FOREIGN = ("shufflenetv2_x1_5", "mobilenetv2", "resnet18")
BOOSTERS = ["stage2", "stage3", "stage4", "stage5_4"]

#: One network for every part that an option can bring in, kept small.
NETWORKS = {
    "depth": {"depth": 2, "lambda_": 0.5, "expansion": 2},
    "gather 1x1": {"gather_kernel": 1},
    "5x5": {"double_depthwise": False},
    "no context": {"context": False},
    "sum": {"aggregation": "sum"},
    "concat": {"aggregation": "concat"},
    "detail": {"branches": "detail"},
    "semantic": {"branches": "semantic"},
    "community": {"variant": "community"},
    "coincheung": {"variant": "community", "aggregation_upsampling": "nearest"},
    "mmseg": {"variant": "community", "aggregation_bias": True},
    **{name: {"semantic_branch": name} for name in FOREIGN},
    "semantic resnet18": {"semantic_branch": "resnet18", "branches": "semantic"},
}


@pytest.fixture(params=NETWORKS.values(), ids=NETWORKS)
def options(request):
    return {"alpha": 0.25, **request.param}


@pytest.mark.parametrize(
    ("name", "options", "parameters", "gmacs"),
    [
        ("bisenetv2", {}, 5.250e6, 20.983),
        ("bisenetv2_large", {}, 57.76e6, 118.05),
        ("bisenetv2", {"variant": "community"}, 3.359e6, 24.60),
    ],
    ids=["base", "large", "community"],
)
def test_parameters_and_macs(name, options, parameters, gmacs):
    cost = complexity_of(name, 19, 1024, 512, **options)
    assert cost.parameters == pytest.approx(parameters, rel=2e-4)
    assert cost.macs / 1e9 == pytest.approx(gmacs, rel=2e-4)


@pytest.mark.parametrize(("trunk", "gflops"), list(zip(FOREIGN, (128.71, 129.45, 143.34))))
def test_operations_with_other_semantic_branches(trunk, gflops):
    cost = complexity_of("bisenetv2", 19, 1024, 512, semantic_branch=trunk)
    assert cost.gflops == pytest.approx(gflops, abs=0.01)  # Table 6, to the last digit that it prints


def test_large_is_wide_and_deep():
    with torch.device("meta"):
        large, same = create_model("bisenetv2_large", 4), create_model("bisenetv2", 4, alpha=2, depth=3)
    assert str(large) == str(same)


def test_the_state_of_the_papers_network_keeps_its_names():
    with torch.device("meta"):
        state = create_model("bisenetv2", 11).state_dict()
    assert len(state) == 400
    for name, shape in {
        "detail.2.1.0.weight": (128, 128, 3, 3),
        "semantic.stage2.fuse.0.weight": (16, 32, 1, 1),
        "semantic.stage3.0.body.2.0.weight": (96, 1, 3, 3),
        "semantic.stage5_4.3.body.0.0.weight": (768, 128, 3, 3),
        "semantic.stage5_4.0.shortcut.1.0.weight": (128, 64, 1, 1),
        "semantic.stage5_5.conv.weight": (128, 128, 3, 3),
        "aggregation.detail_high.1.0.weight": (128, 128, 1, 1),
        "tail.1.body.2.0.weight": (128, 128, 1, 1),
        "head.classifier.bias": (11,),
        "auxiliary.stage5_4.conv.0.weight": (64, 128, 3, 3),
    }.items():
        assert tuple(state[name].shape) == shape


def test_odd_sizes_give_logits_at_an_eighth(options):
    network = create_model("bisenetv2", 5, auxiliary=False, **options).eval()
    with torch.no_grad():
        assert network(torch.randn(1, 3, 33, 47)).shape == (1, 5, 5, 6)


def test_boosters_sit_on_their_stages_and_everything_learns(options):
    network = create_model("bisenetv2", 4, **options).train()
    outputs = network(torch.randn(2, 3, 64, 64))
    sizes = {name: tuple(logits.shape[2:]) for name, logits in outputs.items()}
    boosters = [] if options.get("branches") == "detail" else BOOSTERS
    assert sizes == {"main": (8, 8), **dict(zip(boosters, [(16, 16), (8, 8), (4, 4), (2, 2)]))}
    sum(logits.square().mean() for logits in outputs.values()).backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []


@pytest.mark.slow
def test_the_exported_file_computes_the_same_at_any_size(options, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="export is checked with onnxruntime")
    pytest.importorskip("onnx", reason="export needs onnx (pip install .[train])")
    from bisenet_core.deployment.onnx_file import write_onnx
    from bisenet_core.deployment.stored_weights import deployable

    torch.manual_seed(0)
    network = create_model("bisenetv2", 5, **options).train()
    with torch.no_grad():
        network(torch.randn(4, 3, 64, 64))  # gives the norms something to know
    deployed = deployable(network.without_auxiliary())
    write_onnx(deployed, 96, 64, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    for height, width in [(64, 96), (33, 47)]:
        image = torch.randn(1, 3, height, width)
        (found,) = session.run(None, {"image": image.numpy()})
        with torch.no_grad():
            assert np.abs(found - deployed(image).numpy()).max() < 1e-3


@pytest.mark.parametrize("options", [{}, {"variant": "community"}, {"semantic_branch": "mobilenetv2"}])
def test_boosters_sit_where_they_are_asked_for(options):
    network = create_model("bisenetv2", 3, alpha=0.25, boosters="stage5_5+stage3", **options).train()
    outputs = network(torch.randn(2, 3, 64, 64))
    assert {name: tuple(out.shape[1:]) for name, out in outputs.items()} == {
        "main": (3, 8, 8), "stage5_5": (3, 2, 2), "stage3": (3, 8, 8)}
    for wrong in ("stage6", "", "stage3+stage3"):
        with pytest.raises(InputError, match="expected some of stage2, stage3, stage4, stage5_4"):
            create_model("bisenetv2", 3, boosters=wrong, **options)


def test_boosters_widths_follow_their_variant():
    with torch.device("meta"):
        for variant, channels in (("paper", 64), ("community", 128)):
            heads = create_model("bisenetv2", 19, variant=variant).auxiliary
            assert [head.classifier.in_channels for head in heads.values()] == [channels] * 4


def test_unknown_names_suggest_the_nearest():
    assert {"bisenetv2", "bisenetv2_large"} <= set(list_models())
    with pytest.raises(InputError, match="did you mean 'bisenetv2'"):
        create_model("bisenet_v2", 4)
    with pytest.raises(InputError, match="did you mean 'alpha'"):
        create_model("bisenetv2", 4, alhpa=2)


@pytest.mark.parametrize(("name", "known"), CHOICES.items(), ids=CHOICES)
def test_a_choice_that_does_not_exist_names_those_that_do(name, known):
    nonsense = "mine" if isinstance(known[0], str) else 7
    with pytest.raises(InputError, match=f"{name} is {nonsense!r}; expected one of {known[0]}, {known[1]}"):
        create_model("bisenetv2", 4, **{name: nonsense})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 0.25, "lambda_": 0.1}, "alpha 0.25 times lambda_ 0.1 leaves 1 channels for the stem"),
        ({"variant": "community", "aggregation": "sum"}, "aggregation is 'sum'; expected bga in variant"),
        ({"variant": "community", "branches": "detail"}, "branches is 'detail'; expected both in variant"),
        ({"variant": "community", "gather_kernel": 1}, "gather_kernel is 1; expected 3 in variant"),
        ({"aggregation_bias": True}, "aggregation_bias is True; expected False in variant 'paper'"),
        ({"aggregation_upsampling": "nearest"}, "expected bilinear in variant 'paper'"),
    ],
)
def test_impossible_options_are_refused_in_one_line(options, message):
    with pytest.raises(InputError, match=message) as error:
        create_model("bisenetv2", 4, **options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "without_effect"),
    [
        ({"semantic_branch": "resnet18"}, {"lambda_": 0.5, "depth": 2, "expansion": 2, "context": False}),
        ({"branches": "detail"}, {"aggregation": "sum", "lambda_": 0.5, "context": False}),
        ({"branches": "semantic"}, {"aggregation": "concat"}),
    ],
)
def test_options_of_a_part_that_is_not_there_change_nothing(options, without_effect):
    with torch.device("meta"):
        plain, other = (create_model("bisenetv2", 4, **o) for o in (options, {**options, **without_effect}))
    assert str(plain) == str(other)


def test_every_option_can_be_given_to_the_network_and_no_other():
    described = inspect.signature(Options).parameters
    with torch.device("meta"):
        create_model("bisenetv2", 4, **{name: option.default for name, option in described.items()})
    with pytest.raises(InputError, match="no option of bisenetv2 is called 'options'"):
        create_model("bisenetv2", 4, options=1)
