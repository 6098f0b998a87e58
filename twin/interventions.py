"""What changes between windows: faults, actions and mitigations, which are one thing.

A scenario's interventions become *changes*: at a tick, set these parameters to these values. One that waits
for a condition is planned when the condition has held; a ramp is one change every signal period.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass

from twin.kinds import registry
from twin.model import Intervention, Scenario
from twin.parts.edges import EDGE_PARAMETERS
from twin.parts.kind import Param
from twin.parts.records import INPUT, INPUT_CODE, INPUT_ENDED


@dataclass(frozen=True)
class Change:
    """At ``tick`` set ``values`` (target → value as the step reads it). ``code`` says begin or end of
    ``name``; silent changes (the middle of a ramp) have no event."""

    tick: int
    name: str
    code: int
    event_id: int
    values: Mapping[str, float]
    silent: bool = False


class Schedule:
    """Which changes are due when. Knows the present value of everything it has changed, so that ends and
    ramps start from it; the same for every runner, because it sees ticks and fired conditions only."""

    def __init__(self, scenario: Scenario, present: Mapping[str, float]) -> None:
        """``present``: value of every target that the scenario's interventions name, as the step reads it."""
        self._tick_s = scenario.tick_s
        self._period = max(1, round(scenario.topology.signal_period_s / scenario.tick_s))
        self._present = dict(present)
        everything = scenario.interventions
        self._encoders = {t: parameter_of(scenario, t) for x in everything for t in x.set}
        self._waiting = [x for x in everything if x.when is not None]
        self._heap: list[tuple[int, int, str, Intervention, dict[str, float]]] = []
        self._order = 0
        self._seq: dict[int, int] = {}
        for x in everything:
            if x.when is None:
                assert x.at_s is not None
                self._push(self._ticks(x.at_s), "begin", x)

    def next_tick(self) -> int | None:
        """Tick of the next change, or None."""
        return self._heap[0][0] if self._heap else None

    def fired(self, condition: int, tick: int) -> None:
        """Condition ``condition`` (in the order of the scenario) has held; plan its intervention."""
        x = self._waiting[condition]
        self._push(tick + self._ticks(x.after_s), "begin", x)

    def due(self, tick: int) -> list[Change]:
        """The changes of this tick, in the order in which the scenario lists them; each is returned once."""
        changes = []
        while self._heap and self._heap[0][0] <= tick:
            _, _, what, x, values = heapq.heappop(self._heap)
            change = self._begin(tick, x) if what == "begin" else self._later(tick, what, x, values)
            self._present.update(change.values)
            changes.append(change)
        return changes

    def _begin(self, tick: int, x: Intervention) -> Change:
        goal = {t: self._encoders[t].encode(v) for t, v in x.set.items()}
        before = {t: self._present[t] for t in goal}
        if x.for_s is not None:
            self._push(tick + max(1, self._ticks(x.for_s)), "end", x, before)
        elif x.until_s is not None:
            self._push(max(tick + 1, self._ticks(x.until_s)), "end", x, before)
        if x.over_s:
            self._ramp(tick, x, before, goal)
            goal = before
        return Change(tick, x.id, INPUT_CODE, self._event_id(tick), goal)

    def _ramp(self, tick: int, x: Intervention, before: dict[str, float], goal: dict[str, float]) -> None:
        """Plan one change every signal period, in a straight line, the last one exact."""
        steps = max(1, self._ticks(x.over_s) // self._period)
        for k in range(1, steps + 1):
            at = {t: before[t] + (goal[t] - before[t]) * k / steps for t in goal}
            self._push(tick + k * self._period, "last" if k == steps else "step", x, at)

    def _later(self, tick: int, what: str, x: Intervention, values: dict[str, float]) -> Change:
        if what == "step":
            return Change(tick, x.id, INPUT_CODE, 0, values, silent=True)
        return Change(tick, x.id, INPUT_ENDED, self._event_id(tick), values)

    def _push(self, tick: int, what: str, x: Intervention, values: dict[str, float] | None = None) -> None:
        self._order += 1
        heapq.heappush(self._heap, (tick, self._order, what, x, values or {}))

    def _event_id(self, tick: int) -> int:
        seq = self._seq[tick] = self._seq.get(tick, -1) + 1
        return tick << 32 | INPUT << 16 | seq

    def _ticks(self, seconds: float) -> int:
        return round(seconds / self._tick_s)


def parameter_of(scenario: Scenario, target: str) -> Param:
    """The record behind ``service.parameter`` or ``caller->callee.number``."""
    owner, _, name = target.rpartition(".")
    if "->" in owner:
        return next(p for p in EDGE_PARAMETERS if p.name == name)
    kind = registry()[scenario.topology.services[owner].kind]
    return next(p for p in kind.PARAMETERS if p.name == name)
