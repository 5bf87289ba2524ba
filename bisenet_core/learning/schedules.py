"""Learning rates as pure functions of the iteration."""

import math

from bisenet_core.learning.recipe import Recipe


def poly(iteration: int, total: int, power: float = 0.9, floor: float = 0.0) -> float:
    """Factor of the learning rate at ``iteration`` of ``total``: (1 - iteration / total) ** power.

    That is the "poly" strategy of BiSeNet V2 (Section 5.1). It ends at ``floor``, as in mmsegmentation:
    (1 - floor) * factor + floor.
    """
    return floor + (1 - floor) * (1 - _progress(iteration, total)) ** power


def cosine(iteration: int, total: int, floor: float = 0.0) -> float:
    """Factor of the learning rate at ``iteration`` of ``total``: half a wave from 1 to ``floor``."""
    return floor + (1 - floor) * (1 + math.cos(math.pi * _progress(iteration, total))) / 2


def warmup(iteration: int, length: int, start: float = 0.0) -> float:
    """Rises linearly from ``start`` at iteration 0 to 1 at iteration ``length``."""
    return 1.0 if iteration >= length else start + (1 - start) * iteration / length


def learning_rate_factor(recipe: Recipe, iteration: int, floor: float = 0.0) -> float:
    """Factor of the learning rate at ``iteration`` of ``recipe``, the schedule's times the warm-up's.

    ``floor`` is the smallest learning rate as a factor of the largest.
    """
    if recipe.schedule == "cosine":
        scheduled = cosine(iteration, recipe.iterations, floor)
    else:
        scheduled = poly(iteration, recipe.iterations, recipe.poly_power, floor)
    return scheduled * warmup(iteration, recipe.warmup_iterations, recipe.warmup_start)


def _progress(iteration: int, total: int) -> float:
    return min(iteration, total) / total
