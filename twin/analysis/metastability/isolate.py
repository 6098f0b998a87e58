"""A loop of services by itself: healthy dependencies, and callers that ask what they ask in the scenario.

A service that stays down may be held down by others. This module shows what it does by itself, or together
with those that are on a loop with it (``loop.py``):

- Dependencies outside become relays that work, and that take as long as they did undisturbed.
- Each caller from outside becomes a workload that sends its undisturbed load at the peak of the day. It keeps
  its dependency: time-out, retries, back-off, connections.
- The services keep their parameters, and their dependencies on each other.

The result is a scenario like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from twin.analysis.metastability.loads import loads_of, one_by_one, undisturbed, value_of, with_values
from twin.analysis.metastability.loop import loop_of
from twin.kinds import about, kinds_that, registry
from twin.model.fields import assembled
from twin.model.kind import About
from twin.model.scenario import Dependency, Quantity, Scenario, Service
from twin.simulation.by_zone import by_zone

HOSTS = 6  # are enough to push: all are alike, and each collapses by itself
LONGEST_NAME = 60


@dataclass(frozen=True)
class OperatingPoint:
    """What a loop meets undisturbed. ``members``: its services, the one that was asked for first.

    ``calls_per_s``: first tries a second by (caller, member); ``latency_s``: by dependency outside.
    """

    members: tuple[str, ...]
    calls_per_s: dict[tuple[str, str], float]
    latency_s: dict[str, float]


@dataclass(frozen=True)
class Point:
    """What the small world sends: first tries a second by workload, latency in s by relay.

    ``reaching_per_s``: first tries a second of all callers of each member of the loop.
    """

    calls_per_s: dict[str, float]
    latency_s: dict[str, float]
    reaching_per_s: dict[str, float]


@dataclass(frozen=True)
class Isolated:
    """A service in its small world: ``scenario`` without any intervention, and who is around it.

    ``members``: the services of its loop, itself first. ``callers``: the records of those outside, each with
    its one dependency; ``modes``: dependency outside → its mode.
    """

    scenario: Scenario
    service: str
    point: Point
    members: tuple[str, ...]
    callers: dict[str, Service] = field(default_factory=dict)
    modes: dict[str, str] = field(default_factory=dict)

    @property
    def record(self) -> Service:
        """The service itself."""
        return self.scenario.topology.services[self.service]

    @property
    def kind(self) -> str:
        """Its kind."""
        return self.record.kind

    @property
    def about(self) -> About:
        """What its kind says of itself."""
        return about(self.kind)

    def value(self, name: str) -> float:
        """A parameter of the service, as the step reads it."""
        return value_of(self.record, name)

    def has(self, name: str) -> bool:
        """Whether the kind has such a parameter."""
        return any(p.name == name for p in registry()[self.kind].PARAMETERS)

    @property
    def load_per_s(self) -> float:
        """First tries a second of all callers of the service."""
        return self.point.reaching_per_s[self.service]

    @property
    def is_single(self) -> bool:
        """Whether its calls are stepped one by one, by chance."""
        return self.scenario.noise == "exact"

    @property
    def each(self) -> list[Isolated]:
        """The same world, as each member of the loop sees it."""
        return [replace(self, service=name) for name in self.members]


def operating_point(scenario: Scenario, service: str) -> OperatingPoint:
    """Loads and latencies around the loop of ``service`` once the undisturbed scenario has become quiet."""
    scenario = by_zone(scenario)  # each zone is a service of its own here
    loads = loads_of(scenario)
    members = loop_of(scenario, service, loads)
    calls = {edge: rate for edge, rate in loads.calls_per_s.items() if edge[1] in members}
    outside = [(b, s) for (a, b), s in loads.latency_s.items() if a in members and b not in members]
    return OperatingPoint(members, calls, dict(sorted(outside)))


def isolate(scenario: Scenario, service: str, point: OperatingPoint, load: float = 1.0) -> Isolated:
    """The small world of ``service`` and its loop at ``load`` times its operating point.

    A kind that works for itself has its capacity divided instead: only the ratio of work to capacity counts.
    """
    scenario = by_zone(scenario)
    before, members = scenario.topology.services, point.members
    names = _names([edge for edge in point.calls_per_s if edge[0] not in members])
    rates = {names[edge]: rate * load for edge, rate in point.calls_per_s.items() if edge in names}
    here = {name: f"{name}-too" if name in names.values() else name for name in point.latency_s}
    callers = {name: _workload(before[a], b, name, rates[name]) for (a, b), name in names.items()}
    relays = {here[n]: _relay(before[n], here[n], latency) for n, latency in point.latency_s.items()}
    loop = {name: _member(before[name], here, load) for name in members}
    topology = scenario.topology.model_copy(update={"services": {**loop, **callers, **relays}})
    noise = "exact" if set(members) & one_by_one(scenario) else "mean"
    small = undisturbed(scenario).model_copy(
        update={"topology": topology, "parameters": {}, "sample_s": topology.signal_period_s, "noise": noise}
    )
    reaching = {m: load * sum(r for (_, b), r in point.calls_per_s.items() if b == m) for m in members}
    latency_s = {here[name]: latency for name, latency in point.latency_s.items()}
    modes: dict[str, str] = {
        d.on: d.mode for r in loop.values() for d in r.dependencies if d.on not in members
    }
    return Isolated(small, service, Point(rates, latency_s, reaching), members, callers, modes)


def _names(edges: list[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The workload of each call from outside: the caller's name; with the callee's, if it has several."""
    several = {a for a, b in edges if any(a == c and b != d for c, d in edges)}
    return {(a, b): (f"{a}-to-{b}" if a in several else a)[:LONGEST_NAME] for a, b in edges}


