"""``twin calibrate``: the fit, and what one has to know about it before one believes it.

Beside the values it gives, for each fitted input:

- its *reach*: how far it can move alone until a fitted outcome has moved by half of its scale
- how much of its prior variance the fit has taken away
- the other inputs from which it is not distinguishable

With each outcome left out in turn, it also gives what the fit says about an outcome that it did not see.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from twin.base.text import counted
from twin.experiments.opened import StudySettings, open_study
from twin.experiments.tables import Tabular
from twin.model.scenario import Scenario
from twin.spec.inputs import UncertainInput, value_at_quantile
from twin.validation.fit import NEVER_MIN, Aim, FitRuns, aim_of, fit, minutes_of, refit
from twin.validation.timeline import Simulated

HALF = 0.5  # of a scale: a number is within reach while no fitted outcome has moved by more
HALVINGS = 5  # of the way to the end of a range, to find a reach
REACH_RUNS = 2 * (HALVINGS + 2)  # for each input
PRIOR_PRECISION = 12.0  # one over the variance of a place that is uniform from 0 to 1
ALIKE = 0.9  # correlation of two numbers in what the fit leaves open, from which they are not distinguishable
KNOWN = 0.75  # share of its prior variance that an input must lose to count as identified
REFIT_RUNS = 30  # for each outcome that is left out


@dataclass(frozen=True)
class Fitted:
    """A fitted input. ``before``, ``after``: its values. ``reach``: (low, high) that it can take alone while
    no fitted outcome moves by half its scale. ``learned_ratio``: share of the prior's variance that the fit
    took away, the others being free. ``alike``: targets from which it is not distinguishable."""

    number: UncertainInput
    before: float | int
    after: float | int
    reach: tuple[float | int, float | int]
    learned_ratio: float
    alike: tuple[str, ...]

    @property
    def is_identified(self) -> bool:
        """Whether the outcomes that it was fitted to determine it."""
        return self.learned_ratio >= KNOWN

    def as_json(self) -> dict[str, Any]:
        """As ``twin calibrate --json`` prints it."""
        return {
            "number": self.number.target, "unit": self.number.unit,
            "before": self.before, "after": self.after,
            "range": list(self.number.range or ()), "reach": list(self.reach),
            "learned_ratio": round(self.learned_ratio, 3), "identified": self.is_identified,
            "alike": list(self.alike), "fitted_to": list(self.number.fitted_to),
        }  # fmt: skip


@dataclass(frozen=True)
class LeftOut:
    """The fit without ``outcome``. ``error_min``: its error then, None if it never happens. ``released``: the
    inputs that named no other outcome, and went back to the middle of their prior. ``prior_errors_min``: the
    outcome's errors over that prior, at 5, 50 and 95 % of the ranges. ``moved_…``: how far the predicted
    outcomes moved."""

    outcome: str
    error_min: float | None
    released: tuple[str, ...]
    prior_errors_min: tuple[float | None, ...]
    moved_median_min: float
    moved_most: tuple[str, float] | None

    def as_json(self) -> dict[str, Any]:
        """As ``twin calibrate --json`` prints it."""
        return {**vars(self), "moved_most": list(self.moved_most) if self.moved_most else None}


@dataclass(frozen=True)
class Calibration(Tabular):
    """A fit. ``before`` and ``after``: the timelines at the first and at the fitted values. ``runs``: how
    many runs the fit took; ``all_runs``: with the reaches and the refits."""

    aim: Aim
    numbers: tuple[Fitted, ...]
    before: Simulated
    after: Simulated
    runs: int
    all_runs: int
    seed: int
    left_out: tuple[LeftOut, ...] = ()

    headings = ("fitted input", "before", "after", "known")

    def __repr__(self) -> str:
        return f"Calibration({counted(len(self.numbers), 'input')} fitted in {counted(self.runs, 'run')})"

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row a fitted input."""
        for f in self.numbers:
            yield {"input": f.number.target, "unit": f.number.unit, "before": float(f.before),
                   "after": float(f.after), "reach_low": float(f.reach[0]), "reach_high": float(f.reach[1]),
                   "learned_ratio": f.learned_ratio}  # fmt: skip

    def summary(self) -> Iterator[tuple[object, ...]]:
        """A row a fitted input."""
        for f in self.numbers:
            yield f.number.target, float(f.before), float(f.after), f"{f.learned_ratio:.0%}"

    @property
    def values(self) -> dict[str, float | int]:
        """Target → fitted value."""
        return {f.number.target: f.after for f in self.numbers}

    def errors(self) -> Iterator[tuple[str, float | None, float | None, float]]:
        """(outcome, error before, error after, scale) in minutes; None where it never happens."""
        for k, id in enumerate(self.aim.outcomes):
            at_min = float(self.aim.at_min[k])
            before, after = (_error(timeline, id, at_min) for timeline in (self.before, self.after))
            yield id, before, after, float(self.aim.scale_min[k])

    def broken(self) -> tuple[list[str], list[str]]:
        """What must not happen in the domains of the fit and does, before and after."""
        return self._broken(self.before), self._broken(self.after)

    def _broken(self, timeline: Simulated) -> list[str]:
        return [ban for ban in self.aim.bans if timeline.breaches_min[ban] > 0]

    def as_json(self) -> dict[str, Any]:
        """What ``twin calibrate --json`` prints."""
        before, after = self.broken()
        return {
            "seed": self.seed, "runs": self.runs, "all_runs": self.all_runs,
            "cost": [round(float(np.sum(self.aim.misfit(t) ** 2) / 2), 4) for t in (self.before, self.after)],
            "outcomes": [{"id": id, "before_min": was, "after_min": now, "scale_min": scale}
                         for id, was, now, scale in self.errors()],
            "must_not": {"count": len(self.aim.bans), "broken_before": before, "broken": after},
            "numbers": [f.as_json() for f in self.numbers],
            "leave_one_out": [each.as_json() for each in self.left_out],
        }  # fmt: skip


