"""How often something happens in a hundred seeded studies, and estimators that are wrong on purpose."""

import math
from collections.abc import Callable

import numpy as np

SEEDS = range(1, 101)
GOOD, BAD = 0.95, 0.80
ERROR = 0.005  # of each kind: 90 of 100 studies, the test of fixed size, errs in 3 % and in 0.6 %


def share_of(happens: Callable[[int], bool]) -> float:
    return sum(map(happens, SEEDS)) / len(SEEDS)


def usually(happens: Callable[[int], bool]) -> bool:
    """Whether it happens in GOOD of all studies, and not in BAD: Wald's sequential test.

    It asks for as many studies as it needs, which is 31 where it happens in each of them. After the last of
    SEEDS the likelier of the two is taken, as 90 of 100 would have it.
    """
    evidence, enough = 0.0, math.log(1 / ERROR)
    for seed in SEEDS:
        evidence += math.log(GOOD / BAD) if happens(seed) else math.log((1 - GOOD) / (1 - BAD))
        if abs(evidence) >= enough:
            break
    return evidence > 0


def normal_interval(d: np.ndarray) -> tuple[float, float]:
    """As if the spread of a few values were known for certain."""
    half = 1.96 * d.std(ddof=1) / np.sqrt(len(d))
    return d.mean() - half, d.mean() + half
