"""`bisenet explain`: Grad-CAM by its definition, branches apart, and a page for each network it knows."""

import json
import math
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="networks need PyTorch (pip install .[train])")
pytest.importorskip("jinja2", reason="the page is made with jinja2")

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tiny_checkpoint import write_tiny_checkpoint  # noqa: E402
from torch import nn  # noqa: E402

from bisenet_core.cli import main  # noqa: E402
from bisenet_core.deployment.explanation import (  # noqa: E402
    branch_logits,
    detail_maps,
    explain,
    grad_cams,
    open_explained,
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_tiny_checkpoint(tmp_path_factory.mktemp("v2"))


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    path = tmp_path_factory.mktemp("image") / "street.png"
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    cv2.imwrite(str(path), cv2.resize(pixels, (96, 64)))
    return path


def test_grad_cam_is_its_definition():
    torch.manual_seed(1)
    layer, head = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 2, 1)
    network, image = nn.Sequential(layer, head), torch.randn(1, 3, 6, 5)
    for class_id in (0, 1, None):
        features = layer(image).detach().requires_grad_()
        scores = head(features).log_softmax(1)
        won = scores.argmax(1)
        chosen = scores.gather(1, won[:, None])[0, 0]
        score = chosen.sum() if class_id is None else chosen[won[0] == class_id].sum()
        score.backward()
        expected = sum(features.grad[0, c].mean() * features[0, c] for c in range(4)).clamp(min=0)
        expected = (expected - expected.min()) / (expected.max() - expected.min())
        found = grad_cams(network, image, {"layer": layer}, class_id)["layer"]
        np.testing.assert_allclose(found, expected.detach().numpy(), atol=1e-5)


def test_no_hook_stays_and_no_gradient_is_left(checkpoint):
    network = open_explained(checkpoint).network
    grad_cams(network, torch.randn(1, 3, 64, 96), {"head": network.tail}, 0)
    assert not network.tail._forward_hooks and all(p.grad is None for p in network.parameters())


def test_a_branch_alone_knows_nothing_of_where_the_other_saw_things(checkpoint, monkeypatch):
    network, image = open_explained(checkpoint).network, torch.randn(1, 3, 64, 96)
    found = branch_logits(network, image)
    torch.testing.assert_close(found["Both"], network(image))
    semantic = network.semantic.forward
    monkeypatch.setattr(network.semantic, "forward", lambda x: {k: v.flip(3) for k, v in semantic(x).items()})
    mirrored = branch_logits(network, image)
    torch.testing.assert_close(mirrored["Detail Branch"], found["Detail Branch"])
    assert not torch.allclose(mirrored["Semantic Branch"], found["Semantic Branch"])
    assert not torch.allclose(mirrored["Both"], found["Both"])


@pytest.mark.parametrize(
    "network, options, rows",
    [
        ("bisenetv2", {"alpha": 0.25}, {"Grad-CAM": 3, "Predictions": 3}),
        ("bisenetv2", {"alpha": 0.25, "branches": "semantic"}, {"Grad-CAM": 1}),
        ("bisenetv2", {"alpha": 0.25, "branches": "detail", "auxiliary": False}, {"Grad-CAM": 3}),
        ("bisenetv1_xception39", {}, {"Grad-CAM": 4}),
        ("stdc1_seg", {}, {"Grad-CAM": 3, "Stage 3": 2}),
        ("stdc1_seg", {"spatial_path": True}, {"Grad-CAM": 3, "Stage 3": 1}),
    ],
)
def test_pictures_for_each_network(network, options, rows, tmp_path):
    opened = open_explained(write_tiny_checkpoint(tmp_path, network=network, options=options))
    pixels = np.random.default_rng(2).integers(0, 256, (50, 70, 3), np.uint8)
    (title, first), *others = explain(opened, pixels)
    assert title == "The image and its labels" and first[0][1] is pixels
    assert {title.split()[0]: len(row) for title, row in others} == {
        name.split()[0]: count for name, count in rows.items()
    }
    for _, row in others:
        assert all(picture.shape == pixels.shape and picture.dtype == np.uint8 for _, picture in row)


