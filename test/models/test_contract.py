"""What holds for every network."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="networks need PyTorch (pip install .[train])")
onnx = pytest.importorskip("onnx", reason="export needs onnx (pip install .[train])")
onnxruntime = pytest.importorskip("onnxruntime", reason="export is checked with onnxruntime")

from fresh_networks import fresh_network, patches  # noqa: E402

from bisenet_core.deployment.onnx_file import MAX_DIFFERENCE, OPSET, ROUNDINGS, fp32_rounding, write_onnx  # noqa: E402
from bisenet_core.deployment.stored_weights import deployable  # noqa: E402
from bisenet_core.models import create_model, list_models  # noqa: E402
from bisenet_core.models.layers import SegmentationNetwork  # noqa: E402
from bisenet_core.models.registry import is_segmentation  # noqa: E402

CLASSES = 5
SEGMENTATION = [name for name in list_models() if is_segmentation(name)]


@pytest.fixture(scope="module", params=list_models())
def trained(request):
    """(name, network in training mode, its outputs for a batch): its norms know that batch."""
    return (request.param, *fresh_network(request.param, CLASSES))


@pytest.fixture
def network(trained):
    """The network alone; ``trained`` is left as it is."""
    return copy.deepcopy(trained[1]).eval()


def _run(network, height, width, seed=1):
    image = patches(1, height, width, seed)
    with torch.no_grad():
        return image, network(image)


def test_any_size_gives_logits(trained, network):
    for height, width in [(32, 32), (33, 47), (65, 130), (47, 158), (61, 81)]:
        _, logits = _run(network, height, width)
        at_an_eighth = (-(-height // 8), -(-width // 8)) if is_segmentation(trained[0]) else ()
        assert logits.shape == (1, CLASSES, *at_an_eighth), (height, width)
        assert torch.isfinite(logits).all(), (height, width)


def test_evaluation_is_deterministic_and_leaves_the_network_as_it_is(network):
    before = copy.deepcopy(network.state_dict())
    assert torch.equal(_run(network, 40, 56)[1], _run(network, 40, 56)[1])
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_the_state_makes_the_same_network_again(trained, network):
    torch.manual_seed(99)
    other = create_model(trained[0], CLASSES)
    other.load_state_dict(network.state_dict())
    assert torch.equal(_run(network, 40, 56)[1], _run(other.eval(), 40, 56)[1])


def test_gradients_reach_every_parameter(trained):
    network = copy.deepcopy(trained[1]).train()
    outputs = network(patches(4, seed=1))
    outputs = outputs if isinstance(outputs, dict) else {"main": outputs}
    sum(output.square().mean() for output in outputs.values()).backward()
    without = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert without == []


def test_unusable_images_are_refused_by_shape(network):
    for shape in [(1, 3, 31, 64), (1, 1, 64, 64), (3, 64, 64)]:
        with pytest.raises(ValueError, match="expected Bx3xHxW"):
            network(torch.zeros(shape))


def test_auxiliary_heads_exist_in_training_only(trained):
    name, network, outputs = trained
    if not is_segmentation(name):
        assert torch.is_tensor(outputs)
        return
    assert isinstance(network, SegmentationNetwork)
    assert bool(network.auxiliary) != name.startswith("efficientvit"), "only its authors train without"
    assert list(outputs) == ["main", *network.auxiliary]
    assert network.detail_heads <= set(network.auxiliary)
    for head, logits in outputs.items():
        assert logits.shape[:2] == (8, 1 if head in network.detail_heads else CLASSES)
    deployed = create_model(name, CLASSES, auxiliary=False)
    stripped = copy.deepcopy(network).without_auxiliary()
    assert deployed.state_dict().keys() == stripped.state_dict().keys()
    assert not any("auxiliary" in key for key in deployed.state_dict())


def test_the_exported_file_computes_the_same_at_any_size(network, tmp_path):
    path = tmp_path / "model.onnx"
    deployed = deployable(network)
    write_onnx(deployed, 96, 64, path)
    model = onnx.load(str(path))
    assert [opset.version for opset in model.opset_import] == [OPSET]
    assert not any("auxiliary" in tensor.name for tensor in model.graph.initializer)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for height, width in [(64, 96), (33, 47), (96, 161)]:
        image, expected = _run(deployed, height, width)
        (found,) = session.run(None, {"image": image.numpy()})
        assert found.shape == tuple(expected.shape)
        limit = max(MAX_DIFFERENCE, ROUNDINGS * fp32_rounding(deployed, image[0].numpy()))
        assert np.abs(found - expected.numpy()).max() <= limit

