"""The caller's side of a call: attempts with time-outs, retries with pauses, a budget, a breaker."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any

import simpy

from tests.compositions.oracle.record import GOOD, UserCall
from tests.compositions.oracle.system import System

AFTER_S = 1e-7  # an answer at the very moment of the time-out is in time

Steps = Iterator[Any]  # what a SimPy process waits for


class Nature:
    """What a request is: which dependencies it needs. All attempts of a call have it in common."""

    __slots__ = ("_calls", "_needs")

    def __init__(self) -> None:
        self._needs: dict[Link, bool] = {}
        self._calls: dict[tuple[Link, int], Nature] = {}

    def needs(self, link: Link, share: float) -> bool:
        """Whether it is one of the share that needs a dependency; decided once."""
        if link not in self._needs:
            self._needs[link] = link.system.happens(share)
        return self._needs[link]

    def of_call(self, link: Link, k: int) -> Nature:
        """The nature of its call number ``k`` over a dependency."""
        return self._calls.setdefault((link, k), Nature())


class Attempt:
    """One attempt in flight: the callee answers it once or never; its caller may have gone."""

    __slots__ = ("ended", "link", "nature")

    def __init__(self, link: Link, nature: Nature) -> None:
        self.link, self.nature = link, nature
        self.ended = link.system.env.event()

    def reply(self, outcome: str) -> None:
        """The callee's answer."""
        if not self.ended.triggered:
            self.ended.succeed(outcome)
        elif outcome in GOOD:
            self.link.count("served_late")

    def give_up(self, _: simpy.Event) -> None:
        """The time-out of the caller."""
        if not self.ended.triggered:
            self.ended.succeed("timed_out")


class Link:
    """A dependency, as all requests of its caller share it. ``fallback``: the link that is called instead
    after a failure. ``shared``: its cache, its connections or its store, if it has one."""

    def __init__(self, system: System, caller: str, index: int) -> None:
        self.system = system
        self.dependency = system.scenario.topology.services[caller].dependencies[index]
        self.mode = self.dependency.mode
        self.key = (caller, self.dependency.on)
        self.numbers = system.numbers_of_dependency(caller, index)
        self.budget = Budget(self)
        self.breakers = [Breaker(self) for _ in range(min(int(self.numbers.clients_count), 10_000))]
        self.is_of_users = False
        self.fallback: Link | None = None
        self.shared: Any = None

    @property
    def callee(self) -> Any:
        """The service that it calls."""
        return self.system.services[self.key[1]]

    def calls_wanted(self, nature: Nature) -> int:
        """How many calls one request makes over it."""
        whole, part = divmod(self.numbers.share, 1.0)
        return (int(whole) + nature.needs(self, part)) * int(self.numbers.times)

    def count(self, event: str) -> None:
        """Book an event of an attempt, at this moment."""
        self.system.record.calls[*self.key, event, int(self.system.env.now)] += 1

    def log(self, start_s: float, outcome: str) -> None:
        """Note what has become of a call of users."""
        if self.is_of_users:
            row = UserCall(*self.key, start_s, self.system.env.now - start_s, outcome)
            self.system.record.users.append(row)

    def call(self, nature: Nature | None = None) -> Steps:
        """Attempts until one is good or none is left, then the fallback; returns the outcome."""
        nature = nature or Nature()
        outcome = yield from self.tries(nature)
        if outcome not in GOOD and self.fallback is not None:
            outcome = yield from self.fallback.call(nature)
        return outcome

    def tries(self, nature: Nature) -> Steps:
        """Attempts until one is good or none is left."""
        numbers, pause_s = self.numbers, 0.0
        deadline = self.system.env.now + numbers.deadline_s if numbers.deadline_s > 0.0 else inf
        self.budget.earn()
        for k in range(int(numbers.retries) + 1):
            outcome = yield from self.attempt(nature, deadline - self.system.env.now)
            if outcome in GOOD or k == int(numbers.retries):
                break
            pause_s = self.pause_s(k, pause_s)
            least_s = self.callee.number("service_time_s")
            if self.system.env.now + pause_s + least_s >= deadline or not self.budget.pays():
                break
            if pause_s > 0.0:
                yield self.system.env.timeout(pause_s)
        return outcome

    def attempt(self, nature: Nature, left_s: float) -> Steps:
        """One attempt, for which the caller has ``left_s``; returns its outcome."""
        breaker = self.breakers[0] if len(self.breakers) == 1 else self.system.random.choice(self.breakers)
        epoch = breaker.admit()
        if epoch is None:
            self.count("refused_by_client")
            return "failed"
        attempt = Attempt(self, nature)
        self.count("sent")
        wait_s = min(self.numbers.timeout_s, left_s) + AFTER_S
        self.system.env.timeout(wait_s).callbacks.append(attempt.give_up)
        self.callee.arrive(attempt)
        outcome = yield attempt.ended
        self.count("served" if outcome in GOOD else outcome)
        breaker.learn(epoch, outcome in GOOD)
        return outcome

    def pause_s(self, k: int, before_s: float) -> float:
        """The pause after attempt ``k`` (from 0); ``before_s``: the last one, 0 for none."""
        n, u = self.numbers, self.system.random.random()
        if n.jitter == "decorrelated":
            return min(n.backoff_cap_s, n.backoff_s + u * (3.0 * max(before_s, n.backoff_s) - n.backoff_s))
        longest = min(n.backoff_cap_s, n.backoff_s * 2.0**k)
        if n.jitter == "exponential":
            return self.system.exponential(longest)
        least = {"none": 1.0, "equal": 0.5, "full": 0.0}[n.jitter]
        return longest * (least + (1.0 - least) * u)


