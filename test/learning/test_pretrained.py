"""Trunk weights from files in the forms that others publish."""

import logging
import re
import sys

import pytest
import torch
from safetensors.torch import save_file
from tiny_checkpoint import write_tiny_checkpoint
from trunk_files import deep_stem_names, mobilenetv2_names, shufflenetv2_names, torchvision_names

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import CAMVID_11
from bisenet_core.learning.pretrained import load_backbone
from bisenet_core.models import create_model
from bisenet_core.models.backbones import BACKBONES
from bisenet_core.models.backbones.mobile import MobileNetV2, ShuffleNetV2
from bisenet_core.models.stdc import REPEATS, STDCNet


def _stdc_seg(state, trunk):
    """Our STDCNet's tensors as in the file that STDC-Seg's loader expects, with the classifier."""
    modules = ["stage1", "stage2"]
    for stage, count in zip((3, 4, 5), REPEATS[trunk]):
        modules += [f"stage{stage}.{index}" for index in range(count)]
    named = {}
    for name, tensor in state.items():
        module = next(m for m in modules if name.startswith(m + "."))
        rest = f"features.{modules.index(module)}." + name[len(module) + 1 :]
        rest = rest.replace("blocks", "conv_list").replace("down", "avd_layer")
        rest = re.sub(r"(features\.\d+(?:\.conv_list\.\d)?)\.0\.", r"\1.conv.", rest)
        named[re.sub(r"(features\.\d+(?:\.conv_list\.\d)?)\.1\.", r"\1.bn.", rest)] = tensor
    return {**named, "conv_last.conv.weight": torch.zeros(1), "linear.weight": torch.zeros(9, 1024)}


def _trained(trunk):
    """``trunk`` with other values than any fresh one."""
    torch.manual_seed(7)
    for value in trunk.state_dict().values():
        value.copy_(torch.rand(value.shape) if value.is_floating_point() else value)
    return trunk.state_dict()


def _prefixed(state, prefix):
    return {prefix + name: tensor for name, tensor in state.items()}


def _stdc_case(trunk):
    state = _trained(STDCNet(trunk))
    return state, {"state_dict": _stdc_seg(state, trunk)}


def _classifier_case():
    state = _trained(STDCNet("stdc1"))
    tensors = {**_prefixed(state, "network.backbone."), "network.fc2.weight": torch.zeros(3, 4)}
    return state, {"state_dict": tensors, "epoch": 3}


def _resnet_case(name, form):
    state = _trained(BACKBONES[name]())
    return state, form(state)


