"""Where each number of a scenario is written: a line of a YAML file, or of the kind that has the default."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

from twin.base.places import LIBRARY, find_file
from twin.kinds import registry
from twin.mechanisms.requests import parameters as shared
from twin.model import dependency_parameters
from twin.model.scenario import Scenario
from twin.model.target import Target
from twin.spec.examples import spread_origin
from twin.spec.inputs import SPREAD
from twin.spec.step_numbers import STEPS, places_of
from twin.spec.topology import read_topology
from twin.spec.tree import Tree, must_read
from twin.spec.values import EDGE

Spot = tuple[str, int, int]  # file, line, column
REACHED = "reached_through"


def number_places(path: Path, with_files: Iterable[Path | str] = ()) -> dict[str, Spot]:
    """Target, as in ``UncertainInput`` → where a scenario's files give it. Raises SpecError.

    How callers reach a service stands under 'service.reached_through.number'.
    """
    tree = must_read(path)
    found: dict[str, Spot] = {}
    named, base = tree.scalar("topology"), tree.scalar("base")
    if isinstance(base, str):
        found |= number_places(path.parent / base)
    elif isinstance(named, str):
        found |= dict(_in(read_topology(path.parent / named, [])))
    for file in with_files:
        found |= dict(_in(must_read(find_file(file))))
    return found | dict(_in(tree))


def place_of(target: str, scenario: Scenario, given: dict[str, Spot]) -> Spot:
    """Where a number stands. ``given``: of ``number_places``. A default stands with its kind."""
    if target in given:
        return given[target]
    parsed = Target.parse(target)
    service = scenario.topology.services.get(parsed.service)
    if service is None:
        return ("", 0, 0)
    if not parsed.is_dependency:
        return _in_python(registry()[service.kind], parsed.name)
    call = next(d for d in service.dependencies if d.on == parsed.callee)
    if call.inherited_from is not None:
        for inherited in (f"{call.inherited_from}.{REACHED}", f"{parsed.service}->{call.inherited_from}"):
            if parsed.name in call.numbers and (place := given.get(f"{inherited}.{parsed.name}")):
                return place
    return _in_python(dependency_parameters, parsed.name)


def _in(tree: Tree) -> Iterator[tuple[str, Spot]]:
    """(target, place) of each number that a file gives."""
    spread_origin(tree, [])
    for name, service in tree.items("services"):
        yield from ((f"{name}.{key}", _place(q)) for key, q in service.items("parameters"))
        edges = [(f"{name}->{e.scalar('on')}", e) for e in service.elements("dependencies")]
        for owner, edge in [*edges, (f"{name}.{REACHED}", service.get(REACHED))]:
            for key, q in edge.items() if edge is not None else ():
                if key in EDGE:
                    yield f"{owner}.{key}", _place(q)
    yield from ((target, _place(q)) for target, q in tree.items("parameters"))
    if (spread := tree.get("stage_cv_ratio")) is not None:
        yield SPREAD, _place(spread)
    for step in (x for key in STEPS for x in tree.elements(key)):
        yield from _of_step(step)


def _of_step(step: Tree) -> Iterator[tuple[str, Spot]]:
    name = str(step.scalar("id"))
    if (at := step.get("at")) is not None:
        yield name, _place(at)
    yield from ((f"{name}.{key}", _place(holder.value[inner])) for holder, inner, key in places_of(step))
    for key in ("takes", "misled_by"):
        yield from ((f"{name}.{stage}", _place(q)) for stage, q in step.items(key))
    for key in ("triage_s", "triage_doubling_s"):
        if (stage := step.get(key)) is not None:
            yield f"{name}.{key}", _place(stage)


def _place(tree: Tree) -> Spot:
    line, column = tree.key or (tree.line, tree.column)
    return short(tree.file), line, column


def short(file: str) -> str:
    """A path as people read it: from the project's root, if it is inside."""
    path = Path(file).resolve()
    return str(path.relative_to(LIBRARY)) if path.is_relative_to(LIBRARY) else file


@cache
def _in_python(module: ModuleType, name: str) -> Spot:
    """The line of a Param. A kind may be a folder, and may share parameters with others."""
    file = Path(str(module.__file__))
    files = sorted(file.parent.glob("*.py")) if file.name == "__init__.py" else [file]
    wanted = re.compile(rf'Param\(\s*"{name}"' + (r"|\bfault_ratio\(" if name == "fault_ratio" else ""))
    for path in (*files, Path(str(shared.__file__))):
        text = path.read_text(encoding="utf-8")
        if (found := wanted.search(text)) is not None:
            return short(str(path)), text.count("\n", 0, found.start()) + 1, 1
    return short(str(file)), 1, 1