class Budget:
    """A bucket of retries: it starts full, a first try puts ``retry_budget_ratio`` in, a retry takes one."""

    def __init__(self, link: Link) -> None:
        self._numbers = link.numbers
        self._most = link.numbers.retry_budget_count
        if self._most == 0.0 and link.numbers.retry_budget_ratio > 0.0:
            self._most = 10.0 * link.numbers.retry_budget_ratio * expected_per_s(link)
        self._tokens = self._most

    def earn(self) -> None:
        """A first try."""
        self._tokens = min(self._most, self._tokens + self._numbers.retry_budget_ratio)

    def pays(self) -> bool:
        """Whether a retry is paid for."""
        if self._numbers.retry_budget_ratio <= 0.0:
            return True
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


class Breaker:
    """Closed, open for ``breaker_open_s``, then half-open: it lets probes through, and judges them.

    Outcomes of calls of an earlier state are ignored. With ``breaker_failures_count``, that many failures in
    a row open it, probes follow one another, and that many good ones close it. With ``breaker_error_ratio``,
    the share of failures among ``breaker_window_count`` calls opens it, else the next ones are counted;
    half-open, all probes may be under way at once, and their share of failures decides.
    """

    def __init__(self, link: Link) -> None:
        self._link, self._numbers = link, link.numbers
        self._epoch = 0
        self._until: float | None = None
        self._probing = False
        self._clear()

    def _clear(self) -> None:
        self._epoch += 1
        self._row = self._sent = 0
        self._bad: list[bool] = []

    def admit(self) -> int | None:
        """The state in which a call is sent, or None if it is refused."""
        now = self._link.system.env.now
        if self._until is not None:
            if now < self._until:
                return None
            self._until, self._probing = None, True
            self._clear()
        if self._probing and not self._admits_probe():
            return None
        self._sent += 1
        return self._epoch

    def _admits_probe(self) -> bool:
        if self._numbers.breaker_failures_count > 0:
            return self._sent == self._row  # none is under way
        return self._sent < self._numbers.breaker_probes_count

    def learn(self, epoch: int, good: bool) -> None:
        """The outcome of a call that was sent in the state ``epoch``."""
        if epoch != self._epoch:
            return
        if self._numbers.breaker_failures_count > 0:
            self._learn_row(good)
        elif self._numbers.breaker_error_ratio > 0.0:
            self._learn_ratio(good)

    def _learn_row(self, good: bool) -> None:
        if self._probing:
            self._row += 1
            if not good:
                self._open()
            elif self._row >= self._numbers.breaker_probes_count:
                self._close()
            return
        self._row = 0 if good else self._row + 1
        if self._row >= self._numbers.breaker_failures_count:
            self._open()

    def _learn_ratio(self, good: bool) -> None:
        self._bad.append(not good)
        n = self._numbers
        needed = int(n.breaker_probes_count if self._probing else n.breaker_window_count)
        if len(self._bad) < needed:
            return
        if sum(self._bad) >= n.breaker_error_ratio * needed:
            self._open()
        elif self._probing:
            self._close()
        else:
            self._bad = []

    def _open(self) -> None:
        self._clear()
        self._probing = False
        self._until = self._link.system.env.now + self._numbers.breaker_open_s

    def _close(self) -> None:
        self._clear()
        self._probing = False


def expected_per_s(link: Link) -> float:
    """First tries over a link at the start, while nothing fails: users' rates times shares along the way."""
    system = link.system
    services = system.scenario.topology.services

    def rate(name: str, on_the_way: tuple[str, ...]) -> float:
        numbers = system.numbers_of_service(name)
        if name in on_the_way:
            raise NotImplementedError("a cycle of calls")
        if hasattr(numbers, "rate_per_s"):
            return numbers.rate_per_s * numbers.rate_ratio
        total = getattr(numbers, "own_per_s", 0.0)
        for caller in services.values():
            for k, dependency in enumerate(caller.dependencies):
                if dependency.on == name:
                    total += rate(caller.name, (*on_the_way, name)) * _per_request(system, caller.name, k)
        return total

    caller = link.key[0]
    index = next(k for k, d in enumerate(services[caller].dependencies) if d is link.dependency)
    return rate(caller, ()) * _per_request(system, caller, index)


def _per_request(system: System, caller: str, index: int) -> float:
    """Calls over a dependency for each request of its caller."""
    dependencies = system.scenario.topology.services[caller].dependencies
    one = dependencies[index]
    numbers = system.numbers_of_dependency(caller, index)
    each = numbers.share * numbers.times
    if one.one_of:
        group = [k for k, d in enumerate(dependencies) if d.one_of == one.one_of]
        each *= numbers.weight / sum(system.numbers_of_dependency(caller, k).weight for k in group)
    return each
