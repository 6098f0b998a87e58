"""Load balancers, their targets, and the checker that decides which of them serve.

The real system. Network Load Balancers run over several zones. A health-check subsystem tests every balancer
node and every target. It takes those that fail out of service, and a zone out of a balancer's DNS when too
little of it works. On 20 October new instances were put into service before their network configuration had
reached them. They failed some checks and passed others. Each change is work for the subsystem, which fell
behind, and zones without any fault left DNS. Disabling the automatic failover brought the capacity back.

    member   registered ──▶ fresh ──configured──▶ settled         each in service, or out of it
             in service ──failed rounds in a row──▶ out ──passed rounds in a row──▶ in service
    zone     in a balancer's DNS ──too few members, or old results──▶ out of it ──passed rounds──▶ in

The claim. Three things amplify each other: members without configuration, alternating results, and a
checker that is late because it is busy with them. No target has to be dead. The loop hurts twice. New
members in service fail their connections at once. Later, zones with old results leave DNS, and the others
cannot carry the load.

Members. A zone has *settled* and *fresh* members (registered, not yet configured). Each is in or out of
service. The model counts its consecutive checks that contradict this state. Once per interval, random draws
move members between states, one zone after another. A registration is a call over an async dependency. The
newcomer serves at once, and replaces a random old member. It settles at the rate 1/d, where d is the latency
of the pool's `lease` dependency (the propagation delay). So it waits d seconds on average, with an
exponential distribution. Exact delays would need one counter for each second of delay. A fresh member fails a
check, and a connection, with `unpropagated_fail_ratio`, a settled one with `fault_ratio`.

A check that gets no answer fails `check_timeout_s` after it was sent. So a member that falls silent leaves
between (N - 1) × interval + time-out and N × interval + time-out later, where N is `unhealthy_count`.

Checker. Work is counted in checks: one for each member and interval. A member that leaves or comes back costs
`transition_work_count`, because its balancer is judged again as a whole. Large balancers have more
transitions. So the model uses the mean size weighted by size, mean × (1 + CV²), where CV is the standard
deviation divided by the mean. It is 200 for a mean of 20 members and a standard deviation of 60. Each
balancer has at most one evaluation in the queue, so these are at most one check per member. A member waits
for one check at a time. Waiting times are random: exponential, with the mean of the queue. A late result is
old, not failed.

Zones. For each zone, the model also counts consecutive good or bad rounds. It does so for balancers that have
the zone in DNS, and for the others. A round counts against a zone with too few members in service, or with
results older than `stale_s`. Each zone of a balancer leaves DNS independently of the others. When all have
left, all of them serve (`fail_open`).

Events. ``zone_left_dns``: the first balancers take a zone out of DNS; ``zone_returned``: none has it out any
more.

Left out: the balancer of a single member, connections that outlive a member, checks that are skipped because
the previous one still waits.
"""

from __future__ import annotations

import numpy as np

from twin.base.jit import njit
from twin.kinds.health_checked_pool.check_rounds import total
from twin.kinds.health_checked_pool.checker import work_off_checks
from twin.kinds.health_checked_pool.control_loop import Checks
from twin.kinds.health_checked_pool.headroom import remaining_capacity, short_ratio
from twin.kinds.health_checked_pool.parameters import (
    ALL,
    BREAKS,
    COHORTS,
    DNS,
    DRAWS,
    EVENTS,
    FRESH_ALL,
    FRESH_IN,
    IN,
    OUT,
    PARAMETERS,
    RUNS,
    SETTLED,
    SIZE,
    STATE,
    ZONE,
)
from twin.kinds.health_checked_pool.zones import (
    check_zone,
    judge_zone,
    settling_chance,
    stand_down,
    time_out_checks,
)
from twin.mechanisms.arrays import ASYNC, LEASE, OWN
from twin.mechanisms.books import arriving, ended_requests
from twin.mechanisms.calls import amend, answer, as_said, depend, draw_cohort, expose, intake, tally
from twin.mechanisms.client_policies import amplification, guarded
from twin.model.kind import About, Remedy

__all__ = ["ABOUT", "BREAKS", "DRAWS", "EVENTS", "PARAMETERS", "STATE", "cells", "check", "init", "step"]

ABOUT = About(
    remedies=(Remedy("switch failover off", lambda value: {"failover": False}),),
    control_loop=Checks,
    keeps_leases=True,
)


def cells(p, callers, tick_s: float) -> int:
    """Cohorts of each zone."""
    return int(p.zones_count) * ZONE


def init(p, s, c, callers, tick_s: float) -> None:
    """Every member is settled and in service, every zone in DNS."""
    s.zones, s.members, s.balancers = int(p.zones_count), int(p.targets_count), int(p.balancers_count)
    s.may_leave = p.velocity_zones_count * s.balancers
    for z in range(s.zones):
        size = s.members * (z + 1) // s.zones - s.members * z // s.zones
        c[z * ZONE + SETTLED] = c[z * ZONE + SIZE] = c[z * ZONE + IN] = size
        c[z * ZONE + DNS] = s.balancers


@njit
def registrations(t, w, i):
    """Members that are registered in this tick: calls over async dependencies."""
    panel, total = w.svc[i], 0
    for n in range(panel.in_start, panel.in_end):
        if w.edge[w.incoming[n]].mode == ASYNC:
            total += arriving(t, w, w.incoming[n])
    return total


@njit
def lease_of(w, i):
    """The dependency whose latency is the propagation delay, or OWN; dependencies never change in a run."""
    panel = w.svc[i]
    for e in range(panel.out_start, panel.out_end):
        if w.edge[e].mode == LEASE and w.edge[e].is_condition == 0:
            return e
    return OWN


