"""The clients of a station: what they do when an attempt fails, and the orbit in which they wait.

The real system: an SDK that waits for a back-off, doubled each time, with or without jitter, and that may
have a retry budget (a bucket that each first try fills a little, and each retry empties by one). The claim:
clients whose same attempt failed in the same substep are alike, so the orbit is counts, by the substep in
which they are due. Left out: waits beyond the orbit's length (its last slot takes them); the luck that
differs between clients with a budget (they share one bucket).
"""

from __future__ import annotations

import math

from twin.jit import njit
from twin.parts.records import ASYNC, REPLICATE, SEED
from twin.parts.station import MAX_SLOTS, compiled, even
from twin.rng import BACKOFF, subkey, uniform

CALL = 1 << 16  # one call, where outcomes fade
EXPONENTIAL = 3  # position in JITTERS: the wait has no memory, as the orbits of the literature
SUBSTEPS_PER_TIMEOUT = 20
MAX_SUBSTEPS = 100


def sizes(callers, tick_s: float) -> tuple[int, int, int, int, int]:
    """(dependencies, attempts, slots of the ring, slots of the orbit, substeps a tick) for these callers."""
    edges = max(1, len(callers))
    timeouts_s = [float(r["timeout_s"]) for r in callers if r["mode"] != ASYNC]
    attempts = 1 + max((int(r["retries"]) for r in callers), default=0)
    shortest_s = min(timeouts_s, default=60.0)
    substeps = min(MAX_SUBSTEPS, max(1, math.ceil(SUBSTEPS_PER_TIMEOUT * tick_s / shortest_s)))
    h = tick_s / substeps
    finite = [x for x in timeouts_s if x / h + 3 <= MAX_SLOTS]
    waits = [float(r["timeout_s"]) * (r["timeout_s"] in finite) + _longest_backoff_s(r) for r in callers]
    slots = int(max(finite, default=0.0) / h) + 3
    wheel = min(MAX_SLOTS, int(max(waits, default=0.0) / h) + 3)
    return edges, attempts, slots, wheel, substeps


def _longest_backoff_s(r) -> float:
    longest_s = min(float(r["backoff_cap_s"]), float(r["backoff_s"]) * 2.0 ** max(0, int(r["retries"]) - 1))
    return longest_s * (8.0 if r["jitter"] == EXPONENTIAL else 1.0)


@compiled
def due(s, c):
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
def schedule(s, c, k, m, first, last, u):
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


@njit
def give_up(t, w, i, s, c, h, soonest, delay_s, again):
    """The failing attempts end: with a retry left (in the budget too) they go into orbit, else they are lost.

    They are back after ``delay_s`` and their back-off, ``soonest`` substeps (of ``h`` seconds) from now at
    the earliest. ``again`` is false for clients that do not try again, whatever they have left.
    """
    row = w.svc[i]
    for k in range(s.entries):
        m = c[s.failing + k]
        if m == 0:
            continue
        c[s.failing + k] = 0
        s.failed += m
        e, attempt = k // s.attempts, k % s.attempts
        r = w.edge[w.into[row.in_start + e]]
        retried = m if again and attempt < min(int(r.retries), s.attempts - 1) else 0
        if r.retry_budget_ratio > 0.0:
            retried = min(retried, int(r.tokens))
            r.tokens -= retried
        c[s.lost_of + e] += (m - retried) * CALL
        s.calls_lost += m - retried
        if retried > 0:
            back_off(t, w, i, r, s, c, k, retried, soonest, delay_s, h)


@compiled
def back_off(t, w, i, r, s, c, k, m, soonest, delay_s, h):
    """``m`` failed attempts of entry ``k`` wait: for the back-off, or with jitter for a part of it."""
    longest_s = min(r.backoff_cap_s, r.backoff_s * 2.0 ** (k % s.attempts))
    u = even(s.now)
    if w.svc[i].exact != 0:
        key = subkey(r.key, k + s.entries * s.now)
        u = uniform(w.clock[SEED], key, t, BACKOFF, w.clock[REPLICATE])
    if r.jitter == EXPONENTIAL:
        fade(s, c, k + 1, m, max(soonest, int(delay_s / h + 0.5)), longest_s / h, u)
        return
    shortest_s = longest_s * (1.0, 0.5, 0.0)[int(r.jitter)]
    first = max(soonest, int((delay_s + shortest_s) / h + 0.5))
    last = max(first, int((delay_s + longest_s) / h + 0.5) - (r.jitter != 0.0))
    schedule(s, c, k + 1, m, first, last, u)
