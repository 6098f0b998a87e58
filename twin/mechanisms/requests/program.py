"""What a request does at a service: its steps, one after another, and what their ends mean for it.

    connections ─▶ own work ─▶ step ─▶ step ─▶ … ─▶ answer
                                │
        one call, or k calls in turn · a group of calls at once · one of several alternatives

A step ends when its calls have ended. A hard call that fails ends the request with an error. A soft one
leaves it degraded. A call that nobody waits for, and work that is handed over, end their step at once.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.base.rng import SPLIT, subkey
from twin.mechanisms.arrays import ASYNC, BOOTSTRAP, CACHED, FIRE_AND_FORGET, NEW_CONNECTIONS, SOFT
from twin.mechanisms.requests.agenda import at, do_next
from twin.mechanisms.requests.alternatives import draw_alternative
from twin.mechanisms.requests.caches import fetched, joins, look_up
from twin.mechanisms.requests.calls import chance_of, child_of
from twin.mechanisms.requests.connections import CALLED, acquire, opening_draw, shaken
from twin.mechanisms.requests.members import member_answered
from twin.mechanisms.requests.records import (
    ALTERNATIVES,
    CUSTOMERS,
    DEGRADED,
    FAILED,
    FINISH,
    HIT,
    HOLDERS,
    N_REQUESTS,
    NOBODY,
    NOW,
    PARALLEL,
    PROCEED,
    SECOND,
    SEND,
    WELL,
)
from twin.mechanisms.requests.stations import ask_for_slot, work
from twin.mechanisms.requests.stores import BLOCKED, LOST, REFUSED, hand_over_one


@njit
def proceed(w, q):
    """Request ``q`` goes on: with its next step, its own work, or its answer."""
    x = w.calls[q]
    st = w.stations[x.service]
    while True:
        if x.has_worked == 0 and x.step >= st.before_work:
            if st.whole_request != 0:
                work(w, q)
            else:
                ask_for_slot(w, q)
            return
        if x.step >= st.steps:
            do_next(w, FINISH, q)
            return
        at_plan = st.plan + 3 * x.step
        kind, first, count = w.plan[at_plan], w.plan[at_plan + 1], w.plan[at_plan + 2]
        if kind == PARALLEL:
            goes_on = begin_group(w, q, first, count)
        elif kind == ALTERNATIVES:
            goes_on = begin_alternative(w, q, first, count)
        else:
            goes_on = begin_step(w, q, w.plan[first])
        if not goes_on:
            return
        x.step += 1
        x.left = NOBODY


@njit
def is_of_share(w, q, e, share):
    """Whether request ``q`` is one of those that need dependency ``e``; a retry of it needs the same."""
    return chance_of(w, subkey(w.calls[q].nature, w.edge[e].key), 0, SPLIT) < share


@njit
def calls_wanted(w, q, e):
    """How many calls request ``q`` makes over ``e``: none, or as many as a request makes."""
    r = w.edge[e]
    whole = int(r.share)
    part = r.share - whole
    n = whole + int(part > 0.0 and is_of_share(w, q, e, part))
    return n * int(r.times)


@njit
def begin_step(w, q, e):
    """The next call over ``e``. True if the step is over."""
    x, mode = w.calls[q], w.edge[e].mode
    if mode == NEW_CONNECTIONS:
        if w.edge[e].share < 1.0 and x.chosen != CALLED and not is_of_share(w, q, e, w.edge[e].share):
            return True  # a request that makes no such call needs no connection
        n = acquire(w, q, e)
        if n != NOBODY:
            do_next(w, SEND, n)
        return False
    if x.left == NOBODY:
        x.left = calls_wanted(w, q, e)
    while x.left > 0:
        if mode == ASYNC:
            if not handed_over(w, q, e):
                return False
        elif mode == FIRE_AND_FORGET:
            n = child_of(w, q, e)
            w.calls[n].parent = NOBODY
            do_next(w, SEND, n)
        elif mode == CACHED:
            ask_cache(w, q, e)
            return False
        else:
            do_next(w, SEND, child_of(w, q, e))
            return False
        x.left -= 1
    return True


@njit
def handed_over(w, q, e):
    """Hand over one piece of work. False if the request waits, or has failed."""
    became = hand_over_one(w, q, e)
    if became == REFUSED:
        fail_at(w, q, e)
    elif became == LOST:
        w.calls[q].is_degraded = 1
    return became != REFUSED and became != BLOCKED


@njit
def ask_cache(w, q, e):
    """Answer from the cache, after the time of a hit; or fetch; or wait for another one's fetch."""
    if look_up(w, q, e):
        x = w.calls[q]
        at(w, w.counters[NOW] + max(1, int(w.edge[e].hit_s * SECOND + 0.5)), HIT, q, x.version)
    elif w.edge[e].coalesce == 0.0 or not joins(w, q, e):
        n = child_of(w, q, e)
        w.calls[n].cache_key = w.calls[q].cache_key
        do_next(w, SEND, n)


