"""The clients of a station: what they do when an attempt fails, and the orbit in which they wait.

The real system: an SDK waits for a back-off, doubled each time, with or without jitter. It may have a retry
budget: a bucket that each first try fills a little, and each retry empties by one. The claim: clients whose
same attempt failed in the same substep are alike. So the orbit is counts, by the substep in which the clients
are due. Left out: waits beyond the orbit's length (its last slot takes them); chance differences between
clients with a budget (they share one bucket).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

from twin.base.jit import njit
from twin.base.rng import BACKOFF, subkey, uniform
from twin.mechanisms.arrays import ADAPTIVE, ASYNC
from twin.mechanisms.backoff import (
    DECORRELATED,
    EXPONENTIAL,
    least_ratio,
    longest_s,
    mean_wait_s,
    wait_s,
)
from twin.mechanisms.books import arriving
from twin.mechanisms.client_policies import (
    THROTTLED_COST,
    granted,
    guarded,
    hold_back,
    in_time,
    let_through,
)
from twin.mechanisms.draws import DEPENDENCY_DRAWS
from twin.mechanisms.sampling import dependency_context, sample_uniform
from twin.mechanisms.station import MAX_SLOTS, compiled, even, take
from twin.model.dependency_parameters import PRIORITIES

OUTCOMES_S = 1.0  # longest time over which outcomes are averaged for callers
BUDGET_S = 10.0  # how long a retry budget saves up
CALL = 1 << 16  # one call, where outcomes fade
GROUPS = 64  # decorrelated waits that a batch draws at most
MICROSECONDS = 1e6
SUBSTEPS_PER_TIMEOUT = 20
MAX_SUBSTEPS = 100


class Ending(NamedTuple):
    """How attempts have failed, and when their clients may try again.

    They are back after ``delay_s`` and their back-off, ``soonest`` substeps from now at the earliest.
    ``again`` is false for clients that do not try again, whatever they have left. ``spent_s``: how long the
    attempt has taken. ``cost``: of a retry, to those with a quota.
    """

    soonest: int
    delay_s: float
    spent_s: float
    again: bool
    cost: float


class Batch(NamedTuple):
    """``members`` failed attempts of entry ``k``, over dependency ``e``, that will be tried again."""

    k: int
    e: int
    members: int


def sizes(callers, tick_s: float) -> tuple[int, int, int, int, int]:
    """(dependencies, attempts, slots of the ring, slots of the orbit, substeps a tick) for these callers."""
    attempts, slots, wheel, substeps = _sizes(frozenset(callers[SIZING].tolist()), tick_s)
    return max(1, len(callers)), attempts, slots, wheel, substeps


SIZING = ["mode", "timeout_s", "retries", "deadline_s", "backoff_s", "backoff_cap_s", "jitter"]
MODE, TIMEOUT, RETRIES, DEADLINE = range(4)


@lru_cache(maxsize=4096)  # a large topology has few sorts of callers
def _sizes(rows: frozenset[tuple], tick_s: float) -> tuple[int, int, int, int]:
    timeouts_s = [r[TIMEOUT] for r in rows if r[MODE] != ASYNC]
    attempts = 1 + max((int(r[RETRIES]) for r in rows), default=0)
    deadlines_s = [r[DEADLINE] for r in rows if r[MODE] != ASYNC and r[DEADLINE] > 0.0]
    shortest_s = min(timeouts_s + deadlines_s, default=60.0)
    substeps = min(MAX_SUBSTEPS, max(1, math.ceil(SUBSTEPS_PER_TIMEOUT * tick_s / shortest_s)))
    h = tick_s / substeps
    finite = [x for x in timeouts_s + deadlines_s if x / h + 3 <= MAX_SLOTS]
    waits = [r[TIMEOUT] * (r[TIMEOUT] in finite) + _longest_backoff_s(*r) for r in rows]
    slots = int(max(finite, default=0.0) / h) + 3
    return attempts, slots, min(MAX_SLOTS, int(max(waits, default=0.0) / h) + 3), substeps


def _longest_backoff_s(
    mode: int, timeout_s: float, retries: float, deadline_s: float, backoff_s: float, cap_s: float,
    jitter: float,
) -> float:  # fmt: skip
    last = max(0, int(retries) - 1)
    growth = 3.0 ** (last + 1) if jitter == DECORRELATED else 2.0**last
    return min(cap_s, backoff_s * growth) * (8.0 if jitter == EXPONENTIAL else 1.0)


@compiled
def any_guarded(w, i):
    """Whether clients of any caller have policies of their own; see client_policies.py."""
    panel = w.svc[i]
    anyone = 0
    for n in range(panel.in_start, panel.in_end):
        anyone |= guarded(w.edge[w.incoming[n]])
    return anyone


@compiled
def forget(s, c, seconds):
    """Outcomes count for OUTCOMES_S at most: shorter ticks than that have too few to tell a ratio by."""
    kept = max(0.0, 1.0 - seconds / OUTCOMES_S)
    for e in range(s.edges):
        c[s.good_of + e] = int(c[s.good_of + e] * kept)
        c[s.lost_of + e] = int(c[s.lost_of + e] * kept)


@compiled
def retries_due(s, c):
    """Retries that are due in this substep join the crowd. Returns how many."""
    if s.orbiting == 0:
        return 0
    row = s.orbit + s.now % s.wheel * s.entries
    total = 0
    for k in range(s.entries):
        total += c[row + k]
        c[s.crowd + k] += c[row + k]
        c[row + k] = 0
    s.orbiting -= total
    return total


@njit
def spread_out(s, c, k, m, first, last, u):
    """``m`` attempts of entry ``k`` come back ``first`` to ``last`` substeps from now, evenly spread."""
    first = min(first, s.wheel - 1)
    width = min(last, s.wheel - 1) - first + 1
    s.orbiting += m
    if m < width:
        for j in range(m):
            later = first + int((j + u) / m * width)
            c[s.orbit + (s.now + later) % s.wheel * s.entries + k] += 1
        return
    placed = 0
    for j in range(width):
        upto = m if j == width - 1 else int(m * ((j + 1) / width) + u)
        c[s.orbit + (s.now + first + j) % s.wheel * s.entries + k] += upto - placed
        placed = upto


@njit
def fade(s, c, k, m, first, mean, u):
    """``m`` attempts of entry ``k`` come back ``first`` substeps from now, and a mean of ``mean`` later."""
    s.orbiting += m
    first, placed, left = min(first, s.wheel - 1), 0, 1.0
    stay = math.exp(-1.0 / mean) if mean > 0.0 else 0.0
    for later in range(first, s.wheel):
        left *= stay
        upto = m if later == s.wheel - 1 else min(m, int(m * (1.0 - left) + u))
        c[s.orbit + (s.now + later) % s.wheel * s.entries + k] += upto - placed
        placed = upto
        if placed == m:
            return


@compiled
def begins_in_time(r, s, c, k, spent_s):
    """Whether the next try of entry ``k``, after ``spent_s`` and a mean wait, can be answered in time. Notes
    when the next tries begin: their mean, as clients of one entry are alike."""
    attempt = k % s.attempts
    begins_us = c[s.begun_us + k] + MICROSECONDS * (
        spent_s + mean_wait_s(r.jitter, attempt, r.backoff_s, r.backoff_cap_s)
    )
    if attempt + 1 < s.attempts:
        before_us = c[s.begun_us + k + 1]
        c[s.begun_us + k + 1] = int(0.5 * (before_us + begins_us) if before_us > 0 else begins_us)
    return in_time(r, begins_us / MICROSECONDS, s.least_s)


@njit
def give_up(t, w, i, s, c, h, ending):
    """The failing attempts end: with a retry left (in the budget too) they go into orbit, else they are lost.

    ``h``: seconds of a substep. ``ending``: an Ending.
    """
    start = w.svc[i].in_start
    for k in range(s.entries):
        m = c[s.failing + k]
        if m == 0:
            continue
        c[s.failing + k] = 0
        s.failed += m
        e, attempt = w.incoming[start + k // s.attempts], k % s.attempts
        r = w.edge[e]
        retried = m if ending.again and attempt < min(int(r.retries), s.attempts - 1) else 0
        if r.deadline_s > 0.0 and retried > 0 and not begins_in_time(r, s, c, k, ending.spent_s):
            retried = 0
        retried = granted(r, retried, ending.cost)
        if s.guarded != 0:
            r.ended_badly += m - retried
            if r.retry_mode == ADAPTIVE and ending.cost == THROTTLED_COST:
                r.refused += m
        c[s.lost_of + k // s.attempts] += (m - retried) * CALL
        r.failed += m - retried
        s.calls_lost += m - retried
        if retried > 0:
            back_off(t, w, s, c, h, Batch(k, e, retried), ending)


@compiled
def back_off(t, w, s, c, h, batch, ending):
    """A batch of failed attempts waits: for the back-off, or with jitter for a part of it."""
    r, k, delay_s = w.edge[batch.e], batch.k, ending.delay_s
    if r.jitter == DECORRELATED:
        scatter(t, w, s, c, h, batch, ending)
        return
    longest = longest_s(k % s.attempts, r.backoff_s, r.backoff_cap_s)
    context = dependency_context(t, w, batch.e)
    u = even(s.now)
    if context.exact:
        u = sample_uniform(context, DEPENDENCY_DRAWS.waited, k + s.entries * s.now)
    if r.jitter == EXPONENTIAL:
        fade(s, c, k + 1, batch.members, max(ending.soonest, int(delay_s / h + 0.5)), longest / h, u)
        return
    first = max(ending.soonest, int((delay_s + longest * least_ratio(r.jitter)) / h + 0.5))
    last = max(first, int((delay_s + longest) / h + 0.5) - (r.jitter != 0.0))
    spread_out(s, c, k + 1, batch.members, first, last, u)


@njit
def scatter(t, w, s, c, h, batch, ending):
    """A batch waits with decorrelated jitter: in up to GROUPS groups, each with waits of its own.

    A group's earlier waits are drawn with it; those of single clients are not remembered.
    """
    r, k = w.edge[batch.e], batch.k
    groups = min(batch.members, GROUPS)
    key = subkey(r.key, k + s.entries * s.now)
    context = dependency_context(t, w, batch.e)
    seed, replicate = (context.seed, context.replicate) if context.exact else (0, 0)
    for g in range(groups):
        wait = 0.0
        for a in range(k % s.attempts + 1):
            u = uniform(seed, subkey(key, g * s.attempts + a), t, BACKOFF, replicate)
            wait = wait_s(r.jitter, a, wait, r.backoff_s, r.backoff_cap_s, u)
        members = batch.members * (g + 1) // groups - batch.members * g // groups
        later = max(ending.soonest, int((ending.delay_s + wait) / h + 0.5))
        spread_out(s, c, k + 1, members, later, later, 0.0)


@compiled
def collect(t, w, i, s, c, j):
    """First tries of this substep, and retries that are due, make the crowd."""
    panel = w.svc[i]
    again = retries_due(s, c)
    s.offered += again
    for e in range(panel.in_end - panel.in_start):
        number = w.incoming[panel.in_start + e]
        n = arriving(t, w, number)
        w.edge[number].arrived += n if j == 0 else 0
        first = n if s.substeps == 1 else n * (j + 1) // s.substeps - n * j // s.substeps
        if s.guarded != 0 and guarded(w.edge[number]):
            first = hold_back_some(t, w, s, c, number, e, n, first, j)
        c[s.crowd + e * s.attempts] += first
        s.offered += first
        s.calls_begun += first
        r = w.edge[number]
        if r.retry_budget_ratio > 0.0:
            most = r.retry_budget_ratio * max(1.0, n * BUDGET_S / w.tick_s[0])
            r.tokens = min(r.tokens + r.retry_budget_ratio * first, max(1.0, most))


@njit
def hold_back_some(t, w, s, c, number, e, n, first, j):
    """How many of ``first`` of the ``n`` calls of this tick the clients send; the others have failed."""
    r = w.edge[number]
    if j == 0:
        hold_back(t, w, number, n)
        r.passed, r.attempts = 0, 0
    sent = let_through(t, w, number, first, j)
    c[s.lost_of + e] += (first - sent) * CALL
    r.failed += first - sent
    r.attempts += sent
    for k in range(e * s.attempts, (e + 1) * s.attempts):
        r.attempts += c[s.crowd + k]
    return sent


@compiled
def differ(w, i):
    """Whether callers differ in priority."""
    panel = w.svc[i]
    first = w.edge[w.incoming[panel.in_start]].priority
    for n in range(panel.in_start + 1, panel.in_end):
        if w.edge[w.incoming[n]].priority != first:
            return True
    return False


@njit
def turn_away(w, i, s, c, n, refused):
    """``refused`` of the crowd of ``n`` fail: callers of low priority first, those of one alike."""
    u = even(s.now)
    if not differ(w, i):
        take(c, s.crowd, s.failing, s.entries, n, refused, u)
        return
    start = w.svc[i].in_start
    for level in range(len(PRIORITIES)):
        here = 0
        for k in range(s.entries):
            if w.edge[w.incoming[start + k // s.attempts]].priority == level:
                here += c[s.crowd + k]
        m = min(refused, here)
        refused -= m
        for k in range(s.entries):
            if m > 0 and w.edge[w.incoming[start + k // s.attempts]].priority == level:
                mine = c[s.crowd + k]
                gone = min(mine, max(int(m * (mine / here) + u), m - (here - mine)))
                c[s.crowd + k] -= gone
                c[s.failing + k] += gone
                here, m = here - mine, m - gone
