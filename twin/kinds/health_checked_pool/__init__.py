"""Load balancers, what they balance over, and the checker that decides who serves.

The real system. Network Load Balancers run over several zones. A health-check subsystem tests every balancer
node and every target, takes those that fail out, and takes a zone out of a balancer's DNS when too little of
it is known to work. On 20 October new instances were put into service before their network configuration had
reached them. They failed some checks and passed others; each change of mind is work for the subsystem, which
fell behind, and zones left DNS that had nothing wrong with them. Disabling the automatic failover brought
the capacity back.

The claim. The errors come from a loop of three: members that are not yet propagated, verdicts that
alternate, and a checker that is busy with the alternation and late with everything else. No target has to be
dead. It hurts twice: new members in service fail their connections at once, and zones with old results leave
DNS later, where the rest cannot carry the load.

Members. Per zone there are *settled* members and *fresh* ones (registered, not yet propagated), each in or
out of service and by its run of contrary checks; integers, moved by draw once per zone and interval, the
zones' turns spread evenly. A registration is a call over an async dependency; the newcomer serves at once,
and replaces a random old member. It settles at the rate 1/d, where d is the latency seen over the pool's
`lease` dependency (the propagation delay): its delay is exponential with that mean, because a wheel of ages
would cost a cohort per second of delay. A fresh member fails a check, and a connection, with
`unpropagated_fail_ratio`; a settled one with `fault_ratio`.

Checker. Work is counted in checks: one a member and interval, and `transition_work_count` for a member that
leaves or comes back, because its balancer is judged again as a whole. A transition meets a balancer in
proportion to its size, so what counts is not the mean size but mean × (1 + CV²): with 20 members on average
and a standard deviation of three times that, 200. A balancer waits for one judgement at a time, so
judgements that wait are worth at most one check of everybody; a member waits for one check at a time. Waits
differ between the checker's many workers as in an M/M/1 queue: exponential, with the mean that the queue
says. A late result is old, not failed.

Zones. Per zone, the balancers that have it in DNS and those that have not, by the same runs: a round counts
against a zone that has too few members in service, or whose results are older than `stale_s`. A balancer's
zones fall independently; when all have fallen, all of them serve (`fail_open`).

Left out: which member belongs to which balancer, connections that outlive a member, checks that are skipped
because the previous one still waits.
"""

from __future__ import annotations

import math

import numpy as np

from twin.base.jit import njit
from twin.base.rng import FAIL, OPEN
from twin.kinds.health_checked_pool.check_rounds import RUNS, judge, merge, remove, total
from twin.kinds.health_checked_pool.headroom import remaining, short
from twin.mechanisms.arrays import ASYNC, EDGE_CARRIES, KIND_EVENT_BLOCK, LEASE, OWN, SERVICE_CARRIES
from twin.mechanisms.calls import amplification, answer, arriving, depend, draw, emit, intake, tally
from twin.mechanisms.client_policies import guarded
from twin.mechanisms.detection import open_elsewhere
from twin.mechanisms.sampling import carried
from twin.model.parameter import LATE, Param

