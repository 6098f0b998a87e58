"""Attribution: whether two changes do more than their parts, and each player's share of a whole.

The *Shapley value* of a player is what it adds to the players before it, averaged over all orders. The values
of all players add up to the whole. With many players, orders are sampled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import Any

import numpy as np

from twin.base.rng import SPLIT, stable_key, uniform
from twin.statistics.estimates import (
    Difference,
    Estimate,
    Values,
    both,
    finite_values,
    mean_interval,
    paired,
    student,
)
from twin.statistics.group_sequential import ERROR

Subset = frozenset[str]


class InteractionVerdict(StrEnum):
    """What two changes do together, beside what each does alone."""

    MORE = "more than its parts"
    LESS = "less than its parts"
    OPEN = "not significant"


class Better(StrEnum):
    """Which direction of a metric is an improvement."""

    LOWER = "lower"
    HIGHER = "higher"


ROUNDING = 1e-12


@dataclass(frozen=True)
class Interaction:
    """What two changes do together, beyond what each does alone.

    ``contrast``: (both - base) - (first - base) - (second - base), world by world; ``better``: which way the
    metric is better. For several pairs, give ``verdict`` the p-value adjusted for all of them.
    """

    contrast: Difference
    better: Better

    def verdict(self, adjusted_p: float | None = None) -> InteractionVerdict:
        """Whether the two do more, or less, than their parts."""
        p = self.contrast.p if adjusted_p is None else adjusted_p
        if p > ERROR:
            return InteractionVerdict.OPEN
        more = (self.contrast.mean > 0) == (self.better is Better.HIGHER)
        return InteractionVerdict.MORE if more else InteractionVerdict.LESS


def interaction(first: Values, second: Values, together: Values, base: Values, better: Better) -> Interaction:
    """Of (worlds,) values each, of the same worlds. Raises ValueError."""
    a, b = both(first, second)
    ab, none = both(together, base)
    # A paired difference of two effects of the second change: with the first, and without it.
    with_first, without = ab - a, b - none
    noise = ROUNDING * np.max(np.abs([a, b, ab, none]), axis=0)  # of the sums; it is no difference
    return Interaction(
        paired(np.where(np.abs(with_first - without) <= noise, without, with_first), without), better
    )


@dataclass(frozen=True)
class AttributionPlan:
    """The ``subsets`` of the players to value, each once. ``orders``: the sampled ones, in pairs, of which
    the second is the first backwards; empty if all subsets are valued, and the answer is exact."""

    players: tuple[str, ...]
    subsets: tuple[Subset, ...]
    orders: tuple[tuple[str, ...], ...] = ()

    @property
    def exact(self) -> bool:
        return not self.orders


@dataclass(frozen=True)
class Attribution:
    """``shares``: player → its share of ``whole`` = value of all players - value of none.

    In every world the shares add up to the whole. An interval is of one share: it covers the noise of the
    worlds and, if orders were sampled (not ``exact``), that of the orders.
    """

    shares: Mapping[str, Estimate]
    whole: Estimate
    worlds: int
    orders: int
    subsets: int

    @property
    def exact(self) -> bool:
        return self.orders == 0

    def as_json(self) -> dict[str, Any]:
        """{"shares": {player: Estimate}, "whole", "worlds", "orders" (0: exact), "subsets"}."""
        return {"shares": {p: e.as_json() for p, e in self.shares.items()}, "whole": self.whole.as_json(),
                "worlds": self.worlds, "orders": self.orders, "subsets": self.subsets}  # fmt: skip


def plan_attribution(players: Sequence[str], budget: int, seed: int) -> AttributionPlan:
    """The plan for at most ``budget`` subsets: all of them, if they fit. Else the subsets of as many sampled
    pairs of orders as fit. Raises ValueError if not even two pairs fit, or a player comes twice."""
    names = tuple(players)
    if len(set(names)) != len(names) or not names:
        raise ValueError("each player once, and at least one")
    if 2 ** len(names) <= budget:
        by_size = (frozenset(c) for k in range(len(names) + 1) for c in combinations(names, k))
        return AttributionPlan(names, tuple(by_size))
    seen: dict[Subset, None] = {frozenset(): None, frozenset(names): None}
    orders: list[tuple[str, ...]] = []
    for one in _orders(names, seed):
        pair = (one, one[::-1])
        more = {s: None for order in pair for s in _prefixes(order)}
        if len(seen | more) > budget:
            break
        seen |= more
        orders += pair
    if len(orders) < 4:
        enough = min(2 ** len(names), 4 * len(names) - 2)
        raise ValueError(f"{budget} subsets are too few for {len(names)} players: {enough} will do")
    return AttributionPlan(names, tuple(seen), tuple(orders))


def attribute(plan: AttributionPlan, values: Mapping[Subset, Values]) -> Attribution:
    """The shares, from the (worlds,) values of each subset of the plan. Raises ValueError."""
    value = {subset: finite_values(values[subset]) for subset in plan.subsets}
    whole = value[frozenset(plan.players)] - value[frozenset()]
    added = _by_weight(plan, value)[None] if plan.exact else _by_order(plan, value)
    shares = {p: _crossed(added[..., k], plan.exact) for k, p in enumerate(plan.players)}
    total = Estimate(*mean_interval(whole), len(whole))
    return Attribution(shares, total, len(whole), len(plan.orders), len(plan.subsets))


def shapley(players: Sequence[str], value: Callable[[Subset], Values], budget: int, seed: int) -> Attribution:
    """The shares if ``value`` can be called directly; for a pool, use the plan and ``attribute``."""
    plan = plan_attribution(players, budget, seed)
    return attribute(plan, {subset: value(subset) for subset in plan.subsets})


def _orders(players: tuple[str, ...], seed: int) -> Iterator[tuple[str, ...]]:
    """Endless orders. Each is keyed, so one more player leaves the others in the same order."""
    keys = {player: stable_key(player) for player in players}
    number = 0
    while True:
        at = {player: uniform(seed, keys[player], number, SPLIT, 0) for player in players}
        yield tuple(sorted(players, key=lambda player: (at[player], player)))
        number += 1


def _prefixes(order: Iterable[str]) -> Iterator[Subset]:
    so_far: set[str] = set()
    for player in order:
        yield frozenset(so_far)
        so_far.add(player)
    yield frozenset(so_far)


def _by_order(plan: AttributionPlan, value: Mapping[Subset, np.ndarray]) -> np.ndarray:
    """(pairs of orders, worlds, players): what each adds, as the mean of an order and its reverse."""
    number = {player: k for k, player in enumerate(plan.players)}
    worlds = len(value[frozenset()])
    added = np.zeros((len(plan.orders), worlds, len(plan.players)))
    for row, order in zip(added, plan.orders, strict=True):
        steps = np.diff([value[s] for s in _prefixes(order)], axis=0)
        row[:, [number[player] for player in order]] = steps.T
    return (added[0::2] + added[1::2]) / 2


def _by_weight(plan: AttributionPlan, value: Mapping[Subset, np.ndarray]) -> np.ndarray:
    """(worlds, players): sum over S without i of |S|!(n-|S|-1)!/n! (v(S+i) - v(S))."""
    n = len(plan.players)
    weight = [1 / (n * math.comb(n - 1, size)) for size in range(n)]
    columns = [
        sum(weight[len(s)] * (value[s | {player}] - value[s]) for s in plan.subsets if player not in s)
        for player in plan.players
    ]
    return np.stack(columns, axis=1)


def _crossed(added: np.ndarray, exact: bool) -> Estimate:
    """Mean of (orders, worlds) values and its interval, where both worlds and orders are samples.

    The variance of the mean is that of the worlds' means over their number, plus the same for orders. The
    noise of their interaction is counted twice, so the interval is a little too wide. Degrees of freedom by
    Welch and Satterthwaite.
    """
    worlds = added.mean(axis=0)
    if exact or len(worlds) == 1 or np.ptp(added) == 0:
        return Estimate(*mean_interval(worlds), len(worlds))
    parts = [(float(m.var(ddof=1)) / len(m), len(m) - 1) for m in (worlds, added.mean(axis=1))]
    variance = sum(v for v, _ in parts)
    freedom = variance**2 / sum(v**2 / f for v, f in parts) if variance > 0 else math.inf
    mean, half = float(added.mean()), student(freedom) * math.sqrt(variance)
    return Estimate(mean, mean - half, mean + half, len(worlds))
