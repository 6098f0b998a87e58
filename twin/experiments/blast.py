"""Blast radius: lose a service for a while, and see what that does to all others.

A loss is an arm of a study: a fault as a change to a quiet scenario. Its effect is the difference between two
finished runs, with the fault and without. Times are in seconds from the start of the run unless stated;
durations of trouble are in minutes, as in ``twin/simulation/sql/episodes.sql``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from twin.analysis.dependencies import dependents
from twin.base.text import counted
from twin.base.thresholds import METASTABLE_S, RECOVERED_S
from twin.base.units import format_duration
from twin.experiments.answers import Results
from twin.experiments.arms import BASELINE, Arm
from twin.experiments.opened import StudySettings, open_study
from twin.experiments.realizations import Realization
from twin.experiments.study import Job
from twin.experiments.tables import Tabular
from twin.kinds import registry
from twin.model.changes import Variation
from twin.model.fields import Value
from twin.model.parameter import HOWS, LATE
from twin.model.scenario import Intervention, Scenario, Topology
from twin.spec.inputs import parameter_of

WARM_UP_S = 600.0  # undisturbed before the fault: usual levels and latencies are known by then
LEAST_WATCH_S = METASTABLE_S + RECOVERED_S  # after the fault; within less, nothing can outlive its cause
TOO_LATE = 1.5  # a late answer takes this many times the longest time-out of a caller,
MUCH_SLOWER = 10.0  # and at least this many times its usual time
NOON = datetime(2025, 1, 15, 18, tzinfo=UTC)  # start of a topology alone: the day's peak in North America
CHANGED_MIN = 1.0  # trouble that differs by less from the baseline's counts as the baseline's

_SYNCHRONOUS = ("hard", "soft", "lease")  # over any other mode a caller does not wait for the answer


class CannotBreak(Exception):
    """This service cannot be broken in this way; the message says why."""


def break_values(scenario: Scenario, service: str, how: str) -> dict[str, Value]:
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
    """A time beyond the time-out of every caller that waits, as far as the parameter's range goes."""
    parameter, given = parameter_of(scenario, target), scenario.topology.services[service].parameters
    name = parameter.name
    usual_s = parameter.encode(given[name].value if name in given else parameter.default)
    return min(
        parameter.high, max(MUCH_SLOWER * usual_s, TOO_LATE * longest_timeout_s(scenario.topology, service))
    )


def longest_timeout_s(topology: Topology, service: str) -> float:
    """The longest time-out of a caller that waits for ``service``; 0 if none does."""
    calls = (d for s in topology.services.values() for d in s.dependencies if d.on == service)
    waits = (d.value("timeout_s") for d in calls if d.mode in _SYNCHRONOUS)
    return max((float(s) for s in waits), default=0.0)


def loss_of(scenario: Scenario, service: str, how: str, at_s: float, for_s: float) -> Variation:
    """The loss of a service as a change to a scenario. Raises CannotBreak, KeyError."""
    taken = {x.id for x in scenario.interventions}
    name = next(n for n in _names(f"lose-{service}"[:50]) if n not in taken)
    values = break_values(scenario, service, how)
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
                    seed=1, requests=topology.requests)  # fmt: skip


def quiet(scenario: Scenario) -> Scenario:
    """The scenario without its faults, actions, diagnoses and expectations."""
    return scenario.model_copy(update={"faults": (), "actions": (), "diagnoses": (), "expect": ()})


def lasting(scenario: Scenario, at_s: float, for_s: float, watch_s: float) -> Scenario:
    """The scenario up to ``watch_s`` after the end of the fault, in whole samples."""
    samples = math.ceil((at_s + for_s + watch_s) / scenario.sample_s)
    return scenario.model_copy(update={"duration_s": samples * scenario.sample_s})


@dataclass(frozen=True)
class BlastPlan:
    """Which services of ``scenario`` to lose, one at a time: how, when, and for how long.

    The scenario lasts until the end of the watch. ``refused``: service → why it cannot be broken in this way;
    it has no run.
    """

    scenario: Scenario
    how: str
    at_s: float
    for_s: float
    arms: Mapping[str, Arm]
    refused: Mapping[str, str]

    @property
    def watch_s(self) -> float:
        """How long all services are watched after the fault."""
        return self.scenario.duration_s - self.at_s - self.for_s

    @property
    def jobs(self) -> list[Job]:
        """A run without the fault, then one with each."""
        return [Job(self.scenario.name, arm, Realization()) for arm in (Arm(), *self.arms.values())]


