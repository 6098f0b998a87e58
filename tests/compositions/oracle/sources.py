"""Where calls begin: users who come independently of each other, and holders of leases."""

from __future__ import annotations

import math
from collections.abc import Callable

import simpy

from tests.compositions.oracle.clients import Link, Nature, Steps
from tests.compositions.oracle.record import GOOD
from tests.compositions.oracle.system import System


class Users:
    """A workload: a Poisson process, whose rate may change, and batches."""

    def __init__(self, system: System, name: str) -> None:
        self.system, self.name = system, name
        self.numbers = system.numbers_of_service(name)
        self.steps: list[Callable[[Nature], Steps]] = []
        self._changed = system.env.event()
        if self.numbers.swing_ratio > 0.0:
            raise NotImplementedError(f"{name}.swing_ratio")
        self.numbers.heard_by(self._hear)
        system.env.process(self._come())
        self._bring(int(self.numbers.batch_count))

    def _hear(self, name: str) -> None:
        if name == "batch_count":
            self._bring(int(self.numbers.batch_count))
        changed, self._changed = self._changed, self.system.env.event()
        changed.succeed()

    def _bring(self, count: int) -> None:
        for _ in range(count):
            self.system.env.process(self._ask())

    def _come(self) -> Steps:
        env = self.system.env
        while True:
            per_s = self.numbers.rate_per_s * self.numbers.rate_ratio
            changed = self._changed
            if per_s <= 0.0:
                yield changed
                continue
            next_one = env.timeout(self.system.exponential(1.0 / per_s))
            yield simpy.AnyOf(env, [next_one, changed])
            if not self.system.is_open:
                return
            if not changed.triggered:
                env.process(self._ask())

    def _ask(self) -> Steps:
        """One user: a call over each dependency, in order, while they are good."""
        nature = Nature()
        for step in self.steps:
            if (yield from step(nature)) not in GOOD:
                return


class LeaseHolders:
    """Each renews its lease some time after the last good answer, and tries again soon after a bad one.

    A share that lapses loses its leases and begins an attempt at once; what it had planned is forgotten.
    """

    def __init__(self, system: System, name: str) -> None:
        self.system, self.name = system, name
        self.numbers = system.numbers_of_service(name)
        self.links: list[Link] = []
        n, random = self.numbers, system.random
        first_s = [random.random() * n.renew_every_s for _ in range(int(n.holders_count))]
        self.ends_s = [first + n.lease_s - n.renew_every_s for first in first_s]
        self._plans = [0] * len(first_s)  # changes when a holder lapses
        for k, first in enumerate(first_s):
            system.env.process(self._renew(k, first))
        self.numbers.heard_by(self._lapse)

    def healthy_ratio(self) -> float:
        """Share of holders whose lease is valid."""
        return sum(end > self.system.env.now for end in self.ends_s) / len(self.ends_s)

    def _lapse(self, name: str) -> None:
        if name != "lapse_ratio" or self.numbers.lapse_ratio <= 0.0:
            return
        count = math.floor(self.numbers.lapse_ratio * len(self.ends_s) + 0.5)
        for k in self.system.random.sample(range(len(self.ends_s)), count):
            self.ends_s[k] = -1.0
            self._plans[k] += 1
            self.system.env.process(self._renew(k, 0.0))

    def _renew(self, k: int, first_s: float) -> Steps:
        env, plan, wait_s = self.system.env, self._plans[k], first_s
        while True:
            yield env.timeout(wait_s)
            if self._plans[k] != plan:
                return
            begin_s = env.now
            outcome = yield from self.links[0].call()
            if self._plans[k] != plan:
                return
            if outcome in GOOD:
                self.ends_s[k] = env.now + self.numbers.lease_s
                wait_s = self.numbers.renew_every_s
            else:
                wait_s = max(0.0, begin_s + self.numbers.retry_every_s - env.now)
