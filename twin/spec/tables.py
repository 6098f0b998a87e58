"""A topology as two Parquet tables: ``services.parquet`` and ``dependencies.parquet``, a row each.

``docs/large-topologies.md`` lists the columns. A row becomes the same tree that a YAML file gives, so the
same checks look at it. A problem names the file and the row, from 1. Numbers are in SI units. The columns
source, measured and assumed say where all numbers of the row come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from twin.model.dependency_parameters import EDGE_PARAMETERS
from twin.model.parameter import Param
from twin.model.scenario import Quantity, Topology
from twin.spec.problems import Problem, did_you_mean, shown
from twin.spec.tree import Cell, Tree

SERVICES, DEPENDENCIES = "services.parquet", "dependencies.parquet"
ORIGIN = ("source", "measured", "assumed")
SERVICE_WORDS = ("name", "kind", "title", "domain", "visible", "requests", "per")
EDGE_WORDS = {
    "for": "purpose",
    "mode": "mode",
    "parallel": "parallel",
    "one_of": "one_of",
    "fallback": "fallback",
}
EDGE_COLUMNS = ("caller", "callee", "confidence", "evidence_source", *EDGE_WORDS)
EDGE_NUMBERS = tuple(p.name for p in EDGE_PARAMETERS)


@dataclass(frozen=True)
class ColumnTable:
    """The columns of a file as lists, None where a cell is empty. Columns that are empty are left out."""

    file: str
    rows_count: int
    columns: Mapping[str, list[Any]]

    def cell(self, value: Any, row: int, named: str = "") -> Cell:
        """A value with its place. ``named``: its column."""
        return Cell(value, self.file, row + 1, 0, named=named)

    def words(self, row: int, names: Iterable[str]) -> dict[str, Cell]:
        """The cells of a row that are given, by column."""
        found = {name: self.columns[name][row] for name in names if name in self.columns}
        return {name: self.cell(value, row, name) for name, value in found.items() if value is not None}

    def quantities(self, row: int, names: Iterable[str]) -> dict[str, Tree]:
        """The numbers of a row, each with the origin of the row."""
        origin = self.words(row, ORIGIN)
        return {name: self._quantity(cell, origin) for name, cell in self.words(row, names).items()}

    def _quantity(self, cell: Cell, origin: Mapping[str, Tree]) -> Tree:
        named = cell.named
        return Cell({"value": cell, **origin}, cell.file, cell.line, 0, origin_above=True, named=named)


def is_tables(path: Path) -> bool:
    """Whether a folder holds a topology in tables."""
    return (path / SERVICES).is_file() or (path / DEPENDENCIES).is_file()


def read_columns(
    path: Path, required: tuple[str, ...], known: Iterable[str], problems: list[Problem]
) -> ColumnTable | None:
    """The columns of a Parquet file; None if it cannot be read, or lacks a required column.

    Either is a problem, and so is a column that nobody knows.
    """
    known = {*required, *known, *ORIGIN}
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        reason = "no such file" if not path.exists() else str(error).splitlines()[0]
        problems.append(Problem(str(path), 0, 0, "", reason, "a Parquet file"))
        return None
    for name in table.column_names:
        if name not in known:
            hint = did_you_mean(name, known)
            problems.append(
                Problem(str(path), 0, 0, "", f"unknown column {shown(name)}", "a known column", hint)
            )
    missing = [name for name in required if name not in table.column_names]
    problems += [Problem(str(path), 0, 0, "", f"no column '{name}'", f"'{name}'") for name in missing]
    if missing:
        return None
    columns = {name: table.column(name) for name in table.column_names if name in known}
    given = {name: column.to_pylist() for name, column in columns.items() if column.null_count < len(column)}
    for name in required:
        given.setdefault(name, [None] * table.num_rows)
    return ColumnTable(str(path), table.num_rows, given)


_EVIDENCE = {"confidence": "confidence", "evidence_source": "source"}


@dataclass(frozen=True)
class TopologyTables:
    """A topology in tables. ``edges_of``: caller → rows of its dependencies, in their order."""

    services: ColumnTable
    dependencies: ColumnTable
    row_of: Mapping[str, int]
    edges_of: Mapping[str, list[int]]
    parameters: tuple[str, ...]

    def service(self, name: str) -> Tree:
        """A service as a tree, with its dependencies."""
        row, table = self.row_of[name], self.services
        tree = table.words(row, SERVICE_WORDS[1:])
        numbers = table.quantities(row, self.parameters)
        if numbers:
            tree["parameters"] = table.cell(numbers, row)
        if name in self.edges_of:
            tree["dependencies"] = table.cell([self.dependency(row) for row in self.edges_of[name]], row)
        found = table.cell(tree, row)
        found.key = (row + 1, 0)
        return found

    def dependency(self, row: int) -> Tree:
        """A dependency as a tree."""
        table = self.dependencies
        tree: dict[str, Tree] = dict(table.words(row, EDGE_WORDS))
        if (callee := table.columns["callee"][row]) is not None:
            tree["on"] = table.cell(callee, row, "callee")
        evidence = table.words(row, ("confidence", "evidence_source"))
        if evidence:
            tree["evidence"] = table.cell({_EVIDENCE[word]: cell for word, cell in evidence.items()}, row)
        return table.cell(tree | table.quantities(row, EDGE_NUMBERS), row)

    def trees(self, names: Iterable[str]) -> Tree:
        """Some services as a mapping, as ``services:`` of a file."""
        return Tree({name: self.service(name) for name in names}, self.services.file, 1, 0)


def read_tables(
    folder: Path, kinds: Mapping[str, Mapping[str, Param]], problems: list[Problem]
) -> TopologyTables | None:
    """The two tables of a folder; None if one is no table that rows could be read of. A row without a proper
    name or caller is a problem, and left out."""
    parameters = tuple(sorted({name for of_kind in kinds.values() for name in of_kind}))
    known = (*SERVICE_WORDS, *parameters)
    services = read_columns(folder / SERVICES, ("name", "kind"), known, problems)
    edges = read_columns(
        folder / DEPENDENCIES, ("caller", "callee", "mode"), (*EDGE_COLUMNS, *EDGE_NUMBERS), problems
    )
    if services is None or edges is None:
        return None
    row_of: dict[str, int] = {}
    for row, name in enumerate(services.columns["name"]):
        if not isinstance(name, str):
            problems.append(
                services.cell(name, row, "name").problem("", shown(name), "the name of a service")
            )
        elif name in row_of:
            first = f"the first is in row {row_of[name] + 1}"
            problems.append(
                services.cell(name, row, "name").problem("", f"service {name} twice", "each once", first)
            )
        else:
            row_of[name] = row
    edges_of: dict[str, list[int]] = {}
    for row, caller in enumerate(edges.columns["caller"]):
        if caller in row_of:
            edges_of.setdefault(caller, []).append(row)
        else:
            hint = did_you_mean(caller, row_of) if len(problems) < MOST_HINTS else ""
            place = edges.cell(caller, row, "caller")
            problems.append(place.problem("", shown(caller), f"a service of {SERVICES}", hint))
    return TopologyTables(services, edges, row_of, edges_of, parameters)


MOST_HINTS = 20  # to look for a similar name among many takes a while


def write_tables(topology: Topology, folder: Path | str) -> None:
    """Write a topology as tables. What callers inherit is written as if it stood there.

    Ranges, and the reasons of evidence, are left out. Where the numbers of a row have several origins, the
    row says ``assumed: as in NAME``. Raises OSError.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    fallback = f"as in {topology.name}"
    services = [
        {"name": s.name, "kind": s.kind, "title": s.title or None, "visible": s.visible,
         "domain": s.domain if s.domain != s.name else None, "requests": s.requests, "per": s.per,
         **_numbers(s.parameters, fallback)}
        for s in topology.services.values()
    ]  # fmt: skip
    edges = [
        {"caller": s.name, "callee": d.on, "confidence": d.evidence.confidence if d.evidence else None,
         "evidence_source": d.evidence.source if d.evidence else None,
         **{column: getattr(d, name) or None for column, name in EDGE_WORDS.items()},
         **_numbers(d.numbers, fallback)}
        for s in topology.services.values() for d in s.dependencies
    ]  # fmt: skip
    _write(services, ("name", "kind"), folder / SERVICES)
    _write(edges, ("caller", "callee", "mode"), folder / DEPENDENCIES)
    text = f"topology: {topology.name}\nsignal_period: {topology.signal_period_s:g}s\n"
    if topology.zones:
        text += f"zones: [{', '.join(topology.zones)}]\n"
    (folder / "topology.yaml").write_text(text)


def _numbers(given: Mapping[str, Quantity], fallback: str) -> dict[str, Any]:
    origins = {tuple(getattr(q, word) for word in ORIGIN) for q in given.values()}
    found: dict[str, Any] = {name: q.value for name, q in given.items()}
    if len(origins) == 1 and any(origin := next(iter(origins))):
        return found | {word: text for word, text in zip(ORIGIN, origin, strict=True) if text}
    return found | {"assumed": fallback} if given else found


def _write(rows: list[dict[str, Any]], required: tuple[str, ...], path: Path) -> None:
    names = dict.fromkeys(required) | {name: None for row in rows for name in row}
    columns = {name: [row.get(name) for row in rows] for name in names}
    pq.write_table(
        pa.table({name: _column(values) for name, values in columns.items()}), path, compression="zstd"
    )


def _column(values: list[Any]) -> pa.Array:
    is_number = any(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    return pa.array(values, pa.float64() if is_number else None)
