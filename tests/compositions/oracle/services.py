"""The callee's side: arrival, queue, work, faults, and the calls of a request."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from math import ceil, inf
from typing import Any

from tests.compositions.oracle.clients import Attempt, Link, Nature, Steps
from tests.compositions.oracle.record import GOOD
from tests.compositions.oracle.system import System


class Request:
    """A request under way. ``client``: whom to answer. ``line``: where it has a place. ``at_end``: what
    else it gives back then."""

    __slots__ = ("at_end", "client", "line")

    def __init__(self, client: Any, line: Line | None = None) -> None:
        self.client, self.line = client, line
        self.at_end: list[Callable[[], None]] = []

    def leave(self) -> None:
        """Give the place back, if it has one."""
        line, self.line = self.line, None
        if line is not None:
            line.leave()

    def end(self, outcome: str) -> None:
        """Answer, and give back what it holds."""
        self.leave()
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
        self.steps: list[Callable[[Nature], Steps]] = []
        self.stores: list[Any] = []
        self.pools: list[Link] = []
        self.exact_servers: Callable[[], float] = lambda: inf
        self.line = Line(self.servers, self._note)
        self.line.refill = self._begin_stored
        self.numbers.heard_by(lambda _: self.pull())

    def _note(self, line: Line) -> None:
        now, record = self.system.env.now, self.system.record
        record.waiting[self.name].set(now, len(line.waiting))
        record.busy[self.name].set(now, line.busy)

    def number(self, name: str, default: Any = 0.0) -> Any:
        """A number, or the default where the kind has none of that name."""
        return getattr(self.numbers, name, default)

    def servers(self) -> float:
        """Places: a part of one is a whole one, but slower."""
        exact = self.exact_servers()
        return exact if exact == inf else ceil(exact - 1e-9)

    # --- arrival -----------------------------------------------------------

    def arrive(self, attempt: Attempt) -> None:
        """A call from a caller."""
        if not self._is_lost_on_arrival(attempt):
            self.system.env.process(self._serve(Request(attempt)))

    def _is_lost_on_arrival(self, client: Any) -> bool:
        if self.system.happens(self.number("silent_ratio")):
            return True
        if self.number("fails") == "on_arrival" and self.system.happens(self.number("fault_ratio")):
            self.system.later(self.number("error_s"), lambda: client.reply("failed"))
            return True
        return False

    def pull(self) -> None:
        """Something has changed: begin what can begin."""
        self.line.pull()

    def _begin_stored(self) -> bool:
        for store in self.stores:
            if store.is_ready():
                message = store.take()
                if self._is_lost_on_arrival(message):  # it holds a place until it is answered
                    self.line.start(lambda: self.system.later(self.number("error_s"), self.line.leave))
                else:
                    self.line.start(partial(self._begin, Request(message, self.line)))
                return True
        return False

    # --- work --------------------------------------------------------------

    def _begin(self, request: Request) -> None:
        self.system.env.process(self._serve(request, has_place=True))

    def holds_whole_request(self) -> bool:
        """Whether a place is that of a worker, or there are no servers to wait for."""
        has_servers = self.number("servers_count") > 0 or self.number("instances_count") > 0
        has_servers |= self.number("work_s") == 0.0 and self.mean_work_s() > 0.0
        return self.number("workers_count") > 0 or not has_servers

    def _serve(self, request: Request, has_place: bool = False) -> Iterator[Any]:
        """From the arrival of the request to its answer."""
        steps = [self._place, self._connect] if self.holds_whole_request() else [self._connect, self._place]
        if has_place:
            steps.remove(self._place)
        for step in steps:
            if not (yield from step(request)):
                request.end("failed")
                return
        fails = self.number("fails") == "after_work" and self.system.happens(self.number("fault_ratio"))
        for time_s in (self._work_s(), self.number("service_time_s")):
            if time_s > 0.0:
                yield self.system.env.timeout(time_s)
            if not self.holds_whole_request():
                request.leave()
        request.end("failed" if fails else (yield from self.make_calls(request.client.nature)))

    def _place(self, request: Request) -> Steps:
        """Wait for a place; False if the queue is full."""
        ready = self.system.env.event()
        if not self.line.join(ready.succeed, self.number("buffer_count", inf)):
            yield self.system.env.timeout(self.number("error_s"))
            return False
        yield ready
        request.line = self.line
        return True

    def _connect(self, request: Request) -> Steps:
        """Take a connection of each pool; False if that fails."""
        for link in self.pools:
            outcome = yield from link.shared.take(request)
            if outcome not in GOOD:
                return False
        return True

    def _work_s(self) -> float:
        """Time of the service's own work on a request that begins now."""
        if self.system.happens(self.number("slow_ratio")):
            return self.number("slow_s")
        mean_s = self.mean_work_s()
        if not self.holds_whole_request() and 0.0 < self.exact_servers() < inf:
            mean_s *= self.servers() / self.exact_servers()
        if self.number("service") == "exponential":
            return self.system.exponential(mean_s)
        return mean_s

    def mean_work_s(self) -> float:
        """Mean of the own work: what the file says, or servers over capacity."""
        per_s = self.number("capacity_per_s") if hasattr(self.numbers, "work_s") else 0.0
        if self.number("work_s") > 0.0 or not 0.0 < per_s < 1e9:
            return self.number("work_s")
        return max(1, self.number("servers_count")) / per_s

    # --- calls ---------------------------------------------------------------

    def make_calls(self, nature: Nature) -> Steps:
        """The calls of a request in order; returns its outcome."""
        is_degraded = False
        for step in self.steps:
            outcome = yield from step(nature)
            if outcome not in GOOD:
                return "failed"
            is_degraded |= outcome == "degraded"
        return "degraded" if is_degraded else "served"
