"""Where connections go, and what they meet there.

A zone that leaves DNS is left in two steps, and comes back in the same two:

    in DNS, or out ──life of an answer──▶ clients know ──life of a connection──▶ connections are elsewhere

Connections to a dead zone break, so there the second step takes no time.
"""

from __future__ import annotations

import math

import numpy as np

from twin.base.jit import njit
from twin.kinds.health_checked_pool.headroom import remaining_capacity, short_ratio
from twin.kinds.health_checked_pool.parameters import (
    BALANCERS,
    CLASS,
    CLASSES,
    DRAWS,
    FRESH_ALL,
    FRESH_IN,
    IN,
    LEFT,
    OUT,
    SIZE,
    UNRESOLVED,
    ZONE,
)
from twin.kinds.health_checked_pool.zones import table_of
from twin.mechanisms.arrays import ASYNC
from twin.mechanisms.calls import amend, answer, as_said, draw_cohort
from twin.mechanisms.client_policies import amplification, guarded


@njit
def approach(t, w, i, name, c, at, target, chance):
    """The count at ``at`` comes nearer to ``target``, each member by ``chance``. Returns the change."""
    gap = target - c[at]
    moved = draw_cohort(t, w, i, name, at, abs(gap), chance)
    change = moved if gap > 0 else -moved
    c[at] += change
    return change


@njit
def move_connections(t, w, i, p, s, c):
    """One tick of clients that learn which zones are in DNS, and of connections that end."""
    if s.out_of_dns == 0 and s.unresolved == 0 and s.left == 0:
        return
    dt = w.tick_s[0]
    # Resolvers hold answers of every age, so what is left of their life is half of it on average.
    learn = 1.0 - math.exp(-2.0 * dt / p.dns_ttl_s)
    end = 1.0 - math.exp(-dt / p.connection_life_s)
    for z in range(s.zones):
        close = 1.0 if z < p.faulty_zones_count else end
        for k in range(CLASSES):
            b = z * ZONE + k * CLASS
            if c[b + OUT] == c[b + UNRESOLVED] and c[b + UNRESOLVED] == c[b + LEFT]:
                continue
            s.unresolved += approach(t, w, i, DRAWS.resolved, c, b + UNRESOLVED, c[b + OUT], learn)
            s.left += approach(t, w, i, DRAWS.moved, c, b + LEFT, c[b + UNRESOLVED], close)


@njit(allocates=True)
def traffic_meets(p, s, c, load):
    """What traffic meets, as the mean of all classes: (capacity left, share of calls without room, share that
    meet a fault, share that meet a target without its network). ``load``: utilisation over that of the daily
    peak."""
    capacity, lack, fault, fresh, size = 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(CLASSES):
        n = 0.0
        for z in range(s.zones):
            n += c[z * ZONE + k * CLASS + SIZE]
        had = class_meets(p, s, c, k, load)
        size += n
        capacity += n * had[0]
        lack += n * had[1]
        fault += n * had[2]
        fresh += n * had[3]
    return capacity / size, lack / size, fault / size, fresh / size


@njit(allocates=True)
def class_meets(p, s, c, k, load):
    """The same for class ``k``."""
    pools = c[table_of(s, k) + BALANCERS]
    gone = np.zeros(s.zones)
    away = 0.0
    for z in range(s.zones):
        gone[z] = c[z * ZONE + k * CLASS + LEFT] / pools
        away += gone[z]
    is_open = p.fail_open != 0.0 and away == s.zones
    able, size, fault, fresh = 0.0, 0.0, 0.0, 0.0
    for z in range(s.zones):
        b = z * ZONE + k * CLASS
        ratio = 1.0 if is_open else 1.0 - gone[z]
        # Without failover a zone of which nothing works is sent its share as before.
        blind = is_open or (p.failover == 0.0 and c[b + IN] == 0)
        n = ratio * (c[b + SIZE] if blind else c[b + IN])
        new = ratio * (c[b + FRESH_ALL] if blind else c[b + FRESH_IN])
        bad = 1.0 if z < p.faulty_zones_count else p.fault_ratio
        able += n
        size += ratio * c[b + SIZE]
        fault += (n - new) * bad
        fresh += new * max(bad, p.unpropagated_fail_ratio)
    if able == 0.0:
        return 0.0, 1.0, 0.0, 0.0
    low, high = p.utilisation_low_ratio * load, p.utilisation_high_ratio * load
    works = able / size
    if is_open or away == 0.0:
        return works, short_ratio(works, low, high), fault / able, fresh / able
    left, lack = remaining_capacity(gone, works, p.fail_open != 0.0, low, high)
    return left, lack, fault / able, fresh / able


@njit
def answer_callers(w, i, ok, members_ok, latency_s):
    """Registrations never fail; a caller that gives its utilisation works out itself what headroom means."""
    answer(w, i, ok, latency_s)
    panel = w.svc[i]
    amend(panel)
    for n in range(panel.in_start, panel.in_end):
        r = w.edge[w.incoming[n]]
        if r.mode == ASYNC:
            r.ok, r.attempt_ok = 1.0, 1.0
        elif r.utilisation_ratio > 0.0 and r.attempt_ok > 0.0:
            r.attempt_ok = members_ok
            _, lost = amplification(1.0 - members_ok, r.retries, r.retry_budget_ratio)
            r.ok = as_said((1.0 - lost) * (r.pass_ratio if guarded(r) else 1.0), r.visible_ok)
