"""Networks of model folders, taken up for training again."""

import json
import shutil
from functools import partial

import numpy as np
import pytest
import torch
from training_process import RECIPE, street, train_here

from bisenet_core.cli import main
from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import CAMVID_11
from bisenet_core.learning.checkpoint import load_network, network_state, read_checkpoint
from bisenet_core.learning.pretrained import load_backbone, read_trained, refresh_norms
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.teacher import Teacher
from bisenet_core.models import create_model

onnxruntime = pytest.importorskip("onnxruntime")

NETWORKS = {
    "bisenetv2": {"alpha": 0.25},
    "bisenetv1_resnet18": {},
    "stdc1_seg": {},
    "efficientvit_b0": {},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return street(tmp_path_factory.mktemp("street"))


def _varied(network):
    """With norms as training leaves them: no two channels alike."""
    generator = torch.Generator().manual_seed(1)
    for norm in network.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            for tensor in (norm.weight.data, norm.running_var):
                tensor.uniform_(0.5, 1.5, generator=generator)
            for tensor in (norm.bias.data, norm.running_mean):
                tensor.normal_(0, 0.2, generator=generator)
    return network


def _exported(path, name, prepare):
    """The model folder of the network ``name``, exported from a checkpoint once it is prepared."""
    recipe = Recipe.from_dict({**RECIPE, "network": name, "options": NETWORKS[name]})
    torch.manual_seed(0)
    network = prepare(create_model(recipe.network, 11, **recipe.options))
    content = {"epoch": 0, "global_step": 1, "hyper_parameters": {"recipe": recipe.to_dict()},
               "state_dict": network_state(network)}  # fmt: skip
    torch.save(content, path / "last.ckpt")
    assert main(["export", str(path / "last.ckpt"), "--output", str(path / "model")]) == 0
    return path / "model"


@pytest.fixture(scope="module", params=NETWORKS)
def folder(request, tmp_path_factory):
    return _exported(tmp_path_factory.mktemp(request.param), request.param, _varied)


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    """A folder whose equal tensors, its norms' among them, stand in the file once."""
    return _exported(tmp_path_factory.mktemp("untrained"), "bisenetv2", lambda network: network)


def _network(found):
    network = create_model(found.recipe.network, 11, **{**found.recipe.options, "auxiliary": False}).eval()
    load_network(network, found.state)
    return network


@torch.no_grad()
def _assert_computes_the_same(network, folder, images):
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    (expected,) = session.run(None, {session.get_inputs()[0].name: images[:1].numpy()})
    np.testing.assert_allclose(network(images[:1]).numpy(), expected, atol=1e-4 * np.abs(expected).max())


def test_an_untrained_network_is_taken_up_too(untrained):
    _assert_computes_the_same(_network(read_trained(untrained)), untrained, torch.randn(1, 3, 64, 64))


@torch.no_grad()
def test_its_network_computes_what_the_folder_does_before_and_after_its_norms_are_measured(folder):
    found = read_trained(folder)
    assert found.classes == CAMVID_11.classes
    network, images = _network(found), torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    _assert_computes_the_same(network, folder, images)
    before = network(images)
    refresh_norms(network, images)
    torch.testing.assert_close(network(images), before, atol=1e-4 * float(before.abs().max()), rtol=0)
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert all(not norm.running_var.eq(1).all() for norm in norms)
    # what training sees, whose norms take the batch's own statistics
    network.train()
    taught = network(images)["main"] if isinstance(network(images), dict) else network(images)
    assert (taught - before).abs().mean() < 0.2 * before.abs().mean()


def test_a_run_begins_with_a_folder_and_its_first_step_is_not_that_of_a_new_network(folder, data, tmp_path):
    recipe = json.loads((folder / "model.json").read_text())
    changes = {"network": recipe["architecture"], "options": recipe["architecture_options"], "iterations": 1}
    assert train_here(tmp_path, data, "--weights", folder, **changes) == 0
    state = read_checkpoint(tmp_path / "last.ckpt").state
    for name, tensor in read_trained(folder).state.items():
        if tensor.ndim == 4:
            torch.testing.assert_close(state[name], tensor, atol=0.02, rtol=0)


def test_a_run_that_goes_on_may_be_told_again_what_it_began_with_and_nothing_else(
    folder, data, tmp_path, capfd
):
    card = json.loads((folder / "model.json").read_text())
    changes = {"network": card["architecture"], "options": card["architecture_options"], "iterations": 1}
    assert train_here(tmp_path, data, "--weights", folder, **changes) == 0
    assert train_here(tmp_path, data, "--weights", folder, "--resume", **changes) == 0
    for name, began in (("weights", folder), ("backbone", "no backbone")):
        assert train_here(tmp_path, data, f"--{name}", "another", "--resume", **changes) == 2
        line = capfd.readouterr().err.splitlines()[-1]
        assert f"began with {began}" in line and f"not with another; leave out --{name}" in line


def test_a_model_by_its_name_is_begun_with_and_teaches_images_without_labels(
    folder, data, tmp_path, monkeypatch
):
    """Norms are measured before the teacher has labelled anything."""
    monkeypatch.setenv("BISENET_WEIGHTS", str(folder.parent))
    card = json.loads((folder / "model.json").read_text())
    changes = {"network": card["architecture"], "options": card["architecture_options"], "iterations": 1}
    states = []
    for one in (folder, folder.name):
        output = tmp_path / f"run{len(states)}"
        options = ("--weights", one, "--teacher", one, "--unlabelled", data / "val" / "images")
        assert train_here(output, data, *options, **changes) == 0
        states.append(read_checkpoint(output / "last.ckpt").state)
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())


def test_a_folder_of_other_classes_gives_all_but_what_depends_on_their_number(folder):
    found = read_trained(folder)
    network = create_model(found.recipe.network, 3, **{**found.recipe.options, "auxiliary": False})
    assert load_backbone(network, folder).share == 1
    own = network_state(network)
    others = {name for name, tensor in found.state.items() if not torch.equal(own[name], tensor)}
    assert {len(found.state[name]) for name in others} == {11} and len(others) <= 2


def test_a_folder_teaches(folder):
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    teacher = Teacher(Recipe.from_dict({**RECIPE, "teacher": str(folder)}), CAMVID_11.classes)
    assert teacher.probabilities(image).sum(0).allclose(torch.ones(16, 16))


def test_a_name_that_no_model_has_is_refused_with_the_command_that_brings_it():
    for read in (read_trained, partial(load_backbone, create_model("efficientvit_b0", 3))):
        with pytest.raises(InputError, match="not found: run `bisenet weights fetch cityscapes-other`"):
            read("cityscapes-other")


def test_a_folder_that_cannot_be_trained_on_is_named(folder, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    card = json.loads((other / "model.json").read_text())
    stdc2 = {**card, "architecture": "stdc2_seg", "architecture_options": {}}
    (other / "model.json").write_text(json.dumps(stdc2))
    with pytest.raises(InputError, match="other cannot be trained on: its model.onnx has no"):
        read_trained(other)
    (other / "model.json").write_text(json.dumps({**card, "color_order": "bgr"}))
    with pytest.raises(InputError, match="takes bgr images and cannot be trained on"):
        read_trained(other)
