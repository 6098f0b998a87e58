"""Load balancers, their targets, and the checker that decides which of them serve.

The real system. Network Load Balancers run over several zones. A health-check subsystem tests every balancer
node and every target. It takes those that fail out of service, and a zone out of a balancer's DNS when its
node or all its targets fail. On 20 October instances were put into use before their network configuration had
reached them. Checks failed for targets that were well, and results alternated. The subsystem fell behind, and
zones without any fault left DNS. Disabling the automatic failover brought the capacity back.

    target   registered ──▶ out of service ──passed rounds in a row──▶ in service
                                  ▲────────failed rounds in a row──────────┘
             fresh ──its network is there──▶ settled
    host     of the checker: in use ──▶ due ──launched──▶ without network ──▶ in use          (checker.py)
    zone     in a balancer's DNS ──failed or late rounds──▶ out of it ──passed rounds──▶ in     (zones.py)
    clients  know of it after the life of a DNS answer, and move as their connections end     (traffic.py)

The claim. A check that fails is held for its time-out, a thousand times as long as one that passes. Each
host of the checker can hold a fixed number. So a few instances without network are much work. Two kinds of
newcomers bring them (``newcomers``). *Targets* fail their checks, and only these. *Hosts of the checker* fail
checks of any target. A late checker has old results, and zones with old results leave DNS. No target has to
be dead. Newcomers serve only after their first checks have passed, so they hurt nobody by themselves. The
loop ends when networks are there again.

Targets. A zone has *settled* and *fresh* targets (registered, not yet configured), each in service or out.
The model counts the consecutive checks that contradict this state. Once per interval, random draws move
targets between states, one zone after another. A registration is a call over an async dependency. The
newcomer takes the place of a random old target. It settles at the rate 1/d, where d is the latency of the
zone's network. A fresh target fails a check, and a connection, with ``unpropagated_fail_ratio``, a settled
one with ``fault_ratio``.

How many. A target lives for days (``target_life_s``). This times the undisturbed registrations, measured in
the first minutes, is the number of real targets. A registration replaces the share of the model's targets
that it replaces of these.

Balancers come in four classes (balancer_classes.py). In a small one, one bad target is much of a zone.

Checker. Each zone has its own, so a dead zone delays no check of another. It can hold ``headroom_ratio``
times the checks of a usual day, a number that no setting changes later. A target waits for one check at a
time. Waiting times are exponential, with the mean of the queue. A late result is old, not failed.

A check that gets no answer fails ``check_timeout_s`` after it was sent. So a target that falls silent leaves
between (N - 1) × interval + time-out and N × interval + time-out later, where N is ``unhealthy_count``.

Zones. Each zone of a balancer leaves DNS independently of the others. When all have left, all serve
(``fail_open``). Dependencies by zone: those of mode lease with ``share`` 0 tell the delay of the network,
those with calls launch hosts of the checker. The k-th of each belongs to zone k, and one serves all.

Events. ``zone_left_dns``: one balancer in a hundred has a zone out of DNS; ``zone_returned``: fewer than half
as many have it out.

Left out: balancers in fewer zones than all, checks by connections themselves, and rounds that take longer
when checks are late. Targets that fail are not replaced. In reality, that launches more newcomers.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.base.thresholds import QUIET_S
from twin.kinds.health_checked_pool.balancer_classes import classes
from twin.kinds.health_checked_pool.check_rounds import total
from twin.kinds.health_checked_pool.checker import check_cost_s
from twin.kinds.health_checked_pool.control_loop import Checks
from twin.kinds.health_checked_pool.parameters import (
    ALL,
    BALANCERS,
    BLIND,
    BREAKS,
    CHECKS,
    CLASS,
    CLASSES,
    COHORTS,
    DNS,
    DRAWS,
    DUE,
    EVENTS,
    HOSTS,
    IN,
    LAUNCHES,
    LEFT,
    MAY_LEAVE,
    MILLI_SIZE,
    NETWORK,
    NEW,
    OUT,
    PARAMETERS,
    RUNS,
    SETTLED,
    SHARE_PPM,
    SIZE,
    STATE,
    TABLE,
    UNRESOLVED,
    WAITING,
    ZONE,
)
from twin.kinds.health_checked_pool.traffic import answer_callers, move_connections, traffic_meets
from twin.kinds.health_checked_pool.zones import (
    check_zone,
    judge_zone,
    refill_velocity,
    stand_down,
    time_out_checks,
)
from twin.mechanisms.arrays import ASYNC, LEASE, OWN
from twin.mechanisms.books import arriving, ended_requests
from twin.mechanisms.calls import depend, draw_cohort, expose, flow, intake, tally
from twin.model.kind import About, Remedy

__all__ = ["ABOUT", "BREAKS", "DRAWS", "EVENTS", "PARAMETERS", "STATE", "cells", "check", "init", "step"]

ABOUT = About(
    remedies=(Remedy("switch failover off", lambda value: {"failover": False}),),
    control_loop=Checks,
    keeps_leases=True,
    reads_zones=True,
)

SETTLE_S = 60.0  # from the start until registrations come at their rate


def cells(p, callers, tick_s: float) -> int:
    """Cohorts of each zone, and a table of the classes of balancers."""
    return int(p.zones_count) * ZONE + CLASSES * TABLE


def init(p, s, c, callers, tick_s: float) -> None:
    """Every target is settled and in service, every zone in DNS, every host of the checker connected."""
    s.zones, s.members = int(p.zones_count), int(p.targets_count)
    checks_per_s = s.members / (1.0 - p.broken_ratio) / p.sized_interval_s
    s.usual_checks = checks_per_s * check_cost_s(p, p.broken_ratio) / s.zones
    s.hosts = int(p.checkers_count) // s.zones
    for z in range(s.zones):
        c[z * ZONE + HOSTS] = s.hosts
    shared = classes(p.balancer_targets_count, p.size_spread_ratio, p.churn_spread_ratio)
    for k, (targets_count, newcomers_ratio) in enumerate(shared):
        of = s.zones * ZONE + k * TABLE
        c[of + BALANCERS] = max(1, round(s.members / CLASSES / targets_count))
        c[of + SHARE_PPM] = round(1e6 * newcomers_ratio)
        c[of + MILLI_SIZE] = round(1000.0 * max(1.0, targets_count / s.zones))
        c[of + MAY_LEAVE] = int(p.velocity_zones_count * c[of + BALANCERS])
        s.balancers += c[of + BALANCERS]
    parts = s.zones * CLASSES
    for n in range(parts):
        b = n // CLASSES * ZONE + n % CLASSES * CLASS
        size = s.members * (n + 1) // parts - s.members * n // parts
        c[b + SETTLED] = c[b + SIZE] = c[b + IN] = size
        c[b + DNS] = c[s.zones * ZONE + n % CLASSES * TABLE + BALANCERS]


@njit
def find_dependencies(w, i, s, c):
    """Which dependency a zone reads for its network, and which for launches of its checker's hosts: of those
    of mode lease without calls, and with calls, the one of its number, or the last. Registrations come over
    async dependencies: one for each zone, or one for all."""
    panel = w.svc[i]
    for z in range(s.zones):
        c[z * ZONE + NETWORK] = c[z * ZONE + LAUNCHES] = OWN
        networks, launches = 0, 0
        for e in range(panel.out_start, panel.out_end):
            if w.edge[e].mode != LEASE or w.edge[e].is_condition != 0:
                continue
            if w.edge[e].share <= 0.0:
                if networks <= z:
                    c[z * ZONE + NETWORK] = e
                networks += 1
            else:
                if launches <= z:
                    c[z * ZONE + LAUNCHES] = e
                launches += 1
    ways = 0
    for n in range(panel.in_start, panel.in_end):
        ways += w.edge[w.incoming[n]].mode == ASYNC
    s.own_registrations = 1 if ways == s.zones and s.zones > 1 else 0


@njit
def register(t, w, i, p, s, c):
    """Targets that are registered in this tick: calls over async dependencies. Returns these calls.

    Each stands for as many of the model's targets as the targets that there really are for each of those."""
    panel, came, way = w.svc[i], 0, 0
    weight = weight_of(t, w, i, p, s)
    for n in range(panel.in_start, panel.in_end):
        if w.edge[w.incoming[n]].mode != ASYNC:
            continue
        calls = arriving(t, w, w.incoming[n])
        came += calls
        if calls > 0 and weight > 0.0:
            joined = flow(w, i, DRAWS.joined, calls * weight)
            if s.own_registrations != 0:
                c[way * ZONE + NEW] += joined
            else:
                s.newcomers += joined
        way += 1
    if SETTLE_S <= t * w.tick_s[0] < QUIET_S:
        s.registered += came
    return came


