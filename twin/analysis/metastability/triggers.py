"""What may push a service over, and the smallest push of each sort that does: its frontier.

A trigger has a depth (a share of the capacity lost, of a dependency's calls that fail, a multiple of the
load) and a duration. A longer or a deeper trigger is assumed to do no less than a shorter or a shallower one.
So both are sought by bisection.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import sqrt

from twin.analysis.metastability.isolate import Isolated
from twin.analysis.metastability.probe import Bench, Outlook, Push, Say, Settings

CLOSE = 1.05  # a duration, or a depth, is known to within five per cent
SHARES = (1.0, 0.9, 0.8, 0.7, 0.5, 0.2)
MULTIPLES = (20.0, 10.0, 5.0, 3.0, 2.0, 1.5)
DELAYS_S = (3600.0, 1800.0, 600.0, 120.0)
PASSIVE = ("soft", "async")  # a caller does not fail with these


@dataclass(frozen=True)
class Trigger:
    """``settings`` of a depth; ``depths`` from the deepest; ``least``: the depth that does nothing.

    ``depth_is`` says what a depth is a share, a multiple or a number of seconds of. ``is_momentary``: it has
    no duration.
    """

    name: str
    depth_is: str
    depths: tuple[float, ...]
    least: float
    settings: Callable[[float], Settings]
    is_momentary: bool = False

    def words(self, depth: float) -> str:
        """'80 % of the capacity is lost', '3 times the usual load'."""
        number = f"{100.0 * depth:.3g} %" if self.depths is SHARES else f"{depth:.3g}"
        return f"{number} {self.depth_is}"


@dataclass(frozen=True)
class Frontier:
    """``points``: (depth, duration in s) of the smallest triggers that tip, the deepest first; none if no
    depth tips within ``longest_s``. ``left_ratios``: share of the work that then goes on failing;
    ``well_after_s``: when it is well again, if that was seen, inf if not.
    ``least_depth``: from there on, one that lasts ``longest_s`` tips. ``stuck``: after the deepest it does
    not move; else it drifts."""

    trigger: Trigger
    longest_s: float
    points: tuple[tuple[float, float], ...]
    least_depth: float | None
    left_ratios: tuple[float, ...] = ()
    well_after_s: tuple[float, ...] = ()
    stuck: bool = False

    @property
    def tips(self) -> bool:
        return bool(self.points)


def triggers(alone: Isolated) -> Iterator[Trigger]:
    """Every sort of push that makes sense for the service and its loop."""
    for member in alone.each:
        yield from _of_capacity(member)
    for on, mode in alone.modes.items():
        if mode not in PASSIVE:
            yield from _of_dependency(on, mode)
    if alone.callers and any(rate > 0.0 for rate in alone.point.calls_per_s.values()):
        yield Trigger("load", "times the usual load", MULTIPLES, 1.0,
                      lambda d: {f"{caller}.rate_ratio": d for caller in alone.callers})  # fmt: skip
    for member in alone.each:
        if member.has("fault_ratio"):
            yield _of_faults(member)
        if alone.is_single:
            yield from _strikes(member)


def _of_capacity(alone: Isolated) -> Iterator[Trigger]:
    name, of = alone.service, _of(alone)
    depth_is = f"of the capacity{of} is lost"
    if alone.has("capacity_ratio"):
        whole = alone.value("capacity_ratio")
        yield Trigger(f"capacity{of}", depth_is, SHARES, 0.0,
                      lambda d: {f"{name}.capacity_ratio": whole * (1.0 - d)})  # fmt: skip
    elif alone.about.own_work is not None:
        rate = alone.value("capacity_per_s")
        yield Trigger(f"capacity{of}", depth_is, SHARES, 0.0,
                      lambda d: {f"{name}.capacity_per_s": rate * (1.0 - d)})  # fmt: skip


def _of_faults(alone: Isolated) -> Trigger:
    name, whose = alone.service, "its own calls" if len(alone.members) == 1 else f"calls to {alone.service}"
    return Trigger(f"faults{_of(alone)}", f"of {whose} fail", SHARES, 0.0,
                   lambda d: {f"{name}.fault_ratio": d})  # fmt: skip


def _strikes(alone: Isolated) -> Iterator[Trigger]:
    """What befalls a share of the service at one moment, and losses of what its dependencies cache."""
    for strike in alone.about.strikes:
        if not strike.needs or alone.value(strike.needs) > 0.0:
            yield _moment_of(f"{alone.service}.{strike.parameter}", f"{strike.of}{_of(alone)} {strike.do}")
    for edge in alone.record.dependencies:
        if edge.mode == "cached":
            target = f"{alone.service}->{edge.on}.flush_ratio"
            yield _moment_of(
                target, f"of the answers of {edge.on} in {alone.service}'s cache are lost at once"
            )


def _moment_of(target: str, depth_is: str) -> Trigger:
    return Trigger(target, depth_is, SHARES, 0.0, lambda d: {target: d}, is_momentary=True)


def _of(alone: Isolated) -> str:
    """' of x' where a loop has several services."""
    return "" if len(alone.members) == 1 else f" of {alone.service}"


def _of_dependency(on: str, mode: str) -> Iterator[Trigger]:
    if mode == "lease":
        whole = 1000.0  # a relay's capacity, of which only the share counts
        yield Trigger(f"{on} slow", f"seconds is what {on} takes", DELAYS_S, 0.0,
                      lambda d: {f"{on}.service_time_s": d})  # fmt: skip
        yield Trigger(f"{on} short", f"of {on} is gone, and of calls to it fail", SHARES, 0.0,
                      lambda d: {f"{on}.fault_ratio": d,
                                 f"{on}.capacity_per_s": max(0.001, whole * (1.0 - d))})  # fmt: skip
    else:
        yield Trigger(f"{on} fails", f"of calls to {on} fail", SHARES, 0.0,
                      lambda d: {f"{on}.fault_ratio": d})  # fmt: skip


def frontier(bench: Bench, trigger: Trigger, say: Say) -> Frontier:
    """The smallest triggers of this sort that tip the service, by bisection of depth, then of duration."""
    say(f"trigger: {trigger.name}")
    longest_s = bench.alone.scenario.tick_s if trigger.is_momentary else bench.longest_s
    if not tips(bench, trigger, trigger.depths[0], longest_s):
        return Frontier(trigger, longest_s, (), None)
    depth = least_depth(bench, trigger, longest_s)
    points: list[tuple[float, float]] = []
    for d in (*(d for d in trigger.depths if d > depth), depth):
        at_least_s = points[-1][1] if points else 0.0
        for_s = longest_s if trigger.is_momentary else shortest_s(bench, trigger, d, at_least_s, longest_s)
        points.append((d, for_s))
    left = [bench.push(Push(trigger.settings(d), for_s=s)) for d, s in points]
    ratios, after_s = tuple(x.error_ratio for x in left), tuple(x.after_s for x in left)
    return Frontier(trigger, longest_s, tuple(points), depth, ratios, after_s, left[0].state is Outlook.STUCK)


def tips(bench: Bench, trigger: Trigger, depth: float, for_s: float) -> bool:
    """Whether the service stays down after this trigger."""
    return bench.push(Push(trigger.settings(depth), for_s=for_s)).is_stuck


def least_depth(bench: Bench, trigger: Trigger, longest_s: float) -> float:
    """The shallowest depth of a longest trigger that tips, to within two per cent of the deepest."""
    low, high = trigger.least, trigger.depths[0]
    for depth in trigger.depths[1:]:
        if not tips(bench, trigger, depth, longest_s):
            low = depth
            break
        high = depth
    while high - low > 0.02 * trigger.depths[0] and high > CLOSE * low:
        middle = (low + high) / 2.0
        low, high = (low, middle) if tips(bench, trigger, middle, longest_s) else (middle, high)
    return high


def shortest_s(bench: Bench, trigger: Trigger, depth: float, low_s: float, high_s: float) -> float:
    """The shortest duration that tips at this depth, to within five per cent or a tick.

    ``low_s`` is not known to tip, ``high_s`` is. The answer is sought near ``low_s`` first.
    """
    tick_s = bench.alone.scenario.tick_s

    def tipped(for_s: float) -> bool:
        return tips(bench, trigger, depth, for_s)

    low_s, step = max(low_s, whole(bench.pace_s / 100.0, tick_s)), 1.2
    if tipped(low_s):
        return low_s
    while low_s * step < high_s:
        middle_s = whole(low_s * step, tick_s)
        if tipped(middle_s):
            high_s = middle_s
            break
        low_s, step = middle_s, step**2
    while high_s > CLOSE * low_s and high_s - low_s > 1.5 * tick_s:
        middle_s = whole(sqrt(low_s * high_s), tick_s)
        if middle_s in (low_s, high_s):
            break
        low_s, high_s = (low_s, middle_s) if tipped(middle_s) else (middle_s, high_s)
    return high_s


def whole(seconds: float, tick_s: float) -> float:
    """The next whole number of ticks, in seconds."""
    return max(1, math.ceil(seconds / tick_s - 1e-9)) * tick_s
