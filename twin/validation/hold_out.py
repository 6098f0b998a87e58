"""Temporal hold-out: a fit that sees the first part of the event only, and the prediction of the rest.

A number that is fitted to an outcome after the moment goes back into its prior: its middle for the score, and
places spread evenly over it for the range of that score. The others are fitted again, to the earlier outcomes
alone. Numbers that are assumed stay as they are, also those that were chosen in sight of the timeline: this
tests the fit, and not the authors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean
from typing import Any

import numpy as np

from twin.base.units import Refused, parse_moment
from twin.experiments.opened import StudySettings, open_study
from twin.model.published import Outcome
from twin.model.scenario import Intervention, Quantity, Scenario
from twin.simulation.relay_baseline import without_feedback
from twin.simulation.run import FinishedRun, simulate
from twin.spec.inputs import UncertainInput, inputs_of, value_at_quantile, with_inputs, with_quantities
from twin.spec.problems import argument_problem, did_you_mean
from twin.validation.fit import CannotFit, FitRuns, FixedValues, Wrong, aim_of, fit
from twin.validation.score import OutcomeClass, Scorecard, ScoreRow, score
from twin.validation.sums import also_right, timing_of
from twin.validation.timeline import WantedRun, timelines_of

PLACES = 8  # of the prior, for the range of the score
WHY = "its fitted outcomes are held out, so it has the middle of its prior"


@dataclass(frozen=True)
class HoldOut:
    """``after``: outcomes published later were not used. ``released``: the numbers that went back into their
    prior. ``values``: of those that were fitted again. ``whole``, ``held``: the scorecards of the shipped fit
    and of this one. ``prior_errors_min``: mean error of the later outcomes at places over the prior."""

    after: datetime
    released: tuple[UncertainInput, ...]
    values: Mapping[str, float | int]
    runs: int
    whole: Scorecard
    held: Scorecard
    prior_errors_min: tuple[float, ...]

    def rows(self, later: bool) -> list[tuple[ScoreRow, ScoreRow]]:
        """(shipped, held out) of each outcome that the hold-out predicts, on one side of the moment."""
        whole = {row.outcome.id: row for row in self.whole.rows}
        return [(whole[row.outcome.id], row) for row in self.held.predicted
                if (row.outcome.at > self.after) == later]  # fmt: skip

    def sums(self, later: bool) -> dict[str, Any]:
        """What ``timing_of`` says of one side of the moment: shipped fit, held out, without feedback."""
        pairs, never_min = self.rows(later), self.held.never_min
        shipped, held = ([pair[k].error_min for pair in pairs] for k in (0, 1))
        baseline = [row.baseline_error_min for _, row in pairs]
        return {
            "shipped": timing_of(shipped, never_min), "held_out": timing_of(held, never_min),
            "without_feedback": timing_of(baseline, never_min),
            "held_out_also_without_feedback": also_right(held, baseline),
            "fitted_in_shipped": [a.outcome.id for a, _ in pairs if a.outcome_class is OutcomeClass.FITTED],
        }  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """What ``twin calibrate --hold-out-after --json`` prints."""
        return {
            "after": self.after.isoformat(), "runs": self.runs, "fitted": dict(self.values),
            "released": [_as_json(number) for number in self.released],
            "prior_mean_abs_errors_min": list(self.prior_errors_min),
            "never_counts_as_min": self.held.never_min,
            "before": self.sums(False), "later": self.sums(True),
            "outcomes": [
                {"id": b.outcome.id, "shipped_error_min": a.error_min, "held_out_error_min": b.error_min,
                 "baseline_error_min": b.baseline_error_min} for a, b in self.rows(True)
            ],
        }  # fmt: skip


def _as_json(number: UncertainInput) -> dict[str, Any]:
    about = {"number": number.target, "unit": number.unit, "shipped": number.value}
    return {**about, "middle": value_at_quantile(number, 0.5), "range": list(number.range or ())}


def moment_of(scenario: Scenario, moment: str | float | datetime | timedelta) -> datetime:
    """The published time of an outcome, by its id; or a time of the scenario. Raises SpecError for others."""
    ids = {o.id: o.at for o in scenario.published.outcomes} if scenario.published else {}
    if isinstance(moment, str) and moment in ids:
        return ids[moment]
    try:
        return scenario.start + timedelta(seconds=parse_moment(moment, scenario.start))
    except Refused as refused:
        hint = did_you_mean(moment, ids) or refused.hint
        expected = "a time of the scenario, or the id of a published outcome"
        raise argument_problem("hold-out-after", f"'{moment}'", expected, hint) from None


def hold_out(
    scenario: Scenario, after: datetime, *, max_runs: int = 150, settings: StudySettings | None = None
) -> HoldOut:
    """Fit to the outcomes up to ``after`` only, and score both fits. Raises CannotFit, WorkerLost."""
    blind, released = blinded(scenario, after)
    values: FixedValues = {}
    with open_study({scenario.name: blind}, settings, runs=max_runs + PLACES) as study:
        runs = 0
        if any(n.fitted_to for n in inputs_of(blind)):
            aim = aim_of(blind, after)
            search = FitRuns(study, scenario.name, aim, max_runs)
            values, runs = aim.values(fit(search, aim.start(), scenario.seed)), search.count
        places = [WantedRun({**values, **at}) for at in _places(released)]
        timelines = timelines_of(study, scenario.name, places)
    fitted = with_fits(blind, values)
    baseline = simulate(without_feedback(scenario))
    whole, held = (_scored(each, baseline) for each in (scenario, fitted))
    later = [row.outcome for row in held.predicted if row.outcome.at > after]
    errors = (_mean_error(scenario, later, t.times_min, held.never_min) for t in timelines)
    return HoldOut(after, released, values, runs, whole, held, tuple(errors) if later else ())


def blinded(scenario: Scenario, after: datetime) -> tuple[Scenario, tuple[UncertainInput, ...]]:
    """The scenario as if no outcome after a moment were known, and the numbers that then have no fit.

    Raises CannotFit if no fitted number names an outcome after it.
    """
    if scenario.published is None:
        raise CannotFit([Wrong("", "no published timeline", "published: with the outcomes to fit to")])
    known = {o.id for o in scenario.published.outcomes if o.at <= after}
    touched = [n for n in inputs_of(scenario) if set(n.fitted_to) - known]
    if not touched:
        found = "no number that is fitted to an outcome after it"
        raise CannotFit([Wrong("--hold-out-after", found, "an earlier time, so that some fit is held out")])
    if bad := [Wrong(n.target, "no room to move", "a range: its prior") for n in touched if n.range is None]:
        raise CannotFit(bad)
    kept = {n.target: tuple(o for o in n.fitted_to if o in known) for n in touched}
    return _released(scenario, touched, kept), tuple(n for n in touched if not kept[n.target])


def _released(
    scenario: Scenario, touched: Sequence[UncertainInput], kept: Mapping[str, tuple[str, ...]]
) -> Scenario:
    times = {x.id for x in scenario.interventions}
    numbers = {n.target: _blind_number(n, kept[n.target]) for n in touched if n.target not in times}
    moments = {n.target: (n, kept[n.target]) for n in touched if n.target in times}
    update: dict[str, Any] = {}
    for key in ("faults", "actions"):
        update[key] = tuple(_blind_moment(x, *moments[x.id]) if x.id in moments else x
                            for x in getattr(scenario, key))  # fmt: skip
    return with_quantities(scenario.model_copy(update=update), numbers)


def _blind_number(number: UncertainInput, kept: tuple[str, ...]) -> Quantity:
    if kept:
        return Quantity(value=number.value, fitted_to=kept, range=number.range)
    return Quantity(value=value_at_quantile(number, 0.5), assumed=WHY, range=number.range)


def _blind_moment(x: Intervention, number: UncertainInput, kept: tuple[str, ...]) -> Intervention:
    if kept:
        return x.model_copy(update={"fitted_to": kept})
    at_s = value_at_quantile(number, 0.5)
    return x.model_copy(update={"fitted_to": None, "assumed": WHY, "at_s": at_s})


def with_fits(scenario: Scenario, values: FixedValues) -> Scenario:
    """The scenario with fitted values that stay fitted to what they were fitted to."""
    times = {x.id for x in scenario.interventions}
    numbers = {n.target: Quantity(value=values[n.target], fitted_to=n.fitted_to, range=n.range)
               for n in inputs_of(scenario) if n.target in values and n.target not in times}  # fmt: skip
    moved = with_inputs(scenario, {t: v for t, v in values.items() if t in times})
    return with_quantities(moved, numbers)


def _places(released: Sequence[UncertainInput]) -> list[dict[str, float | int]]:
    """Values of the released numbers at PLACES places, spread evenly over the prior of each."""
    from scipy.stats import qmc  # a second that a plain replay does not need

    if not released:
        return []
    spread = qmc.LatinHypercube(len(released), scramble=False, rng=0).random(PLACES)
    return [{n.target: value_at_quantile(n, float(p)) for n, p in zip(released, row, strict=True)}
            for row in np.asarray(spread)]  # fmt: skip


def _scored(scenario: Scenario, baseline: FinishedRun) -> Scorecard:
    return score(scenario, simulate(scenario), baseline=baseline)


def _mean_error(
    scenario: Scenario, later: Sequence[Outcome], times_min: Mapping[str, float], never_min: float
) -> float:
    """Over the outcomes; what never happens is off by ``never_min``."""

    def off_min(outcome: Outcome) -> float:
        at_min = times_min[outcome.id]
        if math.isinf(at_min):
            return never_min
        return abs(outcome.off_s(scenario.start + timedelta(minutes=at_min))) / 60

    return round(fmean(map(off_min, later)), 2)