def _member(record: Service, here: Mapping[str, str], load: float) -> Service:
    edges = tuple(_onto(d, here) for d in record.dependencies)
    record = record.model_copy(update={"dependencies": edges})
    if about(record.kind).own_work is None or load == 1.0:
        return record
    capacity_per_s = value_of(record, "capacity_per_s") / load
    return with_values(record, {"capacity_per_s": capacity_per_s}, "another load")


def _onto(edge: Dependency, here: Mapping[str, str]) -> Dependency:
    instead = None if edge.fallback is None else here.get(edge.fallback, edge.fallback)
    return edge.model_copy(update={"on": here.get(edge.on, edge.on), "fallback": instead})


def fewer_hosts(alone: Isolated) -> tuple[Isolated, float]:
    """The same with a few hosts in place of many, and how many times fewer they are."""
    work = alone.about.own_work
    if work is None or len(alone.members) > 1 or alone.value(work.hosts) <= HOSTS:
        return alone, 1.0
    fewer = alone.value(work.hosts) / HOSTS
    values = {name: alone.value(name) / fewer for name in work.divided} | {work.hosts: HOSTS}
    values[work.members] = round(values[work.members])
    record = with_values(alone.record, values, "a few of its hosts")
    topology = alone.scenario.topology
    topology = topology.model_copy(update={"services": topology.services | {record.name: record}})
    return replace(alone, scenario=alone.scenario.model_copy(update={"topology": topology})), fewer


def _relay(record: Service, name: str, latency_s: float) -> Service:
    parameters = {"service_time_s": _assumed(min(latency_s, 3600.0))}
    return assembled(Service, name=name[:LONGEST_NAME], kind=kinds_that("is_plain")[0], domain=record.domain,
                     parameters=parameters)  # fmt: skip


def _workload(record: Service, callee: str, name: str, rate_per_s: float) -> Service:
    """The caller as customers who call nobody else. What a lease did of its own accord, it sends as calls."""
    (edge,) = (d for d in record.dependencies if d.on == callee)
    alone = {"share": None, "times": None, "parallel": None, "one_of": None, "fallback": None}
    edge = edge.model_copy(update={"mode": "hard" if edge.mode == "lease" else edge.mode, **alone})
    return assembled(Service, name=name, kind=kinds_that("is_customers")[0], domain=record.domain,
                     dependencies=(edge,), parameters={"rate_per_s": _assumed(rate_per_s)})  # fmt: skip


def _assumed(value: float) -> Quantity:
    return Quantity(value=float(value), assumed="as in the undisturbed scenario")
