"""The loop that a service is on: which services can keep each other down.

A failure lasts by itself where it comes back to where it began. It travels in two ways, from callee to caller
as a failed call, and from caller to callee as load:

| from              | to                | where                                                              |
| ----------------- | ----------------- | ------------------------------------------------------------------ |
| load on a service | its failure       | it can be short of capacity, with all retries of all callers       |
| failure of callee | failure of caller | the caller does not go on without the call                         |
| load on caller    | load on callee    | the caller makes calls for those that it gets                      |
| failure of callee | load on callee    | a client tries again, reconnects, or asks again for what expired   |
| failure of callee | load on another   | that is the fallback, or the next of a group                       |
| failure of caller | load on callee    | the caller calls by itself until it is well: leases, restarts      |

The loop of a service is its strongly connected set in this graph. A service with callers that try again is a
loop of its own. Two tiers with retries are one of two services.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from twin.analysis.metastability.loads import Calls, Loads, value_of
from twin.kinds import about, registry
from twin.model.graph import strongly_connected
from twin.model.kind import ClosedForm
from twin.model.scenario import Dependency, Scenario, Service

GOES_ON = ("soft", "async", "fire_and_forget")  # modes in which a caller does without the call
ASKS_AGAIN = ("cached", "new_connections")  # modes that go on asking while the callee fails
Influence = tuple[str, str]  # (load or failure, service)


def loop_of(scenario: Scenario, service: str, loads: Loads) -> tuple[str, ...]:
    """``service``, and those that are on a loop with it, by name."""
    services = scenario.topology.services
    edges = set(_influences(services, worst_of(services, loads.calls_per_s)))
    nodes = {(what, service) for what in ("load", "failure")}
    on_it = {name for group in strongly_connected(edges) if nodes & set(group) for _, name in group}
    return (service, *sorted(on_it - {service}))


def _influences(
    services: Mapping[str, Service], worst: Mapping[str, float]
) -> Iterator[tuple[Influence, Influence]]:
    for name, record in services.items():
        if can_be_short(record, worst[name]):
            yield ("load", name), ("failure", name)
        for edge in record.dependencies:
            if edge.mode not in GOES_ON:
                yield ("failure", edge.on), ("failure", name)
            if edge.mode != "lease":
                yield ("load", name), ("load", edge.on)
            if edge.mode in ASKS_AGAIN or value_of(edge, "retries") > 0.0:
                yield ("failure", edge.on), ("load", edge.on)
            if edge.mode == "bootstrap" or about(record.kind).calls_until_well is not None:
                yield ("failure", name), ("load", edge.on)
            for other in _instead(edge, record):
                yield ("failure", edge.on), ("load", other)


def _instead(edge: Dependency, record: Service) -> list[str]:
    """Whom the caller calls when this call fails."""
    next_ones = [d.on for d in record.dependencies if d.one_of == edge.one_of and d.on != edge.on]
    fails_over = edge.one_of is not None and value_of(edge, "failover_count") > 0.0
    return ([edge.fallback] if edge.fallback else []) + (next_ones if fails_over else [])


def can_be_short(record: Service, worst_per_s: float) -> bool:
    """Whether load can break the service: ``worst_per_s`` calls come when all attempts fail."""
    known = {p.name for p in registry()[record.kind].PARAMETERS}
    if "workers_count" in known and value_of(record, "workers_count") > 0.0:
        return True  # a slow callee holds them
    form = about(record.kind).closed_form
    if form == ClosedForm.STATION:
        return worst_per_s > capacity_of(record)
    return form == ClosedForm.SLOWING_QUEUE


def capacity_of(record: Service) -> float:
    """Calls a second that the service can take; inf if its kind has no such number."""
    known = {p.name for p in registry()[record.kind].PARAMETERS}
    if "capacity_per_s" not in known:
        return math.inf
    ratio = value_of(record, "capacity_ratio") if "capacity_ratio" in known else 1.0
    if "work_s" in known and value_of(record, "work_s") > 0.0:
        servers = value_of(record, "servers_count")
        return ratio * servers / value_of(record, "work_s") if servers > 0.0 else math.inf
    return ratio * value_of(record, "capacity_per_s")


def worst_of(services: Mapping[str, Service], calls_per_s: Calls) -> dict[str, float]:
    """Attempts a second that reach each service when all attempts fail everywhere; inf: without end."""
    names = list(services)
    number = {name: n for n, name in enumerate(names)}
    into = np.zeros(len(names))
    for (_, callee), rate in calls_per_s.items():
        into[number[callee]] += rate
    gains, begun = np.zeros((len(names), len(names))), np.zeros(len(names))
    for (caller, callee), rate in calls_per_s.items():
        edge = next(d for d in services[caller].dependencies if d.on == callee)
        attempts = _when_down(services[caller], edge, rate)
        if into[number[caller]] > 0.0 and edge.mode != "bootstrap":
            gains[number[callee], number[caller]] += attempts / into[number[caller]]
        else:
            begun[number[callee]] += attempts
    if max(abs(np.linalg.eigvals(gains)), default=0.0) >= 1.0:
        return dict.fromkeys(names, math.inf)
    return dict(zip(names, np.linalg.solve(np.eye(len(names)) - gains, begun).tolist(), strict=True))


def _when_down(record: Service, edge: Dependency, rate_per_s: float) -> float:
    """Attempts a second over a dependency when all fail."""
    by_itself = about(record.kind).calls_until_well
    if by_itself is not None:
        rate_per_s = by_itself(lambda name: value_of(record, name))
    if edge.mode == "bootstrap":
        return value_of(record, "instances_count") / max(0.001, value_of(edge, "backoff_s"))
    return rate_per_s * (1.0 + value_of(edge, "retries"))
