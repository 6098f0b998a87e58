"""Trouble before the first fault: services that get more than they can do, and calls that are always late."""

from __future__ import annotations

from collections.abc import Iterator

from twin.base.units import format_duration
from twin.spec.declared import Declared
from twin.spec.problems import Problem
from twin.spec.stores import QuietDay
from twin.spec.tree import Tree

AWAITED = ("hard", "soft")


def quiet_trouble(tree: Tree, day: QuietDay) -> Iterator[Problem]:
    """A problem for each such service and dependency, from rates and shortest times alone."""
    for name, service in tree.items("services"):
        arriving_per_s, full_per_s = day.arriving[name], day.limit_per_s(name)
        if arriving_per_s > full_per_s * (1 + 1e-9):
            found = f"{arriving_per_s:g} calls a second, of which it can serve {full_per_s:g}"
            expected = "enough servers or capacity: else it is in trouble before the first fault"
            yield service.problem(f"services.{name}", found, expected, at_key=True)
    for edges in day.edges.values():
        for edge in edges:
            least_s, patience_s = _quickest_s(edge.on, day, ()), edge.value("timeout_s")
            if edge.mode in AWAITED and least_s > patience_s:
                yield _late(edge, least_s, patience_s)


def _late(edge: Declared, least_s: float, patience_s: float) -> Problem:
    path, place = edge.numbers.get("timeout_s") or (f"{edge.path}.on", edge.tree)
    waits, takes = format_duration(patience_s), format_duration(least_s)
    found = f"a time-out of {waits}, and a call that takes {takes} or more"
    expected = "a longer time-out: else every call is late before the first fault"
    return place.problem(path, found, expected, at_key=True)


def _quickest_s(service: str, day: QuietDay, above: tuple[str, ...]) -> float:
    """The shortest time that a call to a service can take: no waiting, and no luck of a random time."""
    values = day.values.get(service)
    if values is None or service in above:
        return 0.0
    serial_s, groups = 0.0, dict[str, float]()
    for edge in day.edges[service]:
        share, times = edge.value("share"), edge.value("times")
        if edge.mode != "hard" or share < 1.0 or edge.word("one_of") or edge.word("fallback"):
            continue
        once_s = min(_quickest_s(edge.on, day, (*above, service)), edge.value("timeout_s"))
        if (group := edge.word("parallel")) is not None:
            groups[group] = max(groups.get(group, 0.0), once_s)
        else:
            serial_s += once_s * times
    return values.get("service_time_s", 0.0) + day.own_work_s(service) + serial_s + sum(groups.values())
