"""Signals, metrics and the curve of one run, from arrays: what a study asks of every run.

The views ``signals``, ``metrics`` and ``curve`` (``twin/simulation/sql``) define them, for questions to one
run. DuckDB takes longer to plan these views than the engine to step a small run. So a study computes the same
numbers here. A test compares both, value by value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from twin.base import thresholds
from twin.model.target import AT
from twin.simulation.columns import decoded, values
from twin.simulation.run import FinishedRun

DEEPEST = 64  # causes in a chain, as in the view ``cascade``
CURVE_S = 300.0  # of a run's time, for each number of its curve

ValueRows = list[dict[str, Any]]


@dataclass(frozen=True)
class Stretch:
    """One stretch of impairment. ``recovery_tick``: None if it reaches the end of the run."""

    service: int
    onset_tick: int
    recovery_tick: int | None
    impaired_min: float
    lost_min: float
    peak_error_ratio: float


class RunArrays:
    """A run as arrays of (interval, service); services in the order of names."""

    def __init__(self, run: FinishedRun) -> None:
        self.run, about = run, run.manifest
        self.tick_s, self.sample_s = float(about["tick_s"]), float(about["sample_s"])
        self.names = sorted(run.services)
        self.visible = np.array([run.services[name]["visible"] for name in self.names], bool)
        self.shape = (run.samples.num_rows // max(1, len(self.names)), len(self.names))
        self.tick = self.of("tick")[:, 0] if self.shape[0] else np.zeros(0, "i8")

    def of(self, column: str) -> np.ndarray:
        """A column of the samples. They are sorted by tick and service, and no row is missing."""
        return values(self.run.samples.column(column)).reshape(self.shape)

    @cached_property
    def error_ratio(self) -> np.ndarray:
        """Share of the calls of the interval that failed."""
        return self.of("error_ratio")

    @cached_property
    def latency_ratio(self) -> np.ndarray:
        """Latency over the longest of the first QUIET_S."""
        latency_s = self.of("latency_s")
        early = self.tick * self.tick_s <= thresholds.QUIET_S
        early[:1] = True
        return _over(latency_s, latency_s[early].max(axis=0, initial=-math.inf), 1.0)

    @property
    def backlog_s(self) -> np.ndarray:
        """How long it takes to work the backlog off."""
        backlog, capacity = self.of("backlog_count"), self.of("capacity_per_s")
        return _over(backlog, capacity, np.where(backlog > 0, 1e9, 0.0))

    @property
    def capacity_ratio(self) -> np.ndarray:
        """Capacity over that of the first interval."""
        capacity = self.of("capacity_per_s")
        return _over(capacity, capacity[:1], 1.0)

    @cached_property
    def impaired(self) -> np.ndarray:
        """Whether each service was impaired, or down, in each interval: the view ``impairment``."""
        slow = self.latency_ratio >= thresholds.SLOW_RATIO
        return (self.error_ratio >= thresholds.IMPAIRED_RATIO) | slow

    @cached_property
    def events(self) -> dict[str, np.ndarray]:
        """Columns of the events; ``service`` is a position in ``names``, or past their end."""
        table = self.run.events
        codes, words = decoded(table.column("service"))
        place = {name: n for n, name in enumerate(self.names)}
        own = np.array([place.get(word, len(self.names)) for word in words], "i8")
        kinds, what = decoded(table.column("event"))
        return {
            "id": values(table.column("event_id")), "tick": values(table.column("tick")),
            "cause": values(table.column("cause_id")), "service": own[codes],
            "onset": kinds == what.index("onset"), "recovery": kinds == what.index("recovery"),
        }  # fmt: skip

    @cached_property
    def onsets(self) -> list[tuple[int, int, int | None]]:
        """(row, service, tick of its recovery) of each onset."""
        e = self.events
        found = []
        for row in np.flatnonzero(e["onset"] & (e["service"] < len(self.names))).tolist():
            after = e["recovery"] & (e["service"] == e["service"][row]) & (e["tick"] > e["tick"][row])
            later = e["tick"][after]
            found.append((row, int(e["service"][row]), int(later.min()) if len(later) else None))
        return found

    @cached_property
    def episodes(self) -> list[Stretch]:
        """The view ``episodes``."""
        spans = {(service, int(self.events["tick"][row])): end for row, service, end in self.onsets}
        interval, found = self.sample_s / self.tick_s, []
        for (service, onset), end in spans.items():
            last = math.inf if end is None else end + interval
            inside = (self.tick > onset) & (self.tick < last)
            error = self.error_ratio[inside, service]
            if len(error):
                impaired = self.impaired[inside, service]
                minutes = np.count_nonzero(impaired) * self.sample_s / 60
                lost = float(error[impaired].sum()) * self.sample_s / 60
                found.append(Stretch(service, onset, end, minutes, lost, float(error.max())))
        return found

    @cached_property
    def radius(self) -> np.ndarray:
        """How many services that customers see were impaired in each interval."""
        return np.count_nonzero(self.impaired[:, self.visible], axis=1)

    def curve(self) -> list[int]:
        """The most services impaired at once in each CURVE_S: the view ``curve``."""
        if not self.visible.any() or not len(self.tick):
            return []
        place = np.floor((self.tick - 1) * self.tick_s / CURVE_S)
        firsts = np.flatnonzero(np.diff(place, prepend=-math.inf))
        most: list[int] = np.maximum.reduceat(self.radius, firsts).tolist()
        return most

    @cached_property
    def top(self) -> list[int]:
        """Positions of the services that call others, and that nobody in the topology calls: customers.

        The zones of a service are that service, so a call from the whole to its zone is none.
        """
        edges = [(d["caller"].partition(AT)[0], d["callee"].partition(AT)[0]) for d in self.run.dependencies]
        others = {(caller, callee) for caller, callee in edges if caller != callee}
        top = {caller for caller, _ in others} - {callee for _, callee in others}
        return [n for n, name in enumerate(self.names) if name in top]

    def requests_lost(self) -> float:
        """Calls of customers that failed."""
        failed = self.of("offered_per_s")[:, self.top] * self.error_ratio[:, self.top]
        return float((failed.sum(axis=0) * self.sample_s).sum())

    def outlived_s(self) -> dict[int, float]:
        """Row of an onset → how long its stretch outlived the faults in its chain: the view ``outlived``."""
        ends, found = self._fault_ends(), {}
        for row, _, end in self.onsets:
            over = [ends[link] for link in self._chain(row) if link in ends]
            if over and None not in over:
                until = int(self.tick.max()) if end is None else end
                found[row] = (until - max(x for x in over if x is not None)) * self.tick_s
        return found

    def _chain(self, row: int) -> list[int]:
        """The rows of the causes of an event, itself first."""
        ids, causes = self.events["id"], self.events["cause"]
        chain = [row]
        while causes[chain[-1]] and len(chain) <= DEEPEST:
            at = int(np.searchsorted(ids, causes[chain[-1]]))
            if at == len(ids) or ids[at] != causes[chain[-1]]:
                break
            chain.append(at)
        return chain

    def _fault_ends(self) -> dict[int, int | None]:
        """Row of the beginning or end of a fault → when that fault ended last, None if it never did."""
        inputs = [x for x in self.run.manifest["inputs"] or () if x["kind"] == "fault"]
        ends: dict[str, int | None] = {x["id"]: None for x in inputs}
        for x in inputs:
            if not x["begin"]:
                ends[x["id"]] = max(x["tick"], ends[x["id"]] or 0)
        origins, words = decoded(self.run.events.column("origin"))
        subjects, names = decoded(self.run.events.column("subject"))
        inputs_at = np.flatnonzero(origins == words.index("input")).tolist()
        return {row: ends[name] for row in inputs_at if (name := names[subjects[row]]) in ends}


def metrics_in(arrays: RunArrays) -> ValueRows:
    """The rows of the view ``metrics``."""
    each = of_services(arrays)
    found = rows("", of_whole(arrays, each))
    return found + [row for name, own in each.items() for row in rows(name, own)]


def first_events(run: FinishedRun) -> ValueRows:
    """When each event of each service came first, in s from the start. An event of a zone is one of its whole
    too."""
    services, names = decoded(run.events.column("service"))
    kinds, words = decoded(run.events.column("event"))
    tick_s = float(run.manifest["tick_s"])
    pairs, firsts = np.unique(services * len(words) + kinds, return_index=True)  # rows are sorted by tick
    ticks = values(run.events.column("tick"))[firsts].tolist()
    found: dict[tuple[str, str], int] = {}
    for pair, tick in zip(pairs, ticks, strict=True):
        service, word = names[pair // len(words)], words[pair % len(words)]
        for name in {service, service.partition(AT)[0]}:
            found[name, word] = min(tick, found.get((name, word), tick))
    return [r for (service, word), t in sorted(found.items()) for r in rows(service, {word: t * tick_s})]


def of_services(arrays: RunArrays) -> dict[str, dict[str, float]]:
    """Service that was impaired → its metrics."""
    found: dict[str, dict[str, float]] = {}
    for n, name in enumerate(arrays.names):
        mine = [e for e in arrays.episodes if e.service == n]
        if mine:
            ends = [math.inf if e.recovery_tick is None else e.recovery_tick * arrays.tick_s for e in mine]
            found[name] = {
                "onset_s": min(e.onset_tick for e in mine) * arrays.tick_s, "recovery_s": max(ends),
                "impaired_min": sum(e.impaired_min for e in mine),
                "lost_min": sum(e.lost_min for e in mine),
                "peak_error_ratio": max(e.peak_error_ratio for e in mine),
            }  # fmt: skip
    return found


def of_whole(arrays: RunArrays, each: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Metrics of the whole run, which counts only services that customers see."""
    seen = [each[name] for name, v in zip(arrays.names, arrays.visible, strict=True) if v and name in each]
    lost = np.where(arrays.impaired, arrays.error_ratio, 0.0)[:, arrays.visible].sum()
    services = arrays.events["service"]
    outlived = (s for row, s in arrays.outlived_s().items() if arrays.visible[services[row]])
    moments = {}
    if seen:
        moments["first_onset_s"] = min(x["onset_s"] for x in seen)
        moments["last_recovery_s"] = max(x["recovery_s"] for x in seen)
    return {
        "service_minutes_lost": float(lost) * arrays.sample_s / 60,
        "peak_impaired": float(arrays.radius.max(initial=0)),
        "services_impaired": float(len(seen)),
        "not_recovered": float(sum(math.isinf(x["recovery_s"]) for x in seen)),
        **moments,
        "requests_lost": arrays.requests_lost(),
        "metastable": float(any(s >= thresholds.METASTABLE_S for s in outlived)),
    }


def _over(number: np.ndarray, whole: np.ndarray, otherwise: float | np.ndarray) -> np.ndarray:
    """``number / whole`` where ``whole`` is positive."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, number / whole, otherwise)


def rows(service: str, found: Mapping[str, float]) -> ValueRows:
    """ValueRows of a service, '' for the whole run, as a study keeps them."""
    return [{"service": service, "metric": name, "value": value} for name, value in found.items()]
