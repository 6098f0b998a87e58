"""``reached_through`` in a tree: what callers inherit, and whether that can be."""

from __future__ import annotations

from twin.base.units import Refused
from twin.model.dependency_parameters import EDGE_PARAMETERS
from twin.model.reach import INHERITS, NONE, Call, Wiring
from twin.spec.problems import did_you_mean
from twin.spec.sources import check_service
from twin.spec.tree import Tree
from twin.spec.values import EDGE, Checker

KEY = "reached_through"
_READ = {p.name: p for p in EDGE_PARAMETERS if not p.modes or INHERITS["hard"] in p.modes}


def wiring_of(service: Tree, under: Wiring | None = None) -> Wiring:
    """A service as ``ways`` needs it, on top of what the topology has already."""
    calls = {call.on: call for call in under.calls} if under else {}
    calls |= {call.on: call for call in _calls(service)}
    kind, on = service.scalar("kind"), service.scalar(KEY, "on")
    through = on if isinstance(on, str) else None
    if service.get(KEY) is None and under is not None:
        through = under.through
    return Wiring(str(kind or (under.kind if under else "")), through, tuple(calls.values()))


def _calls(service: Tree) -> list[Call]:
    written = [d for d in service.elements("dependencies") if d.get("inherited_from") is None]
    spare = {d.scalar("fallback") for d in written} - {None}
    return [
        Call(str(on), str(d.scalar("mode")), d.scalar(KEY), d.get("one_of") is not None or on in spare)
        for d in written if isinstance(on := d.scalar("on"), str)
    ]  # fmt: skip


def wiring_in(tree: Tree) -> dict[str, Wiring]:
    """Every service of a merged topology."""
    return {name: wiring_of(service) for name, service in tree.items("services")}


def check_reach(service: Tree, name: str, checker: Checker) -> None:
    """The way that a service says, and what its calls say of theirs."""
    path = f"services.{name}.{KEY}"
    way = service.get(KEY)
    if way is not None and way.value == NONE:
        way.value = None  # as if it said nothing: what the topology says is taken back
    if way is not None:
        on = way.get("on")
        check_service(on, f"{path}.on", checker)
        if on is not None and on.value == name:
            checker.refuse(on, f"{path}.on", Refused("another service", found=f"{name} itself"))
        for key, quantity in way.items():
            if key in EDGE:
                _check_number(quantity, f"{path}.{key}", key, checker)
    for i, dependency in enumerate(service.elements("dependencies")):
        where = f"services.{name}.dependencies.{i}"
        own = dependency.get(KEY)
        if own is not None and own.value != NONE:
            check_service(own, f"{where}.{KEY}", checker)
        if (inherited := dependency.get("inherited_from")) is not None:
            hint = "the callee says reached_through:"
            refused = Refused("a known key", hint, "unknown key 'inherited_from'")
            checker.refuse(inherited, f"{where}.inherited_from", refused, at_key=True)


def _check_number(quantity: Tree, path: str, key: str, checker: Checker) -> None:
    if key in _READ:
        checker.quantity(quantity, path, _READ[key])
        return
    refused = Refused("a number that new connections have", did_you_mean(key, _READ), f"'{key}'")
    checker.refuse(quantity, path, refused, at_key=True)
