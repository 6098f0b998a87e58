"""The cells of one host of a lease fleet: a head, a ring of attempts, a wheel of leases.

``s`` is the fleet's state: its frame (hosts, droplets, phases, classes, ring) and its totals over the hosts.
"""

from __future__ import annotations

import numpy as np

from twin.jit import njit

# Droplets: leased; broken and waiting; broken and in an attempt. Attempts: dead work; first slot still there;
# done in the last slot. Tick at which a restarted host is back (0: up). Capacity saved up. What a launch can
# expect, in billionths and microseconds, so that the totals stay exact.
LEASED, WAITING, RUNNING, DEAD, OLDEST, DONE, BACK_AT, CREDIT, OK, ATTEMPT_US, RELEASE_US = range(11)
HEAD = 12


@njit
def droplets_of(s, h):
    """Droplets of host ``h``: an even division."""
    return s.droplets // s.hosts + (1 if h < s.droplets % s.hosts else 0)


@njit
def host_cells(s, c, h):
    """The cells of host ``h``."""
    stride = HEAD + 2 * s.ring + s.phases * s.classes
    return c[h * stride : (h + 1) * stride]


@njit
def ring_of(s, host):
    """The host's attempts by the slot in which they began: (counts, work that each has received)."""
    return host[HEAD : HEAD + s.ring], host[HEAD + s.ring : HEAD + 2 * s.ring].view(np.float64)


@njit
def wheel_of(s, host):
    """The host's wheel of leases."""
    return host[HEAD + 2 * s.ring :]


@njit
def count_host(s, host, sign):
    """Add a host to the totals of the fleet, or take it out before it changes."""
    s.leased += sign * host[LEASED]
    s.queued += sign * (host[WAITING] + host[RUNNING] + host[DEAD])
    s.ok_sum += sign * host[OK]
    s.attempt_sum += sign * host[ATTEMPT_US]
    s.release_sum += sign * host[RELEASE_US]
