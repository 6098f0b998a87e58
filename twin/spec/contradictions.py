"""Refuses dependencies whose words contradict each other, and services with numbers that exclude each other.

Each rule looks at one dependency, one group, the fallbacks of one caller, or one service. What is merely not
read is no contradiction: ``unread`` warns of that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from twin.base.text import counted
from twin.base.units import Refused
from twin.model.dependency_parameters import EDGE_PARAMETERS
from twin.spec.declared import Declared, declared, service_numbers
from twin.spec.problems import Problem, did_you_mean, shown
from twin.spec.tree import Tree
from twin.spec.values import Names

GROUPS = ("parallel", "one_of")
NOT_CALLED = ("lease", "bootstrap")  # no request makes these calls
OF_GROUPS = {"failover_count": "one_of", "fail_fast": "parallel"}
MECHANISMS = ("cached", "new_connections", "async")  # each has numbers of its own
AT_LEAST_ONE = {
    "workers_count": "leave it out for very many; capacity_ratio: 0 pauses a service",
    "servers_count": "leave it out for very many; capacity_ratio: 0 pauses a service",
    "instances_count": "leave it out for a service without instances",
}
NO_MODES = {  # words that are no mode, and how to say it
    "fallback": "write fallback: OTHER on the dependency that OTHER stands in for",
    "failover": "write one_of: GROUP and failover_count on each alternative",
    "one_of": "write mode: hard and one_of: GROUP",
    "parallel": "write mode: hard and parallel: GROUP",
    "retry": "write mode: hard and retries",
}


def check_contradictions(tree: Tree, overrides: Tree | None, names: Names, problems: list[Problem]) -> None:
    """One problem for each contradiction in the services of a tree, whose values have been typed."""
    kinds = {name: str(service.scalar("kind")) for name, service in tree.items("services")}
    names = replace(names, services={**names.services, **kinds})
    for name, service, edges in declared(tree, overrides):
        for edge in edges:
            problems += _of_edge(edge)
        for group in GROUPS:
            problems += _of_group(group, edges)
        problems += _of_fallbacks(edges)
        problems += _of_service(name, service, edges, overrides, names)


def _of_edge(edge: Declared) -> Iterator[Problem]:
    if edge.mode in NO_MODES:
        yield edge.problem("mode", Refused("a mode", NO_MODES[edge.mode]))
    if edge.word("parallel") and edge.word("one_of"):
        found = f"parallel: {edge.word('parallel')} and one_of: {edge.word('one_of')}"
        hint = "calls of a parallel group are all made, of alternatives one"
        yield edge.problem("one_of", Refused("one of parallel, one_of", hint, found), at_key=True)
    yield from _of_word_and_mode(edge)
    for number, group in OF_GROUPS.items():
        if number in edge.numbers and not edge.word(group):
            hint = f"{number} belongs to a group"
            yield edge.problem(number, Refused(f"{group}: GROUP beside it", hint, f"no {group}"))
    yield from _of_two_modes(edge)
    if "when_full" in edge.numbers and "store_count" not in edge.numbers:
        hint = "a store without a size is never full: it can fill the memory"
        found = f"when_full: {edge.value('when_full')} and no size"
        yield edge.problem("when_full", Refused("store_count beside it", hint, found))


def _of_word_and_mode(edge: Declared) -> Iterator[Problem]:
    """Words that say something of calls that a request makes, or waits for."""
    excluded: dict[str, tuple[str, ...]] = dict.fromkeys((*GROUPS, "fallback", "times"), NOT_CALLED)
    hint = f"no request makes a call of mode {edge.mode}"
    if edge.mode == "fire_and_forget":
        excluded = dict.fromkeys(("fallback", "parallel"), ("fire_and_forget",))
        hint = "nobody waits for a call of this mode, or learns that it failed"
    elif edge.mode in MECHANISMS:
        excluded = dict.fromkeys(GROUPS, MECHANISMS)
        hint = f"a dependency of mode {edge.mode} is a step of its own"
    for key, modes in excluded.items():
        if edge.mode in modes and (key in edge.numbers or edge.word(key)):
            yield edge.problem(key, Refused(f"no {key} with mode {edge.mode}", hint), at_key=True)


def _of_two_modes(edge: Declared) -> Iterator[Problem]:
    """Numbers of one mechanism on a dependency that has another."""
    for p in EDGE_PARAMETERS:
        if p.name in edge.numbers and edge.mode in MECHANISMS and p.modes and edge.mode not in p.modes:
            hint = f"{p.name} is read with mode {' or '.join(p.modes)}"
            expected = f"numbers of one mode, {edge.mode}"
            yield edge.problem(p.name, Refused(expected, hint, f"{p.name} with mode {edge.mode}"))


def _of_group(key: str, edges: list[Declared]) -> Iterator[Problem]:
    """Groups of one, and alternatives of which none is ever chosen."""
    groups: dict[str, list[Declared]] = {}
    for edge in edges:
        if (name := edge.word(key)) is not None:
            groups.setdefault(name, []).append(edge)
    for name, members in groups.items():
        if all(members[0].word(word) is not None for word in ("one_of", "parallel")):
            continue  # that is said already, as a contradiction
        if len(members) == 1 and not _is_several_calls(key, members[0]):
            near = did_you_mean(name, set(groups) - {name})
            hint = near or f"write {key}: {name} on each of them, or leave it out"
            found = f"a group of one, {shown(name)}"
            yield members[0].problem(key, Refused("two dependencies or more in the group", hint, found))
        elif key == "one_of":
            yield from _of_alternatives(name, members)


def _is_several_calls(key: str, edge: Declared) -> bool:
    """Whether one dependency is a group by itself: several calls over it at once."""
    times = edge.value("times")
    return key == "parallel" and isinstance(times, int | float) and times > 1


def _of_alternatives(name: str, members: list[Declared]) -> Iterator[Problem]:
    weights = [edge.value("weight") for edge in members]
    if all(isinstance(weight, int | float) and weight <= 0 for weight in weights):
        expected = f"a weight above 0 for one of the {len(members)} alternatives"
        yield members[0].problem("weight", Refused(expected, found=f"weights of '{name}' that are all 0"))
    for edge in members:
        tries = edge.value("failover_count")
        if "failover_count" in edge.numbers and isinstance(tries, int) and tries >= len(members):
            expected = f"at most {len(members) - 1}, the number of other alternatives"
            yield edge.problem("failover_count", Refused(expected, found=f"failover_count {tries}"))


def _of_fallbacks(edges: list[Declared]) -> Iterator[Problem]:
    """A fallback is another dependency of the same caller, is called for nothing else, and ends somewhere."""
    by_callee = {edge.on: edge for edge in edges}
    after = {}
    for edge in edges:
        name = edge.word("fallback")
        if name is None:
            continue
        other = by_callee.get(name)
        if name == edge.on:
            hint = "retries repeat the same call"
            yield edge.problem("fallback", Refused("another dependency than itself", hint))
        elif other is None:
            hint = did_you_mean(name, set(by_callee) - {edge.on}) or "add it to the dependencies"
            yield edge.problem("fallback", Refused(f"a dependency of {edge.caller}", hint))
        else:
            after[edge.on] = name
            yield from _of_substitute(edge, other)
    for ring in _rings(after):
        found = "a circle of fallbacks: " + " -> ".join([*ring, ring[0]])
        yield by_callee[ring[0]].problem("fallback", Refused("a last fallback, without one", found=found))


def _of_substitute(edge: Declared, other: Declared) -> Iterator[Problem]:
    """What serves as a fallback can be no member of a group, and has to be a call that a request makes."""
    for group in GROUPS:
        if other.word(group):
            hint = "a fallback is called only when the other fails; use failover_count inside a group"
            found = f"{other.on}, a member of {group}: {other.word(group)}"
            yield edge.problem("fallback", Refused("a dependency outside of groups", hint, found))
    if other.mode in NOT_CALLED:
        hint = f"no request makes a call of mode {other.mode}"
        yield edge.problem("fallback", Refused("a dependency that requests call", hint))


def _rings(after: dict[str, str]) -> Iterator[list[str]]:
    """Each circle of a mapping from name to next name, from its first name on."""
    done: set[str] = set()
    for first in after:
        trail: list[str] = []
        name: str | None = first
        while name is not None and name not in done and name not in trail:
            trail.append(name)
            name = after.get(name)
        if name in trail:
            ring = trail[trail.index(name) :]
            start = ring.index(min(ring))
            yield ring[start:] + ring[:start]
        done.update(trail)


def _of_service(
    name: str, service: Tree, edges: list[Declared], overrides: Tree | None, names: Names
) -> Iterator[Problem]:
    numbers = service_numbers(name, service, overrides)
    values = {key: quantity.scalar("value") for key, (_, quantity) in numbers.items()}
    for key, hint in AT_LEAST_ONE.items():
        if key in values and values[key] == 0:
            path, place = numbers[key]
            yield place.problem(path, f"{key} 0", "1 or more", hint, at_key=True)
    if values.get("workers_count") and values.get("servers_count"):
        path, place = numbers["workers_count"]
        hint = "a worker is held through all calls of a request, a server through its own work only"
        found = "workers_count and servers_count"
        yield place.problem(path, found, "one of workers_count, servers_count", hint, at_key=True)
    least, most = values.get("least_servers_count"), values.get("most_servers_count")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        path, place = numbers["least_servers_count"]
        expected = f"at most most_servers_count, {most}"
        yield place.problem(path, counted(least, "server"), expected, at_key=True)
    kind = str(service.scalar("kind"))
    for edge in edges:
        yield from _of_kind(edge, kind, bool(values.get("instances_count")), names)


def _of_kind(edge: Declared, kind: str, has_instances: bool, names: Names) -> Iterator[Problem]:
    """Modes that a kind has to take care of by itself."""
    if kind not in names.kinds:
        return
    grants = names.services.get(edge.on) in names.granting  # then the lease is a condition for any caller
    if edge.mode == "lease" and kind not in names.leasing and not grants:
        keep = f"kinds that do: {', '.join(sorted(names.leasing))}" if names.leasing else ""
        refused = Refused("a kind that keeps leases", keep, f"mode lease on kind {kind}, which keeps none")
        yield edge.problem("mode", refused)
    if edge.mode == "bootstrap" and not has_instances:
        hint = "an instance makes the call before it serves"
        refused = Refused(f"instances_count of {edge.caller}", hint, "mode bootstrap and no instances")
        yield edge.problem("mode", refused)
