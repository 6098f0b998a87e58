"""Questions to a finished run, in SQL: one .sql file each in ``twin/simulation/sql``.

This is the only user of DuckDB. The tables are loaded into memory. Then DuckDB loses access to everything
outside, memory and time are limited, and the configuration is locked. So a query can read this run and
nothing else, and change nothing.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from twin.base import thresholds
from twin.simulation.columns import numbers, words
from twin.simulation.journal import NO_SERVICE

SQL = Path(__file__).parent / "sql"
# Columns with names of services. As numbers they are compared and grouped several times faster than as texts.
TABLES = {
    "events": ("service",), "samples": ("service",), "calls": ("caller", "callee"),
    "requests": ("caller", "callee"), "services": ("service",),
    "dependencies": ("caller", "callee", "reached_through"), "inputs": (),
}  # fmt: skip
STATES = ("ok", "degraded", "unreachable", "impaired", "down")  # from the best to the worst
MEMORY_LIMIT = "1GB"
ANSWER_LIMIT_BYTES = 500_000_000
TIME_LIMIT_S = 60.0
QUESTIONS = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


class QueryError(Exception):
    """A query that DuckDB refuses, or that takes too long or too much; the message says why."""


@cache
def questions() -> dict[str, str]:
    """Name → text of every question in ``twin/simulation/sql``, in the order of names."""
    return {path.stem: path.read_text() for path in sorted(SQL.glob("*.sql"))}


def _inputs(manifest: dict[str, Any]) -> pa.Table:
    """The table inputs, from the manifest of a run."""
    inputs = manifest["inputs"] or []
    return pa.table({
        **{key: words(i[key] for i in inputs) for key in ("id", "kind", "title")},
        "tick": numbers(np.array([i["tick"] for i in inputs], "i8")),
        "begin": numbers(np.array([i["begin"] for i in inputs], bool)),
    })  # fmt: skip


def reads(text: str) -> set[str]:
    """The tables and views that a question reads, from its first line: ``-- reads: signals, events``."""
    return {word.strip() for word in text.splitlines()[0].removeprefix("-- reads:").split(",")}


def _gather(relation: duckdb.DuckDBPyRelation) -> pa.Table:
    """The answer, batch by batch: DuckDB's own limit does not count what it has handed over."""
    reader = relation.to_arrow_reader(100_000)
    batches, size_bytes = [], 0
    for batch in reader:
        size_bytes += batch.nbytes
        if size_bytes > ANSWER_LIMIT_BYTES:
            raise QueryError(
                f"stopped at {ANSWER_LIMIT_BYTES / 1e6:.0f} MB of answer: ask for less, or for a total"
            )
        batches.append(batch)
    return pa.Table.from_batches(batches, reader.schema)


def _described_types(answer: pa.Table) -> pa.Table:
    """The answer to a describe names the types of names, and does not list each name."""
    if answer.column_names[:2] != ["column_name", "column_type"]:
        return answer
    types = answer.column("column_type").to_pylist()
    short = words("ENUM" if found.startswith("ENUM(") else found for found in types)
    return answer.set_column(1, "column_type", short)


def _reason(message: str) -> str:
    """The message of DuckDB, without its advice to change a configuration that is locked."""
    if "INTERRUPT Error" in message:
        return f"stopped after {TIME_LIMIT_S:.0f} s"
    if "Out of Memory Error" in message:
        return f"stopped at {MEMORY_LIMIT} of memory"
    return message


# Connections with every view in place, beside the names of their services: the next runs of the same services
# use them. To make one takes longer than to fill five. What is pushed out is closed with its last user.
_idle: deque[tuple[list[str], duckdb.DuckDBPyConnection]] = deque(maxlen=2)


def _from_before(names: list[str]) -> duckdb.DuckDBPyConnection | None:
    for n, (theirs, connection) in enumerate(_idle):
        if theirs == names:
            del _idle[n]
            return connection
    return None


def _connect() -> duckdb.DuckDBPyConnection:
    """One thread: sums come out the same each time. Without a folder for temporary files, a query that
    outgrows its memory fails; it fills no disk."""
    config: dict[str, Any] = {"memory_limit": MEMORY_LIMIT, "threads": 1, "temp_directory": ""}
    return duckdb.connect(":memory:", config=config)


