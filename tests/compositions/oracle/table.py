"""Goodput, error ratio, p50 and p99 of users over time: of one run, of several, of both sides."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from tests.compositions.oracle.record import GOOD, UserCall

MEASURES = ("goodput_per_s", "error_ratio", "p50_s", "p99_s")


class Estimate(NamedTuple):
    """The mean of a number over independent runs, its standard error, and how many runs had it."""

    mean: float
    stderr: float
    count: int


def over_time(users: Iterable[UserCall], bin_s: float, duration_s: float) -> np.ndarray:
    """A row for each bin, a column for each of MEASURES; NaN where nothing ended.

    A call belongs to the bin in which it ended. Latencies are those of served calls, percentiles by nearest
    rank.
    """
    count = max(1, round(duration_s / bin_s))
    good: list[list[float]] = [[] for _ in range(count)]
    ended = [0] * count
    for row in users:
        at = int((row.start_s + row.latency_s) / bin_s)
        if at < count:
            ended[at] += 1
            if row.outcome in GOOD:
                good[at].append(row.latency_s)
    return np.array([_row(sorted(g), n, bin_s) for g, n in zip(good, ended, strict=True)])


def _row(good: list[float], ended: int, bin_s: float) -> tuple[float, ...]:
    nothing = math.nan
    ratio = 1.0 - len(good) / ended if ended else nothing
    ranks = (good[max(0, math.ceil(p * len(good)) - 1)] if good else nothing for p in (0.5, 0.99))
    return (len(good) / bin_s, ratio, *ranks)


def estimates(runs: Sequence[np.ndarray]) -> list[list[Estimate]]:
    """Over runs, for each bin and each of MEASURES."""
    stacked = np.stack(runs)
    return [
        [_estimate(stacked[:, row, column]) for column in range(stacked.shape[2])]
        for row in range(stacked.shape[1])
    ]


def _estimate(values: np.ndarray) -> Estimate:
    known = values[~np.isnan(values)]
    if not len(known):
        return Estimate(math.nan, math.nan, 0)
    stderr = known.std(ddof=1) / math.sqrt(len(known)) if len(known) > 1 else math.nan
    return Estimate(float(known.mean()), float(stderr), len(known))


def beside(twin: list[list[Estimate]] | None, oracle: list[list[Estimate]], bin_s: float) -> str:
    """The table that the command prints; without a twin's side only the oracle's."""
    sides = ("twin", "oracle", "difference") if twin else ("oracle",)
    width = 13 * len(sides) + len(sides) - 1
    lines = [f"{'t_s':>7} " + " | ".join(f"{measure:^{width}}" for measure in MEASURES)]
    lines.append(" " * 8 + " | ".join(" ".join(f"{side:>13}" for side in sides) for _ in MEASURES))
    for k, theirs in enumerate(oracle):
        cells = []
        for m, other in enumerate(theirs):
            values = [other.mean] if twin is None else _three(twin[k][m], other)
            cells.append(" ".join(f"{'-' if math.isnan(v) else format(v, '13.4g'):>13}" for v in values))
        lines.append(f"{k * bin_s:7g} " + " | ".join(cells))
    return "\n".join(lines)


def _three(twin: Estimate, oracle: Estimate) -> list[float]:
    return [twin.mean, oracle.mean, twin.mean - oracle.mean]
