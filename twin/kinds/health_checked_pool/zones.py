"""The turn of a zone: newcomers join, targets are checked, the balancers judge it.

One after another, each zone has a turn in every interval. Its checks end by their time-out. Then targets
leave, and balancers take the zone out of DNS, or back.
"""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.base.thresholds import DEGRADED_RATIO, QUIET_S
from twin.kinds.health_checked_pool.check_rounds import check_round, merge, remove, take_out, total
from twin.kinds.health_checked_pool.checker import (
    blind_ratio,
    failing_ratio,
    renew_hosts,
    size_checker,
    targets_come_blind,
    work_off_checks,
)
from twin.kinds.health_checked_pool.parameters import (
    BALANCERS,
    CLASS,
    CLASSES,
    DNS,
    DRAWS,
    FRESH,
    FRESH_ALL,
    FRESH_IN,
    IN,
    IS_TOLD,
    MAY_LEAVE,
    MILLI_SIZE,
    NETWORK,
    NEW,
    OUT,
    RUNS,
    SETTLED,
    SHARE_PPM,
    SIZE,
    TABLE,
    WAIT_MS,
    WAITING,
    ZONE,
    ZONE_LEFT,
    ZONE_OUT,
    ZONE_RETURNED,
)
from twin.mechanisms.arrays import OWN
from twin.mechanisms.calls import draw_cohort, emit_own, flow
from twin.mechanisms.causes import begin_own, behind, end_own


@njit
def settling_chance(delay_s, over_s):
    """Chance that the network of a new instance is there within ``over_s``."""
    return 1.0 - math.exp(-over_s / delay_s) if delay_s > 0.0 else 1.0


@njit
def delay_of(w, c, a):
    """Time in s until the network reaches a new instance of the zone at ``a``."""
    e = c[a + NETWORK]
    return w.edge[e].visible_latency_s if e != OWN else 0.0


@njit
def table_of(s, k):
    """Where the numbers of class ``k`` stand."""
    return s.zones * ZONE + k * TABLE


@njit
def count_class(c, b):
    """Bring the totals of the class at ``b`` up to date."""
    c[b + FRESH_IN] = total(c, b + FRESH, RUNS)
    c[b + FRESH_ALL] = total(c, b + FRESH, 2 * RUNS)
    c[b + IN] = total(c, b + SETTLED, RUNS) + c[b + FRESH_IN]


@njit
def check_zone(t, w, i, p, s, c, z):
    """The turn of zone ``z``, up to its checks; those without an answer fail a time-out later."""
    a = z * ZONE
    is_dead = z < p.faulty_zones_count
    delay_s = delay_of(w, c, a)
    for k in range(CLASSES):
        b = a + k * CLASS
        if c[b + FRESH_ALL] > 0:
            merge(t, w, i, c, b + FRESH, b + SETTLED, settling_chance(delay_s, p.interval_s))
    join(t, w, i, p, s, c, a, is_dead, delay_s)
    fault = 1.0 if is_dead else p.fault_ratio
    blind = blind_ratio(p, s, c, a)
    for k in range(CLASSES):
        check_class(t, w, i, p, s, c, a + k * CLASS, 1.0 - (1.0 - fault) * (1.0 - blind))
    if t * w.tick_s[0] < QUIET_S:
        size_checker(p, s, c, a)
    failing = failing_ratio(p, c, a, fault, blind)
    work_off_checks(p, s, c, a, failing)
    if not is_dead:
        renew_hosts(t, w, i, p, s, c, a, delay_s, failing)


@njit
def check_class(t, w, i, p, s, c, b, fault):
    """The checks of one round in the class at ``b``."""
    s.transitions += check_round(t, w, i, c, b + SETTLED, fault, p.healthy_count)
    if c[b + FRESH_ALL] > 0 or total(c, b + FRESH + RUNS, 1) > 0:
        fault = 1.0 - (1.0 - fault) * (1.0 - p.unpropagated_fail_ratio)
        s.transitions += check_round(t, w, i, c, b + FRESH, fault, p.healthy_count)
    count_class(c, b)


@njit
def join(t, w, i, p, s, c, a, is_dead, delay_s):
    """Newcomers of the zone at ``a`` take the place of targets that have ended; none comes up in a dead
    one."""
    if is_dead:
        return
    came = c[a + NEW] + (0 if s.own_registrations != 0 else s.newcomers)
    c[a + NEW] = 0
    if s.own_registrations == 0:
        s.newcomers = 0
    blind = came if targets_come_blind(p) else 0
    c[a + WAITING] += came - blind
    chance = settling_chance(delay_s, p.interval_s)
    ready = draw_cohort(t, w, i, DRAWS.settled, a + WAITING, c[a + WAITING], chance)
    c[a + WAITING] -= ready
    divide(t, w, i, s, c, a, FRESH, blind)
    divide(t, w, i, s, c, a, SETTLED, ready)