class Tables:
    """One run in DuckDB: its TABLES, and a view a question."""

    def __init__(self, tables: dict[str, pa.Table], manifest: dict[str, Any]) -> None:
        self._names = sorted({*tables["services"].column("service").to_pylist(), NO_SERVICE})
        used = _from_before(self._names)
        self._connection = used or _connect()
        if used is None:
            self._type("service", self._names)
            self._type("state", STATES)
        self._load(tables, manifest)
        self._define({"tick_s": manifest["tick_s"], "sample_s": manifest["sample_s"]})
        if used is None:
            self._define({name.lower(): x for name, x in vars(thresholds).items() if name.isupper()})
            for text in self._in_order():
                self._connection.execute(text)
            self._lock()

    def __enter__(self) -> Tables:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            _idle.append((self._names, self._connection))
        else:
            self._connection.close()

    def ask(self, query: str, **parameters: object) -> pa.Table:
        """The answer as an Arrow table. Raises QueryError."""
        timer = threading.Timer(TIME_LIMIT_S, self._connection.interrupt)
        timer.start()
        try:
            self._must_ask(query)
            return _described_types(_gather(self._connection.sql(query, params=parameters or None)))
        except (
            duckdb.Error,
            pa.ArrowException,
            OSError,
        ) as error:  # OSError: an error of DuckDB between batches
            raise QueryError(_reason(str(error))) from error
        except RuntimeError as error:  # how DuckDB says that it saw Ctrl-C
            raise (KeyboardInterrupt() if "interrupted" in str(error) else error) from error
        finally:
            timer.cancel()

    def _must_ask(self, query: str) -> None:
        """One statement, that only reads: a run is not changed, not even the copy in memory."""
        statements = self._connection.extract_statements(query)
        if len(statements) != 1 or statements[0].type not in QUESTIONS:
            raise QueryError("expected one question (select …, from …, describe …), which changes nothing")

    def rows(self, query: str, **parameters: object) -> list[dict[str, Any]]:
        """The answer as a list of dicts."""
        return self.ask(query, **parameters).to_pylist()

    def _load(self, written: dict[str, pa.Table], manifest: dict[str, Any]) -> None:
        c = self._connection
        tables = {**written, "inputs": _inputs(manifest)}
        for name, table in tables.items():
            typed = ", ".join(f"{column}::service as {column}" for column in TABLES[name])
            columns = f"* replace ({typed})" if typed else "*"
            c.register("incoming", table)
            c.execute(f"create or replace table {name} as select {columns} from incoming")
            c.unregister("incoming")

    def _type(self, name: str, words: Sequence[str]) -> None:
        """A type with these words, in this order."""
        self._connection.execute(f"create type {name} as enum (select unnest($1))", [list(words)])

    def _define(self, numbers: dict[str, float]) -> None:
        """Names that the queries use, as macros."""
        for name, value in numbers.items():
            self._connection.execute(f"create or replace macro {name}() as {float(value)!r}::double")

    def _in_order(self) -> list[str]:
        """The texts of the views, each after those that its first line says it reads."""
        todo, done, texts = dict(questions()), set(TABLES), []
        while todo:
            name = next(n for n, text in todo.items() if reads(text) <= done)
            done.add(name)
            texts.append(todo.pop(name))
        return texts

    def _lock(self) -> None:
        # A bar of a slow query would go to stdout, into the answer.
        for setting in ("enable_progress_bar", "enable_external_access", "python_enable_replacements"):
            self._connection.execute(f"set {setting} = false")
        self._connection.execute("set lock_configuration = true")


def ask_files(files: Sequence[Path], query: str, **parameters: object) -> pa.Table:
    """The answer to ``query`` over Parquet files with a row a run (``twin/experiments/store.py``).

    There are two tables: ``runs``, and ``outcomes`` with a row a value. Raises QueryError.
    """
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        try:
            paths = [str(path) for path in files]
            connection.execute("create view runs as select * from read_parquet(" + repr(paths) + ")")
            connection.execute(
                "create view outcomes as select * exclude (values, curve, v), v.service::varchar as service, "
                "v.metric::varchar as metric, v.value as value "
                "from (select *, unnest(values) as v from runs)"
            )
            return connection.sql(query, params=parameters or None).to_arrow_table()
        except duckdb.Error as error:
            raise QueryError(_reason(str(error))) from error
