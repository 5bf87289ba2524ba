"""The mean of several trainings of one network, which errs less than each of them.

Wortsman et al., "Model soups", 2022, section 2: the members were trained on from the same weights.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from bisenet_core.deployment.loading import load_network
from bisenet_core.deployment.stored_weights import deployable
from bisenet_core.errors import InputError
from bisenet_core.learning.checkpoint import Checkpoint
from bisenet_core.learning.pretrained import read_trained

#: Cosine of the kernels of two networks. Those of one beginning have 0.9 and more, strangers 0.1 and less.
MIN_ALIKE = 0.5


def average(
    checkpoint: Checkpoint, origin: Path | str, others: Sequence[Path | str]
) -> tuple[nn.Module, Checkpoint]:
    """The network whose tensors are the mean of those of ``checkpoint`` and ``others``; and what it is.

    Without auxiliary heads, batch norms folded, in evaluation mode. ``origin``: where ``checkpoint`` was read
    from. ``others``: checkpoints or model folders. The returned checkpoint is that one, its recipe with the
    splits that all have seen. ``InputError`` as ``read_trained``, and for a network that is another, labels
    other classes, or began with other weights.
    """
    mean, recipe = _folded(checkpoint, origin), checkpoint.recipe
    states = [mean.state_dict()]
    for place in others:
        other = read_trained(place)
        between = f"the mean of {origin} and {place} is no network"
        _check_common(checkpoint, other, between)
        states.append(_folded(other, place).state_dict())
        _check_alike(states[0], states[-1], between)
        recipe = recipe.having_seen(other.recipe)
    members = {name: torch.stack([state[name] for state in states]) for name in states[0]}
    mean.load_state_dict({name: tensors.float().mean(0) for name, tensors in members.items()})
    return mean, checkpoint._replace(recipe=recipe)


def _folded(checkpoint: Checkpoint, origin: Path | str) -> nn.Module:
    return deployable(load_network(checkpoint, origin), rounded=False)


def _check_common(first: Checkpoint, other: Checkpoint, between: str) -> None:
    for (key, mine), its in zip(_told(first).items(), _told(other).values()):
        if mine != its:
            raise InputError(
                f"{between}: {key} {mine} and {its}; expected trainings of one network for the same classes"
            )


def _told(checkpoint: Checkpoint) -> dict[str, object]:
    recipe, space = checkpoint.recipe, checkpoint.label_space
    options = {key: value for key, value in recipe.options.items() if key != "auxiliary"}
    return {"network": recipe.network, "options": options, "mean": recipe.mean, "std": recipe.std,
            "classes": space and space.classes}  # fmt: skip


def _check_alike(one: Mapping[str, Tensor], other: Mapping[str, Tensor], between: str) -> None:
    names = [name for name in one if one[name].dim() > 1]
    kernels = [torch.cat([state[name].flatten() for name in names]) for state in (one, other)]
    alike = float(torch.cosine_similarity(kernels[0], kernels[1], dim=0))
    if not alike >= MIN_ALIKE:  # nor NaN
        raise InputError(
            f"{between}: the cosine of their weights is {alike:.2f}; expected {MIN_ALIKE} or more, as of two "
            "trainings that began with the same weights"
        )