def blast_plan(
    scenario: Scenario, services: Iterable[str], how: str, at_s: float, for_s: float, watch_s: float
) -> BlastPlan:
    """The plan to lose each of these services. Raises KeyError for an unknown one."""
    scenario = lasting(scenario, at_s, for_s, watch_s)
    arms, refused = {}, {}
    for service in services:
        try:
            variation = loss_of(scenario, service, how, at_s, for_s)
        except CannotBreak as error:
            refused[service] = str(error)
            continue
        name = f"{service} {how} for {format_duration(for_s)} from +{format_duration(at_s)}"
        arms[service] = Arm(name, (variation,))
    return BlastPlan(scenario, how, at_s, for_s, arms, refused)


@dataclass(frozen=True)
class Trouble:
    """The metrics of one service in one run, named as in the view ``metrics``.

    Onset of its first episode and recovery from its last, infinite if that does not end; minutes impaired and
    lost; highest error ratio.
    """

    onset_s: float
    recovery_s: float
    impaired_min: float
    lost_min: float
    peak_error_ratio: float


@dataclass(frozen=True)
class ServiceEffect:
    """The effect of a loss on ``service``: the difference from the run without the loss.

    ``onset_s``: after the begin of the fault, None if it was impaired before. ``recovery_s``: after the end
    of the fault (negative: before it), infinite if not within the run. ``depth_ratio``: highest error ratio.
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
class BlastRadius:
    """The effects of losing ``lost`` for ``for_s``: on itself (``own``) and on ``others``, the worst first.

    ``needed_by``: services that reach it over a hard chain. ``visible``: services that customers see.
    """

    lost: str
    for_s: float
    own: ServiceEffect | None
    others: tuple[ServiceEffect, ...]
    visible: frozenset[str]
    needed_by: frozenset[str]

    @property
    def effects(self) -> tuple[ServiceEffect, ...]:
        """The effect on itself, if any, then those on others."""
        return (*((self.own,) if self.own else ()), *self.others)

    @property
    def lost_per_min(self) -> float:
        """Minutes lost by visible services, itself included, for each minute of the fault."""
        return self._per_min(self.effects)

    @property
    def others_per_min(self) -> float:
        """The part of it that others lose."""
        return self._per_min(self.others)

    def _per_min(self, effects: Iterable[ServiceEffect]) -> float:
        return sum(e.lost_min for e in effects if e.service in self.visible) / (self.for_s / 60)

    @property
    def surprises(self) -> tuple[ServiceEffect, ...]:
        """Effects on services without a hard chain to it: they wait for it, or get its load."""
        return tuple(e for e in self.others if e.service not in self.needed_by)

    @property
    def outlasting(self) -> tuple[ServiceEffect, ...]:
        """Effects that outlive their cause, its own included, the longest first."""
        found = [e for e in self.effects if e.outlives_cause]
        return tuple(sorted(found, key=lambda e: (-e.recovery_s, e.service)))


def service_effect(
    service: str, mine: Trouble | None, without: Trouble | None, at_s: float, for_s: float
) -> ServiceEffect | None:
    """The effect of a fault at ``at_s`` on a service; None if it differs by less than CHANGED_MIN."""
    if mine is None:
        return None
    none = Trouble(math.inf, -math.inf, 0.0, 0.0, 0.0)
    base = without or none
    impaired_min, lost_min = mine.impaired_min - base.impaired_min, mine.lost_min - base.lost_min
    if max(abs(impaired_min), abs(lost_min)) < CHANGED_MIN:
        return None
    onset_s = mine.onset_s - at_s if mine.onset_s >= at_s else None
    # Trouble that ends as it does without the fault does not last because of it.
    ends_s = mine.recovery_s if mine.recovery_s > base.recovery_s else min(mine.recovery_s, at_s + for_s)
    return ServiceEffect(
        service, onset_s, ends_s - at_s - for_s, impaired_min, lost_min, mine.peak_error_ratio
    )


def radius(
    scenario: Scenario, lost: str, mine: Mapping[str, Trouble], without: Mapping[str, Trouble], at_s: float,
    for_s: float,
) -> BlastRadius:  # fmt: skip
    """The effects of losing ``lost``, from the trouble of every service with and without the fault."""
    services = scenario.topology.services
    effects = {
        name: service_effect(name, mine.get(name), without.get(name), at_s, for_s) for name in services
    }
    others = [e for name, e in effects.items() if e is not None and name != lost]
    others.sort(key=lambda e: (-e.lost_min, -e.impaired_min, e.service))
    visible = frozenset(name for name, s in services.items() if s.visible)
    needed_by = frozenset(d.service for d in dependents(services, lost) if d.hard)
    return BlastRadius(lost, for_s, effects[lost], tuple(others), visible, needed_by)


def troubles(results: Results, scenario: str) -> dict[str, dict[str, Trouble]]:
    """Arm → service → its trouble, of finished runs in one realization; without the services that had
    none."""
    found: dict[str, dict[str, Trouble]] = {job.arm.name: {} for job in results.keys}
    measured = {field.name: results.of_services(field.name, scenario) for field in fields(Trouble)}
    for service, arms in measured["onset_s"].items():
        for arm, values in arms.items():
            for realization, onset_s in values.items():
                if onset_s is not None:
                    trouble = {m: by[service][arm][realization] or 0.0 for m, by in measured.items()}
                    found[arm][service] = Trouble(**trouble)
    return found


def radii(plan: BlastPlan, results: Results) -> list[BlastRadius]:
    """What came of each loss, those who take most with them first."""
    found = troubles(results, plan.scenario.name)
    without = found[BASELINE]
    return ranked(
        radius(plan.scenario, lost, found[arm.name], without, plan.at_s, plan.for_s)
        for lost, arm in plan.arms.items()
    )


def matrix(found: Sequence[BlastRadius]) -> tuple[list[str], list[list[ServiceEffect | None]]]:
    """(services that any loss affects, by name; for each loss its effect on each of them)."""
    effects = [{e.service: e for e in r.effects} for r in found]
    columns = sorted({service for each in effects for service in each})
    return columns, [[each.get(service) for service in columns] for each in effects]


def ranked(found: Iterable[BlastRadius]) -> list[BlastRadius]:
    """In order, the largest blast radius first."""
    return sorted(found, key=lambda r: (-r.lost_per_min, -len(r.others), r.lost))


@dataclass(frozen=True)
class Blast(Tabular):
    """The blast radius of each lost service, the largest first."""

    plan: BlastPlan
    radii: tuple[BlastRadius, ...]

    headings = ("lost", "per minute", "of others", "others affected", "outlive the fault")

    def __repr__(self) -> str:
        return f"Blast({self.plan.scenario.name}: {counted(len(self.radii), 'service')} lost, one at a time)"

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row an effect: of each loss on each service that it affects."""
        for r in self.radii:
            for e in r.effects:
                yield {"lost": r.lost, **vars(e), "outlives_cause": e.outlives_cause}

    def summary(self) -> Iterator[tuple[object, ...]]:
        """A row a loss."""
        for r in self.radii:
            yield r.lost, r.lost_per_min, r.others_per_min, len(r.others), len(r.outlasting)


