"""The checker's queue: checks that fall due, and balancers to judge again because a member has moved."""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.kinds.health_checked_pool.parameters import DRAWS
from twin.mechanisms.calls import flow


@njit
def checks_per_s(p, s):
    """Checks a second that the checker can do."""
    return p.headroom_ratio * s.members / p.interval_s


@njit
def check_wait_s(p, s):
    """Mean time in s that a check waits for the checker."""
    return (s.checks + s.updates * p.transition_work_count) / checks_per_s(p, s)


@njit
def work_off_checks(t, w, i, p, s, moved):
    """One tick of the checker: checks fall due, transitions ask for judgements, the queue is served."""
    dt = w.tick_s[0]
    due = flow(w, i, DRAWS.checks, s.members / p.interval_s * dt)
    asked = 0
    unit = p.transition_work_count
    if moved > 0 and unit > 0.0 and p.failover != 0.0:
        balancers = max(1.0, s.members / unit)
        free = max(0.0, balancers - s.updates)
        asked = min(int(free), flow(w, i, DRAWS.updates, free * (1.0 - math.exp(-moved / balancers))))
    able = checks_per_s(p, s) * dt
    s.checks = min(s.members, s.checks + due)
    s.updates += asked
    waiting = s.checks + s.updates * unit
    if waiting <= able:
        s.checks = s.updates = 0
        return
    served = flow(w, i, DRAWS.updates_served, able * (s.updates / waiting))
    s.updates -= min(s.updates, served)
    s.checks -= min(s.checks, flow(w, i, DRAWS.checks_served, able * (s.checks / waiting)))
