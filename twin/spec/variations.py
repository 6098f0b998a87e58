"""Changes to a base scenario, checked against it. Files with variants of the model or with more actions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from twin.base import units
from twin.base.units import Refused
from twin.model.changes import (
    OF_MOMENTS,
    OF_NUMBERS,
    OF_SERVICE,
    TOTALS,
    Extension,
    Variant,
    Variation,
    WhatIf,
)
from twin.model.fields import Record
from twin.model.parameter import Param
from twin.model.responders import listed
from twin.model.scenario import Scenario, Topology
from twin.model.target import Target
from twin.spec.contradictions import check_contradictions
from twin.spec.cycles import check_circles, check_cycles, check_endless
from twin.spec.overrides import vary
from twin.spec.problems import Problem, SpecError, did_you_mean
from twin.spec.responders import check_responders
from twin.spec.scenario import check_expectations, check_interventions
from twin.spec.sources import check_unique, source_ids
from twin.spec.stores import check_stores
from twin.spec.topology import check_services
from twin.spec.tree import Tree, must_read, read_tree
from twin.spec.validate import validate
from twin.spec.values import Checker, names_of

R = TypeVar("R", bound=Record)
Kinds = Mapping[str, Any] | None

_MARGIN = {"number": "ratio", "moment": "s"}  # unit of by: and within:


def load_variant(path: Path | str, base: Scenario | Topology, kinds: Kinds = None) -> Variant:
    """A file of scenarios/variants/, checked against what it changes. Raises SpecError."""
    return checked(Variant, must_read(path), Path(path), base, kinds)


def load_actions(path: Path | str, scenario: Scenario, kinds: Kinds = None) -> Variation:
    """Interventions to add: ``actions:`` or ``faults:`` with a list, or just one. Raises SpecError."""
    problems: list[Problem] = []
    tree = read_tree(path, problems)
    if tree is not None:
        if tree.get("id") is not None:
            tree = Tree({"actions": Tree([tree], *_place(tree))}, *_place(tree))
        for key, value in tree.items():
            if key not in ("actions", "faults"):
                expected = "actions: or faults: with a list, or the keys of one"
                problems.append(value.problem(key, f"key '{key}'", expected, at_key=True))
        if not tree.elements("actions") + tree.elements("faults"):
            problems.append(tree.problem("", "no intervention", "actions: with a list"))
    if tree is None or problems:
        raise SpecError(problems)
    return checked(Variation, tree, Path(path), scenario, kinds)


def checked(model: type[R], tree: Tree, path: Path, base: Scenario | Topology, kinds: Kinds) -> R:
    """The record of a tree. Raises SpecError unless it and all its cases can be applied to ``base``.

    Values in the tree are typed in place.
    """
    problems: list[Problem] = []
    names = names_of(base, kinds)
    names.sources = source_ids(path, problems)
    checker = Checker(names, problems)
    checker.source(tree, "")
    parts = [("", tree), *((f"cases.{name}.", case) for name, case in tree.items("cases"))]
    for prefix, part in parts:
        check_variation(part, prefix, checker, base)
    if issubclass(model, Extension):
        check_expectations(tree, checker)
    elif isinstance(base, Scenario):
        check_comparisons(tree, checker, base, kinds)
    start = base.start if isinstance(base, Scenario) else None
    record = validate(model, plain_of(tree), tree, problems, {"start": start})
    if record is None or problems:
        raise SpecError(problems)
    put = record.put if isinstance(record, WhatIf) else {"": (record,)}
    for case, variations in put.items():
        check_applied(_stub(base), variations, tree.get("cases", case) or tree, kinds)  # type: ignore[arg-type]
    return record


def _stub(base: Scenario | Topology) -> Scenario:
    """A scenario on which a variation can be tried."""
    if isinstance(base, Scenario):
        return base
    start = datetime(2025, 1, 1, tzinfo=UTC)
    return Scenario(name="stub", topology=base, start=start, duration_s=3600.0)


def check_variation(tree: Tree, prefix: str, checker: Checker, base: Scenario | Topology) -> None:
    """The keys of a Variation, at any place of a file."""
    _check_on_top(tree, checker)
    for target, quantity in tree.items("parameters"):
        path = f"{prefix}parameters.{target}"
        try:
            checker.quantity(quantity, path, checker.names.parameter(target))
        except Refused as refused:
            checker.refuse(quantity, path, refused, at_key=True)
    for target, value in tree.items("set"):
        path = f"{prefix}set.{target}"
        try:
            checker.value(value, path, checker.names.parameter(target))
        except Refused as refused:
            checker.refuse(value, path, refused, at_key=True)
    for i, edge in enumerate(tree.elements("without")):
        _check_edge(edge, f"{prefix}without.{i}", checker)
    if isinstance(base, Scenario):
        _check_ids(tree, prefix, checker, base)
        check_responders(tree, checker, base)
    steps = replace(checker, names=replace(checker.names, stages={}))  # no step sets what responders take
    check_interventions(tree, steps, base.start if isinstance(base, Scenario) else None)


def _check_on_top(tree: Tree, checker: Checker) -> None:
    """Services on top. A known service may leave out its kind."""
    for name, service in tree.items("services"):
        if isinstance(service.value, dict) and "kind" not in service.value and name in checker.names.services:
            service.value["kind"] = Tree(checker.names.services[name], *_place(service))
    check_services(tree, checker)


def _check_edge(edge: Tree, path: str, checker: Checker) -> None:
    if Target.parse(str(edge.value)).edge not in checker.names.edges:
        known = (f"{a}->{b}" for a, b in checker.names.edges)
        checker.refuse(edge, path, Refused("a dependency, caller->callee", did_you_mean(edge.value, known)))


def _check_ids(tree: Tree, prefix: str, checker: Checker, base: Scenario) -> None:
    ids = [x.id for x in base.interventions]
    every = [x.id for x in listed(base)]
    for i, place in enumerate(tree.elements("drop")):
        if place.value not in every:
            hint = did_you_mean(place.value, every)
            refused = Refused("the id of a fault, action or diagnosis", hint)
            checker.refuse(place, f"{prefix}drop.{i}", refused)
    for name, place in tree.items("move"):
        if name not in ids:
            refused = Refused("the id of a fault or action", did_you_mean(name, ids), f"'{name}'")
            checker.refuse(place, f"{prefix}move.{name}", refused, at_key=True)
    for name, place in tree.items("move"):
        try:
            if units.parse_time(place.value, base.start) < 0:
                expected = f"a time from the start on, {base.start.isoformat()}"
                checker.refuse(place, f"{prefix}move.{name}", Refused(expected))
        except Refused:
            continue  # pydantic reports it


def check_comparisons(
    tree: Tree, checker: Checker, base: Scenario, kinds: Kinds, key: str = "expect"
) -> None:
    """The list of this key: each metric exists, fits its direction, and its margins are in its unit."""
    metrics = _metrics(checker, base, kinds)
    cases = dict(tree.items("cases"))
    for i, entry in enumerate(tree.elements(key)):
        path = f"{key}.{i}"
        for other in ("case", "against"):
            place = entry.get(other)
            if place is not None and place.value not in cases:
                checker.refuse(place, f"{path}.{other}", Refused("a case", did_you_mean(place.value, cases)))
        name = entry.scalar("metric")
        if name in metrics:
            _check_effect(entry, path, metrics[name], checker)
            continue
        if (place := entry.get("metric")) is not None:
            refused = Refused("a metric of a run", did_you_mean(name, metrics))
            checker.refuse(place, f"{path}.metric", refused)
        for margin in (entry.get("by"), entry.get("within")):
            if margin is not None:
                margin.value = 0.0  # without a metric its unit is unknown: nothing to complain about


def _check_effect(entry: Tree, path: str, sort: str, checker: Checker) -> None:
    """``sort``: whether the metric is a 'number' or a 'moment'."""
    direction = entry.get("is")
    wanted = OF_NUMBERS if sort == "number" else OF_MOMENTS
    if direction is not None and direction.value in set(OF_NUMBERS + OF_MOMENTS) - set(wanted):
        checker.refuse(direction, f"{path}.is", Refused(f"of a {sort}, one of {', '.join(wanted)}"))
    for of in ("by", "within"):
        if (margin := entry.get(of)) is not None:
            checker.value(margin, f"{path}.{of}", Param(of, 0.0, _MARGIN[sort], 0.0, 1e9, "", ""))


def _metrics(checker: Checker, base: Scenario, kinds: Kinds) -> dict[str, str]:
    """Every metric of a run, and whether it is a 'number' or a 'moment'."""
    from twin.kinds import registry

    events = {name: getattr(kind, "EVENTS", ()) for name, kind in (kinds or registry()).items()}
    sorts = dict(TOTALS)
    for service, kind in checker.names.services.items():
        sorts |= {f"{service}.{name}": "number" for name in OF_SERVICE}
        sorts |= {f"{service}.{event}": "moment" for event in events.get(kind, ())}
    return sorts | {o.id: "moment" for o in (base.published.outcomes if base.published else ())}


def plain_of(tree: Tree) -> Any:
    """The plain form of a file, with the names of services and the kinds of interventions added."""
    data = tree.plain()
    cases = data.get("cases")
    for part in [data, *(cases.values() if isinstance(cases, dict) else ())]:
        if not isinstance(part, dict):
            continue
        services = part.get("services")
        for name, service in services.items() if isinstance(services, dict) else ():
            if isinstance(service, dict):
                service["name"] = name
        for key, kind in (("faults", "fault"), ("actions", "action")):
            for entry in part[key] if isinstance(part.get(key), list) else ():
                if isinstance(entry, dict):
                    entry["kind"] = kind
    return data


def check_applied(base: Scenario, variations: Iterable[Variation], place: Tree, kinds: Kinds) -> None:
    """Problems that only exist after all variations: duplicate ids, removed targets, endless calls."""
    problems: list[Problem] = []
    for variation in variations:
        base = vary(base, variation)
    names = names_of(base.topology, kinds)
    checker = Checker(names, problems)
    check_unique(((x.id, Tree(x.id, *_place(place))) for x in listed(base)), checker)
    for x in base.interventions:
        for target in x.set:
            try:
                names.parameter(target)
            except Refused as refused:
                hint = f"{x.id} sets it; drop that too"
                checker.refuse(place, "", Refused(refused.expected, hint, refused.found))
    planted = _planted(base.topology.model_dump(by_alias=True), place)
    check_cycles(planted, None, base.tick_s, problems)
    check_endless(planted, problems)
    check_circles(planted, problems)
    check_contradictions(planted, None, names, problems)
    check_stores(planted, None, names, problems)
    if problems:
        raise SpecError(problems)


def _planted(value: Any, like: Tree) -> Tree:
    """A plain value as a Tree, all of it at one place."""
    if isinstance(value, dict):
        value = {key: _planted(below, like) for key, below in value.items() if below is not None}
    elif isinstance(value, list | tuple):
        value = [_planted(below, like) for below in value]
    return Tree(value, *_place(like))


def _place(tree: Tree) -> tuple[str, int, int]:
    return tree.file, tree.line, tree.column
