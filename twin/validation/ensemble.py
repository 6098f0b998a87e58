"""How certain the twin is: the same scenario in many draws of its uncertain inputs.

Each draw samples every input without a source uniformly from its range. The scale is logarithmic if the
range spans a factor of ten or more (``twin.experiments.realizations``). Inputs of the event itself (kinds
that are GIVEN) stay. Each draw has its own noise. The fitted inputs are refitted in each draw
(``conditioning``).

Draws that contradict what is known are left out:

- invalid ones, which are replaced (``twin.experiments.screening``)
- implausible ones: a fitted outcome is off by more than IMPLAUSIBLE doubts
- implausible ones: something that must not happen does, among the services whose outcomes may be fitted to,
  although it does not with the scenario's own values

So the draws that are kept are a posterior given these outcomes. What they say about everything else is a
prediction. A time is published with a tolerance: each draw's time carries a reporting error, uniform within
it. The result is the band of each outcome, the inputs that move it, and the one input whose publication would
narrow its band most.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from twin.base.rng import DELAY, stable_key, uniform
from twin.base.text import counted
from twin.experiments.opened import StudySettings, open_study
from twin.experiments.realizations import Realization, quantile, uncertain
from twin.experiments.screening import screened
from twin.experiments.tables import Tabular
from twin.model.published import Outcome
from twin.model.scenario import Scenario
from twin.spec.inputs import UncertainInput
from twin.validation.conditioning import RUNS, Conditioned, Draw, conditioned, knowledge_of
from twin.validation.fit import Aim, FitRuns, conditions, minutes_of
from twin.validation.timeline import Simulated

LOW, HIGH = 0.05, 0.95  # the band
MOVES_MIN = 10.0  # an input that moves an outcome by less is left out
CHANCE = 0.05  # of naming any input for an outcome that none moves
WIDE_MIN = 60.0  # a band wider than this is wide
IMPLAUSIBLE = 3.0  # doubts by which a fitted outcome may be off
FEW = 12  # with fewer draws nothing is said about which input matters


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
class Ensemble(Tabular):
    """Draws of ``numbers`` and what came of them.

    ``places`` (draws, numbers): where in its range each number was, 0 to 1. ``times_min``: outcome id →
    (draws,) minutes from the start, as they might be published; infinite where it does not happen.
    ``published_min``: id → (published, tolerance). ``earliest_min``: id → lower
    bound, of those that have one. Draws that were left out are in none of these: ``invalid`` or
    ``implausible``. ``runs``: how many it took. ``refitted``: targets of the fitted inputs. ``excused``:
    what must not happen, and does with the scenario's own values.
    """

    numbers: tuple[UncertainInput, ...]
    places: np.ndarray
    times_min: Mapping[str, np.ndarray]
    published_min: Mapping[str, tuple[float, float]]
    seed: int
    invalid: int = 0
    implausible: int = 0
    runs: int = 0
    end_min: float = math.inf
    refitted: tuple[str, ...] = ()
    excused: tuple[str, ...] = ()
    earliest_min: Mapping[str, float] = field(default_factory=dict)

    headings = ("outcome", "published", "low", "high", "covered")

    def __repr__(self) -> str:
        return f"Ensemble({counted(len(self.places), 'draw')}: {counted(len(self.times_min), 'outcome')})"

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row an outcome."""
        return (self._outcome(o) for o in self.times_min)

    def summary(self) -> Iterator[tuple[object, ...]]:
        """A row an outcome, in minutes from the start."""
        for o in self.times_min:
            yield o, self.published_min[o][0], *self.band(o), "yes" if self.covers(o) else "no"

    @property
    def left_out(self) -> int:
        """How many draws contradict what is known."""
        return self.invalid + self.implausible

    def band(self, outcome: str) -> tuple[float, float]:
        """Ends of the 5–95 % band, in minutes from the start; an end may be infinite."""
        return _band(self.times_min[outcome])

    def width_min(self, outcome: str) -> float:
        """Width of the band, infinite if it is open."""
        low, high = self.band(outcome)
        return high - low if high < math.inf else math.inf

    def covers(self, outcome: str) -> bool:
        """Whether the published time is inside the band, or some of the time between its two bounds."""
        (low, high), at_min = self.band(outcome), self.published_min[outcome][0]
        return low <= at_min and self.earliest_min.get(outcome, at_min) <= high

    def movements(self, outcome: str) -> list[Movement]:
        """The numbers that move an outcome by more than MOVES_MIN, the one that moves it most first."""
        from scipy.stats import rankdata, spearmanr  # a second that a plain replay does not need

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
        """The number that explains most of an outcome's band; None if there are too few draws.

        Each number cuts the draws into thirds. The ranks of the times are compared between them by Kruskal
        and Wallis's H, which accepts infinite times. The number with the largest H is named, with the mean
        width of the band in its thirds.
        """
        from scipy.stats import chi2, rankdata

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
            "invalid": self.invalid, "implausible": self.implausible, "runs": self.runs,
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
    scenario: Scenario, draws: int, *, predicted: Sequence[str], settings: StudySettings | None = None
) -> Ensemble:
    """Run this many valid draws, and gather the times of the ``predicted`` outcomes (ids). Raises NoWorlds,
    WorkerLost, OtherStudy."""
    assert scenario.published is not None
    varied, aim = uncertain(scenario), conditions(scenario)
    with open_study({scenario.name: scenario}, settings, runs=draws * (1 + RUNS) // 2) as study:
        worlds = screened(study, scenario.name, draws)
        runs = FitRuns(study, scenario.name, aim)
        about = knowledge_of(runs)
        (origin,) = runs.timelines([about.start])
        found = conditioned(study, scenario.name, about, _draws(scenario, aim, worlds.valid))
    kept = np.array([_is_plausible(aim, origin, each) for each in found], bool)
    mine = [(r.draw, each) for r, each, keep in zip(worlds.valid, found, kept, strict=True) if keep]
    at = [[quantile(scenario, n, draw) for n in varied] + each.place.tolist() for draw, each in mine]
    return Ensemble(
        (*varied, *aim.numbers), np.array(at).reshape(len(mine), len(varied) + len(aim.numbers)),
        _times(scenario, predicted, [(draw, each.timeline) for draw, each in mine]),
        {o.id: (minutes_of(scenario, o), float(o.tolerance_min))
         for o in scenario.published.outcomes if o.id in set(predicted)},
        scenario.seed, worlds.invalid, int((~kept).sum()),
        runs.count + sum(each.runs for each in found), aim.end_min,
        tuple(number.target for number in aim.numbers), _excused(aim, origin),
        {o.id: minutes_of(scenario, o) - (o.at - o.earliest).total_seconds() / 60
         for o in scenario.published.outcomes if o.not_before},
    )  # fmt: skip


def _draws(scenario: Scenario, aim: Aim, worlds: Sequence[Realization]) -> list[Draw]:
    assert scenario.published is not None
    named = [o for o in scenario.published.outcomes if o.id in aim.outcomes]
    return [
        Draw(r, np.array([quantile(scenario, n, r.draw) for n in aim.numbers]),
             np.array([report_error_min(o, scenario.seed, r.draw) for o in named]))
        for r in worlds
    ]  # fmt: skip


def _excused(aim: Aim, origin: Simulated) -> tuple[str, ...]:
    return tuple(ban for ban in aim.bans if origin.breaches_min[ban] > 0)


def _is_plausible(aim: Aim, origin: Simulated, each: Conditioned) -> bool:
    """Whether a draw agrees with what is known of the outcomes that may be fitted to."""
    bans = set(aim.bans) - set(_excused(aim, origin))
    broken = any(each.timeline.breaches_min[ban] > 0 for ban in bans)
    return each.timeline.valid and each.off <= IMPLAUSIBLE and not broken


def _times(
    scenario: Scenario, predicted: Sequence[str], kept: Sequence[tuple[int, Simulated]]
) -> dict[str, np.ndarray]:
    """Outcome → (draws,) its time with its reporting error."""
    assert scenario.published is not None
    outcomes = {o.id: o for o in scenario.published.outcomes}
    return {
        id: np.array([t.times_min[id] + report_error_min(outcomes[id], scenario.seed, draw)
                      for draw, t in kept], "f8")
        for id in predicted
    }  # fmt: skip
