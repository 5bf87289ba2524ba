"""Section pytorch: the fastest way in plain PyTorch, all of a frame in one CUDA graph."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from bisenet_core.deployment.stored_weights import deployable
from bisenet_core.errors import InputError
from bisenet_core.models import create_model
from bisenet_core.models.layers import SegmentationNetwork
from bisenet_core.models.weights.torch_file import load_torch_file
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.postprocessing import ALIGN_CORNERS
from bisenet_core.runtime.preprocessing import network_statistics
from gpu.frames import percentiles_of, streets
from gpu.kit import Subject
from gpu.section import Settings, Size, Step, size_text

_WARM_UP = 3  # before a capture, on a stream of its own, as PyTorch asks for


class TorchFrame(nn.Module):
    """HxWx3 uint8 rgb -> HxW uint8 labels, by our definition but for the last bit of the resized image."""

    def __init__(self, network: nn.Module, card: ModelCard, camera: Size, dtype: torch.dtype) -> None:
        super().__init__()
        mean, std = network_statistics(card.mean, card.std, card.color_order)
        self.network, self._camera, self._dtype = network, camera, dtype
        self._size = (card.input_height, card.input_width)
        self._reverse = card.color_order == "bgr"
        self._align_corners = card.upsampling == ALIGN_CORNERS
        self.register_buffer("scale", (1 / (255 * torch.tensor(std))).reshape(1, 3, 1, 1))
        self.register_buffer("shift", (torch.tensor(mean) / torch.tensor(std)).reshape(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """All of it on the image's device."""
        pixels = image.permute(2, 0, 1)[None].float()
        if pixels.shape[2:] != self._size:
            pixels = interpolate(pixels, self._size, mode="bilinear", align_corners=False)
            pixels = (pixels + 0.5).floor()  # to 8 bit again, as cv2 rounds
        if self._reverse:
            pixels = pixels.flip(1)
        pixels = pixels * self.scale - self.shift
        logits = self.network(pixels.to(self._dtype, memory_format=torch.channels_last))
        full = interpolate(logits, self._size, mode="bilinear", align_corners=self._align_corners)
        labels = full.argmax(1).to(torch.uint8)[None]
        return interpolate(labels, self._camera[::-1], mode="nearest-exact")[0, 0]


def load_network(subject: Subject, dtype: torch.dtype) -> nn.Module:
    """The kit's network as deployed, without gradients; with fresh weights where the kit has none."""
    card = subject.card
    network = create_model(card.architecture, card.label_space.num_classes, **card.architecture_options)
    assert isinstance(network, SegmentationNetwork)
    network = deployable(network.without_auxiliary(), rounded=False)
    if subject.weights.exists():
        network.load_state_dict(load_torch_file(subject.weights))
    return network.to(dtype=dtype, memory_format=torch.channels_last).requires_grad_(False)


def measure(step: Step, settings: Settings) -> dict[str, Any]:
    """As the sections network and segment: ``network_ms``, and ``wall_ms`` for each camera size.

    ``equal_labels`` is None for a kit without weights, whose network is as fast with fresh ones.
    """
    if not torch.cuda.is_available():
        raise InputError(f"PyTorch {torch.__version__} finds no CUDA GPU here")
    subject = Subject(settings.kit / step.subject)
    card = subject.card
    torch.backends.cudnn.benchmark = True  # it tries its kernels, as TensorRT does
    network = load_network(subject, torch.float16).cuda()
    image = torch.randn(1, 3, card.input_height, card.input_width, dtype=torch.float16, device="cuda")
    captured = capture(network, image.to(memory_format=torch.channels_last))
    found: dict[str, Any] = {
        "device": torch.cuda.get_device_name(), "version": torch.__version__,
        "network_ms": percentiles_of(captured.run, settings.frames, settings.warm_up),
    }  # fmt: skip
    frames = partial(_segmenter, network, card)
    for camera in settings.cameras:
        labelled = map(frames(camera), streets(camera))
        times = percentiles_of(partial(next, labelled), settings.frames, settings.warm_up)
        found[size_text(camera)] = {"wall_ms": times}
    shares = [
        float(np.mean(frames(labels.shape[::-1])(image) == labels)) for image, labels in subject.references()
    ]
    return {**found, "equal_labels": min(shares) if subject.weights.exists() else None}


def _segmenter(network: nn.Module, card: ModelCard, camera: Size) -> Callable[[np.ndarray], np.ndarray]:
    return host_to_host(TorchFrame(network, card, camera, torch.float16).cuda(), camera)


class Captured(NamedTuple):
    """A CUDA graph of ``work`` on ``source``, and its output, which each run overwrites.

    The graph does not keep the input and the weights that it reads: if they are freed, it reads other data.
    """

    graph: torch.cuda.CUDAGraph
    work: Callable[[Tensor], Tensor]
    source: Tensor
    target: Tensor

    def run(self) -> None:
        """Repeat the work, and wait for it."""
        self.graph.replay()
        torch.cuda.current_stream().synchronize()


@torch.inference_mode()
def capture(work: Callable[[Tensor], Tensor], source: Tensor) -> Captured:
    """Run ``work`` on ``source`` a few times, then record it."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(_WARM_UP):
            work(source)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        target = work(source)
    return Captured(graph, work, source, target)


def host_to_host(frame: TorchFrame, camera: Size) -> Callable[[np.ndarray], np.ndarray]:
    """A function that labels an image in ordinary host memory, through pinned buffers and one graph."""
    width, height = camera
    pinned_image = torch.empty(height, width, 3, dtype=torch.uint8, pin_memory=True)
    pinned_labels = torch.empty(height, width, dtype=torch.uint8, pin_memory=True)
    captured = capture(frame, torch.zeros(height, width, 3, dtype=torch.uint8, device="cuda"))

    def segment(picture: np.ndarray) -> np.ndarray:
        np.copyto(pinned_image.numpy(), picture)
        captured.source.copy_(pinned_image, non_blocking=True)
        captured.graph.replay()
        pinned_labels.copy_(captured.target, non_blocking=True)
        torch.cuda.current_stream().synchronize()
        return pinned_labels.numpy().copy()

    return segment
