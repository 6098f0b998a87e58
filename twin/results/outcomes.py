"""When a run shows each published outcome: one rule for all of them, no detector for a single one.

An *episode* is a time in which a signal is in trouble: at or above the outcome's level, or below it for
``capacity_ratio``. It counts once it has held for HOLD_S, and is over when it has been well for RECOVERED_S;
episodes less than APART_S apart are one. An outcome is the beginning or end of the ``episode``-th one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np

from twin.base.thresholds import HOLD_S, RECOVERED_S
from twin.model.published import Exclusion, Outcome, Plateau, Published
from twin.model.signals import SIGNALS
from twin.results.of_run import RunArrays
from twin.simulation.run import FinishedRun

APART_S = 1800.0


class Episode(NamedTuple):
    """Begin and end in seconds from the start; ``end_s`` is None if trouble lasts to the end of the run."""

    begin_s: float
    end_s: float | None


@dataclass(frozen=True)
class Series:
    """One signal of one service: ``end_s`` (n,) sample intervals' ends, s from the start; ``value`` (n,)."""

    end_s: np.ndarray
    value: np.ndarray
    sample_s: float

    def episodes(self, in_trouble: np.ndarray, apart_s: float) -> list[Episode]:
        """The episodes in which ``in_trouble`` (n,) holds, those less than ``apart_s`` apart as one."""
        flips = np.flatnonzero(np.diff(np.concatenate(([False], in_trouble, [False]))))
        begin_s = self.end_s[flips[::2]] - self.sample_s
        end_s = self.end_s[flips[1::2] - 1]
        spans = _joined(
            [(b, e, e - b) for b, e in zip(begin_s.tolist(), end_s.tolist(), strict=True)], RECOVERED_S
        )
        spans = _joined([span for span in spans if span[2] >= HOLD_S], max(apart_s, RECOVERED_S))
        last_s = self.end_s[-1] if len(self.end_s) else 0.0
        return [Episode(b, e if last_s - e >= RECOVERED_S else None) for b, e, _ in spans]


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


def trouble(series: Series, statement: Outcome | Exclusion, apart_s: float) -> list[Episode]:
    """The episodes of trouble that a statement speaks of."""
    below = statement.signal == "capacity_ratio"
    beyond = series.value < statement.level if below else series.value >= statement.level
    return series.episodes(beyond, apart_s)


def moments(signals: Signals, published: Published) -> dict[str, float]:
    """Id of each outcome that comes in the run → s from the start; infinite for trouble that does not end."""
    shown = ((o.id, _moment(signals[o.subject, o.signal], o)) for o in published.outcomes)
    return {id: at_s for id, at_s in shown if at_s is not None}


def times(signals: Signals, published: Published) -> dict[str, float | None]:
    """Id → s from the start at which a run shows the outcome; None where it does not happen in the run."""
    shown = moments(signals, published)
    found = {o.id: shown.get(o.id, math.inf) for o in published.outcomes}
    return {id: at_s if math.isfinite(at_s) else None for id, at_s in found.items()}


def _moment(series: Series, outcome: Outcome) -> float | None:
    episodes = trouble(series, outcome, APART_S)
    if len(episodes) < outcome.episode:
        return None
    begin_s, end_s = episodes[outcome.episode - 1]
    return begin_s if is_onset(outcome) else math.inf if end_s is None else end_s


def broken(signals: Signals, published: Published, start: datetime) -> tuple[str, ...]:
    """Ids of what must not happen and does: a episode that begins (or ends) between ``begin`` and ``end``."""
    return tuple(ban for ban, depth_min in breaches(signals, published, start).items() if depth_min > 0)


def breaches(signals: Signals, published: Published, start: datetime) -> dict[str, float]:
    """By how many minutes each thing that must not happen would have to move to be allowed; 0 where it does
    not happen. Keyed by id."""
    bans = published.must_not
    return {ban.id: _depth_min(signals[ban.subject, ban.signal], ban, start) for ban in bans}


def _depth_min(series: Series, ban: Exclusion, start: datetime) -> float:
    first_s, last_s = ((moment - start).total_seconds() for moment in (ban.begin, ban.end))
    episodes = trouble(series, ban, RECOVERED_S)
    crossings = [episode.begin_s if is_onset(ban) else episode.end_s for episode in episodes]
    depths_s = (min(at_s - first_s, last_s - at_s) for at_s in crossings if at_s is not None)
    return max(0.0, *depths_s, 0.0) / 60


def levels(signals: Signals, published: Published, start: datetime) -> dict[str, float]:
    """Mean of the signal of each plateau over its time, by id."""
    return {p.id: mean_level(signals[p.subject, p.signal], p, start) for p in published.plateaus}


def mean_level(series: Series, statement: Plateau | Exclusion, start: datetime) -> float:
    """Mean of a signal over the time of a statement; not a number where the run has none of it."""
    value = series.value[_within(series, statement, start)]
    return float(value.mean()) if len(value) else math.nan


def could_happen(series: Series, ban: Exclusion, start: datetime) -> bool:
    """Whether the run had something for an exclusion to forbid: trouble that might end, or well-being that
    might turn into trouble."""
    value = series.value[_within(series, ban, start)]
    below = ban.signal == "capacity_ratio"
    beyond = value < ban.level if below else value >= ban.level
    return bool((~beyond).any() if is_onset(ban) else beyond.any())


def _within(series: Series, statement: Plateau | Exclusion, start: datetime) -> np.ndarray:
    first_s, last_s = ((moment - start).total_seconds() for moment in (statement.begin, statement.end))
    return (series.end_s > first_s) & (series.end_s <= last_s)


def signals_of(run: FinishedRun | RunArrays, published: Published) -> Signals:
    """(service, signal) → Series, for every service that the timeline names."""
    arrays = run if isinstance(run, RunArrays) else RunArrays(run)
    named = {o.subject for o in published.outcomes} | {ban.subject for ban in published.must_not}
    named |= {plateau.subject for plateau in published.plateaus}
    end_s, found = arrays.tick * arrays.tick_s, {}
    for signal in SIGNALS:
        values = getattr(arrays, signal)
        for service in sorted(named & set(arrays.names)):
            value = np.ascontiguousarray(values[:, arrays.names.index(service)])
            found[service, signal] = Series(end_s, value, arrays.sample_s)
        nothing = Series(end_s[:0], values[:0, 0], arrays.sample_s)
        found |= {(service, signal): nothing for service in named - set(arrays.names)}
    return found
