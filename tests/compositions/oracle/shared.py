"""What the requests of a caller share over a dependency: cache, connections, store."""

from __future__ import annotations

from bisect import bisect
from collections import deque
from itertools import accumulate
from typing import Any

import simpy

from tests.compositions.oracle.clients import Link, Nature, Steps, expected_per_s
from tests.compositions.oracle.record import GOOD
from tests.compositions.oracle.system import System


class Cache:
    """Look-aside: a request asks for a key; a hit is an entry younger than ``lifetime_s``; a good fetch
    fills.

    It starts stationary: a key that is asked for at the rate r is present with probability
    r·lifetime / (1 + r·lifetime), and its remaining life is uniform. Such entries are drawn when first asked
    for, after the flushes that happened before.
    """

    def __init__(self, link: Link) -> None:
        self._link, self._system, self._numbers = link, link.system, link.numbers
        self._ends: dict[int, float] = {}  # key → when its entry is too old
        self._fetches: dict[int, simpy.Event] = {}
        self._kept = 1.0  # share of the first entries that flushes have left
        self._per_s = expected_per_s(link)
        n = self._numbers
        exponent = n.zipf_exponent if n.popularity == "zipf" else 0.0
        self._cumulated = list(accumulate((k + 1.0) ** -exponent for k in range(int(n.keys_count))))
        self._numbers.heard_by(self._flush)

    def _flush(self, name: str) -> None:
        if name != "flush_ratio" or self._numbers.flush_ratio <= 0.0:
            return
        ratio = self._numbers.flush_ratio
        self._kept *= 1.0 - ratio
        self._ends = {k: 0.0 if self._system.happens(ratio) else end for k, end in self._ends.items()}

    def _key(self) -> int:
        return bisect(self._cumulated, self._system.random.random() * self._cumulated[-1])

    def _end_s(self, key: int) -> float:
        """When the entry of a key is too old."""
        if key not in self._ends:
            total, before = self._cumulated[-1], self._cumulated[key - 1] if key else 0.0
            asked = self._per_s * (self._cumulated[key] - before) / total * self._numbers.lifetime_s
            present = self._system.happens(self._kept * asked / (1.0 + asked))
            self._ends[key] = self._system.random.random() * self._numbers.lifetime_s if present else 0.0
        return self._ends[key]

    def ask(self, nature: Nature) -> Steps:
        """One request; returns the outcome."""
        key, env = self._key(), self._system.env
        if self._end_s(key) > env.now:
            self._system.record.moments["hit"].append((env.now, 1.0))
            yield env.timeout(self._numbers.hit_s)
            return "served"
        self._system.record.moments["hit"].append((env.now, 0.0))
        if self._numbers.coalesce and key in self._fetches:
            return (yield self._fetches[key])
        fetch = self._fetches[key] = env.event()
        outcome = yield from self._link.call(nature)
        if outcome in GOOD:
            self._ends[key] = env.now + self._numbers.lifetime_s
        if self._fetches.get(key) is fetch:
            del self._fetches[key]
        fetch.succeed(outcome)
        return outcome


