"""The mean of several trainings."""

import pytest

torch = pytest.importorskip("torch", reason="export needs PyTorch (pip install .[train])")
pytest.importorskip("onnx", reason="export needs onnx (pip install .[train])")

from tiny_checkpoint import write_tiny_checkpoint  # noqa: E402

from bisenet_core.cli import main  # noqa: E402
from bisenet_core.deployment.averaging import average  # noqa: E402
from bisenet_core.deployment.exporter import export_model, trained_network  # noqa: E402
from bisenet_core.deployment.stored_weights import deployable  # noqa: E402
from bisenet_core.errors import InputError  # noqa: E402
from bisenet_core.learning.checkpoint import read_checkpoint  # noqa: E402
from bisenet_core.runtime.model_card import ModelCard  # noqa: E402

IMAGE = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(2))


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return write_tiny_checkpoint(tmp_path_factory.mktemp("first"), train_split="train")


def _trained_on(first, folder, change=0.05, **recipe):
    """A checkpoint whose tensors are those of ``first``, moved a little."""
    content = torch.load(first, weights_only=True)
    generator = torch.Generator().manual_seed(1)
    for tensor in content["state_dict"].values():
        if tensor.dim() > 1:
            tensor.mul_(1 + change * torch.rand(tensor.shape, generator=generator))
    content["hyper_parameters"]["recipe"].update(recipe)
    torch.save(content, folder / "other.ckpt")
    return folder / "other.ckpt"


@pytest.mark.parametrize("as_folder", [False, True])
def test_every_tensor_is_the_mean_of_the_members(first, tmp_path, as_folder):
    other = _trained_on(first, tmp_path)
    members = [deployable(trained_network(one)[0], rounded=False).state_dict() for one in (first, other)]
    if as_folder:
        export_model(other, tmp_path / "model")
        other = tmp_path / "model"
    mean, _ = average(read_checkpoint(first), first, [other])
    for name, tensor in mean.state_dict().items():
        if tensor.is_floating_point():
            expected = (members[0][name] + members[1][name]) / 2
            torch.testing.assert_close(tensor, expected, rtol=1e-3, atol=1e-4)  # a folder has rounded weights


def test_the_mean_with_itself_is_the_network(first):
    network, _ = trained_network(first)
    mean, _ = trained_network(first, [first, first])
    with torch.no_grad():
        torch.testing.assert_close(mean(IMAGE), network(IMAGE), rtol=1e-4, atol=1e-4)


def test_the_exported_card_names_the_members_and_all_splits_they_have_seen(first, tmp_path):
    other = _trained_on(first, tmp_path, train_split="val", weights_splits="test")
    command = ["export", str(first), "--average", str(other), "--output", str(tmp_path / "model")]
    assert main(command) == 0
    recipe = ModelCard.load(tmp_path / "model").recipe
    assert recipe["averaged_with"] == [str(other)]
    assert (recipe["train_split"], recipe["weights_splits"]) == ("train", "val+test")


@pytest.mark.parametrize("changes, said", [
    ({"change": -2.0}, r"the cosine of their weights is -?0\.\d\d; expected 0.5 or more"),
    ({"change": float("nan")}, "the cosine of their weights is nan"),
    ({"mean": [0.5, 0.5, 0.5]}, r"mean \(0.485.* and \(0.5, "),
    ({"options": {"alpha": 0.5}}, "options {'alpha': 0.25} and {'alpha': 0.5}"),
    ({"dataset": "cityscapes"}, "classes .*Sky.* and .*road"),
])
def test_what_has_no_mean_is_refused_in_one_line(first, tmp_path, changes, said):
    other = _trained_on(first, tmp_path, **changes)
    with pytest.raises(InputError, match=f"the mean of .* is no network: {said}") as error:
        export_model(first, tmp_path / "model", average_with=[other])
    assert "\n" not in str(error.value) and not (tmp_path / "model").exists()
