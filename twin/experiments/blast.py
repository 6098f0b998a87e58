"""Lose a service for a while: how each kind is broken, the quiet world to do it in, and what came of it.

Pure: a loss is an arm of a study, a fault as a change to a scenario; what came of it is read from the values
of finished runs. Times are seconds, from the start of the run unless said otherwise; durations of trouble are
minutes, as in ``twin/simulation/sql/episodes.sql``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime

from twin.analysis.dependencies import dependents
from twin.base.thresholds import METASTABLE_S, RECOVERED_S
from twin.base.units import format_duration
from twin.experiments.arms import BASELINE, Arm
from twin.experiments.study import Job, Results
from twin.experiments.worlds import World
from twin.kinds import registry
from twin.model.changes import Variation
from twin.model.parameter import HOWS, LATE
from twin.model.scenario import Intervention, Scenario, Topology, Value
from twin.simulation.schedule import parameter_of

WARM_UP_S = 600.0  # undisturbed before the fault: levels and latencies are known by then
LEAST_WATCH_S = METASTABLE_S + RECOVERED_S  # after the fault; in less nothing is seen to outlive its cause
TOO_LATE = 1.5  # a late answer takes so many times what the most patient caller waits,
MUCH_SLOWER = 10.0  # and at least so many times what it takes undisturbed
NOON = datetime(2025, 1, 15, 18, tzinfo=UTC)  # start of a topology alone: the day's peak in North America
CHANGED_MIN = 1.0  # trouble that differs by less from the baseline's is the baseline's

_SYNCHRONOUS = ("hard", "soft", "lease")  # who calls over another mode does not wait for the answer


class CannotBreak(Exception):
    """No way to break this service so; the message says why."""


def settings(scenario: Scenario, service: str, how: str) -> dict[str, Value]:
    """Target → value that break ``service`` in one of the ways of HOWS, by what its kind says of itself.

    Raises CannotBreak, KeyError for an unknown service.
    """
    kind = scenario.topology.services[service].kind
    breaks = getattr(registry()[kind], "BREAKS", {})
    if how not in breaks:
        ways = ", ".join(breaks) or "none"
        raise CannotBreak(f"{service} cannot be {how}: kind {kind} knows no such break (ways: {ways})")
    values = {f"{service}.{name}": value for name, value in breaks[how].items()}
    return {t: _late(scenario, service, t) if v == LATE else v for t, v in values.items()}


def _late(scenario: Scenario, service: str, target: str) -> float:
    """A time that every caller who waits finds too long, as far as the parameter goes."""
    parameter, given = parameter_of(scenario, target), scenario.topology.services[service].parameters
    name = parameter.name
    usual_s = parameter.encode(given[name].value if name in given else parameter.default)
    return min(parameter.high, max(MUCH_SLOWER * usual_s, TOO_LATE * patience_s(scenario.topology, service)))


def patience_s(topology: Topology, service: str) -> float:
    """How long the most patient of those waits who call ``service`` and wait; 0 if nobody does."""
    calls = (d for s in topology.services.values() for d in s.dependencies if d.on == service)
    waits = (d.value("timeout_s") for d in calls if d.mode in _SYNCHRONOUS)
    return max((float(s) for s in waits), default=0.0)


def lose(scenario: Scenario, service: str, how: str, at_s: float, for_s: float) -> Variation:
    """The loss of a service as a change to a scenario. Raises CannotBreak, KeyError."""
    taken = {x.id for x in scenario.interventions}
    name = next(n for n in _names(f"lose-{service}"[:50]) if n not in taken)
    values = settings(scenario, service, how)
    fault = Intervention(
        id=name, kind="fault", title=f"{service} is {how}: {HOWS[how]}", at_s=at_s, for_s=for_s, set=values,
        assumed="as asked: twin blast",
    )  # fmt: skip
    return Variation(faults=(fault,))


def _names(first: str) -> Iterable[str]:
    yield first
    yield from (f"{first}-{k}" for k in range(2, 1000))


def of_topology(topology: Topology) -> Scenario:
    """A scenario in which nothing happens, at NOON."""
    return Scenario(name=f"quiet-{topology.name}"[:60], topology=topology, start=NOON, duration_s=WARM_UP_S,
                    seed=1)  # fmt: skip


def quiet(scenario: Scenario) -> Scenario:
    """The scenario without what happens in it: no fault, no action, nobody who looks for one."""
    return scenario.model_copy(update={"faults": (), "actions": (), "diagnoses": (), "expect": ()})


def lasting(scenario: Scenario, at_s: float, for_s: float, watch_s: float) -> Scenario:
    """The scenario up to ``watch_s`` after the end of the fault, in whole samples."""
    samples = math.ceil((at_s + for_s + watch_s) / scenario.sample_s)
    return scenario.model_copy(update={"duration_s": samples * scenario.sample_s})


@dataclass(frozen=True)
class Question:
    """Which services of ``scenario``, one at a time, to lose how, when, for how long.

    The scenario lasts long enough. ``refused``: service → why it cannot be broken so; it has no run.
    """

    scenario: Scenario
    how: str
    at_s: float
    for_s: float
    arms: Mapping[str, Arm]
    refused: Mapping[str, str]

    @property
    def watch_s(self) -> float:
        """How long everybody is watched after the fault."""
        return self.scenario.duration_s - self.at_s - self.for_s

    @property
    def jobs(self) -> list[Job]:
        """A run without the fault, then one with each."""
        here = World()
        return [Job(self.scenario.name, arm, here) for arm in (Arm(), *self.arms.values())]


def question(
    scenario: Scenario, services: Iterable[str], how: str, at_s: float, for_s: float, watch_s: float
) -> Question:
    """Ask it of these services. Raises KeyError for an unknown one."""
    scenario = lasting(scenario, at_s, for_s, watch_s)
    arms, refused = {}, {}
    for service in services:
        try:
            variation = lose(scenario, service, how, at_s, for_s)
        except CannotBreak as error:
            refused[service] = str(error)
            continue
        name = f"{service} {how} for {format_duration(for_s)} from +{format_duration(at_s)}"
        arms[service] = Arm(name, (variation,))
    return Question(scenario, how, at_s, for_s, arms, refused)


@dataclass(frozen=True)
class Trouble:
    """What one run did to one service: ``onset_s`` and ``recovery_s`` of all its episodes, infinite if the
    last one does not end; minutes impaired and lost; highest error ratio."""

    onset_s: float
    recovery_s: float
    impaired_min: float
    lost_min: float
    peak_error_ratio: float


@dataclass(frozen=True)
class Effect:
    """What the loss of a service does to ``service``, beyond what happens without it.

    ``onset_s`` after the fault began, None where it was in trouble before; ``recovery_s`` after the fault
    ended (negative: before that), infinite if not within the run; ``depth_ratio``: highest error ratio.
    """

    service: str
    onset_s: float | None
    recovery_s: float
    impaired_min: float
    lost_min: float
    depth_ratio: float

    @property
    def outlives_cause(self) -> bool:
        """Still impaired when the fault has been over for METASTABLE_S."""
        return self.recovery_s >= METASTABLE_S


@dataclass(frozen=True)
class Radius:
    """What the loss of ``lost`` for ``for_s`` does, to itself (``own``) and to others, the worst first.

    ``needed_by``: those that reach it over a hard chain; ``visible``: those that customers see.
    """

    lost: str
    for_s: float
    own: Effect | None
    others: tuple[Effect, ...]
    visible: frozenset[str]
    needed_by: frozenset[str]

    @property
    def effects(self) -> tuple[Effect, ...]:
        """On itself, if any, then on the others."""
        return (*((self.own,) if self.own else ()), *self.others)

    @property
    def lost_per_min(self) -> float:
        """Minutes lost of services that customers see, itself among them, for each minute of the fault."""
        return self._per_min(self.effects)

    @property
    def others_per_min(self) -> float:
        """As much of that as others lose."""
        return self._per_min(self.others)

    def _per_min(self, effects: Iterable[Effect]) -> float:
        return sum(e.lost_min for e in effects if e.service in self.visible) / (self.for_s / 60)

    @property
    def surprises(self) -> tuple[Effect, ...]:
        """On others, from which no hard chain leads to it: they wait for it, or get its load."""
        return tuple(e for e in self.others if e.service not in self.needed_by)

    @property
    def outlasting(self) -> tuple[Effect, ...]:
        """Those that outlive their cause, itself included, the longest first."""
        found = [e for e in self.effects if e.outlives_cause]
        return tuple(sorted(found, key=lambda e: (-e.recovery_s, e.service)))


def effect(
    service: str, mine: Trouble | None, without: Trouble | None, at_s: float, for_s: float
) -> Effect | None:
    """What a fault at ``at_s`` did to a service; None if it fared as it does ``without`` the fault."""
    if mine is None:
        return None
    none = Trouble(math.inf, -math.inf, 0.0, 0.0, 0.0)
    base = without or none
    impaired_min, lost_min = mine.impaired_min - base.impaired_min, mine.lost_min - base.lost_min
    if max(abs(impaired_min), abs(lost_min)) < CHANGED_MIN:
        return None
    onset_s = mine.onset_s - at_s if mine.onset_s >= at_s else None
    # What ends as it would have ended anyway does not last because of the fault.
    ends_s = mine.recovery_s if mine.recovery_s > base.recovery_s else min(mine.recovery_s, at_s + for_s)
    return Effect(service, onset_s, ends_s - at_s - for_s, impaired_min, lost_min, mine.peak_error_ratio)


def radius(
    scenario: Scenario, lost: str, mine: Mapping[str, Trouble], without: Mapping[str, Trouble], at_s: float,
    for_s: float,
) -> Radius:  # fmt: skip
    """What came of losing ``lost``, from the trouble of every service with the fault and without it."""
    services = scenario.topology.services
    effects = {name: effect(name, mine.get(name), without.get(name), at_s, for_s) for name in services}
    others = [e for name, e in effects.items() if e is not None and name != lost]
    others.sort(key=lambda e: (-e.lost_min, -e.impaired_min, e.service))
    visible = frozenset(name for name, s in services.items() if s.visible)
    needed_by = frozenset(d.service for d in dependents(services, lost) if d.hard)
    return Radius(lost, for_s, effects[lost], tuple(others), visible, needed_by)


def troubles(results: Results, scenario: str) -> dict[str, dict[str, Trouble]]:
    """Name of each arm of finished runs, of one world, → service → its trouble; services without any are
    left out."""
    found: dict[str, dict[str, Trouble]] = {job.arm.name: {} for job in results.jobs}
    measured = {field.name: results.of_services(field.name, scenario) for field in fields(Trouble)}
    for service, arms in measured["onset_s"].items():
        for arm, by_world in arms.items():
            for world, onset_s in by_world.items():
                if onset_s is not None:
                    values = {m: by[service][arm][world] or 0.0 for m, by in measured.items()}
                    found[arm][service] = Trouble(**values)
    return found


def radii(asked: Question, results: Results) -> list[Radius]:
    """What came of each loss, those who take most with them first."""
    found = troubles(results, asked.scenario.name)
    without = found[BASELINE]
    return ranked(
        radius(asked.scenario, lost, found[arm.name], without, asked.at_s, asked.for_s)
        for lost, arm in asked.arms.items()
    )


def matrix(found: Sequence[Radius]) -> tuple[list[str], list[list[Effect | None]]]:
    """Services that any loss hurts, in the order of names, and for each loss what it does to them."""
    effects = [{e.service: e for e in r.effects} for r in found]
    columns = sorted({service for each in effects for service in each})
    return columns, [[each.get(service) for service in columns] for each in effects]


def ranked(found: Iterable[Radius]) -> list[Radius]:
    """Those who take most with them first."""
    return sorted(found, key=lambda r: (-r.lost_per_min, -len(r.others), r.lost))
