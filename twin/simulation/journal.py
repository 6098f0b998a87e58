"""A run on disk: Parquet tables and a manifest, which is written last and by rename.

A folder with a manifest is a finished run. Any other folder is left from an interrupted run, and the next run
removes it. Rows are sorted by tick, so equal runs have equal rows on every runner. The *row digest* compares
them, whatever the packing of Parquet.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from twin.base.event_ids import INPUT
from twin.mechanisms.arrays import EVENT, EVENTS, INPUT_CODE, KIND_EVENT_BLOCK, SAMPLE
from twin.mechanisms.requests.records import BOOK, REQUEST, REQUEST_OUTCOMES
from twin.simulation.bytewise import in_columns, put_together
from twin.simulation.columns import coded, numbers, validity, values
from twin.simulation.schedule import Change

SCHEMA_VERSION = 3
TABLES = ("events", "samples", "calls", "requests")  # what happened: the digest is over these
DESCRIBED = ("services", "dependencies")  # see described.py, also for the table ``topology``
MANIFEST = "manifest.json"
NO_SERVICE = "(input)"  # the service of an event that is an input
NEEDED = {
    "run_id", "digest", "scenario", "title", "start", "tick_s", "sample_s", "duration_s", "seed", "replicate",
    "runner", "engine_seconds", "notes", "inputs", "inputs_scenario",
}  # fmt: skip
NOTED_LATER = ("onset", "recovery", "first_sign", "more_load")
UNITS = {
    "events": {
        "tick": "ticks from the start", "t": "UTC",
        "value": "error ratio; above 1, latency or load over the usual; or the kind's own",
    },
    "samples": {
        "tick": "end of the interval, ticks from the start", "t": "UTC", "offered_per_s": "1/s",
        "goodput_per_s": "1/s", "capacity_per_s": "1/s", "backlog_count": "count",
        "error_ratio": "failed / (failed + good) over the interval", "latency_s": "s, mean over the interval",
        "waiting_count": "count, mean over the interval", "busy_count": "count, mean over the interval",
    },
    "calls": {
        "tick": "end of the interval, ticks from the start", "t": "UTC",
        "sent": "attempts in the interval", "served": "attempts in the interval",
        "failed": "attempts in the interval", "timed_out": "attempts in the interval",
        "refused_by_client": "calls in the interval that a breaker or throttle did not send",
        "served_late": "attempts that the callee served after the time-out", "in_flight": "count at the end",
        "stored_count": "count, mean over the interval", "lost": "work that a full store dropped",
        "asked_cache": "requests that asked the cache", "hits": "requests that the cache answered",
        "opened": "times that the circuit breaker opened",
        "open_count": "connections at the end", "oldest_age_s": "s, of stored work at the end",
        "longest_age_s": "s, of work that was done in the interval, from storing to its end",
    },
    "requests": {
        "start_s": "s from the start", "latency_s": "s; of one who gave up, how long he waited",
        "outcome": "served, failed, timed_out or degraded (served without a soft part)",
        "weight": "requests that this one stands for",
    },
}  # fmt: skip


class DamagedRun(Exception):
    """A folder that holds no readable run; the message says why."""


def _moments(tick: np.ndarray, start: datetime, tick_s: float) -> pa.Array:
    """The time of each tick. Rows of one tick follow each other, so each is computed once."""
    base = np.datetime64(start.astimezone(UTC).replace(tzinfo=None), "ms")
    firsts = np.flatnonzero(np.diff(tick, prepend=-1))
    t = base + np.round(tick[firsts] * tick_s * 1000).astype("timedelta64[ms]")
    return numbers(np.repeat(t, np.diff(firsts, append=len(tick))))


def _schema(table: pa.Table, name: str) -> pa.Table:
    about = {"twin.schema": str(SCHEMA_VERSION), "twin.units": json.dumps(UNITS[name])}
    return table.replace_schema_metadata(about)


def samples_table(
    parts: Sequence[np.ndarray], names: Sequence[str], start: datetime, tick_s: float
) -> pa.Table:
    """One row a service and sample interval, sorted by tick and service. Columns as UNITS says."""
    rows = in_columns(parts, SAMPLE)
    place = rows["tick"] * max(1, len(names)) + rows["service"]
    if not (place[1:] > place[:-1]).all():  # those of one shard are sorted
        order = np.argsort(place, kind="stable")
        rows = {name: column[order] for name, column in rows.items()}
    columns = {
        "tick": numbers(rows["tick"].astype("i4")),
        "t": _moments(rows["tick"], start, tick_s),
        "service": coded(rows["service"], names),
    }
    columns |= {name: numbers(rows[name]) for name in (SAMPLE.names or ())[2:]}
    return _schema(pa.table(columns), "samples")


def calls_table(
    parts: Sequence[np.ndarray], edges: Sequence[tuple[str, str]], start: datetime, tick_s: float
) -> pa.Table:
    """One row a dependency and sample interval, sorted by tick and dependency. Columns as UNITS says."""
    rows = put_together(parts, BOOK)
    rows = rows[np.lexsort((rows["edge"], rows["tick"]))]
    columns = {
        "tick": numbers(rows["tick"].astype("i4")), "t": _moments(rows["tick"], start, tick_s),
        **_ends(rows["edge"], edges),
    }  # fmt: skip
    for name in (BOOK.names or ())[2:]:
        columns[name] = numbers(rows[name])
    return _schema(pa.table(columns), "calls")


def requests_table(parts: Sequence[np.ndarray], edges: Sequence[tuple[str, str]]) -> pa.Table:
    """One row a request of customers, sorted by its start. Columns as UNITS says."""
    rows = put_together(parts, REQUEST)
    rows = rows[np.lexsort((rows["latency_s"], rows["edge"], rows["start_s"]))]
    columns = {
        **_ends(rows["edge"], edges),
        "start_s": numbers(rows["start_s"]),
        "latency_s": numbers(rows["latency_s"]),
        "outcome": coded(rows["outcome"], REQUEST_OUTCOMES),
        "weight": numbers(rows["weight"]),
    }
    return _schema(pa.table(columns), "requests")


def no_calls() -> pa.Table:
    """The table ``calls`` of a run in which all calls are counted."""
    return calls_table([], [], datetime(2025, 1, 1, tzinfo=UTC), 1.0)


def no_requests() -> pa.Table:
    """The table ``requests`` of a run in which all calls are counted."""
    return requests_table([], [])


def _ends(edge: np.ndarray, edges: Sequence[tuple[str, str]]) -> dict[str, pa.Array]:
    """The columns caller and callee."""
    names = sorted({name for pair in edges for name in pair})
    place = {name: n for n, name in enumerate(names)}
    ends = np.array([(place[a], place[b]) for a, b in edges], "i4").reshape(-1, 2)
    return {word: coded(ends[edge, k], names) for k, word in enumerate(("caller", "callee"))}


def input_rows(inputs: Sequence[Change]) -> np.ndarray:
    """The scenario's own changes as EVENT rows; the subject is the position in ``inputs``."""
    rows = np.zeros(len(inputs), EVENT)
    for n, (row, change) in enumerate(zip(rows, inputs, strict=True)):
        row["event_id"], row["tick"], row["service"] = change.event_id, change.tick, INPUT
        row["code"], row["subject"], row["cause_id"] = change.code, n, change.cause_id
        row["value"] = next(iter(change.values.values()), float(change.alarms))
    return rows


