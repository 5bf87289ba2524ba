"""From somebody else's checkpoint to a model folder."""

import json
import re

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="import needs PyTorch (pip install .[train])")
pytest.importorskip("onnx", reason="import needs onnx (pip install .[train])")
pytest.importorskip("typer", reason="the command line needs typer and rich")

from golden import read_golden, state_of  # noqa: E402

from bisenet_core.cli import main  # noqa: E402
from bisenet_core.deployment.published.importer import Source, import_checkpoint, read_network  # noqa: E402
from bisenet_core.deployment.published.mmseg_config import Conventions, stated_conventions  # noqa: E402
from bisenet_core.errors import InputError  # noqa: E402
from bisenet_core.labels.label_space import ADE20K_150, CITYSCAPES_19  # noqa: E402
from bisenet_core.models.weights.renaming import IMAGENET  # noqa: E402
from bisenet_core.models.weights.renamings import RENAMINGS  # noqa: E402
from bisenet_core.runtime.model_card import ModelCard, file_sha256  # noqa: E402
from bisenet_core.runtime.segmenter import Segmenter  # noqa: E402

WRAPPINGS = {
    "bare": lambda state: state,
    "state_dict": lambda state: {"state_dict": state, "meta": {"epoch": 3}},
    "numpy": lambda state: {"state_dict": state, "meta": {"best": np.float64(0.7), "iter": np.int64(9)}},
    "model": lambda state: {"model": state, "epoch": 3, "lr": 0.1},
    "DataParallel": lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
}


@pytest.fixture
def source(tiny_renaming, tiny_states, tmp_path):
    """``source(content)``: ``content``, by default a good checkpoint, saved and named."""

    def make(content=None, **options):
        path = tmp_path / "published.pth"
        torch.save(tiny_states() if content is None else content, path, **options)
        return Source(path, "mmseg", "tiny", "cityscapes")

    return make


def refused(source, *words):
    """Reading fails with one line that names the file and ``words``."""
    with pytest.raises(InputError) as caught:
        read_network(source)
    text = str(caught.value)
    assert "\n" not in text and str(source.path) in text
    for word in words:
        assert word in text, text


def test_the_folder_runs_and_its_card_says_where_it_comes_from(source, tiny_renaming, tmp_path):
    given = source()
    card, parity = import_checkpoint(given, tmp_path / "street_net", size=(128, 64))
    assert card == ModelCard.load(tmp_path / "street_net")
    assert (card.name, card.architecture) == ("street_net", "bisenetv2")
    assert card.architecture_options == {"alpha": 0.25}
    assert card.label_space == CITYSCAPES_19 and card.training_data == "cityscapes"
    assert (card.mean, card.std) == tiny_renaming.statistics["cityscapes"] and card.color_order == "rgb"
    assert (card.input_width, card.input_height) == (128, 64)
    assert card.recipe == {"source": "published.pth", "format": "mmseg", "sha256": file_sha256(given.path)}
    assert card.metrics.keys() == {"stored_weights"} and "non-commercial" in card.licence
    assert parity.max_difference < 1e-3 and parity.equal_labels >= 0.999
    with Segmenter.open(str(tmp_path / "street_net"), backend="onnxruntime") as segmenter:
        labels = segmenter.segment(np.zeros((120, 200, 3), np.uint8)).labels
    assert labels.shape == (120, 200) and labels.max() < 19


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("zipped", [True, False])
def test_every_wrapping_gives_the_same_network(source, tiny_states, wrapping, zipped):
    given = source(WRAPPINGS[wrapping](tiny_states()), _use_new_zipfile_serialization=zipped)
    network, _ = read_network(given)
    assert not any("auxiliary" in name for name in network.state_dict())
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, tiny_states()[f"net.{name}"])


