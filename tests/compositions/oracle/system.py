"""The scenario as the oracle steps it: clock, random numbers, numbers that change, interventions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import simpy

from tests.compositions.oracle.record import Record
from twin.kinds import registry
from twin.model.dependency_parameters import EDGE_PARAMETERS
from twin.model.scenario import Intervention, Scenario
from twin.model.target import Target


class Numbers:
    """The numbers of a service or dependency, by name; who wants to know of changes."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)
        self._listeners: list[Callable[[str], None]] = []

    def heard_by(self, listener: Callable[[str], None]) -> None:
        """``listener`` is told the name of each number that was set."""
        self._listeners.append(listener)

    def put(self, name: str, value: Any) -> None:
        """Set a number."""
        setattr(self, name, value)
        for listener in self._listeners:
            listener(name)


class System:
    """``env``: the clock. ``services``: by name; ``links``: by (caller, callee), each with ``numbers``."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.env = simpy.Environment()
        self.random = Random(seed)
        self.record = Record()
        self.services: dict[str, Any] = {}
        self.links: dict[tuple[str, str], Any] = {}
        self.is_open = True  # whether users still come

    def numbers_of_service(self, name: str) -> Numbers:
        """Defaults of its kind, then what the files say."""
        service = self.scenario.topology.services[name]
        values = {p.name: p.default for p in registry()[service.kind].PARAMETERS}
        values |= {key: given.value for key, given in service.parameters.items()}
        return Numbers(values | self._overrides(name, ""))

    def numbers_of_dependency(self, caller: str, index: int) -> Numbers:
        """Defaults, then what the files say."""
        dependency = self.scenario.topology.services[caller].dependencies[index]
        values = {p.name: p.default for p in EDGE_PARAMETERS}
        values |= {key: given.value for key, given in dependency.numbers.items()}
        return Numbers(values | self._overrides(caller, dependency.on))

    def _overrides(self, service: str, callee: str) -> dict[str, Any]:
        parsed = {Target.parse(text): given.value for text, given in self.scenario.parameters.items()}
        return {t.name: value for t, value in parsed.items() if (t.service, t.callee) == (service, callee)}

    def run(self, duration_s: float, rest_s: float) -> None:
        """Step to the end."""
        for intervention in self.scenario.interventions:
            self.env.process(self._carry_out(intervention))
        self.env.run(until=duration_s)
        self.is_open = False
        if rest_s:
            self.env.run(until=duration_s + rest_s)
        for level in (*self.record.waiting.values(), *self.record.busy.values()):
            level.settle(self.env.now)

    def later(self, delay_s: float, act: Callable[[], None]) -> None:
        """``act`` after a delay."""
        self.env.timeout(delay_s).callbacks.append(lambda _: act())

    def happens(self, ratio: float) -> bool:
        """Whether that has happened which happens with this probability."""
        return ratio > 0.0 and (ratio >= 1.0 or self.random.random() < ratio)

    def exponential(self, mean_s: float) -> float:
        """A time with this mean."""
        return self.random.expovariate(1.0 / mean_s) if mean_s > 0.0 else 0.0

    # --- interventions ---------------------------------------------------

    def _numbers(self, target: str) -> tuple[Numbers, str]:
        parsed = Target.parse(target)
        owner = self.links[parsed.edge] if parsed.is_dependency else self.services[parsed.service]
        return owner.numbers, parsed.name

    def _carry_out(self, x: Intervention) -> Iterator[simpy.Event]:
        if x.at_s is None or x.follows is not None:
            raise NotImplementedError(f"{x.id}: only interventions with a time")
        yield self.env.timeout(x.at_s)
        if x.random is not None:
            yield from self._begin_by_chance(x)
            return
        for k in range(x.times or 1):
            begin_s = x.at_s + k * (x.every_s or 0.0)
            yield self.env.timeout(max(0.0, begin_s - self.env.now))
            yield from self._once(x, begin_s)

    def _begin_by_chance(self, x: Intervention) -> Iterator[simpy.Event]:
        last_s = math.inf if x.until_s is None else x.until_s
        while True:
            yield self.env.timeout(self.exponential(1.0 / x.random.rate_per_s))
            if self.env.now >= last_s:
                return
            before = {target: getattr(*self._numbers(target)) for target in x.set}
            self._put(x.set)
            yield self.env.timeout(x.random.for_s)
            self._put(before)

    def _once(self, x: Intervention, begin_s: float) -> Iterator[simpy.Event]:
        before = {target: getattr(*self._numbers(target)) for target in x.set}
        end_s = begin_s + x.for_s if x.for_s is not None else x.until_s
        if x.over_s:
            yield from self._ramp(x, before)
        else:
            self._put(x.set)
        if end_s is not None:
            yield self.env.timeout(max(0.0, end_s - self.env.now))
            self._put(before)

    def _ramp(self, x: Intervention, before: dict[str, Any]) -> Iterator[simpy.Event]:
        """In a straight line, a step in each signal period; or in stairs."""
        period_s = self.scenario.topology.signal_period_s
        steps = x.stairs or max(1, int(x.over_s / period_s + 1e-9))
        if x.stairs:
            period_s = x.over_s / x.stairs
        for k in range(1, steps + 1):
            yield self.env.timeout(period_s)
            self._put({t: before[t] + (goal - before[t]) * k / steps for t, goal in x.set.items()})

    def _put(self, values: dict[str, Any]) -> None:
        for target, value in values.items():
            numbers, name = self._numbers(target)
            numbers.put(name, value)