def events_table(
    parts: Sequence[np.ndarray], inputs: Sequence[Change], names: Sequence[str],
    kinds: Sequence[tuple[str, ...]], start: datetime, tick_s: float,
) -> pa.Table:  # fmt: skip
    """What happened, sorted by event id (tick, service, sequence). ``kinds``: EVENTS of each kind, in
    order. A cause that the run ended too soon to note is left out."""
    mine = put_together(parts, EVENT)
    rows = np.concatenate([mine, input_rows(inputs)])
    origin = np.concatenate([np.zeros(len(mine), "i4"), np.ones(len(inputs), "i4")])
    order = np.argsort(rows["event_id"], kind="stable")
    rows, origin = rows[order], origin[order]
    words, codes = _event_names(rows["code"], kinds)
    subjects = [*names, *(c.name for c in inputs)]
    subject = np.where(origin == 1, rows["subject"] + len(names), rows["subject"])
    service = np.where(rows["service"] == INPUT, len(names), rows["service"])
    cause = np.where(np.isin(rows["cause_id"], rows["event_id"]), rows["cause_id"], 0)
    columns = {
        "tick": numbers(rows["tick"].astype("i4")), "t": _moments(rows["tick"], start, tick_s),
        "event_id": numbers(rows["event_id"]),
        "cause_id": numbers(cause, cause != 0),
        "service": coded(service, [*names, NO_SERVICE]), "event": coded(codes, words),
        "subject": coded(subject, subjects), "value": numbers(rows["value"]),
        "origin": coded(origin, ["model", "input"]),
    }  # fmt: skip
    return _schema(pa.table(columns), "events")


