"""The real node and the real TensorRTBackend over DDS, on fakes of TensorRT and pycuda that compute.

What a GPU computes is compared in test/runtime; here, that the node chooses it, draws with it, frees it and
survives it.
"""

import shutil

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")
pytest.importorskip("openvino", reason="the CPU that takes over")

from node_harness import ROOT
from test_segmentation_node import _labels, _message, _picture, _send_and_hear

from bisenet_core.images.encodings import to_rgb
from bisenet_core.labels.label_space import CAMVID_11
from bisenet_core.labels.visualization import overlay
from bisenet_core.runtime import candidates, tensorrt_backend
from bisenet_core.runtime.segmenter import Segmenter
from bisenet_ros.findings import WARN

pytestmark = pytest.mark.skipif(not shutil.which("g++"), reason="g++ compiles the kernels for the host")

FAKES = [str(ROOT / "test" / "runtime"), str(ROOT / "test" / "runtime" / "cuda")]


@pytest.fixture(scope="module")
def fakes():
    """The folders of the fakes, on the path."""
    with pytest.MonkeyPatch.context() as patch:
        for folder in FAKES:
            patch.syspath_prepend(folder)
        yield


@pytest.fixture(scope="module")
def model(fakes, tmp_path_factory, write_model_folder):
    """A model that the fake TensorRT can run."""
    from tiny_onnx import tiny_onnx

    return write_model_folder(tmp_path_factory.mktemp("gpu_models") / "tiny", tiny_onnx())


@pytest.fixture(scope="module")
def kernels(fakes, tmp_path_factory):
    """The kernels, compiled for the host."""
    from host_kernels import HostModule, host_library

    return HostModule(host_library(tmp_path_factory.mktemp("kernels")))


@pytest.fixture(scope="module")
def cpu(model):
    with Segmenter.open(str(model), backend="openvino", precision="fp32") as one:
        yield one


@pytest.fixture
def start(run_node, model, kernels, tmp_path, monkeypatch):
    """``start(version, **parameters)``: a node that finds this TensorRT on a fake GPU, and the GPU's driver.

    A white image breaks the GPU.
    """
    import fake_pycuda
    import fake_tensorrt

    driver = fake_pycuda.install(monkeypatch, fake_pycuda.FakeDriver())
    driver.kernels = kernels
    monkeypatch.setattr(tensorrt_backend, "compile_kernels", lambda capability, folder: b"cubin")
    monkeypatch.setattr(candidates, "check_driver", lambda: None)
    infer = tensorrt_backend.TensorRTBackend.infer

    def fragile(self, image, *arguments):
        if image.min() >= 250:
            driver.failures["launch"] = fake_pycuda.LaunchError("cuLaunchKernel failed: GPU is lost")
        return infer(self, image, *arguments)

    monkeypatch.setattr(tensorrt_backend.TensorRTBackend, "infer", fragile)

    def start_it(version="10.3", **parameters):
        fake_tensorrt.install(monkeypatch, fake_tensorrt.make_tensorrt(version, driver))
        return run_node(model=model, engine_cache=tmp_path / "engines", **parameters), driver
    return start_it


def _agree(labels, expected):
    assert labels.shape == expected.shape
    assert (labels == expected).mean() > 0.999  # other libraries add in another order


def test_a_camera_in_yuv_is_labelled_and_drawn_on_the_gpu(start, observer, cpu, tmp_path):
    node, driver = start(masks="[Road]")
    heard = {name: observer.listen("/segmentation/" + name) for name in ("labels", "masks/Road", "overlay")}
    camera, image = observer.camera(), _picture(1, channels=2)
    message = _message(image, "yuv422_yuy2", padding=6, second=1)
    _send_and_hear(observer, camera, heard["overlay"], message)
    found = {name: _labels(_send_and_hear(observer, camera, messages, message))
             for name, messages in heard.items()}
    _agree(found["labels"], cpu.segment(image, "yuyv").labels)
    np.testing.assert_array_equal(found["masks/Road"], 255 * (found["labels"] == CAMVID_11.id_of("Road")))
    expected = overlay(to_rgb(image, "yuyv"), found["labels"], CAMVID_11, 0.5)
    assert np.abs(found["overlay"].astype(int) - expected).max() <= 1
    facts = observer.status().facts
    assert (facts["backend"], facts["precision"], facts["device"]) == ("tensorrt", "fp32", "NVIDIA Fake")
    assert facts["backend_reason"] == "auto: the first choice"
    node.__exit__()
    assert (len(driver.live), driver.retained) == (0, 0)
    assert list((tmp_path / "engines").iterdir())


@pytest.mark.parametrize("version", ["8.2", "10.3"])
def test_a_gpu_that_is_lost_is_freed_and_the_cpu_goes_on(start, observer, cpu, version):
    node, driver = start(version, fallback="cpu")
    heard, camera = observer.listen("/segmentation/labels"), observer.camera()
    for second, image in enumerate((_picture(1), np.full((50, 70, 3), 255, np.uint8), _picture(2))):
        answer = _send_and_hear(observer, camera, heard, _message(image, second=second))
        _agree(_labels(answer), cpu.segment(image, "rgb").labels)
    status = observer.status(lambda one: one.level == WARN and "GPU failed" in one.message, "the warning")
    assert "GPU is lost; running on the CPU" in status.message
    assert (status.facts["backend"], status.facts["failed"]) == ("openvino", "0")
    node.__exit__()
    assert (len(driver.live), driver.retained) == (0, 0)
