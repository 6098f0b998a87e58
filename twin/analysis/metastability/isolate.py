"""One service by itself: healthy dependencies, and callers that ask what they ask in the scenario.

A service that stays down may be held down by others. This module shows what it does by itself:

- Its dependencies become relays that work, and that take as long as they did undisturbed.
- Each caller becomes a workload that sends its undisturbed load at the peak of the day. It keeps its
  dependency: time-out, retries, back-off, connections.
- The service keeps its parameters.

The result is a scenario like any other, without noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from twin.kinds import about, kinds_that, registry
from twin.model.dependency_parameters import EDGE_PARAMETERS
from twin.model.kind import About
from twin.model.scenario import Dependency, Quantity, Scenario, Service
from twin.simulation import inline
from twin.simulation.run import schedule_for
from twin.simulation.world import build

UNDISTURBED_S = 600.0  # so long a scenario runs undisturbed before its loads are taken
PERIODS = 6  # signal periods over which they are averaged
HOSTS = 6  # are enough to push: all are alike, and each collapses by itself


@dataclass(frozen=True)
class Point:
    """What a service meets undisturbed: first tries a second by caller, latency in s by dependency."""

    calls_per_s: dict[str, float]
    latency_s: dict[str, float]

    @property
    def load_per_s(self) -> float:
        """First tries a second of all callers."""
        return sum(self.calls_per_s.values())


@dataclass(frozen=True)
class Isolated:
    """A service in its small world: ``scenario`` without any intervention, and who is around it.

    ``callers``: the callers' records, each with its one dependency; ``modes``: dependency → its mode.
    """

    scenario: Scenario
    service: str
    point: Point
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


def undisturbed(scenario: Scenario) -> Scenario:
    """Without faults, people, luck and night, and long enough to become quiet."""
    before = scenario.topology.services
    services = {n: _at_peak(s) if about(s.kind).is_customers else s for n, s in before.items()}
    update = {
        "topology": scenario.topology.model_copy(update={"services": services}), "faults": (), "actions": (),
        "diagnoses": (), "expect": (), "responders": "scripted", "noise": "mean", "duration_s": UNDISTURBED_S,
    }  # fmt: skip
    return scenario.model_copy(update=update)


def _at_peak(record: Service) -> Service:
    return with_values(record, {"swing_ratio": 0.0}, "the peak of the day")


def operating_point(scenario: Scenario, service: str) -> Point:
    """Loads and latencies around ``service`` once the undisturbed scenario has become quiet."""
    quiet = undisturbed(scenario)
    model = build(quiet, seed=quiet.seed)
    world, period = model.state, max(1, round(quiet.topology.signal_period_s / quiet.tick_s))
    t = round(UNDISTURBED_S / quiet.tick_s / period) * period
    inline.run_inline(model, schedule_for(model, quiet), t)
    calls = np.zeros(len(model.edges))
    for _ in range(PERIODS * period):
        t = inline.advance(model, t, t + 1)
        calls += world.edge["sent_calls"] / np.where(world.edge["cross_domain"] != 0, period, 1)
        model.drain()
    rate_per_s = calls / (PERIODS * period * quiet.tick_s)
    rows = list(zip(model.edges, rate_per_s, world.edge["visible_latency_s"], strict=True))
    return Point({caller: float(r) for (caller, callee), r, _ in rows if callee == service},
                 {callee: float(s) for (caller, callee), _, s in rows if caller == service})  # fmt: skip


def isolate(scenario: Scenario, service: str, point: Point, load: float = 1.0) -> Isolated:
    """The small world of ``service`` at ``load`` times its operating point.

    A kind that works for itself has its capacity divided instead: only the ratio of work to capacity counts.
    """
    before = scenario.topology.services
    record = _loaded(before[service], load)
    here = {name: name + "-too" if name in point.calls_per_s else name for name in point.latency_s}
    edges = tuple(d.model_copy(update={"on": here[d.on]}) for d in record.dependencies)
    callers = {n: _workload(before[n], service, rate * load) for n, rate in point.calls_per_s.items()}
    relays = {here[n]: _relay(before[n], here[n], latency) for n, latency in point.latency_s.items()}
    services = {service: record.model_copy(update={"dependencies": edges}), **callers, **relays}
    topology = scenario.topology.model_copy(update={"services": services})
    small = undisturbed(scenario).model_copy(
        update={"topology": topology, "parameters": {}, "sample_s": topology.signal_period_s}
    )
    loaded = Point({name: rate * load for name, rate in point.calls_per_s.items()}, point.latency_s)
    return Isolated(small, service, loaded, callers, {d.on: d.mode for d in edges})


def _loaded(record: Service, load: float) -> Service:
    if about(record.kind).own_work is None or load == 1.0:
        return record
    capacity_per_s = value_of(record, "capacity_per_s") / load
    return with_values(record, {"capacity_per_s": capacity_per_s}, "another load")


def fewer_hosts(alone: Isolated) -> tuple[Isolated, float]:
    """The same with a few hosts in place of many, and how many times fewer they are."""
    work = alone.about.own_work
    if work is None or alone.value(work.hosts) <= HOSTS:
        return alone, 1.0
    fewer = alone.value(work.hosts) / HOSTS
    values = {name: alone.value(name) / fewer for name in work.divided} | {work.hosts: HOSTS}
    values[work.members] = round(values[work.members])
    record = with_values(alone.record, values, "a few of its hosts")
    topology = alone.scenario.topology
    topology = topology.model_copy(update={"services": topology.services | {record.name: record}})
    return replace(alone, scenario=alone.scenario.model_copy(update={"topology": topology})), fewer


def with_values(record: Service, values: Mapping[str, float], why: str) -> Service:
    """The service with other values of some parameters."""
    changed = {name: Quantity(value=value, assumed=why) for name, value in values.items()}
    return record.model_copy(update={"parameters": {**record.parameters, **changed}})


def _relay(record: Service, name: str, latency_s: float) -> Service:
    parameters = {"service_time_s": _assumed(min(latency_s, 3600.0))}
    return Service(
        name=name[:60], kind=kinds_that("is_plain")[0], domain=record.domain, parameters=parameters
    )


def _workload(record: Service, service: str, rate_per_s: float) -> Service:
    """The caller as customers who call nobody else. What a lease did of its own accord, it sends as calls."""
    (edge,) = (d for d in record.dependencies if d.on == service)
    edge = edge.model_copy(update={"mode": "hard" if edge.mode == "lease" else edge.mode, "share": None})
    return Service(name=record.name, kind=kinds_that("is_customers")[0], domain=record.domain,
                   dependencies=(edge,), parameters={"rate_per_s": _assumed(rate_per_s)})  # fmt: skip


def _assumed(value: float) -> Quantity:
    return Quantity(value=float(value), assumed="as in the undisturbed scenario")


def value_of(record: Service | Dependency, name: str) -> float:
    """A parameter of a service, or a number of a dependency, as the step reads it."""
    if isinstance(record, Service):
        params, given = registry()[record.kind].PARAMETERS, record.parameters
    else:
        params, given = EDGE_PARAMETERS, record.numbers
    param = next(p for p in params if p.name == name)
    return float(param.encode(given[name].value if name in given else param.default))
