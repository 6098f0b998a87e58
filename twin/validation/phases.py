"""The score of each phase of the event, and what of it is also right without feedback."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from twin.model.published import Outcome
from twin.model.scenario import Scenario
from twin.model.scoring import Phase
from twin.validation.sums import also_right, timing_of

WHOLE = Phase(id="all", title="all")


class Scored(Protocol):
    """What a phase sums: the errors of an outcome, in minutes."""

    @property
    def outcome(self) -> Outcome: ...
    @property
    def phase(self) -> Phase: ...
    @property
    def error_min(self) -> float | None: ...
    @property
    def baseline_error_min(self) -> float | None: ...


@dataclass(frozen=True)
class PhaseScore:
    """The predicted ``outcomes`` of a phase, by id. ``twin`` and ``baseline``: sums as of ``timing_of``.

    ``also``: window → how many are right in it without feedback, too.
    """

    phase: Phase
    outcomes: tuple[str, ...]
    twin: dict[str, Any]
    baseline: dict[str, Any]
    also: dict[str, int]

    @property
    def title(self) -> str:
        """Its title in words."""
        return self.phase.title or self.phase.id

    def as_json(self) -> dict[str, Any]:
        """As ``twin replay --json`` prints it."""
        return {"id": self.phase.id, "title": self.title, "twin": self.twin,
                "without_feedback": self.baseline, "also_without_feedback": self.also}  # fmt: skip


def phases_of(rows: Sequence[Scored], never_min: float) -> list[PhaseScore]:
    """The score of each phase that has outcomes, in order, and of all of them together."""
    in_time = sorted(rows, key=lambda row: row.outcome.at)
    phases = list(dict.fromkeys(row.phase for row in in_time))
    parts = [(phase, [row for row in rows if row.phase == phase]) for phase in phases]
    return [_score(*part, never_min) for part in [*parts, (WHOLE, rows)][: None if len(parts) > 1 else 1]]


def _score(phase: Phase, rows: Sequence[Scored], never_min: float) -> PhaseScore:
    ours, theirs = [row.error_min for row in rows], [row.baseline_error_min for row in rows]
    ids = tuple(row.outcome.id for row in rows)
    sums = timing_of(ours, never_min), timing_of(theirs, never_min)
    return PhaseScore(phase, ids, *sums, also_right(ours, theirs))


def phase_of(moment: datetime, scenario: Scenario) -> Phase:
    """The first phase that does not end before a moment."""
    assert scenario.published is not None
    at = {o.id: o.at for o in scenario.published.outcomes}
    for phase in scenario.scoring.phases:
        if phase.through is None or moment <= at.get(phase.through, moment):
            return phase
    return WHOLE
