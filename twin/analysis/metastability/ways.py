"""Ways out of the collapsed state, and the hysteresis between the two.

The service is tipped, left alone for a while, and then one thing is done: load is kept away, capacity added,
the queue emptied, the hosts restarted. Which amount is enough is found by bisection; what the load has to
fall to, and what it may rise to from below, are the two edges of the hysteresis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from twin.analysis.metastability.isolate import FLEET, Isolated
from twin.analysis.metastability.probe import Bench, Push, Settings, Verdict
from twin.analysis.metastability.triggers import CLOSE, Trigger

HELPS = "1 if that is enough"
LEFT_ALONE = 3.0  # times the pace, between the trigger and the way out
LOADS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.05)  # over the capacity
MULTIPLES = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 20.0)  # over the present load, for fleets


@dataclass(frozen=True)
class Way:
    """``value`` (in words: ``value_is``) is the least effort that is enough; None if none is.

    A way without an amount has value 1.0 if it helps. ``law``: what the closed form says, if there is one.
    """

    name: str
    value_is: str
    value: float | None
    law: float | None = None


@dataclass(frozen=True)
class Branch:
    """One load of the hysteresis: times the usual load, what comes of it from a well state and from the
    collapsed one."""

    load_ratio: float
    from_well: Verdict
    from_collapsed: Verdict


@dataclass(frozen=True)
class Collapse:
    """The push that brings the service down, and the time at which something is done about it."""

    bench: Bench
    push: Push
    then_s: float

    def after(self, settings: Settings, for_s: float | None = None) -> Verdict:
        """What comes of ``settings``, for good or for a while, once the service is down."""
        return self.bench.push(self.push, Push(settings, at_s=self.then_s, for_s=for_s))


def collapse(bench: Bench, trigger: Trigger, tipping_s: float) -> Collapse:
    """Twice what it takes, or a turn of its mechanism: no way out is to profit from a near miss."""
    for_s = max(2.0 * tipping_s, bench.pace_s)
    push = Push(trigger.settings(trigger.depths[0]), for_s=for_s)
    return Collapse(bench, push, for_s + LEFT_ALONE * bench.pace_s)


def load_settings(alone: Isolated, ratio: float) -> Settings:
    """The load at ``ratio`` times the usual one. A fleet gets more capacity for less load."""
    if alone.kind == FLEET:
        return {f"{alone.service}.capacity_per_s": alone.value("capacity_per_s") / ratio}
    return {f"{caller}.rate_ratio": ratio for caller in alone.callers}


def ways_out(down: Collapse) -> Iterator[Way]:
    """The least of each remedy that ends the collapse."""
    alone = down.bench.alone
    if alone.has("capacity_ratio") and alone.callers:
        yield Way("shed load", "share of the usual load that may stay",
                  largest(lambda v: not down.after(load_settings(alone, v)).is_stuck, 0.0, 1.0))  # fmt: skip
    if alone.has("capacity_ratio") or alone.kind == FLEET:
        yield Way("add capacity", "times the capacity", smallest_factor(down, alone))
    yield from _by_kind(down, alone)


def _by_kind(down: Collapse, alone: Isolated) -> Iterator[Way]:
    name = alone.service
    if alone.kind == "queueing":
        done = down.after({f"{name}.discipline": "deadline_drop"}, for_s=down.bench.pace_s)
        yield Way("drop expired work for as long as a call's attempts last", HELPS, helps(done))
    if alone.kind == FLEET:
        restart = {f"{name}.restart_per_s": alone.value("hosts_count") / 600.0}
        window = largest(
            lambda v: not down.after({**restart, f"{name}.admission_ratio": v}).is_stuck, 0.0, 4.0
        )
        yield Way("restart hosts, admit little by little",
                  "largest queue of a host, over capacity × time-out", window)  # fmt: skip
    if alone.kind == "poller":
        started = down.after({f"{name}.restore_per_s": 0.01})
        yield Way("start the dead pollers", HELPS, helps(started))
    if alone.kind == "health_checked_pool":
        yield Way("switch failover off", HELPS, helps(down.after({f"{name}.failover": False})))


def helps(verdict: Verdict) -> float | None:
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
    target = f"{alone.service}." + ("capacity_per_s" if alone.kind == FLEET else "capacity_ratio")
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
    if alone.kind == FLEET:
        whole = bench.scale * alone.value("droplets_count")
        found = largest_of_scale(lambda v: not bench.from_start("broken_at_start_ratio", v).is_stuck, 1.0)
        return None if found is None else found * whole
    if not alone.has("initial_backlog_count"):
        return None
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
    alone, load = down.bench.alone, down.bench.alone.point.load_per_s
    ratios: tuple[float, ...] = MULTIPLES
    if alone.kind != FLEET and 0.0 < load < capacity_per_s < 1e6 * load:
        ratios = tuple(sorted({round(x * capacity_per_s / load, 4) for x in LOADS} | {1.0}))
    found = []
    for ratio in ratios:
        settings = load_settings(alone, ratio)
        found.append(Branch(ratio, down.bench.push(Push(settings)), down.after(settings)))
    return found
