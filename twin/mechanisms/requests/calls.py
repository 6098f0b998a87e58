"""Rows of calls: made, chained into queues, and given back.

Each call has a key of its own: that of its request, of its dependency, and its number among the calls of the
request. All draws of a call come from this key. What a request *is* does not change when it is tried again:
whether it needs a dependency is drawn from its ``nature``, which all attempts of a call have in common. So
another service, another dependency or another order of events changes no draw of a call that is still made.
"""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.base.rng import subkey, uniform
from twin.mechanisms.arrays import REPLICATE, SEED
from twin.mechanisms.requests.records import CALLS_USED, FREE, FREE_CALL, NOBODY, NOW, SENT, WELL


@njit
def chance(w, q, purpose):
    """A number in [0, 1) for one purpose of call ``q``; each time that it is asked for another one."""
    x = w.calls[q]
    x.spawned += 1
    return uniform(w.clock[SEED], x.key, x.spawned, purpose, w.clock[REPLICATE])


@njit
def chance_of(w, key, number, purpose):
    """A number in [0, 1): number ``number`` of what ``key`` draws for one purpose."""
    return uniform(w.clock[SEED], key, number, purpose, w.clock[REPLICATE])


@njit
def exponential(u):
    """An exponential amount of mean 1, by inversion of ``u`` in [0, 1)."""
    return -math.log1p(-u)


@njit
def new_call(w, edge, service, key):
    """A row for a call over ``edge`` (or NOBODY) to ``service``, with nothing known of it yet."""
    c = w.counters
    q = c[FREE_CALL]
    if q != NOBODY:
        c[FREE_CALL] = w.calls[q].next
    else:
        q = c[CALLS_USED]
        c[CALLS_USED] += 1
    x = w.calls[q]
    x.state, x.key, x.nature, x.spawned = SENT, key, key, 0
    x.parent, x.parent_version, x.parent_step, x.owner = NOBODY, 0, 0, NOBODY
    x.edge, x.service, x.attempt, x.tried, x.is_awaited = edge, service, 0, 0, 0
    x.sent, x.first_sent, x.due, x.epoch, x.last_wait_s = c[NOW], c[NOW], 0, 0, 0.0
    x.outcome, x.arrived, x.will_fail, x.has_worked, x.has_slot = WELL, c[NOW], 0, 0, 0
    x.moves, x.step, x.left, x.chosen, x.out, x.any_failed = 0, 0, NOBODY, NOBODY, 0, 0
    x.is_degraded, x.conn, x.cache_key, x.is_refused = 0, NOBODY, NOBODY, 0
    x.next, x.before, x.after = NOBODY, NOBODY, NOBODY
    return q


@njit
def child_of(w, q, edge):
    """A call over ``edge`` that request ``q`` makes."""
    x = w.calls[q]
    x.spawned += 1
    key = subkey(x.key ^ w.edge[edge].key, x.spawned)
    version, step = x.version, x.step
    nature = subkey(x.nature ^ w.edge[edge].key, step << 20 | max(x.left, 0) + x.out)
    n = new_call(w, edge, w.edge[edge].callee, key)
    y = w.calls[n]
    y.parent, y.parent_version, y.parent_step, y.nature = q, version, step, nature
    return n


@njit
def give_back(w, q):
    """The row is free again; who still refers to its version will not find it."""
    x = w.calls[q]
    x.state = FREE
    x.version += 1
    x.next = w.counters[FREE_CALL]
    w.counters[FREE_CALL] = q
