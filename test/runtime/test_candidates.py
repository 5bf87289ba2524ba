"""What auto tries, in which order, what it says of it, and when it gives up."""

import ctypes
import logging
import sys

import pytest
import stand_in_gpu

from bisenet_core.errors import BackendUnavailable, DeviceError, InputError
from bisenet_core.runtime import candidates
from bisenet_core.runtime.candidates import CANDIDATES, Absent, candidates_for, explain, open_first
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.opening import open_backend

TENSORRT, CUDA, OPENVINO, ONNXRUNTIME = CANDIDATES
NO_DRIVER = Absent("no NVIDIA driver", "there is no NVIDIA driver here")


def _opening(outcomes):
    """An ``open_one`` that raises what ``outcomes`` has for a candidate, and gives it back otherwise."""
    def open_one(candidate):
        if candidate in outcomes:
            raise outcomes[candidate]
        return candidate
    return open_one


@pytest.mark.parametrize("backend, precision, expected", [
    ("auto", "auto", [TENSORRT, CUDA, OPENVINO, ONNXRUNTIME]),
    ("auto", "fp32", [TENSORRT, CUDA, OPENVINO, ONNXRUNTIME]),
    ("auto", "bf16", [OPENVINO]), ("auto", "fp16", [TENSORRT, CUDA]),
    ("auto", "int8", [TENSORRT, OPENVINO, ONNXRUNTIME]),
    ("onnxruntime", "auto", [CUDA, ONNXRUNTIME]), ("openvino", "int3", [OPENVINO]),
])
def test_the_order_of_preference(backend, precision, expected):
    assert candidates_for(backend, precision) == expected


def test_a_precision_that_none_has_is_refused():
    with pytest.raises(InputError, match="'fp8' is not available with any backend; use one of auto, bf16"):
        candidates_for("auto", "fp8")


@pytest.mark.parametrize("outcomes, chosen, reasons, odd", [
    ({}, TENSORRT, "", False),
    ({TENSORRT: NO_DRIVER, CUDA: NO_DRIVER}, OPENVINO, "no NVIDIA driver", False),
    ({TENSORRT: Absent("tensorrt is not installed", "x")}, CUDA, "tensorrt is not installed", False),
    ({TENSORRT: InputError("no plugin for it")}, CUDA, "tensorrt on a GPU: no plugin for it", True),
    ({TENSORRT: DeviceError("out of memory"), CUDA: BackendUnavailable("has no CUDA provider")}, OPENVINO,
     "tensorrt on a GPU: out of memory; onnxruntime on a GPU: has no CUDA provider", True),
    ({TENSORRT: NO_DRIVER, CUDA: NO_DRIVER, OPENVINO: BackendUnavailable("libtbb is missing")}, ONNXRUNTIME,
     "no NVIDIA driver; openvino: libtbb is missing", True),
])
def test_the_first_that_opens_wins(outcomes, chosen, reasons, odd):
    opened, candidate, passed = open_first(CANDIDATES, _opening(outcomes))
    assert opened == candidate == chosen
    assert (explain(passed), any(one.is_odd for one in passed)) == (reasons, odd)


def test_a_model_that_a_cpu_refuses_is_refused():
    outcomes = {TENSORRT: NO_DRIVER, CUDA: NO_DRIVER, OPENVINO: InputError("not a network")}
    with pytest.raises(InputError, match="not a network"):
        open_first(CANDIDATES, _opening(outcomes))


def test_where_nothing_opens_every_reason_is_given():
    gone = {one: Absent(f"{one} is gone", "x") for one in CANDIDATES}
    with pytest.raises(BackendUnavailable, match="had here: tensorrt on a GPU is gone; onnx.*; openvino is"):
        open_first(CANDIDATES, _opening(gone))
    with pytest.raises(DeviceError, match="lost"):
        open_first([TENSORRT], _opening({TENSORRT: DeviceError("lost")}))


def test_without_a_driver_no_gpu_library_is_imported(monkeypatch):
    def no_driver(name):
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", no_driver)
    with pytest.raises(Absent, match="there is no NVIDIA driver here: libcuda.so.1: cannot open") as caught:
        candidates.check_driver()
    assert caught.value.brief == "no NVIDIA driver (libcuda.so.1)"


@pytest.fixture
def gpu(monkeypatch):
    """TensorRT that seems to work; a CPU's library is needed for it."""
    pytest.importorskip("openvino", reason="a backend is needed")
    stand_in_gpu.install(monkeypatch.setattr, monkeypatch.setitem)


@pytest.fixture
def card(tiny_model_folder):
    return ModelCard.load(tiny_model_folder)


def test_a_gpu_is_preferred_and_the_reason_is_kept(gpu, card, caplog):
    with caplog.at_level(logging.INFO, "bisenet_core"):
        opened = open_backend(card, engine_cache="/somewhere")
    assert (opened.name, opened.reason, opened.failure) == ("tensorrt", "auto: the first choice", "")
    assert opened.engine_cache == "/somewhere"
    assert [one.getMessage() for one in caplog.records] == [
        "tiny runs on tensorrt 0.0, Stand-in GPU, fp16, input 96x64 (auto: the first choice)"]
    assert open_backend(card, "tensorrt").reason == "asked for by name"


def test_a_gpu_that_does_not_work_is_passed_over_with_one_warning(gpu, card, monkeypatch, caplog):
    def fail(*arguments, **options):
        raise BackendUnavailable("the driver is older than the library")

    monkeypatch.setattr(stand_in_gpu, "StandInGpu", fail)
    with caplog.at_level(logging.INFO, "bisenet_core"):
        opened = open_backend(card, precision="fp32")
    assert opened.name != "tensorrt"
    assert "auto; tensorrt on a GPU: the driver is older than the library" in opened.reason
    record, = caplog.records
    assert record.levelno == logging.WARNING and opened.reason in record.getMessage()
    with pytest.raises(BackendUnavailable, match="older than the library"):
        open_backend(card, "tensorrt")


def test_what_is_merely_not_there_is_no_warning(card, monkeypatch, caplog):
    pytest.importorskip("openvino")

    def no_driver():
        raise NO_DRIVER

    monkeypatch.setattr(candidates, "check_driver", no_driver)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # would be imported only to be passed over
    with caplog.at_level(logging.INFO, "bisenet_core"):
        opened = open_backend(card, precision="fp32")
    assert opened.name == "openvino" and opened.reason == "auto; no NVIDIA driver"
    assert [one.levelno for one in caplog.records] == [logging.INFO]


@pytest.mark.parametrize("module, message", [
    (None, "backend 'tensorrt' needs its library: pip install 'bisenet_ros\\[gpu-cu12\\]', or"),
    ("broken", "backend 'tensorrt' needs its library: .*libnvinfer")])
def test_a_library_that_does_not_load_is_named(gpu, card, monkeypatch, tmp_path, module, message):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    if module:
        (tmp_path / "tensorrt.py").write_text("raise ImportError('libnvinfer.so.10: no such file')")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "tensorrt")
    with pytest.raises(BackendUnavailable, match=message) as caught:
        open_backend(card, "tensorrt")
    assert isinstance(caught.value, Absent) == (module is None)


def test_fallback_is_none_or_cpu(card):
    with pytest.raises(InputError, match="fallback is 'gpu'; expected one of none, cpu"):
        open_backend(card, fallback="gpu")
