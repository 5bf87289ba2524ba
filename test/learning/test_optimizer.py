"""Which parameter is trained how."""

import pytest
import torch

from bisenet_core.learning.optimizer import (
    learning_rates,
    make_optimizer,
    parameter_groups,
    set_learning_rates,
)
from bisenet_core.learning.recipe import Recipe
from bisenet_core.models import create_model


def _recipe(**changes):
    return Recipe.from_dict({"name": "a", "dataset": "camvid", "weight_decay": 0.1, **changes})


def test_only_convolution_weights_decay_unless_all_do():
    network = create_model("bisenetv2", 3, alpha=0.25)
    every = list(network.parameters())
    decayed = [p for g in parameter_groups(network, _recipe()) if g["weight_decay"] for p in g["params"]]
    assert {p.ndim for p in decayed} == {4} and len(decayed) == sum(p.ndim == 4 for p in every)
    assert all(g["weight_decay"] == 0.1 for g in parameter_groups(network, _recipe(weight_decay_on="all")))


@pytest.mark.parametrize("name", ["bisenetv2", "stdc1_seg", "stdc1"])
def test_each_parameter_is_in_one_group(name):
    network = create_model(name, 3)
    grouped = [id(p) for g in parameter_groups(network, _recipe(head_learning_rate=10)) for p in g["params"]]
    assert sorted(grouped) == sorted(id(p) for p in network.parameters())


def test_heads_learn_faster_and_all_end_at_the_smallest_rate():
    network = create_model("bisenetv2", 3, alpha=0.25)
    recipe = _recipe(learning_rate=0.02, head_learning_rate=10, min_learning_rate=0.001, iterations=3)
    optimizer = make_optimizer(network, recipe)
    heads = {id(p) for part in (network.head, network.auxiliary) for p in part.parameters()}
    set_learning_rates(optimizer, recipe, 0)
    for group in optimizer.param_groups:
        assert group["lr"] == pytest.approx(0.2 if id(group["params"][0]) in heads else 0.02)
        assert len({id(p) in heads for p in group["params"]}) == 1
    set_learning_rates(optimizer, recipe, 4)
    assert all(group["lr"] == pytest.approx(0.001) for group in optimizer.param_groups)
    assert learning_rates(optimizer) == {f"lr-SGD/pg{n}": pytest.approx(0.001) for n in (1, 2, 3, 4)}


@pytest.mark.parametrize("name", ["stdc1_seg", "bisenetv1_xception39"])
def test_the_feature_fusion_learns_as_fast_as_the_heads(name):
    """As in the authors' code of STDC, whose trunk and context path keep the plain rate."""
    network = create_model(name, 3)
    groups = parameter_groups(network, _recipe(learning_rate=0.01, head_learning_rate=10))
    rates = {id(p): group["lr"] for group in groups for p in group["params"]}
    for part, module in network.named_children():
        wanted = 0.1 if part in ("fusion", "head", "auxiliary") else 0.01
        assert {rates[id(p)] for p in module.parameters()} == {wanted}, part


def test_a_resumed_run_takes_its_length_from_its_recipe():
    parameter = torch.nn.Conv2d(1, 1, 1)
    short, longer = (make_optimizer(parameter, _recipe(iterations=n)) for n in (2, 4))
    longer.load_state_dict(short.state_dict())
    set_learning_rates(longer, _recipe(iterations=4), 3)
    assert longer.param_groups[0]["lr"] == pytest.approx(0.05 * 0.25**0.9)
