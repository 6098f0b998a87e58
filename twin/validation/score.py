"""How closely a run reproduces the published timeline: the twin beside the same scenario without feedback.

Every outcome is *imposed* (the direct end of an input), *fitted* (a fitted number names it) or *predicted*
(the rest). Only the predicted ones say how good the twin is, and of these only what the scenario without
feedback does not get right in the same window. They answer four questions, for each phase of the event. Does
it happen at all? In which order? How far off? Does the uncertainty of an ensemble cover the published time?
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from html import escape
from typing import Any

from twin.base.text import counted, html_table
from twin.experiments.opened import StudySettings
from twin.experiments.realizations import first_input_s
from twin.model.published import Outcome, Published
from twin.model.scenario import Scenario
from twin.model.scoring import Phase
from twin.results import outcomes
from twin.results.of_run import RunArrays
from twin.simulation.relay_baseline import without_feedback
from twin.simulation.run import FinishedRun, simulate
from twin.simulation.runs import SCORECARD
from twin.spec.inputs import UncertainInput, inputs_of
from twin.validation.checks import PlateauRow, early_trouble, idle_bans
from twin.validation.counts import CountRow, count_rows
from twin.validation.distribution import (
    OutcomeDistribution,
    PhaseDistribution,
    by_phase,
    distribution_of,
)
from twin.validation.ensemble import Ensemble, ensemble
from twin.validation.phases import WHOLE, PhaseScore, phase_of, phases_of
from twin.validation.sums import NEAR_MIN, kendall_order, timing_of
from twin.validation.upstream import open_numbers

_TIME = "%d %b %H:%M"


class OutcomeClass(StrEnum):
    """An outcome follows from an input, from a number fitted to it, or from the model alone."""

    IMPOSED = "imposed"
    FITTED = "fitted"
    PREDICTED = "predicted"


@dataclass(frozen=True)
class ScoreRow:
    """One published outcome, when the twin and the baseline show it (None: not at all), class and phase."""

    outcome: Outcome
    outcome_class: OutcomeClass
    simulated: datetime | None
    baseline: datetime | None
    phase: Phase = WHOLE

    @property
    def error_min(self) -> float | None:
        """Simulated less published, in minutes; 0 anywhere between two bounds."""
        return self._error(self.simulated)

    @property
    def baseline_error_min(self) -> float | None:
        """As error_min, for the baseline."""
        return self._error(self.baseline)

    @property
    def is_missed(self) -> bool:
        """It does not happen, or further off than NEAR_MIN and than the published time is precise."""
        error_min = self.error_min
        return error_min is None or abs(error_min) > max(NEAR_MIN, self.outcome.tolerance_min)

    def _error(self, moment: datetime | None) -> float | None:
        return None if moment is None else round(self.outcome.off_s(moment) / 60, 2)

    def as_json(self) -> dict[str, Any]:
        """The row as the command line's JSON has it."""
        return {
            "id": self.outcome.id, "subject": self.outcome.subject, "published": self.outcome.at.isoformat(),
            "simulated": self.simulated and self.simulated.isoformat(), "error_min": self.error_min,
            "class": self.outcome_class, "baseline_error_min": self.baseline_error_min,
            "phase": self.phase.id,
        }  # fmt: skip


