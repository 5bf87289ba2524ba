"""Which frames to show: evenly spaced ones, and the best and worst of a ranking without neighbours."""

import numpy as np

_MOST_APART = 30


def evenly_spaced(total: int, count: int) -> set[int]:
    """At most ``count`` positions of 0 .. ``total`` - 1, evenly spaced, both ends included."""
    if total <= count:
        return set(range(total))
    return {round(step * (total - 1) / (count - 1)) for step in range(count)} if count > 1 else {0}


def best_and_worst(
    bag: np.ndarray, index: np.ndarray, ranked: np.ndarray, each: int
) -> tuple[list[int], list[int]]:
    """At most ``each`` of the best and of the worst, best and worst first, of ``ranked``, the worst first.

    ``ranked`` holds places in ``bag`` and ``index``, int64, N each. None is in both lists.
    """
    half = min(each, (len(ranked) + 1) // 2)
    worst = without_neighbours(bag, index, ranked, half)
    best = without_neighbours(bag, index, ranked[::-1][~np.isin(ranked[::-1], worst)], half)
    return best, worst


def without_neighbours(bag: np.ndarray, index: np.ndarray, ranked: np.ndarray, most: int) -> list[int]:
    """The first ``most`` of ``ranked``, places in ``bag`` and ``index``, that are no neighbours in a bag."""
    gap = min(_MOST_APART, max(0, (len(ranked) // max(most, 1) - 1) // 2))
    chosen: list[int] = []
    for place in ranked:
        near = (bag[chosen] == bag[place]) & (np.abs(index[chosen] - index[place]) <= gap)
        if len(chosen) < most and not near.any():
            chosen.append(int(place))
    return chosen
