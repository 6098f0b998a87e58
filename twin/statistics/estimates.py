"""Means and paired differences of means, with intervals and an exact test; bands of curves; Pareto fronts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

CONFIDENCE = 0.95
BAND = (0.05, 0.95)  # of curves
GRID = 1 << 13  # steps that the sizes of all differences together are rounded to

Values = Sequence[float] | np.ndarray


@dataclass(frozen=True)
class Estimate:
    """A mean of ``n`` values with its 95 % interval, in the unit of the values.

    One value says nothing of how far others are from it: the interval is infinite. Values that are all equal
    give an interval without width.
    """

    mean: float
    low: float
    high: float
    n: int

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2

    def as_json(self) -> dict[str, Any]:
        """{"mean", "ci95": [low, high] or null where it is infinite, "n"}."""
        ends = [self.low, self.high] if math.isfinite(self.low) and math.isfinite(self.high) else None
        return {"mean": self.mean, "ci95": ends, "n": self.n}


@dataclass(frozen=True)
class Difference(Estimate):
    """A mean of paired differences, mine less base.

    ``p``: two-sided, that it is none. ``identical``: not one of the ``n`` pairs differs. ``correlation``: of
    the two sides, which is what pairing gains by; None where one side never changes.
    """

    p: float
    identical: bool
    correlation: float | None

    @property
    def differing_at_most(self) -> float:
        """Of identical pairs, the share of all worlds in which a difference may still hide, with 95 %
        confidence: (1 - share)^n = 5 % (the "rule of three"). 1 where pairs do differ."""
        return -math.expm1(math.log1p(-CONFIDENCE) / self.n) if self.identical else 1.0

    def as_json(self) -> dict[str, Any]:
        """As Estimate, with "p", "identical" and "correlation"."""
        return super().as_json() | {"p": self.p, "identical": self.identical, "correlation": self.correlation}


@dataclass(frozen=True)
class Band:
    """Of (n, bins) curves: ``mean``, and the 5 % and 95 % quantiles ``low`` and ``high``; (bins,) each."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def finite_values(values: Values) -> np.ndarray:
    """The values as (n,) floats. Raises ValueError if there are none, or one is not finite."""
    array = np.asarray(values, "f8")
    if array.ndim != 1 or not len(array):
        raise ValueError(f"expected one value a world, found an array of shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("a value is infinite or missing: restrict it to a horizon, or count it, first")
    return array


def both(mine: Values, base: Values) -> tuple[np.ndarray, np.ndarray]:
    """Two sides of the same worlds. Raises ValueError if they differ in length, or are not finite."""
    a, b = finite_values(mine), finite_values(base)
    if len(a) != len(b):
        raise ValueError(f"pairs need both sides: {len(a)} values against {len(b)}")
    return a, b


def student(freedom: float, confidence: float = CONFIDENCE) -> float:
    """How many standard errors an interval reaches to each side."""
    return float(stdtrit(freedom, (1 + confidence) / 2))


def mean_interval(values: np.ndarray, confidence: float = CONFIDENCE) -> tuple[float, float, float]:
    """(mean, low, high) of (n,) values, by Student's t; two-sided ``confidence``."""
    n, mean = len(values), float(values.mean())
    if n == 1:
        return mean, -math.inf, math.inf
    if np.ptp(values) == 0:  # a sum of equal numbers may round, and would seem to vary
        return float(values[0]), float(values[0]), float(values[0])
    half = student(n - 1, confidence) * float(values.std(ddof=1)) / math.sqrt(n)
    return mean, mean - half, mean + half


def estimate(values: Values) -> Estimate:
    """Mean of independent values and its interval by Student's t. Raises ValueError."""
    array = finite_values(values)
    return Estimate(*mean_interval(array), len(array))


def paired(mine: Values, base: Values) -> Difference:
    """The mean of mine - base over the same worlds: interval by Student's t, ``p`` by ``sign_flip_p``.

    The p-value assumes no distribution of the differences. This matters if outcomes are bimodal: few large
    differences among many zeros. The interval does assume one, and is too narrow if few worlds have a
    difference. Let a tenth of the worlds have it, all of one size: the interval is right in 57 % of studies
    of 8 worlds. It is in 88 % of 20 and 93 % of 64. If a twentieth has it: 89 % of 64 at best. So report the
    share of worlds too. Raises ValueError.
    """
    a, b = both(mine, base)
    d = a - b
    identical = not d.any()
    mean, low, high = (0.0, 0.0, 0.0) if identical else mean_interval(d)
    return Difference(mean, low, high, len(d), sign_flip_p(d), identical, correlation(a, b))


def correlation(a: np.ndarray, b: np.ndarray) -> float | None:
    """Of two (n,) arrays; None where it is not defined."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.clip(np.corrcoef(a, b)[0, 1], -1.0, 1.0))


def sign_flip_p(differences: Values) -> float:
    """Two-sided p of a mean difference of 0, by Fisher's randomisation test.

    p is the share of all 2^n choices of signs that give a sum at least as far from 0. It is exact if a sham
    differs from its baseline by noise only: then mine and base of a pair may change places. The distribution
    of the sum comes from adding one difference after the other (Pagano and Tritchler, JASA 78, 1983). So
    nothing is sampled, and small p-values are exact. Sizes are rounded to a grid first; it is an exact test
    of the rounded differences. The smallest p of n differences is 2^(1-n).
    """
    d = finite_values(differences)
    if not d.any():
        return 1.0
    steps = np.rint(np.abs(d) / np.abs(d).sum() * GRID).astype("i8")
    total = int(steps.sum())
    law = np.zeros(total + 1)  # of the sum of those that are positive
    law[0], end = 1.0, 1
    for step in np.sort(steps).tolist():
        half = 0.5 * law[:end]
        law[:end] = half
        law[step : step + end] += half
        end += step
    positive = int(steps[d > 0].sum())
    most = max(positive, total - positive)
    return min(1.0, 2.0 * float(law[most:].sum()))


def curve_band(curves: np.ndarray) -> Band:
    """Mean and 5–95 % of (n, bins) curves, bin by bin."""
    low, high = np.quantile(curves, BAND, axis=0)
    return Band(np.mean(curves, axis=0), low, high)


def pareto(items: Mapping[str, tuple[float, float]]) -> tuple[str, ...]:
    """Names of what nothing else beats: no other has at least the benefit at no more cost, and one of the two
    better. ``items``: name → (benefit, the more the better; cost, the less the better). Equals are all kept.
    In order of cost, then of benefit, then of name.
    """

    def beaten(name: str) -> bool:
        benefit, cost = items[name]
        return any(b >= benefit and c <= cost and (b, c) != (benefit, cost) for b, c in items.values())

    front = [name for name in items if not beaten(name)]
    return tuple(sorted(front, key=lambda name: (items[name][1], items[name][0], name)))
