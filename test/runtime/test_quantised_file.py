"""model.int8.onnx: its entry in the card, when it is refused, and where a CPU runs it."""

import json
import logging
import shutil

import numpy as np
import pytest
from tiny_onnx import tiny_onnx

from bisenet_core.errors import InputError
from bisenet_core.runtime import quantised_file
from bisenet_core.runtime.model_card import ModelCard, file_sha256
from bisenet_core.runtime.opening import open_backend
from bisenet_core.runtime.quantised_file import QuantisedFile, cpu_computes_int8, with_int8

CHEAP = {"miou": 0.5710, "miou_fp32": 0.5737, "differing_pixels": 0.02, "measured_on": "camvid test"}
DEAR = dict(CHEAP, miou=0.5660)
FLAGS = "processor\t: 0\nflags\t\t: fpu avx2 {}\n"


@pytest.fixture
def folder(tmp_path, tiny_model_folder):
    """The tiny model, and for its INT8 a network of other weights, so that it shows which one runs."""
    folder = tmp_path / "net"
    shutil.copytree(str(tiny_model_folder), str(folder))
    (folder / "model.int8.onnx").write_bytes(tiny_onnx(seed=1))
    return folder


@pytest.fixture
def write_card(folder):
    """``write_card(cost, **changes)``: the card of ``folder`` with an entry for its INT8."""
    def write(cost=CHEAP, **changes):
        content = json.loads((folder / "model.json").read_text())
        entry = {"sha256": file_sha256(folder / "model.int8.onnx"), "onnx_sha256": content["onnx_sha256"],
                 "calibration": {}, "cost": cost}
        content["int8"] = dict(entry, **changes)
        (folder / "model.json").write_text(json.dumps(content))
        return ModelCard.load(folder)
    return write


@pytest.fixture
def cpu(monkeypatch, tmp_path):
    """``cpu(flag)``: this CPU has the instructions ``flag`` beside older ones."""
    def imitate(flag):
        path = tmp_path / "cpuinfo"
        path.write_text(FLAGS.format(flag))
        monkeypatch.setattr(quantised_file, "CPU_INFO", path)
    return imitate


def test_a_card_keeps_its_entry(write_card, folder, tmp_path):
    card = write_card(CHEAP)
    assert card.int8 is not None and card.int8.cost == CHEAP
    assert ModelCard.load(card.save(folder).onnx_path.parent) == card
    assert card.network_file("int8") == folder / "model.int8.onnx"
    assert card.network_file("bf16") == card.onnx_path and card.network_sha256("fp32") == card.onnx_sha256


@pytest.mark.parametrize("changes, message", [
    ({"sha256": "abc"}, "int8: sha256 must be 64"), ({"onnx_sha256": None}, "int8: sha256 must be 64"),
    ({"calibration": 3}, "calibration and cost must be JSON objects"),
    ({"cost": {}}, "cost: differing_pixels is None; expected a number"),
    ({"cost": {"miou": 0.5}}, "cost: miou_fp32 is None"),
    ({"cost": {"miou": float("nan"), "miou_fp32": 0.5}}, "NaN is no number that JSON has"),
    ({"surprise": 1}, "unknown key 'surprise' in int8")])
def test_an_entry_that_is_wrong_is_refused_in_one_line(write_card, folder, changes, message):
    with pytest.raises(InputError) as caught:
        write_card(**changes)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_is_gone_or_changed_or_of_another_network_is_refused_for_int8_alone(write_card, folder):
    pytest.importorskip("openvino")
    card = write_card(CHEAP, onnx_sha256="0" * 64)
    with pytest.raises(InputError, match="was made of another model.onnx; `bisenet quantize` makes it anew"):
        card.read_onnx("int8")
    card = write_card(CHEAP)
    for damage, message in ((lambda path: path.write_bytes(b"x"), "is damaged, or not the file"),
                            (lambda path: path.unlink(), "cannot be read: No such")):
        damage(folder / "model.int8.onnx")
        with pytest.raises(InputError, match=message):
            card.read_onnx("int8")
    assert open_backend(ModelCard.load(folder), "openvino", "fp32").precision == "fp32"


