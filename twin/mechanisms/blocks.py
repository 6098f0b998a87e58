"""A block: a few ticks in which nothing that a service reads of others can change.

What passes between domains is published every signal period. So a service without a dependency inside its
domain reads the same from the first tick of a period to the last. The loop steps it through these ticks
before it turns to the next service. Then a dependency is looked at a few times in a period, not every tick.

The claim. The rows are the same to the last byte as if all services were stepped tick by tick. That holds
because only whole numbers are added later than they come: calls, and remainders in units of 2^-52.

    come      the attempts of each tick, summed over the dependencies to a service ``open_block``
    still     dependencies say the same in every tick: asked once                  ``stays_still``
    told      callers hear the same in every tick: told once                       ``answer`` in calls.py
    pending   ticks whose calls are not booked yet                                 ``settle`` in books.py
    at rest   all that comes is passed on: ticks are summed, not stepped            ``rest``
    ... on    nothing new has been said since the block before: the period is summed ``rests_throughout``

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
from twin.mechanisms.books import book, served_of, settle_pending
from twin.mechanisms.client_policies import guarded
from twin.mechanisms.dependencies import (
    ENDLESS,
    hand_at_once,
    miss_ratio,
    pass_share,
    renewed,
    retries_of,
    taken_at_once,
)
from twin.mechanisms.draws import DEPENDENCY_DRAWS, EDGE_CARRIES
from twin.mechanisms.sampling import carried_often, slot_of


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
    panel.is_listed = panel.still_from = 0
    if panel.stays_on == 0 or panel.has_news != 0:
        panel.is_still = 0
    if w.clock[STEPWISE] != 0:
        panel.is_told = 0
        return
    panel.is_listed = 1
    for n in range(panel.in_start, panel.in_end):
        if guarded(w.edge[w.incoming[n]]):
            panel.is_listed = panel.is_told = 0
    if panel.is_listed != 0:
        list_arrivals(t, end, w, i)


@njit
def count_attempts(w, i):
    """At the beginning of a period: how many attempts will come to service ``i`` over dependencies between
    domains. Retries of the calls that were sent are counted here, as attempts end now."""
    panel, total = w.svc[i], 0
    for n in range(panel.in_start, panel.in_end):
        e = w.incoming[n]
        r = w.edge[e]
        if r.cross_domain != 0:
            r.retries_sent = retries_of(w, e, r.sent_calls)
            total += r.sent_calls + r.retries_sent
    return total


@njit
def rests_throughout(t, end, w, i, attempts):
    """Let service ``i``, to which ``attempts`` come in the signal period from ``t`` to ``end``, be at rest in
    all of it, if it is: then its ticks are not even listed. True if so."""
    panel, period = w.svc[i], w.clock[PERIOD]
    if panel.stays_on == 0 or panel.has_news != 0 or panel.is_told == 0 or panel.begins_here != 0:
        return False
    most = min(panel.most_at_rest, panel.most_still) - (panel.in_end - panel.in_start)
    if attempts // period >= most or end - t < period or w.clock[STEPWISE] != 0:
        return False
    if panel.open_requests != 0 or panel.ended_ok != panel.still_ok or panel.fronts != 0:
        return False
    if panel.told_headroom != headroom_of(panel):
        return False
    for n in range(panel.in_start, panel.in_end):
        e = w.incoming[n]
        came = w.edge[e].sent_calls
        if came > 0:
            book(w, e, came, served_of(w, e, came, w.edge[e].told_ok))
    for e in range(panel.out_start, panel.out_end):
        send_still(w, e, t, end, attempts)
    for _ in range(end - t):
        panel.p_latency += panel.latency_s
        panel.p_missed += panel.missed
    panel.p_offered += attempts
    tally_ticks(end - 1, panel, attempts)
    return True


@njit
def headroom_of(panel):
    """The present capacity over the undisturbed one."""
    quiet_per_s = panel.quiet_capacity_per_s
    return panel.capacity_per_s / quiet_per_s if quiet_per_s > 0.0 else 1.0


@njit
def list_arrivals(t, end, w, i):
    """Attempts that reach service ``i`` in each tick of the block, over dependencies between domains."""
    panel, period = w.svc[i], w.clock[PERIOD]
    each = 0
    for k in range(end - t):
        w.ahead[i, k] = 0
    for n in range(panel.in_start, panel.in_end):
        r = w.edge[w.incoming[n]]
        calls = (r.sent_calls + r.retries_sent) * (r.cross_domain != 0)
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
    ends, in ticks with at most ``most_still`` requests, which is noted."""
    panel = w.svc[i]
    panel.most_still, panel.stays_on = ENDLESS, panel.is_near == 0
    if w.clock[STEPWISE] != 0:
        panel.stays_on = 0
        return 0
    for e in range(panel.out_start, panel.out_end):
        r = w.edge[e]
        if r.seen_served > 0:  # what was heard of since then counts
            panel.stays_on = 0
        if r.mode == ASYNC:
            panel.most_still = min(panel.most_still, most_handed(w, e))
        elif takes_part(r) and not is_still(w, e):
            panel.stays_on = 0
            return 0
    if panel.most_still < 0:
        panel.stays_on = 0
    return panel.most_still >= 0


