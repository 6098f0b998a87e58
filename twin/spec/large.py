"""Large topologies in tables: whole columns are checked at once, and only rows in doubt become trees.

A tree of half a million dependencies would take gigabytes. So a service is *in doubt* if any of its cells, or
a circle that it is on, could be a problem, or if it has words that need a closer look. The trees of these go
to the ordinary checks, which decide, and write the messages. All other services become records directly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

import numpy as np

from twin.base.progress import report_progress
from twin.model.circles import in_circles
from twin.model.dependency_parameters import EDGE_PARAMETERS
from twin.model.fields import NAME_PATTERN, assembled
from twin.model.parameter import Param
from twin.model.scenario import Dependency, Evidence, Mode, Quantity, Service
from twin.spec.tables import EDGE_NUMBERS, EDGE_WORDS, ORIGIN, ColumnTable, TopologyTables
from twin.spec.values import EDGE, Names

CLOSER_WORDS = (
    "parallel", "one_of", "fallback", "failover_count", "fail_fast", "when_full", "delay_s",
    "evidence_source",
)  # fmt: skip
CLOSER_PARAMETERS = (
    "workers_count", "servers_count", "instances_count", "least_servers_count", "most_servers_count",
)  # fmt: skip
CLOSER_MODES = ("lease", "bootstrap")
MECHANISMS = ("cached", "new_connections", "async")
REQUESTS = ("auto", "each", "counted")
CONFIDENCE = ("inferred", "assumed")


_Kinds = Mapping[str, Mapping[str, Param]]
_SourceIds = frozenset[str] | None


def in_doubt(tables: TopologyTables, kinds: _Kinds, sources: _SourceIds) -> set[str]:
    """Names of the services of which a row may be a problem, or needs a closer look."""
    report_progress("rows checked", 0, tables.dependencies.rows_count)
    names = tables.services.columns["name"]
    doubted = {names[row] for row in _doubted_services(tables.services, kinds, sources)}
    callers = tables.dependencies.columns["caller"]
    doubted |= {callers[row] for row in _doubted_edges(tables, sources)}
    report_progress("rows checked", tables.dependencies.rows_count, tables.dependencies.rows_count)
    return doubted & tables.row_of.keys()


def _doubted_services(
    table: ColumnTable, kinds: Mapping[str, Mapping[str, Param]], sources: frozenset[str] | None
) -> Iterator[int]:
    columns = table.columns
    proper = re.compile(NAME_PATTERN)
    for name in ("name", "domain"):
        yield from (
            n for n, word in enumerate(columns.get(name, ())) if word is not None and not proper.match(word)
        )
    yield from _unless(columns, "kind", kinds.__contains__)
    yield from _unless(columns, "requests", REQUESTS.__contains__)
    yield from (n for n, per in enumerate(columns.get("per", ())) if per is not None)  # needs a closer look
    yield from _unless(columns, "visible", lambda value: isinstance(value, bool))
    of_kind: dict[str, list[int]] = {}
    for row, kind in enumerate(columns["kind"]):
        of_kind.setdefault(kind, []).append(row)
    given = np.zeros(table.rows_count, bool)
    for name in [name for name in columns if name not in ORIGIN and any(name in of for of in kinds.values())]:
        is_given = np.array([value is not None for value in columns[name]], bool)
        given |= is_given
        if name in CLOSER_PARAMETERS:
            yield from np.flatnonzero(is_given).tolist()
        for kind, rows in of_kind.items():
            mine = np.array(rows)[is_given[rows]]
            param = kinds.get(kind, {}).get(name)
            yield from (mine if param is None else mine[_bad(param, columns[name], mine)]).tolist()
    yield from _without_origin(table, given, sources)


def _doubted_edges(tables: TopologyTables, sources: frozenset[str] | None) -> Iterator[int]:
    table, columns = tables.dependencies, tables.dependencies.columns
    yield from _unless(columns, "mode", set(get_args(Mode)).__contains__)
    yield from (n for n, mode in enumerate(columns["mode"]) if mode in CLOSER_MODES or mode is None)
    yield from _unless(columns, "confidence", CONFIDENCE.__contains__)
    yield from _unless(columns, "callee", tables.row_of.__contains__)
    yield from (n for n, callee in enumerate(columns["callee"]) if callee is None)
    seen = set[tuple[str, str]]()
    for row, pair in enumerate(zip(columns["caller"], columns["callee"], strict=True)):
        if pair in seen:
            yield row
        seen.add(pair)
    given, mode = np.zeros(table.rows_count, bool), np.array([str(m) for m in columns["mode"]])
    for name in CLOSER_WORDS:
        yield from (n for n, value in enumerate(columns.get(name, ())) if value is not None)
    for p in EDGE_PARAMETERS:
        if p.name in columns:
            mine = np.flatnonzero([value is not None for value in columns[p.name]])
            given[mine] = True
            yield from mine[_bad(p, columns[p.name], mine)].tolist()
            others = [m for m in MECHANISMS if p.modes and m not in p.modes]
            yield from mine[np.isin(mode[mine], others)].tolist()
    yield from _without_origin(table, given, sources)


def _unless(columns: Mapping[str, list[Any]], name: str, is_good: Any) -> Iterator[int]:
    """The rows of a column with a value that is not good."""
    values = columns.get(name, ())
    bad = {value for value in set(values) if value is not None and not is_good(value)}
    return (n for n, value in enumerate(values) if value in bad) if bad else iter(())


def _bad(param: Param, values: list[Any], rows: np.ndarray) -> np.ndarray:
    """Which of these rows have a value that the parameter does not take; all, where that is hard to say."""
    mine = [values[row] for row in rows.tolist()]
    if param.unit in ("choice", "switch"):
        return np.array(
            [not (isinstance(v, bool) if param.unit == "switch" else v in param.choices) for v in mine], bool
        )
    if not all(type(v) in (int, float) for v in mine):
        return np.ones(len(mine), bool)
    numbers = np.array(mine, float)
    good = (param.low <= numbers) & (numbers <= param.high)
    if param.unit == "count":
        good &= numbers == np.floor(numbers)
    return ~good


def _without_origin(table: ColumnTable, given: np.ndarray, sources: frozenset[str] | None) -> Iterator[int]:
    """Rows with numbers, and not exactly one origin; and with a source that is not listed."""
    origins = np.zeros(table.rows_count, int)
    for word in ORIGIN:
        if word in table.columns:
            origins += np.array([value is not None for value in table.columns[word]], int)
    yield from np.flatnonzero(given & (origins != 1)).tolist()
    if sources is not None:
        yield from _unless(table.columns, "source", sources.__contains__)


def on_circles(tables: TopologyTables, more: Iterable[tuple[str, str]]) -> set[str]:
    """Services of the tables on a circle of hard dependencies in which each call makes a call. ``more``:
    (caller, callee) of such dependencies that stand elsewhere."""
    columns = tables.dependencies.columns
    share = columns.get("share") or [None] * tables.dependencies.rows_count
    rows = zip(columns["caller"], columns["callee"], columns["mode"], share, strict=True)
    hard = [(a, b) for a, b, mode, part in rows if mode == "hard" and (part is None or part >= 1.0)]
    hard += more
    number: dict[str, int] = {}
    callers, callees = (
        np.array([number.setdefault(pair[k], len(number)) for pair in hard], int) for k in (0, 1)
    )
    circling = in_circles(callers, callees, len(number))
    return {hard[n][0] for n in np.flatnonzero(circling)} & tables.row_of.keys()


def note_names(tables: TopologyTables, names: Names) -> None:
    """Let other files refer to the services and dependencies of the tables."""
    kinds = tables.services.columns["kind"]
    names.services.update({name: str(kinds[row]) for name, row in tables.row_of.items()})
    columns = tables.dependencies.columns
    names.edges.update(zip(columns["caller"], columns["callee"], strict=True))


def services_of(
    tables: TopologyTables, kinds: Mapping[str, Mapping[str, Param]], without: set[str]
) -> dict[str, Service]:
    """The records of all services but those that have become trees, in the order of the table."""
    dependencies = _dependencies(tables)
    table, numbers = tables.services, [n for n in tables.services.columns if n in tables.parameters]
    quantity = _Quantities(table)
    given: list[dict[str, Quantity]] = [{} for _ in range(table.rows_count)]
    for name in numbers:
        units = {kind: of_kind[name].unit for kind, of_kind in kinds.items() if name in of_kind}
        for row, value in enumerate(table.columns[name]):
            if value is not None and (unit := units.get(table.columns["kind"][row])) is not None:
                given[row][name] = quantity.of(row, value, unit)
    words = {word: table.columns.get(word) for word in ("title", "domain", "visible", "requests")}
    found = {}
    for name, row in tables.row_of.items():
        if name not in without:
            said = {word: values[row] for word, values in words.items() if values and values[row] is not None}
            fields = {"domain": name} | said
            mine = tuple(dependencies[at] for at in tables.edges_of.get(name, ()))
            found[name] = assembled(
                Service, name=name, kind=table.columns["kind"][row],
                parameters=given[row], dependencies=mine, **fields,
            )  # fmt: skip
    return found


def _dependencies(tables: TopologyTables) -> list[Dependency]:
    table, own = tables.dependencies, {name: name for name in tables.row_of}
    columns, quantity = table.columns, _Quantities(table)
    fields: list[dict[str, Any]] = [
        {"on": own.get(on, on), "mode": mode}
        for on, mode in zip(columns["callee"], columns["mode"], strict=True)
    ]
    for column, name in EDGE_WORDS.items():
        for row, value in enumerate(columns.get(column, ()) if column != "mode" else ()):
            if value is not None:
                fields[row][name] = value
    known = {word: Evidence(confidence=word) for word in CONFIDENCE}
    for row, value in enumerate(columns.get("confidence", ())):
        if value in known:
            fields[row]["evidence"] = known[value]
    for name in [name for name in EDGE_NUMBERS if name in columns]:
        unit = EDGE[name].unit
        for row, value in enumerate(columns[name]):
            if value is not None:
                fields[row][name] = quantity.of(row, value, unit)
    report_progress("dependencies read", table.rows_count, table.rows_count)
    return [assembled(Dependency, **of_row) for of_row in fields]


class _Quantities:
    """Numbers with the origin of their row. Equal ones are one record, as there are few different ones."""

    def __init__(self, table: ColumnTable) -> None:
        self.known: dict[tuple[Any, ...], Quantity] = {}
        empty = [None] * table.rows_count
        self.origins = list(zip(*(table.columns.get(word, empty) for word in ORIGIN), strict=True))

    def of(self, row: int, value: Any, unit: str) -> Quantity:
        key = (type(value), value, unit, self.origins[row])
        found = self.known.get(key)
        if found is None:
            source, measured, assumed = self.origins[row]
            plain = value if unit in ("choice", "switch") else int(value) if unit == "count" else float(value)
            found = self.known[key] = assembled(
                Quantity,
                value=plain,
                source=source,
                measured=measured,
                assumed=assumed,
            )
        return found
