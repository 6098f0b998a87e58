"""What a score says beside times: plateaus, exclusions that could not be broken, trouble before any input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from twin.experiments.realizations import first_input_s
from twin.model.published import Exclusion, Plateau, Published
from twin.model.scenario import Scenario
from twin.model.scoring import Phase
from twin.results import outcomes
from twin.results.of_run import RunArrays
from twin.validation.upstream import upstream_of


@dataclass(frozen=True)
class PlateauRow:
    """A published plateau, and the mean level that the twin and the baseline show; not a number if the run
    does not reach it."""

    plateau: Plateau
    simulated: float
    baseline: float
    phase: Phase

    @property
    def holds(self) -> bool:
        """Whether the twin is between the two levels."""
        return self.plateau.low <= self.simulated <= self.plateau.high

    @property
    def holds_without_feedback(self) -> bool:
        """Whether the baseline is: then it says nothing about the twin."""
        return self.plateau.low <= self.baseline <= self.plateau.high

    def as_json(self) -> dict[str, Any]:
        """As ``twin replay --json`` prints it."""
        return {
            "id": self.plateau.id, "subject": self.plateau.subject, "phase": self.phase.id,
            "imposed": self.plateau.imposed, "low": self.plateau.low, "high": self.plateau.high,
            "simulated": self.simulated, "baseline": self.baseline,
            "holds": self.holds, "holds_without_feedback": self.holds_without_feedback,
        }  # fmt: skip


def idle_bans(scenario: Scenario, signals: outcomes.Signals, published: Published) -> dict[str, str]:
    """Id of each thing that must not happen and could not, in this twin → why: that it did not, proves
    nothing."""
    callees = {name: [d.on for d in s.dependencies] for name, s in scenario.topology.services.items()}
    found = ((ban.id, _why_idle(ban, signals, scenario.start, callees)) for ban in published.must_not)
    return {id: why for id, why in found if why}


def _why_idle(
    ban: Exclusion, signals: outcomes.Signals, start: datetime, callees: Mapping[str, list[str]]
) -> str:
    origin, subject = ban.would_come_from, ban.subject
    if origin and origin not in upstream_of(subject, callees) and subject not in upstream_of(origin, callees):
        return f"nothing leads from {origin} to {subject}"
    if not outcomes.could_happen(signals[subject, ban.signal], ban, start):
        return f"{subject} is {'in' if outcomes.is_onset(ban) else 'out of'} trouble all the time"
    return ""


def early_trouble(scenario: Scenario, arrays: RunArrays) -> Iterator[str]:
    """A warning for each service that customers see and that is impaired before the first input."""
    first_s = first_input_s(scenario)
    if not first_s:
        return
    for episode in arrays.episodes:
        onset_s = episode.onset_tick * arrays.tick_s
        if arrays.visible[episode.service] and onset_s < first_s:
            at = scenario.start + timedelta(seconds=onset_s)
            yield f"{arrays.names[episode.service]} is impaired at {at:%H:%M}, before the first input"
