"""How often the race would happen by chance: an Enactor that loses its lock again and again.

The real system. An Enactor that loses an endpoint's lock waits, twice as long each time, and tries again.
Meanwhile new plans are made. It was late enough once (DAT: chance is the only stated cause).

The claim. An attempt loses with probability p. Then the delay D has P(D >= b (2^k - 1)) = p^k. This is a
power law with exponent -log2 p. Keeping more plans, or making fewer, lowers it by a constant factor only. A
cap on the back-off cuts it off exponentially.

The name becomes empty if the late write comes in a certain interval. It starts with the write of the plan
that is `keep` newer, and ends with the clean-up behind it. Before it, the late write is overwritten. After
it, its tree is gone.

The estimate splits on the age of the starved Enactor's plan. A level is about one more lost attempt, or one
more plan. On each level the same number of walkers starts from the states that reached the last level. So
rare ages cost no more than common ones.

Left out: that one lost lock makes the next more likely; the walk over the other endpoints; the number of
Enactors; the effect of a guard.
"""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from twin.base.jit import njit
from twin.base.rng import BACKOFF, DELAY, LOCK, SPLIT, uniform
from twin.statistics.estimates import Estimate, estimate

YEAR_S = 365.25 * 86400.0
WALKERS, REPLICATES = 4000, 24
MOST_LEVELS = 20_000
_TRIES = 1 << 8  # more tries than any walker makes within a level, which is about one back-off long


class Habits(NamedTuple):
    """What decides how late an Enactor can be. All float; `keep` and `endpoints` are whole numbers.

    `cap_s` is infinite without a cap. `jitter_ratio` is the largest share by which a wait is shortened at
    random. `window_s` lasts from the fast write at an endpoint to the clean-up behind it.
    """

    plan_interval_s: float
    keep: float
    backoff_s: float
    cap_s: float
    lose_ratio: float
    jitter_ratio: float
    endpoints: float
    window_s: float


@dataclass(frozen=True)
class Likelihood:
    """`late`: probability that an Enactor that starts on a plan is `keep` plans late; `events_per_year`."""

    late: Estimate
    events_per_year: Estimate


@njit
def backoff_wait_s(tries, h, seed, walker, tick, replicate):
    """How long an Enactor waits after ``tries`` lost tries."""
    longest = min(h.cap_s, h.backoff_s * 2.0 ** min(tries, 60))
    return longest * (1.0 - h.jitter_ratio * uniform(seed, walker, tick, BACKOFF, replicate))


@njit
def try_until(end_s, next_s, tries, h, seed, walker, tick, replicate):
    """Try until the lock is won or the next try is not before `end_s`. Returns (whether it was won, when the
    next try is, tries lost)."""
    while next_s < end_s:
        if uniform(seed, walker, tick, LOCK, replicate) >= h.lose_ratio:
            return True, next_s, tries
        next_s += backoff_wait_s(tries, h, seed, walker, tick, replicate)
        tries += 1
        tick += 1
    return False, next_s, tries


@njit(allocates=True)
def climb(h, levels, walkers, seed, replicate):
    """One replicate of the splitting: (probability to be `keep` plans late, probability of an empty name).

    A walker starts somewhere between two plans, so it is late after a delay of its own; `levels` are shares
    of that delay, rising to 1. Times are since the walker's first try.
    """
    late_s, next_s, tries = np.zeros(walkers), np.zeros(walkers), np.zeros(walkers, np.int64)
    start_s, at_s, lost = np.zeros(walkers), np.zeros(walkers), np.zeros(walkers, np.int64)
    for k in range(walkers):
        late_s[k] = h.plan_interval_s * (h.keep - (k + uniform(seed, k, 0, DELAY, replicate)) / walkers)
    late = 1.0
    for level in range(len(levels)):
        alive = 0
        for k in range(walkers):
            won, when_s, n = try_until(
                levels[level] * late_s[k], next_s[k], tries[k], h, seed, k, level * _TRIES, replicate
            )
            if not won:
                start_s[alive], at_s[alive], lost[alive] = late_s[k], when_s, n
                alive += 1
        late *= alive / walkers
        if alive == 0:
            return 0.0, 0.0
        for k in range(walkers):
            source = int(alive * (k + uniform(seed, k, level, SPLIT, replicate)) / walkers)
            late_s[k], next_s[k], tries[k] = start_s[source], at_s[source], lost[source]
    hits = 0
    for k in range(walkers):
        end_s = late_s[k] + h.window_s
        hits += try_until(end_s, next_s[k], tries[k], h, seed, k, len(levels) * _TRIES, replicate)[0]
    return late, late * hits / walkers


