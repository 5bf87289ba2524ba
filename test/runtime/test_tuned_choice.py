"""What `bisenet tune` keeps: what "auto" does with it, and when it is not used."""

import json
import logging
import os

import numpy as np
import pytest
import stand_in_gpu
from tiny_onnx import tiny_onnx

from bisenet_core.errors import DeviceError, InputError
from bisenet_core.runtime import quantised_file, tuned_choice
from bisenet_core.runtime.model_card import ModelCard, file_sha256
from bisenet_core.runtime.opening import open_backend
from bisenet_core.runtime.tuned_choice import TunedChoice, store_choice, stored_choice

SIZE = (96, 64)
CHEAP, DEAR = {"differing_pixels": 0.001}, {"differing_pixels": 0.5}
FP32 = TunedChoice("onnxruntime", "fp32", "1.2 ms, the fastest of 3")


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """The user's cache, and a CPU with VNNI."""
    (tmp_path / "cpuinfo").write_text("model name\t: A CPU\nflags\t\t: avx512_vnni\n")
    monkeypatch.setattr(quantised_file, "CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "bisenet" / "tuned"


@pytest.fixture
def card(tmp_path, write_model_folder):
    """The tiny model with an INT8 that costs little."""
    folder = write_model_folder(tmp_path / "net")
    (folder / "model.int8.onnx").write_bytes(tiny_onnx(seed=1))
    content = json.loads((folder / "model.json").read_text())
    content["int8"] = {"sha256": file_sha256(folder / "model.int8.onnx"), "calibration": {}, "cost": CHEAP,
                       "onnx_sha256": content["onnx_sha256"]}
    (folder / "model.json").write_text(json.dumps(content))
    return ModelCard.load(folder)


def with_cost(card, cost):
    content = json.loads((card.folder / "model.json").read_text())
    content["int8"]["cost"] = cost
    (card.folder / "model.json").write_text(json.dumps(content))
    return ModelCard.load(card.folder)


def test_auto_takes_it_and_says_so(card, cache, caplog):
    pytest.importorskip("onnxruntime")
    path = store_choice(card, SIZE, FP32)
    assert path.parent == cache and stored_choice(card, SIZE) == FP32
    with caplog.at_level(logging.INFO, "bisenet_core"):
        opened = open_backend(card)
    assert (opened.name, opened.precision) == FP32[:2]
    assert opened.reason == "tuned: 1.2 ms, the fastest of 3; no NVIDIA driver (libcuda.so.1)"
    record, = caplog.records
    assert record.levelno == logging.INFO and opened.reason in record.getMessage()


def test_what_is_asked_for_is_not_overruled(card):
    pytest.importorskip("openvino")
    store_choice(card, SIZE, FP32)
    for asked in ({"backend": "openvino"}, {"precision": "fp32"}):
        opened = open_backend(card, **asked)
        assert opened.name == "openvino" and "tuned" not in opened.reason


def test_int8_says_what_it_costs(card):
    pytest.importorskip("onnxruntime")
    store_choice(card, SIZE, TunedChoice("onnxruntime", "int8", "1 ms"))
    opened = open_backend(card)
    assert (opened.name, opened.precision) == ("onnxruntime", "int8")
    assert opened.reason.startswith("tuned: 1 ms; ") and "int8 changes 0.10% of the pixels" in opened.reason


def test_it_holds_for_its_cpu_processors_networks_and_size_alone(card, monkeypatch, tmp_path):
    store_choice(card, SIZE, FP32)
    assert stored_choice(card, (96, 96)) is None
    with monkeypatch.context() as patch:
        patch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)))
        assert stored_choice(card, SIZE) is None
    for changes in ("model name\t: Another\nflags\t: avx512_vnni\n", "model name\t: A CPU\nflags\t: avx2\n"):
        (tmp_path / "cpuinfo").write_text(changes)
        assert stored_choice(card, SIZE) is None
    monkeypatch.setattr(quantised_file, "CPU_INFO", tmp_path / "absent")
    assert stored_choice(card, SIZE) is None