@njit
def hit(w, q):
    """The answer from the cache is there."""
    w.calls[q].left -= 1
    do_next(w, PROCEED, q)


@njit
def begin_group(w, q, first, count):
    """All calls of a parallel group at once. True if there are none."""
    x = w.calls[q]
    x.out, x.any_failed = 0, 0
    for n in range(count):
        e = w.plan[first + n]
        for _ in range(calls_wanted(w, q, e)):
            x.out += 1
            do_next(w, SEND, child_of(w, q, e))
    return x.out == 0


@njit
def begin_alternative(w, q, first, count):
    """The call to one of several alternatives. True once it has ended."""
    x = w.calls[q]
    if x.left == 0:
        return True
    x.left = 1
    e = draw_alternative(w, q, first, count, 0)
    if e == NOBODY:
        return True
    do_next(w, SEND, child_of(w, q, e))
    return False


@njit
def fail_at(w, q, e):
    """Request ``q`` ends with an error, because of edge ``e``."""
    w.links[e].blamed += 1
    w.calls[q].outcome = FAILED
    do_next(w, FINISH, q)


@njit
def call_ended(w, n):
    """A call with all its attempts has ended; row ``n`` has the caller's side of it."""
    x = w.calls[n]
    e = x.edge
    r, link = w.edge[e], w.links[e]
    is_well = x.outcome == WELL
    link.ended += 1
    link.spent_here += w.counters[NOW] - x.first_sent
    role = w.stations[r.caller].role
    if role == CUSTOMERS:
        log_request(w, n)
    if role == HOLDERS or r.mode == BOOTSTRAP:
        member_answered(w, n, is_well)
        return
    q = x.parent
    if q == NOBODY or w.calls[q].version != x.parent_version or w.calls[q].step != x.parent_step:
        return
    w.calls[q].is_degraded |= x.is_degraded
    if r.mode == NEW_CONNECTIONS:
        if not shaken(w, q, x.owner, is_well, opening_draw(w, n)):
            fail_at(w, q, e)
    elif r.mode == CACHED:
        cache_answered(w, q, e, is_well)
    else:
        step_answered(w, q, e, is_well or r.mode == SOFT, is_well)


@njit
def cache_answered(w, q, e, is_well):
    """A fetch has ended: for the request that made it, and for those who wait for it."""
    fetched(w, q, e, is_well)
    if is_well:
        w.calls[q].left -= 1
        do_next(w, PROCEED, q)
    else:
        fail_at(w, q, e)


@njit
def step_answered(w, q, e, goes_on, is_well):
    """A call of the present step has ended. ``goes_on``: the request can do without it, or it is well."""
    x = w.calls[q]
    x.is_degraded |= int(not is_well and goes_on)
    kind = w.plan[w.stations[x.service].plan + 3 * x.step]
    if kind == PARALLEL:
        x.out -= 1
        if not goes_on:
            w.links[e].blamed += int(x.any_failed == 0)
            x.any_failed = 1
        if x.any_failed != 0 and (x.out == 0 or w.edge[e].fail_fast != 0.0):
            x.outcome = FAILED
            do_next(w, FINISH, q)
        elif x.out == 0:
            x.step += 1
            do_next(w, PROCEED, q)
    elif not goes_on:
        fail_at(w, q, e)
    else:
        x.left -= 1
        do_next(w, PROCEED, q)


@njit
def log_request(w, n):
    """Note what has become of a request of customers."""
    x = w.calls[n]
    row = w.requests[w.counters[N_REQUESTS]]
    row.edge, row.weight = x.edge, w.stations[w.edge[x.edge].caller].weight
    row.start_s = x.first_sent / SECOND
    row.latency_s = (w.counters[NOW] - x.first_sent) / SECOND
    row.outcome = DEGRADED if x.outcome == WELL and x.is_degraded != 0 else x.outcome
    w.counters[N_REQUESTS] += 1
