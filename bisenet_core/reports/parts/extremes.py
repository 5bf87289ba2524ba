"""The best and the worst of a ranking, neighbours left out."""

import numpy as np

_MOST_APART = 30


def extremes(
    bag: np.ndarray, index: np.ndarray, ranked: np.ndarray, each: int
) -> tuple[list[int], list[int]]:
    """At most ``each`` of the best and of the worst, best and worst first, of ``ranked``, the worst first.

    ``ranked`` holds places in ``bag`` and ``index``, int64, N each. None is in both lists.
    """
    half = min(each, (len(ranked) + 1) // 2)
    worst = apart(bag, index, ranked, half)
    best = apart(bag, index, ranked[::-1][~np.isin(ranked[::-1], worst)], half)
    return best, worst


def apart(bag: np.ndarray, index: np.ndarray, ranked: np.ndarray, most: int) -> list[int]:
    """The first of ``ranked``, places in ``bag`` and ``index``, that are no neighbours."""
    gap = min(_MOST_APART, max(0, (len(ranked) // max(most, 1) - 1) // 2))
    chosen: list[int] = []
    for place in ranked:
        near = bag[chosen] == bag[place]
        near &= np.abs(index[chosen] - index[place]) <= gap
        if len(chosen) < most and not near.any():
            chosen.append(int(place))
    return chosen
