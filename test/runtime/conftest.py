"""A GPU for the tests: fake pycuda and TensorRT of each generation, importable under their own names."""

import fake_pycuda
import fake_tensorrt
import pytest
from tiny_onnx import tiny_onnx


@pytest.fixture
def fake_driver(monkeypatch):
    """A fake ``pycuda.driver`` with one GPU, until the test ends."""
    return fake_pycuda.install(monkeypatch, fake_pycuda.FakeDriver())


@pytest.fixture(params=sorted(fake_tensorrt.VERSIONS))
def fake_trt(request, monkeypatch, fake_driver):
    """A fake ``tensorrt`` on that GPU, each generation in turn."""
    return fake_tensorrt.install(monkeypatch, fake_tensorrt.make_tensorrt(request.param, fake_driver))


@pytest.fixture(scope="session")
def gpu_model_folder(tmp_path_factory, write_model_folder):
    """A model folder with random weights, CamVid-11 classes, 96x64; made without the onnx package."""
    return write_model_folder(tmp_path_factory.mktemp("gpu_models") / "tiny", tiny_onnx())
