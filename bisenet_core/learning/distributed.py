"""Sums over the processes of a run, and batch norms that see the samples of all of them."""

from typing import Any

import torch
from torch import Tensor, distributed, nn


def world_size() -> int:
    """Number of processes that train together."""
    together = distributed.is_available() and distributed.is_initialized()
    return distributed.get_world_size() if together else 1


def global_sum(values: Tensor) -> Tensor:
    """Sum of ``values``, of one shape everywhere, over all processes; gradients do not pass."""
    total = values.detach().clone()
    if world_size() > 1:
        distributed.all_reduce(total)
    return total


def global_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Sum of ``values`` over that of ``weights``, both over all processes, as one process has to see it.

    The mean of what the processes get is the mean over all, and the mean of their gradients, which is what
    DistributedDataParallel takes, that of its gradient. Without any weight it is 0 with zero gradients.
    """
    total = global_sum(weights.sum(dtype=torch.float64)).clamp(min=torch.finfo(torch.float32).tiny)
    return world_size() * values.sum() / total.to(values.dtype)


def global_total(values: Tensor) -> Tensor:
    """Sum of ``values`` over all processes with a gradient.

    It is such that DistributedDataParallel's mean of the processes' gradients is that of the sum.
    """
    return global_sum(values) + world_size() * (values - values.detach())


def mean_over_processes(values: Tensor) -> Tensor:
    """Mean of ``values`` over all processes; gradients do not pass."""
    return global_sum(values) / world_size()


def gathered(values: Any) -> list[Any]:
    """``values``, any that can be pickled, of every process in the order of their ranks."""
    if world_size() == 1:
        return [values]
    found: list[Any] = [None] * world_size()
    distributed.all_gather_object(found, values)
    return found


def largest(value: int, device: torch.device) -> int:
    """The largest ``value`` of all processes, which talk to one another from ``device``."""
    if world_size() == 1:
        return value
    found = torch.tensor(value, device=device)
    distributed.all_reduce(found, op=distributed.ReduceOp.MAX)
    return int(found)


class GlobalBatchNorm2d(nn.BatchNorm2d):
    """Batch norm with the statistics of all processes' samples, for CPUs, where PyTorch has none.

    ``BxCxHxW -> BxCxHxW``, of other B and HxW in each process. As in ``nn.SyncBatchNorm`` gradients are those
    of the sum of the processes' losses, statistics are taken in float32.
    """

    def forward(self, features: Tensor) -> Tensor:
        if not self.training or world_size() == 1:
            return super().forward(features)
        values = features.to(torch.promote_types(features.dtype, torch.float32))
        mean, variance, count = _moments(values)
        self._track(mean.detach(), variance.detach() * count / (count - 1))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shift = self.bias - mean * scale
        return torch.addcmul(_channels(shift), values, _channels(scale)).to(features.dtype)

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


def _moments(values: Tensor) -> tuple[Tensor, Tensor, float]:
    """Mean and variance of each channel, C each, over all processes, and how many values they are of."""
    from torch.distributed.nn.functional import all_reduce  # with a gradient, which is that of all processes

    own = values.new_tensor([values.numel() // values.shape[1]], dtype=torch.float64)
    count = global_sum(own).item()
    mean = all_reduce(values.sum(dim=(0, 2, 3))) / count
    # a second pass over the data, as squares of values far from 0 would cancel
    variance = all_reduce((values - _channels(mean)).square().sum(dim=(0, 2, 3))) / count
    return mean, variance, count


def _channels(values: Tensor) -> Tensor:
    return values[None, :, None, None]


def synchronise_norms(network: nn.Module, on_cpu: bool) -> nn.Module:
    """Have the batch norms of ``network`` take their statistics from the samples of all processes."""
    if not on_cpu:
        return nn.SyncBatchNorm.convert_sync_batchnorm(network)
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:  # one of a class of its own, such as a norm in use, stays as it is
            module.__class__ = GlobalBatchNorm2d  # their parts are the same
    return network