def test_the_detail_head_is_asked_with_its_own_features(tmp_path):
    network = open_explained(write_tiny_checkpoint(tmp_path, network="stdc1_seg", options={})).network
    image = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        stage3 = network.backbone(image)[1]
        expected = network.auxiliary["detail"](stage3)[0, 0].sigmoid()
    maps = detail_maps(network, image)
    np.testing.assert_allclose(maps["Detail Head"], expected.numpy(), atol=1e-6)
    assert maps["Mean of its channels"].shape == (8, 12)


def _run(*arguments):
    return main(["explain", *map(str, arguments)])


def test_one_page_with_pictures_inside(checkpoint, image, tmp_path):
    out = tmp_path / "new" / "pictures"
    arguments = (image, "--model", checkpoint, "--beside", checkpoint, "--output", out, "--class", "Car")
    assert _run(*arguments, "--size", "64x64", "--json", tmp_path / "out.json") == 0
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["size"] == "64x64" and report["rows"].count("Grad-CAM of Car") == 2
    page = (out / "explain.html").read_text()
    assert page.count("<img src=\"data:image/jpeg") == 16 and "Detail Branch, stage 3" in page
    assert [path.name for path in out.iterdir()] == ["explain.html"]


def test_a_model_folder_of_ours_will_do(image, tmp_path):
    folder = Path(__file__).resolve().parents[2] / "weights" / "camvid_bisenetv2"
    assert _run(image, "--model", folder, "--output", tmp_path) == 0
    assert (tmp_path / "explain.html").read_text().count("<img") == 8


def test_each_model_has_its_own_legend_and_its_own_way_up(image, tmp_path):
    weights = Path(__file__).resolve().parents[2] / "weights"
    aligned = shutil.copytree(weights / "camvid_stdc1", tmp_path / "aligned")
    card = json.loads((aligned / "model.json").read_text())
    (aligned / "model.json").write_text(json.dumps({**card, "upsampling": "align_corners"}))
    city = weights / "cityscapes_bisenetv2_distilled"
    assert _run(image, "--model", aligned, "--beside", city, "--output", tmp_path / "two") == 0
    first, second = (tmp_path / "two" / "explain.html").read_text().split("<section>")[1:]
    assert "SignSymbol" in first and "SignSymbol" not in second and "traffic sign" in second
    assert open_explained(aligned).align_corners and not open_explained(city).align_corners


def test_what_has_no_gradients_and_other_bad_input_is_one_line(
    checkpoint, image, tiny_model_folder, tmp_path, capfd
):
    other = write_tiny_checkpoint(tmp_path, network="efficientvit_b0", options={})
    content = torch.load(checkpoint, weights_only=True)
    content["state_dict"] = {name: tensor * math.nan if tensor.is_floating_point() else tensor
                             for name, tensor in content["state_dict"].items()}
    broken = tmp_path / "broken.ckpt"
    torch.save(content, broken)
    for arguments, words in (
        ((image, "--model", tiny_model_folder), "no gradients without a network to train"),
        ((image, "--model", tmp_path / "none.ckpt"), "does not exist"),
        ((image, "--model", broken), "not finite numbers"),
        ((image, "--model", other), "BiSeNet V1, V2 and STDC networks can be explained"),
        ((image, "--model", checkpoint, "--class", "Carr"), "did you mean 'Car'?"),
        ((tmp_path / "none.png", "--model", checkpoint), "none.png"),
        ((image, "--model", checkpoint, "--size", "16x16"), "at least 32"),
    ):
        assert _run(*arguments, "--output", tmp_path / "out") == (1 if arguments[2] == broken else 2)
        error = capfd.readouterr().err
        assert words in error and error.count("\n") == 1, error
    assert not (tmp_path / "out").exists()