@njit
def divide(t, w, i, s, c, a, pool, n):
    """``n`` newcomers go to the classes of the zone at ``a``, out of service until they have passed their
    first checks."""
    rest, share = n, 1_000_000
    for k in range(CLASSES):
        if rest <= 0:
            return
        b, part = a + k * CLASS, c[table_of(s, k) + SHARE_PPM]
        mine = draw_cohort(t, w, i, DRAWS.divided, b + pool, rest, min(1.0, part / max(1, share)))
        rest -= mine
        share -= part
        mine = min(mine, c[b + SIZE])
        remove(c, b, 2, c[b + SIZE], mine)
        c[b + pool + RUNS] += mine


@njit
def time_out_checks(p, s, c, z):
    """The checks of zone ``z`` without an answer have failed: targets leave."""
    for k in range(CLASSES):
        b = z * ZONE + k * CLASS
        left = take_out(c, b + SETTLED, p.unhealthy_count, s.members)
        if c[b + FRESH_ALL] > 0:
            left += take_out(c, b + FRESH, p.unhealthy_count, s.members)
        if left > 0:
            count_class(c, b)
        s.transitions += left


@njit
def judge_zone(t, w, i, p, s, c, z):
    """The turn of zone ``z`` in the balancers' DNS, when its round is over."""
    a = z * ZONE
    stale = 1.0 if z < p.faulty_zones_count else 0.0
    if c[a + WAIT_MS] > 0:
        stale = math.exp(-p.stale_s / (0.001 * c[a + WAIT_MS]))
    for k in range(CLASSES):
        b, of = a + k * CLASS, table_of(s, k)
        well = (1.0 - stale) * (1.0 - blind_ratio(p, s, c, a)) * (1.0 - none_healthy(c, b, of))
        if well > 1.0 - 1e-12 and c[b + DNS] == c[of + BALANCERS]:
            continue
        back = check_round(t, w, i, c, b + DNS, 1.0 - well, p.zone_healthy_count)
        limit = c[of + BALANCERS] if p.velocity_zones_count <= 0.0 else c[of + MAY_LEAVE]
        left = take_out(c, b + DNS, p.unhealthy_count, limit)
        c[of + MAY_LEAVE] -= min(c[of + MAY_LEAVE], left)
        move_balancers(t, w, i, s, c, z, k, left - back)


@njit
def none_healthy(c, b, of):
    """Share of the balancers of the class at ``b`` whose zone has no healthy target."""
    if c[b + SIZE] == 0:
        return 0.0
    return (1.0 - c[b + IN] / c[b + SIZE]) ** (0.001 * c[of + MILLI_SIZE])


@njit
def move_balancers(t, w, i, s, c, z, k, n):
    """Book ``n`` balancers of class ``k`` that took zone ``z`` out of DNS (or back, if negative), and tell of
    a turn."""
    a = z * ZONE
    c[a + k * CLASS + OUT] += n
    c[a + ZONE_OUT] += n
    s.out_of_dns += n
    was_told, share = c[a + IS_TOLD] != 0, c[a + ZONE_OUT] / s.balancers
    if share < (0.5 if was_told else 1.0) * DEGRADED_RATIO:
        c[a + IS_TOLD] = 0
    else:
        c[a + IS_TOLD] = 1
    if (c[a + IS_TOLD] != 0) == was_told:
        return
    s.told += -1 if was_told else 1
    if s.told == 0:
        end_own(t, w, i, ZONE_RETURNED, float(z))
    elif s.told == 1 and not was_told:
        begin_own(t, w, i, ZONE_LEFT, float(z), why_zones_leave(w, i, c, a))
    else:
        emit_own(t, w, i, ZONE_RETURNED if was_told else ZONE_LEFT, float(z), behind(w, i))


@njit
def why_zones_leave(w, i, c, a):
    """What is open where the network configuration comes from, else what the kind's events name."""
    e = c[a + NETWORK]
    if e != OWN and w.edge[e].visible_event != 0:
        return w.edge[e].visible_event
    return behind(w, i)


@njit
def refill_velocity(w, i, p, s, c):
    """What balancers may take out of DNS grows again, up to the limit of a window."""
    per_turn = p.velocity_zones_count * p.interval_s / (s.zones * p.velocity_window_s)
    for k in range(CLASSES):
        of = table_of(s, k)
        limit = int(p.velocity_zones_count * c[of + BALANCERS])
        more = flow(w, i, DRAWS.allowed, per_turn * c[of + BALANCERS])
        c[of + MAY_LEAVE] = min(limit, c[of + MAY_LEAVE] + more)


@njit
def stand_down(t, w, i, s, c):
    """Failover is off: every zone is in DNS."""
    for z in range(s.zones if s.out_of_dns > 0 else 0):
        for k in range(CLASSES):
            b = z * ZONE + k * CLASS
            if c[b + OUT] > 0:
                for run in range(DNS, DNS + 2 * RUNS):
                    c[b + run] = 0
                c[b + DNS] = c[table_of(s, k) + BALANCERS]
                move_balancers(t, w, i, s, c, z, k, -c[b + OUT])