@dataclass(frozen=True)
class Scorecard:
    """A scored run.

    ``rows``: outcomes within the horizon, in the order of the published timeline; ``beyond``: ids of those
    after it. ``broken`` and ``baseline_broken``: what must not happen and did. ``idle``: id of what must not
    happen and could not → why. ``callees``: by service. ``troubled``: services that were impaired.
    ``warnings``: what makes the score doubtful.
    ``never_min``: what an outcome that never happens counts as in a mean error.
    """

    run_id: str
    digest: str
    runner: str
    engine_seconds: float
    rows: tuple[ScoreRow, ...]
    beyond: tuple[str, ...]
    broken: tuple[str, ...]
    baseline_broken: tuple[str, ...]
    must_not_count: int
    idle: Mapping[str, str]
    plateaus: tuple[PlateauRow, ...]
    counts: tuple[CountRow, ...]
    warnings: tuple[str, ...]
    troubled: frozenset[str]
    numbers: tuple[UncertainInput, ...]
    callees: Mapping[str, tuple[str, ...]]
    never_min: float
    ensemble: Ensemble | None = None

    def __repr__(self) -> str:
        predicted = self.summary()["predicted"]
        outcomes = f"{predicted['exist']} of {counted(predicted['count'], 'predicted outcome')} happen"
        error_min = predicted["mean_abs_error_min"]
        off = "" if error_min is None else f", {error_min:.1f} min off on average"
        broken = f"{len(self.broken)} of {counted(self.must_not_count, 'exclusion')} broken"
        return f"Scorecard(run {self.run_id[:8]}: {outcomes}{off}; {broken})"

    def _repr_html_(self) -> str:
        rows = [
            (r.outcome.id, f"{r.outcome.at:{_TIME}}", f"{r.simulated:{_TIME}}" if r.simulated else "never",
             "" if r.error_min is None else f"{r.error_min:+.1f}", r.as_json()["class"])
            for r in self.rows
        ]  # fmt: skip
        columns = ("outcome", "published", "simulated", "error min", "class")
        return f"<div><p>{escape(repr(self))}</p>{html_table(columns, rows)}</div>"

    @property
    def fitted(self) -> tuple[UncertainInput, ...]:
        """The fitted numbers."""
        return tuple(number for number in self.numbers if number.fitted_to)

    @property
    def predicted(self) -> tuple[ScoreRow, ...]:
        """The rows of the predicted outcomes."""
        return tuple(row for row in self.rows if row.outcome_class is OutcomeClass.PREDICTED)

    @property
    def phases(self) -> list[PhaseScore]:
        """The predicted outcomes of each phase; the last entry has all, if there are several phases."""
        return phases_of(self.predicted, self.never_min)

    @property
    def distribution(self) -> list[PhaseDistribution]:
        """The ensemble against what was published, phase by phase; empty without an ensemble."""
        if self.ensemble is None:
            return []
        found = {row.outcome.id: self._distribution(row) for row in self.predicted
                 if row.outcome.id in self.ensemble.times_min}  # fmt: skip
        return by_phase(found, [(phase.title, phase.outcomes) for phase in self.phases])

    def _distribution(self, row: ScoreRow) -> OutcomeDistribution:
        assert self.ensemble is not None
        id, at_min = row.outcome.id, self.ensemble.published_min[row.outcome.id][0]
        earliest_min = at_min - (row.outcome.at - row.outcome.earliest).total_seconds() / 60
        return distribution_of(
            self.ensemble.times_min[id], (earliest_min, at_min), self.ensemble.band(id),
            row.baseline_error_min, self.never_min,
        )  # fmt: skip

    @property
    def misses(self) -> list[ScoreRow]:
        """Predicted outcomes that are missed: first the ones without a time, then by error."""
        missed = [row for row in self.predicted if row.is_missed]
        return sorted(missed, key=lambda row: -abs(row.error_min or 0.0) if row.simulated else -math.inf)

    def hangs_on(self, row: ScoreRow) -> list[str]:
        """The numbers on which an outcome depends: those that move it most over the ensemble.

        Without an ensemble: the open numbers of its subject, and of what that depends on, directly or not.
        """
        if self.ensemble is not None and row.outcome.id in self.ensemble.times_min:
            moved = self.ensemble.movements(row.outcome.id)
            return [f"{m.number.target} ({m.movement_min:+.0f} min over its range)" for m in moved]
        return open_numbers(row.outcome.subject, self.callees, self.numbers, self.troubled)

    def summary(self) -> dict[str, Any]:
        """Counts and errors by class, existence and order, what must not happen, fitted numbers, ensemble."""
        fitted = [{"number": n.target, "value": n.value, "unit": n.unit, "fitted_to": list(n.fitted_to)}
                  for n in self.fitted]  # fmt: skip
        return {
            **self._judged(lambda row: (row.simulated, row.error_min), self.broken),
            "could_not_happen": dict(self.idle),
            "beyond_horizon": list(self.beyond),
            "fitted_numbers": fitted,
            "ensemble": self.ensemble.as_json() if self.ensemble else None,
        }

    def baseline_summary(self) -> dict[str, Any]:
        """The same judgement of the baseline."""
        return self._judged(lambda row: (row.baseline, row.baseline_error_min), self.baseline_broken)

    def as_json(self) -> dict[str, Any]:
        """What ``twin replay --json`` prints."""
        return {
            "run_id": self.run_id, "digest": self.digest, "runner": self.runner,
            "engine_seconds": self.engine_seconds, "outcomes": [row.as_json() for row in self.rows],
            "warnings": list(self.warnings),
            "phases": [phase.as_json() for phase in self.phases], "never_counts_as_min": self.never_min,
            "distribution": [each.as_json() for each in self.distribution],
            "plateaus": [row.as_json() for row in self.plateaus],
            "counts": [row.as_json() for row in self.counts],
            "summary": self.summary(), "baseline": self.baseline_summary(),
        }  # fmt: skip

    def _judged(
        self, shown: Callable[[ScoreRow], tuple[datetime | None, float | None]], broken: Sequence[str]
    ) -> dict[str, Any]:
        classes = {c: [r for r in self.rows if r.outcome_class is c] for c in OutcomeClass}
        order = [(r.outcome.earliest, r.outcome.at, shown(r)[0]) for r in self.predicted]
        return {
            **{
                c.value: timing_of([shown(r)[1] for r in rows], self.never_min) for c, rows in classes.items()
            },
            "kendall_tau": kendall_order(order),
            "must_not": {"count": self.must_not_count, "broken": list(broken)},
        }


def baseline_run(scenario: Scenario, seed: int, replicate: int = 0) -> FinishedRun:
    """The same without feedback. Nobody asks for its digest."""
    return simulate(without_feedback(scenario), seed=seed, replicate=replicate, digest=False)


