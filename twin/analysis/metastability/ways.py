"""Ways out of the collapsed state, and the hysteresis between the two.

The service is tipped and left alone for a while. Then one thing is done: load is kept away, capacity added,
the queue emptied, or the hosts restarted. Bisection finds the amount that is enough. The two edges of the
hysteresis are the load to which it has to fall, and the load to which it may rise from below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from twin.analysis.metastability.isolate import Isolated
from twin.analysis.metastability.probe import Aftermath, Bench, Push, Settings
from twin.analysis.metastability.triggers import CLOSE, Trigger
from twin.model.kind import HELPS, Remedy

LEFT_ALONE = 3.0  # times the pace, between the trigger and the way out
LOADS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.05)  # over the capacity
MULTIPLES = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 20.0)  # over the present load, for work of its own


@dataclass(frozen=True)
class Way:
    """``value`` (in words: ``value_is``) is the least effort that is enough; None if none is.

    A way without an amount has value 1.0 if it helps. ``law``: what the closed form says, if there is one.
    """

    name: str
    value_is: str
    value: float | None
    law: float | None = None

    @property
    def has_amount(self) -> bool:
        """Whether ``value`` is an amount, and not only a yes."""
        return self.value_is != HELPS


@dataclass(frozen=True)
class Branch:
    """One load of the hysteresis: times the usual load, what comes of it from a well state and from the
    collapsed one."""

    load_ratio: float
    from_well: Aftermath
    from_collapsed: Aftermath


@dataclass(frozen=True)
class Collapse:
    """The push that brings the service down, and the time at which something is done about it."""

    bench: Bench
    push: Push
    then_s: float

    def after(self, settings: Settings, for_s: float | None = None) -> Aftermath:
        """What comes of ``settings``, for good or for a while, once the service is down."""
        return self.bench.push(self.push, Push(settings, at_s=self.then_s, for_s=for_s))


def collapse(bench: Bench, trigger: Trigger, tipping_s: float) -> Collapse:
    """Twice what it takes, or a turn of its mechanism: no way out is to profit from a near miss."""
    for_s = max(2.0 * tipping_s, bench.pace_s)
    push = Push(trigger.settings(trigger.depths[0]), for_s=for_s)
    return Collapse(bench, push, for_s + LEFT_ALONE * bench.pace_s)


def load_settings(alone: Isolated, ratio: float) -> Settings:
    """The load at ``ratio`` times the usual one; for work of its own, the capacity divided by it.

    Where nobody calls from outside, each call takes ``ratio`` times as long.
    """
    if alone.about.own_work is not None:
        return {f"{alone.service}.capacity_per_s": alone.value("capacity_per_s") / ratio}
    if alone.callers:
        return {f"{caller}.rate_ratio": ratio for caller in alone.callers}
    works = [m for m in alone.each if m.has("work_s") and m.value("work_s") > 0.0]
    return {f"{m.service}.work_s": m.value("work_s") * ratio for m in works}


def ways_out(down: Collapse) -> Iterator[Way]:
    """The least of each remedy that ends the collapse."""
    alone = down.bench.alone
    if alone.callers and (alone.has("capacity_ratio") or len(alone.members) > 1):
        yield Way("shed load", "share of the usual load that may stay", load_that_may_stay(down))
    for member in alone.each:
        to = "" if len(alone.members) == 1 else f" to {member.service}"
        if member.has("capacity_ratio") or member.about.own_work is not None:
            yield Way(f"add capacity{to}", "times the capacity", smallest_factor(down, member))
        yield from (_remedy(down, member, remedy, to) for remedy in member.about.remedies)


def load_that_may_stay(down: Collapse) -> float | None:
    """The largest share of the usual load at which it comes back; None: at none."""
    return largest(lambda v: not down.after(load_settings(down.bench.alone, v)).is_stuck, 0.0, 1.0)


def _remedy(down: Collapse, alone: Isolated, remedy: Remedy, to: str) -> Way:
    """A way out that the kind knows: whether it helps, or the largest amount with which it does."""
    name, settings = alone.service, dict(remedy.settings(alone.value))
    words = remedy.name + to.replace(" to ", " at ")
    for_s = down.bench.pace_s if remedy.is_passing else None

    def verdict(more: Settings) -> Aftermath:
        return down.after(
            {f"{name}.{key}": value for key, value in {**settings, **more}.items()}, for_s=for_s
        )

    if not remedy.amount:
        return Way(words, remedy.value_is, helps(verdict({})))
    best = largest(lambda v: not verdict({remedy.amount: v}).is_stuck, 0.0, remedy.most)
    return Way(words, remedy.value_is, best)


def helps(verdict: Aftermath) -> float | None:
    """1.0 if the service comes back."""
    return None if verdict.is_stuck else 1.0


def largest(enough: Callable[[float], bool], low: float, high: float) -> float | None:
    """The largest value between ``low`` and ``high`` that is enough, to two per cent of ``high``; None: none.

    Smaller values are taken to do no less.
    """
    if enough(high):
        return high
    step = 0.01 * high
    if not enough(low + step):
        return None
    low += step
    while high - low > step:
        middle = (low + high) / 2.0
        low, high = (middle, high) if enough(middle) else (low, middle)
    return low


def smallest_factor(down: Collapse, alone: Isolated) -> float | None:
    """The smallest capacity, over the present one, that ends the collapse; None: not even 64 times."""
    target = f"{alone.service}." + ("capacity_ratio" if alone.about.own_work is None else "capacity_per_s")
    whole = alone.value(target.rpartition(".")[2])
    low, high = 1.0, 2.0
    while down.after({target: min(100.0, high) * whole}).is_stuck:
        low, high = high, 2.0 * high
        if high > 64.0:
            return None
    while high > CLOSE * low:
        middle = (low + high) / 2.0
        low, high = (middle, high) if down.after({target: middle * whole}).is_stuck else (low, middle)
    return high


def clear_to(bench: Bench) -> float | None:
    """The largest count, waiting or without lease, from which the service recovers; None: not known."""
    alone = bench.alone
    if (work := alone.about.own_work) is not None:
        whole = bench.scale * alone.value(work.members)
        broken = work.broken_at_start_ratio
        ratio = largest_of_scale(lambda v: not bench.from_start(broken, v).is_stuck, 1.0)
        return None if ratio is None else ratio * whole
    if not alone.has("initial_backlog_count") or alone.is_single:
        return None  # calls that are stepped one by one begin with an empty queue
    most = alone.value("capacity_per_s") * bench.longest_s
    return largest_of_scale(lambda v: not bench.from_start("initial_backlog_count", v).is_stuck, most)


def largest_of_scale(enough: Callable[[float], bool], most: float) -> float | None:
    """As ``largest``, over six orders of magnitude below ``most``, to two per cent of itself."""
    if enough(most):
        return most
    high, low = most, most / 4.0
    while not enough(low):
        high, low = low, low / 4.0
        if low < 1e-6 * most:
            return None
    while high > 1.02 * low:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if enough(middle) else (low, middle)
    return low


def hysteresis(down: Collapse, capacity_per_s: float) -> list[Branch]:
    """What the service does at a range of loads, coming from the well state and from the collapsed one."""
    alone, load = down.bench.alone, down.bench.alone.load_per_s
    ratios: tuple[float, ...] = MULTIPLES
    if alone.about.own_work is None and 0.0 < load < capacity_per_s < 1e6 * load:
        ratios = tuple(sorted({round(x * capacity_per_s / load, 4) for x in LOADS} | {1.0}))
    found = []
    for ratio in ratios:
        settings = load_settings(alone, ratio)
        found.append(Branch(ratio, down.bench.push(Push(settings)), down.after(settings)))
    return found
