"""How often something happens in a hundred seeded studies, and estimators that are wrong on purpose."""

from collections.abc import Callable

import numpy as np

SEEDS = range(1, 101)


def share_of(happens: Callable[[int], bool]) -> float:
    return sum(map(happens, SEEDS)) / len(SEEDS)


def normal_interval(d: np.ndarray) -> tuple[float, float]:
    """As if the spread of a few values were known for certain."""
    half = 1.96 * d.std(ddof=1) / np.sqrt(len(d))
    return d.mean() - half, d.mean() + half
