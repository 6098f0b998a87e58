"""What each defence would have saved, alone and in pairs, and until when.

A *switch* is a defence that is made to hold (its name), or weakened ('no-' and its name). *Losses* are the
service-minutes lost with some switches, one value for each of the same realizations. So every difference is
within a realization. This module is arithmetic on losses; ``inquiry`` makes the runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from statistics import fmean

STOPS_RATIO = 0.95  # of the loss: a defence that saves this much has stopped the event
COUNTS_RATIO = 0.02  # of the loss: less is the noise of a run
HALF = 0.5  # of its saving: a defence that saves less came too late
RESOLUTION_S = 60.0

Switches = frozenset[str]
Losses = Mapping[Switches, Sequence[float]]
AS_IT_WAS: Switches = frozenset()


class SwitchVerdict(StrEnum):
    """What some switches do to the event."""

    STOPS = "stops"
    SHRINKS = "shrinks"
    WORSENS = "worsens"
    NOTHING = "nothing"


class PairVerdict(StrEnum):
    """What two defences at once do beyond either."""

    ONLY_TOGETHER = "only together"
    MORE_THAN_SUM = "more than their sum"
    MORE_THAN_BETTER = "more than the better one"
    NO_MORE = ""


HELPFUL = (SwitchVerdict.STOPS, SwitchVerdict.SHRINKS)


@dataclass(frozen=True)
class Effect:
    """What some switches save of ``lost``, in each realization (``saved``, negative where they lose more)."""

    switches: Switches
    saved: tuple[float, ...]
    lost: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Share of the loss that is saved; 0 where nothing is lost."""
        return sum(self.saved) / sum(self.lost) if sum(self.lost) > 0 else 0.0

    @property
    def left(self) -> float:
        """The mean loss that remains."""
        return fmean(self.lost) - fmean(self.saved)

    @property
    def verdict(self) -> SwitchVerdict:
        """What they do to the event, in every realization."""
        if self.ratio >= STOPS_RATIO:
            return SwitchVerdict.STOPS
        if counts(self.saved, self.lost):
            return SwitchVerdict.SHRINKS
        worse = counts([-s for s in self.saved], self.lost)
        return SwitchVerdict.WORSENS if worse else SwitchVerdict.NOTHING


@dataclass(frozen=True)
class Pair:
    """Two defences at once. ``extra``: what they save beyond the better one, in each realization.
    ``beyond_sum``: beyond the sum of both. ``alone``: the verdict on each."""

    effect: Effect
    better: Effect
    extra: tuple[float, ...]
    beyond_sum: tuple[float, ...]
    alone: tuple[SwitchVerdict, SwitchVerdict]

    @property
    def more(self) -> bool:
        """Whether the two save more than the better one alone."""
        return counts(self.extra, self.effect.lost)

    @property
    def verdict(self) -> PairVerdict:
        """What the two do beyond either."""
        if not self.more:
            return PairVerdict.NO_MORE
        if not set(HELPFUL) & set(self.alone):
            return PairVerdict.ONLY_TOGETHER
        beyond = counts(self.beyond_sum, self.effect.lost)
        return PairVerdict.MORE_THAN_SUM if beyond else PairVerdict.MORE_THAN_BETTER


def counts(saved: Sequence[float], lost: Sequence[float]) -> bool:
    """Whether a saving is more than noise: enough on average, and something in every realization."""
    return sum(saved) >= COUNTS_RATIO * sum(lost) > 0 and all(s > 0 for s in saved)


def effect(losses: Losses, switches: Switches) -> Effect:
    """What ``switches`` save."""
    lost = tuple(losses[AS_IT_WAS])
    return Effect(switches, tuple(a - b for a, b in zip(lost, losses[switches], strict=True)), lost)


def pair(losses: Losses, one: str, other: str) -> Pair:
    """What two switches save together, beyond either and beyond their sum."""
    both = effect(losses, frozenset((one, other)))
    alone = [effect(losses, frozenset((name,))) for name in (one, other)]
    extra, beyond = [], []
    better = max(alone, key=lambda e: sum(e.saved))
    for joint, a, b in zip(both.saved, alone[0].saved, alone[1].saved, strict=True):
        extra.append(joint - max(a, b, 0.0))
        beyond.append(joint - a - b)
    return Pair(both, better, tuple(extra), tuple(beyond), (alone[0].verdict, alone[1].verdict))


@dataclass(frozen=True)
class Findings:
    """``singles``: switch → its effect, in the order of the event's path; ``pairs`` of defences."""

    singles: Mapping[str, Effect]
    pairs: tuple[Pair, ...]

    @property
    def lined_up(self) -> list[str]:
        """The holes that had to line up: filling one of them alone stops the event, or shrinks it."""
        return [n for n, e in self.singles.items() if e.verdict in HELPFUL and not is_off(n)]

    @property
    def stops(self) -> list[str]:
        """The defences of which any one alone would have stopped the event."""
        return [n for n in self.lined_up if self.singles[n].verdict == SwitchVerdict.STOPS]

    @property
    def together(self) -> list[Pair]:
        """The pairs that save more than the better one alone, the largest extra first."""
        return sorted((p for p in self.pairs if p.more), key=lambda p: -sum(p.extra))


def findings(losses: Losses, switches: Iterable[str]) -> Findings:
    """The effect of each switch, and of each pair whose losses are known."""
    names = list(switches)
    singles = {name: effect(losses, frozenset((name,))) for name in names}
    known = [(a, b) for a, b in combinations(names, 2) if frozenset((a, b)) in losses]
    return Findings(singles, tuple(pair(losses, a, b) for a, b in known))


def is_off(switch: str) -> bool:
    """Whether a switch weakens its defence."""
    return switch.startswith("no-")


def label(switches: Switches) -> str:
    """One name for a set of switches: 'admission+lock'."""
    return "+".join(sorted(switches))


# ---------------------------------------------------------------- too late


@dataclass
class TurningPoint:
    """Until when a defence helps: at ``helps_s`` it still does, at ``too_late_s`` it no longer does."""

    name: str
    helps_s: float
    too_late_s: float

    def next_s(self) -> float | None:
        """The time to try next, a multiple of the resolution; None if it is known well enough."""
        middle = math.floor((self.helps_s + self.too_late_s) / 2 / RESOLUTION_S) * RESOLUTION_S
        return middle if self.helps_s < middle < self.too_late_s else None


def most_rounds(duration_s: float) -> int:
    """How many steps a bisection takes at most."""
    return max(0, math.ceil(math.log2(max(1.0, duration_s / RESOLUTION_S))))


Times = Mapping[str, float]
"""Defence → the time at which it is switched on, in s from the start."""


def too_late(
    helpful: Iterable[Effect], duration_s: float, losses_at: Callable[[Times], Mapping[str, Sequence[float]]]
) -> list[TurningPoint]:
    """The last moment at which each single defence still saves half of what it saves from the start.

    By bisection, for all defences at once; ``losses_at`` makes the runs. If help comes and goes with time,
    the result is one moment after which it does not help.
    """
    goals = {label(e.switches): e for e in helpful}
    points = [TurningPoint(name, 0.0, duration_s) for name in goals]
    while times := {s.name: at_s for s in points if (at_s := s.next_s()) is not None}:
        found = losses_at(times)
        for point in points:
            if point.name not in times:
                continue
            goal = goals[point.name]
            saved = sum(a - b for a, b in zip(goal.lost, found[point.name], strict=True))
            if saved >= HALF * sum(goal.saved):
                point.helps_s = times[point.name]
            else:
                point.too_late_s = times[point.name]
    return points
