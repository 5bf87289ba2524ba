"""ONNX Runtime on CUDA, with a session that says it runs there and is the CPU's."""

import numpy as np
import pytest

from bisenet_core.errors import BackendUnavailable, DeviceError, InputError
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.onnxruntime_backend import OnnxRuntimeBackend
from bisenet_core.runtime.opening import open_backend

onnxruntime = pytest.importorskip("onnxruntime")


class CudaSession:
    """Like onnxruntime's: options it does not know, or a CUDA that does not work, leave the CPU alone."""

    real, refused, fails = onnxruntime.InferenceSession, (), False

    def __init__(self, path, options, providers):
        name, self.options = providers[0] if len(providers) > 1 else (None, {})
        self.providers = ["CPUExecutionProvider"]
        if name and name not in self.refused and not set(self.options) & set(self.refused):
            self.providers.insert(0, name)
        self.session = self.real(path, options, providers=["CPUExecutionProvider"])
        self.get_inputs = self.session.get_inputs

    def get_providers(self):
        return self.providers

    def run(self, names, feeds):
        if self.fails and len(self.providers) > 1:
            raise RuntimeError("CUDA failure 2: out of memory\nsecond line")
        return self.session.run(names, feeds)


@pytest.fixture
def session(monkeypatch, fake_driver):
    fake = type("CudaSession", (CudaSession,), {})
    monkeypatch.setattr(onnxruntime, "InferenceSession", fake)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    return fake


@pytest.fixture(scope="module")
def card(gpu_model_folder):
    return ModelCard.load(gpu_model_folder)


def image():
    return np.random.RandomState(0).randint(0, 256, (70, 130, 3)).astype(np.uint8)


def test_it_says_where_it_runs_and_gives_the_cpus_labels(card, monkeypatch, session):
    opened = OnnxRuntimeBackend(card, "auto", (96, 64), device="gpu")
    assert (opened.name, opened.device, opened.precision) == ("onnxruntime", "NVIDIA Fake (CUDA)", "fp32")
    assert opened._session.options == {"use_tf32": "0"}
    found = opened.infer(image(), "rgb", True)
    monkeypatch.undo()
    expected = open_backend(card, "onnxruntime", "fp32", (96, 64)).infer(image(), "rgb", True)
    assert (found.labels == expected.labels).all() and (found.confidence == expected.confidence).all()


def test_an_older_version_runs_without_the_option_it_does_not_know(card, session):
    session.refused = ("use_tf32",)
    assert OnnxRuntimeBackend(card, "fp32", (96, 64), device="gpu")._session.options == {}


def test_cuda_libraries_of_pip_s_packages_are_loaded_before_a_session(card, session, monkeypatch):
    calls = []
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: calls.append("preload"), raising=False)
    monkeypatch.setattr(session, "get_providers", lambda self: calls.append("session") or self.providers)
    OnnxRuntimeBackend(card, "fp32", (96, 64), device="gpu")
    assert calls == ["preload", "session"]
    monkeypatch.delattr(onnxruntime, "preload_dlls")  # versions before 1.21
    assert OnnxRuntimeBackend(card, "fp32", (96, 64), device="gpu").on_gpu


def test_a_cuda_that_does_not_work(card, session):
    session.refused = ("CUDAExecutionProvider",)
    with pytest.raises(BackendUnavailable, match="onnxruntime cannot use NVIDIA Fake"):
        OnnxRuntimeBackend(card, "auto", (96, 64), device="gpu")


def test_no_gpu_and_no_cuda_build(card, session, fake_driver, monkeypatch):
    fake_driver._gpu = ("none", (0, 0), 0)
    with pytest.raises(BackendUnavailable, match="the NVIDIA driver finds no usable GPU"):
        OnnxRuntimeBackend(card, "auto", (96, 64), device="gpu")
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(BackendUnavailable, match="built for the CPU alone: pip uninstall onnxruntime, then"):
        OnnxRuntimeBackend(card, "auto", (96, 64), device="gpu")


def test_a_device_that_fails(card, session):
    opened = OnnxRuntimeBackend(card, "auto", (96, 64), device="gpu")
    session.fails = True
    with pytest.raises(DeviceError, match=r"^NVIDIA Fake \(CUDA\): CUDA failure 2: out of memory$"):
        opened.infer(image(), "rgb")
    with pytest.raises(DeviceError, match="out of memory"):
        OnnxRuntimeBackend(card, "auto", (96, 64), device="gpu")


def test_fp16_is_a_network_that_is_fp16(tmp_path, card, session, write_model_folder):
    onnx = pytest.importorskip("onnx")
    from onnx import numpy_helper

    network = onnx.load(str(card.onnx_path))
    for tensor in network.graph.initializer:
        values = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    for value in (network.graph.input[0], network.graph.output[0]):
        value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
    half = ModelCard.load(write_model_folder(tmp_path / "half", network.SerializeToString()))
    opened = OnnxRuntimeBackend(half, "fp16", (96, 64), device="gpu")
    assert opened.precision == "fp16" and opened.logits(image(), "rgb").dtype == np.float32
    difference = opened.logits(image(), "rgb") - OnnxRuntimeBackend(
        card, "fp32", (96, 64), device="gpu").logits(image(), "rgb")
    # FP16 rounds each input, weight and layer's result by 2 ** -12: logits near 3 by some 0.01
    assert 0 < np.abs(difference).max() < 0.05
    with pytest.raises(InputError, match="'fp16' is not available with onnxruntime on CUDA"):
        OnnxRuntimeBackend(card, "fp16", (96, 64), device="gpu")