@pytest.mark.parametrize("damage, reason", [
    (lambda content: "{", "Expecting property name"),
    (lambda content: "[" * 100000, "nested too deeply"),
    (lambda content: json.dumps(3), "it is of another CPU, model or input size"),
    (lambda content: json.dumps(dict(content, key=dict(content["key"], input=[1, 2]))), "is of another CPU"),
    (lambda content: json.dumps(dict(content, backend="tensorrt")), "tensorrt in fp32 is not for"),
    (lambda content: json.dumps(dict(content, backend=["openvino"])), "is not for"),
    (lambda content: json.dumps(dict(content, precision="bf16")), "onnxruntime in bf16 is not for"),
    (lambda content: json.dumps(dict(content, precision=None)), "onnxruntime in None is not for"),
])
def test_what_is_damaged_or_foreign_is_ignored_with_one_line(card, caplog, damage, reason):
    pytest.importorskip("openvino")
    path = store_choice(card, SIZE, FP32)
    path.write_text(damage(json.loads(path.read_text())))
    opened = open_backend(card)
    assert opened.precision == "int8" and "tuned" not in opened.reason
    record, = caplog.records  # of warnings
    assert f"{path} is ignored: " in record.getMessage() and reason in record.getMessage()
    assert "`bisenet tune` makes it anew" in record.getMessage()


def test_int8_that_costs_too_much_by_now_is_not_taken(card, caplog):
    pytest.importorskip("openvino")
    store_choice(card, SIZE, TunedChoice("openvino", "int8", "1 ms"))
    assert stored_choice(card, SIZE) is not None
    opened = open_backend(with_cost(card, DEAR))
    assert opened.precision != "int8" and "tuned" not in opened.reason
    record, = caplog.records
    assert 'openvino in int8 is not for "auto" to choose here' in record.getMessage()


def test_what_does_not_open_any_more_is_passed_over(card, monkeypatch, caplog):
    pytest.importorskip("openvino")
    pytest.importorskip("onnxruntime")
    from bisenet_core.runtime.onnxruntime_backend import OnnxRuntimeBackend

    def fail(*_):
        raise InputError("this release does not read it")

    store_choice(card, SIZE, FP32)
    monkeypatch.setattr(OnnxRuntimeBackend, "_open_session", fail)
    opened = open_backend(card)
    assert opened.name == "openvino" and "onnxruntime: this release does not read it" in opened.reason
    record, = caplog.records
    assert opened.reason in record.getMessage()


def test_a_gpu_comes_first_and_the_cpu_that_takes_over_is_tuned(card, monkeypatch):
    pytest.importorskip("onnxruntime")
    stand_in_gpu.install(monkeypatch.setattr, monkeypatch.setitem)
    store_choice(card, SIZE, FP32)
    opened = open_backend(card, fallback="cpu")
    assert opened.name == "tensorrt" and "tuned" not in opened.reason

    def fail(*_, **__):
        raise DeviceError("lost")

    monkeypatch.setattr(stand_in_gpu.StandInGpu, "logits", fail)
    opened.logits(np.zeros((64, 96, 3), np.uint8), "rgb")
    assert (opened.name, opened.precision) == FP32[:2]


def test_a_user_without_a_home_and_a_cache_that_cannot_be_written(card, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert stored_choice(card, SIZE) is None
    with pytest.raises(InputError, match="cannot be written.*set XDG_CACHE_HOME to another folder"):
        store_choice(card, SIZE, FP32)

    def homeless(name):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(tuned_choice, "user_cache", homeless)
    assert stored_choice(card, SIZE) is None
    with pytest.raises(InputError, match="no folder for what was measured: .*; set HOME or XDG_CACHE_HOME"):
        store_choice(card, SIZE, FP32)
