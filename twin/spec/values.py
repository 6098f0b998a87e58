"""A value in a file → a number in SI units, a choice or a switch, by the Param of a kind or a dependency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

from twin.base import units
from twin.base.units import Refused
from twin.model.dependency_parameters import EDGE_PARAMETERS
from twin.model.parameter import Param
from twin.model.reach import Wiring, wiring
from twin.model.responders import stage_targets
from twin.model.scenario import Scenario, Topology
from twin.model.step_numbers import SET, number_targets
from twin.model.target import AT, Target
from twin.spec.problems import Problem, did_you_mean, shown
from twin.spec.tree import Cell, Tree

EDGE: Mapping[str, Param] = {p.name: p for p in EDGE_PARAMETERS}
MAX_FITTED = 6

_PARSERS = {
    "s": units.parse_duration,
    "1/s": units.parse_rate,
    "count": units.parse_count,
    "ratio": units.parse_ratio,
}
_NOUNS = {"s": "a duration", "1/s": "a rate", "count": "a count", "ratio": "a ratio"}
_NEGATIVE = "it cannot be negative"


def typed(value: Any, param: Param) -> float | str | bool:
    """``value`` with the type and within the bounds of ``param``. Raises Refused."""
    if param.unit == "choice":
        if value not in param.choices:
            hint = did_you_mean(value, param.choices)
            raise Refused("one of " + ", ".join(param.choices), hint if hint.startswith("did") else "")
        return str(value)
    if param.unit == "switch":
        if not isinstance(value, bool):
            raise Refused("true or false")
        return value
    if isinstance(value, int | float) and value < 0:
        raise Refused(f"{_NOUNS[param.unit]} from {bounds_text(param)}", _NEGATIVE if param.low >= 0 else "")
    return _bounded(_PARSERS[param.unit](value), param)


def in_si(value: Any, param: Param) -> float | str | bool:
    """A Python value, where a number is in SI units, inside the bounds of ``param``. Raises Refused."""
    if param.unit in ("choice", "switch"):
        return typed(value, param)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused(_NOUNS[param.unit])
    return _bounded(units.parse_count(value) if param.unit == "count" else float(value), param)


def _bounded(number: float, param: Param) -> float:
    if not param.low <= number <= param.high:
        raise Refused(bounds_text(param), f"bounds of {param.name}")
    return number


def bounds_text(param: Param) -> str:
    """The bounds of a parameter with their unit: '0s to 24h'."""
    return f"{_written(param.low, param.unit)} to {_written(param.high, param.unit)}"


def _written(number: float, unit: str) -> str:
    if unit == "s":
        return units.format_duration(number)
    return f"{number:g}/s" if unit == "1/s" else f"{number:g}"


@dataclass
class Names:
    """Every name that a file may refer to."""

    kinds: Mapping[str, Mapping[str, Param]]
    sources: frozenset[str] | None = None  # None: no list of sources, so ids are not checked
    outcomes: frozenset[str] | None = None  # None: no published timeline
    services: dict[str, str] = field(default_factory=dict)  # name → kind
    edges: set[tuple[str, str]] = field(default_factory=set)  # caller, callee
    wiring: dict[str, Wiring] = field(default_factory=dict)  # of each service: how it is reached, its calls
    stages: Mapping[str, Param] = field(default_factory=dict)  # numbers of steps, by 'step.number'
    leasing: frozenset[str] = frozenset()  # kinds that keep leases
    granting: frozenset[str] = frozenset()  # kinds whose leases are a condition for the work of others
    fronting: frozenset[str] = frozenset()  # kinds that share calls out over zones
    zonal: set[str] = field(default_factory=set)  # services with per: zone
    zones: tuple[str, ...] = ()

    def parameter(self, target: str) -> Param:
        """The Param behind 'service.parameter', 'caller->callee.number' or 'step.stage'. Raises Refused."""
        if target in self.stages:
            return self.stages[target]
        parsed = Target.parse(target)
        owner, name = parsed.owner, parsed.name
        if parsed.is_dependency:
            return _known(name, self._edge(parsed), "a number of a dependency")
        if not owner:
            raise Refused("service.parameter or caller->callee.number", found=shown(target))
        kind = self.services.get(owner)
        if kind is None and (own := [t for t in self.stages if t.startswith(f"{owner}.")]):
            raise Refused(f"a number of {owner}", did_you_mean(target, own), shown(target))
        if kind is None:
            near = did_you_mean(owner, self.services)
            raise Refused("a service of the topology", near, f"service {shown(owner)}")
        return _known(name, self.parameters_of(owner, kind), f"a parameter of kind {kind}")

    def parameters_of(self, service: str, kind: str) -> Mapping[str, Param]:
        """The parameters of a service: of its kind, and of the front if it stands in zones."""
        own = self.kinds.get(kind, {})
        if service not in self.zonal:
            return own
        fronts = (self.kinds[front] for front in sorted(self.fronting))
        return {name: p for params in (*fronts, own) for name, p in params.items()}

    def note_zones(self) -> None:
        """Add the names of single zones, as dwfm@az1, and of their dependencies."""
        for name in sorted(self.zonal):
            self.services |= {name + AT + zone: self.services[name] for zone in self.zones}
        for a, b in list(self.edges):
            if a in self.zonal or b in self.zonal:
                self.edges |= {(a + AT + zone if a in self.zonal else a, other)
                               for zone in self.zones
                               for other in (b, b + AT + zone if b in self.zonal else b)}  # fmt: skip

    def service(self, name: Any) -> None:
        """Raises Refused unless the topology has this service."""
        if name not in self.services:
            raise Refused("a service of the topology", did_you_mean(name, self.services))

    def _edge(self, target: Target) -> Mapping[str, Param]:
        if target.edge not in self.edges:
            near = did_you_mean(target.owner, (f"{a}->{b}" for a, b in self.edges))
            raise Refused("a dependency of the topology", near, f"dependency {shown(target.owner)}")
        return EDGE


def _known(name: str, parameters: Mapping[str, Param], what: str) -> Param:
    if name not in parameters:
        raise Refused(what, did_you_mean(name, parameters), f"parameter {shown(name)}")
    return parameters[name]


def _modules(kinds: Mapping[str, Any] | None) -> Mapping[str, ModuleType | Any]:
    """Kinds are imported here and not above: they bring their compiler with them."""
    if kinds is not None:
        return kinds
    from twin.kinds import registry

    return registry()


def parameters_by_kind(kinds: Mapping[str, Any] | None = None) -> dict[str, dict[str, Param]]:
    """Kind → parameter name → Param. ``kinds``: kind → module (or anything) with PARAMETERS; None: all."""
    return {name: {p.name: p for p in kind.PARAMETERS} for name, kind in _modules(kinds).items()}


def names_of_kinds(kinds: Mapping[str, Any] | None, sources: frozenset[str] | None = None) -> Names:
    """The names that a file may refer to before its services are known. ``kinds``: as above."""
    about = {name: getattr(kind, "ABOUT", None) for name, kind in _modules(kinds).items()}
    leasing = frozenset(name for name, said in about.items() if said is not None and said.keeps_leases)
    granting = frozenset(name for name, said in about.items() if said is not None and said.grants_leases)
    fronting = frozenset(name for name, said in about.items() if said is not None and said.fronts_zones)
    return Names(parameters_by_kind(kinds), sources, leasing=leasing, granting=granting, fronting=fronting)


def names_of(loaded: Scenario | Topology, kinds: Mapping[str, Any] | None = None) -> Names:
    """The names of a loaded topology; for a scenario, with the times of its responders."""
    topology = loaded.topology if isinstance(loaded, Scenario) else loaded
    names = replace(
        names_of_kinds(kinds),
        services={s.name: s.kind for s in topology.services.values()},
        edges={(s.name, d.on) for s in topology.services.values() for d in s.dependencies},
        wiring=wiring(topology),
        zonal={s.name for s in topology.services.values() if s.per},
        zones=topology.zones,
    )
    names.note_zones()
    return replace(names, stages=_of_steps(loaded, names)) if isinstance(loaded, Scenario) else names


def _of_steps(scenario: Scenario, names: Names) -> dict[str, Param]:
    """'step.number' → its Param: times that people take, and the numbers of steps."""
    found = stage_targets(scenario)
    for target, param in number_targets(scenario):
        if param is None:
            try:
                param = names.parameter(target.partition(f".{SET}")[2])
            except Refused:  # what it sets has been removed, which is said elsewhere
                continue
        found[target] = param
    return found


@dataclass
class Checker:
    """Checks the values of a tree: replaces text by typed values in place, and collects problems."""

    names: Names
    problems: list[Problem]
    fitted: list[tuple[str, Tree]] = field(default_factory=list)

    def refuse(self, tree: Tree, path: str, refused: Refused, at_key: bool = False) -> None:
        found = refused.found or shown(tree.value)
        self.problems.append(tree.problem(path, found, refused.expected, refused.hint, at_key))

    def value(self, tree: Tree | None, path: str, param: Param) -> bool:
        """Types a scalar in place; whether that worked."""
        if tree is None:
            return False
        try:
            if isinstance(tree.value, dict | list):
                raise Refused("one value")
            tree.value = (in_si if isinstance(tree, Cell) else typed)(tree.value, param)
        except Refused as refused:
            self.refuse(tree, path, refused)
            return False
        return True

    def quantity(self, tree: Tree, path: str, param: Param) -> None:
        """A value with its origin, and with a range if it is neither published nor measured."""
        if not isinstance(tree.value, dict):
            hint = (
                f"write {{value: {tree.value}, source: ID}}, or put assumed: example at the top of the file"
            )
            hint = "" if isinstance(tree.value, list) else hint
            self.refuse(
                tree, path, Refused("a mapping with value, and source, measured, assumed or chosen", hint)
            )
            return
        good = self.value(tree.get("value"), f"{path}.value", param)
        self.source(tree, path)
        if tree.get("fitted_to") is not None:
            self.fit(tree, path)
        spread = tree.get("range")
        is_number = param.unit not in ("choice", "switch")
        if spread is not None:
            self._range(tree, spread, f"{path}.range", param, good and is_number)
        elif is_number and not (tree.get("source") or tree.get("measured") or tree.origin_above):
            expected = "a plausible range, as nobody published the number"
            hint = "write range: [low, high], or measured: WHERE if you know the value"
            self.refuse(tree, path, Refused(expected, hint, "no range"))

    def _range(self, tree: Tree, spread: Tree, path: str, param: Param, compare: bool) -> None:
        ends = spread.elements()
        good = [self.value(end, f"{path}.{i}", param) for i, end in enumerate(ends)]
        if len(ends) != 2:
            self.refuse(spread, path, Refused("[low, high]"))
        elif all(good) and compare:
            low, high, value = ends[0].value, ends[1].value, tree.scalar("value")
            if low > high:
                self.refuse(spread, path, Refused("[low, high]", "swap the two", "a low above the high"))
            elif not low <= value <= high:
                found = f"{_written(low, param.unit)} to {_written(high, param.unit)}"
                expected = f"a range that contains the value, {_written(value, param.unit)}"
                self.refuse(spread, path, Refused(expected, found=found))

    def one_of(self, tree: Tree, path: str, *keys: str) -> None:
        """Exactly one of these keys is given. Pydantic checks it too, but only if nothing else is wrong."""
        given = [key for key in keys if tree.get(key) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none of them"
            self.refuse(tree, path, Refused("exactly one of " + ", ".join(keys), found=found), at_key=True)

    def source(self, tree: Tree, path: str) -> None:
        """The ``source`` of a mapping is one that data/sources.yaml lists."""
        source = tree.get("source")
        if source is None or self.names.sources is None or not isinstance(source.value, str):
            return
        if source.value not in self.names.sources:
            hint = did_you_mean(source.value, self.names.sources)
            self.refuse(source, f"{path}.source", Refused("an id of data/sources.yaml", hint))

    def fit(self, tree: Tree, path: str) -> None:
        """Numbers are fitted to published outcomes, and at most six numbers are fitted."""
        place = tree.get("fitted_to")
        assert place is not None
        self.fitted.append((path, tree))
        if self.names.outcomes is None:
            hint = "fitted_to belongs in a scenario with published:"
            refused = Refused("source, measured, assumed or chosen", hint, "fitted_to")
            self.refuse(place, f"{path}.fitted_to", refused, at_key=True)
            return
        if len(self.fitted) > MAX_FITTED:
            expected = f"at most {MAX_FITTED}, as many fitted numbers prove nothing"
            refused = Refused(expected, found=f"fitted number {len(self.fitted)}")
            self.refuse(place, path, refused, at_key=True)
        for i, outcome in enumerate(place.elements()):
            if outcome.value not in self.names.outcomes:
                hint = did_you_mean(outcome.value, self.names.outcomes)
                self.refuse(outcome, f"{path}.fitted_to.{i}", Refused("the id of a published outcome", hint))
