"""The runs behind the findings on defences: a study with an arm for every set of switches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from twin.base.text import counted
from twin.base.units import format_duration
from twin.experiments.answers import Results
from twin.experiments.arms import BASELINE, Arm
from twin.experiments.barriers.analysis import (
    AS_IT_WAS,
    Effect,
    Findings,
    Switches,
    Times,
    TurningPoint,
    findings,
    label,
    most_rounds,
    too_late,
)
from twin.experiments.barriers.switches import combined, comes_late, switched_on_late, switches_of
from twin.experiments.opened import StudySettings, open_study
from twin.experiments.realizations import Realization, realizations
from twin.experiments.study import Job, Study
from twin.experiments.tables import Tabular
from twin.model.changes import Barrier
from twin.model.scenario import Scenario
from twin.results.metrics import PRIMARY

METRICS = (PRIMARY, "peak_impaired", "last_recovery_s")


@dataclass(frozen=True)
class SwitchedValues:
    """Metric → set of switches → a value for each realization, None where it has none."""

    values: Mapping[str, Mapping[Switches, Sequence[float | None]]]

    @property
    def losses(self) -> dict[Switches, list[float]]:
        """Set of switches → service-minutes lost, a value for each realization."""
        return {on: [v or 0.0 for v in values] for on, values in self.values[PRIMARY].items()}

    @property
    def lost(self) -> list[float]:
        """Service-minutes lost as it was, a value for each realization."""
        return self.losses[AS_IT_WAS]


def barrier_runs(scenario: Scenario, known: Sequence[Barrier], worlds: int, moments: bool) -> int:
    """How many runs there may be: of every side and, with ``moments``, of the bisections."""
    sides = sum(1 for _ in combined(known))
    late = sum(comes_late(b.on) for b in known) if moments else 0
    return worlds * (sides + late * most_rounds(scenario.duration_s))


@dataclass(frozen=True)
class Inspected(Tabular):
    """The findings on ``known`` defences of ``scenario``. ``turning_points``: until when each would have
    helped. ``stuck``: defence → services that never recover if it comes just too late, on average."""

    scenario: Scenario
    known: Sequence[Barrier]
    measured: SwitchedValues
    findings: Findings
    turning_points: Sequence[TurningPoint]
    stuck: Mapping[str, float]

    headings = ("switch", "verdict", "saves", "minutes left")

    def __repr__(self) -> str:
        return f"Inspected({self.scenario.name}: {counted(len(self.known), 'defence')})"

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row a switch, then a row a pair."""
        effects = [*self.findings.singles.values(), *(p.effect for p in self.findings.pairs)]
        for e in effects:
            yield {"switches": label(e.switches), "verdict": str(e.verdict), "saved_ratio": e.ratio,
                   "minutes_left": e.left}  # fmt: skip

    def summary(self) -> Iterator[tuple[object, ...]]:
        """A row a switch."""
        for name, e in self.findings.singles.items():
            yield name, str(e.verdict), f"{e.ratio:.0%}", e.left


def barriers(
    scenario: Scenario, known: Sequence[Barrier], worlds: int = 2, *, moments: bool = True,
    settings: StudySettings | None = None,
) -> Inspected:  # fmt: skip
    """Switch each of these defences on and off, alone and in pairs, in ``worlds`` realizations of the noise.

    ``moments``: also until when each would have helped. Raises WorkerLost, OtherStudy.
    """
    runs = barrier_runs(scenario, known, worlds, moments)
    with open_study({scenario.name: scenario}, settings, runs=runs) as study:
        inquiry = Inquiry(study, scenario, known, realizations(worlds, draws=False, first=0))
        measured = inquiry.measure()
        found = findings(measured.losses, switches_of(known))
        helpful = [found.singles[name] for name in found.lined_up]
        points = inquiry.too_late(helpful) if moments else []
        return Inspected(scenario, known, measured, found, points, inquiry.never_recover(points))


@dataclass(frozen=True)
class Inquiry:
    """The runs with ``barriers`` of ``scenario``, in ``worlds``; ``study`` has the scenario by its name."""

    study: Study
    scenario: Scenario
    barriers: Sequence[Barrier]
    worlds: Sequence[Realization]

    def arms(self) -> dict[Switches, Arm]:
        """The sides to compare: as it was, each switch alone, each two defences at once."""
        changes = switches_of(self.barriers)
        return {
            on: Arm(label(on) if on else BASELINE, tuple(changes[name] for name in sorted(on)))
            for on in combined(self.barriers)
        }

    def measure(self) -> SwitchedValues:
        """Run every side in every realization."""
        arms = self.arms()
        results = self._do(arms.values())
        found = {metric: results.values(metric) for metric in METRICS}
        return SwitchedValues({
            metric: {on: [values[arm.name][r] for r in self.worlds] for on, arm in arms.items()}
            for metric, values in found.items()
        })  # fmt: skip

    def _do(self, arms: Iterable[Arm]) -> Results:
        return self.study.do(Job(self.scenario.name, arm, r) for arm in arms for r in self.worlds)

    def too_late(self, effects: Iterable[Effect]) -> list[TurningPoint]:
        """Until when each of these defences would have helped; of those that can be switched on in a run."""
        known = {b.name for b in self.barriers if comes_late(b.on)}
        helpful = [e for e in effects if label(e.switches) in known]
        return too_late(helpful, self.scenario.duration_s, lambda times: self._switched_on(times, PRIMARY))

    def never_recover(self, points: Iterable[TurningPoint]) -> dict[str, float]:
        """Defence → services that never recover, on average, if it is switched on just too late."""
        times = {p.name: p.too_late_s for p in points if p.too_late_s < self.scenario.duration_s}
        return {name: fmean(values) for name, values in self._switched_on(times, "not_recovered").items()}

    def _switched_on(self, times: Times, metric: str) -> dict[str, list[float]]:
        """Defence → a metric of the runs in which it is switched on at its time, for each realization."""
        by_name = {b.name: b for b in self.barriers}
        arms = {
            name: Arm(f"{name} @ +{format_duration(at_s)}",
                      (switched_on_late(by_name[name], self.scenario, at_s),))
            for name, at_s in times.items()
        }  # fmt: skip
        found = self._do(arms.values()).values(metric)
        return {name: [found[arm.name][r] or 0.0 for r in self.worlds] for name, arm in arms.items()}
