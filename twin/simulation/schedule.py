"""What changes between windows: faults, actions and mitigations, which are one thing, and diagnoses.

A scenario's interventions become *changes*: at a tick, set these parameters to these values. One that waits
for a condition is planned when the condition has held; a ramp is one change every signal period. Where
responders are modelled, what they do is planned once that has happened which it follows.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from twin.base.event_ids import input_number
from twin.mechanisms.arrays import DIAGNOSED, INPUT_CODE, INPUT_ENDED
from twin.model.occurrences import Occurrences
from twin.model.responders import Delays, Step, follows, steps, waiting
from twin.model.scenario import Diagnosis, Intervention, Scenario
from twin.spec.inputs import parameter_of


@dataclass(frozen=True)
class Change:
    """At ``tick`` set ``values`` (target → value as the step reads it). ``code`` says begin or end of
    ``name``, or that it was diagnosed; ``alarms`` of it. Silent changes (the middle of a ramp) have no
    event. Conditions in ``arms`` (by number) are looked at from now on. ``is_over``: it undoes what was set.
    """

    tick: int
    name: str
    code: int
    event_id: int
    values: Mapping[str, float]
    silent: bool = False
    cause_id: int = 0
    alarms: int = 0
    arms: tuple[int, ...] = ()
    is_over: bool = False


@dataclass(frozen=True)
class News:
    """What responders can see between two windows: how many visible services have been impaired so far, and
    which conditions (by number) hold at this moment."""

    alarms: int = 0
    holds: frozenset[int] = frozenset()


@dataclass(frozen=True)
class PlannedStep:
    """What is to be done with ``step``. ``began``: tick of the first alarm, of a triage."""

    what: str
    step: Step
    values: Mapping[str, float]
    cause_id: int = 0
    began: int = 0


class Schedule:
    """Which changes are due when.

    It knows the present value of everything that it has changed, so that ends and ramps start from it. It
    sees ticks, fired conditions and news only, so it is the same for every runner.
    """

    def __init__(
        self, scenario: Scenario, present: Mapping[str, float], seed: int = 0, replicate: int = 0
    ) -> None:
        """``present``: value of every target that the scenario's interventions name, as the step reads it.
        ``seed``, ``replicate``: of the run."""
        self._tick_s = scenario.tick_s
        self._period = max(1, round(scenario.topology.signal_period_s / scenario.tick_s))
        self._present = dict(present)
        self._encoders = {t: parameter_of(scenario, t) for x in scenario.interventions for t in x.set}
        self._delays = Delays(scenario, seed, replicate)
        self._occurrences = Occurrences(seed, replicate)
        self._waiting = waiting(scenario)
        self._number = {step.id: n for n, step in enumerate(self._waiting)}
        self._first: dict[str, str] = {}  # id → what it follows
        self._followers: dict[str, list[Step]] = defaultdict(list)
        self._reason: dict[str, int] = {}  # id of what follows a diagnosis → number of that one's condition
        self._parked: dict[int, list[PlannedStep]] = defaultdict(list)
        self._happened: dict[str, int] = {}  # id → event id
        self._heap: list[tuple[int, int, PlannedStep]] = []
        self._open: dict[str, set[str]] = defaultdict(set)  # group → its steps that are still to come
        self._next: dict[str, int] = {}  # group → tick from which on its next step may begin
        self._order = 0
        self._seq: dict[int, int] = {}
        for step in steps(scenario):
            self._await(scenario, step)

    def _await(self, scenario: Scenario, step: Step) -> None:
        """Plan what has a time, and remember what follows something."""
        first = follows(scenario, step)
        if isinstance(step, Intervention) and step.group:
            self._open[step.group].add(step.id)
        if first is not None:
            self._first[step.id] = first
            self._followers[first].append(_as_long(step))
            if step.when is None and any(first == d.id for d in scenario.diagnoses):
                self._reason[step.id] = self._number[first]
        elif isinstance(step, Intervention) and step.when is None:
            self._plan_begin(step, self._occurrences.first_s(step))

    def next_tick(self) -> int | None:
        """Tick of the next change, or None."""
        return self._heap[0][0] if self._heap else None

    def fired(self, condition: int, tick: int, cause_id: int = 0) -> None:
        """Condition ``condition`` (as ``waiting`` numbers them) has held; plan its step. ``cause_id``: event
        that made it hold. Of an end that people waited for, or where there is none, it is that for which it
        was looked at."""
        step = self._waiting[condition]
        followed = self._happened.get(self._first.get(step.id, ""), 0)
        assert step.when is not None
        cause_id = followed if followed and not step.when.is_trouble else cause_id or followed
        if step.id in self._happened:  # the reason for something that was put off is back
            for plan in self._parked.pop(condition, ()):
                self._push(tick, plan)
        elif isinstance(step, Diagnosis):
            self._push(tick, PlannedStep("triage", step, {}, cause_id, tick))
        else:
            rest_s = step.after_s + self._delays.rest_s(step, ())
            begin = self._in_turn(step, tick + self._ticks(rest_s))
            self._push(begin, PlannedStep("begin", step, {}, cause_id))

    def _in_turn(self, step: Intervention, tick: int) -> int:
        """When a step begins: not before ``apart_s`` after the last one of its group."""
        if step.group:
            tick = max(tick, self._next.get(step.group, tick))
            self._next[step.group] = tick + self._ticks(step.apart_s)
        return tick

    def due(self, tick: int, see: Callable[[], News] = News) -> list[Change]:
        """The changes of this tick, in the order in which the scenario lists them; each is returned once.
        ``see`` is asked for news only where somebody needs them."""
        changes = []
        while self._heap and self._heap[0][0] <= tick:
            _, _, plan = heapq.heappop(self._heap)
            change = self._carry_out(tick, plan, see)
            if change is not None:
                self._present.update(change.values)
                changes.append(change)
        return changes

    def _carry_out(self, tick: int, plan: PlannedStep, see: Callable[[], News]) -> Change | None:
        if plan.what == "triage":
            self._triage(tick, plan, see().alarms)
            return None
        if plan.what != "begin":
            return self._later(tick, plan)
        reason = self._reason.get(plan.step.id)
        if reason is not None and reason not in see().holds:  # healed: done only if it breaks again
            self._parked[reason].append(plan)
            return Change(tick, plan.step.id, INPUT_CODE, 0, {}, silent=True, arms=(reason,))
        alarms = see().alarms if isinstance(plan.step, Diagnosis) else 0
        return self._begin(tick, plan, alarms)

    def _triage(self, tick: int, plan: PlannedStep, alarms: int) -> None:
        """Go on sorting if there are more alarms than time was planned for; then to the rest."""
        step = plan.step
        assert isinstance(step, Diagnosis)
        end = plan.began + self._ticks(self._delays.triage_s(step, alarms))
        if end > tick:
            self._push(end, plan)
        else:
            rest = self._ticks(self._delays.rest_s(step, self._happened))
            self._push(tick + rest, PlannedStep("begin", step, {}, plan.cause_id))

    def _begin(self, tick: int, plan: PlannedStep, alarms: int) -> Change:
        step, event_id = plan.step, self._event_id(tick)
        if isinstance(step, Diagnosis):
            values, code, is_done = {}, DIAGNOSED, True
        else:
            values, code, is_done = self._effect(tick, step), INPUT_CODE, not step.over_s
        is_first = step.id not in self._happened
        self._happened[step.id] = event_id
        arms = self._go_on(tick, step, event_id) if is_done and is_first else ()
        return Change(tick, step.id, code, event_id, values, False, plan.cause_id, alarms, arms)

    def _go_on(self, tick: int, step: Step, event_id: int) -> tuple[int, ...]:
        """Plan what follows a step that is carried out, or the last of a group that is; the conditions that
        are looked at from now on."""
        self._happened[step.id] = event_id
        followers, arms = list(self._followers[step.id]), []
        if isinstance(step, Intervention) and step.group:
            self._open[step.group].discard(step.id)
            if not self._open[step.group]:
                self._happened[step.group] = event_id
                followers += self._followers[step.group]
        for follower in followers:
            if follower.when is not None:
                arms.append(self._number[follower.id])
            else:
                rest = self._ticks(self._delays.rest_s(follower, ()))
                self._push(tick + rest, PlannedStep("begin", follower, {}, event_id))
        return tuple(arms)

    def _effect(self, tick: int, x: Intervention) -> dict[str, float]:
        """What an intervention sets at its beginning; plans its end or its ramp."""
        goal = {t: self._encoders[t].encode(v) for t, v in x.set.items()}
        before = {t: self._present[t] for t in goal}
        if x.length_s is not None:
            end = tick + max(1, self._ticks(x.length_s))
            self._push(end, PlannedStep("end", x, before))
            self._plan_begin(x, self._occurrences.next_s(x, tick * self._tick_s, end * self._tick_s))
        elif x.until_s is not None:
            self._push(max(tick + 1, self._ticks(x.until_s)), PlannedStep("end", x, before))
        if x.over_s:
            self._ramp(tick, x, before, goal)
            return before
        return goal

    def _ramp(self, tick: int, x: Intervention, before: dict[str, float], goal: dict[str, float]) -> None:
        """Plan one change every signal period, in a straight line, or the stairs; the last one exact."""
        length = self._ticks(x.over_s)
        steps_count = x.stairs or max(1, length // self._period)
        for k in range(1, steps_count + 1):
            at = {t: before[t] + (goal[t] - before[t]) * k / steps_count for t in goal}
            later = round(k * length / steps_count) if x.stairs else k * self._period
            self._push(tick + later, PlannedStep("last" if k == steps_count else "step", x, at))

    def _later(self, tick: int, plan: PlannedStep) -> Change:
        name = plan.step.id
        if plan.what == "step":
            return Change(tick, name, INPUT_CODE, 0, plan.values, silent=True)
        event_id = self._event_id(tick)
        cause_id = self._happened[name] if name in self._first else 0  # the end of an act, its beginning
        arms = self._go_on(tick, plan.step, event_id) if plan.what == "last" else ()
        is_over = plan.what == "end"
        return Change(
            tick, name, INPUT_ENDED, event_id, plan.values, cause_id=cause_id, arms=arms, is_over=is_over
        )

    def _plan_begin(self, x: Intervention, begin_s: float | None) -> None:
        if begin_s is not None:
            self._push(self._ticks(begin_s), PlannedStep("begin", x, {}))

    def _push(self, tick: int, plan: PlannedStep) -> None:
        self._order += 1
        heapq.heappush(self._heap, (tick, self._order, plan))

    def _event_id(self, tick: int) -> int:
        seq = self._seq[tick] = self._seq.get(tick, -1) + 1
        return input_number(tick, seq)

    def _ticks(self, seconds: float) -> int:
        return round(seconds / self._tick_s)


def _as_long(step: Step) -> Step:
    """A step that begins whenever that may be: what lasts until a time lasts as long as it would have."""
    if not isinstance(step, Intervention) or step.until_s is None or step.at_s is None:
        return step
    return step.model_copy(update={"until_s": None, "for_s": step.until_s - step.at_s})
