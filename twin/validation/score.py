"""How closely a run reproduces the published timeline: the twin beside the same scenario without feedback.

Every outcome is *imposed* (the direct end of an input), *fitted* (a fitted number names it) or *predicted*
(the rest). Only the predicted ones say how good the twin is. They answer four questions. Does it happen at
all? In which order? How far off? Does the uncertainty of an ensemble cover the published time?
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from html import escape
from statistics import fmean
from typing import Any

import numpy as np

from twin.base.text import counted, html_table
from twin.experiments.opened import StudySettings
from twin.model.scenario import Outcome, Published, Scenario
from twin.results import outcomes
from twin.simulation.relay_baseline import without_feedback
from twin.simulation.run import FinishedRun, simulate
from twin.simulation.runs import SCORECARD
from twin.spec.inputs import UncertainInput, inputs_of
from twin.validation.ensemble import Ensemble, ensemble

_TIME = "%d %b %H:%M"
NEAR_MIN, FAR_MIN = 10.0, 44.0  # 44 minutes are 5 % of the event


class OutcomeClass(StrEnum):
    """An outcome follows from an input, from a number fitted to it, or from the model alone."""

    IMPOSED = "imposed"
    FITTED = "fitted"
    PREDICTED = "predicted"


@dataclass(frozen=True)
class ScoreRow:
    """One published outcome, when the twin and the baseline show it (None: not at all), and its class."""

    outcome: Outcome
    outcome_class: OutcomeClass
    simulated: datetime | None
    baseline: datetime | None

    @property
    def error_min(self) -> float | None:
        """Simulated less published, in minutes."""
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
        return None if moment is None else round((moment - self.outcome.at).total_seconds() / 60, 2)

    def as_json(self) -> dict[str, Any]:
        """The row as the command line's JSON has it."""
        return {
            "id": self.outcome.id, "subject": self.outcome.subject, "published": self.outcome.at.isoformat(),
            "simulated": self.simulated and self.simulated.isoformat(), "error_min": self.error_min,
            "class": self.outcome_class, "baseline_error_min": self.baseline_error_min,
        }  # fmt: skip


