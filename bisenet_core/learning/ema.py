"""An exponential moving average of the weights, which is validated, saved and exported in their place."""

from copy import deepcopy

import torch
from torch import Tensor, nn


class MovingAverage:
    """Keeps ``average = decay * average + (1 - decay) * weights`` of ``network`` in a network of its own.

    Norms' statistics are averaged as well. The first steps count more, lest what a run begins with stays in:
    at step n ``decay`` is at most (1 + n) / (10 + n), as in TensorFlow.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network, self.decay = deepcopy(network).eval().requires_grad_(False), decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights of ``network`` after the optimiser's step ``step``, the first of which is 0."""
        share = 1 - min(self.decay, (1 + step) / (10 + step)) if step else 1.0
        averages, weights = _tensors(self.network), _tensors(network)
        torch._foreach_lerp_(averages[True], weights[True], share)
        if averages[False]:  # counts, such as that of a norm's batches
            torch._foreach_copy_(averages[False], weights[False])


def _tensors(network: nn.Module) -> dict[bool, list[Tensor]]:
    """Parameters and buffers, by whether they are of floating point."""
    found: dict[bool, list[Tensor]] = {True: [], False: []}
    for tensor in (*network.parameters(), *network.buffers()):
        found[tensor.is_floating_point()].append(tensor)
    return found