@njit
def weight_of(t, w, i, p, s):
    """Targets of the model for one registration: 1, or the modelled targets over the real ones, which are the
    undisturbed registrations times the life of a target. 0 while the rate is not yet known."""
    if p.target_life_s <= 0.0:
        return 1.0
    seconds, panel = t * w.tick_s[0], w.svc[i]
    if seconds < QUIET_S:
        return 0.0
    if s.usual_per_s == 0.0:
        mean_day = (1.0 - 0.5 * panel.swing_ratio) / panel.load_ratio
        s.usual_per_s = max(1e-9, s.registered / (QUIET_S - SETTLE_S) * mean_day)
    return 1.0 if s.registered == 0 else s.members / (s.usual_per_s * p.target_life_s)


@njit
def first_zone(s, t, turns, after=0):
    """The first zone with its turn in tick ``t`` or, ``after`` it: zone z has it at tick z·turns // zones."""
    return ((t % turns + after) * s.zones + turns - 1) // turns


@njit
def end_rounds(t, w, i, p, s, c, began, turns):
    """The rounds begun in tick ``began`` are over: targets leave, and zones."""
    if began < 0:
        return
    for z in range(first_zone(s, began, turns), first_zone(s, began, turns, 1)):
        time_out_checks(p, s, c, z)
        if p.velocity_zones_count > 0.0:
            refill_velocity(w, i, p, s, c)
        if p.failover != 0.0:
            judge_zone(t, w, i, p, s, c, z)


