"""Refuses cycles of dependencies without a delay or without an end.

*Endless*: in a cycle of hard dependencies each call makes at least one more call, so it never returns. The
real service would not answer. A delay that is declared on one of the dependencies makes it a feedback.

*Too fast*: every signal takes at least a tick in the engine. A cycle whose declared delays are all shorter
than a tick would run slower than declared, without a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from twin.base.units import format_duration
from twin.model.reach import ways
from twin.model.target import Target
from twin.spec.problems import Problem
from twin.spec.reach import wiring_in
from twin.spec.tree import Tree

Edges = dict[tuple[str, str], tuple[float, Tree, str]]  # caller, callee → declared delay, place, path


def check_cycles(tree: Tree, overrides: Tree | None, tick_s: float, problems: list[Problem]) -> None:
    """One problem for each independent cycle with short delays, at the delay of its first edge by name."""
    declared = {edge: d for edge, d in _declared(tree, overrides).items() if d[0] < tick_s}
    while cycle := _cycle(_callees(declared)):
        edges = list(zip(cycle, cycle[1:] + cycle[:1], strict=True))
        _, place, path = declared[min(edges)]
        found = "a cycle without delay: " + " -> ".join([*cycle, cycle[0]])
        expected = f"a delay_s of at least a tick ({format_duration(tick_s)}) on one of its dependencies"
        problems.append(place.problem(path, found, expected, "or leave delay_s out"))
        del declared[min(edges)]


def check_endless(tree: Tree, problems: list[Problem]) -> None:
    """One problem for each independent cycle of hard dependencies without a declared delay."""
    hard = _hard(tree)
    while cycle := _cycle(_callees(hard)):
        edges = list(zip(cycle, cycle[1:] + cycle[:1], strict=True))
        _, place, path = hard[min(edges)]
        found = "a cycle without delay: " + " -> ".join([*cycle, cycle[0]])
        expected = "no cycle of hard dependencies in which each call makes at least one call"
        problems.append(place.problem(path, found, expected, "declare a delay_s, or a share below 1"))
        del hard[min(edges)]


def _hard(tree: Tree) -> Edges:
    """The hard dependencies of which each call of the caller makes at least one, without a declared delay."""
    hard: Edges = {}
    for caller, service in tree.items("services"):
        for i, dependency in enumerate(service.elements("dependencies")):
            share = dependency.get("share", "value")
            partly = share is not None and isinstance(share.value, int | float) and share.value < 1
            callee, mode = dependency.get("on"), dependency.scalar("mode")
            if mode == "hard" and callee is not None and not partly and dependency.get("delay_s") is None:
                _note(hard, caller, callee.value, callee, f"services.{caller}.dependencies.{i}.on", 0.0)
    return hard


def check_circles(tree: Tree, problems: list[Problem]) -> None:
    """One problem for each service that is reached through one that needs it: neither ever starts."""
    hard, wiring = _hard(tree), wiring_in(tree)
    for ring in _rings({name: it.through for name, it in wiring.items()}):
        place = tree.get("services", ring[0], "reached_through", "on")
        if place is not None:
            found = f"a circle: {', which is reached through '.join([*ring[1:], ring[0]])}"
            path = f"services.{ring[0]}.reached_through.on"
            problems.append(place.problem(path, found, "services of which one is reached without the others"))
    for caller, mine in ways(wiring).items():
        for through, call in mine.items():
            if (caller, call.on) not in hard and caller != through:
                continue  # a soft call, or a share of them: the caller can do without
            trail = [caller] if caller == through else _trail(_callees(hard), through, caller)
            place = tree.get("services", call.on, "reached_through", "on")
            if trail and place is not None:
                way = " -> ".join([*trail, call.on])
                found = f"a circle: {way}, which is reached through {through}"
                expected = f"a service that does not need {call.on}"
                hint = f"or reached_through: none where {caller} calls {call.on}, if it needs no name"
                path = f"services.{call.on}.reached_through.on"
                problems.append(place.problem(path, found, expected, hint))


def _rings(through: Mapping[str, str | None]) -> Iterator[list[str]]:
    """Services that are reached through each other, in order; the first by name first."""
    for name in through:
        ring = [name]
        while (on := through.get(ring[-1])) is not None and on not in ring:
            ring.append(on)
        if on == name == min(ring) and len(ring) > 1:
            yield ring


def _trail(callees: dict[str, list[str]], start: str, end: str) -> list[str]:
    """A shortest path of calls, [] if there is none."""
    trails, seen = [[start]], {start}
    for trail in trails:
        if trail[-1] == end:
            return trail
        new = [callee for callee in callees.get(trail[-1], ()) if callee not in seen]
        seen |= set(new)
        trails += [[*trail, callee] for callee in new]
    return []


def _declared(tree: Tree, overrides: Tree | None) -> Edges:
    declared: Edges = {}
    for caller, service in tree.items("services"):
        for i, dependency in enumerate(service.elements("dependencies")):
            path = f"services.{caller}.dependencies.{i}.delay_s.value"
            _note(declared, caller, dependency.scalar("on"), dependency.get("delay_s", "value"), path)
    for target, quantity in overrides.items() if overrides is not None else ():
        caller, callee, name = Target.parse(target)
        if callee and name == "delay_s":
            _note(declared, caller, callee, quantity.get("value"), f"parameters.{target}.value")
    return declared


def _note(
    edges: Edges, caller: str, callee: object, place: Tree | None, path: str, delay_s: float | None = None
) -> None:
    if isinstance(callee, str) and place is not None:
        seconds = place.value if delay_s is None else delay_s
        if isinstance(seconds, float):
            edges[caller, callee] = (seconds, place, path)


def _callees(edges: Edges) -> dict[str, list[str]]:
    callees: dict[str, list[str]] = {}
    for caller, callee in sorted(edges):
        callees.setdefault(caller, []).append(callee)
    return callees


def _cycle(callees: dict[str, list[str]]) -> list[str]:
    """Some cycle, starting at its first service by name; [] if there is none."""
    done: set[str] = set()
    for root in callees:
        trail, ahead = [root], [iter(callees[root])]
        while ahead and root not in done:
            callee = next(ahead[-1], None)
            if callee is None:
                done.add(trail.pop())
                ahead.pop()
            elif callee in trail:
                cycle = trail[trail.index(callee) :]
                first = cycle.index(min(cycle))
                return cycle[first:] + cycle[:first]
            elif callee not in done:
                trail.append(callee)
                ahead.append(iter(callees.get(callee, ())))
    return []