@pytest.mark.parametrize("flag, found", [
    ("", False), ("avx512bw", False), ("avx512_vnni", True), ("avx_vnni", True), ("amx_int8", True)])
def test_what_computes_int8(cpu, flag, found):
    cpu(flag)
    assert cpu_computes_int8() == found


def test_a_cpu_that_says_nothing_of_itself(monkeypatch, tmp_path):
    monkeypatch.setattr(quantised_file, "CPU_INFO", tmp_path / "absent")
    assert not cpu_computes_int8()


def test_auto_takes_int8_where_it_costs_little(cpu):
    cpu("avx512_vnni")
    floats = ["bf16", "fp32"]
    hashes = "0" * 64, "1" * 64, {}
    for cost, first in ((CHEAP, True), (DEAR, False), ({"differing_pixels": 0.0099}, True),
                        ({"differing_pixels": 0.0101}, False)):
        found = with_int8(QuantisedFile(*hashes, cost=cost), floats)
        assert found == (["int8"] + floats if first else floats + ["int8"])
    assert with_int8(None, floats) == floats
    cpu("avx2")
    assert with_int8(QuantisedFile(*hashes, cost=CHEAP), floats) == floats


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_int8_runs_the_quantised_file(write_card, cpu, folder, tmp_path, write_model_folder, backend):
    pytest.importorskip(backend)
    cpu("avx512_vnni")
    card = write_card(CHEAP)
    other = ModelCard.load(write_model_folder(tmp_path / "other", tiny_onnx(seed=1)))
    image = np.random.RandomState(0).randint(0, 256, (64, 96, 3)).astype(np.uint8)
    one = open_backend(card, backend, "int8")
    assert one.precision == "int8"
    expected = open_backend(other, backend, "fp32").logits(image, "rgb")
    np.testing.assert_allclose(one.logits(image, "rgb"), expected, atol=1e-4)


def test_what_auto_chose_and_why_is_said(write_card, cpu, caplog):
    pytest.importorskip("openvino")
    cpu("avx512_vnni")
    with caplog.at_level(logging.INFO, "bisenet_core"):
        chosen = open_backend(write_card(CHEAP), "openvino")
    assert chosen.precision == "int8"
    assert chosen.reason == "asked for by name; int8 changes mIoU by -0.27 points (camvid test)"
    assert chosen.reason in caplog.messages[0] and ", int8, input 96x64" in caplog.messages[0]
    dear = open_backend(write_card(DEAR), "openvino")
    assert dear.precision != "int8" and "not int8: int8 changes mIoU by -0.77 points" in dear.reason
    assert open_backend(write_card(DEAR), "openvino", "int8").precision == "int8"
    cpu("")
    assert "not int8: this CPU has no instructions" in open_backend(write_card(CHEAP), "openvino").reason
    assert open_backend(write_card(CHEAP), "openvino", "fp32").reason == "asked for by name"


def test_int8_that_cannot_be_had_is_refused_with_the_reason(write_card, cpu, tiny_model_folder):
    pytest.importorskip("openvino")
    pytest.importorskip("onnxruntime")
    plain = ModelCard.load(tiny_model_folder)
    for backend in ("openvino", "onnxruntime"):
        with pytest.raises(InputError, match="as the model has no model.int8.onnx .*; use auto or"):
            open_backend(plain, backend, "int8")
    cpu("")
    with pytest.raises(InputError, match=r"as this CPU has no instructions for it \(VNNI, AMX\); use auto"):
        open_backend(write_card(CHEAP), "openvino", "int8")
    assert open_backend(write_card(CHEAP), "onnxruntime", "int8").precision == "int8"
    auto = open_backend(write_card(CHEAP), "onnxruntime")
    assert auto.precision == "fp32" and "not int8: onnxruntime gains by it" in auto.reason
