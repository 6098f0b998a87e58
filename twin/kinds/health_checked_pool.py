"""Load balancers, what they balance over, and the checker that decides who serves.

The real system. Network Load Balancers run over several zones. A health-check subsystem tests every
balancer node and every target, takes those that fail out, and takes a zone out of a balancer's DNS when too
little is left in it. On 20 October new instances were put into service before their network configuration
had reached them. They failed some checks and passed others; each change of mind is work for the subsystem,
which fell behind, and then took zones out of service that had nothing wrong with them. Disabling the
automatic failover brought the capacity back.

The claim. The errors come from a loop of three: members that are not yet propagated, verdicts that
alternate, and a checker whose late results count as failures. No target has to be dead. While results are
late everybody fails, then verdicts stop changing, the checker catches up, and it starts again: a relaxation
oscillation.

Members. Per zone there are *settled* members and *fresh* ones (registered, not yet propagated), each by in
or out of service and by the run of checks that contradict it; integers, moved by draw once per zone and
interval, the zones' turns spread evenly. A registration is a call over an async dependency; the newcomer
serves at once, and replaces a random old member. It settles at the rate 1/d, where d is the latency seen
over the pool's `lease` dependency (the propagation delay), so its delay is exponential with that mean: a
wheel of ages would cost a cohort per second of delay. A fresh member fails a check, or a connection, with
``unpropagated_fail_ratio``; a settled one with ``fault_ratio``.

Checker. Work is counted in checks: one a member and interval, and ``transition_work_count`` for a member
that leaves or comes back. Why about 200: a transition makes each of six zones' copies of the checker judge
its balancer again, over all of the balancer's members (a few dozen), and publish DNS. A balancer waits for
at most one such judgement, which bounds this work at zones × members; a member waits for at most one check.
One first-in-first-out queue.

Left out: single balancers (they differ in utilisation only), cross-zone balancing, connections that outlive
a member.
"""

from __future__ import annotations

import math

from numba import njit

from twin.parts.draws import carried
from twin.parts.kind import Param
from twin.parts.records import ASYNC, EDGE_CARRIES, KIND_EVENT_BLOCK, LEASE, OWN, SERVICE_CARRIES
from twin.parts.signals import amplification, answer, arriving, depend, draw, emit, intake, tally
from twin.rng import CHECK, FAIL, OPEN

