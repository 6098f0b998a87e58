"""A cycle of dependencies whose every delay is declared to be nothing is refused.

The engine gives every signal at least a tick, so an undeclared delay can make no instant cycle; a declared
delay of less than a tick, all the way round, asks for one, and would silently not be what runs.
"""

from __future__ import annotations

from twin.spec.problems import Problem
from twin.spec.tree import Tree
from twin.units import format_duration

Edges = dict[tuple[str, str], tuple[float, Tree, str]]  # caller, callee → declared delay, place, path


def check_cycles(tree: Tree, overrides: Tree | None, tick_s: float, problems: list[Problem]) -> None:
    """One problem for each independent cycle, at the delay of its first edge by name."""
    declared = {edge: d for edge, d in _declared(tree, overrides).items() if d[0] < tick_s}
    while cycle := _cycle(_callees(declared)):
        edges = list(zip(cycle, cycle[1:] + cycle[:1], strict=True))
        _, place, path = declared[min(edges)]
        found = "a cycle without delay: " + " -> ".join([*cycle, cycle[0]])
        expected = f"a delay_s of at least a tick ({format_duration(tick_s)}) on one of its dependencies"
        problems.append(place.problem(path, found, expected, "or leave delay_s out"))
        del declared[min(edges)]


def _declared(tree: Tree, overrides: Tree | None) -> Edges:
    found: Edges = {}
    for caller, service in tree.items("services"):
        for i, dependency in enumerate(service.elements("dependencies")):
            path = f"services.{caller}.dependencies.{i}.delay_s.value"
            _note(found, caller, dependency.scalar("on"), dependency.get("delay_s", "value"), path)
    for target, quantity in overrides.items() if overrides is not None else ():
        caller, arrow, rest = target.partition("->")
        callee, _, name = rest.rpartition(".")
        if arrow and name == "delay_s":
            _note(found, caller.strip(), callee.strip(), quantity.get("value"), f"parameters.{target}.value")
    return found


def _note(found: Edges, caller: str, callee: object, delay: Tree | None, path: str) -> None:
    if isinstance(callee, str) and delay is not None and isinstance(delay.value, float):
        found[caller, callee] = (delay.value, delay, path)


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
