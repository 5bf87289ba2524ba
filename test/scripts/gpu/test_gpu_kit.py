"""The kit of gpu-check, and PyTorch's way through a frame, as far as both go without a GPU."""

import json

import numpy as np
import pytest

pytest.importorskip("lightning_fabric", reason="the kit needs PyTorch")
import torch
from fake_torch_cuda import fake_torch_cuda
from gpu import make_kit, torch_cuda_graph
from gpu.kit import Subject, subjects_of
from gpu.make_kit import add_model, add_network
from gpu.section import DONE, FAILED, NOT_RUN, Settings, Step, run_section
from gpu.torch_cuda_graph import TorchFrame, host_to_host, load_network

from bisenet_core.models import create_model
from bisenet_core.models.registry import is_segmentation, list_models
from bisenet_core.runtime.model_card import resolve_model

pytestmark = pytest.mark.slow

SIZE, CAMERA = (128, 64), (256, 128)


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kit")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make_kit, "REFERENCE_CAMERA", CAMERA)
        patch.setattr(make_kit, "REFERENCE_FRAMES", 2)
        add_network("bisenetv2", SIZE, folder)
    return folder


@pytest.fixture(scope="module")
def subject(kit):
    return Subject(kit / "bisenetv2")


def test_a_kit_holds_the_networks_and_what_they_should_say(kit, subject):
    assert subjects_of(kit) == ["bisenetv2"]
    assert (subject.card.input_width, subject.card.input_height) == SIZE
    for image, labels in subject.references():
        assert image.shape == (128, 256, 3) and labels.shape == (128, 256)
        assert len(np.unique(labels)) >= 4  # it sees something


def test_what_is_in_a_kit_is_kept(kit, subject):
    before = subject.weights.stat().st_mtime_ns
    add_network("bisenetv2", SIZE, kit)
    assert subject.weights.stat().st_mtime_ns == before


# FP32 decides near ties, and pixels that the resize rounds to another 8-bit value; FP16 more of the ties
@pytest.mark.parametrize("dtype, needed", [(torch.float32, 0.99), (torch.float16, 0.97)])
def test_pytorch_s_way_gives_the_labels_of_the_reference(subject, dtype, needed):
    frame = TorchFrame(load_network(subject, dtype), subject.card, CAMERA, dtype)
    for image, labels in subject.references():
        found = frame(torch.from_numpy(image)).numpy()
        assert found.dtype == np.uint8 and found.shape == labels.shape
        assert np.mean(found == labels) > needed


def test_a_trained_model_folder_comes_along_without_weights_and_pytorch_times_fresh_ones(tmp_path):
    subject = Subject(add_model(resolve_model("camvid_bisenetv2"), (64, 32), tmp_path))
    assert subject.card.input_height == 32 and not subject.weights.exists()
    logits = load_network(subject, torch.float32)(torch.zeros(1, 3, 32, 64))
    assert logits.shape == (1, 11, 4, 8)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_pytorch_without_a_gpu_says_so(kit, tmp_path):
    settings = Settings(kit=kit, work=tmp_path, subjects=("bisenetv2",))
    record = run_section(Step("pytorch", "bisenetv2", "fp16"), settings)
    assert record == {"status": NOT_RUN, "reason": f"PyTorch {torch.__version__} finds no CUDA GPU here"}


@pytest.fixture
def torch_gpu(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)  # set back behind the section
    monkeypatch.setattr(torch_cuda_graph, "_WARM_UP", 1)  # a CPU is slow in FP16
    with fake_torch_cuda(monkeypatch) as gpu:
        yield gpu


@pytest.fixture
def settings(kit, tmp_path):
    cameras = ((130, 70),)
    return Settings(kit=kit, work=tmp_path, subjects=("bisenetv2",), cameras=cameras, frames=1, warm_up=0)


def test_pytorch_s_section_on_a_gpu_that_is_a_cpu(torch_gpu, settings):
    record = run_section(Step("pytorch", "bisenetv2", "fp16"), settings)
    assert record["status"] == DONE, record
    found = json.loads(json.dumps(record["measured"]))  # as the report keeps it
    assert found["device"] == "NVIDIA Fake" and found["version"] == torch.__version__
    assert set(found["network_ms"]) == set(found["130x70"]["wall_ms"]) == {"p50", "p99"}
    assert found["equal_labels"] > 0.97
    assert not any(graph() for graph in torch_gpu.graphs), "a graph and its memory outlive the section"


@pytest.mark.parametrize("call, error, reason", [
    ("cuda", torch.cuda.OutOfMemoryError("CUDA out of memory. Tried"), "CUDA out of memory"),
    ("pin_memory", RuntimeError("CUDA error: OS call failed"), "OS call failed"),
    ("graph", RuntimeError("CUDA error: operation not permitted\nwhen stream is capturing"),
     "CUDA error: operation not permitted when stream is capturing"),
    ("replay", torch.AcceleratorError("CUDA error: no kernel image is available"), "no kernel image"),
    ("synchronize", torch.AcceleratorError("CUDA error: an illegal memory access"), "illegal memory access"),
])  # fmt: skip
def test_what_fails_on_the_gpu_is_one_line(torch_gpu, settings, monkeypatch, call, error, reason):
    network = torch.nn.Conv2d(3, 19, 8, 8).half()
    monkeypatch.setattr(torch_cuda_graph, "load_network", lambda subject, dtype: network)
    torch_gpu.failures[call] = error
    record = run_section(Step("pytorch", "bisenetv2", "fp16"), settings)
    assert record["status"] == FAILED and reason in record["reason"] and "\n" not in record["reason"]


def test_a_graph_keeps_alive_what_it_reads(torch_gpu, subject):
    frame = TorchFrame(load_network(subject, torch.float32), subject.card, CAMERA, torch.float32)
    image, labels = next(subject.references())
    segment = host_to_host(frame, CAMERA)
    del frame
    assert np.mean(segment(image) == labels) > 0.99 and (segment(image) == segment(image)).all()
    assert np.mean(segment(image[::-1]) == labels[::-1]) < 0.99  # it is the new image that it labels


@pytest.mark.parametrize("name", list(filter(is_segmentation, list_models())))
def test_nothing_of_a_frame_leaves_the_gpu(subject, name):
    """A capture forbids operations between devices and waits for a value; device "meta" refuses both."""
    with torch.device("meta"):
        network = create_model(name, 19).without_auxiliary().eval().half()
        frame = TorchFrame(network, subject.card, CAMERA, torch.float16)
        image = torch.empty(CAMERA[1], CAMERA[0], 3, dtype=torch.uint8)
    with torch.inference_mode():
        labels = frame(image)
    assert (labels.device.type, labels.dtype, labels.shape) == ("meta", torch.uint8, CAMERA[::-1])
