"""The fit of a scenario's fitted inputs to the published times that they name.

Every input is moved inside its prior range, as a *quantile* from 0 to 1. The misfit of an outcome is its
error over its *scale*. That is the precision with which it is published, but at least five minutes
(modelling.md §5.3: a replay claims no more). A breach of what must not happen weighs more, by the minutes by
which it would have to move.

Bounded least squares (scipy's trust region, with a Jacobian by differences over the workers) descends from
the shipped values. If it does not arrive, a Latin hypercube over the prior finds another start, and
Nelder-Mead ends where the misfit is not smooth. The same scenario and seed give the same values. The runs are
in a study, so a fit that was killed repeats its steps from the finished runs, and goes on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

import numpy as np

from twin.experiments.realizations import first_input_s
from twin.experiments.study import Study
from twin.model.published import Outcome
from twin.model.scenario import Scenario
from twin.spec.inputs import UncertainInput, inputs_of, quantile_of, value_at_quantile
from twin.validation.timeline import Simulated, WantedRun, timelines_of

SCALE_MIN = 5.0  # no outcome is fitted more closely than this
DOUBT_RATIO = 0.05  # of the time since the event began, a replay may be off (modelling.md §5.3)
BAN_SCALE_MIN = 1.0  # a minute of what must not happen weighs as much as five of an error
NEVER_MIN = 60.0  # what never happens counts as happening this long after the end
STEP = 0.03  # of a range, to see what a number moves
NEAR = 0.1  # of a scale: near enough
POINTS = 6  # of the hypercube, for each number
DESCENTS = 8  # steps of one descent at most

FixedValues = Mapping[str, float | int]


class Wrong(NamedTuple):
    """What is wrong with a fit: ``target`` is a number, or '' for the scenario."""

    target: str
    found: str
    expected: str
    hint: str = ""
    outcome: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.target or 'scenario'}: found {self.found}, expected {self.expected}{hint}"


class CannotFit(ValueError):
    """There is nothing to fit, or it may not be fitted so. ``problems`` says all of it."""

    def __init__(self, problems: Sequence[Wrong]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, problems)))


class Spent(Exception):
    """All runs that were allowed have been made."""


@dataclass(frozen=True)
class Aim:
    """What is fitted to what.

    ``numbers``: those that move, with their ranges. ``outcomes``: ids of what they name. ``at_min`` and
    ``scale_min`` (outcomes,): the published time, in minutes from the start, and its scale. ``doubt_min``
    (outcomes,): how far a replay may be off without being wrong. ``bans``: ids of what must not happen.
    ``end_min``: end of the run.
    """

    numbers: tuple[UncertainInput, ...]
    outcomes: tuple[str, ...]
    at_min: np.ndarray
    scale_min: np.ndarray
    doubt_min: np.ndarray
    bans: tuple[str, ...]
    end_min: float

    def values(self, place: Sequence[float] | np.ndarray) -> dict[str, float | int]:
        """The values at a place (numbers,), rounded as a file would have them."""
        return {n.target: _rounded(n, float(p)) for n, p in zip(self.numbers, place, strict=True)}

    def start(self) -> np.ndarray:
        """(numbers,) the places at which the numbers stand."""
        return np.array([quantile_of(n) for n in self.numbers])

    def errors_min(self, timeline: Simulated) -> np.ndarray:
        """(outcomes,) simulated less published; what never happens is late."""
        times = np.array([timeline.times_min[o] for o in self.outcomes])
        return np.minimum(times, self.end_min + NEVER_MIN) - self.at_min

    def misfit(self, timeline: Simulated) -> np.ndarray:
        """(outcomes + bans,) what the fit makes small: its squares are summed."""
        bans = np.array([timeline.breaches_min[ban] for ban in self.bans])
        return np.concatenate([self.errors_min(timeline) / self.scale_min, bans / BAN_SCALE_MIN])

    def without(self, outcome: str) -> Aim:
        """The same without one outcome, and without the numbers that then name none."""
        keep = [k for k, o in enumerate(self.outcomes) if o != outcome]
        left = tuple(self.outcomes[k] for k in keep)
        numbers = tuple(n for n in self.numbers if set(n.fitted_to) & set(left))
        cut = {name: getattr(self, name)[keep] for name in ("at_min", "scale_min", "doubt_min")}
        return replace(self, numbers=numbers, outcomes=left, **cut)


def aim_of(scenario: Scenario, known_until: datetime | None = None) -> Aim:
    """What the scenario's fitted numbers are to be fitted to. Raises CannotFit with all that is wrong.

    What must not happen counts only as far as it ends by ``known_until``, if that is given.
    """
    fitted = tuple(n for n in inputs_of(scenario) if n.fitted_to)
    published = scenario.published
    if published is None:
        raise CannotFit([Wrong("", "no published timeline", "published: with the outcomes to fit to")])
    if not fitted:
        raise CannotFit([Wrong("", "nothing to fit", "a number with fitted_to: and its range")])
    if problems := [*_problems(scenario, fitted)]:
        raise CannotFit(problems)
    named = {id for number in fitted for id in number.fitted_to}
    return _aim(scenario, fitted, [o for o in published.outcomes if o.id in named], known_until)


def conditions(scenario: Scenario) -> Aim:
    """What an ensemble has to agree with: as aim_of, but what cannot be fitted is left out, not refused.

    A number keeps only the outcomes that it may be fitted to; one that is left with none is held.
    """
    assert scenario.published is not None
    all_fitted = tuple(n for n in inputs_of(scenario) if n.fitted_to)
    wrong = {(w.target, w.outcome) for w in _problems(scenario, all_fitted)}
    roomy = [n for n in all_fitted if (n.target, "") not in wrong]
    good = {n.target: {o for o in n.fitted_to if (n.target, o) not in wrong} for n in roomy}
    named = set().union(*good.values())
    fitted = tuple(n for n in roomy if good[n.target])
    return _aim(scenario, fitted, [o for o in scenario.published.outcomes if o.id in named])


def domain_outcomes(scenario: Scenario) -> Aim:
    """No number, and all outcomes that may be fitted to and are not imposed: what a profile looks at."""
    assert scenario.published is not None
    end_min = scenario.duration_s / 60
    mine = [o for o in scenario.published.outcomes if _is_of_domain(scenario, o.subject) and not o.imposed]
    return _aim(scenario, (), [o for o in mine if minutes_of(scenario, o) <= end_min])


def minutes_of(scenario: Scenario, outcome: Outcome) -> float:
    """When an outcome is published, in minutes from the start."""
    return (outcome.at - scenario.start).total_seconds() / 60


def _aim(
    scenario: Scenario, fitted: tuple[UncertainInput, ...], named: Sequence[Outcome],
    known_until: datetime | None = None,
) -> Aim:  # fmt: skip
    assert scenario.published is not None
    bans = [ban for ban in scenario.published.must_not if _is_of_domain(scenario, ban.subject)
            and (known_until is None or ban.end <= known_until)]  # fmt: skip
    began_min = first_input_s(scenario) / 60
    at_min = np.array([minutes_of(scenario, o) for o in named])
    scale_min = np.array([max(float(o.tolerance_min), SCALE_MIN) for o in named])
    return Aim(
        fitted,
        tuple(o.id for o in named),
        at_min,
        scale_min,
        np.maximum(scale_min, DOUBT_RATIO * (at_min - began_min)),
        tuple(ban.id for ban in bans),
        scenario.duration_s / 60,
    )


def _problems(scenario: Scenario, fitted: Sequence[UncertainInput]) -> Iterator[Wrong]:
    assert scenario.published is not None
    outcomes = {o.id: o for o in scenario.published.outcomes}
    for number in fitted:
        if number.range is None or number.range[0] >= number.range[1]:
            yield Wrong(number.target, "no room to move", "a range: with a low below its high")
        for id in number.fitted_to:
            subject = outcomes[id].subject
            if not _is_of_domain(scenario, subject):
                expected = f"an outcome of {', '.join(scenario.scoring.fit_domains)}"
                hint = "scoring: fit_domains: others are predicted"
                yield Wrong(number.target, f"outcome {id} of {subject}", expected, hint, id)
            elif outcomes[id].not_before is not None:
                found = f"outcome {id}, of which only two bounds are known"
                yield Wrong(number.target, found, "an outcome with a time", outcome=id)
            elif minutes_of(scenario, outcomes[id]) > scenario.duration_s / 60:
                found = f"outcome {id}, after the end of the run"
                yield Wrong(number.target, found, "an outcome within it", outcome=id)


def _is_of_domain(scenario: Scenario, subject: str) -> bool:
    """Whether outcomes of a service may be fitted to: of the domains that the scenario declares, if any."""
    declared = scenario.scoring.fit_domains
    return not declared or scenario.topology.services[subject].domain in declared


def _rounded(number: UncertainInput, place: float) -> float | int:
    """The value at a place as one would write it: four digits, or whole seconds; inside the range."""
    value = value_at_quantile(number, min(max(place, 0.0), 1.0))
    if number.unit == "count":
        return value
    written = float(round(value)) if number.unit == "s" and value >= 60 else float(f"{value:.4g}")
    assert number.range is not None
    return min(max(written, number.range[0]), number.range[1])


@dataclass
class FitRuns:
    """The runs of one fit, each made once. ``max_runs``: how many may be made, None for no limit. ``fixed``:
    values of other inputs."""

    study: Study
    scenario: str
    aim: Aim
    max_runs: int | None = None
    fixed: FixedValues = field(default_factory=dict)
    seen: dict[tuple[float | int, ...], Simulated] = field(default_factory=dict)
    places: dict[tuple[float | int, ...], np.ndarray] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many runs were made, or found in the study."""
        return len(self.seen)

    def timelines(self, points: Sequence[np.ndarray]) -> list[Simulated]:
        """The timeline at each place. Raises Spent before it would exceed ``max_runs``."""
        points_of = {tuple(self.aim.values(p).values()): p for p in points}
        new = {key: p for key, p in points_of.items() if key not in self.seen}
        if self.max_runs is not None and self.count + len(new) > self.max_runs:
            raise Spent
        wanted = [WantedRun({**self.fixed, **self.aim.values(p)}) for p in new.values()]
        found = timelines_of(self.study, self.scenario, wanted) if wanted else []
        for (key, place), timeline in zip(new.items(), found, strict=True):
            self.seen[key], self.places[key] = timeline, np.clip(place, 0.0, 1.0)
        return [self.seen[tuple(self.aim.values(p).values())] for p in points]

    def misfits(self, points: Sequence[np.ndarray]) -> np.ndarray:
        """(points, outcomes + bans) the misfits at each place."""
        return np.array([self.aim.misfit(timeline) for timeline in self.timelines(points)])

    def cost(self, point: np.ndarray) -> float:
        """Half the sum of squares of the misfits."""
        return float(0.5 * np.sum(self.misfits([point])[0] ** 2))

    def leaders(self, n: int) -> list[np.ndarray]:
        """The ``n`` best places that were seen, the best first."""
        costs = {key: np.sum(self.aim.misfit(timeline) ** 2) for key, timeline in self.seen.items()}
        return [self.places[key] for key in sorted(costs, key=lambda key: float(costs[key]))[:n]]

    def slopes(self, point: np.ndarray) -> np.ndarray:
        """(outcomes + bans, numbers) how the misfit changes with each place.

        By a step inwards, or the other way if an outcome disappears there, because an outcome that never
        happens gives no slope.
        """
        steps = np.where(point + STEP <= 1.0, STEP, -STEP)
        origin, *moved = self.timelines([point, *(point + np.diag(steps))])
        gone = [self._vanish(origin, each) for each in moved]
        other = np.clip(point - steps, 0.0, 1.0) - point
        steps = np.where(gone & (other != 0.0), other, steps)
        moved = self.timelines(list(point + np.diag(steps)))
        changes = [self.aim.misfit(each) - self.aim.misfit(origin) for each in moved]
        return np.array(changes).T / steps

    def _vanish(self, origin: Simulated, moved: Simulated) -> bool:
        return any(
            math.isfinite(origin.times_min[o]) and math.isinf(moved.times_min[o]) for o in self.aim.outcomes
        )

    def is_near(self) -> bool:
        """Whether the best place is near enough to stop."""
        return float(np.max(np.abs(self.misfits(self.leaders(1))))) <= NEAR