def blast(
    scenario: Scenario | Topology, services: Iterable[str] = (), how: str = "down", *,
    at_s: float | None = None, for_s: float = 900.0, watch_s: float = 7200.0,
    settings: StudySettings | None = None,
) -> Blast:  # fmt: skip
    """Lose each of these services in turn (all by default), and say what that does to the others.

    Without ``at_s`` the service breaks after a warm-up in a quiet scenario; with it, on top of the scenario's
    own faults. ``how``: down, slow or partial. Raises KeyError for an unknown service, WorkerLost,
    OtherStudy.
    """
    base = of_topology(scenario) if isinstance(scenario, Topology) else scenario
    base = quiet(base) if at_s is None else base
    names = tuple(services) or tuple(sorted(base.topology.services))
    plan = blast_plan(base, names, how, WARM_UP_S if at_s is None else at_s, for_s, watch_s)
    return blasted(plan, settings)


def blasted(plan: BlastPlan, settings: StudySettings | None = None) -> Blast:
    """Make the runs of a plan that are missing, and read their effects. Raises WorkerLost, OtherStudy."""
    planned = dict.fromkeys(plan.jobs, 1)
    with open_study({plan.scenario.name: plan.scenario}, settings, planned=planned) as study:
        return Blast(plan, tuple(radii(plan, study.do(plan.jobs))))
