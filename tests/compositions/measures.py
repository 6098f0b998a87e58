"""How each measure comes from the tables of a run. Names are those of the event simulation.

A measure takes the runs of one replicate, by system, and gives a number or an array [bin]. NaN: nothing to
measure, for example no request failed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .instance import Instance, Measure
from .tables import Floats, Recorded, Requests

ATTEMPTS = {
    "sent": "sent", "ok": "served", "error": "failed", "timeout": "timed_out", "short": "refused_by_client",
    "late_ok": "served_late",
}  # fmt: skip
FAILURES = {
    "failed": ("failed", "timed_out"), "error": ("failed",), "gaveup": ("timed_out",),
    "degraded": ("degraded",),
}  # fmt: skip
RENAMED = {"instance": "serve"}
STORES = {"outbox": ("producer", "consumer"), "queue": ("api", "consumer")}
BAD_BIN_S, BAD_SHARE = 10.0, 0.05
FEW_COUNT = 20  # messages, fewer than which count as drained


@dataclass(frozen=True)
class Case:
    """A measure to take: its record, the instance, and the runs of a replicate by suffix of system."""

    measure: Measure
    instance: Instance
    runs: dict[str, Recorded]

    @property
    def run(self) -> Recorded:
        """That of the only system."""
        return self.runs[""]

    @property
    def p(self) -> dict[str, Any]:
        return self.instance.parameters

    @property
    def window(self) -> tuple[float, float]:
        assert self.measure.window is not None
        return self.measure.window

    @property
    def bins(self) -> int:
        """How many bins the expected series has."""
        assert isinstance(self.measure.expected, tuple)
        return len(self.measure.expected)

    def binned(self, values: Floats, run: Recorded | None = None) -> Floats:
        """Means over the bins of the series of an array by interval."""
        return (run or self.run).binned(values, self.measure.bin_s or 0.0, self.bins)

    def moments(self, values: Floats, run: Recorded | None = None, after: int = 1) -> Floats:
        """The values of the intervals that begin at the moments of the series; with 0, that end there."""
        first_s, bin_s = self.measure.first_s or 0.0, self.measure.bin_s or 0.0
        intervals = [(run or self.run).at(first_s + n * bin_s) + after for n in range(self.bins)]
        return values[np.minimum(intervals, len(values) - 1)]


Taker = Callable[..., Any]
TAKERS: list[tuple[re.Pattern[str], Taker]] = []


def take(name: str, case: Case) -> Any:
    """The value of a measure in one replicate. Raises KeyError for a name that nothing measures."""
    for pattern, taker in TAKERS:
        if found := pattern.fullmatch(name):
            return taker(case, *found.groups())
    raise KeyError(name)


def measures(pattern: str) -> Callable[[Taker], Taker]:
    """The function takes the measures with names like this, and the groups of the pattern."""

    def add(function: Taker) -> Taker:
        TAKERS.append((re.compile(pattern), function))
        return function

    return add


# --- users


@measures(r"(\w+)\.(failed|error|gaveup|degraded)_share\.\w+")
def share_of_users(case: Case, who: str, what: str) -> float:
    users = case.run.users(who).started(case.window)
    return _mean(users.is_one_of(*FAILURES[what]))


@measures(r"(\w+)\.latency_served_(mean|p\d+)\.\w+")
def latency_of_users(case: Case, who: str, what: str) -> float:
    users = case.run.users(who).started(case.window)
    latency_s = users.where(users.is_served).latency_s
    return _mean(latency_s) if what == "mean" else nearest_rank(latency_s, int(what[1:]))


@measures(r"(\w+)\.latency_failed_mean\.\w+")
def latency_of_failures(case: Case, who: str) -> float:
    users = case.run.users(who).started(case.window)
    return _mean(users.where(~users.is_served).latency_s)


@measures(r"(\w+)\.failed_share_series\.by_(start|completion)")
def failures_by_bin(case: Case, who: str, by: str) -> Floats:
    users = case.run.users(who)
    moments_s = users.start_s if by == "start" else users.end_s
    count = _counts(case, moments_s)
    with np.errstate(invalid="ignore"):
        return _counts(case, moments_s[~users.is_served]) / np.where(count > 0, count, np.nan)


@measures(r"(\w+)\.good_rate_series")
def good_answers_by_bin(case: Case, who: str) -> Floats:
    users = case.run.users("users" if who == "burst" else who)
    return _counts(case, users.end_s[users.is_served]) / (case.measure.bin_s or 1.0)


@measures(r"(\w+)\.last_bad_instant")
def last_bad_instant(case: Case, who: str) -> float:
    """The end of the last bin of ten seconds, from a moment on, in which more than 5 % failed."""
    from_s, users = case.measure.from_s or 0.0, case.run.users(who)
    edges_s = np.arange(0.0, case.p["horizon_s"] + BAD_BIN_S, BAD_BIN_S)
    came, _ = np.histogram(users.start_s, edges_s)
    failed, _ = np.histogram(users.start_s[~users.is_served], edges_s)
    bad = edges_s[1:][(failed > BAD_SHARE * came) & (edges_s[:-1] >= from_s)]
    return float(bad[-1]) if bad.size else from_s


@measures(r"recovered_share")
def recovered(case: Case) -> float:
    """Whether fewer than 5 % of the users of the window failed."""
    return float(share_of_users(case, "users", "failed") < BAD_SHARE)


# --- attempts of an edge


@measures(r"edge (\w+)->(\w+)\.(sent|ok|error|timeout|short)_rate\.\w+")
def rate_of_attempts(case: Case, caller: str, callee: str, what: str) -> float:
    values = _attempts(case.run, caller, callee, what)[case.run.within(case.window)]
    return float(values.mean()) / case.run.interval_s


@measures(r"edge (\w+)->(\w+)\.(sent|ok|error|timeout|short)_rate_series")
def rate_of_attempts_by_bin(case: Case, caller: str, callee: str, what: str) -> Floats:
    return case.binned(_attempts(case.run, caller, callee, what)) / case.run.interval_s


@measures(r"edge (\w+)->(\w+)\.(sent|ok|error|timeout|short|late_ok)_total")
def count_of_attempts(case: Case, caller: str, callee: str, what: str) -> float:
    return float(_attempts(case.run, caller, callee, what).sum())


@measures(r"edge (\w+)->(\w+)\.peak_sent_per_10s")
def peak_of_attempts(case: Case, caller: str, callee: str) -> float:
    """The most attempts in one bin of ten seconds from the fault on."""
    sent = _attempts(case.run, caller, callee, "sent")
    count = int(case.p["horizon_s"] / BAD_BIN_S)
    bins = case.run.binned(sent, BAD_BIN_S, count) * (BAD_BIN_S / case.run.interval_s)
    return float(bins[int(case.p["fault_start_s"] / BAD_BIN_S) :].max())


@measures(r"(?:attempts_per_call|amplification)\.\w+")
def attempts_per_request(case: Case) -> float:
    assert case.measure.edge is not None
    sent = _attempts(case.run, *case.measure.edge, "sent")[case.run.within(case.window)].sum()
    return float(sent) / max(1, len(case.run.users().started(case.window).start_s))


@measures(r"\w+\.calls_in_outage")
def attempts_in_window(case: Case) -> float:
    assert case.measure.edge is not None
    return float(_attempts(case.run, *case.measure.edge, "sent")[case.run.within(case.window)].sum())


# --- levels of a service


@measures(r"(\w+)\.(queue|busy)_series(?:\.([\w.]+))?")
def level_by_bin(case: Case, service: str, what: str, suffix: str | None) -> Floats:
    run = case.runs[suffix or ""]
    return case.binned(_level(run, service, what), run)


@measures(r"(?:(\w+)\.)?(queue|busy)_mean(?:\.(\w+))?")
def mean_level(case: Case, service: str | None, what: str, suffix: str | None) -> float:
    run = case.runs[suffix or ""]
    return float(_level(run, service or "station", what)[run.within(case.window)].mean())


@measures(r"(\w+)\.(?:queue_)?max")
def highest_queue(case: Case, service: str) -> float:
    return float(_level(case.run, service, "queue").max())


@measures(r"(\w+)\.served_total")
def served_by_a_service(case: Case, service: str) -> float:
    """Good answers of a service: those in time and those too late."""
    mine = case.run.calls["callee"] == service
    return float(sum(case.run.calls[column][mine].sum() for column in ("served", "served_late")))


def nearest_rank(values: Floats, percent: int) -> float:
    """The smallest value that at least ``percent`` of the values do not exceed."""
    if not len(values):
        return float("nan")
    rank = max(1, -(-percent * len(values) // 100))
    return float(np.partition(values, rank - 1)[rank - 1])


def _mean(values: Any) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def _counts(case: Case, moments_s: Floats) -> Floats:
    """How many of these moments lie in each bin of the series."""
    edges_s = (case.measure.bin_s or 1.0) * np.arange(case.bins + 1)
    return np.histogram(moments_s[moments_s < edges_s[-1]], edges_s)[0].astype(float)


def _attempts(run: Recorded, caller: str, callee: str, what: str) -> Floats:
    return run.edge(RENAMED.get(caller, caller), callee, ATTEMPTS[what])


def _level(run: Recorded, service: str, what: str) -> Floats:
    """Time averages by interval of who waits, or is in work; what waits for a consumer lies in its store."""
    if what == "queue" and service in STORES:
        return run.edge(*STORES[service], "stored_count")
    return run.level(service.lower(), {"queue": "waiting_count", "busy": "busy_count"}[what])


def hits(users: Requests, hit_s: float) -> Requests:
    """Requests that a cache answered: they took exactly the time of a hit."""
    return users.where(users.is_served & (np.abs(users.latency_s - hit_s) < 1e-6))
