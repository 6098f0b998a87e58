"""What a run of the oracle leaves behind."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import NamedTuple

GOOD = ("served", "degraded")
EVENTS = ("sent", "served", "failed", "timed_out", "refused_by_client", "served_late")


class UserCall(NamedTuple):
    """A call of a workload, from its start to its outcome: served, degraded, failed or timed_out."""

    caller: str
    callee: str
    start_s: float
    latency_s: float
    outcome: str


class Level:
    """A number that changes at moments, and its integral over each second."""

    def __init__(self) -> None:
        self.now, self.most, self._since = 0.0, 0.0, 0.0
        self.by_second: defaultdict[int, float] = defaultdict(float)

    def set(self, t: float, value: float) -> None:
        """From ``t`` on it is ``value``."""
        self.settle(t)
        self.now = value
        self.most = max(self.most, value)

    def settle(self, t: float) -> None:
        """Book what has passed until ``t``."""
        while self._since < t:
            second = int(self._since)
            end = min(t, second + 1.0)
            self.by_second[second] += self.now * (end - self._since)
            self._since = end

    def integral(self, begin: int, end: int) -> float:
        """The integral over [begin, end), in whole seconds."""
        return sum(self.by_second[second] for second in range(begin, end))


class Record:
    """``users``: a row for each call of a workload. ``calls``: attempts by (caller, callee, event, second).
    ``waiting``, ``busy``: of each service. ``moments``: other series by name, as (t, value)."""

    def __init__(self) -> None:
        self.users: list[UserCall] = []
        self.calls: Counter[tuple[str, str, str, int]] = Counter()
        self.waiting: defaultdict[str, Level] = defaultdict(Level)
        self.busy: defaultdict[str, Level] = defaultdict(Level)
        self.moments: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)

    def rate(self, edge: tuple[str, str], event: str, begin: int, end: int) -> float:
        """Attempts over ``edge`` with this ``event``, per second of [begin, end)."""
        return sum(self.calls[*edge, event, s] for s in range(begin, end)) / (end - begin)

    def total(self, edge: tuple[str, str], event: str) -> int:
        """Attempts over ``edge`` with this ``event`` in the whole run."""
        return sum(n for (*key, name, _), n in self.calls.items() if tuple(key) == edge and name == event)