def fit(runs: FitRuns, start: np.ndarray, seed: int) -> np.ndarray:
    """The places (numbers,) with the smallest misfit found, within ``runs.max_runs`` runs; never worse than
    ``start``."""
    from scipy.stats import qmc  # a second that a plain replay does not need

    with suppress(Spent):
        _descend(runs, start)
        if not runs.is_near():
            spread = qmc.LatinHypercube(len(start), rng=seed).random(POINTS * len(start))
            runs.timelines(list(spread))
            _descend(runs, runs.leaders(1)[0])
        if not runs.is_near():
            _polish(runs)
    return runs.leaders(1)[0]


def refit(runs: FitRuns, start: np.ndarray) -> np.ndarray:
    """As fit, from a place that is near already: one descent."""
    with suppress(Spent):
        _descend(runs, start)
    return runs.leaders(1)[0]


def _descend(runs: FitRuns, origin: np.ndarray) -> None:
    from scipy.optimize import least_squares

    runs.timelines([origin])
    if runs.is_near():
        return
    least_squares(
        lambda place: runs.misfits([place])[0], origin, jac=runs.slopes, bounds=(0.0, 1.0),
        method="trf", xtol=1e-3, ftol=1e-3, max_nfev=DESCENTS,
    )  # fmt: skip


def _polish(runs: FitRuns) -> None:
    from scipy.optimize import minimize

    origin = runs.leaders(1)[0]
    steps = np.where(origin + STEP <= 1.0, STEP, -STEP)
    simplex = np.vstack([origin, origin + np.diag(steps)])
    minimize(
        runs.cost, origin, method="Nelder-Mead", bounds=[(0.0, 1.0)] * len(origin),
        options={"initial_simplex": simplex, "maxfev": 20 * len(origin), "xatol": 1e-3, "fatol": 1e-3},
    )  # fmt: skip