@njit(allocates=True)
def traffic_meets(p, s, c, load):
    """What traffic meets: (mean capacity left, share of calls without room, share that meet a fault, share
    that meet a member without its configuration). ``load``: utilisation over that of the daily peak."""
    off = p.fail_open != 0.0 and s.out_of_dns == s.zones * s.balancers
    able, size, fault, fresh = 0.0, 0.0, 0.0, 0.0
    if p.wait_for_network == 0.0:
        fresh = s.newcomers * p.unpropagated_fail_ratio
    for z in range(s.zones):
        a = z * ZONE
        ratio = 1.0 if off else 1.0 - c[a + OUT] / s.balancers
        # Without failover a zone of which nothing works is sent its share as before.
        blind = off or (p.failover == 0.0 and c[a + IN] < p.zone_floor_ratio * c[a + SIZE])
        n = ratio * (c[a + SIZE] if blind else c[a + IN])
        new = ratio * (c[a + FRESH_ALL] if blind else c[a + FRESH_IN])
        bad = 1.0 if z < p.faulty_zones_count else p.fault_ratio
        able += n
        size += ratio * c[a + SIZE]
        fault += (n - new) * bad
        fresh += new * max(bad, p.unpropagated_fail_ratio)
    if able == 0.0:
        return 0.0, 1.0, 0.0, 0.0
    low, high = p.utilisation_low_ratio * load, p.utilisation_high_ratio * load
    fault, fresh = fault / able, min(1.0, fresh / able)
    if off or s.out_of_dns == 0:
        return able / size, short_ratio(able / size, low, high), fault, fresh
    lost = np.zeros(s.zones)
    for z in range(s.zones):
        lost[z] = c[z * ZONE + OUT] / s.balancers
    capacity, lack = remaining_capacity(lost, able / size, p.fail_open != 0.0, low, high)
    return capacity, lack, fault, fresh


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


@njit
def first_zone(s, t, turns, after=0):
    """The first zone with its turn in tick ``t`` or, ``after`` it: zone z has it at tick z·turns // zones."""
    return ((t % turns + after) * s.zones + turns - 1) // turns


@njit
def end_rounds(t, w, i, p, s, c, began, turns):
    """The rounds begun in tick ``began`` are over: members leave, and zones. Returns how many members."""
    left = 0
    if began >= 0:
        for z in range(first_zone(s, began, turns), first_zone(s, began, turns, 1)):
            left += time_out_checks(p, s, c, z)
            if p.failover != 0.0:
                judge_zone(t, w, i, p, s, c, z)
    return left


@njit
def change_members(t, w, i, p, s, c, came, delay_s):
    """Newcomers settle, zones have their turns, the checker works off its queue."""
    dt = w.tick_s[0]
    s.newcomers += came
    if s.newcomers > 0:
        ready = draw_cohort(t, w, i, DRAWS.settled, ALL, s.newcomers, settling_chance(delay_s, dt))
        s.newcomers -= ready
        s.settled_newcomers += ready

    moved = 0
    turns = max(1, int(p.interval_s / dt + 0.5))
    late = min(turns, int(p.check_timeout_s / dt + 0.5))
    if late > 0:
        moved += end_rounds(t, w, i, p, s, c, t - late, turns)
    for z in range(first_zone(s, t, turns), first_zone(s, t, turns, 1)):
        moved += check_zone(t, w, i, p, s, c, z, delay_s)
    if late == 0:
        moved += end_rounds(t, w, i, p, s, c, t, turns)
    if p.failover == 0.0:
        stand_down(t, w, i, s, c)
    if p.velocity_zones_count > 0.0:
        quota = p.velocity_zones_count * s.balancers
        s.may_leave = min(quota, s.may_leave + quota * dt / p.velocity_window_s)
    work_off_checks(t, w, i, p, s, moved)


@njit
def step(t, w, i, p, s, c):
    """One tick: members and zones change, and what traffic meets."""
    panel = w.svc[i]
    came = registrations(t, w, i)
    traffic = intake(t, w, i) - came
    panel.offered = traffic
    if t == 0:
        s.lease = lease_of(w, i)
    delay_s = w.edge[s.lease].visible_latency_s if s.lease != OWN else 0.0
    change_members(t, w, i, p, s, c, came, delay_s)

    capacity, lack, fault, unpropagated = traffic_meets(p, s, c, panel.load_ratio)
    ok, wait_s = depend(t, w, i, traffic)
    expose(w, i, p.capacity_per_s * capacity, 0, 1.0 - (1.0 - lack) * (1.0 - fault))
    if s.lease != OWN:
        w.edge[s.lease].blame = unpropagated
    members_ok = ok * (1.0 - fault) * (1.0 - unpropagated)
    answer_callers(w, i, members_ok * (1.0 - lack), members_ok, p.latency_s + wait_s)
    done, well = ended_requests(w, i)
    good_ratio = well * (1.0 - fault) * (1.0 - unpropagated) * (1.0 - lack)
    failed = draw_cohort(t, w, i, DRAWS.failed, ALL, done, 1.0 - good_ratio)
    tally(w, i, done - failed, failed)


@njit
def check(p, s, c):
    """Members and balancers of every zone are conserved, and the checker's queue is bounded."""
    sound = s.newcomers >= 0 and s.settled_newcomers >= 0 and 0 <= s.checks <= s.members and s.updates >= 0
    out = 0
    for z in range(s.zones):
        a = z * ZONE
        for k in range(COHORTS):
            sound = sound and c[a + k] >= 0
        gone = total(c, a + DNS + RUNS, RUNS)
        sound = sound and gone == c[a + OUT] and gone + total(c, a + DNS, RUNS) == s.balancers
        sound = sound and total(c, a, DNS) == c[a + SIZE]
        out += gone
    return sound and out == s.out_of_dns