@njit
def is_still(w, e):
    """Whether dependency ``e``, which takes part in requests, says the same until the block ends."""
    r = w.edge[e]
    if r.mode == CACHED:
        return r.live == int(r.connections_count) and miss_ratio(w, e) <= 0.0
    if r.cross_domain == 0 and r.seen_served > 0:
        return False
    if r.mode == NEW_CONNECTIONS:
        return r.lost == 0 and r.live >= int(r.connections_count)
    return r.visible_held <= 0 or r.mode == FIRE_AND_FORGET


@njit
def most_handed(w, e):
    """Requests of a tick whose work is handed over at once; -1 for none."""
    r = w.edge[e]
    most = taken_at_once(w, e)
    if most == ENDLESS and r.cross_domain != 0:
        return most  # what is left waits for the next period
    if most < 0 or r.backlog > 0:
        return -1
    return most if most == ENDLESS else int((most - 1) / max(1.0, r.share))


@njit
def at_rest(w, i, most):
    """To be called by a step of service ``i`` that has passed on all that came and changed no state. With the
    same said by its dependencies, a tick with at most ``most`` calls is again like this one."""
    w.svc[i].most_at_rest = most


@njit
def rest(t, end, w, i):
    """Let service ``i`` be at rest from tick ``t`` on, at most to ``end``. Returns for how many ticks."""
    panel = w.svc[i]
    if panel.most_at_rest < 0 or panel.pending == 0 or panel.is_still == 0 or t >= end:
        return 0
    if panel.open_requests != 0 or panel.ended_ok != panel.still_ok:
        return 0
    k, last, total = t - w.clock[BLOCK], end - w.clock[BLOCK], 0
    most = min(panel.most_at_rest, panel.most_still)
    while k < last and w.ahead[i, k] <= most:
        w.ahead[i, BLOCK_TICKS + k] = w.ahead[i, k]
        total += w.ahead[i, k]
        panel.p_latency += panel.latency_s
        panel.p_missed += panel.missed
        k += 1
    ticks = k - (t - w.clock[BLOCK])
    if ticks > 0:
        panel.offered = panel.ended = w.ahead[i, k - 1]
        panel.p_offered += total
        panel.pending += ticks
        tally_ticks(w.clock[BLOCK] + k - 1, panel, total)
    return ticks


@njit
def tally_ticks(t, panel, n):
    """Close the books of the ticks to ``t``, in which ``n`` requests have ended like those before them."""
    if panel.due_miss <= 0.0:
        panel.p_good += n
    elif panel.due_miss >= 1.0:
        panel.p_failed += n
    else:
        panel.due_count += n
        panel.due_tick = t


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
    total = 0
    for n in range(panel.still_from, k):
        total += w.ahead[i, BLOCK_TICKS + n]
    first = w.clock[BLOCK] + panel.still_from
    for e in range(panel.out_start, panel.out_end):
        if w.edge[e].cross_domain != 0:
            send_still(w, e, first, w.clock[BLOCK] + k, total)


@njit
def near_calls(w, i):
    """Attempts that reach service ``i`` in this tick from inside its domain."""
    panel = w.svc[i]
    total = 0
    for n in range(panel.in_start, panel.in_end):
        e = w.incoming[n]
        r = w.edge[e]
        if r.cross_domain == 0:
            total += r.sent_calls + retries_of(w, e, r.sent_calls)
    return total


@njit
def send_near(t, w, i, n):
    """In a tick in which dependencies stay still: send the calls of ``n`` requests inside the domain."""
    panel = w.svc[i]
    for e in range(panel.out_start, panel.out_end):
        if w.edge[e].cross_domain == 0:
            send_still(w, e, t, t + 1, n)


@njit
def send_still(w, e, first, after, n):
    """Send the calls over dependency ``e`` of ``n`` requests in all, that began in ticks ``first`` to
    ``after``, in which it stayed still."""
    r = w.edge[e]
    if r.mode == ASYNC:
        work = pass_share(w, e, DEPENDENCY_DRAWS.asked, n, r.share * w.svc[r.caller].still_ok)
        hand_at_once(after - 1, w, e, work)
        return
    if not takes_part(r):
        return
    calls = pass_share(w, e, DEPENDENCY_DRAWS.asked, n, r.share)
    if r.mode == NEW_CONNECTIONS:  # those that reach their age open again, and some requests open their own
        slot = EDGE_CARRIES * e + slot_of(DEPENDENCY_DRAWS.renewed)
        opened = int(r.connections_count) * (w.tick_s[0] / r.lifetime_s)
        r.calls += carried_often(opened, after - first, w.carry, slot)
        if r.new_connection_ratio > 0.0:
            r.calls += pass_share(w, e, DEPENDENCY_DRAWS.fresh, calls, r.new_connection_ratio)
    elif r.mode == CACHED:
        r.calls += renewed(w, e, first, after)
    elif r.mode != LEASE:
        r.calls += calls
