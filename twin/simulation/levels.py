"""Which services are stepped call by call, and which as counts.

A service is stepped call by call if its kind can be, all its callers are, and noise is exact. Services that
call each other share a *set*. If a set makes more calls than MOST_CALLS in a run, one simulated call stands
for several (its weight), with as many fewer servers, connections and places in queues.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache

import numpy as np

from twin.kinds import about, registry
from twin.model.scenario import Dependency, Scenario, Service

MOST_CALLS = 2_000_000  # with all retries: some seconds on a core, and at most a gigabyte in queues
SWEEPS = 60  # along the longest path; what goes round a cycle fades


def weights(scenario: Scenario) -> dict[str, int]:
    """Service → how many calls one simulated call stands for; services stepped as counts are left out."""
    each = stepped_each(scenario)
    if not each:
        return {}
    rates = call_rates(scenario.topology.services, with_retries=True)
    found: dict[str, int] = {}
    for connected in connected_sets(scenario.topology.services, each):
        calls = sum(rates[name] for name in connected) * scenario.duration_s
        found |= dict.fromkeys(connected, max(1, math.ceil(calls / MOST_CALLS)))
    return {name: found[name] for name in sorted(found)}


def connected_sets(services: Mapping[str, Service], names: set[str]) -> list[list[str]]:
    """The ``names`` that call each other, directly or through others of them: sets in the order of names.

    A run needs no library for graphs, which takes a while to import.
    """
    near: dict[str, list[str]] = {name: [] for name in sorted(names)}
    for name in near:
        for d in services[name].dependencies:
            if d.on in names:
                near[name].append(d.on)
                near[d.on].append(name)
    found, seen = [], set[str]()
    for first in near:
        connected, front = list[str](), [first]
        while front:
            name = front.pop()
            if name not in seen:
                seen.add(name)
                connected.append(name)
                front += near[name]
        if connected:
            found.append(sorted(connected))
    return found


def placed_services(scenario: Scenario) -> dict[str, Service]:
    """The services in the order of names; those of a set that is stepped call by call share one domain.

    Their calls pass at once, so one actor must have them all. The domains of a file decide for the others.
    """
    services = dict(sorted(scenario.topology.services.items()))
    for connected in connected_sets(services, stepped_each(scenario)):
        for name in connected:
            services[name] = services[name].model_copy(update={"domain": connected[0]})
    return services


def stepped_each(scenario: Scenario) -> set[str]:
    """The services that are stepped call by call."""
    services = scenario.topology.services
    each = {name for name, s in services.items() if _may(scenario, s)}
    if not each:
        return each
    out = [d.on for name, s in services.items() if name not in each for d in s.dependencies]
    while out:  # who is called as a count is a count, and so is all that it calls
        name = out.pop()
        if name in each:
            each.discard(name)
            out += [d.on for d in services[name].dependencies]
    called = {d.on for name in each for d in services[name].dependencies}
    return {name for name in each if services[name].dependencies or name in called}


def _may(scenario: Scenario, service: Service) -> bool:
    wish = service.requests if service.requests != "auto" else scenario.requests
    return scenario.noise == "exact" and wish != "counted" and bool(about(service.kind).one_by_one)


def call_rates(services: Mapping[str, Service], with_retries: bool = False) -> dict[str, float]:
    """Calls a second that reach each service: those of customers, along the dependencies, when all is well.

    ``with_retries``: when nothing is, and every attempt fails, at the dependency and at its fallback.
    """
    number = {name: n for n, name in enumerate(services)}
    edges = [(number[name], number[d.on], calls_per_request(s, d, with_retries)
              * (1.0 + float(d.value("retries")) * with_retries))
             for name, s in services.items() for d in s.dependencies]  # fmt: skip
    callers, callees, calls = (np.array(column) for column in zip(*edges, strict=True)) if edges else _NONE
    own = np.array([_own_per_s(service) for service in services.values()])
    rates = own
    for _ in range(SWEEPS):
        after = own.copy()
        np.add.at(after, callees, rates[callers] * calls)
        if (after == rates).all():
            break
        rates = after
    return dict(zip(services, rates.tolist(), strict=True))


_NONE = np.zeros(0, "i8"), np.zeros(0, "i8"), np.zeros(0)


def calls_per_request(service: Service, d: Dependency, with_fallback: bool = False) -> float:
    """First tries over dependency ``d`` for each request of its caller. An alternative is called as often as
    its weight says, a fallback after failures only."""
    if not with_fallback and any(other.fallback == d.on for other in service.dependencies):
        return 0.0
    group = [float(x.value("weight")) for x in service.dependencies if d.one_of and x.one_of == d.one_of]
    chosen = float(d.value("weight")) / sum(group) if sum(group) > 0.0 else 1.0
    return float(d.value("share")) * float(d.value("times")) * chosen


def _own_per_s(service: Service) -> float:
    """Calls a second that begin at a service."""
    if "rate_per_s" in _names(service):
        return _number(service, "rate_per_s") * _number(service, "rate_ratio")
    if "renew_every_s" in _names(service):
        return _number(service, "holders_count") / _number(service, "renew_every_s")
    return _number(service, "own_per_s") if "own_per_s" in _names(service) else 0.0


def _names(service: Service) -> Mapping[str, float | str | bool]:
    return _defaults(service.kind)


@cache
def _defaults(kind: str) -> dict[str, float | str | bool]:
    return {p.name: p.default for p in registry()[kind].PARAMETERS}


def _number(service: Service, name: str) -> float:
    given = service.parameters.get(name)
    return float(_defaults(service.kind)[name] if given is None else given.value)