PARAMETERS = (
    Param("capacity_per_s", 100_000.0, "1/s", 0.001, 1e12, "calls that all members together can carry",
          "assumed: only a scale", (1000.0, 1e7)),
    Param("latency_s", 0.005, "s", 0.0, 3600.0, "time that a call takes through a balancer",
          "assumed: one more hop inside a zone", (0.001, 0.02)),
    Param("zones_count", 6, "count", 1, 64, "availability zones; read at the start", "PES"),
    Param("targets_count", 120_000, "count", 1, 1e12, "members: nodes and targets; read at the start",
          "assumed: only ratios to it matter", (10_000.0, 1e7)),
    Param("interval_s", 30.0, "s", 1.0, 300.0, "time between two checks of a member",
          "assumed: the public default; the internal checker's is unpublished", (10.0, 30.0)),
    Param("unhealthy_count", 2, "count", 1, 10, "failed rounds in a row that take a member or a zone out",
          "assumed: the public default; the internal checker's is unpublished", (2.0, 3.0)),
    Param("healthy_count", 5, "count", 1, 10, "passed rounds in a row that bring a member or a zone back",
          "assumed: the public default; the internal checker's is unpublished", (3.0, 5.0)),
    Param("fault_ratio", 1e-6, "ratio", 0.0, 1.0,
          "chance that a check, or a connection, of a settled member fails",
          "assumed: rare in a fleet at rest", (0.0, 1e-4)),
    Param("faulty_zones_count", 0, "count", 0, 64,
          "zones, from the first, in which every check and connection fails",
          "assumed: none unless a scenario says so", (0.0, 0.0)),
    Param("unpropagated_fail_ratio", 0.5, "ratio", 0.0, 1.0,
          "chance that a check, or a connection, of a member without its network configuration fails",
          "assumed: results alternated, says PES, so neither 0 nor 1", (0.2, 0.9)),
    Param("wait_for_network", False, "switch", 0, 1,
          "a new member joins only once its network configuration is there; not so on 20 October", "PES"),
    Param("headroom_ratio", 1.2, "ratio", 1.0, 1e9,
          "capacity of the checker, over its work when nothing changes",
          "assumed: a steady load invites little spare capacity", (1.05, 2.0)),
    Param("transition_work_count", 200.0, "count", 0.0, 1e6,
          "checks' worth of work when a member leaves or comes back: members of its balancer",
          "assumed: balancers of 20 members, standard deviation 60, met by size", (20.0, 600.0)),
    Param("failover", True, "switch", 0, 1, "take members and zones out of service by checks", "PES"),
    Param("balancers_count", 6000, "count", 1, 1e9, "load balancers; read at the start",
          "assumed: 20 members each; only ratios matter", (600.0, 1e6)),
    Param("zone_floor_ratio", 0.5, "ratio", 0.0, 1.0, "members in service below which a zone is lost",
          "assumed: unpublished; customers set one member, or a share of their choice", (0.02, 0.9)),
    Param("stale_s", 60.0, "s", 0.1, 86_400.0, "age at which a zone's check results count against it",
          "assumed: two intervals", (30.0, 120.0)),
    Param("velocity_zones_count", 0, "count", 0, 64,
          "zones of a balancer that may leave DNS in a window, AWS's announced fix; 0 = no limit", "PES"),
    Param("velocity_window_s", 600.0, "s", 1.0, 86_400.0, "window of the limit on leaving zones",
          "assumed: long enough for somebody to look", (60.0, 3600.0)),
    Param("fail_open", True, "switch", 0, 1, "when every zone would leave, all of them serve", "NLBDOC"),
    Param("utilisation_low_ratio", 0.2, "ratio", 0.0, 1.0,
          "utilisation of the idlest balancer at the daily peak",
          "assumed: balancers differ; only some had errors", (0.05, 0.4)),
    Param("utilisation_high_ratio", 0.9, "ratio", 0.01, 1.0,
          "utilisation of the busiest balancer at the daily peak",
          "assumed: balancers differ; few run without a zone to spare", (0.7, 1.0)),
)  # fmt: skip
BREAKS = {
    "down": {"fault_ratio": 1.0},
    "slow": {"latency_s": LATE},
    "partial": {"fault_ratio": 0.5},
}
STATE = [
    ("zones", "i8"), ("members", "i8"), ("balancers", "i8"), ("newcomers", "i8"), ("settled_newcomers", "i8"),
    ("checks", "i8"), ("updates", "i8"), ("transitions", "i8"), ("zone_transitions", "i8"),
    ("out_of_dns", "i8"), ("may_leave", "f8"), ("lease", "i8"),
]  # fmt: skip
EVENTS = ("zone_left_dns", "zone_returned")

# A zone's cells: pools of settled members, of fresh members, and of balancers' DNS; then these totals.
SETTLED, FRESH, DNS, COHORTS = 0, 2 * RUNS, 4 * RUNS, 6 * RUNS
SIZE, IN, FRESH_IN, FRESH_ALL, OUT, ZONE = range(COHORTS, COHORTS + 6)
ALL = 1 << 30  # cohort key of draws that concern no zone
CHECKS, UPDATES, CHECKED, UPDATED = 8, 9, 10, 11  # carry slots that no draw uses


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
def registered(t, w, i):
    """Members that are registered in this tick: calls over async dependencies."""
    row, total = w.svc[i], 0
    for n in range(row.in_start, row.in_end):
        if w.edge[w.into[n]].mode == ASYNC:
            total += arriving(t, w, w.into[n])
    return total


