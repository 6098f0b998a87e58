"""The dependencies of a tree, as checks look at them: each with its place and the numbers that files give."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from twin.base.units import Refused
from twin.model.dependency_parameters import EDGE_PARAMETERS
from twin.model.target import Target
from twin.spec.problems import Problem, shown
from twin.spec.tree import Tree

_DEFAULTS = {p.name: p.default for p in EDGE_PARAMETERS}


@dataclass(frozen=True)
class Declared:
    """One dependency: its mapping in a file, and the numbers given there or under ``parameters:``."""

    caller: str
    path: str
    tree: Tree
    numbers: dict[str, tuple[str, Tree]]  # number → path and quantity

    @property
    def on(self) -> str:
        return str(self.tree.scalar("on"))

    @property
    def mode(self) -> str:
        return str(self.tree.scalar("mode"))

    def word(self, key: str) -> str | None:
        """A text such as ``fallback``; None where there is none."""
        value = self.tree.scalar(key)
        return value if isinstance(value, str) else None

    def value(self, number: str) -> Any:
        """The number as given; its default where there is none, or none that could be read."""
        given, default = self.numbers.get(number), _DEFAULTS[number]
        found = given[1].scalar("value") if given else None
        is_number = isinstance(default, int | float) and not isinstance(default, bool)
        readable = isinstance(found, int | float) if is_number else isinstance(found, type(default))
        return found if readable else default

    def problem(self, key: str, refused: Refused, at_key: bool = False) -> Problem:
        """A problem at a key of the dependency, or at one of its numbers."""
        path, place = self.numbers.get(key) or (f"{self.path}.{key}", self.tree.get(key) or self.tree)
        found = refused.found or shown(place.value)
        return place.problem(path, found, refused.expected, refused.hint, at_key or key in self.numbers)


def declared(tree: Tree, overrides: Tree | None) -> Iterator[tuple[str, Tree, list[Declared]]]:
    """(name, service, its dependencies) of each service. ``overrides``: the scenario's ``parameters:``."""
    given = _given(overrides)
    for name, service in tree.items("services"):
        edges = []
        for i, place in enumerate(service.elements("dependencies")):
            path = f"services.{name}.dependencies.{i}"
            numbers = {key: (f"{path}.{key}", q) for key, q in place.items() if key in _DEFAULTS}
            numbers |= given.get((name, str(place.scalar("on"))), {})
            edges.append(Declared(name, path, place, numbers))
        yield name, service, edges


def service_numbers(name: str, service: Tree, overrides: Tree | None) -> dict[str, tuple[str, Tree]]:
    """Parameter → path and quantity, of one service: what its files give, then what a scenario overrides."""
    numbers = {key: (f"services.{name}.parameters.{key}", q) for key, q in service.items("parameters")}
    return numbers | _given(overrides).get((name, ""), {})


def _given(overrides: Tree | None) -> dict[tuple[str, str], dict[str, tuple[str, Tree]]]:
    """(service, callee or '') → number → path and quantity."""
    found: dict[tuple[str, str], dict[str, tuple[str, Tree]]] = {}
    for target, quantity in overrides.items() if overrides is not None else ():
        caller, callee, name = Target.parse(target)
        found.setdefault((caller, callee), {})[name] = (f"parameters.{target}", quantity)
    return found
