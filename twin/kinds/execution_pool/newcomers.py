"""New members of a pool: launched, then without a network for a while, then serving, or terminated.

The real system. An instance answers health checks only with its network state, which Network Manager brings.
A group terminates an instance that has not answered within its grace period, and asks for another one. The
claim. A share exp(-grace/wait) of newcomers is launched in vain. Each of these is a launch and a removal more
for Network Manager, just when it is late. Left out: the time that the software takes to start.
"""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.kinds.execution_pool.parameters import DRAWS
from twin.mechanisms.arrays import ASYNC
from twin.mechanisms.calls import draw
from twin.mechanisms.dependencies import pass_on
from twin.mechanisms.draws import DEPENDENCY_DRAWS


@njit
def network_in_time(wait_s, grace_s):
    """(share of newcomers that have their network before the grace period ends, mean wait of these in s)."""
    if wait_s <= 0.0:
        return 1.0, 0.0
    late = math.exp(-grace_s / wait_s)
    if late >= 1.0:
        return 0.0, grace_s
    return 1.0 - late, wait_s - grace_s * late / (1.0 - late)


@njit
def brings_network(r):
    """Whether a dependency is on who brings network state: work is handed over, and none for calls."""
    return r.mode == ASYNC and r.share == 0.0


@njit
def network_of_newcomers(w, i, grace_s):
    """As ``network_in_time``, over the dependencies that bring network state: zones are alike."""
    panel, zones, share, wait_s = w.svc[i], 0, 0.0, 0.0
    for e in range(panel.out_start, panel.out_end):
        r = w.edge[e]
        if brings_network(r):
            able, time_s = network_in_time(r.visible_latency_s, grace_s)
            zones, share, wait_s = zones + 1, share + able, wait_s + able * time_s
    if zones == 0:
        return 1.0, 0.0
    return share / zones, wait_s / share if share > 0.0 else grace_s


@njit
def remove_network_state(w, i, gone):
    """What is terminated is one removal for whoever brings network state, shared out over zones."""
    panel, zones = w.svc[i], 0
    for e in range(panel.out_start, panel.out_end):
        zones += brings_network(w.edge[e])
    for e in range(panel.out_start, panel.out_end):
        if brings_network(w.edge[e]):
            w.edge[e].calls += pass_on(w, e, DEPENDENCY_DRAWS.asked, gone / zones)


@njit
def turn_over(t, w, i, p, s, launched):
    """Newcomers of this tick begin to wait; some of earlier ones serve, some are terminated.

    Returns (how many begin to serve, how many are terminated).
    """
    share, wait_s = network_of_newcomers(w, i, p.grace_s)
    able = draw(t, w, i, DRAWS.able, launched, share)
    s.coming += able
    s.doomed += launched - able
    dt = w.tick_s[0]
    ready = draw(t, w, i, DRAWS.ready, s.coming, 1.0 - math.exp(-dt / wait_s) if wait_s > 0.0 else 1.0)
    ended = draw(t, w, i, DRAWS.given_up, s.doomed, 1.0 - math.exp(-dt / p.grace_s))
    s.coming -= ready
    s.doomed -= ended
    s.launched += launched
    s.in_vain += ended
    return ready, ended