def calibrate(
    scenario: Scenario,
    *,
    max_runs: int = 150,
    leave_one_out: bool = False,
    settings: StudySettings | None = None,
) -> Calibration:
    """Fit the inputs that the scenario marks with ``fitted_to`` to the outcomes that they name.

    ``max_runs`` limits the fit. The reaches take about twenty runs an input more, ``leave_one_out`` up to
    REFIT_RUNS an outcome. Deterministic for a scenario and its seed. Raises CannotFit, WorkerLost,
    OtherStudy.
    """
    aim = aim_of(scenario)
    with open_study(
        {scenario.name: scenario}, settings, runs=max_runs + REACH_RUNS * len(aim.numbers)
    ) as study:
        search = FitRuns(study, scenario.name, aim, max_runs)
        best = fit(search, aim.start(), scenario.seed)
        runs, search.max_runs = search.count, None
        before, after = search.timelines([aim.start(), best])
        fitted = tuple(_fitted(search, best))
        left = tuple(_left_out(scenario, search, best)) if leave_one_out else ()
        extra = sum(more for _, more in left)
    return Calibration(
        aim, fitted, before, after, runs, search.count + extra, scenario.seed, tuple(each for each, _ in left)
    )


def _fitted(search: FitRuns, best: np.ndarray) -> Iterator[Fitted]:
    aim = search.aim
    reach, beyond = _reaches(search, best)
    learned, alike = _identified(search, best, beyond)
    before, after = aim.values(aim.start()), aim.values(best)
    for k, number in enumerate(aim.numbers):
        target = number.target
        low, high = (aim.values(_at(best, k, end))[target] for end in reach[k])
        others = tuple(aim.numbers[j].target for j in alike[k])
        yield Fitted(number, before[target], after[target], (low, high), float(learned[k]), others)


def _at(point: np.ndarray, k: int, place: float) -> np.ndarray:
    """A place with one number elsewhere."""
    moved = point.copy()
    moved[k] = place
    return moved


