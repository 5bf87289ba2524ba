"""Weights are stored in FP16 only where that changes next to no label of the images they are judged on."""

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="export needs PyTorch (pip install .[train])")
pytest.importorskip("onnx", reason="export needs onnx (pip install .[train])")

from torch import nn  # noqa: E402

from bisenet_core.deployment.model_folder import write_model_folder  # noqa: E402
from bisenet_core.deployment.stored_weights import (  # noqa: E402
    JudgedImages,
    choose_stored_weights,
    judged_images,
)
from bisenet_core.errors import InputError  # noqa: E402
from bisenet_core.runtime.model_card import ModelCard  # noqa: E402


def fragile_network(weights, bias):
    """Class 1 where ``weights`` times the pixel's RGB plus ``bias`` is above 0; class 0 once FP16 rounds."""
    first, second = nn.Conv2d(3, 1, 1), nn.Conv2d(1, 2, 1, bias=False)
    with torch.no_grad():
        first.weight.copy_(torch.tensor(weights).reshape(1, 3, 1, 1))
        first.bias.fill_(bias)
        second.weight.copy_(torch.tensor([1.0, 1.0 + 2**-12]).reshape(2, 1, 1, 1))
    return nn.Sequential(first, second).eval()


@pytest.fixture
def card(make_card):
    return make_card(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), name="fragile")


@pytest.fixture
def magenta(tmp_path):
    """A folder of images in a colour that no rendered street has."""
    folder = tmp_path / "drive" / "images"
    folder.mkdir(parents=True)
    for index in range(20):
        cv2.imwrite(str(folder / f"{index}.png"), np.full((40, 60, 3), (255, 0, 255), np.uint8))
    return folder


def test_photographs_decide_where_there_are_some(card, magenta, tmp_path):
    network = fragile_network([1.0, -2.0, 1.0], -1.0)
    for images, precision, equal, judged_on in (
        (None, "fp16", 1.0, "3 rendered street frames"),
        (magenta, "fp32", 0.0, "8 of 20 images of drive/images"),
    ):
        found, parity = write_model_folder(network, card, tmp_path / precision, images)
        said = {"precision": precision, "equal_labels_in_fp16": equal, "judged_on": judged_on}
        assert found.metrics["stored_weights"] == said
        assert found == ModelCard.load(tmp_path / precision) and parity.equal_to_trained == 1
        page = (tmp_path / precision / "README.md").read_text()
        assert f"weights stored in: {precision}" in page and judged_on in page
        assert "upsampling: half_pixel" in page


@pytest.mark.parametrize("pixels, precision", [(30, "fp32"), (3, "fp16")])
def test_half_a_percent_of_the_labels_of_one_image_is_enough_for_fp32(pixels, precision):
    images = np.zeros((8, 3, 64, 96), np.float32)
    images[5, 0].reshape(-1)[:pixels] = 1.0
    _, said = choose_stored_weights(fragile_network([1.0, 0.0, 0.0], -0.5), JudgedImages(images, "eight"))
    assert said["precision"] == precision
    assert said["equal_labels_in_fp16"] == pytest.approx(1 - pixels / (64 * 96), abs=1e-6)


def test_photographs_have_the_cards_size(card, camvid_root):
    judged = judged_images(card, camvid_root / "val" / "images")
    assert judged.images.shape == (8, 3, 64, 96) and judged.images.std() > 0.1
    assert judged.name.startswith("8 of ") and judged.name.endswith("val/images")


def test_images_that_cannot_be_read_are_named(card, magenta, tmp_path):
    (magenta / "19.png").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"19\.png"):
        write_model_folder(fragile_network([1.0, 0.0, 0.0], 0.0), card, tmp_path / "out", magenta)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty is empty; expected a folder of images"):
        write_model_folder(fragile_network([1.0, 0.0, 0.0], 0.0), card, tmp_path / "out", tmp_path / "empty")
    assert not (tmp_path / "out").exists()