@njit
def have_turns(t, w, i, p, s, c):
    """Zones have their turns, and end them a time-out later."""
    turns = max(1, int(p.interval_s / w.tick_s[0] + 0.5))
    late = min(turns, int(p.check_timeout_s / w.tick_s[0] + 0.5))
    if late > 0:
        end_rounds(t, w, i, p, s, c, t - late, turns)
    for z in range(first_zone(s, t, turns), first_zone(s, t, turns, 1)):
        check_zone(t, w, i, p, s, c, z)
    if late == 0:
        end_rounds(t, w, i, p, s, c, t, turns)
    if p.failover == 0.0:
        stand_down(t, w, i, s, c)


@njit
def step(t, w, i, p, s, c):
    """One tick: targets and zones change, and what traffic meets."""
    panel = w.svc[i]
    if t == 0:
        find_dependencies(w, i, s, c)
    came = register(t, w, i, p, s, c)
    traffic = intake(t, w, i) - came
    panel.offered = traffic
    have_turns(t, w, i, p, s, c)
    move_connections(t, w, i, p, s, c)

    capacity, lack, fault, unpropagated = traffic_meets(p, s, c, panel.load_ratio)
    ok, wait_s = depend(t, w, i, traffic)
    expose(w, i, p.capacity_per_s * capacity, 0, 1.0 - (1.0 - lack) * (1.0 - fault))
    for z in range(s.zones):
        if c[z * ZONE + NETWORK] != OWN:
            w.edge[c[z * ZONE + NETWORK]].blame = unpropagated
    members_ok = ok * (1.0 - fault) * (1.0 - unpropagated)
    answer_callers(w, i, members_ok * (1.0 - lack), members_ok, p.latency_s + wait_s)
    done, well = ended_requests(w, i)
    good_ratio = well * (1.0 - fault) * (1.0 - unpropagated) * (1.0 - lack)
    failed = draw_cohort(t, w, i, DRAWS.failed, ALL, done, 1.0 - good_ratio)
    tally(w, i, done - failed, failed)


@njit
def check(p, s, c):
    """Targets, balancers and hosts of every zone are conserved, and its queue of checks is bounded."""
    sound, out, left = s.newcomers >= 0, 0, 0
    for z in range(s.zones):
        a = z * ZONE
        sound = sound and c[a + NEW] >= 0 and c[a + WAITING] >= 0 and c[a + CHECKS] >= 0
        sound = sound and 0 <= c[a + BLIND] <= c[a + HOSTS] and c[a + DUE] >= 0
        for k in range(CLASSES):
            b, pools = a + k * CLASS, c[s.zones * ZONE + k * TABLE + BALANCERS]
            for n in range(COHORTS):
                sound = sound and c[b + n] >= 0
            gone = total(c, b + DNS + RUNS, RUNS)
            sound = sound and gone == c[b + OUT] and gone + total(c, b + DNS, RUNS) == pools
            sound = sound and total(c, b, DNS) == c[b + SIZE]
            sound = sound and 0 <= c[b + UNRESOLVED] <= pools and 0 <= c[b + LEFT] <= pools
            out += gone
            left += c[b + LEFT]
    return sound and out == s.out_of_dns and left == s.left