@njit
def find_lease(w, i):
    """The dependency whose latency is the propagation delay, or OWN; dependencies never change in a run."""
    row = w.svc[i]
    for e in range(row.out_start, row.out_end):
        if w.edge[e].mode == LEASE:
            return e
    return OWN


@njit
def settles(delay_s, over_s):
    """Chance that a fresh member is propagated within ``over_s``."""
    return 1.0 - math.exp(-over_s / delay_s) if delay_s > 0.0 else 1.0


@njit
def count(c, a):
    """Bring the totals of the zone at ``a`` up to date."""
    c[a + FRESH_IN] = total(c, a + FRESH, RUNS)
    c[a + FRESH_ALL] = total(c, a + FRESH, 2 * RUNS)
    c[a + IN] = total(c, a + SETTLED, RUNS) + c[a + FRESH_IN]


@njit
def checker_rate(p, s):
    """Checks a second that the checker can do."""
    return p.headroom_ratio * s.members / p.interval_s


@njit
def wait(p, s):
    """Mean time in s that a check waits for the checker."""
    return (s.checks + s.updates * p.transition_work_count) / checker_rate(p, s)


@njit
def inspect(t, w, i, p, s, c, z, delay_s):
    """The turn of zone ``z``: members settle, newcomers join, all are checked. Returns the transitions."""
    a = z * ZONE
    if c[a + FRESH_ALL] > 0:
        merge(t, w, i, c, a + FRESH, a + SETTLED, settles(delay_s, p.interval_s))
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
    left, back = judge(t, w, i, c, a + SETTLED, fault, p.unhealthy_count, p.healthy_count, s.members)
    moved = left + back
    if c[a + FRESH_ALL] + fresh > 0:
        fault = max(fault, p.unpropagated_fail_ratio)
        left, back = judge(t, w, i, c, a + FRESH, fault, p.unhealthy_count, p.healthy_count, s.members)
        moved += left + back
    if moved > 0 or c[a + FRESH_ALL] + fresh > 0:
        count(c, a)
    s.transitions += moved
    return moved


@njit
def verdict(t, w, i, p, s, c, z):
    """The turn of zone ``z`` in the balancers' DNS: too little of it works, or its results are old."""
    a = z * ZONE
    late = wait(p, s)
    fail = math.exp(-p.stale_s / late) if late > 0.0 else 0.0
    if c[a + IN] < p.zone_floor_ratio * c[a + SIZE]:
        fail = 1.0
    if fail < 1e-12 and c[a + DNS] == s.balancers:
        return
    limit = s.balancers if p.velocity_zones_count <= 0.0 else int(s.may_leave)
    left, back = judge(t, w, i, c, a + DNS, fail, p.unhealthy_count, p.healthy_count, limit)
    s.may_leave -= min(s.may_leave, left)
    s.zone_transitions += left + back
    move(t, w, i, s, c, z, left - back)


@njit
def move(t, w, i, s, c, z, n):
    """Book ``n`` balancers that took zone ``z`` out of DNS (or back, if negative), and tell of a turn."""
    row, a = w.svc[i], z * ZONE
    was_out, any_out = c[a + OUT] > 0, s.out_of_dns > 0
    c[a + OUT] += n
    s.out_of_dns += n
    if (c[a + OUT] > 0) == was_out:
        return
    cause = row.input_event
    if not was_out and s.lease != OWN and w.edge[s.lease].seen_event != 0:
        cause = w.edge[s.lease].seen_event
    elif any_out and cause == 0:
        cause = row.own_event
    if cause == 0:
        cause = open_elsewhere(w, i)
    event = emit(t, w, i, KIND_EVENT_BLOCK * (1 + row.kind) + was_out, i, float(z), cause)
    if any_out != (s.out_of_dns > 0):
        row.own_event = event  # the first zone to leave, or the last to return


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
            move(t, w, i, s, c, z, -c[a + OUT])


