"""Trouble before the first fault: services that get more than they can do, calls that are late.

Also workers that can wait for each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from twin.base.thresholds import IMPAIRED_RATIO
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
            elif edge.mode in AWAITED and _late_ratio(edge, day, patience_s - least_s) > IMPAIRED_RATIO:
                yield _often_late(edge, day, patience_s, _late_ratio(edge, day, patience_s - least_s))
    yield from _held_in_a_circle(tree, day)


def _late(edge: Declared, least_s: float, patience_s: float) -> Problem:
    path, place = edge.numbers.get("timeout_s") or (f"{edge.path}.on", edge.tree)
    waits, takes = format_duration(patience_s), format_duration(least_s)
    found = f"a time-out of {waits}, and a call that takes {takes} or more"
    expected = "a longer time-out: else every call is late before the first fault"
    return place.problem(path, found, expected, at_key=True)


def _late_ratio(edge: Declared, day: QuietDay, left_s: float) -> float:
    """The share of calls whose random work takes longer than the caller has left."""
    values = day.values.get(edge.on)
    if values is None or not values.get("is_random") or day.work_s(edge.on) <= 0.0:
        return 0.0
    return math.exp(-left_s / day.work_s(edge.on))


def _often_late(edge: Declared, day: QuietDay, patience_s: float, ratio: float) -> Problem:
    path, place = edge.numbers.get("timeout_s") or (f"{edge.path}.on", edge.tree)
    waits, takes = format_duration(patience_s), format_duration(day.work_s(edge.on))
    found = f"a time-out of {waits}, and random work of {takes} on average: {ratio:.0%} of the calls are late"
    expected = "a longer time-out: else that share is lost before the first fault"
    return place.problem(path, found, expected, at_key=True)


def _held_in_a_circle(tree: Tree, day: QuietDay) -> Iterator[Problem]:
    """Services whose workers wait for each other: when all are busy, none gets free."""
    bounded = {name for name, of in day.values.items() if of.get("workers_count", 0.0) > 0.0}
    calls = {name: sorted({e.on for e in day.edges[name] if e.mode in AWAITED and e.on in bounded})
             for name in sorted(bounded)}  # fmt: skip
    for name in calls:
        way = _way_back(calls, name)
        if way and name == min(way):
            found = f"a circle of services with a bounded number of workers: {' -> '.join([*way, name])}"
            expected = "workers without a bound on one of them"
            hint = "when all workers wait for each other, nothing goes on until the time-outs"
            place = tree.get("services", name) or tree
            yield place.problem(f"services.{name}", found, expected, hint, at_key=True)


def _way_back(calls: Mapping[str, list[str]], start: str) -> list[str]:
    """The shortest way along calls from a service to itself; empty if there is none."""
    ways, seen = [[start]], {start}
    for way in ways:
        for name in calls[way[-1]]:
            if name == start:
                return way
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []


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
