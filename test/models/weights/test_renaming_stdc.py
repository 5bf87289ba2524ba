"""Published STDC-Seg weights give the logits that the public code gives."""

from functools import cache

import pytest

torch = pytest.importorskip("torch", reason="networks need PyTorch (pip install .[train])")

from golden import LABELS, image_of, read_golden, sample, state_of  # noqa: E402

from bisenet_core.errors import InputError  # noqa: E402
from bisenet_core.models import create_model  # noqa: E402
from bisenet_core.models.weights import renamings  # noqa: E402
from bisenet_core.runtime.postprocessing import labels_from_logits  # noqa: E402

RENAMINGS = {key: one for key, one in renamings.RENAMINGS.items() if key[1].startswith("stdc")}


@cache
def _made(format, architecture):
    return state_of(read_golden(f"{format}_{architecture}")["shapes"])


def _state(format, architecture):
    return dict(_made(format, architecture))


@pytest.mark.parametrize(("format", "architecture"), RENAMINGS)
def test_logits_are_those_of_the_public_code(format, architecture):
    golden, renaming = read_golden(f"{format}_{architecture}"), RENAMINGS[format, architecture]
    network = create_model(renaming.network, 19, **renaming.options, auxiliary=False)
    network.load_state_dict(renaming.translate(_state(format, architecture)))
    logits = _logits(network, golden)
    assert list(logits.shape) == golden["logits_shape"]
    torch.testing.assert_close(sample(logits).float(), torch.tensor(golden["samples"]), rtol=0, atol=1e-4)


def _logits(network, golden):
    with torch.no_grad():
        # in float64, so that the golden's own float32 rounding is all that is apart, whatever this CPU does
        return network.double().eval()(image_of(*golden["image"]).double())


@pytest.mark.parametrize("architecture", ["stdc1_seg", "stdc2_seg"])
def test_labels_are_those_of_the_public_code_which_upsamples_itself(architecture):
    golden, renaming = read_golden(f"stdc-seg_{architecture}"), RENAMINGS["stdc-seg", architecture]
    network = create_model(renaming.network, 19, **renaming.options, auxiliary=False)
    network.load_state_dict(renaming.translate(_state("stdc-seg", architecture)))
    logits, size = _logits(network, golden).float().numpy(), tuple(golden["image"][::-1])
    labels, others = (
        sample(torch.from_numpy(labels_from_logits(logits, size, size, upsampling=rule)[0]), LABELS).tolist()
        for rule in (renaming.upsampling, "half_pixel")
    )
    assert labels == golden["labels"] and others != golden["labels"]


@pytest.mark.parametrize(("format", "architecture"), RENAMINGS)
def test_every_tensor_is_accounted_for(format, architecture):
    state, renaming = _state(format, architecture), RENAMINGS[format, architecture]
    wanted = create_model(renaming.network, 19, auxiliary=False).state_dict()
    missing = wanted.keys() - renaming.translate(state).keys()
    assert not renaming.translate(state).keys() - wanted.keys()
    assert all(name.endswith("num_batches_tracked") for name in missing)
    assert bool(missing) == (format == "stdc-seg"), "InPlaceABN keeps no such count"
    with pytest.raises(InputError, match="1 tensors are not of stdc"):
        renaming.translate({**state, "backbone.stranger.weight": torch.zeros(1)})


def test_one_network_is_not_taken_for_the_other():
    larger = _state("stdc-seg", "stdc2_seg")
    with pytest.raises(InputError, match="tensors are not of stdc1_seg"):
        RENAMINGS["stdc-seg", "stdc1_seg"].translate(larger)


def test_scales_of_inplace_abn_become_those_of_a_plain_norm():
    state, renaming = _state("stdc-seg", "stdc1_seg"), RENAMINGS["stdc-seg", "stdc1_seg"]
    ours = renaming.translate(state)
    theirs = state["ffm.convblk.bn.weight"]
    assert (theirs < 0).any()
    assert torch.equal(ours["fusion.conv.1.weight"], theirs.abs() + 1e-5)
    assert torch.equal(ours["backbone.stage1.1.weight"], state["cp.backbone.features.0.bn.weight"])
    assert torch.equal(ours["head.classifier.bias"], torch.zeros(19))


def test_a_checkpoint_without_its_classifier_is_left_to_the_check_of_missing_tensors():
    state = _state("stdc-seg", "stdc1_seg")
    del state["conv_out.conv_out.weight"]
    assert "head.classifier.bias" not in RENAMINGS["stdc-seg", "stdc1_seg"].translate(state)
