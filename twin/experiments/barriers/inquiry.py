"""The runs behind what is said of defences: a study with an arm for every set of switches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from twin.base.units import format_duration
from twin.experiments.arms import BASELINE, Arm
from twin.experiments.barriers.analysis import (
    AS_IT_WAS,
    Effect,
    Search,
    Switches,
    Times,
    label,
    most_rounds,
    too_late,
)
from twin.experiments.barriers.switches import combined, comes_late, late, switches_of
from twin.experiments.study import Job, Results, Study
from twin.experiments.worlds import World
from twin.model.changes import Barrier
from twin.model.scenario import Scenario

LOSS = "service_minutes_lost"
Tick = Callable[[int], None]
MEASURES = (LOSS, "peak_impaired", "last_recovery_s")


@dataclass(frozen=True)
class Measured:
    """What the runs came to: measure → set of switches → a value a world, None where it never comes."""

    values: Mapping[str, Mapping[Switches, Sequence[float | None]]]

    @property
    def losses(self) -> dict[Switches, list[float]]:
        """Set of switches → service-minutes lost, a value a world."""
        return {on: [v or 0.0 for v in values] for on, values in self.values[LOSS].items()}

    @property
    def lost(self) -> list[float]:
        """Service-minutes lost as it was, a value a world."""
        return self.losses[AS_IT_WAS]


def most_runs(scenario: Scenario, barriers: Sequence[Barrier], worlds: int, moments: bool) -> int:
    """How many runs there may be: every side, and with ``moments`` the search for when it was too late."""
    sides = sum(1 for _ in combined(barriers))
    searches = sum(comes_late(b.on) for b in barriers) if moments else 0
    return worlds * (sides + searches * most_rounds(scenario.duration_s))


@dataclass(frozen=True)
class Inquiry:
    """``barriers`` of ``scenario``, in ``worlds``; ``study`` knows the scenario by its name."""

    study: Study
    scenario: Scenario
    barriers: Sequence[Barrier]
    worlds: Sequence[World]

    def arms(self) -> dict[Switches, Arm]:
        """The sides to compare: as it was, each switch alone, each two defences at once."""
        changes = switches_of(self.barriers)
        return {
            on: Arm(label(on) if on else BASELINE, tuple(changes[name] for name in sorted(on)))
            for on in combined(self.barriers)
        }

    def measure(self, tick: Tick | None = None) -> Measured:
        """Run every side in every world. ``tick`` hears how many runs are made, of this and what was
        before."""
        arms = self.arms()
        results = self._do(arms.values(), tick)
        found = {measure: results.values(measure) for measure in MEASURES}
        return Measured({
            measure: {on: [values[arm.name][world] for world in self.worlds] for on, arm in arms.items()}
            for measure, values in found.items()
        })  # fmt: skip

    def _do(self, arms: Iterable[Arm], tick: Tick | None) -> Results:
        before = len(self.study.done)
        jobs = [Job(self.scenario.name, arm, world) for arm in arms for world in self.worlds]
        return self.study.do(jobs, None if tick is None else lambda done, _: tick(before + done))

    def too_late(self, effects: Iterable[Effect], tick: Tick | None = None) -> list[Search]:
        """Until when each of these defences would have helped; those that can be switched on in a run."""
        known = {b.name for b in self.barriers if comes_late(b.on)}
        helpful = [e for e in effects if label(e.switches) in known]

        def losses_at(times: Times) -> dict[str, list[float]]:
            return self._switched_on(times, LOSS, tick)

        return too_late(helpful, self.scenario.duration_s, losses_at)

    def never_recover(self, searches: Iterable[Search]) -> dict[str, float]:
        """Defence → services that never recover, on average, if it is switched on just too late."""
        times = {s.name: s.too_late_s for s in searches if s.too_late_s < self.scenario.duration_s}
        return {name: fmean(values) for name, values in self._switched_on(times, "not_recovered").items()}

    def _switched_on(self, times: Times, measure: str, tick: Tick | None = None) -> dict[str, list[float]]:
        """A measure of the runs in which each defence is switched on at its time, a value a world."""
        by_name = {b.name: b for b in self.barriers}
        arms = {
            name: Arm(f"{name} @ +{format_duration(at_s)}", (late(by_name[name], self.scenario, at_s),))
            for name, at_s in times.items()
        }
        found = self._do(arms.values(), tick).values(measure)
        return {name: [found[arm.name][w] or 0.0 for w in self.worlds] for name, arm in arms.items()}
