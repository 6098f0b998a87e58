"""The reference: one process, every service; a window ends only where an intervention or a condition asks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from twin.kinds import registry
from twin.mechanisms.contract import CALLS, CLAUSES, INVARIANT, ORDER, called
from twin.model.target import Target
from twin.simulation import kernels
from twin.simulation.loop import GROW, OF_EVENTS
from twin.simulation.schedule import Change, News, Schedule
from twin.simulation.world import Drained, Model

Progress = Callable[[int, int], None]
SLICE_TICKS = 4000  # how often a run that nothing interrupts reports progress


class InvariantBroken(Exception):
    """In debug mode a service broke a clause of its kind's contract (``twin/mechanisms/contract.py``)."""

    def __init__(self, service: str, tick: int, kind: str = "", clause: int = INVARIANT,
                 calls: tuple[str, ...] = ()) -> None:  # fmt: skip
        super().__init__(service, tick, kind, clause, calls)
        self.service, self.tick, self.kind, self.clause, self.calls = service, tick, kind, clause, calls

    def __str__(self) -> str:
        if self.clause == INVARIANT:
            return f"an invariant of {self.service} broke in the signal period that ends at tick {self.tick}"
        where = f"the step of {self.service} (kind {self.kind}) broke its contract at tick {self.tick}"
        return f"{where}: expected a step that {CLAUSES[self.clause]}{self._found()}"

    def _found(self) -> str:
        if self.clause != ORDER:
            return ""
        left_out = [call for call in CALLS if call not in self.calls]
        missing = f"; {' and '.join(left_out)} is missing" if left_out else ""
        return f", found {', '.join(self.calls) or 'no call'}{missing}"


@dataclass
class Rows:
    """What a run leaves behind: events (EVENT), samples (SAMPLE), the inputs as they were applied."""

    events: list[np.ndarray] = field(default_factory=list)
    samples: list[np.ndarray] = field(default_factory=list)
    books: list[np.ndarray] = field(default_factory=list)
    requests: list[np.ndarray] = field(default_factory=list)
    inputs: list[Change] = field(default_factory=list)
    engine_seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    def add(self, drained: Drained) -> None:
        """Append what has been written."""
        for name, new in drained._asdict().items():
            if len(new):
                getattr(self, name).append(new)


def advance(model: Model, t0: int, t1: int) -> int:
    """Step ``model`` from t0 to t1 or to where a condition fires; returns the tick reached."""
    t, broken, clause = kernels.call_loop(model, t0, t1)
    while broken == GROW:
        (model.grow_events if clause == OF_EVENTS else model.grow)()
        t, broken, clause = kernels.call_loop(model, t, t1)
    if broken >= 0:
        panel = model.state.svc[broken]
        kind = list(registry())[panel["kind"]]
        raise InvariantBroken(model.names[broken], int(t), kind, int(clause), tuple(called(panel)))
    return int(t)


def apply(model: Model, changes: list[Change]) -> None:
    """Set what the changes say, and remember the input event behind it."""
    for change in changes:
        for target, value in change.values.items():
            owner = model.state.svc[model.numbers[Target.parse(target).service]]
            model.change(target, value, change.event_id or int(owner["input_event"]), change.is_over)
        for condition in change.arms:
            model.arm(condition, change.tick)


def run_inline(
    model: Model, schedule: Schedule, ticks: int, progress: Progress | None = None,
    slice_ticks: int = SLICE_TICKS,
) -> Rows:  # fmt: skip
    """Step ``model`` for ``ticks`` ticks under ``schedule``; ``progress`` hears of it every ``slice_ticks``
    or sooner, when the state is that of the tick."""
    rows, t = Rows(), 0
    began = time.perf_counter()
    while t < ticks:
        changes = schedule.due(t, lambda: News(model.alarms(), frozenset(model.holding())))
        apply(model, changes)
        rows.inputs += [c for c in changes if not c.silent]
        coming = schedule.next_tick()
        t = advance(model, t, min(ticks, coming if coming is not None else ticks, t + slice_ticks))
        for condition, cause in model.newly_fired():
            schedule.fired(condition, t, cause)
        rows.add(model.drain())
        if progress:
            progress(t, ticks)
    rows.engine_seconds = time.perf_counter() - began
    return rows
