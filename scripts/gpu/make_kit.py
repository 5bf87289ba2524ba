"""Make the kit of a gpu-check: what a GPU host without network and PyTorch's exporter needs to measure."""

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from bisenet_core.deployment.model_folder import NO_SHA256, write_model_folder
from bisenet_core.deployment.stored_weights import deployable
from bisenet_core.drives.rendering import RenderedDrive
from bisenet_core.labels.label_space import CITYSCAPES_19, UNLABELED
from bisenet_core.learning.transforms import normalised
from bisenet_core.models import create_model
from bisenet_core.models.layers import SegmentationNetwork
from bisenet_core.runtime.model_card import ONNX_NAME, ModelCard
from bisenet_core.runtime.segmenter import Segmenter
from gpu.kit import MODEL, REFERENCE, WEIGHTS

REFERENCE_CAMERA, REFERENCE_FRAMES = (1280, 720), 3
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
#: Logits of a trained network spread about so far; the fitted ones are near 0 and 1.
_SPREAD = 8.0

Size = tuple[int, int]


def add_network(name: str, size: Size, kit: Path, **options: object) -> Path:
    """Add the network ``name`` for 19 classes to ``kit``; returns its folder.

    ``size`` is (width, height) of its input; for its weights see ``fitted_network``.
    A folder that is there already is kept.
    """
    folder = kit / name
    if (folder / REFERENCE).exists():
        return folder
    network = fitted_network(name, size, **options)
    folder.mkdir(parents=True, exist_ok=True)
    write_model_folder(network, _card(name, size, options), folder / MODEL)
    torch.save(deployable(network).half().state_dict(), folder / WEIGHTS)
    _write_references(folder)
    return folder


def add_model(model: Path, size: Size, kit: Path) -> Path:
    """Add a trained model folder, at another input size perhaps; it has no weights for PyTorch."""
    folder = kit / model.name
    if (folder / REFERENCE).exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    card = replace(ModelCard.load(model), input_width=size[0], input_height=size[1])
    (folder / MODEL).mkdir(exist_ok=True)
    shutil.copyfile(model / ONNX_NAME, folder / MODEL / ONNX_NAME)
    card.save(folder / MODEL)
    _write_references(folder)
    return folder


def fitted_network(name: str, size: Size, **options: object) -> nn.Module:
    """A network whose batch norms and last layer are fitted to rendered streets.

    With fresh weights all classes would be nearly tied, and FP16 would decide between them at random.
    """
    torch.manual_seed(0)
    network = create_model(name, CITYSCAPES_19.num_classes, **options)
    assert isinstance(network, SegmentationNetwork)
    network.without_auxiliary()
    drive = RenderedDrive(*size, frames=6)
    frames = [drive[index] for index in range(len(drive))]
    images = torch.from_numpy(np.stack([normalised(image, MEAN, STD) for image, _ in frames]))
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = None  # the running statistics become those of what has been seen
    with torch.no_grad():
        network.train()(images)
        network.eval()
        _fit_classifier(network, images, [labels for _, labels in frames])
    return network


def _fit_classifier(network: nn.Module, images: torch.Tensor, truth: list[np.ndarray]) -> None:
    """Ridge regression of the classes on what the last layer sees, in closed form."""
    seen = []
    classifier = network.head.classifier
    hook = classifier.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    for image in images:
        network(image[None])
    hook.remove()
    features = torch.cat([one[0].flatten(1).T for one in seen]).double()
    height, width = seen[0].shape[2:]
    ids = np.stack([cv2.resize(one, (width, height), interpolation=cv2.INTER_NEAREST) for one in truth])
    known = torch.from_numpy(ids.reshape(-1) != UNLABELED)
    wanted = torch.eye(256, dtype=torch.float64)[ids.reshape(-1).astype(np.int64)]
    wanted = wanted[known, :classifier.out_channels]
    inputs = torch.cat([features, torch.ones(len(features), 1, dtype=torch.float64)], 1)[known]
    gram = inputs.T @ inputs
    gram += 1e-3 * gram.diagonal().mean() * torch.eye(len(gram), dtype=torch.float64)
    weights = _SPREAD * torch.linalg.solve(gram, inputs.T @ wanted)
    classifier.weight.copy_(weights[:-1].T[:, :, None, None])
    classifier.bias.copy_(weights[-1])


def _card(name: str, size: Size, options: dict[str, object]) -> ModelCard:
    return ModelCard(
        name=name, architecture=name, architecture_options=options, label_space=CITYSCAPES_19, mean=MEAN,
        std=STD, color_order="rgb", input_width=size[0], input_height=size[1], onnx_sha256=NO_SHA256,
        training_data="rendered frames, the last layer only: for measuring speed", recipe={}, metrics={},
        licence="Apache-2.0",
    )  # fmt: skip


def _write_references(folder: Path) -> None:
    """The reference labels, last."""
    drive = RenderedDrive(*REFERENCE_CAMERA, frames=REFERENCE_FRAMES, seed=1)
    images = np.stack([drive[index][0] for index in range(REFERENCE_FRAMES)])
    with Segmenter.open(str(folder / MODEL), "onnxruntime", "fp32") as segmenter:
        labels = np.stack([segmenter.segment(image, "rgb").labels for image in images])
    np.savez_compressed(folder / REFERENCE, images=images, labels=labels)
