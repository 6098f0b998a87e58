"""The reference: one process, every service; a window ends only where an intervention or a condition asks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from twin.mechanisms.arrays import INPUT
from twin.model.target import Target
from twin.simulation.loop import driver
from twin.simulation.schedule import Change, News, Schedule
from twin.simulation.world import Shard

Progress = Callable[[int, int], None]
SLICE_TICKS = 4000  # how often a run that nothing interrupts reports progress


class InvariantBroken(Exception):
    """A kind's own check failed in debug mode: ``service`` at ``tick``."""

    def __init__(self, service: str, tick: int) -> None:
        super().__init__(f"an invariant of {service} broke in the signal period that ends at tick {tick}")
        self.service, self.tick = service, tick


@dataclass
class Rows:
    """What a run leaves behind: events (EVENT), samples (SAMPLE), the inputs as they were applied."""

    events: list[np.ndarray] = field(default_factory=list)
    samples: list[np.ndarray] = field(default_factory=list)
    inputs: list[Change] = field(default_factory=list)
    engine_seconds: float = 0.0
    notes: list[str] = field(default_factory=list)


def advance(shard: Shard, t0: int, t1: int) -> int:
    """Step ``shard`` from t0 to t1 or to where a condition fires; returns the tick reached."""
    t, broken = driver()(shard.world, t0, t1, *shard.arrays())
    if broken >= 0:
        raise InvariantBroken(shard.names[broken], int(t))
    return int(t)


def apply(shard: Shard, changes: list[Change]) -> None:
    """Set what the changes say, and remember the input event behind it."""
    for change in changes:
        for target, value in change.values.items():
            owner = shard.world.svc[shard.names.index(Target.parse(target).service)]
            shard.change(target, value, change.event_id or int(owner["input_event"]))
        for condition in change.arms:
            shard.arm(condition, change.tick)


def run(
    shard: Shard, schedule: Schedule, ticks: int, progress: Progress | None = None,
    slice_ticks: int = SLICE_TICKS,
) -> Rows:  # fmt: skip
    """Step ``shard`` for ``ticks`` ticks under ``schedule``; ``progress`` hears of it every ``slice_ticks``
    or sooner, when the state is that of the tick."""
    rows, t = Rows(), 0
    began = time.perf_counter()
    while t < ticks:
        changes = schedule.due(t, lambda: News(shard.alarms(), frozenset(shard.holding())))
        apply(shard, changes)
        rows.inputs += [c for c in changes if not c.silent]
        coming = schedule.next_tick()
        t = advance(shard, t, min(ticks, coming if coming is not None else ticks, t + slice_ticks))
        for condition, cause in shard.newly_fired():
            schedule.fired(condition, t, cause)
        events, samples = shard.drain()
        rows.events += [events] if len(events) else []
        rows.samples += [samples] if len(samples) else []
        if progress:
            progress(t, ticks)
    rows.engine_seconds = time.perf_counter() - began
    return rows


assert INPUT > 0