def _event_names(codes: np.ndarray, kinds: Sequence[tuple[str, ...]]) -> tuple[list[str], np.ndarray]:
    """All names of events, and each row's position among them."""
    words = list(EVENTS)
    place = {code: code for code in range(len(EVENTS))}
    for k, own in enumerate(kinds):
        for n, word in enumerate(own):
            place[KIND_EVENT_BLOCK * (1 + k) + n] = len(words)
            words.append(word)
    return words, np.array([place[int(c)] for c in codes], "i4")


def before(table: pa.Table, tick: int) -> pa.Table:
    """The rows of a tick before this one; rows are sorted by tick."""
    return table.slice(0, int(np.searchsorted(values(table.column("tick")), tick)))


def certain(events: pa.Table, tick: int) -> pa.Table:
    """Without the events since ``tick`` that the run notes only later, with the time at which they began."""
    words, since = events.column("event").to_pylist(), values(events.column("tick")) >= tick
    later = [word in NOTED_LATER for word in words]
    return events.filter(numbers(~(since & np.array(later, bool))))


def digest(*tables: pa.Table) -> str:
    """SHA-256 over the values of all rows: equal for equal rows, however they are packed."""
    total = hashlib.sha256()
    for table in tables:
        for name in table.column_names:
            total.update(name.encode())
            for part in _plain(table.column(name)):
                total.update(part)
    return total.hexdigest()


def _plain(column: pa.ChunkedArray) -> Iterator[bytes]:
    """The values of a column as bytes. What Arrow keeps under a null, or behind the end, is no value."""
    if pa.types.is_dictionary(column.type):
        words = column.combine_chunks().dictionary_decode()
        words = pa.concat_arrays([words] if isinstance(words, pa.Array) else words.chunks)
        offsets = np.frombuffer(words.buffers()[1], "i4")[words.offset : words.offset + len(words) + 1]
        yield np.diff(offsets).tobytes()
        yield bytes(words.buffers()[2] or b"")[offsets[0] : offsets[-1]] if len(words) else b""
        return
    yield validity(column).tobytes()
    yield values(column).tobytes()


def write_run(folder: Path, tables: Mapping[str, pa.Table], manifest: Mapping[str, object]) -> None:
    """Write a run, whole or not at all. Raises OSError, as for a full disk, and leaves nothing behind."""
    work = folder.with_name(f".{folder.name}.{os.getpid()}.unfinished")
    shutil.rmtree(work, ignore_errors=True)
    try:
        work.mkdir(parents=True)
        for name, table in tables.items():
            _write_table(table, work / f"{name}.parquet")
        partial = work / ".manifest"
        partial.write_text(json.dumps(manifest, indent=1, default=str) + "\n")
        os.replace(partial, work / MANIFEST)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(work, folder)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise


def _write_table(table: pa.Table, path: Path) -> None:
    """Only words get a dictionary: that of numbers saves 2 % of the file, and doubles the time to read it."""
    kinds = {field.name: field.type for field in table.schema}
    coded_ones = [name for name, kind in kinds.items() if pa.types.is_dictionary(kind) or kind == pa.string()]
    pq.write_table(table, path, compression="zstd", row_group_size=122_880, use_dictionary=coded_ones)


def remove_unfinished(runs: Path) -> list[str]:
    """Remove the unfinished folders of interrupted runs; returns their names."""
    gone = []
    for path in runs.glob(".*.unfinished") if runs.is_dir() else ():
        pid = path.name.split(".")[-2]
        if not (pid.isdigit() and Path(f"/proc/{pid}").exists() and int(pid) != os.getpid()):
            shutil.rmtree(path, ignore_errors=True)
            gone.append(path.name)
    return gone


def read_manifest(folder: Path) -> dict:
    """The manifest of a finished run. Raises DamagedRun."""
    path = folder / MANIFEST
    if not folder.is_dir():
        raise DamagedRun(f"{folder}: no such run")
    if not path.is_file():
        raise DamagedRun(f"{folder}: no {MANIFEST}, so this run was never finished; run it again")
    try:
        found = json.loads(path.read_text())
        version = found["schema_version"]
    except (ValueError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise DamagedRun(f"{path}: not a manifest ({error}); run it again") from error
    if version != SCHEMA_VERSION:
        raise DamagedRun(f"{path}: schema version {version}, expected {SCHEMA_VERSION}; run it again")
    if missing := sorted(NEEDED - found.keys()):
        raise DamagedRun(f"{path}: lacks {', '.join(missing)}; run it again")
    return found


def read_table(folder: Path, name: str) -> pa.Table:
    """A table of a finished run. Raises DamagedRun."""
    try:
        with pq.ParquetFile(folder / f"{name}.parquet") as file:
            return file.read()
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise DamagedRun(f"{folder / name}.parquet: damaged ({reason}); run it again") from error


assert INPUT_CODE == 0
