"""Refuses stores that fill without an end: no size, and more work every second than leaves them.

The rates are those of a quiet day: what customers ask, along the dependencies, with no fault and no retry.
What may or may not be called (caches, connections, fallbacks) counts as not called, so a refusal is certain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from twin.base.units import Refused
from twin.spec.declared import Declared, declared, service_numbers
from twin.spec.problems import Problem
from twin.spec.tree import Tree
from twin.spec.values import Names

UNBOUNDED = float("inf")
_NOT_FOR_EACH = ("cached", "new_connections", "lease", "bootstrap")  # not one call for each request
_Numbers = Mapping[str, float]


@dataclass(frozen=True)
class QuietDay:
    """Services of a tree as on a day without faults. ``arriving``: calls a second; ``values``: numbers of
    each service, given or by default."""

    edges: Mapping[str, list[Declared]]
    values: Mapping[str, _Numbers]
    arriving: Mapping[str, float]

    @classmethod
    def of(cls, tree: Tree, overrides: Tree | None, names: Names) -> QuietDay:
        """Of a tree whose values have been typed."""
        edges: dict[str, list[Declared]] = {}
        values: dict[str, _Numbers] = {}
        for name, service, of_service in declared(tree, overrides):
            edges[name] = of_service
            values[name] = _values(name, service, overrides, names)
        return cls(edges, values, _arriving(edges, values))

    def own_work_s(self, service: str) -> float:
        """The time of its servers on a request; 0 where that time is random."""
        return 0.0 if self.values[service].get("is_random") else self.work_s(service)

    def work_s(self, service: str) -> float:
        """The mean time of its servers on a request."""
        return _work_s(self.values[service])

    def has_servers(self, service: str) -> bool:
        """Whether a file gives it servers."""
        return self.values[service].get("servers_count", 0.0) > 0.0

    def limit_per_s(self, service: str) -> float:
        """Calls a second that its servers or workers manage."""
        return _limit(self.values[service])


def check_stores(tree: Tree, overrides: Tree | None, names: Names, problems: list[Problem]) -> None:
    """One problem for each asynchronous dependency whose store has no size and must grow for ever."""
    day = QuietDay.of(tree, overrides, names)
    for caller, of_service in day.edges.items():
        for edge in of_service:
            if edge.mode == "async" and "store_count" not in edge.numbers and edge.on in day.arriving:
                served_per_s = min(day.arriving[caller], day.limit_per_s(caller))
                stored_per_s = _sent_per_s(edge, of_service, served_per_s)
                drain_per_s = edge.value("drain_per_s") or UNBOUNDED
                full_per_s = day.limit_per_s(edge.on)
                problems += _overfull(edge, stored_per_s, drain_per_s, day.arriving[edge.on], full_per_s)


def _overfull(
    edge: Declared, stored_per_s: float, drain_per_s: float, arriving_per_s: float, full_per_s: float
) -> list[Problem]:
    if stored_per_s > drain_per_s * (1 + 1e-9):
        what = f"{stored_per_s:g}/s into a store without a size, and drain_per_s of {drain_per_s:g}/s"
    elif arriving_per_s > full_per_s * (1 + 1e-9) and stored_per_s > 0:
        serves = f"{arriving_per_s:g}/s for {edge.on}, which serves {full_per_s:g}/s"
        what = f"{serves}, through a store without a size"
    else:
        return []
    hint = "it grows for as long as the run lasts; or let more leave it"
    return [edge.problem("mode", Refused("store_count, the size of the store", hint, what))]


def _values(name: str, service: Tree, overrides: Tree | None, names: Names) -> _Numbers:
    """The numbers of a service: given, else the default of its kind."""
    parameters = names.kinds.get(str(service.scalar("kind")), {})
    given = {key: q.scalar("value") for key, (_, q) in service_numbers(name, service, overrides).items()}
    found = {key: given.get(key, p.default) for key, p in parameters.items()}
    numbers = {key: float(value) for key, value in found.items() if isinstance(value, int | float)}
    return numbers | {"is_random": float(found.get("service") == "exponential")}


def _own_per_s(values: _Numbers) -> float:
    """Calls that begin here: those of customers on the mean of a day, or work of its own."""
    mean_ratio = values.get("rate_ratio", 1.0) * (1.0 - values.get("swing_ratio", 0.0) / 2.0)
    return values.get("rate_per_s", 0.0) * mean_ratio + values.get("own_per_s", 0.0)


def _work_s(values: _Numbers) -> float:
    """Mean work on a request: as given, or that of servers that share a capacity."""
    servers, capacity_per_s = values.get("servers_count", 0.0), values.get("capacity_per_s", 0.0)
    shared_s = servers / capacity_per_s if capacity_per_s > 0.0 else 0.0
    return values.get("work_s", 0.0) or shared_s


def _limit(values: _Numbers) -> float:
    """Calls a second that servers or workers manage; no limit for a kind that has neither."""
    if "servers_count" not in values:
        return UNBOUNDED
    instances = values.get("instances_count", 0.0)
    count = values["servers_count"] or values.get("workers_count", 0.0) or min(instances, 1.0)
    if values.get("target_utilisation_ratio", 0.0) > 0.0:
        count = max(count, values.get("most_servers_count", 0.0))
    work_s, most_per_s = _work_s(values), values.get("capacity_per_s", UNBOUNDED)
    if work_s > 0.0 and count > 0.0:
        return count * max(instances, 1.0) / work_s * values.get("capacity_ratio", 1.0)
    return UNBOUNDED if work_s > 0.0 else most_per_s


def _sent_per_s(edge: Declared, siblings: list[Declared], rate_per_s: float) -> float:
    """Calls over a dependency while its caller serves ``rate_per_s``."""
    fallbacks = {other.word("fallback") for other in siblings}
    share, times, weight = (edge.value(name) for name in ("share", "times", "weight"))
    if edge.mode in _NOT_FOR_EACH or edge.on in fallbacks or not isinstance(share, int | float):
        return 0.0
    group = edge.word("one_of")
    if group is not None:
        weights = [other.value("weight") for other in siblings if other.word("one_of") == group]
        share *= weight / sum(weights) if sum(weights) > 0 else 0.0
    return float(rate_per_s * share * times)


def _arriving(edges: Mapping[str, list[Declared]], values: Mapping[str, _Numbers]) -> dict[str, float]:
    """Service → calls a second on a quiet day. Calls in a circle count once."""
    arriving = {name: _own_per_s(of) for name, of in values.items()}
    for _ in range(len(edges)):
        fresh = {name: _own_per_s(of) for name, of in values.items()}
        for caller, of_service in edges.items():
            served = min(arriving[caller], _limit(values[caller]))
            for edge in of_service:
                if edge.on in fresh:
                    fresh[edge.on] += _sent_per_s(edge, of_service, served)
        if fresh == arriving:
            break
        arriving = fresh
    return arriving
