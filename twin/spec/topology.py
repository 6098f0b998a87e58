"""A topology: the YAML files of a folder, merged, and services on top from a scenario or a user."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from twin.base.garbage import no_garbage
from twin.base.places import find_file
from twin.base.units import Refused
from twin.model.reach import inherit, ways
from twin.model.scenario import Topology
from twin.model.sdk import SDK_DEFAULTS
from twin.spec.contradictions import check_contradictions
from twin.spec.cycles import check_circles, check_cycles, check_endless
from twin.spec.examples import spread_origin
from twin.spec.large import in_doubt, note_names, on_circles, services_of
from twin.spec.problems import Problem, SpecError, did_you_mean, shown
from twin.spec.reach import check_reach, wiring_of
from twin.spec.sources import check_service, source_ids
from twin.spec.stores import check_stores
from twin.spec.tables import TopologyTables, is_tables, read_tables
from twin.spec.tree import Cell, Tree, read_tree
from twin.spec.validate import validate
from twin.spec.values import EDGE, Checker, Names, names_of_kinds, parameters_by_kind


@no_garbage()
def load_topology(
    path: Path | str,
    with_files: Iterable[Path | str] = (),
    *,
    kinds: Mapping[str, Any] | None = None,
    tick_s: float = 1.0,
) -> Topology:
    """The topology in a folder (or a single file), with services of one's own on top.

    ``kinds``: kind → object with PARAMETERS, by default all kinds of the package. Numbers come back in SI.
    Raises SpecError with every problem of every file.
    """
    problems: list[Problem] = []
    tree = read_topology(Path(path), problems)
    for file in with_files:
        lay_file_on_top(tree, find_file(file), problems)
    checker = Checker(names_of_kinds(kinds, source_ids(Path(path), problems)), problems)
    check_services(tree, checker)
    check_graph(tree, None, checker.names, tick_s, problems)
    topology = build_topology(tree, problems)
    if topology is None or problems:
        raise SpecError(problems)
    return topology


def read_topology(path: Path, problems: list[Problem]) -> Tree:
    """The merged tree of a folder's files. Only what merging needs is checked."""
    merged = TopologyTree({}, str(path), 1, 1)
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if path.is_dir() and is_tables(path):
        _add_tables(merged, path, problems)
    elif not files:
        problems.append(merged.problem("", "no *.yaml in this folder", "a topology"))
    for file in files:
        document = read_tree(file, problems)
        if document is not None:
            _merge(merged, spread_origin(document, problems), problems)
            _not_in_tables(merged.tables, document, problems)
        else:  # the name may be in there: do not complain that there is none
            merged.value.setdefault("topology", Tree("unreadable", str(file), 1, 1))
    if path.is_dir() and is_tables(path):
        merged.value.setdefault("topology", Cell(path.name, str(path), 0, 0))
    _hand_down(merged, "requests")
    return merged


SMALL = 1000  # services in tables that become trees, all of them


class TopologyTree(Tree):
    """The tree of a topology, without most services of large ``tables``."""

    __slots__ = ("tables",)
    tables: TopologyTables | None

    def __init__(self, value: Any, file: str, line: int, column: int) -> None:
        super().__init__(value, file, line, column)
        self.tables = None


def _add_tables(merged: TopologyTree, folder: Path, problems: list[Problem]) -> None:
    kinds = parameters_by_kind()
    tables = read_tables(folder, kinds, problems)
    if tables is not None:
        is_small = len(tables.row_of) <= SMALL
        merged.tables = None if is_small else tables
        as_trees = tables.row_of if is_small else in_doubt(tables, kinds, source_ids(folder, problems))
        merged.value["services"] = tables.trees(as_trees)


def _not_in_tables(tables: TopologyTables | None, document: Tree, problems: list[Problem]) -> None:
    """A service of a large table may be no tree yet; still it is there once."""
    for name, service in document.items("services") if tables is not None else ():
        if tables is not None and name in tables.row_of and not isinstance(service, Cell):
            first = tables.services.cell(name, tables.row_of[name])
            problems.append(_twice(f"services.{name}", service, f"service {name}", first))


def _hand_down(merged: Tree, key: str) -> None:
    """What the topology says for all its services holds for each that says nothing else."""
    said = merged.get(key)
    for _, service in merged.items("services") if said is not None else ():
        if isinstance(service.value, dict):
            service.value.setdefault(key, said)


