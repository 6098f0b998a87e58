"""A study on disk: a manifest, and Parquet files with a row a run.

A row says which run it is: scenario, arm, key, question and realization. It keeps whether the run is
``valid``, its ``values`` (service, metric, value; see ``twin/experiments/questions.py``) and its ``curve``
(services impaired in each five minutes). A row goes to a journal first, as a line of JSON, and then, with
others, to a Parquet file that appears by rename. So a study that is killed at any moment loses no finished
run. In the end all files become one, sorted, the same for any workers.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from twin.simulation.queries import ask_files

VERSION = 2
MANIFEST = "study.json"
WHOLE = "runs.parquet"
JOURNAL = "journal.jsonl"
AT_ONCE = 8  # rows of a Parquet file, as they come
_PART = re.compile(r"part-(\d+)\.parquet")
KEY = ("scenario", "key", "variant", "draw", "replicate")
_WORD = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema([
    ("scenario", pa.string()), ("arm", pa.string()), ("key", pa.string()), ("question", pa.string()),
    ("variant", pa.string()), ("draw", pa.int32()), ("replicate", pa.int32()), ("valid", pa.bool_()),
    ("values", pa.list_(pa.struct([("service", _WORD), ("metric", _WORD), ("value", pa.float64())]))),
    ("curve", pa.list_(pa.uint16())),
], metadata={"twin.study": str(VERSION)})  # fmt: skip

Row = Mapping[str, Any]
Key = tuple[str, str, str, int, int]


class OtherStudy(Exception):
    """The folder holds a study of something else, or is in use; nothing in it was touched."""


class Store:
    """The folder of one study. ``identity``: what all of its runs share; name → text or number."""

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        """Open the folder, or make it. Raises OtherStudy, OSError."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = (folder / ".lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._claim({"version": VERSION, **identity})
        except BlockingIOError as error:
            self._lock.close()
            raise OtherStudy(f"{folder}: another process uses it; wait, or name another folder") from error
        except OtherStudy:
            self.close()
            raise
        for left in folder.glob("*.unfinished"):
            left.unlink()
        numbered = (_PART.fullmatch(path.name) for path in folder.iterdir())
        self._parts = 1 + max((int(found[1]) for found in numbered if found), default=0)
        self._waiting = self._journal()
        self.flush()

    def close(self) -> None:
        """Let another process open the folder."""
        self._lock.close()

    def _claim(self, identity: Mapping[str, Any]) -> None:
        path = self.folder / MANIFEST
        if not path.exists():
            if any(self.folder.glob("*.parquet")):
                raise OtherStudy(f"{self.folder}: Parquet files without a {MANIFEST}; choose another folder")
            with finished(path) as partial:
                partial.write_text(json.dumps(identity, indent=1) + "\n")
            return
        try:
            found = json.loads(path.read_text())
            other = [f"{k} {found.get(k)!r}, expected {v!r}"
                     for k, v in identity.items() if found.get(k) != v]  # fmt: skip
        except (ValueError, AttributeError) as error:
            raise OtherStudy(
                f"{path}: not the manifest of a study ({error}); choose another folder"
            ) from error
        if other:
            raise OtherStudy(
                f"{self.folder}: a study of something else: {'; '.join(other)}; choose another folder"
            )

    def keep(self, row: Row) -> None:
        """Keep a row: it is on disk when this returns. Raises OSError."""
        with (self.folder / JOURNAL).open("a") as journal:
            journal.write(json.dumps(row) + "\n")
        self._waiting.append(row)
        if len(self._waiting) == AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Put the rows of the journal into a Parquet file. Raises OSError."""
        if self._waiting:
            path = self.folder / f"part-{self._parts:06d}.parquet"
            with finished(path) as partial:
                pq.write_table(pa.Table.from_pylist(self._waiting, SCHEMA), partial, compression="zstd")
            self._parts += 1
            self._waiting = []
        (self.folder / JOURNAL).unlink(missing_ok=True)

    def _journal(self) -> list[Row]:
        """The rows that a killed process left; a line that is not whole is the run under way."""
        path = self.folder / JOURNAL
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def files(self) -> list[Path]:
        """Every file with runs; a run may be in two of them, with the same values."""
        found = self.folder.glob("*.parquet")
        return sorted(path for path in found if path.name == WHOLE or _PART.fullmatch(path.name))

    def keys(self) -> set[Key]:
        """The runs that are done."""
        found: set[Key] = set()
        for path in self.files():
            try:
                found.update(_keys(pq.read_table(path, columns=list(KEY))))
            except (pa.ArrowException, KeyError) as error:
                reason = str(error).splitlines()[0]
                advice = "move it away, and its runs are made again"
                raise OtherStudy(f"{path}: damaged ({reason}); {advice}") from error
        return found

    def merge(self) -> None:
        """Put all runs into one file, sorted by key: so its bytes do not depend on workers or on time."""
        self.flush()
        files = self.files()
        if [path.name for path in files] == [WHOLE]:
            return
        tables = [pq.read_table(path) for path in files]  # as Arrow: a tenth of the memory of rows in Python
        place = {key: (n, k) for n, table in enumerate(tables) for k, key in enumerate(_keys(table))}
        rows = (tables[n].slice(k, 1).to_pylist()[0] for n, k in (place[key] for key in sorted(place)))
        with finished(self.folder / WHOLE) as partial:
            _write(partial, rows)
        for path in files:
            if path.name != WHOLE:
                path.unlink()

    def ask(self, query: str, **parameters: object) -> pa.Table:
        """The answer to SQL over the tables ``runs`` (a row a run) and ``outcomes`` (a row a value)."""
        self.flush()
        return ask_files(self.files(), query, **parameters)


def key_of(row: Row) -> Key:
    """The key of a row's run."""
    return row["scenario"], row["key"], row["variant"], row["draw"], row["replicate"]


def _keys(table: pa.Table) -> Iterator[Key]:
    """The key of each run, in the order of rows."""
    return zip(*(table.column(name).to_pylist() for name in KEY), strict=True)


def arrow_table(rows: Sequence[Row]) -> pa.Table:
    """Rows with the same columns, as an Arrow table."""
    return pa.Table.from_pylist(list(rows))


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Rows with the same columns, as a Parquet file. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with finished(path) as partial:
        pq.write_table(arrow_table(rows), partial, compression="zstd")


def _write(path: Path, rows: Iterable[Row]) -> None:
    """Rows to a file, some at a time."""
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        some: list[Row] = []
        for row in rows:
            some.append(row)
            if len(some) == 256:
                writer.write_table(pa.Table.from_pylist(some, SCHEMA))
                some = []
        if some:
            writer.write_table(pa.Table.from_pylist(some, SCHEMA))


@contextmanager
def finished(path: Path) -> Iterator[Path]:
    """A file that appears when it is complete, or not at all. A link is followed. Raises OSError if the path
    exists and is not a file, since a device would be replaced by one."""
    path = path.resolve()
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a file", str(path))
    partial = path.with_name(f"{path.name}.unfinished")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
