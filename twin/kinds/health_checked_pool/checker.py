"""The checker of a zone: how many checks it can hold at a time, how long a check waits, and its own hosts.

A check that passes is over in milliseconds. One without an answer is held for its time-out, a thousand times
as long. Each host can hold a fixed number of checks. So what the checker can do is ruled by the few that
fail.

    hosts    in use ──life is over──▶ due ──launched──▶ in use, without network ──configured──▶ in use
             wanted for more load ────────launched──────────────▲

A host that is due serves until its successor is launched. A check from a host without network fails by
chance, whatever the state of the target. So a host that is launched to help adds load until its network is
there.
"""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.kinds.health_checked_pool.parameters import (
    BLIND,
    CHECKERS,
    CHECKS,
    CLASS,
    CLASSES,
    DRAWS,
    DUE,
    FRESH_ALL,
    HOSTS,
    LAUNCHES,
    SIZE,
    TARGETS,
    WAIT_MS,
)
from twin.mechanisms.arrays import OWN
from twin.mechanisms.calls import draw_cohort
from twin.mechanisms.dependencies import miss_ratio


@njit
def check_cost_s(p, failing):
    """Mean time in s for which a check is held, if a share ``failing`` of all gets no answer."""
    return p.check_s + failing * max(0.0, min(p.check_timeout_s, p.interval_s) - p.check_s)


@njit
def blind_ratio(p, s, c, a):
    """Chance that a check in the zone at ``a`` fails because of the host that makes it."""
    if c[a + BLIND] == 0 or p.newcomers == TARGETS or p.wait_for_network != 0.0:
        return 0.0
    return p.unpropagated_fail_ratio * c[a + BLIND] / c[a + HOSTS]


@njit
def failing_ratio(p, c, a, fault, blind):
    """Share of the zone's checks that get no answer."""
    fresh, members = 0, 0
    for k in range(CLASSES):
        fresh += c[a + k * CLASS + FRESH_ALL]
        members += c[a + k * CLASS + SIZE]
    part = fresh / members if members > 0 else 0.0
    works = (1.0 - blind) * (1.0 - fault) * (1.0 - part * p.unpropagated_fail_ratio)
    return 1.0 - (1.0 - p.broken_ratio) * works


@njit
def checks_of_round(p, c, a):
    """Checks that fall due in one round of the zone at ``a``: of its targets, and of those left behind."""
    members = 0
    for k in range(CLASSES):
        members += c[a + k * CLASS + SIZE]
    return members / (1.0 - p.broken_ratio)


@njit
def checks_at_a_time(p, s, c, a):
    """Checks that the hosts of the zone at ``a`` can hold at a time."""
    room = p.headroom_ratio * s.usual_checks
    return room * c[a + HOSTS] / s.hosts if s.hosts > 0 else room


@njit
def size_checker(p, s, c, a):
    """While nothing has happened yet, the checker is sized for what it sees: newcomers are part of a usual
    day."""
    failing = failing_ratio(p, c, a, 0.0, blind_ratio(p, s, c, a))
    held = checks_of_round(p, c, a) * check_cost_s(p, failing) / p.sized_interval_s
    s.usual_checks = max(s.usual_checks, held)


@njit
def work_off_checks(p, s, c, a, failing):
    """One round of the checker of the zone at ``a``: all its targets fall due, each waits for one check."""
    due, cost_s, room = checks_of_round(p, c, a), check_cost_s(p, failing), checks_at_a_time(p, s, c, a)
    waiting = max(0.0, c[a + CHECKS] + due - room * p.interval_s / cost_s) if cost_s > 0.0 else 0.0
    c[a + CHECKS] = int(min(due, waiting))
    c[a + WAIT_MS] = int(1000.0 * c[a + CHECKS] * cost_s / room)


@njit
def wanted_hosts(p, s, c, a, failing):
    """Hosts with which no check would wait, from the usual number up to the limit."""
    load = checks_of_round(p, c, a) * check_cost_s(p, failing) / p.interval_s
    needed = load / (p.headroom_ratio * s.usual_checks)
    return int(s.hosts * min(p.checkers_limit_ratio, max(1.0, needed)))


@njit
def renew_hosts(t, w, i, p, s, c, a, delay_s, failing):
    """One round of the fleet of the zone's checker: networks arrive, lives end, hosts are launched. Those of
    which there are too many go."""
    if s.hosts == 0 or c[a + LAUNCHES] == OWN:
        return
    if c[a + BLIND] > 0:
        there = 1.0 - math.exp(-p.interval_s / delay_s) if delay_s > 0.0 else 1.0
        c[a + BLIND] -= draw_cohort(t, w, i, DRAWS.settled, a + BLIND, c[a + BLIND], there)
    ends = 1.0 - math.exp(-p.interval_s / p.checker_life_s)
    c[a + DUE] += draw_cohort(t, w, i, DRAWS.retired, a, max(0, s.hosts - c[a + DUE]), ends)
    more = wanted_hosts(p, s, c, a, failing) - c[a + HOSTS]
    pace = min(1.0, p.interval_s / p.checker_retry_s)
    asked = draw_cohort(t, w, i, DRAWS.asked, a, c[a + DUE] + max(0, more), pace)
    if asked > 0:
        launch_hosts(t, w, i, c, a, asked, more)
    elif more < 0:
        c[a + HOSTS] -= draw_cohort(t, w, i, DRAWS.retired, a + HOSTS, -more, pace)
        c[a + BLIND] = min(c[a + BLIND], c[a + HOSTS])


@njit
def launch_hosts(t, w, i, c, a, asked, more):
    """Ask for hosts. Those that come replace what is due, and then make the fleet larger."""
    e = c[a + LAUNCHES]
    w.edge[e].calls += asked
    launched = draw_cohort(t, w, i, DRAWS.launched, a, asked, 1.0 - miss_ratio(w, e))
    successors = min(launched, c[a + DUE])
    c[a + DUE] -= successors
    c[a + HOSTS] += min(launched - successors, max(0, more))
    c[a + BLIND] = min(c[a + HOSTS], c[a + BLIND] + launched)


@njit
def targets_come_blind(p):
    """Whether a new target is checked, and may be used, before its network is there."""
    return p.wait_for_network == 0.0 and p.newcomers != CHECKERS