def likelihood(h: Habits, *, seed: int, walkers: int = WALKERS, replicates: int = REPLICATES) -> Likelihood:
    """How often the race happens by chance. Raises ValueError for habits that make no sense."""
    check(h)
    levels = np.array(levels_of(h))
    late_and_hit = np.array([climb(h, levels, walkers, seed, r) for r in range(replicates)])
    starts_per_year = YEAR_S / h.plan_interval_s * h.endpoints
    return Likelihood(
        replicate_estimate(late_and_hit[:, 0]), replicate_estimate(late_and_hit[:, 1] * starts_per_year)
    )


def levels_of(h: Habits) -> list[float]:
    """The levels as shares of the whole delay, the last 1: every plan is one, and so is what one back-off at
    that age reaches."""
    levels, t = [], 0.0
    for plan in range(1, int(h.keep) + 1):
        while t < plan * h.plan_interval_s:
            t = min(t + min(h.cap_s, h.backoff_s + t), plan * h.plan_interval_s)
            levels.append(t / (h.keep * h.plan_interval_s))
    return levels


def delay_likelihood(h: Habits, tries: int, *, seed: int) -> Estimate:
    """P(D >= the delay after ``tries`` lost tries), by splitting over the tries; in theory p^tries (V56)."""
    shares = [survive(h, tries, WALKERS, seed, r) for r in range(REPLICATES)]
    return replicate_estimate(np.array(shares))


@njit
def survive(h, levels, walkers, seed, replicate):
    """The share of walkers whose delay reaches that of ``levels`` lost tries, level by level."""
    late, edge_s = 1.0, 0.0
    for level in range(levels):
        alive, after_s = 0, edge_s + min(h.cap_s, h.backoff_s * 2.0**level)
        for k in range(walkers):
            won, _, _ = try_until(after_s, edge_s, level, h, seed, k, level * _TRIES, replicate)
            alive += not won
        late *= alive / walkers
        edge_s = after_s
    return late


def check(h: Habits) -> None:
    """Raises ValueError, naming the first number that makes no sense."""
    if not 0.0 < h.lose_ratio < 1.0:
        raise ValueError(f"a share of lost tries between 0 and 1, not {h.lose_ratio:g}")
    if not 0.0 <= h.jitter_ratio < 1.0:
        raise ValueError(f"a jitter from 0 to less than 1, not {h.jitter_ratio:g}")
    if min(h.plan_interval_s, h.backoff_s, h.cap_s, h.window_s) <= 0.0 or min(h.keep, h.endpoints) < 1:
        raise ValueError("durations are longer than 0, plans kept and endpoints at least 1")
    if h.window_s > h.plan_interval_s:
        raise ValueError("a walk and its clean-up that take no longer than the time between two plans")
    longest = min(h.cap_s, h.plan_interval_s)
    if h.keep * h.plan_interval_s / longest > MOST_LEVELS:
        raise ValueError(f"at most {MOST_LEVELS:,} back-offs: longer ones, a longer cap, or fewer plans")


def replicate_estimate(values: np.ndarray) -> Estimate:
    """The estimate of a number that cannot be negative."""
    of_replicates = estimate(values)
    return replace(of_replicates, low=max(0.0, of_replicates.low))


def exactly(h: Habits) -> tuple[float, float]:
    """What `likelihood` estimates (late; events per year), in closed form: for a back-off without jitter."""
    late = events = d_s = 0.0
    edge_s, k = h.keep * h.plan_interval_s, 0
    while d_s < edge_s + h.window_s:  # d_s: the delay after k lost tries
        won = h.lose_ratio**k * (1.0 - h.lose_ratio)
        late += won * share_between(edge_s - d_s, math.inf, h)
        events += won * share_between(edge_s - d_s, edge_s - d_s + h.window_s, h)
        d_s += min(h.cap_s, h.backoff_s * 2.0**k)
        k += 1
    return late + h.lose_ratio**k, events * YEAR_S / h.plan_interval_s * h.endpoints


def share_between(low_s: float, high_s: float, h: Habits) -> float:
    """The share of starts, which are anywhere between two plans, that lie between two moments."""
    return max(0.0, min(high_s, h.plan_interval_s) - max(low_s, 0.0)) / h.plan_interval_s


def exponent(h: Habits) -> float:
    """Of the power law of the delay: P(D > x) falls as x to the minus this, if the back-off has no cap."""
    return -math.log2(h.lose_ratio)


def fitted_exponent(keeps: list[float], late: list[float]) -> float:
    """The slope of `late` over the delay that it takes, both in logarithms: the exponent of the power law.

    A start is anywhere between two plans, so to be `keep` plans late takes keep - 1/2 intervals on average.
    """
    return -float(np.polyfit(np.log2(np.array(keeps) - 0.5), np.log2(late), 1)[0])
