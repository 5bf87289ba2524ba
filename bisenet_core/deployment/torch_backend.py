"""TorchBackend: run a checkpoint's network in PyTorch, without any export."""

import platform
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from bisenet_core.deployment.exporter import trained_network
from bisenet_core.evaluation.protocols.protocol import Size, SizedNetwork
from bisenet_core.runtime.backend import choose_precision
from bisenet_core.runtime.host_backend import HostBackend
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.preprocessing import network_statistics, normalisation_tables, normalise


class TorchBackend(HostBackend):
    """Runs ``network``, which is in evaluation mode and may be shared by backends of other input sizes.

    It computes where the network's parameters are, in fp32 (never TF32) or, with autocast, in bf16. Only
    evaluation uses it: a robot has no torch.
    """

    name = "torch"

    def __init__(self, card: ModelCard, network: nn.Module, precision: str, input_size: Size) -> None:
        super().__init__(card, input_size)
        self._torch_device = next(network.parameters()).device
        self.version = torch.__version__
        self.device = f"CPU ({platform.machine()})"
        if self._torch_device.type == "cuda":
            self.device = torch.cuda.get_device_name(self._torch_device)
        self.precision = choose_precision(precision, ["fp32", "bf16"], f"torch on {self.device}")
        self._tables = normalisation_tables(*network_statistics(card.mean, card.std, card.color_order))
        self._input = np.empty((1, 3, input_size[1], input_size[0]), np.float32)
        self._network: nn.Module | None = network

    @torch.inference_mode()
    def _run(self) -> np.ndarray:
        assert self._network is not None  # _fit_image has refused a closed backend
        normalise(self._image, self._tables, self._input)
        image = torch.from_numpy(self._input).to(self._torch_device)
        bf16 = torch.autocast(self._torch_device.type, torch.bfloat16, enabled=self.precision == "bf16")
        with bf16, torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return self._network(image).float().cpu().numpy()

    def _free(self) -> None:
        self._network = None


def open_checkpoint(checkpoint: Path | str, precision: str = "auto") -> SizedNetwork:
    """The network of a checkpoint of ``bisenet train``, on a GPU where there is one.

    ``precision``: auto (fp32), fp32, bf16. Raises InputError for a checkpoint that is missing, not one of
    ours, or has other tensors than its network, and for another precision.
    """
    network, card = trained_network(checkpoint)
    network.to("cuda" if torch.cuda.is_available() else "cpu")
    sized = SizedNetwork(card, partial(TorchBackend, card, network, precision))
    sized.at(sized.own_size)
    return sized
