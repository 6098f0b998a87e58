"""What happens to a zone at its turn: its members are checked, and its place in the balancers' DNS."""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.kinds.health_checked_pool.check_rounds import check_round, merge, remove, take_out, total
from twin.kinds.health_checked_pool.checker import check_wait_s
from twin.kinds.health_checked_pool.parameters import (
    COHORTS,
    DNS,
    FRESH,
    FRESH_ALL,
    FRESH_IN,
    IN,
    OUT,
    RUNS,
    SETTLED,
    SIZE,
    ZONE,
    ZONE_LEFT,
    ZONE_RETURNED,
)
from twin.mechanisms.arrays import OWN
from twin.mechanisms.calls import emit_own
from twin.mechanisms.causes import begin_own, behind, end_own


@njit
def settling_chance(delay_s, over_s):
    """Chance that a fresh member is propagated within ``over_s``."""
    return 1.0 - math.exp(-over_s / delay_s) if delay_s > 0.0 else 1.0


@njit
def count_zone(c, a):
    """Bring the totals of the zone at ``a`` up to date."""
    c[a + FRESH_IN] = total(c, a + FRESH, RUNS)
    c[a + FRESH_ALL] = total(c, a + FRESH, 2 * RUNS)
    c[a + IN] = total(c, a + SETTLED, RUNS) + c[a + FRESH_IN]


@njit
def check_zone(t, w, i, p, s, c, z, delay_s):
    """The turn of zone ``z``: members settle, newcomers join, all are checked. Returns how many came back."""
    a = z * ZONE
    if c[a + FRESH_ALL] > 0:
        merge(t, w, i, c, a + FRESH, a + SETTLED, settling_chance(delay_s, p.interval_s))
    place = c[a + SIZE] if z >= p.faulty_zones_count else 0  # nobody comes up where everything is dead
    fresh = min(s.newcomers, place) if p.wait_for_network == 0.0 else 0
    settled = min(s.settled_newcomers, place - fresh)
    if fresh + settled > 0:
        remove(c, a, 2, c[a + SIZE], fresh + settled)
        c[a + FRESH] += fresh
        c[a + SETTLED] += settled
        s.newcomers -= fresh
        s.settled_newcomers -= settled
    fault = 1.0 if z < p.faulty_zones_count else p.fault_ratio
    moved = check_round(t, w, i, c, a + SETTLED, fault, p.healthy_count)
    if c[a + FRESH_ALL] + fresh > 0:
        fault = max(fault, p.unpropagated_fail_ratio)
        moved += check_round(t, w, i, c, a + FRESH, fault, p.healthy_count)
    if moved > 0 or c[a + FRESH_ALL] + fresh > 0:
        count_zone(c, a)
    s.transitions += moved
    return moved


@njit
def time_out_checks(p, s, c, z):
    """The checks of zone ``z`` without an answer have failed: members leave. Returns how many."""
    a = z * ZONE
    left = take_out(c, a + SETTLED, p.unhealthy_count, s.members)
    if c[a + FRESH_ALL] > 0:
        left += take_out(c, a + FRESH, p.unhealthy_count, s.members)
    if left > 0:
        count_zone(c, a)
    s.transitions += left
    return left


@njit
def judge_zone(t, w, i, p, s, c, z):
    """The turn of zone ``z`` in the balancers' DNS, when its round is over: too little of it works, or its
    results are old."""
    a = z * ZONE
    late = check_wait_s(p, s)
    fail = math.exp(-p.stale_s / late) if late > 0.0 else 0.0
    if c[a + IN] < p.zone_floor_ratio * c[a + SIZE]:
        fail = 1.0
    if fail < 1e-12 and c[a + DNS] == s.balancers:
        return
    limit = s.balancers if p.velocity_zones_count <= 0.0 else int(s.may_leave)
    back = check_round(t, w, i, c, a + DNS, fail, p.healthy_count)
    left = take_out(c, a + DNS, p.unhealthy_count, limit)
    s.may_leave -= min(s.may_leave, left)
    move_balancers(t, w, i, s, c, z, left - back)


@njit
def move_balancers(t, w, i, s, c, z, n):
    """Book ``n`` balancers that took zone ``z`` out of DNS (or back, if negative), and tell of a turn."""
    a = z * ZONE
    was_out, any_out = c[a + OUT] > 0, s.out_of_dns > 0
    c[a + OUT] += n
    s.out_of_dns += n
    if (c[a + OUT] > 0) == was_out:
        return
    if not any_out:
        begin_own(t, w, i, ZONE_LEFT, float(z), why_zones_leave(w, i, s))
    elif s.out_of_dns == 0:
        end_own(t, w, i, ZONE_RETURNED, float(z))
    else:
        emit_own(t, w, i, ZONE_RETURNED if was_out else ZONE_LEFT, float(z), behind(w, i))


@njit
def why_zones_leave(w, i, s):
    """What is open where the network configuration comes from, else what the kind's events name."""
    if s.lease != OWN and w.edge[s.lease].visible_event != 0:
        return w.edge[s.lease].visible_event
    return behind(w, i)


@njit
def stand_down(t, w, i, s, c):
    """Failover is off: every zone is in DNS, and no balancer waits for a judgement."""
    s.updates = 0
    if s.out_of_dns == 0:
        return
    for z in range(s.zones):
        a = z * ZONE
        if c[a + OUT] > 0:
            for k in range(DNS, COHORTS):
                c[a + k] = 0
            c[a + DNS] = s.balancers
            move_balancers(t, w, i, s, c, z, -c[a + OUT])
