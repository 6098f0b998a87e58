"""In how many worlds something happens, alone and in pairs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

from twin.statistics.estimates import CONFIDENCE, Difference, Values, both, correlation, finite_values


@dataclass(frozen=True)
class Proportion:
    """``count`` of ``n`` worlds, with Wilson's interval of the ratio: 95 % where nothing else is said."""

    count: int
    n: int
    low: float
    high: float

    @property
    def ratio(self) -> float:
        return self.count / self.n

    @property
    def mean(self) -> float:
        """The ratio, as of an Estimate."""
        return self.ratio

    def as_json(self) -> dict[str, Any]:
        """{"mean", "ci95", "n", "count"}: the shape of an Estimate, so that tables need one reader."""
        return {"mean": self.ratio, "ci95": [self.low, self.high], "n": self.n, "count": self.count}


def wilson(count: int, n: int, confidence: float = CONFIDENCE) -> Proportion:
    """The share ``count`` of ``n`` (Wilson 1927), two-sided ``confidence``. Raises ValueError for n < 1 or
    a count outside 0 … n."""
    found = binomtest(count, n).proportion_ci(confidence, method="wilson")
    return Proportion(count, n, float(found.low), float(found.high))


def paired_proportions(mine: Values, base: Values) -> Difference:
    """Share of ``mine`` less share of ``base``, each 0 or 1, over the same worlds.

    The interval is Newcombe's method 10 (Statistics in Medicine 17, 1998, 2635). It keeps a width where no
    pair differs: an event not seen in n worlds may yet happen. ``p``: McNemar's exact. Raises ValueError.
    """
    a, b = _binary(mine), _binary(base)
    a, b = both(a, b)
    n, p, q = len(a), wilson(int(a.sum()), len(a)), wilson(int(b.sum()), len(b))
    phi = _phi(a, b)
    mean = (p.count - q.count) / n
    low = mean - _hypotenuse(p.ratio - p.low, q.high - q.ratio, phi)
    high = mean + _hypotenuse(p.high - p.ratio, q.ratio - q.low, phi)
    identical = bool((a == b).all())
    return Difference(mean, max(-1.0, low), min(1.0, high), n, mcnemar_p(a, b), identical, correlation(a, b))


def mcnemar_p(mine: Values, base: Values) -> float:
    """Exact: of the pairs that differ, each side has the 1 with probability one half."""
    a, b = both(mine, base)
    gained, lost = int(((a == 1) & (b == 0)).sum()), int(((a == 0) & (b == 1)).sum())
    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def _binary(values: Values) -> np.ndarray:
    array = finite_values(values)
    if not np.isin(array, (0.0, 1.0)).all():
        raise ValueError("a proportion is made of zeros and ones")
    return array


def _phi(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of two binary sides, drawn towards 0 as Newcombe does where it is positive."""
    n = len(a)
    yes, no = int((a * b).sum()), int(((1 - a) * (1 - b)).sum())
    mine, base = int(a.sum()), int(b.sum())
    product = mine * (n - mine) * base * (n - base)
    if product == 0:
        return 0.0
    excess: float = yes * no - (mine - yes) * (base - yes)
    if excess > 0:
        excess = max(excess - n / 2, 0.0)
    return excess / math.sqrt(product)


def _hypotenuse(x: float, y: float, phi: float) -> float:
    return math.sqrt(max(0.0, x * x - 2 * phi * x * y + y * y))