class Connections:
    """At most ``connections_count``, open or in handshake. A request takes an idle one, or shakes hands for
    itself, or waits; it holds the connection to its end. An idle one closes when its life ends."""

    def __init__(self, link: Link) -> None:
        self._link, self._system, self._numbers = link, link.system, link.numbers
        count = int(min(self._numbers.initial_connections_count, self._numbers.connections_count))
        self._idle = [self._new_end_s() for _ in range(count)]
        self._used = 0  # or in handshake
        self._waiting: deque[simpy.Event] = deque()

    def _new_end_s(self) -> float:
        return self._system.env.now + self._system.exponential(self._numbers.lifetime_s)

    def take(self, request: Any) -> Steps:
        """A connection for a request; returns the outcome of the handshake, or "served"."""
        end_s = yield from self._find()
        if end_s is None:
            outcome = yield from self._link.call()
            if outcome not in GOOD:
                self._give_back(None)
                return outcome
            end_s = self._new_end_s()
        request.at_end.append(lambda: self._give_back(end_s))
        return "served"

    def _find(self) -> Steps:
        """An idle connection, as the end of its life; or None, for the place of a new one."""
        self._idle = [end for end in self._idle if end > self._system.env.now]
        is_full = self._used + len(self._idle) >= self._numbers.connections_count
        if self._waiting or (is_full and not self._idle):
            return (yield from self._wait())
        self._used += 1
        if not self._idle:
            return None
        end_s = self._idle.pop() if is_full else self._idle[-1]
        if self._system.happens(self._numbers.new_connection_ratio):
            return None  # where the pool is full, the idle one has made room
        if not is_full:
            self._idle.pop()
        return end_s

    def _wait(self) -> Steps:
        ready = self._system.env.event()
        self._waiting.append(ready)
        return (yield ready)

    def _give_back(self, end_s: float | None) -> None:
        """A connection is free again; None, or one whose life is over: only its place."""
        if end_s is not None and end_s <= self._system.env.now:
            end_s = None
        if self._waiting:
            self._waiting.popleft().succeed(end_s)
            return
        self._used -= 1
        if end_s is not None:
            self._idle.append(end_s)


class Message:
    """Work in a store. It comes back after the pause when it failed."""

    __slots__ = ("attempts", "nature", "store", "stored_s")

    def __init__(self, store: Store) -> None:
        self.store, self.attempts, self.stored_s = store, 0, store.system.env.now
        self.nature = Nature()

    def reply(self, outcome: str) -> None:
        """The consumer has done it, or failed."""
        if outcome in GOOD:
            self.store.link.count("served")
            return
        pause_s = self.store.link.pause_s(min(self.attempts, 60), 0.0)
        self.attempts += 1
        self.store.system.later(pause_s, lambda: self.store.add(self))


class Store:
    """Between caller and callee: the caller's call ends when its work is stored."""

    def __init__(self, link: Link) -> None:
        self.link, self.system = link, link.system
        self.messages: deque[Message] = deque()
        self._blocked: deque[simpy.Event] = deque()
        self._next_s = 0.0  # when the consumer may take the next one

    def put(self) -> Steps:
        """Hand one piece of work over; returns the outcome for the caller."""
        if len(self.messages) >= self.link.numbers.store_count:
            if self.link.numbers.when_full == "drop":
                self.link.count("dropped")
                return "degraded"
            if self.link.numbers.when_full == "fail":
                return "failed"
            room = self.system.env.event()
            self._blocked.append(room)
            yield room
        self.link.count("sent")
        self.add(Message(self))
        return "served"

    def add(self, message: Message) -> None:
        """Into the store, behind the others."""
        self.messages.append(message)
        self._note()
        self.link.callee.pull()

    def is_ready(self) -> bool:
        """Whether the consumer may take one now; looks again when the drain lets it."""
        now, drain_per_s = self.system.env.now, self.link.numbers.drain_per_s
        return bool(self.messages) and (drain_per_s <= 0.0 or now >= self._next_s - 1e-9)

    def take(self) -> Message:
        """The oldest one; the consumer begins it."""
        drain_per_s = self.link.numbers.drain_per_s
        if drain_per_s > 0.0:
            self._next_s = max(self._next_s, self.system.env.now) + 1.0 / drain_per_s
            if len(self.messages) > 1:
                self.system.later(self._next_s - self.system.env.now, self.link.callee.pull)
        message = self.messages.popleft()
        self._note()
        if self._blocked:
            self._blocked.popleft().succeed()
        return message

    def _note(self) -> None:
        level = self.system.record.waiting["->".join(self.link.key)]
        level.set(self.system.env.now, len(self.messages))


SHARED = {"cached": Cache, "new_connections": Connections, "async": Store}


def share(system: System) -> None:
    """Give each dependency of such a mode what its requests share."""
    for link in system.links.values():
        if link.mode in SHARED:
            link.shared = SHARED[link.mode](link)
