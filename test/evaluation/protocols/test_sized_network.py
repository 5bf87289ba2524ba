"""One model at many sizes: a few stay open, and what it says is checked."""

import numpy as np
import pytest

from bisenet_core.errors import InferenceError, InputError
from bisenet_core.evaluation.protocols import SizedNetwork
from bisenet_core.evaluation.protocols.protocol import KEPT
from bisenet_core.runtime.segmenter import Segmenter


def test_the_sizes_used_last_stay_open(tiny_model_folder):
    with SizedNetwork.of_folder(str(tiny_model_folder), "openvino", "fp32") as network:
        first = network.at((40, 40))
        assert network.at((40, 40)) is first and first.input_size == (40, 40)
        for side in range(50, 50 + KEPT):
            network.at((side, side))
        with pytest.raises(RuntimeError, match="closed"):
            first.logits(np.zeros((40, 40, 3), np.uint8), "rgb")
        assert network.logits(np.zeros((40, 40, 3), np.uint8)).shape == (11, 5, 5)
        last = network.at((60, 40))
    with pytest.raises(RuntimeError, match="closed"):
        last.logits(np.zeros((40, 60, 3), np.uint8), "rgb")


def test_logits_are_those_of_the_segmenter_at_that_size(tiny_model_folder, network, make_image):
    image = make_image(70, 50)
    with Segmenter.open(str(tiny_model_folder), "openvino", "fp32", 70, 50) as segmenter:
        expected = segmenter.backend.logits(image, "rgb")
    np.testing.assert_array_equal(network.logits(image)[None], expected)
    np.testing.assert_array_equal(network.logits(image[:, ::-1]), network.logits(image[:, ::-1].copy()))


def test_logits_that_are_no_numbers_are_refused(write_model_folder, tiny_network_onnx, make_image, tmp_path):
    folder = write_model_folder(tmp_path / "broken", tiny_network_onnx(scale=float("inf")))
    network = SizedNetwork.of_folder(str(folder), "openvino", "fp32")
    with network, pytest.raises(InferenceError, match="not finite"):
        network.logits(make_image(64, 64))


def test_a_model_that_does_not_open_is_refused_at_once(tiny_model_folder):
    with pytest.raises(InputError, match="precision 'int4'"):
        SizedNetwork.of_folder(str(tiny_model_folder), "openvino", "int4")
