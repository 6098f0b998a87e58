"""A block: a few ticks in which nothing that a service reads of others can change.

What passes between domains is published every signal period. So a service without a dependency inside its
domain reads the same from the first tick of a period to the last. The loop steps it through these ticks
before it turns to the next service. Then a dependency is looked at a few times in a period, not every tick.

The claim. The rows are the same to the last byte as if all services were stepped tick by tick. That holds
because only whole numbers are added later than they come: calls, and remainders in units of 2^-52.

    come      the calls of each tick, summed over the dependencies to a service    ``open_block``
    still     dependencies say the same in every tick: asked once                  ``stays_still``
    told      callers hear the same in every tick: told once                       ``answer`` in calls.py
    pending   ticks whose calls are not booked yet                                 ``settle`` in books.py
    at rest   all that comes is passed on and served: ticks are summed, not stepped ``rest``

Stepwise, a block is one tick and none of this happens (``STEPWISE`` in the clock of a run). A test compares.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.mechanisms.arrays import (
    ASYNC,
    BLOCK,
    BLOCK_TICKS,
    BOOTSTRAP,
    CACHED,
    FIRE_AND_FORGET,
    LEASE,
    NEW_CONNECTIONS,
    PERIOD,
    STEPWISE,
)
from twin.mechanisms.books import settle_pending
from twin.mechanisms.client_policies import guarded, tries_again_here
from twin.mechanisms.dependencies import pass_on
from twin.mechanisms.draws import DEPENDENCY_DRAWS, EDGE_CARRIES
from twin.mechanisms.sampling import carried_each, carried_often, slot_of

ENDLESS = 1 << 62


@njit
def block_end(t, t1, w):
    """Where the block that begins at tick ``t`` ends: with the signal period, and not after ``t1``."""
    if w.clock[STEPWISE] != 0:
        return t + 1
    return min(t1, t + BLOCK_TICKS, t - t % w.clock[PERIOD] + w.clock[PERIOD])


@njit
def open_block(t, end, w, i):
    """Before service ``i`` is stepped from ``t`` to ``end``: what comes in each tick, if that is certain."""
    panel = w.svc[i]
    panel.is_told = panel.is_still = panel.is_listed = panel.is_plain = panel.is_retried = 0
    if w.clock[STEPWISE] != 0:
        return
    panel.is_listed = panel.is_plain = 1
    for n in range(panel.in_start, panel.in_end):
        r = w.edge[w.incoming[n]]
        if guarded(r):
            panel.is_listed = panel.is_plain = 0
        elif tries_again_here(r):
            panel.is_retried = 1
    if panel.is_listed != 0:
        list_arrivals(t, end, w, i)


@njit
def list_arrivals(t, end, w, i):
    """First tries that reach service ``i`` in each tick of the block, over dependencies between domains."""
    panel, period = w.svc[i], w.clock[PERIOD]
    each = 0
    for k in range(end - t):
        w.ahead[i, k] = 0
    for n in range(panel.in_start, panel.in_end):
        r = w.edge[w.incoming[n]]
        calls = r.sent_calls * (r.cross_domain != 0)
        part = calls // period
        rest = calls - part * period
        each += part
        if rest == 0:
            continue
        left = rest * (t % period) % period
        for k in range(end - t):
            left += rest
            w.ahead[i, k] += left >= period
            left -= period * (left >= period)
    for k in range(end - t):
        w.ahead[i, k] += each


@njit
def takes_part(r):
    """Whether a dependency takes part in the requests of its caller while they run."""
    return r.mode != ASYNC and r.mode != BOOTSTRAP and (r.mode != LEASE or r.is_condition != 0)


@njit
def stays_still(w, i):
    """Whether what the dependencies of service ``i`` have just said is what they will say until the block
    ends. What is handed over is not asked about."""
    panel = w.svc[i]
    if w.clock[STEPWISE] != 0:
        return 0
    for e in range(panel.out_start, panel.out_end):
        r = w.edge[e]
        if not takes_part(r):
            continue
        if r.mode == CACHED or (r.cross_domain == 0 and r.seen_served > 0):
            return 0
        if r.mode == NEW_CONNECTIONS:
            if r.lost != 0 or r.live < int(r.connections_count) or r.new_connection_ratio > 0.0:
                return 0
        elif r.visible_held > 0 and r.mode != FIRE_AND_FORGET:
            return 0
    return 1


@njit
def at_rest(w, i, most):
    """To be called by a step of service ``i`` in which all that came was passed on and served, without a
    draw and without a change of state. With the same said by its dependencies, a tick with at most ``most``
    calls is again like this one."""
    w.svc[i].most_at_rest = most


@njit
def rest(t, end, w, i):
    """Let service ``i`` be at rest from tick ``t`` on, at most to ``end``. Returns for how many ticks."""
    panel = w.svc[i]
    if panel.most_at_rest < 0 or panel.pending == 0 or panel.is_still == 0 or panel.is_retried != 0:
        return 0
    if panel.hands_over != 0 or panel.open_requests != 0 or panel.told_ok != 1.0 or panel.still_ok != 1.0:
        return 0
    k, last, total = t - w.clock[BLOCK], end - w.clock[BLOCK], 0
    while k < last and w.ahead[i, k] <= panel.most_at_rest:
        w.ahead[i, BLOCK_TICKS + k] = w.ahead[i, k]
        total += w.ahead[i, k]
        panel.p_latency += panel.latency_s
        k += 1
    ticks = k - (t - w.clock[BLOCK])
    if ticks > 0:
        panel.offered = panel.good = panel.ended = w.ahead[i, k - 1]
        panel.failed, panel.ended_ok = 0, 1.0
        panel.p_offered += total
        panel.p_good += total
        panel.pending += ticks
    return ticks


@njit
def close_block(end, w, i):
    """After service ``i`` has been stepped to ``end``: the calls of all ticks are sent, and booked."""
    settle_pending(w, i)
    send_far(w, i, end - w.clock[BLOCK])


@njit
def send_far(w, i, k):
    """Send the calls of the ticks in which dependencies stayed still, to the ``k``-th of the block. Those
    inside the domain have been sent in each tick."""
    panel = w.svc[i]
    if panel.is_still == 0:
        return
    first, after = BLOCK_TICKS + panel.still_from, BLOCK_TICKS + k
    total = 0
    for k in range(first, after):
        total += w.ahead[i, k]
    for e in range(panel.out_start, panel.out_end):
        r = w.edge[e]
        if takes_part(r) and r.cross_domain != 0:
            send_pending(w, i, e, first, after, total)


@njit
def near_calls(w, i):
    """First tries that reach service ``i`` in this tick from inside its domain."""
    panel = w.svc[i]
    total = 0
    for n in range(panel.in_start, panel.in_end):
        r = w.edge[w.incoming[n]]
        if r.cross_domain == 0:
            total += r.sent_calls
    return total


@njit
def send_near(w, i, n):
    """In a tick in which dependencies stay still: send the calls of ``n`` requests inside the domain."""
    panel = w.svc[i]
    for e in range(panel.out_start, panel.out_end):
        r = w.edge[e]
        if r.cross_domain == 0 and takes_part(r):
            calls = pass_on(w, e, DEPENDENCY_DRAWS.asked, n * r.share)
            if r.mode == NEW_CONNECTIONS:
                opened = int(r.connections_count) * (w.tick_s[0] / r.lifetime_s)
                r.calls += pass_on(w, e, DEPENDENCY_DRAWS.renewed, opened)
            elif r.mode != LEASE:
                r.calls += calls


@njit
def send_pending(w, i, e, first, after, total):
    """Send the calls of the ticks in which dependency ``e`` stayed still: ``total`` requests of its caller,
    by tick in the columns ``first`` to ``after`` of its row in ``ahead``."""
    r = w.edge[e]
    calls = total
    if r.share != 1.0:
        slot = EDGE_CARRIES * e + slot_of(DEPENDENCY_DRAWS.asked)
        calls = carried_each(w.ahead, i, first, after, r.share, w.carry, slot)
    if r.mode == NEW_CONNECTIONS:  # only those that reach their age open again
        slot = EDGE_CARRIES * e + slot_of(DEPENDENCY_DRAWS.renewed)
        opened = int(r.connections_count) * (w.tick_s[0] / r.lifetime_s)
        r.calls += carried_often(opened, after - first, w.carry, slot)
    elif r.mode != LEASE:
        r.calls += calls
