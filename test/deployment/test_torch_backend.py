"""A checkpoint behind the contract of every backend."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="checkpoints need PyTorch (pip install .[train])")
pytest.importorskip("onnx", reason="export needs onnx (pip install .[train])")

from tiny_checkpoint import write_tiny_checkpoint  # noqa: E402

from bisenet_core.deployment.exporter import export_model, trained_network  # noqa: E402
from bisenet_core.deployment.torch_backend import open_checkpoint  # noqa: E402
from bisenet_core.drives.rendering import RenderedDrive  # noqa: E402
from bisenet_core.errors import InputError  # noqa: E402
from bisenet_core.evaluation.protocols import SizedNetwork, make_protocol  # noqa: E402
from bisenet_core.learning.transforms import normalised  # noqa: E402


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_tiny_checkpoint(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def folder(checkpoint, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "model"
    export_model(checkpoint, path)
    return str(path)


@pytest.fixture(scope="module")
def image():
    return RenderedDrive(width=144, height=104, frames=1)[0][0]


def test_logits_are_the_networks_own(checkpoint, image):
    network, card = trained_network(checkpoint)
    with torch.no_grad():
        expected = network(torch.from_numpy(normalised(image, card.mean, card.std))[None])
    with open_checkpoint(checkpoint) as opened:
        backend = opened.at((144, 104))
        assert (backend.name, backend.precision, backend.input_size) == ("torch", "fp32", (144, 104))
        assert opened.own_size == (96, 64) and backend.device and backend.version == torch.__version__
        np.testing.assert_allclose(opened.logits(image), expected[0].numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["single", "resize", "multiscale", "sliding"])
def test_it_labels_as_the_exported_folder_does(checkpoint, folder, image, kind):
    with open_checkpoint(checkpoint) as before, SizedNetwork.of_folder(folder, "onnxruntime") as after:
        there, back = (make_protocol(kind).labels(network, image) for network in (before, after))
    assert (there == back).mean() > 0.98  # the file's weights are rounded to FP16


def test_bf16_is_near(checkpoint, image):
    with open_checkpoint(checkpoint) as exact, open_checkpoint(checkpoint, "bf16") as rounded:
        expected, found = exact.logits(image), rounded.logits(image)
    assert found.dtype == np.float32 and not np.array_equal(found, expected)
    assert np.abs(found - expected).max() < 0.1 * np.abs(expected).max()


def test_refusals(checkpoint, image, tmp_path):
    with pytest.raises(InputError, match="precision 'int8' is not available with torch"):
        open_checkpoint(checkpoint, "int8")
    with pytest.raises(InputError, match=r"checkpoint .*none\.ckpt does not exist"):
        open_checkpoint(tmp_path / "none.ckpt")
    with open_checkpoint(checkpoint) as opened:
        backend = opened.at((96, 64))
    with pytest.raises(RuntimeError, match="closed"):
        backend.logits(image, "rgb")
