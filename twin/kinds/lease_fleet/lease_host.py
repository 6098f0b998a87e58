"""The cells of one host of a lease fleet: a head, a ring of attempts, a wheel of leases and its memory.

``s`` is the fleet's state: its frame (hosts, holders, phases, classes, ring) and its totals over the hosts.
"""

from __future__ import annotations

import numpy as np

from twin.base.jit import njit
from twin.kinds.lease_fleet.parameters import DRAWS
from twin.mechanisms.arrays import NEW_CONNECTIONS
from twin.mechanisms.sampling import sample

# Holders: leased; broken and waiting; broken and in an attempt; broken and adrift, because no connection can
# be opened. Attempts: dead work; first slot still there; done in the last slot. Tick at which a restarted
# host is back (0: up). Capacity saved up. What a launch can expect, in billionths and microseconds, so that
# the totals stay exact. Share of connections that lived in the last slot, and chance that who needs a lease
# finds one, in billionths.
LEASED, WAITING, RUNNING, ADRIFT, DEAD, OLDEST, DONE, BACK_AT, CREDIT, OK, ATTEMPT_US, RELEASE_US = range(12)
REACH, HOLDS = 12, 13
HEAD = 14
AGES, KNOWN = 8, 4  # behind the hosts: finishing ratios by age of attempts, and cells of one
MICRO, BILLION = 1e6, 1e9

view = njit(inline="always")  # hands back a part of an array, which only its caller's own code may do


@njit
def holders_of(s, h):
    """Holders of host ``h``: an even division."""
    return s.holders // s.hosts + (1 if h < s.holders % s.hosts else 0)


@view
def host_cells(s, c, h):
    """The cells of host ``h``."""
    stride = HEAD + 2 * s.ring + s.phases * s.classes + s.phases
    return c[h * stride : (h + 1) * stride]


@view
def known_ratios(c):
    """What was last worked out for attempts of each age: see ``workflow.known_ratio``."""
    return c[len(c) - AGES * KNOWN :].view(np.float64)


@view
def ring_of(s, host):
    """The host's attempts by the slot in which they began: (counts, work that each has received)."""
    return host[HEAD : HEAD + s.ring], host[HEAD + s.ring : HEAD + 2 * s.ring].view(np.float64)


@view
def wheel_of(s, host):
    """The host's wheel of leases."""
    at = HEAD + 2 * s.ring
    return host[at : at + s.phases * s.classes]


@view
def memory_of(s, host):
    """For each phase of the wheel: share of connections that lived when it last came, in billionths."""
    return host[HEAD + 2 * s.ring + s.phases * s.classes :]


@njit
def count_host(s, host, sign):
    """Add a host to the totals of the fleet, or take it out before it changes."""
    s.leased += sign * host[LEASED]
    s.queued += sign * (host[WAITING] + host[RUNNING] + host[ADRIFT] + host[DEAD])
    s.ok_sum += sign * host[OK]
    s.holds_sum += sign * host[HOLDS]
    s.attempt_sum += sign * host[ATTEMPT_US]
    s.release_sum += sign * host[RELEASE_US]


@njit
def lose_or_open(context, key, host, kept, opened):
    """Holders that wait lose their connections, or those without one find a new one."""
    lost = host[WAITING] - sample(context, DRAWS.connected, key, host[WAITING], kept)
    back = sample(context, DRAWS.opened, key, host[ADRIFT], opened)
    host[WAITING] += back - lost
    host[ADRIFT] += lost - back


@njit
def reachable_ratio(w, i, ok):
    """(share of connections that live, share of calls over one that succeed) when ``ok`` of all calls do."""
    panel, reach = w.svc[i], 1.0
    for e in range(panel.out_start, panel.out_end):
        if w.edge[e].mode == NEW_CONNECTIONS:
            reach *= 1.0 - w.edge[e].blame
    return reach, min(1.0, ok / reach) if reach > 0.0 else 1.0
