"""Conditions that a scenario waits for: a signal above or below a level for a while."""

from __future__ import annotations

from twin.base.jit import njit


@njit
def signal(w, i, which):
    """Signal ``which`` (position in SIGNALS) of service ``i`` over the last signal period."""
    s = w.svc[i]
    if which == 0:
        return s.error_ratio
    if which == 1:
        return s.latency_ratio
    return s.backlog_s if which == 2 else s.capacity_ratio


@njit
def any_fired(t, w):
    """Advance every condition on a service of this shard; true if one has just held long enough."""
    fired = False
    for n in range(len(w.conditions)):
        c = w.conditions[n]
        if c.fired != 0 or t < c.from_tick or not is_mine(w, c.service):
            continue
        value = signal(w, c.service, c.signal)
        holds = value > c.level if c.above != 0 else value < c.level
        if not holds:
            c.since = -1
            continue
        if c.since < 0:
            c.since = t
        if t - c.since >= c.hold_ticks:
            c.fired = 1
            fired = True
    return fired


@njit
def is_mine(w, i):
    """Whether this shard steps service ``i``."""
    for n in range(len(w.mine)):
        if w.mine[n] == i:
            return True
    return False
