"""What waits at a service at a moment: how fast that changes, its limit, and callers that are held up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from twin.base.units import format_duration
from twin.mechanisms.arrays import ASYNC, State
from twin.mechanisms.requests.records import IS_ON, NOBODY
from twin.simulation.run import FinishedRun

RATE_S = 60.0  # over so long, the change of a backlog is measured
FULL_RATIO = 0.9  # of a limit: at it, if nothing changes
LAST = 3  # samples in a row at the limit: it has become full
ENDLESS = 1e9  # a limit beyond is none
NOISE_COUNT = 1000.0  # a random count up to this: its root is chance

_SAMPLES = """
select tick, backlog_count from samples
where service = $service and tick <= $tick and tick >= $tick - $ticks order by tick
"""


@dataclass(frozen=True)
class Backlog:
    """``count`` waits, ``change_per_s`` more each second; ``limit``: the most that can, None for no limit.

    ``held``: requests that wait for room in a full store.
    """

    count: int
    change_per_s: float
    limit: float | None = None
    held: int = 0

    @property
    def lasts_s(self) -> float | None:
        """Seconds until nothing waits at this rate; None for never, or where nothing waits."""
        return self.count / -self.change_per_s if self.change_per_s < 0.0 < self.count else None

    @property
    def is_at_limit(self) -> bool:
        """Whether it is about full, and stays so."""
        if self.limit is None or self.count < FULL_RATIO * self.limit:
            return False
        return abs(self.change_per_s) * RATE_S <= (1.0 - FULL_RATIO) * self.limit

    def __str__(self) -> str:
        """'612 000 wait, 12.3/s fewer: 13h50m at this rate'."""
        waiting = f"{_grouped(self.count)} wait"
        held = f", and {_grouped(self.held)} are held up until there is room" if self.held else ""
        if self.is_at_limit and self.limit is not None:
            return f"{waiting}: at its limit of {_grouped(int(self.limit))}{held}"
        if self.change_per_s == 0.0:
            return f"{waiting}, no more and no fewer{held}"
        if self.lasts_s is None:
            return f"{waiting}, {self.change_per_s:.3g}/s more: never done at this rate{held}"
        lasts = format_duration(max(10, round(self.lasts_s, -1)))
        return f"{waiting}, {-self.change_per_s:.3g}/s fewer: {lasts} at this rate{held}"


def backlog_at(run: FinishedRun, w: State, names: Sequence[str], name: str, tick: int) -> Backlog:
    """What waits at a service at ``tick``; ``w``: the state there, of services ``names``.

    The change is that of the last RATE_S, or since the last input if that is later.
    """
    tick_s = run.manifest["tick_s"]
    span_s = max(RATE_S, 2.0 * run.scenario.sample_s)
    rows = run.sql(_SAMPLES, service=name, tick=tick, ticks=span_s / tick_s).to_pylist()
    if not rows:
        return Backlog(0, 0.0)
    since = max((i["tick"] for i in run.manifest["inputs"] if i["tick"] < rows[-1]["tick"]), default=0)
    first = next((r for r in rows[:-1] if r["tick"] >= since), rows[max(0, len(rows) - 2)])
    count = round(rows[-1]["backlog_count"])
    change = rows[-1]["backlog_count"] - first["backlog_count"]
    past_s = (rows[-1]["tick"] - first["tick"]) * tick_s
    limit, held = _limits(w, names.index(name))
    stays = abs(change) <= math.sqrt(min(count, NOISE_COUNT))
    if limit is not None:
        stays |= all(row["backlog_count"] >= FULL_RATIO * limit for row in rows[-LAST:])
    return Backlog(count, 0.0 if stays or past_s == 0.0 else change / past_s, limit, held)


def _limits(w: State, i: int) -> tuple[float | None, int]:
    """(the limit of what waits, requests held up by a full store) of a service stepped call by call."""
    if len(w.stations) < len(w.svc) or not w.counters[IS_ON]:
        return None, 0
    panel, st = w.svc[i], w.stations[i]
    for e in range(panel["out_start"], panel["out_end"]):
        r, link = w.edge[e], w.links[e]
        if r["mode"] == ASYNC and link["stored"] >= FULL_RATIO * r["store_count"]:
            return float(r["store_count"] * st["weight"]), _held(w, link["blocked_first"]) * int(st["weight"])
    return (float(st["places"] * st["weight"]) if 0.0 < st["places"] < ENDLESS else None), 0


def _held(w: State, first: int) -> int:
    """Length of a list of calls."""
    count, call = 0, int(first)
    while call != NOBODY:
        count, call = count + 1, int(w.calls[call]["next"])
    return count


def _grouped(count: int) -> str:
    return f"{count:,}".replace(",", " ")
