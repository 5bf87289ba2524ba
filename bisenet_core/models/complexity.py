"""Count the parameters and operations of a network, module by module."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from bisenet_core.models.layers import SegmentationNetwork
from bisenet_core.models.registry import create_model


@dataclass
class Complexity:
    """What a module and all in it cost for one image.

    ``macs``: multiply-accumulates of convolutions and linear layers. ``operations``: the counter behind the
    GFLOPs of BiSeNet V2 (Tables 2, 3, 5): the MACs, one for each bias, two for each output of a batch norm,
    one for each output of an activation; pooling, interpolation, sigmoid gates and sums count nothing.
    ``shape``: CxHxW, or C, of the last output; empty where the module itself was not called.
    """

    name: str
    kind: str
    parameters: int
    macs: int = 0
    operations: int = 0
    shape: tuple[int, ...] = ()
    parts: list["Complexity"] = field(default_factory=list)

    @property
    def gflops(self) -> float:
        """``operations`` in the unit of the papers' tables."""
        return self.operations / 1e9

    def walk(self, depth: int, level: int = 0) -> Iterator[tuple[int, "Complexity"]]:
        """This module and those in it, down to ``depth`` levels, each with its level."""
        yield level, self
        if level < depth:
            for part in self.parts:
                yield from part.walk(depth, level + 1)


def complexity_of(name: str, num_classes: int, width: int, height: int, **options: Any) -> Complexity:
    """Count ``create_model(name, num_classes, **options)`` as deployed, on one image of width x height.

    ``InputError`` for an unknown name or option.
    """
    with torch.device("meta"):
        network = create_model(name, num_classes, **options).eval()
        if isinstance(network, SegmentationNetwork):
            network.without_auxiliary()
        return measure_complexity(network, torch.zeros(1, 3, height, width), name)


def measure_complexity(network: nn.Module, image: Tensor, name: str = "network") -> Complexity:
    """Count one forward pass of ``network`` on ``image``, 1x3xHxW on the network's device."""
    hooks: list[Any] = []
    root = _tree(name, network, hooks)
    try:
        with torch.no_grad():
            network(image)
    finally:
        for hook in hooks:
            hook.remove()
    _add_up(root)
    return root


def _tree(name: str, module: nn.Module, hooks: list[Any]) -> Complexity:
    """What ``module`` and those in it cost, which ``hooks``, added here, count as they run."""
    parts = [_tree(child, part, hooks) for child, part in module.named_children()]
    parameters = sum(p.numel() for p in module.parameters())
    cost = Complexity(name, type(module).__name__, parameters, parts=parts)
    hooks.append(module.register_forward_hook(partial(_count, cost)))
    return cost


def _count(cost: Complexity, module: nn.Module, _inputs: Any, output: Any) -> None:
    if not isinstance(output, Tensor):
        return  # a module of ours; what it consists of is counted
    cost.shape = tuple(output.shape[1:])
    macs, extra = _per_output(module)
    cost.macs += macs * output.numel()
    cost.operations += (macs + extra) * output.numel()


def _per_output(module: nn.Module) -> tuple[int, int]:
    """Multiply-accumulates and other operations for each element of the output."""
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        return module.weight[0].numel(), int(module.bias is not None)
    return 0, {nn.BatchNorm2d: 2, nn.BatchNorm1d: 2, nn.ReLU: 1, nn.ReLU6: 1}.get(type(module), 0)


def _add_up(node: Complexity) -> None:
    for part in node.parts:
        _add_up(part)
        node.macs += part.macs
        node.operations += part.operations