@dataclass(frozen=True)
class Scorecard:
    """A scored run.

    ``rows``: outcomes within the horizon, in the order of the published timeline; ``beyond``: ids of those
    after it. ``broken`` and ``baseline_broken``: what must not happen and did. ``callees``: by service.
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
    numbers: tuple[UncertainInput, ...]
    callees: Mapping[str, tuple[str, ...]]
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
    def misses(self) -> list[ScoreRow]:
        """Predicted outcomes that are missed: first the ones without a time, then by error."""
        missed = [row for row in self.rows if row.outcome_class is OutcomeClass.PREDICTED and row.is_missed]
        return sorted(missed, key=lambda row: -abs(row.error_min or 0.0) if row.simulated else -math.inf)

    def hangs_on(self, row: ScoreRow) -> list[str]:
        """The numbers on which an outcome depends: those that move it most over the ensemble.

        Without an ensemble: the numbers without a source of its subject, and of what that depends on.
        """
        if self.ensemble is not None and row.outcome.id in self.ensemble.times_min:
            moved = self.ensemble.movements(row.outcome.id)
            return [f"{m.number.target} ({m.movement_min:+.0f} min over its range)" for m in moved]
        near = (row.outcome.subject, *self.callees[row.outcome.subject])
        unsourced = [n for n in self.numbers if n.given and n.is_unsourced]
        return [n.target for service in near for n in unsourced if n.service == service]

    def summary(self) -> dict[str, Any]:
        """Counts and errors by class, existence and order, what must not happen, fitted numbers, ensemble."""
        fitted = [{"number": n.target, "value": n.value, "unit": n.unit, "fitted_to": list(n.fitted_to)}
                  for n in self.fitted]  # fmt: skip
        return {
            **self._judged(lambda row: row.simulated, self.broken),
            "beyond_horizon": list(self.beyond),
            "fitted_numbers": fitted,
            "ensemble": self.ensemble.as_json() if self.ensemble else None,
        }

    def baseline_summary(self) -> dict[str, Any]:
        """The same judgement of the baseline."""
        return self._judged(lambda row: row.baseline, self.baseline_broken)

    def as_json(self) -> dict[str, Any]:
        """What ``twin replay --json`` prints."""
        return {
            "run_id": self.run_id, "digest": self.digest, "runner": self.runner,
            "engine_seconds": self.engine_seconds, "outcomes": [row.as_json() for row in self.rows],
            "summary": self.summary(), "baseline": self.baseline_summary(),
        }  # fmt: skip

    def _judged(self, shown: Callable[[ScoreRow], datetime | None], broken: Sequence[str]) -> dict[str, Any]:
        classes = {
            c: [(r.outcome.at, shown(r)) for r in self.rows if r.outcome_class is c] for c in OutcomeClass
        }
        return {
            **{each.value: timing_of(pairs) for each, pairs in classes.items()},
            "kendall_tau": kendall_order(classes[OutcomeClass.PREDICTED]),
            "must_not": {"count": self.must_not_count, "broken": list(broken)},
        }


def timing_of(pairs: Iterable[tuple[datetime, datetime | None]]) -> dict[str, Any]:
    """Counts and errors of (published, simulated). Shares are of all; the mean is of those that happen."""
    pairs = list(pairs)
    errors_min = [abs((then - at).total_seconds()) / 60 for at, then in pairs if then is not None]

    def share(count: int) -> float | None:
        return round(count / len(pairs), 4) if pairs else None

    return {
        "count": len(pairs),
        "exist": len(errors_min),
        "exist_share": share(len(errors_min)),
        "within_10_min_share": share(sum(e <= NEAR_MIN for e in errors_min)),
        "within_44_min_share": share(sum(e <= FAR_MIN for e in errors_min)),
        "mean_abs_error_min": round(fmean(errors_min), 2) if errors_min else None,
    }


def kendall_order(pairs: Iterable[tuple[datetime, datetime | None]]) -> float | None:
    """Kendall's tau-b of published and simulated times of outcomes that happen; None for fewer than two."""
    happen = [(at.timestamp(), then.timestamp()) for at, then in pairs if then is not None]
    if len(happen) < 2:
        return None
    moments = np.array(happen).T
    published, simulated = np.sign(moments[:, :, None] - moments[:, None, :])
    pairs_in_order = math.sqrt(float((published**2).sum() * (simulated**2).sum()))
    return round(float((published * simulated).sum()) / pairs_in_order, 4) if pairs_in_order else None


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
    reflex = baseline or simulate(without_feedback(scenario), seed=seed, replicate=replicate)
    published, beyond = _within(scenario.published, scenario.start + timedelta(seconds=scenario.duration_s))
    all_numbers = tuple(inputs_of(scenario))
    signals = [outcomes.signals_of(each, published) for each in (run, reflex)]
    broken = [outcomes.broken(each, published, scenario.start) for each in signals]
    card = Scorecard(
        **{key: run.manifest[key] for key in ("run_id", "digest", "runner", "engine_seconds")},
        rows=_rows(scenario, published, signals, {o for n in all_numbers for o in n.fitted_to}),
        beyond=beyond,
        broken=broken[0],
        baseline_broken=broken[1],
        must_not_count=len(published.must_not),
        numbers=all_numbers,
        callees={s.name: tuple(d.on for d in s.dependencies) for s in scenario.topology.services.values()},
    )
    if not draws:
        return card
    predicted = [row.outcome.id for row in card.rows if row.outcome_class is OutcomeClass.PREDICTED]
    return replace(card, ensemble=ensemble(scenario, draws, predicted=predicted, settings=settings))


def _rows(
    scenario: Scenario, published: Published, signals: Sequence[outcomes.Signals], fitted: set[str]
) -> tuple[ScoreRow, ...]:
    shown = [outcomes.times(each, published) for each in signals]
    return tuple(
        ScoreRow(o, class_of(o, fitted), *(_moment(scenario, o, times[o.id]) for times in shown))
        for o in published.outcomes
    )


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
