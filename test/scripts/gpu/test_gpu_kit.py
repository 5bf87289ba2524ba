"""The kit of gpu-check, and PyTorch's way through a frame, as far as both go without a GPU."""

import numpy as np
import pytest

pytest.importorskip("lightning_fabric", reason="the kit needs PyTorch")
import torch
from gpu import make_kit
from gpu.kit import Subject, subjects_of
from gpu.make_kit import add_model, add_network
from gpu.section import NOT_RUN, Settings, Step, run_section
from gpu.torch_cuda_graph import TorchFrame, load_network

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