def _merge(merged: Tree, document: Tree, problems: list[Problem]) -> None:
    """Adds a file of the same folder. No key and no service may be in two files."""
    for key, tree in document.items():
        present = merged.get(key)
        if present is None:
            merged.value[key] = tree
        elif key == "services" and isinstance(present.value, dict) and isinstance(tree.value, dict):
            for name, service in tree.items():
                if name in present.value:
                    first = present.value[name]
                    problems.append(_twice(f"services.{name}", service, f"service {name}", first))
                else:
                    present.value[name] = service
        else:
            problems.append(_twice(key, tree, f"'{key}'", present))


def _twice(path: str, tree: Tree, what: str, first: Tree) -> Problem:
    where = f"the first is at {first.file}:{(first.key or (first.line,))[0]}"
    return tree.problem(path, f"{what} twice", "each once", where, at_key=True)


def lay_file_on_top(tree: Tree, path: Path, problems: list[Problem]) -> None:
    """Services and dependencies of one's own, from a file with ``services:`` and nothing else."""
    document = read_tree(path, problems)
    if document is None:
        return
    for key, value in spread_origin(document, problems).items():
        if key != "services":
            problems.append(value.problem(key, f"key '{key}'", "services: and nothing else", at_key=True))
    services = document.get("services")
    if services is not None:
        lay_on_top(tree, services)
    elif not document.value:
        problems.append(document.problem("", "an empty mapping", "services:"))


def lay_on_top(tree: Tree, services: Tree) -> None:
    """Adds new services. The given keys of a known service replace the old ones; so does a dependency on the
    same callee."""
    present = tree.get("services")
    if present is None or not isinstance(present.value, dict) or not isinstance(services.value, dict):
        tree.value["services"] = services
        return
    tables = tree.tables if isinstance(tree, TopologyTree) else None
    for name, service in services.items():
        if tables is not None and name in tables.row_of:
            present.value.setdefault(name, tables.service(name))
        present.value[name] = _laid(present.value.get(name), service)


def _laid(under: Tree | None, over: Tree) -> Tree:
    if under is None or not isinstance(under.value, dict) or not isinstance(over.value, dict):
        return over
    merged = dict(under.value)
    for key, tree in over.items():
        below = merged.get(key)
        if key == "parameters" and below is not None and isinstance(below.value, dict) and tree.items():
            tree = Tree(below.value | tree.value, tree.file, tree.line, tree.column, tree.key)
        elif key == "dependencies" and below is not None and tree.elements():
            given = {d.scalar("on") for d in tree.elements()}
            kept = [d for d in below.elements() if d.scalar("on") not in given]
            tree = Tree(kept + tree.value, tree.file, tree.line, tree.column, tree.key)
        merged[key] = tree
    return Tree(merged, over.file, over.line, over.column, over.key)


def check_services(tree: Tree, checker: Checker) -> None:
    """Kinds, parameters and dependencies of all services. Their names are collected first."""
    services, names = tree.items("services"), checker.names
    if isinstance(tree, TopologyTree) and tree.tables is not None:
        note_names(tree.tables, names)
    for name, service in services:
        kind = service.scalar("kind")
        names.services[name] = kind if isinstance(kind, str) else ""
        names.wiring[name] = wiring_of(service, names.wiring.get(name))
        callees = (d.scalar("on") for d in service.elements("dependencies"))
        names.edges |= {(name, callee) for callee in callees if isinstance(callee, str)}
    names.edges |= {(name, on) for name, mine in ways(names.wiring).items() for on in mine}
    _note_zones(tree, checker)
    for name, service in services:
        path = f"services.{name}"
        if (own := service.get("name")) is not None:
            checker.refuse(own, f"{path}.name", Refused("no name: the key is the name"), at_key=True)
        _check_parameters(service, path, checker)
        _check_dependencies(service, path, checker)
        check_reach(service, name, checker)


def _note_zones(tree: Tree, checker: Checker) -> None:
    """Which services stand in zones, and in which. A service stands in two or more."""
    names = checker.names
    names.zones = tuple(str(zone.value) for zone in tree.elements("zones"))
    for name, service in tree.items("services"):
        per = service.get("per")
        if per is not None and per.value == "zone":
            names.zonal.add(name)
            if len(set(names.zones)) < 2:
                hint = "write zones: [az1, az2, az3] in the topology"
                found = f"per: zone, and zones: {list(names.zones) or 'none'}"
                checker.refuse(per, f"services.{name}.per", Refused("two or more zones", hint, found))
    names.note_zones()


