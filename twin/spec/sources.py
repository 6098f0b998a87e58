"""data/sources.yaml and data/published/*.csv: sources of facts, and the published timeline."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from twin.base.places import LIBRARY
from twin.base.units import Refused
from twin.model.fields import Record
from twin.model.parameter import Param
from twin.model.published import Count, Exclusion, Outcome, Plateau, Product, Published
from twin.model.signals import WATCHED
from twin.model.source import Source
from twin.spec.problems import Problem, SpecError
from twin.spec.rows import read_rows
from twin.spec.tree import Tree, read_tree
from twin.spec.validate import validate
from twin.spec.values import Checker, Names

TYPED_COLUMNS = (  # the others hold text
    "level", "low", "high", "episode", "tolerance_min", "imposed", "count", "at_least", "whole",
)  # fmt: skip
BESIDE: dict[str, type[Record]] = {
    "must_not": Exclusion, "plateaus": Plateau, "counts": Count, "entries": Product,
}  # fmt: skip


class Sources(Record):
    """The file data/sources.yaml."""

    sources: dict[str, Source]


def find_sources(near: Path) -> Path | None:
    """data/sources.yaml of the project that a file belongs to: upwards from it, else of this package."""
    for folder in (*near.resolve().parents, LIBRARY):
        if (path := folder / "data" / "sources.yaml").is_file():
            return path
    return None


def load_sources(path: Path | str = LIBRARY / "data" / "sources.yaml") -> dict[str, Source]:
    """Source id → Source, in the order of the file. Raises SpecError."""
    problems: list[Problem] = []
    tree = read_tree(path, problems)
    record = validate(Sources, tree.plain(), tree, problems) if tree else None
    if record is None or problems:
        raise SpecError(problems)
    return record.sources


def source_ids(near: Path, problems: list[Problem]) -> frozenset[str] | None:
    """The ids of sources that a file near this path may name; None if there is no list."""
    path = find_sources(near)
    tree = read_tree(path, problems) if path else None
    return frozenset(name for name, _ in tree.items("sources")) if tree else None


def load_published(path: Path | str) -> Published:
    """The published timeline in a CSV file; times keep their zone. Raises SpecError.

    Whether its subjects are services is checked with the scenario that names it.
    """
    problems: list[Problem] = []
    tree = read_published(Path(path), problems)
    checker = Checker(Names({}, source_ids(Path(path), problems)), problems)
    check_published(tree, checker)
    record = build_published(tree, problems)
    if record is None or problems:
        raise SpecError(problems)
    return record


def read_published(path: Path, problems: list[Problem]) -> Tree:
    """The tree of a timeline: INCIDENT.csv, and INCIDENT-PART.csv for each part of BESIDE that there is."""
    parts: dict[str, Any] = {"incident": path.stem, "outcomes": _statements(path, Outcome, problems)}
    for key, model in BESIDE.items():
        file = path.with_name(f"{path.stem}-{key.replace('_', '-')}{path.suffix}")
        parts[key] = _statements(file, model, problems) if file.exists() else []
    return Tree({key: Tree(value, str(path), 1, 1) for key, value in parts.items()}, str(path), 1, 1)


def _statements(path: Path, model: type[Record], problems: list[Problem]) -> list[Tree]:
    """The rows of a file whose columns are the fields of a record."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    required = [name for name, field in fields.items() if field.is_required()]
    optional = [name for name, field in fields.items() if not field.is_required()]
    return read_rows(path, required, optional, TYPED_COLUMNS, problems)


def check_published(tree: Tree, checker: Checker) -> None:
    """Sources, levels, ids that occur once."""
    entries = _entries(tree)
    for path, entry in entries:
        checker.source(entry, path)
        check_level(entry, path, entry.scalar("signal"), checker, ("level", "low", "high"))
    check_unique(((path, entry.get("id")) for path, entry in entries), checker)


def check_subjects(tree: Tree, checker: Checker) -> None:
    """Every subject is a service of the topology."""
    for path, entry in _entries(tree):
        for key in ("subject", "would_come_from"):
            check_service(entry.get(key), f"{path}.{key}", checker)
        if (names := entry.get("services")) is not None:
            for name in str(names.value).split():
                check_service(Tree(name, names.file, names.line, names.column), f"{path}.services", checker)


def build_published(tree: Tree, problems: list[Problem]) -> Published | None:
    return validate(Published, tree.plain(), tree, problems)


def check_service(tree: Tree | None, path: str, checker: Checker) -> None:
    """The text at a place names a service."""
    if tree is None or not isinstance(tree.value, str):
        return  # for pydantic to say
    try:
        checker.names.service(tree.value)
    except Refused as refused:
        checker.refuse(tree, path, refused)


def check_level(
    entry: Tree, path: str, signal: Any, checker: Checker, keys: Iterable[str] = ("level",)
) -> None:
    """A level has the unit of its signal: 0.05 or 5% for a ratio, 60 or 1m for a signal in seconds."""
    unit = WATCHED.get(signal) if isinstance(signal, str) else None
    for key in keys:
        level = entry.get(key)
        if unit is None or level is None or (unit == "s" and isinstance(level.value, int | float)):
            continue
        checker.value(level, f"{path}.{key}", Param(key, 0.0, unit, 0.0, 1e9, "", ""))


def check_unique(ids: Iterable[tuple[str, Tree | None]], checker: Checker) -> None:
    """No id occurs twice."""
    first: dict[Any, Tree] = {}
    for path, tree in ids:
        if tree is None or isinstance(tree.value, dict | list):
            continue
        if tree.value in first:
            hint = f"the first is on line {first[tree.value].line}"
            checker.refuse(tree, f"{path}.id", Refused("an id of its own", hint, f"'{tree.value}' twice"))
        first.setdefault(tree.value, tree)


def _entries(tree: Tree) -> list[tuple[str, Tree]]:
    return [(f"{key}.{i}", e) for key in ("outcomes", *BESIDE) for i, e in enumerate(tree.elements(key))]
