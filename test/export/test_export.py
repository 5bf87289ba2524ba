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
    network = create_model("bisenetv2", 7, alpha=0.25, auxiliary=False).train()
    network(torch.randn(4, 3, 64, 64))
    image = torch.randn(1, 3, 65, 97)
    with torch.no_grad():
        expected, found = network.eval()(image), deployable(network)(image)
    assert (expected - found).abs().max() < 0.01 * expected.abs().max()
    assert (expected.argmax(1) == found.argmax(1)).float().mean() > 0.98


@pytest.mark.parametrize("found", [(0.1, 1.0, 1.0), (1e-5, 0.99, 1.0), (1e-5, 1.0, 0.9)])
def test_parity_that_fails_is_an_error(found):
    with pytest.raises(ParityError, match="differs from the network"):
        check_parity(Parity(*found))


def test_a_network_that_gives_no_numbers_is_not_exported(checkpoint, tmp_path):
    content = torch.load(checkpoint, weights_only=True)
    content["state_dict"]["network.head.classifier.weight"].fill_(float("nan"))
    torch.save(content, tmp_path / "diverged.ckpt")
    with pytest.raises(ParityError, match="nan"):
        export_model(tmp_path / "diverged.ckpt", tmp_path / "out")
    assert not (tmp_path / "out").exists()


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


def test_a_size_or_a_folder_that_cannot_be_had_is_refused_in_one_line(checkpoint, tmp_path):
    with pytest.raises(InputError, match="at least 32"):
        export_model(checkpoint, tmp_path / "out", size=(16, 64))
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="choose another --output"):
        export_model(checkpoint, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_model_that_cannot_be_replaced_is_kept(checkpoint, tmp_path, monkeypatch):
    def full(_source, target):
        target.write_bytes(b"half a")
        raise OSError(28, "No space left on device")

    (tmp_path / "model.onnx").write_bytes(b"the old one")
    monkeypatch.setattr("bisenet_core.export.exporter.shutil.copyfile", full)
    with pytest.raises(InputError, match="No space left"):
        export_model(checkpoint, tmp_path)
    assert (tmp_path / "model.onnx").read_bytes() == b"the old one"
