"""From a checkpoint to a model folder."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="export needs PyTorch (pip install .[train])")
pytest.importorskip("onnx", reason="export needs onnx (pip install .[train])")

from bisenet_core.errors import InputError, ParityError  # noqa: E402
from bisenet_core.export import export_model  # noqa: E402
from bisenet_core.export.deployable import deployable  # noqa: E402
from bisenet_core.export.parity import Parity, check_parity  # noqa: E402
from bisenet_core.learning.recipe import Recipe  # noqa: E402
from bisenet_core.learning.segmentation_module import SegmentationModule  # noqa: E402
from bisenet_core.models import create_model  # noqa: E402
from bisenet_core.runtime.segmenter import Segmenter  # noqa: E402


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    recipe = Recipe.from_dict({"name": "tiny", "dataset": "camvid", "options": {"alpha": 0.25},
                               "input_width": 96, "input_height": 64})
    torch.manual_seed(0)
    module = SegmentationModule(recipe.to_dict())
    module.network.train()(torch.randn(4, 3, 64, 64))  # batch statistics that are not the initial ones
    path = tmp_path_factory.mktemp("run") / "best.ckpt"
    torch.save({"state_dict": module.state_dict(), "hyper_parameters": {"recipe": recipe.to_dict()},
                "epoch": 0, "global_step": 1}, path)
    return path


def test_the_exported_folder_runs_and_says_what_it_is(checkpoint, tmp_path):
    card, parity = export_model(checkpoint, tmp_path / "model")
    assert parity.max_difference < 1e-3 and parity.equal_labels >= 0.999
    assert (card.input_width, card.input_height) == (96, 64) and card.label_space.name == "CamVid-11"
    with Segmenter.open(str(tmp_path / "model"), backend="onnxruntime") as segmenter:
        labels = segmenter.segment(np.zeros((120, 200, 3), np.uint8)).labels
    assert labels.shape == (120, 200) and labels.max() < 11


def test_folding_and_rounding_keep_the_function():
    torch.manual_seed(1)
    network = create_model("bisenetv2", 7, alpha=0.25, boosters=False).train()
    network(torch.randn(4, 3, 64, 64))
    image = torch.randn(1, 3, 65, 97)
    with torch.no_grad():
        expected, found = network.eval()(image), deployable(network)(image)
    assert (expected - found).abs().max() < 0.01 * expected.abs().max()
    assert (expected.argmax(1) == found.argmax(1)).float().mean() > 0.98


def test_parity_that_fails_is_an_error():
    with pytest.raises(ParityError, match="differs from the network"):
        check_parity(Parity(max_difference=0.1, equal_labels=1.0))
    with pytest.raises(ParityError):
        check_parity(Parity(max_difference=float("nan"), equal_labels=1.0))


def test_bad_checkpoints_are_refused_in_one_line(checkpoint, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        export_model(tmp_path / "none.ckpt", tmp_path / "out")
    (tmp_path / "text.ckpt").write_text("hello")
    with pytest.raises(InputError, match="not a checkpoint"):
        export_model(tmp_path / "text.ckpt", tmp_path / "out")
    content = torch.load(checkpoint, weights_only=True)
    content["state_dict"]["network.head.classifier.bias"] = torch.zeros(3)
    torch.save(content, tmp_path / "other.ckpt")
    with pytest.raises(InputError, match="head.classifier.bias"):
        export_model(tmp_path / "other.ckpt", tmp_path / "out")
    assert not (tmp_path / "out").exists()
