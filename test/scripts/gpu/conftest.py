"""A GPU for gpu-check's sections: the fakes that the GPU backend is tested on."""

import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[3]
sys.path += [str(_ROOT / folder) for folder in ("scripts", "test/runtime", "test/runtime/cuda")]

import fake_pycuda  # noqa: E402
import fake_tensorrt  # noqa: E402
from host_kernels import HostModule, host_library  # noqa: E402


@pytest.fixture(scope="session")
def kernels_on_host(tmp_path_factory):
    return HostModule(host_library(tmp_path_factory.mktemp("kernels")))


@pytest.fixture(params=["8.2", "8.5", "11.4"])
def gpu(request, monkeypatch, kernels_on_host, tmp_path):
    """The fake pycuda.driver, beside a fake TensorRT of each generation in turn."""
    from gpu import kernel_sections

    from bisenet_core.runtime import tensorrt_backend

    driver = fake_pycuda.install(monkeypatch, fake_pycuda.FakeDriver(kernels=kernels_on_host))
    sys.modules["pycuda"].VERSION_TEXT = "fake"
    fake_tensorrt.install(monkeypatch, fake_tensorrt.make_tensorrt(request.param, driver))
    for module in (kernel_sections, tensorrt_backend):
        monkeypatch.setattr(module, "compile_kernels", lambda capability, folder: b"cubin")
    monkeypatch.setattr(kernel_sections, "_BEYOND_CACHES", 100_000)  # the fake copies on the host
    monkeypatch.setattr("bisenet_core.runtime.candidates.DRIVER", "libc.so.6")  # there is no libcuda.so.1
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return driver