@njit
def work(p, s, carry, slot, dt, moved):
    """One tick of the checker: checks fall due, transitions ask for judgements, the queue is served."""
    due = carried(s.members / p.interval_s * dt, carry, slot + CHECKS)
    asked = 0
    unit = p.transition_work_count
    if moved > 0 and unit > 0.0 and p.failover != 0.0:
        balancers = max(1.0, s.members / unit)
        free = max(0.0, balancers - s.updates)
        asked = min(int(free), carried(free * (1.0 - math.exp(-moved / balancers)), carry, slot + UPDATES))
    able = checker_rate(p, s) * dt
    s.checks = min(s.members, s.checks + due)
    s.updates += asked
    waiting = s.checks + s.updates * unit
    if waiting <= able:
        s.checks = s.updates = 0
        return
    served = carried(able * (s.updates / waiting), carry, slot + UPDATED)
    s.updates -= min(s.updates, served)
    s.checks -= min(s.checks, carried(able * (s.checks / waiting), carry, slot + CHECKED))


@njit
def serving(p, s, c, load):
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
        return able / size, short(able / size, low, high), fault, fresh
    lost = np.zeros(s.zones)
    for z in range(s.zones):
        lost[z] = c[z * ZONE + OUT] / s.balancers
    room, lack = remaining(lost, able / size, p.fail_open != 0.0, low, high)
    return room, lack, fault, fresh


@njit
def reply(w, i, ok, members_ok, latency_s):
    """Registrations never fail; a caller that names its own utilisation works out itself what room means."""
    answer(w, i, ok, latency_s)
    row = w.svc[i]
    for n in range(row.in_start, row.in_end):
        r = w.edge[w.into[n]]
        if r.mode == ASYNC:
            r.ok, r.attempt_ok = 1.0, 1.0
        elif r.utilisation_ratio > 0.0 and r.attempt_ok > 0.0:
            r.attempt_ok = members_ok
            _, lost = amplification(1.0 - members_ok, r.retries, r.retry_budget_ratio)
            r.ok = (1.0 - lost) * (r.pass_ratio if guarded(r) else 1.0)


@njit
def step(t, w, i, p, s, c):
    """One tick: newcomers, the turns of zones, the checker's queue, and what traffic finds."""
    row, dt = w.svc[i], w.tick_s[0]
    came = registered(t, w, i)
    traffic = intake(t, w, i) - came
    row.offered = traffic
    if t == 0:
        s.lease = find_lease(w, i)
    delay_s = w.edge[s.lease].seen_latency_s if s.lease != OWN else 0.0
    s.newcomers += came
    if s.newcomers > 0:
        ready = draw(t, w, i, OPEN, ALL, s.newcomers, settles(delay_s, dt))
        s.newcomers -= ready
        s.settled_newcomers += ready

    moved = 0
    turns = max(1, int(p.interval_s / dt + 0.5))
    first = (t % turns * s.zones + turns - 1) // turns  # zone z has its turn at tick z * turns // zones
    for z in range(first, ((t % turns + 1) * s.zones + turns - 1) // turns):
        moved += inspect(t, w, i, p, s, c, z, delay_s)
        if p.failover != 0.0:
            verdict(t, w, i, p, s, c, z)
    if p.failover == 0.0:
        stand_down(t, w, i, s, c)
    if p.velocity_zones_count > 0.0:
        quota = p.velocity_zones_count * s.balancers
        s.may_leave = min(quota, s.may_leave + quota * dt / p.velocity_window_s)
    work(p, s, w.carry, EDGE_CARRIES * len(w.edge) + SERVICE_CARRIES * i, dt, moved)

    room, lack, fault, unpropagated = serving(p, s, c, row.load_ratio)
    ok, wait_s = depend(t, w, i, traffic)
    row.own_blame = 1.0 - (1.0 - lack) * (1.0 - fault)
    if s.lease != OWN:
        w.edge[s.lease].blame = unpropagated
    members_ok = ok * (1.0 - fault) * (1.0 - unpropagated)
    row.capacity_per_s = p.capacity_per_s * room
    reply(w, i, members_ok * (1.0 - lack), members_ok, p.latency_s + wait_s)
    failed = draw(t, w, i, FAIL, ALL, traffic, 1.0 - members_ok * (1.0 - lack))
    tally(w, i, traffic - failed, failed)


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