CASES = {
    "torchvision resnet18": ("bisenetv1_resnet18", lambda: _resnet_case("resnet18", torchvision_names)),
    "mmsegmentation resnet50_v1c": (
        "bisenetv1_resnet50",
        lambda: _resnet_case("resnet50_v1c", lambda s: {"state_dict": deep_stem_names(s, "stem", "stem.7")}),
    ),
    "timm resnet50c": (
        "bisenetv1_resnet50",
        lambda: _resnet_case("resnet50_v1c", lambda s: deep_stem_names(s, "conv1", "bn1")),
    ),
    "stdc-seg stdc1": ("stdc1_seg", lambda: _stdc_case("stdc1")),
    "stdc-seg stdc2": ("stdc2_seg", lambda: _stdc_case("stdc2")),
    "our classifier": ("stdc1_seg", _classifier_case),
    "our segmentation network": (
        "bisenetv1_resnet18",
        lambda: _resnet_case("resnet18", lambda s: {"state_dict": _prefixed(s, "network.trunk.")}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_published_file_fills_the_trunk(name, tmp_path, caplog):
    architecture, make = CASES[name]
    wanted, content = make()
    torch.save(content, tmp_path / "trunk.pth")
    network = create_model(architecture, 3)
    with caplog.at_level(logging.INFO):
        fit = load_backbone(network, tmp_path / "trunk.pth")
    trunk = getattr(network, "trunk" if "resnet" in architecture else "backbone").state_dict()
    counted = {key: value for key, value in wanted.items() if not key.endswith("num_batches_tracked")}
    assert fit.share == 1 and len(fit.matched) == len(counted)
    assert all(torch.equal(trunk[key], value) for key, value in counted.items())
    assert f"{len(counted)} of {len(counted)} tensors match" in caplog.text


SEMANTIC = {
    "torchvision mobilenetv2": ("mobilenetv2", MobileNetV2, mobilenetv2_names),
    "timm mobilenetv2": ("mobilenetv2", MobileNetV2, lambda state: mobilenetv2_names(state, of_timm=True)),
    "its authors' shufflenetv2": ("shufflenetv2_x1_5", ShuffleNetV2, shufflenetv2_names),
    "torchvision resnet18": ("resnet18", BACKBONES["resnet18"], torchvision_names),
}


@pytest.mark.parametrize("name", SEMANTIC)
def test_a_published_file_fills_a_trunk_in_place_of_the_semantic_branch(name, tmp_path):
    branch, make, names = SEMANTIC[name]
    wanted = _trained(make())
    torch.save({"state_dict": _prefixed(names(wanted), "module.")}, tmp_path / "a.pth")
    network = create_model("bisenetv2", 3, semantic_branch=branch)
    assert load_backbone(network, tmp_path / "a.pth").share == 1
    found = network.semantic.trunk.state_dict()
    assert all(torch.equal(found[key], value) for key, value in wanted.items() if "num_batches" not in key)


def _mobilenetv2(more=()):
    return {**mobilenetv2_names(MobileNetV2().state_dict()), **dict.fromkeys(more, torch.ones(1))}


def _torchvision_shufflenetv2():
    """Some of its names: a unit of torchvision's passes other channels, so it must not be taken."""
    return {"conv1.0.weight": torch.zeros(24, 3, 3, 3), "stage2.0.branch1.0.weight": torch.zeros(24, 1, 3, 3)}


@pytest.mark.parametrize(
    ("branch", "content", "message"),
    [
        ("mobilenetv2", lambda: shufflenetv2_names(ShuffleNetV2().state_dict()), "does not fit MobileNetV2"),
        ("mobilenetv2", lambda: _resnet("resnet18"), "does not fit MobileNetV2"),
        ("shufflenetv2_x1_5", _torchvision_shufflenetv2, "does not fit ShuffleNetV2.*: 0 of"),
        ("mobilenetv2", lambda: _mobilenetv2(more=["features.19.a"]),
         "tensor features.19.a is of no network whose weights are understood"),
    ],
)
def test_a_trunk_file_of_another_network_is_refused_in_one_line(branch, content, message, tmp_path):
    torch.save(content(), tmp_path / "trunk.pth")
    with pytest.raises(InputError, match=message) as caught:
        load_backbone(create_model("bisenetv2", 3, semantic_branch=branch), tmp_path / "trunk.pth")
    assert "\n" not in str(caught.value)


def _other():
    return {"a.weight": torch.zeros(3)}


def _resnet(name):
    return torchvision_names(BACKBONES[name]().state_dict())


@pytest.mark.parametrize(
    ("architecture", "content", "message"),
    [
        ("stdc1_seg", _mobilenetv2, "does not fit STDCNet"),
        ("stdc1_seg", _other, r"does not fit STDCNet.*: 0 of .*; first of the others: stage1.0.weight is"),
        ("bisenetv1_resnet18", lambda: _resnet("resnet50"), "layer1.0.conv1.0.weight is 64x64x1x1, exp"),
        # all that a ResNet50 has is in it
        ("bisenetv1_resnet50", lambda: BACKBONES["resnet101_v1c"]().state_dict(), "layer3.6.* is extra"),
        ("stdc1_seg", lambda: _stdc_seg(STDCNet("stdc2").state_dict(), "stdc2"), "does not fit"),
        ("bisenetv2", _other, "the trunk of BiSeNetV2: 0 of"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_copied(architecture, content, message, tmp_path):
    torch.save(content(), tmp_path / "trunk.pth")
    network = create_model(architecture, 3)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with pytest.raises(InputError, match=message) as caught:
        load_backbone(network, tmp_path / "trunk.pth")
    assert "\n" not in str(caught.value)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_a_plain_stem_leaves_a_deep_one_as_it_is_and_says_so(tmp_path):
    torch.save(torchvision_names(_trained(BACKBONES["resnet101"]())), tmp_path / "trunk.pth")
    fit = load_backbone(create_model("bisenetv1_resnet101", 3), tmp_path / "trunk.pth")
    assert 0.9 < fit.share < 1 and "conv1.0.0.weight is missing" in str(fit)


@pytest.mark.parametrize(
    "classes, begins_anew", [(CAMVID_11.classes, False), (CAMVID_11.classes[::-1], True)]
)
def test_a_classifier_of_as_many_other_classes_begins_anew(tmp_path, classes, begins_anew):
    network = create_model("bisenetv2", 11, alpha=0.25)
    before = network.head.classifier.weight.clone()
    load_backbone(network, write_tiny_checkpoint(tmp_path), classes)
    assert torch.equal(before, network.head.classifier.weight) == begins_anew


def test_a_foreign_semantic_branch_is_a_trunk(tmp_path):
    state = _trained(BACKBONES["resnet18"]())
    torch.save(torchvision_names(state), tmp_path / "trunk.pth")
    network = create_model("bisenetv2", 3, semantic_branch="resnet18")
    load_backbone(network, tmp_path / "trunk.pth")
    assert torch.equal(network.semantic.trunk.layer4[1].conv2[0].weight, state["layer4.1.conv2.0.weight"])


def test_a_file_that_is_missing_or_damaged(tmp_path):
    network = create_model("stdc1_seg", 3)
    with pytest.raises(InputError, match="cannot be read"):
        load_backbone(network, tmp_path / "none.pth")
    (tmp_path / "junk.pth").write_bytes(b"junk")
    with pytest.raises(InputError, match="is not a checkpoint: it is"):
        load_backbone(network, tmp_path / "junk.pth")


def test_safetensors(tmp_path):
    state = _trained(STDCNet("stdc1"))
    save_file(_stdc_seg(state, "stdc1"), tmp_path / "trunk.safetensors")
    assert load_backbone(create_model("stdc1_seg", 3), tmp_path / "trunk.safetensors").share == 1
    for content, message in ((b"junk", "it is a text"), (b"", "it is empty"), (b"\0junk", "cannot be read")):
        (tmp_path / "junk.safetensors").write_bytes(content)
        with pytest.raises(InputError, match=message):
            load_backbone(create_model("stdc1_seg", 3), tmp_path / "junk.safetensors")


def test_safetensors_says_what_to_install_where_it_is_absent(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(InputError, match="pip install safetensors"):
        load_backbone(create_model("stdc1_seg", 3), tmp_path / "trunk.safetensors")
