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


@njit
def ok_of_host(ok, h, hosts, spread):
    """Share of host ``h``'s checks that succeed when ``ok`` of the fleet's typical host do.

    What is left of a pool of connections after a time is exp(-time / life); a host whose connections live g
    times as long keeps ok**(1/g). Lives go evenly, in logarithms, from 1/``spread`` to ``spread`` times the
    typical one; a stride that has no factor in common with the number of hosts keeps neighbours (an AZ's)
    unlike.
    """
    if spread <= 1.0 or ok <= 0.0 or ok >= 1.0 or hosts < 2:
        return ok
    place = (h * 7919) % hosts / (hosts - 1)
    return ok ** (spread ** (1.0 - 2.0 * place))
