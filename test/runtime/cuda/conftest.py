import pytest
from host_kernels import HostModule, host_library


@pytest.fixture(scope="session")
def host_kernels(tmp_path_factory):
    """The kernels, compiled for the host: a ctypes library."""
    return host_library(tmp_path_factory.mktemp("kernels"))


@pytest.fixture(scope="session")
def host_module(host_kernels):
    """The same as a module that FrameKernels takes."""
    return HostModule(host_kernels)
