"""When a run shows each published outcome: one rule for all of them, no detector for a single one.

A *stretch* is a time in which a signal is in trouble: at or above the outcome's level, or below it for
``capacity_ratio``. It counts once it has held for HOLD_S, and is over when it has been well for RECOVERED_S;
stretches less than APART_S apart are one. An outcome is the beginning or end of the ``episode``-th stretch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np

from twin.base.thresholds import HOLD_S, IMPAIRED_RATIO, RECOVERED_S
from twin.model.scenario import SIGNALS, Exclusion, Outcome, Published
from twin.simulation.run import FinishedRun

APART_S = 1800.0

_SERIES = """
with placed as (select *, list_position($subjects, service::varchar) as place from signals)
select place, tick, error_ratio, latency_ratio, backlog_s, capacity_ratio from placed
where place > 0 order by place, tick
"""


class Stretch(NamedTuple):
    """Begin and end in seconds from the start; ``end_s`` is None if trouble lasts to the end of the run."""

    begin_s: float
    end_s: float | None


@dataclass(frozen=True)
class Series:
    """One signal of one service: ``end_s`` (n,) sample intervals' ends, s from the start; ``value`` (n,)."""

    end_s: np.ndarray
    value: np.ndarray
    sample_s: float

    def stretches(self, in_trouble: np.ndarray, apart_s: float) -> list[Stretch]:
        """The stretches in which ``in_trouble`` (n,) holds, those less than ``apart_s`` apart as one."""
        flips = np.flatnonzero(np.diff(np.concatenate(([False], in_trouble, [False]))))
        begin_s = self.end_s[flips[::2]] - self.sample_s
        end_s = self.end_s[flips[1::2] - 1]
        spans = _joined(
            [(b, e, e - b) for b, e in zip(begin_s.tolist(), end_s.tolist(), strict=True)], RECOVERED_S
        )
        spans = _joined([span for span in spans if span[2] >= HOLD_S], max(apart_s, RECOVERED_S))
        last_s = self.end_s[-1] if len(self.end_s) else 0.0
        return [Stretch(b, e if last_s - e >= RECOVERED_S else None) for b, e, _ in spans]


Signals = Mapping[tuple[str, str], Series]
"""(service, signal) → Series."""


def _joined(spans: list[tuple[float, float, float]], apart_s: float) -> list[tuple[float, float, float]]:
    """(begin, end, seconds in trouble) of spans, those less than ``apart_s`` apart as one."""
    joined: list[tuple[float, float, float]] = []
    for begin_s, end_s, held_s in spans:
        if joined and begin_s - joined[-1][1] < apart_s:
            first_s, _, before_s = joined.pop()
            begin_s, held_s = first_s, before_s + held_s
        joined.append((begin_s, end_s, held_s))
    return joined


def is_onset(statement: Outcome | Exclusion) -> bool:
    """Whether crossing the level in this direction begins trouble; else it ends it."""
    return (statement.direction == "rising") != (statement.signal == "capacity_ratio")


def trouble(series: Series, statement: Outcome | Exclusion, apart_s: float) -> list[Stretch]:
    """The stretches of trouble that a statement speaks of."""
    below = statement.signal == "capacity_ratio"
    beyond = series.value < statement.level if below else series.value >= statement.level
    return series.stretches(beyond, apart_s)


def times(signals: Signals, published: Published) -> dict[str, float | None]:
    """Seconds from the start at which a run shows each outcome, None where it does not. Keyed by id."""
    return {o.id: _time(signals[o.subject, o.signal], o) for o in published.outcomes}


def _time(series: Series, outcome: Outcome) -> float | None:
    stretches = trouble(series, outcome, APART_S)
    if len(stretches) < outcome.episode:
        return None
    stretch = stretches[outcome.episode - 1]
    return stretch.begin_s if is_onset(outcome) else stretch.end_s


def broken(signals: Signals, published: Published, start: datetime) -> tuple[str, ...]:
    """Ids of what must not happen and does: a stretch that begins (or ends) between ``begin`` and ``end``."""
    return tuple(ban for ban, depth_min in breaches(signals, published, start).items() if depth_min > 0)


def breaches(signals: Signals, published: Published, start: datetime) -> dict[str, float]:
    """By how many minutes each thing that must not happen would have to move to be allowed; 0 where it does
    not happen. Keyed by id."""
    bans = published.must_not
    return {ban.id: _depth_min(signals[ban.subject, ban.signal], ban, start) for ban in bans}


def _depth_min(series: Series, ban: Exclusion, start: datetime) -> float:
    first_s, last_s = ((moment - start).total_seconds() for moment in (ban.begin, ban.end))
    stretches = trouble(series, ban, RECOVERED_S)
    crossings = [stretch.begin_s if is_onset(ban) else stretch.end_s for stretch in stretches]
    depths_s = (min(at_s - first_s, last_s - at_s) for at_s in crossings if at_s is not None)
    return max(0.0, *depths_s, 0.0) / 60


def first_trouble(signals: Signals) -> float:
    """Seconds from the start at which a service is first impaired by its errors; infinite if none ever is."""
    errors = [series for (_, signal), series in signals.items() if signal == "error_ratio"]
    stretches = (series.stretches(series.value >= IMPAIRED_RATIO, APART_S) for series in errors)
    return min((each[0].begin_s for each in stretches if each), default=math.inf)


def signals_of(run: FinishedRun, published: Published) -> Signals:
    """(service, signal) → Series, for every service that the timeline speaks of."""
    named = {o.subject for o in published.outcomes} | {ban.subject for ban in published.must_not}
    subjects = sorted(named)
    table = run.sql(_SERIES, subjects=subjects)
    columns = {name: table.column(name).to_numpy() for name in table.column_names}
    tick_s, sample_s = run.manifest["tick_s"], run.manifest["sample_s"]
    ends = np.searchsorted(columns["place"], range(1, len(subjects) + 2))
    found = {}
    for service, begin, end in zip(subjects, ends, ends[1:], strict=False):
        end_s = columns["tick"][begin:end] * tick_s
        for signal in SIGNALS:
            found[service, signal] = Series(end_s, columns[signal][begin:end], sample_s)
    return found
