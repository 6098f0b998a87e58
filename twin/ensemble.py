"""How sure the twin is: the same scenario with every unsourced number drawn from its range, many times.

A Latin hypercube spreads the draws; numbers whose range spans a factor of ten or more are drawn on a
logarithmic scale. Fitted numbers stay, as do those of the event itself (kinds that are GIVEN). Each draw has
noise of its own. A draw in which a service is impaired before anything has happened contradicts what is
known, that the region was well, and is left out. From the others follow the band of each outcome and the
numbers that move it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np
from scipy.stats import qmc, rankdata, spearmanr

from twin import outcomes
from twin.model import Scenario
from twin.numbers import Number, numbers, varies
from twin.runs import run
from twin.trials import changed, value_at

LOW, HIGH = 0.05, 0.95  # the band
MOVES_MIN = 10.0  # a number that moves an outcome by less is left out
CHANCE = 0.05  # of naming any number for an outcome that none moves

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Movement:
    """``number`` moves ``outcome`` by ``movement_min`` (later if positive) from its low to its high end."""

    number: Number
    outcome: str
    rank_correlation: float
    movement_min: float


@dataclass(frozen=True)
class Ensemble:
    """Draws of ``numbers`` and what came of them.

    ``places`` (draws, numbers): where in its range each number was, 0 to 1. ``times_min``: outcome id →
    (draws,) minutes from the start, infinite where it does not happen. ``published_min``: id → (published,
    tolerance). Draws that were left out, ``left_out`` of them, are in none of these.
    """

    numbers: tuple[Number, ...]
    places: np.ndarray
    times_min: Mapping[str, np.ndarray]
    published_min: Mapping[str, tuple[float, float]]
    seed: int
    left_out: int = 0

    def band(self, outcome: str) -> tuple[float, float]:
        """Ends of the 5–95 % band, in minutes from the start; an end may be infinite."""
        ordered = np.sort(self.times_min[outcome])
        if not len(ordered):
            return math.inf, math.inf
        last = len(ordered) - 1
        return float(ordered[math.floor(LOW * last)]), float(ordered[math.ceil(HIGH * last)])

    def covers(self, outcome: str, tolerance: bool = False) -> bool:
        """Whether the published time, or any time within its tolerance, is inside the band."""
        low, high = self.band(outcome)
        at, room = self.published_min[outcome]
        room = room if tolerance else 0.0
        return low - room <= at <= high + room

    def movements(self, outcome: str) -> list[Movement]:
        """The numbers that move an outcome by more than MOVES_MIN, the one that moves it most first."""
        times, places = self.times_min[outcome], self.places
        happens = np.isfinite(times)
        if happens.sum() < 8 or np.ptp(times[happens]) <= MOVES_MIN:
            return []
        found = []
        for k, number in enumerate(self.numbers):
            rank = spearmanr(rankdata(times), places[:, k])
            slope = float(np.polyfit(places[happens, k], times[happens], 1)[0])
            if rank.pvalue < CHANCE / len(self.numbers) and abs(slope) > MOVES_MIN:
                found.append(Movement(number, outcome, round(float(rank.statistic), 3), round(slope, 1)))
        return sorted(found, key=lambda m: (-abs(m.movement_min), m.number.target))

    def as_json(self) -> dict[str, Any]:
        """Coverage and band width of the predicted outcomes, and what moves them."""
        widths = [high - low if high < math.inf else high for low, high in map(self.band, self.times_min)]
        count = max(1, len(self.times_min))
        return {
            "draws": len(self.places) + self.left_out, "left_out": self.left_out,
            "seed": self.seed, "numbers": len(self.numbers),
            "coverage": round(sum(map(self.covers, self.times_min)) / count, 4),
            "coverage_with_tolerance": round(sum(self.covers(o, True) for o in self.times_min) / count, 4),
            "median_band_min": _finite(float(np.median(widths))) if widths else None,
            "outcomes": [self._outcome(o) for o in self.times_min],
            "moved_by": [
                {"number": m.number.target, "value": m.number.value, "range": list(m.number.range or ()),
                 "outcome": m.outcome, "rank_correlation": m.rank_correlation, "movement_min": m.movement_min}
                for o in self.times_min for m in self.movements(o)
            ],
        }  # fmt: skip

    def _outcome(self, outcome: str) -> dict[str, Any]:
        (low, high), at = self.band(outcome), self.published_min[outcome][0]
        happens = float(np.isfinite(self.times_min[outcome]).sum()) / max(1, len(self.places))
        return {"id": outcome, "low_error_min": _finite(low - at), "high_error_min": _finite(high - at),
                "covered": self.covers(outcome), "happens_share": round(happens, 4)}  # fmt: skip


def _finite(value: float) -> float | None:
    return round(value, 2) if math.isfinite(value) else None


def draws(scenario: Scenario, n: int, seed: int) -> tuple[tuple[Number, ...], np.ndarray]:
    """The unsourced numbers, and (n, numbers) places from 0 to 1 in their ranges; both follow from seed."""
    varied = tuple(number for number in numbers(scenario) if varies(scenario, number))
    if not varied:
        return (), np.zeros((n, 0))
    return varied, qmc.LatinHypercube(len(varied), rng=seed).random(n)


def drawn(scenario: Scenario, varied: Sequence[Number], places: Sequence[float]) -> Scenario:
    """The scenario with each number at its place."""
    values = {n.target: value_at(n, float(p)) for n, p in zip(varied, places, strict=True)}
    return changed(scenario, values)


def ensemble(
    scenario: Scenario, n: int, *, seed: int, predicted: Sequence[str], workers: int = 2,
    progress: Progress | None = None,
) -> Ensemble:  # fmt: skip
    """Run ``n`` draws, each with noise of its own, and gather the times of the ``predicted`` outcomes (ids).

    ``workers`` processes share the runs; 1 keeps them in this one. The result does not depend on it.
    """
    assert scenario.published is not None
    varied, places = draws(scenario, n, seed)
    jobs = [(drawn(scenario, varied, row), k + 1) for k, row in enumerate(places)]
    found, kept = [], np.zeros(n, bool)
    for k, (times, kept[k]) in enumerate(_run_all(jobs, min(workers, n))):
        found.append([math.inf if times[o] is None else times[o] / 60 for o in predicted])
        if progress:
            progress(k + 1, n)
    table = np.array(found, "f8").reshape(n, len(predicted))[kept]
    published = {
        o.id: ((o.at - scenario.start).total_seconds() / 60, float(o.tolerance_min))
        for o in scenario.published.outcomes
    }
    times_min = {o: table[:, k] for k, o in enumerate(predicted)}
    stated = {o: published[o] for o in predicted}
    return Ensemble(varied, places[kept], times_min, stated, seed, left_out=int(n - kept.sum()))


def _run_all(jobs: Sequence[tuple[Scenario, int]], workers: int) -> Iterator[tuple[dict[str, Any], bool]]:
    """Times of each job's outcomes, and whether it began well; in the order of the jobs."""
    if workers <= 1:
        yield from map(_times, jobs)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_times, jobs)


def _times(job: tuple[Scenario, int]) -> tuple[dict[str, Any], bool]:
    scenario, replicate = job
    assert scenario.published is not None
    signals = outcomes.signals_of(run(scenario, replicate=replicate), scenario.published)
    first_input_s = min((x.at_s for x in scenario.interventions if x.at_s is not None), default=0.0)
    return outcomes.times(signals, scenario.published), outcomes.first_trouble(signals) >= first_input_s
