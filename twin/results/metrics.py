"""What a run comes to, in numbers and moments that two runs can be compared by.

A number is a float. A moment is in seconds from the start; infinite where trouble does not end; None where
what it speaks of never comes. ``twin.model.changes.ExpectedEffect`` lists the names of measures.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from twin.model.changes import OCCURS, OF_SERVICE, TOTALS, Direction, ExpectedEffect
from twin.model.scenario import Published
from twin.results import outcomes
from twin.simulation.queries import Tables
from twin.simulation.run import FinishedRun

Measured = Mapping[str, float | None]


def measure(run: FinishedRun, names: Iterable[str], published: Published | None) -> dict[str, float | None]:
    """Every one of TOTALS, and the measures called ``names``. Keyed by name."""
    wanted = set(names) - TOTALS.keys()
    ids = {o.id for o in published.outcomes} if published else set()
    with run.tables() as tables:
        found = _totals(tables, run.manifest["tick_s"])
        for name in sorted(wanted - ids):
            found[name] = _of_service(tables, name, run.manifest["tick_s"])
    if published is not None and wanted & ids:
        found |= _moments(run, published, wanted & ids)
    return found


def ends(published: Published | None) -> set[str]:
    """The moments that are the end of some trouble: there, never is as good as early."""
    recoveries = {o.id for o in published.outcomes if not outcomes.is_onset(o)} if published else set()
    return recoveries | {"last_recovery"}


def _totals(tables: Tables, tick_s: float) -> dict[str, float | None]:
    (row,) = tables.rows("from totals")
    found: dict[str, float | None] = {n: float(row[n]) for n, sort in TOTALS.items() if sort == "number"}
    last = row["last_recovery_tick"]
    found["last_recovery"] = math.inf if row["not_recovered"] else None if last is None else last * tick_s
    return found


def _of_service(tables: Tables, name: str, tick_s: float) -> float | None:
    """'service.lost_min' and its like, or the first moment of 'service.event'."""
    service, _, what = name.rpartition(".")
    if what not in OF_SERVICE:
        query = "select min(tick) as first from events where service = $service and event = $event"
        (row,) = tables.rows(query, service=service, event=what)
        return None if row["first"] is None else row["first"] * tick_s
    if what == "peak_error_ratio":
        (row,) = tables.rows("select max(error_ratio) as it from signals where service = $s", s=service)
    else:  # one of a closed list of columns
        (row,) = tables.rows(f"select sum({what}) as it from impact where service = $s", s=service)
    return float(row["it"] or 0.0)


def _moments(run: FinishedRun, published: Published, ids: set[str]) -> dict[str, float | None]:
    """When each of these outcomes comes, by the rule of ``twin.results.outcomes``."""
    mine = tuple(o for o in published.outcomes if o.id in ids)
    signals = outcomes.signals_of(run, published.model_copy(update={"outcomes": mine, "must_not": ()}))
    found: dict[str, float | None] = {}
    for o in mine:
        stretches = outcomes.trouble(signals[o.subject, o.signal], o, outcomes.APART_S)
        if len(stretches) < o.episode:
            found[o.id] = None
            continue
        stretch = stretches[o.episode - 1]
        at_s = stretch.begin_s if outcomes.is_onset(o) else stretch.end_s
        found[o.id] = math.inf if at_s is None else at_s
    return found


def holds(comparison: ExpectedEffect, mine: Measured, other: Measured, recoveries: set[str]) -> bool:
    """Whether one run compares with another as expected."""
    name, direction = comparison.metric, comparison.direction
    x, y = mine[name], other[name]
    if direction in OCCURS:
        return (x is None) == (direction == Direction.NEVER)
    if direction == Direction.SAME:
        return _same(comparison, x, y)
    # What never comes is later than everything, unless it is the end of something: then nothing began.
    absent = -math.inf if name in recoveries else math.inf
    a, b = (absent if v is None else v for v in (x, y))
    by = float(comparison.by or 0.0) * (abs(b) if is_number(name) else 1.0)
    less = direction in (Direction.LOWER, Direction.EARLIER)
    low, high = (a, b) if less else (b, a)
    return low < high and low <= high - by


def is_number(name: str) -> bool:
    """Whether a measure is a number, of which margins are shares; or a moment, of which they are times."""
    return TOTALS.get(name, "number" if name.rpartition(".")[2] in OF_SERVICE else "moment") == "number"


def _same(comparison: ExpectedEffect, x: float | None, y: float | None) -> bool:
    if x is None or y is None or x == y:
        return x == y
    within = float(comparison.within or 0.0)
    if is_number(comparison.metric):
        within *= max(abs(x), abs(y))
    return abs(x - y) <= within