def _reaches(search: FitRuns, best: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far each number can move alone, down and up, by bisection, all of them at once.

    Two arrays (numbers, 2): the distance, and the nearest place seen at which an outcome has moved, or the
    end of the range.
    """
    aim, sides = search.aim, [(k, end) for k in range(len(best)) for end in (0.0, 1.0)]
    (origin,) = search.timelines([best])

    def stay(places: Sequence[float]) -> list[bool]:
        timelines = search.timelines([_at(best, k, p) for (k, _), p in zip(sides, places, strict=True)])
        moved = (np.abs(aim.errors_min(t) - aim.errors_min(origin)) / aim.scale_min for t in timelines)
        return [bool(np.all(scales <= HALF)) for scales in moved]

    ends = [end for _, end in sides]
    open_ended = stay(ends)
    near, far = [float(best[k]) for k, _ in sides], list(ends)
    for _ in range(HALVINGS):
        middle = [
            a + (b - a) / (4 if a == best[k] else 2) for a, b, (k, _) in zip(near, far, sides, strict=True)
        ]
        for n, stays in enumerate(stay(middle)):
            (near if stays else far)[n] = middle[n]
    reach = [end if free else place for end, free, place in zip(ends, open_ended, near, strict=True)]
    beyond = [end if free else place for end, free, place in zip(ends, open_ended, far, strict=True)]
    return np.array(reach).reshape(-1, 2), np.array(beyond).reshape(-1, 2)


def _identified(search: FitRuns, best: np.ndarray, beyond: np.ndarray) -> tuple[np.ndarray, list[list[int]]]:
    """Share of the prior variance that each number loses, and the numbers from which each is not
    distinguishable.

    It uses the slopes to the places ``beyond`` the reach of each, on its steeper side. There an outcome has
    moved by more than the noise. With errors of one scale and a prior as wide as the range, the covariance
    after the fit is (JᵀJ + PRIOR_PRECISION)⁻¹ (linear Gaussian).
    """
    aim = search.aim
    points = [_at(best, k, place) for k, ends in enumerate(beyond) for place in ends]
    at_best, *at_ends = (
        aim.errors_min(timeline) / aim.scale_min for timeline in search.timelines([best, *points])
    )
    steps = (beyond - best[:, None]).ravel()
    each = [
        moved / step if step else np.zeros_like(at_best)
        for moved, step in zip(at_ends - at_best, steps, strict=True)
    ]
    slopes = np.array([max(each[k : k + 2], key=np.linalg.norm) for k in range(0, len(each), 2)]).T
    covariance = np.linalg.inv(slopes.T @ slopes + PRIOR_PRECISION * np.eye(len(best)))
    spread = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(spread, spread)
    learned = 1.0 - PRIOR_PRECISION * spread**2
    same = np.abs(correlation - np.diag(np.diag(correlation))) >= ALIKE
    same &= np.minimum.outer(learned, learned) < KNOWN  # what both are known of needs no telling apart
    return learned, [np.flatnonzero(row).tolist() for row in same]


def _left_out(scenario: Scenario, search: FitRuns, best: np.ndarray) -> Iterator[tuple[LeftOut, int]]:
    """The fit without each outcome in turn, and the runs that it took."""
    aim = search.aim
    assert scenario.published is not None
    (whole,) = search.timelines([best])
    rest = [o.id for o in scenario.published.outcomes if not o.imposed and o.id not in aim.outcomes
            and minutes_of(scenario, o) <= aim.end_min]  # fmt: skip
    for outcome in aim.outcomes:
        less = aim.without(outcome)
        staying = {n.target for n in less.numbers}
        free = tuple(n for n in aim.numbers if n.target not in staying)
        start = np.array([best[k] for k, n in enumerate(aim.numbers) if n.target in staying])
        middle = {n.target: value_at_quantile(n, 0.5) for n in free}
        again = FitRuns(search.study, search.scenario, less, REFIT_RUNS, fixed=middle)
        timeline, place = _refitted(again, start)
        ends = [timeline] if not free else _over_prior(again, place, free)
        at_min = float(aim.at_min[aim.outcomes.index(outcome)])
        moved = _moved(whole, timeline, rest, aim.end_min)
        most = max(moved.items(), key=lambda pair: abs(pair[1]), default=None)
        yield LeftOut(
            outcome, _error(timeline, outcome, at_min), tuple(n.target for n in free),
            tuple(_error(t, outcome, at_min) for t in ends),
            round(float(np.median(np.abs([*moved.values(), *([] if moved else [0.0])]))), 2), most,
        ), again.count + (2 if free else 0)  # fmt: skip


def _refitted(search: FitRuns, start: np.ndarray) -> tuple[Simulated, np.ndarray]:
    if not len(start):
        return search.timelines([start])[0], start
    place = refit(search, start)
    search.max_runs = None
    return search.timelines([place])[0], place


def _over_prior(search: FitRuns, place: np.ndarray, free: Sequence[UncertainInput]) -> list[Simulated]:
    """The timelines with the released numbers low, in the middle and high in their ranges."""
    found = []
    for share in (0.05, 0.5, 0.95):
        fixed = {n.target: value_at_quantile(n, share) for n in free}
        found += replace(search, fixed=fixed, seen={}, places={}, max_runs=None).timelines([place])
    return found


def _moved(whole: Simulated, other: Simulated, ids: Sequence[str], end_min: float) -> dict[str, float]:
    """By how much each outcome is later, in minutes; what never happens is late."""
    late = end_min + NEVER_MIN
    return {o: round(min(other.times_min[o], late) - min(whole.times_min[o], late), 2) for o in ids}


def _error(timeline: Simulated, outcome: str, at_min: float) -> float | None:
    time_min = timeline.times_min[outcome]
    return round(time_min - at_min, 2) if np.isfinite(time_min) else None
