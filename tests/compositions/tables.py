"""What one run recorded, as arrays: requests of users, attempts of an edge, levels of a service.

Everything by interval is an array with one entry a sample interval, from the start of the run on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]
Columns = Mapping[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Requests:
    """Requests of one group of users: ``start_s`` and ``latency_s`` in seconds, ``outcome`` a word."""

    start_s: Floats
    latency_s: Floats
    outcome: np.ndarray[Any, Any]

    @cached_property
    def end_s(self) -> Floats:
        return self.start_s + self.latency_s

    @cached_property
    def is_served(self) -> Flags:
        return self.is_one_of("served", "degraded")

    def is_one_of(self, *outcomes: str) -> Flags:
        return np.isin(self.outcome, outcomes)

    def started(self, window: tuple[float, float]) -> Requests:
        """Those that began in [begin, end)."""
        return self.where((self.start_s >= window[0]) & (self.start_s < window[1]))

    def where(self, chosen: Flags) -> Requests:
        return Requests(self.start_s[chosen], self.latency_s[chosen], self.outcome[chosen])


@dataclass(frozen=True)
class Recorded:
    """The tables of a run by column. ``interval_s``: the sample interval; ``count``: how many there are."""

    requests: Columns
    calls: Columns
    samples: Columns
    interval_s: float
    count: int

    def users(self, name: str = "users") -> Requests:
        """The requests that this workload made, in the order of their start."""
        mine = np.flatnonzero(self.requests["caller"] == name)
        mine = mine[np.argsort(self.requests["start_s"][mine], kind="stable")]
        return Requests(*(self.requests[column][mine] for column in ("start_s", "latency_s", "outcome")))

    def edge(self, caller: str, callee: str, column: str) -> Floats:
        """A column of ``calls`` by interval."""
        chosen = (self.calls["caller"] == caller) & (self.calls["callee"] == callee)
        return self._by_interval(self.calls, chosen, column)

    def level(self, service: str, column: str) -> Floats:
        """A column of ``samples`` by interval."""
        return self._by_interval(self.samples, self.samples["service"] == service, column)

    def _by_interval(self, table: Columns, chosen: Flags, column: str) -> Floats:
        values = np.zeros(self.count)
        values[table["interval"][chosen]] = table[column][chosen]
        return values

    def at(self, moment_s: float) -> int:
        """The interval that ends at this moment."""
        return max(0, round(moment_s / self.interval_s) - 1)

    def within(self, window: tuple[float, float]) -> slice:
        """The intervals of [begin, end)."""
        return slice(round(window[0] / self.interval_s), round(window[1] / self.interval_s))

    def binned(self, values: Floats, bin_s: float, count: int) -> Floats:
        """Means of the intervals of each bin: an array [bin]."""
        length = round(bin_s / self.interval_s)
        return values[: count * length].reshape(count, length).mean(axis=1)


def recorded(run: Any) -> Recorded:
    """The tables of a finished run."""
    interval_s, tick_s = run.manifest["sample_s"], run.manifest["tick_s"]
    tables = {}
    for name in ("calls", "samples", "requests"):
        table = getattr(run, name)
        columns = {c: _plain(table.column(c)) for c in table.column_names if c != "t"}
        if "tick" in columns:  # that of the end of the interval
            columns["interval"] = np.round(columns["tick"] * tick_s / interval_s).astype(int) - 1
        tables[name] = columns
    return Recorded(**tables, interval_s=interval_s, count=round(run.manifest["duration_s"] / interval_s))


def _plain(column: Any) -> np.ndarray[Any, Any]:
    """Words as an array of strings, numbers as they are."""
    if str(column.type).startswith("dictionary"):
        column = column.combine_chunks()
        return np.asarray(column.dictionary.to_pylist(), dtype=str)[column.indices.to_numpy()]
    return column.to_numpy()