def test_a_file_that_is_no_checkpoint_is_refused(source):
    given = source()
    whole = given.path.read_bytes()
    for content, word in (
        (b"", "it is empty"), (b"hello", "it is a text"), (b"<!DOCTYPE html>", "is not a checkpoint"),
        (whole[: len(whole) // 2], "only a part of a file"),
    ):
        given.path.write_bytes(content)
        refused(given, word)
    given.path.unlink()
    refused(given, "No such file")
    refused(source([1, 2]), "list")
    refused(source({"state_dict": {}}), "expected tensors by name")
    refused(source({"epoch": 1, "lr": 0.1}), "epoch, lr")


class Payload:
    """What loading with pickle would run."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_file_that_would_run_code_is_refused_and_does_not(source, tiny_states, tmp_path):
    for zipped in (True, False):
        content = {"state_dict": tiny_states(), "extra": Payload(tmp_path / "ran")}
        refused(source(content, _use_new_zipfile_serialization=zipped), "open", "nothing but tensors")
    assert not (tmp_path / "ran").exists()


def test_tensors_that_are_missing_extra_or_misshapen_are_named(source, tiny_states):
    state = tiny_states()
    del state["net.head.conv.0.weight"]
    refused(source(state), "does not fit", "head.conv.0.weight is missing")
    refused(source({**tiny_states(), "net.other": torch.ones(1)}), "other is extra")
    refused(source({**tiny_states(), "else": torch.ones(1)}), "1 tensors are not of bisenetv2", "else")
    shape = "x".join(map(str, tiny_states()["net.head.classifier.bias"].shape))
    refused(source({**tiny_states(), "net.head.classifier.bias": torch.ones(3)}), f"is 3, expected {shape}")


def test_tensors_of_another_kind_are_refused(source, tiny_states):
    bias = "net.head.classifier.bias"
    whole = torch.ones(19)
    for odd in (whole.to_sparse(), whole.to(torch.complex64), whole.to(torch.int8)):
        refused(source({**tiny_states(), bias: odd}), bias, "no dense floating-point tensor")
    refused(source({**tiny_states(), f"module.{bias}": torch.ones(19)}), "with and without module.")
    refused(source({**tiny_states(), "net.head.classifier.weight": torch.tensor(1.0)}), "a single number")


def test_counts_of_batches_may_be_absent(source, tiny_states):
    kept = {name: tensor for name, tensor in tiny_states().items() if "num_batches_tracked" not in name}
    assert len(kept) < len(tiny_states())
    read_network(source(kept))


def test_classes_must_be_those_of_the_data_set(source, tiny_states):
    refused(source(tiny_states(7)), "7 classes", "Cityscapes-19 has 19", "--dataset")
    classes, palette = list(CITYSCAPES_19.classes), [list(color) for color in CITYSCAPES_19.palette]

    def noted(**meta):
        return source({"state_dict": tiny_states(), "meta": meta})

    read_network(noted(CLASSES=tuple(classes), PALETTE=palette))
    read_network(noted(dataset_meta={"classes": classes, "palette": palette}))
    read_network(noted(CLASSES=None, PALETTE=None))
    for nothing in ({"CLASSES": 19}, {"PALETTE": torch.ones(2)}, {"dataset_meta": None}):
        read_network(noted(**nothing))
    for meta in ("notes", ["notes"]):
        read_network(source({"state_dict": tiny_states(), "meta": meta}))
    refused(noted(CLASSES=classes[::-1]), "another order")
    refused(noted(CLASSES=["lane", *classes[1:]], PALETTE=palette), "lane")
    refused(noted(dataset_meta={"classes": ["lane", *classes[1:]]}), "lane")
    refused(noted(CLASSES=classes, PALETTE=palette[::-1]), "palette")


CONFIG = """
norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    type='EncoderDecoder',
    backbone=dict(type='BiSeNetV2', align_corners={backbone}),
    decode_head=dict(type='FCNHead', norm_cfg=dict(type='SyncBN'), align_corners={head}),
    auxiliary_head=[dict(type='FCNHead', align_corners=True)])
optimizer = dict(type='SGD', lr=0.05)
"""


def test_the_checkpoints_own_configuration_names_its_upsampling(source, tiny_states):
    def noted(**meta):
        return source({"state_dict": tiny_states(), "meta": meta})

    for key in ("config", "cfg"):
        for head, upsampling in ((True, "align_corners"), (False, "half_pixel")):
            config = CONFIG.format(backbone=False, head=head)
            assert read_network(noted(**{key: config}))[1].upsampling == upsampling
    literal = "model = {'decode_head': {'align_corners': True}}"
    assert read_network(noted(cfg=literal))[1].upsampling == "align_corners"
    for text in ("", "model = (", "model = make()", "model = dict(decode_head=[1])", "raise SystemExit", 3):
        assert read_network(noted(config=text))[1] == (*IMAGENET, "rgb", "half_pixel")
    refused(noted(config=CONFIG.format(backbone=True, head=False)), "backbone", "align_corners=False")


@pytest.mark.parametrize("text, expected", [
    ("img_norm_cfg = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)",
     (*IMAGENET, "rgb")),
    ("img_norm_cfg = dict(mean=[0., 51, 102], std=[255., 127.5, 51.])",
     ((0, 0.2, 0.4), (1, 0.5, 0.2), "rgb")),
    ("img_norm_cfg = dict(mean=[0, 51, 102], std=[255, 255, 51], to_rgb=False)",
     ((0.4, 0.2, 0), (0.2, 1, 1), "bgr")),
    ("p = dict(mean=[51] * 3)\nmodel = dict(data_preprocessor=dict(mean=(0, 51, 0), std=(51, 51, 51), "
     "bgr_to_rgb=True))", ((0, 0.2, 0), (0.2, 0.2, 0.2), "rgb")),
    ("p = dict(mean=[0, 0, 51], std=[255, 255, 255])\nmodel = dict(data_preprocessor=p)",
     ((0.2, 0, 0), (1, 1, 1), "bgr")),
    ("img_norm_cfg = dict(mean=[0, 0], std=[1, 1, 1])", "mean=[0, 0]; expected three numbers"),
    ("img_norm_cfg = dict(mean=[0, 0, 0], std=[1, 0, 1])", "expected numbers above 0"),
    ("model = dict(data_preprocessor=dict(mean=None, std=None))", "mean=None; expected three numbers"),
])
def test_the_checkpoints_own_configuration_names_its_normalisation(text, expected):
    meta, usual = {"config": text}, Conventions(*IMAGENET, "rgb", "half_pixel")
    if isinstance(expected, str):
        with pytest.raises(InputError, match=re.escape(expected)):
            stated_conventions(meta, usual)
    else:
        assert stated_conventions(meta, usual) == (*expected, "half_pixel")


@pytest.mark.parametrize("key", sorted(RENAMINGS))
def test_upsampling_is_the_publishers(key):
    assert RENAMINGS[key].upsampling == ("align_corners" if key[1].startswith("stdc") else "half_pixel")


def test_a_model_folder_upsamples_as_torch_does_for_the_publisher(source, tiny_states, tmp_path):
    config = CONFIG.format(backbone=False, head=True)
    config += "img_norm_cfg = dict(mean=[0, 51, 102], std=[51, 51, 102], to_rgb=False)"
    given = source({"state_dict": tiny_states(), "meta": {"cfg": config}})
    card, _ = import_checkpoint(given, tmp_path / "model")
    assert json.loads((tmp_path / "model" / "model.json").read_text())["upsampling"] == card.upsampling
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    with Segmenter.open(str(tmp_path / "model"), backend="onnxruntime", precision="fp32") as segmenter:
        labels = segmenter.segment(image, color_order="bgr").labels
    pixels = (torch.from_numpy(image) - torch.tensor([0.0, 51, 102])) / torch.tensor([51.0, 51, 102])
    with torch.no_grad():
        logits = read_network(given)[0].eval()(pixels.permute(2, 0, 1)[None])
    full = torch.nn.functional.interpolate(logits, (64, 96), mode="bilinear", align_corners=True)
    assert (labels == full.argmax(1)[0].numpy()).mean() > 0.99  # FP16 may store the weights


def test_what_nobody_publishes_is_refused(source, tmp_path):
    for changes, word in (
        ({"format": "keras"}, "known: coincheung, efficientvit, mmseg, stdc-seg"),
        ({"architecture": "bisenetv3"}, "known: bisenetv1_resnet"),
        ({"dataset": "mapillary"}, "known: camvid"),
    ):
        with pytest.raises(InputError, match=word):
            import_checkpoint(source()._replace(**changes), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_statistics_must_be_known_for_the_data_set(source, tiny_states, tmp_path):
    given = source(tiny_states(ADE20K_150.num_classes))._replace(dataset="ade20k")
    with pytest.raises(InputError, match="mmseg publishes no tiny for ade20k; known: cityscapes"):
        import_checkpoint(given, tmp_path / "out")


@pytest.mark.slow
def test_the_command_imports_a_real_checkpoint(tmp_path, capfd):
    """CoinCheung's BiSeNetV2, tensor by tensor as it is published."""
    torch.save(state_of(read_golden("coincheung_bisenetv2")["shapes"]), tmp_path / "model_final_v2_city.pth")
    command = ["weights", "import", tmp_path / "model_final_v2_city.pth", "--from", "coincheung"]
    command += ["--architecture", "bisenetv2", "--output", tmp_path / "model", "--size", "96x64"]
    command += ["--name", "mine", "--json", tmp_path / "result.json", "--images", tmp_path / "photographs"]
    (tmp_path / "photographs").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "photographs" / "one.png"), noise)
    assert main([str(argument) for argument in command]) == 0
    result, card = json.loads((tmp_path / "result.json").read_text()), ModelCard.load(tmp_path / "model")
    assert result["max_difference"] < 1e-3 and result["input"] == "96x64"
    assert result["stored_weights"] == card.metrics["stored_weights"]
    assert result["stored_weights"]["judged_on"].startswith("1 of 1 images")
    assert result["upsampling"] == "half_pixel"
    assert card.name == "mine" and card.mean == (0.3257, 0.3690, 0.3223)
    assert "Cityscapes-19" in capfd.readouterr().out


def test_the_command_refuses_in_one_line(tmp_path, capfd):
    (tmp_path / "text.pth").write_text("hello")
    common = ["weights", "import", str(tmp_path / "text.pth"), "--output", str(tmp_path / "out")]
    for options, word in (
        (["--from", "mmseg", "--architecture", "bisenetv2"], "is not a checkpoint"),
        (["--from", "mmseg", "--architecture", "bisenetv2", "--size", "big"], "WIDTHxHEIGHT"),
        (["--from", "mmseg"], "--architecture"),
    ):
        assert main([*common, *options]) == 2
        (line,) = capfd.readouterr().err.splitlines()
        assert word in line
    assert not (tmp_path / "out").exists()
