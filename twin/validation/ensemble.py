"""How sure the twin is: the same scenario with every unsourced number drawn from its range, many times.

A Latin hypercube spreads the draws; numbers whose range spans a factor of ten or more are drawn on a
logarithmic scale. Those of the event itself (kinds that hold it) stay. Each draw has noise of its own. The
fitted numbers are fitted anew in each draw, as ``match`` says.

Left out is a draw that contradicts what is known: a service is impaired before anything has happened; a
fitted outcome is further off than IMPLAUSIBLE times its doubt; or something happens that must not, among
services of DynamoDB and EC2, and does not with the scenario's own numbers. So the draws that are kept are a
posterior given DynamoDB and EC2, and what they say of everything else is a prediction.

A time is published with a precision, its tolerance: each draw's time carries a reporting error, uniform
within it. From these follow the band of each outcome, the numbers that move it, and the one number that would
narrow its band most if it were published.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.stats import chi2, qmc, rankdata, spearmanr

from twin.base.rng import DELAY, stable_key, uniform
from twin.experiments.worlds import draws, values_at
from twin.model.scenario import Outcome, Scenario
from twin.spec.inputs import UncertainInput
from twin.validation.conditioning import Draw, Match, known, match
from twin.validation.fit import Aim, Search, conditions, minutes_of
from twin.validation.trials import Trial, Workers

LOW, HIGH = 0.05, 0.95  # the band
MOVES_MIN = 10.0  # a number that moves an outcome by less is left out
CHANCE = 0.05  # of naming any number for an outcome that none moves
WIDE_MIN = 60.0  # a band wider than this is wide
IMPLAUSIBLE = 3.0  # doubts by which a fitted outcome may be off
FEW = 12  # draws say nothing of which number matters

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Movement:
    """``number`` moves ``outcome`` by ``movement_min`` (later if positive) from its low to its high end."""

    number: UncertainInput
    outcome: str
    rank_correlation: float
    movement_min: float


@dataclass(frozen=True)
class Narrowing:
    """``number``, known to a third of its range, would leave ``left_min`` of the ``band_min`` of ``outcome``
    (open ends count as the end of the run). ``certain``: more than chance would name a number."""

    number: UncertainInput
    outcome: str
    band_min: float
    left_min: float
    certain: bool

    def as_json(self) -> dict[str, Any]:
        """As the command line's JSON has it."""
        return {"outcome": self.outcome, "number": self.number.target, "band_min": round(self.band_min, 1),
                "left_min": round(self.left_min, 1), "certain": self.certain}  # fmt: skip


