"""A small network under other names than ours, as in a published checkpoint, and a home to put it."""

import pytest


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The user's cache of models, in a home of its own; nothing is between us and a local server."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "home" / ".cache" / "bisenet" / "weights"


@pytest.fixture
def tiny_renaming(monkeypatch):
    """A renaming ("mmseg", "tiny"): our names behind ``net.``. Models for Cityscapes are 96x64."""
    pytest.importorskip("torch", reason="import needs PyTorch (pip install .[train])")
    pytest.importorskip("onnx", reason="import needs onnx (pip install .[train])")
    from bisenet_core.deployment import data_set_terms
    from bisenet_core.deployment.published import importer
    from bisenet_core.models.weights import renamings
    from bisenet_core.models.weights.renaming import IMAGENET, Renaming

    rules = ((r"net\.auxiliary\..*", None), (r"net\.(.*)", r"\1"))
    renaming = Renaming("bisenetv2", rules, {"cityscapes": IMAGENET}, {"alpha": 0.25})
    monkeypatch.setitem(renamings.RENAMINGS, ("mmseg", "tiny"), renaming)
    small = data_set_terms.DATA_SET_TERMS["cityscapes"]._replace(input_size=(96, 64))
    monkeypatch.setitem(importer.DATA_SET_TERMS, "cityscapes", small)
    return renaming


@pytest.fixture(scope="session")
def tiny_states():
    """``tiny_states(classes)``: the tensors of such a checkpoint, auxiliary heads among them."""
    torch = pytest.importorskip("torch", reason="import needs PyTorch (pip install .[train])")
    from bisenet_core.models import create_model

    known = {}

    def state(classes=19):
        if classes not in known:
            torch.manual_seed(0)
            network = create_model("bisenetv2", classes, alpha=0.25).train()
            network(torch.randn(4, 3, 64, 64))  # batch statistics that are not the initial ones
            known[classes] = {f"net.{name}": tensor for name, tensor in network.state_dict().items()}
        return dict(known[classes])

    return state
