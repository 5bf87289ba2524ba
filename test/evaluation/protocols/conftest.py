"""A tiny network at any size, and images that it has something to say about."""

import cv2
import numpy as np
import pytest

pytest.importorskip("openvino", reason="the model is run with openvino")

from bisenet_core.evaluation.protocols import SizedNetwork


@pytest.fixture(scope="session")
def network(tiny_model_folder):
    """CamVid-11 classes, its own size 96x64, fp32."""
    with SizedNetwork.of_folder(str(tiny_model_folder), "openvino", "fp32") as opened:
        yield opened


@pytest.fixture(scope="session")
def make_image():
    """``make_image(width, height, seed)``: HxWx3 uint8 with patches of colour and some noise."""

    def make(width, height, seed=0):
        rng = np.random.default_rng(seed)
        patches = rng.integers(0, 256, (4, 5, 3), np.uint8)
        image = cv2.resize(patches, (width, height), interpolation=cv2.INTER_CUBIC)
        return cv2.add(image, rng.integers(0, 20, image.shape, np.uint8))

    return make