def score(
    scenario: Scenario,
    run: FinishedRun,
    *,
    baseline: FinishedRun | None = None,
    draws: int = 0,
    settings: StudySettings | None = None,
) -> Scorecard:
    """Score a run of ``scenario`` against its published timeline, beside ``baseline`` (run here if None).

    ``draws``: size of the ensemble, 0 for none; each takes a few runs. ``settings``: its workers and its
    folder. Raises ValueError for a scenario without a published timeline.
    """
    if scenario.published is None:
        raise ValueError(f"scenario {scenario.name} names no published timeline")
    seed, replicate = run.manifest["seed"], run.manifest["replicate"]
    reflex = baseline or baseline_run(scenario, seed, replicate)
    published, beyond = _within(scenario.published, scenario.start + timedelta(seconds=scenario.duration_s))
    all_numbers = tuple(inputs_of(scenario))
    arrays = RunArrays(run)
    others = RunArrays(reflex)
    signals = [outcomes.signals_of(each, published) for each in (arrays, others)]
    broken = [outcomes.broken(each, published, scenario.start) for each in signals]
    card = Scorecard(
        **{key: run.manifest[key] for key in ("run_id", "digest", "runner", "engine_seconds")},
        rows=_rows(scenario, published, signals, {o for n in all_numbers for o in n.fitted_to}),
        beyond=beyond,
        broken=broken[0],
        baseline_broken=broken[1],
        must_not_count=len(published.must_not),
        idle=idle_bans(scenario, signals[0], published),
        plateaus=_plateaus(scenario, published, signals),
        counts=count_rows(scenario, published, arrays, others),
        warnings=tuple(early_trouble(scenario, arrays)),
        troubled=frozenset(arrays.names[e.service] for e in arrays.episodes),
        numbers=all_numbers,
        never_min=_length_min(scenario, published),
        callees={s.name: tuple(d.on for d in s.dependencies) for s in scenario.topology.services.values()},
    )
    if not draws:
        return card
    predicted = [row.outcome.id for row in card.predicted]
    return replace(card, ensemble=ensemble(scenario, draws, predicted=predicted, settings=settings))


def _rows(
    scenario: Scenario, published: Published, signals: Sequence[outcomes.Signals], fitted: set[str]
) -> tuple[ScoreRow, ...]:
    shown = [outcomes.times(each, published) for each in signals]
    ours, theirs = ({o.id: _moment(scenario, o, t[o.id]) for o in published.outcomes} for t in shown)
    return tuple(
        ScoreRow(o, class_of(o, fitted), ours[o.id], theirs[o.id], phase_of(o.at, scenario))
        for o in published.outcomes
    )


def _plateaus(
    scenario: Scenario, published: Published, signals: Sequence[outcomes.Signals]
) -> tuple[PlateauRow, ...]:
    ours, theirs = (outcomes.levels(each, published, scenario.start) for each in signals)
    return tuple(
        PlateauRow(p, ours[p.id], theirs[p.id], phase_of(p.end, scenario)) for p in published.plateaus
    )


def _length_min(scenario: Scenario, published: Published) -> float:
    """From the first input to the last outcome."""
    last = max((o.at for o in published.outcomes), default=scenario.start)
    return round((last - scenario.start).total_seconds() / 60 - first_input_s(scenario) / 60, 2)


def class_of(outcome: Outcome, fitted: set[str]) -> OutcomeClass:
    """Its class, where ``fitted`` are the ids that fitted numbers name."""
    if outcome.imposed:
        return OutcomeClass.IMPOSED
    return OutcomeClass.FITTED if outcome.id in fitted else OutcomeClass.PREDICTED


def _within(published: Published, end: datetime) -> tuple[Published, tuple[str, ...]]:
    """The part of a timeline up to ``end``, and the ids of the outcomes after it."""
    part = {
        "outcomes": tuple(o for o in published.outcomes if o.at <= end),
        "must_not": tuple(ban for ban in published.must_not if ban.begin < end),
        "plateaus": tuple(p for p in published.plateaus if p.end <= end),
        "counts": tuple(c for c in published.counts if c.at <= end),
    }
    return published.model_copy(update=part), tuple(o.id for o in published.outcomes if o.at > end)


def _moment(scenario: Scenario, outcome: Outcome, seconds: float | None) -> datetime | None:
    """A time of the run in the zone in which the outcome is published."""
    if seconds is None:
        return None
    return (scenario.start + timedelta(seconds=seconds)).astimezone(outcome.at.tzinfo)


def write_scorecard(card: Scorecard, run: FinishedRun) -> None:
    """Leave the scorecard in the run's folder, if it has one: the page shows it. Raises OSError."""
    if run.folder is None:
        return
    partial = run.folder / f".{SCORECARD}"
    partial.write_text(json.dumps(card.as_json(), indent=1) + "\n")
    os.replace(partial, run.folder / SCORECARD)