def check_graph(
    tree: Tree, overrides: Tree | None, names: Names, tick_s: float, problems: list[Problem]
) -> None:
    """What concerns several dependencies: cycles, contradictions, stores that fill."""
    if isinstance(tree, TopologyTree) and tree.tables is not None:
        elsewhere = [(name, str(d.scalar("on"))) for name, service in tree.items("services")
                     for d in service.elements("dependencies") if d.scalar("mode") == "hard"]  # fmt: skip
        drawn = on_circles(tree.tables, elsewhere) - {name for name, _ in tree.items("services")}
        more = tree.tables.trees(drawn)
        check_services(Tree({"services": more}, tree.file, 1, 1), Checker(names, problems))
        tree.value["services"].value.update(more.value)
    check_cycles(tree, overrides, tick_s, problems)
    check_endless(tree, problems)
    check_circles(tree, problems)
    check_contradictions(tree, overrides, names, problems)
    check_stores(tree, overrides, names, problems)


def _check_parameters(service: Tree, path: str, checker: Checker) -> None:
    kind = service.get("kind")
    if kind is None or not isinstance(kind.value, str):
        return  # pydantic says what is missing
    parameters = checker.names.kinds.get(kind.value)
    if parameters is None:
        hint = did_you_mean(kind.value, checker.names.kinds)
        checker.refuse(kind, f"{path}.kind", Refused("a kind of service", hint))
        return
    parameters = checker.names.parameters_of(path.removeprefix("services."), kind.value)
    for name, quantity in service.items("parameters"):
        where = f"{path}.parameters.{name}"
        if name in parameters:
            checker.quantity(quantity, where, parameters[name])
        else:
            found, hint = f"unknown parameter '{name}'", did_you_mean(name, parameters)
            refused = Refused(f"a parameter of kind {kind.value}", hint, found)
            checker.refuse(quantity, where, refused, at_key=True)


def _check_dependencies(service: Tree, path: str, checker: Checker) -> None:
    first: dict[str, Tree] = {}
    for i, dependency in enumerate(service.elements("dependencies")):
        where = f"{path}.dependencies.{i}"
        on = dependency.get("on")
        if on is not None and isinstance(on.value, str):
            check_service(on, f"{where}.on", checker)
            if on.value in first:
                hint = f"the first is on line {first[on.value].line}; one dependency carries all calls"
                checker.refuse(on, f"{where}.on", Refused("a callee once", hint, f"{shown(on.value)} twice"))
            first.setdefault(on.value, on)
        _add_sdk_defaults(dependency)
        for name, tree in dependency.items():
            if name in EDGE:
                checker.quantity(tree, f"{where}.{name}", EDGE[name])
        evidence = dependency.get("evidence")
        if evidence is not None:
            _check_evidence(evidence, f"{where}.evidence", checker)


def _add_sdk_defaults(dependency: Tree) -> None:
    """The numbers of the client that ``sdk:`` names, at its place, where the file gives none."""
    place = dependency.get("sdk")
    defaults = SDK_DEFAULTS.get(str(place.value)) if place is not None else None
    if place is None or defaults is None:
        return  # pydantic refuses a name that is unknown

    def tree(value: Any) -> Tree:
        return Tree(value, place.file, place.line, place.column, place.key)

    for name, value in defaults.numbers.items():
        ends = tree([tree(value), tree(value)])
        by_name = {"assumed": tree(f"sdk: {place.value}"), "range": ends}
        origin = {"source": tree(defaults.source)} if defaults.source else by_name
        dependency.value.setdefault(name, tree({"value": tree(value), **origin}))


def _check_evidence(evidence: Tree, path: str, checker: Checker) -> None:
    checker.source(evidence, path)
    if evidence.scalar("confidence") == "published" and evidence.get("source") is None:
        checker.refuse(evidence, path, Refused("source: ID, as it is published", found="no source"))


def build_topology(tree: Tree, problems: list[Problem]) -> Topology | None:
    """The record of a checked tree, with the dependencies that callers inherit."""
    data = tree.plain()
    services = data.get("services")
    for name, service in services.items() if isinstance(services, dict) else ():
        if isinstance(service, dict):
            service["name"] = name
    topology = validate(Topology, data, tree, problems)
    if topology is None:
        return None
    tables = tree.tables if isinstance(tree, TopologyTree) else None
    if tables is not None and not problems:
        rest = services_of(tables, parameters_by_kind(), set(topology.services))
        topology = topology.model_copy(update={"services": {**rest, **topology.services}})
    return inherit(topology)