@dataclass(frozen=True)
class Ensemble:
    """Draws of ``numbers`` and what came of them.

    ``places`` (draws, numbers): where in its range each number was, 0 to 1. ``times_min``: outcome id →
    (draws,) minutes from the start, as they might be published; infinite where it does not happen.
    ``published_min``: id → (published, tolerance). Draws that were left out are in none of these: ``ill``
    from the start, or ``implausible``. ``runs``: how many it took. ``refitted``: targets of the fitted
    numbers. ``excused``: what must not happen and does with the scenario's own numbers.
    """

    numbers: tuple[UncertainInput, ...]
    places: np.ndarray
    times_min: Mapping[str, np.ndarray]
    published_min: Mapping[str, tuple[float, float]]
    seed: int
    ill: int = 0
    implausible: int = 0
    runs: int = 0
    end_min: float = math.inf
    refitted: tuple[str, ...] = ()
    excused: tuple[str, ...] = ()

    @property
    def left_out(self) -> int:
        """How many draws contradict what is known."""
        return self.ill + self.implausible

    def band(self, outcome: str) -> tuple[float, float]:
        """Ends of the 5–95 % band, in minutes from the start; an end may be infinite."""
        return _band(self.times_min[outcome])

    def width_min(self, outcome: str) -> float:
        """Width of the band, infinite if it is open."""
        low, high = self.band(outcome)
        return high - low if high < math.inf else math.inf

    def covers(self, outcome: str) -> bool:
        """Whether the published time is inside the band."""
        low, high = self.band(outcome)
        return low <= self.published_min[outcome][0] <= high

    def movements(self, outcome: str) -> list[Movement]:
        """The numbers that move an outcome by more than MOVES_MIN, the one that moves it most first."""
        times, places = self.times_min[outcome], self.places
        happens = np.isfinite(times)
        if happens.sum() < 8 or np.ptp(times[happens]) <= MOVES_MIN:
            return []
        found = []
        for k, number in enumerate(self.numbers):
            if np.ptp(places[happens, k]) < 1e-9:  # fitted, and to the same value in every draw
                continue
            rank = spearmanr(rankdata(times), places[:, k])
            slope = float(np.polyfit(places[happens, k], times[happens], 1)[0])
            if rank.pvalue < CHANCE / len(self.numbers) and abs(slope) > MOVES_MIN:
                found.append(Movement(number, outcome, round(float(rank.statistic), 3), round(slope, 1)))
        return sorted(found, key=lambda m: (-abs(m.movement_min), m.number.target))

    @cached_property
    def wide(self) -> list[Narrowing]:
        """What would narrow each band that is wider than WIDE_MIN, the widest first."""
        found = [self.narrowing(o) for o in self.times_min if self.width_min(o) > WIDE_MIN]
        return sorted((each for each in found if each), key=lambda each: (-each.band_min, each.outcome))

    def narrowing(self, outcome: str) -> Narrowing | None:
        """The number that explains most of an outcome's band; None if there are too few draws to tell.

        The draws are cut into thirds by each number, and the ranks of the times compared between them
        (Kruskal and Wallis's H, which takes times that are infinite); the number with the largest H is named,
        and what is left is the mean width of the band in its thirds.
        """
        times = np.minimum(self.times_min[outcome], self.end_min)
        n = len(times)
        if n < FEW or not self.numbers or np.ptp(times) == 0:
            return None
        thirds = (rankdata(self.places, method="ordinal", axis=0) - 1) * 3 // n
        ranks = rankdata(times)
        sums = np.array([np.where(thirds == g, ranks[:, None], 0.0).sum(0) for g in range(3)])
        counts = np.array([(thirds == g).sum(0) for g in range(3)])
        ties = 1.0 - float(np.sum(np.unique(times, return_counts=True)[1] ** 3.0 - 0.0) - n) / (n**3 - n)
        h = (12.0 / (n * (n + 1)) * np.sum(sums**2 / counts, axis=0) - 3 * (n + 1)) / max(ties, 1e-12)
        k = int(np.argmax(h))
        left = [_width(times[thirds[:, k] == g]) for g in range(3)]
        certain = bool(chi2.sf(h[k], 2) < CHANCE / len(self.numbers))
        return Narrowing(self.numbers[k], outcome, _width(times), float(np.mean(left)), certain)

    def as_json(self) -> dict[str, Any]:
        """Coverage and band width of the predicted outcomes, what moves them and what would narrow them."""
        widths = [self.width_min(o) for o in self.times_min]
        count = max(1, len(self.times_min))
        return {
            "draws": len(self.places) + self.left_out, "kept": len(self.places), "left_out": self.left_out,
            "ill": self.ill, "implausible": self.implausible, "runs": self.runs,
            "seed": self.seed, "numbers": len(self.numbers), "refitted": list(self.refitted),
            "excused": list(self.excused),
            "coverage": round(sum(map(self.covers, self.times_min)) / count, 4),
            "median_band_min": _finite(float(np.median(widths))) if widths else None,
            "open_share": round(sum(map(math.isinf, widths)) / count, 4),
            "outcomes": [self._outcome(o) for o in self.times_min],
            "wide": [each.as_json() for each in self.wide],
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


def _band(times: np.ndarray) -> tuple[float, float]:
    ordered = np.sort(times)
    if not len(ordered):
        return math.inf, math.inf
    last = len(ordered) - 1
    return float(ordered[math.floor(LOW * last)]), float(ordered[math.ceil(HIGH * last)])


def _width(times: np.ndarray) -> float:
    low, high = _band(times)
    return high - low


def report_error_min(outcome: Outcome, seed: int, draw: int) -> float:
    """By how much the published time of an outcome may be off, in minutes: uniform within its tolerance."""
    u = uniform(seed, stable_key(f"report of {outcome.id}"), 0, DELAY, draw)
    return float((2.0 * u - 1.0) * outcome.tolerance_min)


def ensemble(
    scenario: Scenario, n: int, *, seed: int, predicted: Sequence[str], workers: int = 2,
    progress: Progress | None = None,
) -> Ensemble:  # fmt: skip
    """Run ``n`` draws and gather the times of the ``predicted`` outcomes (ids).

    ``workers`` processes share the runs; 1 keeps them in this one. The result does not depend on it.
    """
    assert scenario.published is not None
    varied, places = draws(scenario, n, seed)
    aim = conditions(scenario)
    jobs = _jobs(scenario, aim, varied, places, seed)
    with Workers(scenario, min(workers, n)) as crew:
        search = Search(crew, aim)
        about = known(search)
        (origin,) = search.trials([about.start])
        found = []
        for k, each in enumerate(crew.map(match, [(about, job) for job in jobs])):
            found.append(each)
            if progress:
                progress(k + 1, n)
    ill, implausible = _contradictions(aim, origin, found)
    kept = ~ill & ~implausible
    return Ensemble(
        (*varied, *aim.numbers),
        np.column_stack([places, np.array([each.place for each in found]).reshape(n, -1)])[kept],
        _times(scenario, predicted, [each.trial for each in found], kept, seed),
        {o.id: (minutes_of(scenario, o), float(o.tolerance_min))
         for o in scenario.published.outcomes if o.id in set(predicted)},
        seed, int(ill.sum()), int(implausible.sum()),
        search.runs + sum(each.runs for each in found), aim.end_min,
        tuple(number.target for number in aim.numbers), _excused(aim, origin),
    )  # fmt: skip


def _jobs(
    scenario: Scenario, aim: Aim, varied: Sequence[UncertainInput], places: np.ndarray, seed: int
) -> list[Draw]:
    assert scenario.published is not None
    n, size = len(places), len(aim.numbers)
    priors = qmc.LatinHypercube(size, rng=seed + 1).random(n) if size else np.zeros((n, 0))
    named = [o for o in scenario.published.outcomes if o.id in aim.outcomes]
    return [
        Draw(values_at(varied, places[k]), priors[k],
             np.array([report_error_min(o, seed, k + 1) for o in named]), k + 1)
        for k in range(n)
    ]  # fmt: skip


def _excused(aim: Aim, origin: Trial) -> tuple[str, ...]:
    return tuple(ban for ban in aim.bans if origin.breaches_min[ban] > 0)


def _contradictions(aim: Aim, origin: Trial, found: Sequence[Match]) -> tuple[np.ndarray, np.ndarray]:
    """(draws,) which are ill from the start, and which of the others are implausible."""
    bans = set(aim.bans) - set(_excused(aim, origin))
    ill = np.array([not each.trial.began_well for each in found], bool)
    off = [each.off > IMPLAUSIBLE or any(each.trial.breaches_min[ban] > 0 for ban in bans) for each in found]
    return ill, np.array(off, bool) & ~ill


def _times(
    scenario: Scenario, predicted: Sequence[str], trials: Sequence[Trial], kept: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    assert scenario.published is not None
    outcomes = {o.id: o for o in scenario.published.outcomes}
    return {
        id: np.array([t.times_min[id] + report_error_min(outcomes[id], seed, k + 1)
                      for k, t in enumerate(trials) if kept[k]], "f8")
        for id in predicted
    }  # fmt: skip
