"""Contradictions between two mitigations, with the places in both files.

Each file makes claims: it sets a number, drops a step, removes a dependency. Two claims of two files clash if
one undoes the other, in either order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import Any

from twin.model.target import Target
from twin.spec.problems import Problem, shown
from twin.spec.tree import Tree

STEPS = ("faults", "actions", "diagnoses")


class Verb(StrEnum):
    """The claim of a file about a target."""

    SETS = "sets"
    TIMES = "times"
    MOVES = "moves"
    ADDS = "adds"
    DROPS = "drops"
    REPLACES = "replaces"
    REMOVES = "removes"
    NEEDS = "needs"
    FOLLOWS = "follows"


UNDONE_BY = {  # what one file does → what another file cannot do to the same thing
    Verb.DROPS: (Verb.MOVES, Verb.FOLLOWS, Verb.ADDS, Verb.TIMES),
    Verb.REPLACES: (Verb.MOVES, Verb.ADDS, Verb.TIMES),
    Verb.MOVES: (Verb.TIMES,),
    Verb.REMOVES: (Verb.SETS, Verb.NEEDS),
}
# Two files may do it to the same thing with the same value only.
ALONE = (Verb.SETS, Verb.TIMES, Verb.MOVES, Verb.ADDS)


@dataclass(frozen=True)
class Claim:
    """``verb`` ``target`` [to ``value``], at a place: 'sets nlb.failover to false'."""

    verb: Verb
    target: str
    value: Any
    place: Tree
    at_key: bool

    @property
    def words(self) -> str:
        verb = Verb.SETS if self.verb == Verb.TIMES else self.verb
        value = f" to {shown(self.value)}" if verb in (Verb.SETS, Verb.MOVES) else ""
        return f"{verb} {self.target}{value}"

    def problem(self, path: str, found: str, expected: str, hint: str) -> Problem:
        return self.place.problem(path, found, expected, hint, self.at_key)


def clashes(trees: list[Tree]) -> list[Problem]:
    """A problem for each pair of claims that contradict each other, at its place in the later file."""
    each = [list(_claims(tree)) for tree in trees]
    return [_contradiction(a, b) for one, other in combinations(each, 2) for a, b in _between(one, other)]


def _between(one: list[Claim], other: list[Claim]) -> Iterator[tuple[Claim, Claim]]:
    agreed = {c.target for c in one if c.verb == Verb.ADDS} & {c.target for c in other if c.verb == Verb.ADDS}
    by_target: dict[str, list[Claim]] = {}
    for claim in one:
        by_target.setdefault(_thing(claim), []).append(claim)
    for b in other:
        for a in by_target.get(_thing(b), []):
            same_way = a.verb == b.verb in ALONE and a.target == b.target
            both = {a.verb, b.verb} == {Verb.REPLACES, Verb.ADDS} and a.target in agreed
            if (same_way and a.value != b.value) or (_undone(a, b) and not both):
                yield a, b


def _undone(a: Claim, b: Claim) -> bool:
    return b.verb in UNDONE_BY.get(a.verb, ()) or a.verb in UNDONE_BY.get(b.verb, ())


def _thing(claim: Claim) -> str:
    """The subject of a claim: a parameter, a step, or a dependency."""
    target = Target.parse(claim.target)
    is_of_edge = claim.verb == Verb.SETS and target.is_dependency
    return target.owner if is_of_edge or claim.verb == Verb.TIMES else claim.target


def _contradiction(a: Claim, b: Claim) -> Problem:
    line, column = a.place.key if a.at_key and a.place.key else (a.place.line, a.place.column)
    expected = f"nothing against {a.place.file}:{line}:{column}, which {a.words}"
    return b.problem("", f"what {b.words}", expected, "they contradict each other: leave one of them out")


def _claims(tree: Tree) -> Iterator[Claim]:
    """Every claim of a file, with its place.

    The owner of a target without '->' is a service, or a step whose time is set. A file alone does not show
    which, so such a target counts as both.
    """
    for target, quantity in tree.items("parameters"):
        yield from _settings(target, quantity.scalar("value"), quantity)
    for target, value in tree.items("set"):
        yield from _settings(target, value.value, value)
    for name, service in tree.items("services"):
        yield from _of_service(name, service)
    for edge in tree.elements("without"):
        yield Claim(Verb.REMOVES, str(Target.parse(str(edge.value))), None, edge, False)
    added = {x.scalar("id") for key in STEPS for x in tree.elements(key)}
    for step in tree.elements("drop"):
        yield Claim(Verb.REPLACES if step.value in added else Verb.DROPS, str(step.value), None, step, False)
    for name, time in tree.items("move"):
        yield Claim(Verb.MOVES, name, time.value, time, True)
    for step in (x for key in STEPS for x in tree.elements(key)):
        yield from _of_step(step)


def _settings(target: str, value: Any, place: Tree) -> Iterator[Claim]:
    parsed = Target.parse(target)
    yield Claim(Verb.SETS, str(parsed), value, place, True)
    if not parsed.is_dependency:
        yield Claim(Verb.TIMES, str(parsed), value, place, True)


def _of_service(name: str, service: Tree) -> Iterator[Claim]:
    for parameter, quantity in service.items("parameters"):
        yield Claim(Verb.SETS, f"{name}.{parameter}", quantity.scalar("value"), quantity, True)
    for dependency in service.elements("dependencies"):
        edge = f"{name}->{dependency.scalar('on')}"
        yield Claim(Verb.NEEDS, edge, None, dependency, False)
        for number, quantity in dependency.items():
            if quantity.get("value") is not None:
                yield Claim(Verb.SETS, f"{edge}.{number}", quantity.scalar("value"), quantity, True)


def _of_step(step: Tree) -> Iterator[Claim]:
    yield Claim(Verb.ADDS, str(step.scalar("id")), step.plain(), step, False)
    if (first := step.get(Verb.FOLLOWS)) is not None:
        yield Claim(Verb.FOLLOWS, str(first.value), None, first, False)
    for target, value in step.items("set"):
        parsed = Target.parse(target)
        if parsed.is_dependency:
            yield Claim(Verb.NEEDS, parsed.owner, None, value, True)
