"""From a checkpoint to a model folder."""

import os

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="export needs PyTorch (pip install .[train])")
pytest.importorskip("onnx", reason="export needs onnx (pip install .[train])")

from tiny_checkpoint import write_tiny_checkpoint  # noqa: E402

from bisenet_core.deployment.exporter import export_model  # noqa: E402
from bisenet_core.deployment.onnx_file import Parity, check_parity  # noqa: E402
from bisenet_core.deployment.stored_weights import deployable  # noqa: E402
from bisenet_core.errors import InputError, ParityError  # noqa: E402
from bisenet_core.models import create_model  # noqa: E402
from bisenet_core.runtime.model_card import ModelCard  # noqa: E402
from bisenet_core.runtime.segmenter import Segmenter  # noqa: E402


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_tiny_checkpoint(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def exported(checkpoint, tmp_path_factory):
    """(folder, card, parity) of the checkpoint's export into a folder that was not there; only to be read."""
    folder = tmp_path_factory.mktemp("exported") / "new" / "model"
    return (folder, *export_model(checkpoint, folder))


def test_the_exported_folder_runs_and_says_what_it_is(exported):
    folder, card, parity = exported
    assert parity.max_difference < 1e-3 and parity.equal_labels >= 0.999
    assert (card.input_width, card.input_height) == (96, 64) and card.label_space.name == "CamVid-11"
    with Segmenter.open(str(folder), backend="onnxruntime") as segmenter:
        labels = segmenter.segment(np.zeros((120, 200, 3), np.uint8)).labels
    assert labels.shape == (120, 200) and labels.max() < 11


def test_the_folder_explains_itself(exported):
    folder, card, _ = exported
    page = (folder / "README.md").read_text()
    for fact in (card.name, "CamVid-11", "96x64", "learning_rate: 0.05", card.licence):
        assert fact in page


def test_folding_and_rounding_keep_the_function():
    torch.manual_seed(1)
    network = create_model("bisenetv2", 7, alpha=0.25, auxiliary=False).train()
    network(torch.randn(4, 3, 64, 64))
    image = torch.randn(1, 3, 65, 97)
    with torch.no_grad():
        expected, found = network.eval()(image), deployable(network)(image)
    assert (expected - found).abs().max() < 0.01 * expected.abs().max()
    assert (expected.argmax(1) == found.argmax(1)).float().mean() > 0.98


NAN = float("nan")


@pytest.mark.parametrize("found", [
    (0.1, 1e-3, 1.0, 1.0), (1e-5, 1e-3, 0.99, 1.0), (1e-5, 1e-3, 1.0, 0.9), (NAN, 1e-3, 1.0, 1.0),
    (1e-5, NAN, 1.0, 1.0),
])
def test_parity_that_fails_is_an_error(found):
    with pytest.raises(ParityError, match="street_net differs from the network"):
        check_parity(Parity(*found, 9.0), "street_net")
    check_parity(Parity(1e-5, 1e-3, 1.0, 1.0, 9.0), "street_net")


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
    for output in (tmp_path / "file", tmp_path / "file" / "model"):
        with pytest.raises(InputError, match="choose another folder"):
            export_model(checkpoint, output)
    assert (tmp_path / "file").read_text() == "mine" and os.listdir(tmp_path) == ["file"]


def test_a_new_folder_is_one_that_others_may_read_and_holds_no_more_than_the_model(exported, tmp_path):
    folder, usual = exported[0], tmp_path / "usual"
    usual.mkdir()
    assert os.listdir(folder.parent) == ["model"]
    assert sorted(os.listdir(folder)) == ["README.md", "model.json", "model.onnx"]
    assert folder.stat().st_mode == usual.stat().st_mode


def test_in_a_folder_that_exists_the_model_is_replaced_and_a_page_of_ones_own_kept(checkpoint, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"the old one")
    (tmp_path / "README.md").write_text("mine")
    card, _ = export_model(checkpoint, tmp_path)
    assert card == ModelCard.load(tmp_path) and (tmp_path / "README.md").read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == ["README.md", "model.json", "model.onnx"]


@pytest.mark.parametrize("exists", [True, False])
def test_a_full_disk_costs_no_model_and_leaves_no_half_of_one(checkpoint, tmp_path, monkeypatch, exists):
    def full(_network, _width, _height, path):
        path.write_bytes(b"half a")
        raise OSError(28, "No space left on device")

    output = tmp_path / "model"
    if exists:
        output.mkdir()
        (output / "model.onnx").write_bytes(b"the old one")
    monkeypatch.setattr("bisenet_core.deployment.model_folder.write_onnx", full)
    with pytest.raises(InputError, match="No space left"):
        export_model(checkpoint, output)
    assert [path.read_bytes() for path in tmp_path.rglob("*.*")] == [b"the old one"] * exists
