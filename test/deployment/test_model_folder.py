"""Every network becomes a model folder that the runtime opens."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="export needs PyTorch (pip install .[train])")
onnx = pytest.importorskip("onnx", reason="export needs onnx (pip install .[train])")

from fresh_networks import fresh_network  # noqa: E402

from bisenet_core.deployment.model_folder import write_model_folder  # noqa: E402
from bisenet_core.deployment.onnx_file import (  # noqa: E402
    FP16_MARGIN,
    MIN_EQUAL_TO_TRAINED,
    Parity,
    check_parity,
    largest_value,
)
from bisenet_core.models import create_model, list_models  # noqa: E402
from bisenet_core.models.registry import is_segmentation  # noqa: E402
from bisenet_core.runtime.model_card import ModelCard  # noqa: E402
from bisenet_core.runtime.segmenter import Segmenter  # noqa: E402

# The larger ones of a family are other figures in the same code; test_contract exports them all.
LARGE = {"bisenetv1_resnet50", "bisenetv1_resnet101", "bisenetv2_large"}
SEGMENTATION = [name for name in list_models() if is_segmentation(name) and name not in LARGE]


@pytest.mark.parametrize("name", SEGMENTATION)
def test_a_network_with_fresh_weights_becomes_a_folder(name, make_card, tmp_path):
    network = fresh_network(name, 11)[0].without_auxiliary()
    card, parity = write_model_folder(network, make_card(name=name, architecture=name), tmp_path / "model")
    assert card == ModelCard.load(tmp_path / "model")
    assert parity.max_difference <= parity.limit and parity.equal_to_trained >= MIN_EQUAL_TO_TRAINED
    with Segmenter.open(str(tmp_path / "model"), precision="fp32") as segmenter:
        assert segmenter.segment(np.zeros((75, 124, 3), np.uint8)).labels.shape == (75, 124)


def test_weights_that_fp16_would_change_too_much_are_stored_in_fp32(make_card, tmp_path):
    torch.manual_seed(0)
    network = create_model("bisenetv2", 11, alpha=0.25, auxiliary=False).eval()
    with torch.no_grad():  # a weight beyond FP16, which leaves its tensor unrounded
        network.detail[0][0][0].weight[0, 0, 0, 0] = 1e5
        network.detail[0][0][1].weight[0] = 1e-6
    _, parity = write_model_folder(network, make_card(name="wide"), tmp_path / "model")
    assert np.isfinite(parity.max_difference) and 0 < parity.largest_value < FP16_MARGIN
    kinds = {t.data_type for t in onnx.load(str(tmp_path / "model" / "model.onnx")).graph.initializer}
    assert {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16} <= kinds


class Attention(torch.nn.Module):
    """Sums over the image between two layers, as no module's output shows them."""

    def __init__(self, gain):
        super().__init__()
        self.first, self.gain = torch.nn.Conv2d(3, 3, 1), gain

    def forward(self, image):
        values = self.first(image).flatten(2)
        sums = (values * self.gain).abs() @ torch.ones(values.shape[2], 1)
        return self.first(image) + 1e-9 * sums[..., None]


@pytest.mark.parametrize("gain, is_large", [(1.0, False), (1e3, True)])
def test_values_that_fp16_hardly_holds_are_found_wherever_they_arise(gain, is_large, caplog):
    torch.manual_seed(0)
    images = np.random.RandomState(0).standard_normal((2, 3, 32, 32)).astype(np.float32)
    found = largest_value(Attention(gain), images)
    assert (found > FP16_MARGIN) == is_large
    check_parity(Parity(0.0, 1.0, 1.0, 1.0, found), "net")
    assert ("on a GPU run it with precision fp32" in caplog.text) == is_large
    check_parity(Parity(0.0, 1.0, 1.0, 1.0, float("nan")), "net")
    assert "values up to nan" in caplog.text


def test_the_page_of_a_replaced_model_is_the_new_ones(make_card, tmp_path):
    network = create_model("bisenetv2", 11, alpha=0.25, auxiliary=False)
    for name in ("first", "second"):
        write_model_folder(network, make_card(name=name), tmp_path / "model")
    assert "# second" in (tmp_path / "model" / "README.md").read_text()
