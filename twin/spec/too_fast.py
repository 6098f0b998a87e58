"""Times that a tick cannot resolve, in services that are stepped as counts."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from twin.base.units import format_duration
from twin.spec.problems import Problem
from twin.spec.stores import QuietDay
from twin.spec.tree import Tree

REMEDY = "a shorter tick, or a service that is stepped call by call (requests: each)"


def too_fast(tree: Tree, day: QuietDay, tick_s: float, counted: Collection[str]) -> Iterator[Problem]:
    """A problem for each time-out and each server's work that is shorter than a tick. ``counted``: services
    that are stepped as counts."""
    tick = f"a tick of {format_duration(tick_s)}"
    for edges in day.edges.values():
        for edge in edges:
            given, patience_s = edge.numbers.get("timeout_s"), edge.value("timeout_s")
            if edge.on in counted and given is not None and patience_s < tick_s:
                path, place = given
                found = f"a time-out of {format_duration(patience_s)} and {tick}"
                yield place.problem(path, found, REMEDY, at_key=True)
    for name, service in tree.items("services"):
        work_s = day.work_s(name)
        if name in counted and day.has_servers(name) and 0.0 < work_s < tick_s:
            found = f"servers that work {format_duration(work_s)} on a call, and {tick}"
            yield service.problem(f"services.{name}", found, REMEDY, at_key=True)
