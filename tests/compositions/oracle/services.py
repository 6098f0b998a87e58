"""The callee's side: arrival, queue, work, faults, and the calls of a request."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from math import inf
from typing import Any

from tests.compositions.oracle.clients import Attempt, Link, Steps
from tests.compositions.oracle.record import GOOD
from tests.compositions.oracle.system import System


class Request:
    """A request under way. ``client``: whom to answer. ``at_end``: what it gives back then."""

    __slots__ = ("at_end", "client")

    def __init__(self, client: Any) -> None:
        self.client = client
        self.at_end: list[Callable[[], None]] = []

    def end(self, outcome: str) -> None:
        """Answer, and give back what it holds."""
        for give_back in self.at_end:
            give_back()
        self.client.reply(outcome)


class Line:
    """One queue in front of ``limit()`` places; first come, first served. ``refill``: begin other work in a
    free place, if there is any, when nobody waits."""

    def __init__(self, limit: Callable[[], float], note: Callable[[Line], None]) -> None:
        self.limit, self._note = limit, note
        self.waiting: deque[Callable[[], None]] = deque()
        self.busy = 0
        self.refill: Callable[[], bool] = lambda: False

    def join(self, begin: Callable[[], None], most: float) -> bool:
        """Begin now or later; False if ``most`` wait already."""
        if self.busy >= self.limit() or self.waiting:
            if len(self.waiting) >= most:
                return False
            self.waiting.append(begin)
            self._note(self)
            return True
        self.start(begin)
        return True

    def start(self, begin: Callable[[], None]) -> None:
        """Take a place."""
        self.busy += 1
        self._note(self)
        begin()

    def leave(self) -> None:
        """Give a place back."""
        self.busy -= 1
        self._note(self)
        self.pull()

    def pull(self) -> None:
        """Begin what can begin."""
        while self.busy < self.limit():
            if self.waiting:
                self.start(self.waiting.popleft())
            elif not self.refill():
                return


class Service:
    """A relay or a station: a request waits for a place, works, makes its calls, and is answered."""

    def __init__(self, system: System, name: str) -> None:
        self.system, self.name = system, name
        self.numbers = system.numbers_of_service(name)
        self.steps: list[Callable[[Request], Steps]] = []
        self.stores: list[Any] = []
        self.servers: Callable[[], float] = lambda: inf
        self.line = Line(lambda: self.servers(), self._note)
        self.line.refill = self._begin_stored
        self.numbers.heard_by(lambda _: self.pull())

    def _note(self, line: Line) -> None:
        now, record = self.system.env.now, self.system.record
        record.waiting[self.name].set(now, len(line.waiting))
        record.busy[self.name].set(now, line.busy)

    def number(self, name: str, default: Any = 0.0) -> Any:
        """A number, or the default where the kind has none of that name."""
        return getattr(self.numbers, name, default)

    # --- arrival -----------------------------------------------------------

    def arrive(self, attempt: Attempt) -> None:
        """A call from a caller."""
        if self._is_lost_on_arrival(attempt):
            return
        if not self.line.join(lambda: self._begin(attempt), self.number("buffer_count", inf)):
            self._refuse(attempt)

    def _is_lost_on_arrival(self, client: Any) -> bool:
        if self.number("fails") == "on_arrival" and self.system.happens(self.number("fault_ratio")):
            self._refuse(client)
            return True
        return self.system.happens(self.number("silent_ratio"))

    def _refuse(self, client: Any) -> None:
        self.system.later(self.number("error_s"), lambda: client.reply("failed"))

    def pull(self) -> None:
        """Something has changed: begin what can begin."""
        self.line.pull()

    def _begin_stored(self) -> bool:
        for store in self.stores:
            if store.is_ready():
                message = store.take()
                if not self._is_lost_on_arrival(message):
                    self.line.start(partial(self._begin, message))
                return True
        return False

    # --- work --------------------------------------------------------------

    def _begin(self, client: Any) -> None:
        self.system.env.process(self._serve(Request(client)))

    def _serve(self, request: Request) -> Iterator[Any]:
        """From the begin of the request to its answer."""
        env, holds_worker = self.system.env, self.number("workers_count") > 0 or self.servers() == inf
        fails = self.number("fails") == "after_work" and self.system.happens(self.number("fault_ratio"))
        work_s = self._work_s()
        if work_s > 0.0:
            yield env.timeout(work_s)
        if not holds_worker:
            self.line.leave()
        if self.number("service_time_s") > 0.0:
            yield env.timeout(self.number("service_time_s"))
        outcome = "failed" if fails else (yield from self.make_calls(request))
        request.end(outcome)
        if holds_worker:
            self.line.leave()

    def _work_s(self) -> float:
        """Time of the service's own work on a request that begins now."""
        if self.system.happens(self.number("slow_ratio")):
            return self.number("slow_s")
        mean_s = self.mean_work_s()
        if self.number("service") == "exponential":
            return self.system.exponential(mean_s)
        return mean_s

    def mean_work_s(self) -> float:
        """Mean of the own work: what the file says, or servers over capacity."""
        mean_s = self.number("work_s")
        if mean_s == 0.0 and 0.0 < self.number("capacity_per_s") < 1e9 and self.number("servers_count") > 0:
            return self.number("servers_count") / self.number("capacity_per_s")
        return mean_s

    # --- calls ---------------------------------------------------------------

    def make_calls(self, request: Request) -> Steps:
        """The calls of a request in order; returns its outcome."""
        is_degraded = False
        for step in self.steps:
            outcome = yield from step(request)
            if outcome not in GOOD:
                return "failed"
            is_degraded |= outcome == "degraded"
        return "degraded" if is_degraded else "served"


def call_by_mode(link: Link, request: Request) -> Steps:
    """One call over a dependency, as its mode has it; returns the outcome for the request."""
    if link.mode == "fire_and_forget":
        link.system.env.process(link.call())
        return "served"
    if link.mode == "async":
        return (yield from link.shared.put())
    if link.mode == "cached":
        return (yield from link.shared.ask())
    if link.mode == "new_connections":
        return (yield from link.shared.take(request))
    outcome = yield from link.call()
    return "degraded" if link.mode == "soft" and outcome not in GOOD else outcome
