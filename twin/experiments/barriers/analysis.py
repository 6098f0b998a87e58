"""An event as its defenders saw it: what each defence would have saved, alone and in pairs, and until when.

A *switch* is a defence that is made to hold (its name), or weakened ('no-' and its name). *Losses* are what
runs with some switches come to in each of the same worlds, so every difference is within a world. All here is
arithmetic on them; what runs the worlds is somebody else's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

STOPS_RATIO = 0.95  # of the loss: an event of which so much is saved has not happened
COUNTS_RATIO = 0.02  # of the loss: less is the luck of a run
HALF = 0.5  # of what a defence saves: with less it came too late
RESOLUTION_S = 60.0

Switches = frozenset[str]
Losses = Mapping[Switches, Sequence[float]]
AS_IT_WAS: Switches = frozenset()


@dataclass(frozen=True)
class Effect:
    """What some switches save, in each world (``saved``, negative where it gets worse), of ``lost``."""

    switches: Switches
    saved: tuple[float, ...]
    lost: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Share of the loss that is saved; 0 where nothing is lost."""
        return sum(self.saved) / sum(self.lost) if sum(self.lost) > 0 else 0.0

    @property
    def left(self) -> float:
        """What is lost all the same, on average."""
        return fmean(self.lost) - fmean(self.saved)

    @property
    def verdict(self) -> str:
        """'stops', 'shrinks', 'worsens' or 'nothing': the event, in every world."""
        if self.ratio >= STOPS_RATIO:
            return "stops"
        if counts(self.saved, self.lost):
            return "shrinks"
        return "worsens" if counts([-s for s in self.saved], self.lost) else "nothing"


@dataclass(frozen=True)
class Pair:
    """Two defences at once. ``extra``: what they save beyond the better of the two, in each world;
    ``beyond_sum``: beyond the sum of both."""

    effect: Effect
    better: Effect
    extra: tuple[float, ...]
    beyond_sum: tuple[float, ...]
    alone: tuple[str, str]

    @property
    def more(self) -> bool:
        """Whether the two do what neither does alone."""
        return counts(self.extra, self.effect.lost)

    @property
    def sort(self) -> str:
        """'only together', 'more than their sum' or 'more than the better one'; '' where they do no more."""
        if not self.more:
            return ""
        if not {"stops", "shrinks"} & set(self.alone):
            return "only together"
        beyond = counts(self.beyond_sum, self.effect.lost)
        return "more than their sum" if beyond else "more than the better one"


def counts(saved: Sequence[float], lost: Sequence[float]) -> bool:
    """Whether a saving is more than luck: a share of the loss on average, and something in every world."""
    return sum(saved) >= COUNTS_RATIO * sum(lost) > 0 and all(s > 0 for s in saved)


def effect(losses: Losses, switches: Switches) -> Effect:
    """What ``switches`` save."""
    lost = tuple(losses[AS_IT_WAS])
    return Effect(switches, tuple(a - b for a, b in zip(lost, losses[switches], strict=True)), lost)


def pair(losses: Losses, one: str, other: str) -> Pair:
    """What two switches save beyond either, and beyond both."""
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

    def that(self, verdict: str) -> list[str]:
        """The switches with this verdict."""
        return [name for name, e in self.singles.items() if e.verdict == verdict]

    @property
    def lined_up(self) -> list[str]:
        """The holes that had to line up: filling it alone stops the event, or shrinks it."""
        return [n for n, e in self.singles.items() if e.verdict in ("stops", "shrinks") and not is_off(n)]

    @property
    def together(self) -> list[Pair]:
        """The pairs that do what neither does alone, the most first."""
        return sorted((p for p in self.pairs if p.more), key=lambda p: -sum(p.extra))


def findings(losses: Losses, switches: Iterable[str]) -> Findings:
    """What the losses say of each switch, and of each pair of which there are losses."""
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
class Search:
    """Until when a defence helps: at ``helps_s`` it does, at ``too_late_s`` it does not any more."""

    name: str
    helps_s: float
    too_late_s: float

    def next_s(self) -> float | None:
        """The time to try next, a multiple of the resolution; None if it is known well enough."""
        middle = math.floor((self.helps_s + self.too_late_s) / 2 / RESOLUTION_S) * RESOLUTION_S
        return middle if self.helps_s < middle < self.too_late_s else None


def most_rounds(duration_s: float) -> int:
    """How often a search asks at most."""
    return max(0, math.ceil(math.log2(max(1.0, duration_s / RESOLUTION_S))))


Times = Mapping[str, float]
"""Defence → the time at which it is switched on, in s from the start."""


def too_late(
    helpful: Iterable[Effect], duration_s: float, losses_at: Callable[[Times], Mapping[str, Sequence[float]]]
) -> list[Search]:
    """The last moment at which each single defence still saves half of what it saves from the start.

    By bisection, all at once; ``losses_at`` runs them. Where help comes and goes with the time, what is found
    is one moment after which it does not help.
    """
    goals = {label(e.switches): e for e in helpful}
    searches = [Search(name, 0.0, duration_s) for name in goals]
    while times := {s.name: at_s for s in searches if (at_s := s.next_s()) is not None}:
        found = losses_at(times)
        for search in searches:
            if search.name not in times:
                continue
            goal = goals[search.name]
            saved = sum(a - b for a, b in zip(goal.lost, found[search.name], strict=True))
            if saved >= HALF * sum(goal.saved):
                search.helps_s = times[search.name]
            else:
                search.too_late_s = times[search.name]
    return searches