PARAMETERS = (
    Param("capacity_per_s", 100_000.0, "1/s", 0.001, 1e12, "calls that all members together can carry",
          "assumed: only a scale", (1000.0, 1e7)),
    Param("latency_s", 0.005, "s", 0.0, 60.0, "time that a call takes through a balancer",
          "assumed: one more hop inside a zone", (0.001, 0.02)),
    Param("zones_count", 6, "count", 1, 64, "availability zones; read at the start", "PES"),
    Param("targets_count", 120_000, "count", 1, 1e12, "members: nodes and targets; read at the start",
          "assumed: only ratios to it matter", (10_000.0, 1e7)),
    Param("interval_s", 30.0, "s", 1.0, 300.0, "time between two checks of a member",
          "assumed: the public default; the internal checker's is unpublished", (10.0, 30.0)),
    Param("timeout_s", 10.0, "s", 0.1, 120.0, "a result later than this counts as failed",
          "assumed: the public default for TCP; the internal checker's is unpublished", (2.0, 10.0)),
    Param("unhealthy_count", 2, "count", 1, 10, "failed checks in a row that take a member out",
          "assumed: the public default; the internal checker's is unpublished", (2.0, 3.0)),
    Param("healthy_count", 5, "count", 1, 10, "passed checks in a row that bring a member or a zone back",
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
    Param("headroom_ratio", 1.2, "ratio", 1.0, 1e9,
          "capacity of the checker, over its work when nothing changes",
          "assumed: a steady load invites little spare capacity", (1.05, 2.0)),
    Param("transition_work_count", 200.0, "count", 0.0, 1e6,
          "checks' worth of work when a member leaves or comes back",
          "assumed: six copies judge a balancer of some 30 members again, and update DNS", (20.0, 600.0),
          reflex=0.0),
    Param("failover", True, "switch", 0, 1, "take members and zones out of service by their checks", "PES"),
    Param("zone_floor_ratio", 0.5, "ratio", 0.0, 1.0,
          "share of members in service below which a zone leaves DNS",
          "assumed: unpublished; customers set one member, or a share of their choice", (0.02, 0.9)),
    Param("stale_s", 120.0, "s", 1.0, 86_400.0, "age of check results at which a zone is taken for lost",
          "assumed: a few intervals", (30.0, 600.0)),
    Param("velocity_zones_count", 0, "count", 0, 64,
          "zones that may leave DNS within velocity_window_s, AWS's announced fix; 0 = no limit", "PES"),
    Param("velocity_window_s", 600.0, "s", 1.0, 86_400.0, "window of the limit on leaving zones",
          "assumed: long enough for somebody to look", (60.0, 3600.0)),
    Param("fail_open", True, "switch", 0, 1, "when every zone would leave, all of them serve", "NLBDOC"),
    Param("utilisation_low_ratio", 0.2, "ratio", 0.0, 1.0, "utilisation of the idlest balancer",
          "assumed: balancers differ; only some had errors", (0.05, 0.4)),
    Param("utilisation_high_ratio", 0.9, "ratio", 0.01, 1.0, "utilisation of the busiest balancer",
          "assumed: balancers differ; few run without a zone to spare", (0.7, 1.0)),
)  # fmt: skip
STATE = [
    ("zones", "i8"), ("members", "i8"), ("newcomers", "i8"), ("settled_newcomers", "i8"),
    ("checks", "i8"), ("updates", "i8"), ("load_ratio", "f8"), ("transitions", "i8"),
    ("bad_zones", "i8"), ("out_zones", "i8"), ("opened", "i8"),
]  # fmt: skip
EVENTS = ("zone_left_dns", "zone_returned", "failed_open")

RUNS = 10  # longest run of checks that matters
# A zone's cells: runs of settled members in and out, of fresh members in and out; then these.
SETTLED, FRESH, COHORTS = 0, 2 * RUNS, 4 * RUNS
SIZE, IN, FRESH_IN, FRESH_ALL, BAD, OUT, GOOD_ROUNDS, LEFT, ZONE = range(COHORTS, COHORTS + 9)
NEVER = -(1 << 40)
ALL = 1 << 30  # cohort key of draws that concern no zone
CHECKS, UPDATES, CHECKED, UPDATED = 8, 9, 10, 11  # carry slots that no draw uses


def cells(p, callers, tick_s: float) -> int:
    """Cohorts and verdict of each zone."""
    return int(p.zones_count) * ZONE


def init(p, s, c, callers, tick_s: float) -> None:
    """Every member is settled and in service."""
    s.zones, s.members = int(p.zones_count), int(p.targets_count)
    s.load_ratio = 1.0 / p.headroom_ratio
    for z in range(s.zones):
        size = s.members * (z + 1) // s.zones - s.members * z // s.zones
        c[z * ZONE + SETTLED] = c[z * ZONE + SIZE] = c[z * ZONE + IN] = size
        c[z * ZONE + LEFT] = NEVER


@njit
def registered(t, w, i):
    """Members that are registered in this tick: calls over async dependencies."""
    row, total = w.svc[i], 0
    for n in range(row.in_start, row.in_end):
        if w.edge[w.into[n]].mode == ASYNC:
            total += arriving(t, w, w.into[n])
    return total


@njit
def propagation(w, i):
    """(the lease dependency or OWN, the propagation delay seen over it in s)."""
    row = w.svc[i]
    for e in range(row.out_start, row.out_end):
        if w.edge[e].mode == LEASE:
            return e, w.edge[e].seen_latency_s
    return OWN, 0.0


@njit
def settles(delay_s, over_s):
    """Chance that a fresh member is propagated within ``over_s``."""
    return 1.0 - math.exp(-over_s / delay_s) if delay_s > 0.0 else 1.0


@njit
def replace(c, a, n):
    """Take ``n`` members out of the cohorts of the zone at ``a``, in proportion to their sizes."""
    rest = c[a + SIZE]
    for k in range(COHORTS):
        if n == 0:
            return
        have = c[a + k]
        gone = n * have // rest
        rest -= have
        c[a + k] -= gone
        n -= gone


@njit
def settle(t, w, i, c, a, chance):
    """Fresh members whose configuration has arrived keep their state and their run."""
    for k in range(2 * RUNS):
        if c[a + FRESH + k] > 0:
            moved = draw(t, w, i, OPEN, a + k, c[a + FRESH + k], chance)
            c[a + FRESH + k] -= moved
            c[a + SETTLED + k] += moved


@njit
def judge(t, w, i, c, a, fail, leave_count, back_count):
    """Check the cohorts at ``a`` once. Returns the transitions."""
    left, back, passed, failed = 0, 0, 0, 0
    for k in range(RUNS - 1, -1, -1):
        n = c[a + k]
        if n > 0:
            bad = draw(t, w, i, CHECK, a + k, n, fail)
            c[a + k] = 0
            passed += n - bad
            if k + 1 >= leave_count:
                left += bad
            else:
                c[a + k + 1] += bad
        n = c[a + RUNS + k]
        if n > 0:
            bad = draw(t, w, i, CHECK, a + RUNS + k, n, fail)
            c[a + RUNS + k] = 0
            failed += bad
            if k + 1 >= back_count:
                back += n - bad
            else:
                c[a + RUNS + k + 1] += n - bad
    c[a] += passed + back
    c[a + RUNS] += failed + left
    return left + back


@njit
def count(c, a):
    """Bring the totals of the zone at ``a`` up to date."""
    settled_in, fresh_in, fresh_out = 0, 0, 0
    for k in range(RUNS):
        settled_in += c[a + SETTLED + k]
        fresh_in += c[a + FRESH + k]
        fresh_out += c[a + FRESH + RUNS + k]
    c[a + IN], c[a + FRESH_IN], c[a + FRESH_ALL] = settled_in + fresh_in, fresh_in, fresh_in + fresh_out


@njit
def checker_rate(p, s):
    """Checks a second that the checker can do."""
    return p.headroom_ratio * s.members / p.interval_s


@njit
def delay(p, s):
    """Time in s until a check that is due now is done."""
    return (s.checks + s.updates * p.transition_work_count) / checker_rate(p, s)


@njit
def late_ratio(p, s):
    """Share of results that come after the time-out: all behind a long queue, else the tail of M/M/1."""
    if delay(p, s) > p.timeout_s:
        return 1.0
    spare = checker_rate(p, s) * (1.0 - s.load_ratio) * p.timeout_s
    return math.exp(-spare) if 0.0 < spare < 40.0 else 0.0


@njit
def inspect(t, w, i, p, s, c, z, delay_s):
    """The turn of zone ``z``: members settle, newcomers join, all are checked. Returns the transitions."""
    a = z * ZONE
    if c[a + FRESH_ALL] > 0:
        settle(t, w, i, c, a, settles(delay_s, p.interval_s))
    fresh = min(s.newcomers, c[a + SIZE])
    settled = min(s.settled_newcomers, c[a + SIZE] - fresh)
    if fresh + settled > 0:
        replace(c, a, fresh + settled)
        c[a + FRESH] += fresh
        c[a + SETTLED] += settled
        s.newcomers -= fresh
        s.settled_newcomers -= settled
    late = late_ratio(p, s)
    fault = 1.0 if z < p.faulty_zones_count else p.fault_ratio
    moved = judge(t, w, i, c, a + SETTLED, fault + (1.0 - fault) * late, p.unhealthy_count, p.healthy_count)
    fault = max(fault, p.unpropagated_fail_ratio)
    moved += judge(t, w, i, c, a + FRESH, fault + (1.0 - fault) * late, p.unhealthy_count, p.healthy_count)
    count(c, a)
    s.transitions += moved
    return moved


@njit
def tell(t, w, i, which, zone, cause):
    """Emit one of EVENTS, and remember it as the mechanism's last."""
    row = w.svc[i]
    if cause == 0:
        cause = row.own_event if row.own_event != 0 else row.input_event
    row.own_event = emit(t, w, i, KIND_EVENT_BLOCK * (1 + row.kind) + which, i, float(zone), cause)


@njit
def may_leave(t, w, p, s, c):
    """Velocity control: whether one more zone may leave DNS now."""
    if p.velocity_zones_count <= 0.0:
        return True
    recent, since = 0, t - p.velocity_window_s / w.tick_s[0]
    for z in range(s.zones):
        recent += c[z * ZONE + LEFT] > since
    return recent < p.velocity_zones_count


@njit
def verdict(t, w, i, p, s, c, z, cause):
    """Whether zone ``z`` stays in DNS, after its turn."""
    a = z * ZONE
    if c[a + IN] < p.zone_floor_ratio * c[a + SIZE] or delay(p, s) > p.stale_s:
        c[a + GOOD_ROUNDS] = 0
        s.bad_zones += 1 - c[a + BAD]
        c[a + BAD] = 1
        if c[a + OUT] == 0 and may_leave(t, w, p, s, c):
            c[a + OUT], c[a + LEFT] = 1, t
            s.out_zones += 1
            tell(t, w, i, 0, z, cause)
    elif c[a + BAD] != 0:
        c[a + GOOD_ROUNDS] += 1
        if c[a + GOOD_ROUNDS] >= p.healthy_count:
            bring_back(t, w, i, s, c, z)
    opened = p.fail_open != 0.0 and s.bad_zones == s.zones
    if opened and s.opened == 0:
        tell(t, w, i, 2, s.zones, 0)
    s.opened = opened


@njit
def bring_back(t, w, i, s, c, z):
    """Zone ``z`` is good again, and returns to DNS if it had left."""
    a = z * ZONE
    s.bad_zones -= c[a + BAD]
    if c[a + OUT] != 0:
        s.out_zones -= 1
        tell(t, w, i, 1, z, w.svc[i].input_event)
    c[a + BAD] = c[a + OUT] = c[a + GOOD_ROUNDS] = 0


@njit
def work(w, i, p, s, moved):
    """One tick of the checker: checks fall due, transitions ask for judgements, the queue is served."""
    slot = EDGE_CARRIES * len(w.edge) + SERVICE_CARRIES * i
    rate = checker_rate(p, s)
    due = carried(s.members / p.interval_s * w.tick_s[0], w.carry, slot + CHECKS)
    asked = 0
    unit = p.transition_work_count
    if moved > 0 and unit > 0.0 and p.failover != 0.0:
        balancers = max(1.0, s.zones * s.members / unit)
        free = max(0.0, balancers - s.updates)
        asked = min(int(free), carried(free * (1.0 - math.exp(-moved / balancers)), w.carry, slot + UPDATES))
    able = rate * w.tick_s[0]
    s.load_ratio += ((due + asked * unit) / able - s.load_ratio) * min(1.0, w.tick_s[0] / p.interval_s)
    s.checks = min(s.members, s.checks + due)
    s.updates += asked
    waiting = s.checks + s.updates * unit
    if waiting <= able:
        s.checks = s.updates = 0
        return
    served = carried(able * (s.updates / waiting), w.carry, slot + UPDATED)
    s.updates -= min(s.updates, served)
    s.checks -= min(s.checks, carried(able * (s.checks / waiting), w.carry, slot + CHECKED))


@njit
def serving(p, s, c):
    """Share of the members that serve; share of their connections that fail for a fault; and unpropagated."""
    able, fail, fresh_fail = 0, 0.0, s.newcomers * p.unpropagated_fail_ratio
    for z in range(s.zones):
        a = z * ZONE
        everybody = p.failover == 0.0 or s.opened != 0 or (c[a + BAD] != 0 and c[a + OUT] == 0)
        if not everybody and c[a + OUT] != 0:
            continue
        n = c[a + SIZE] if everybody else c[a + IN]
        fresh = c[a + FRESH_ALL] if everybody else c[a + FRESH_IN]
        fault = 1.0 if z < p.faulty_zones_count else p.fault_ratio
        able += n
        fail += (n - fresh) * fault
        fresh_fail += fresh * max(fault, p.unpropagated_fail_ratio)
    if able == 0:
        return 0.0, 0.0, 0.0
    return able / s.members, fail / able, min(1.0, fresh_fail / able)


@njit
def short(p, room):
    """Share of calls that find no room: mean of max(0, 1 - room/u) over utilisations u from low to high."""
    low, high = p.utilisation_low_ratio, p.utilisation_high_ratio
    if room >= high:
        return 0.0
    if room <= 0.0:
        return 1.0
    if high <= low:
        return 1.0 - room / high
    least = max(low, room)
    return (high - least - room * math.log(high / least)) / (high - low)


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
            r.ok = 1.0 - lost


@njit
def step(t, w, i, p, s, c):
    """One tick: newcomers, the turns of zones, the checker's queue, and what traffic finds."""
    row, dt = w.svc[i], w.tick_s[0]
    came = registered(t, w, i)
    traffic = intake(t, w, i) - came
    row.offered = traffic
    lease, delay_s = propagation(w, i)
    s.newcomers += came
    if s.newcomers > 0:
        ready = draw(t, w, i, OPEN, ALL, s.newcomers, settles(delay_s, dt))
        s.newcomers -= ready
        s.settled_newcomers += ready

    moved = 0
    turns = max(1, int(round(p.interval_s / dt)))
    phase = t % turns
    if p.failover == 0.0:
        s.updates = s.opened = 0
    for z in range(s.zones):
        if z * turns // s.zones == phase:
            moved += inspect(t, w, i, p, s, c, z, delay_s)
            if p.failover != 0.0:
                verdict(t, w, i, p, s, c, z, w.edge[lease].seen_event if lease != OWN else 0)
        if p.failover == 0.0 and c[z * ZONE + BAD] != 0:
            bring_back(t, w, i, s, c, z)
    work(w, i, p, s, moved)

    room, fault, unpropagated = serving(p, s, c)
    lack = short(p, room)
    ok, wait_s = depend(t, w, i, traffic)
    row.own_blame = 1.0 - (1.0 - lack) * (1.0 - fault)
    if lease != OWN:
        w.edge[lease].blame = unpropagated
    members_ok = ok * (1.0 - fault) * (1.0 - unpropagated)
    row.capacity_per_s = p.capacity_per_s * room
    reply(w, i, members_ok * (1.0 - lack), members_ok, p.latency_s + wait_s)
    failed = draw(t, w, i, FAIL, ALL, traffic, 1.0 - members_ok * (1.0 - lack))
    tally(w, i, traffic - failed, failed)


@njit
def check(p, s, c):
    """Members of every zone are conserved, and the checker's queue is bounded."""
    sound = s.newcomers >= 0 and s.settled_newcomers >= 0 and 0 <= s.checks <= s.members and s.updates >= 0
    bad, out = 0, 0
    for z in range(s.zones):
        a, total = z * ZONE, 0
        for k in range(COHORTS):
            sound = sound and c[a + k] >= 0
            total += c[a + k]
        bad += c[a + BAD]
        out += c[a + OUT]
        sound = sound and total == c[a + SIZE] and 0 <= c[a + IN] <= total
    return sound and bad == s.bad_zones and out == s.out_zones
