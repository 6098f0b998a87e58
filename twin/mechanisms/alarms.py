"""Conditions that a scenario waits for: a signal above or below a level for a while."""

from __future__ import annotations

from twin.base.jit import njit


@njit
def signal(w, i, which):
    """Signal ``which`` (position in SIGNALS) of service ``i`` over the last signal period."""
    panel = w.svc[i]
    if which == 0:
        return panel.error_ratio
    if which == 1:
        return panel.latency_ratio
    if which == 2:
        return panel.backlog_s
    if which == 3:
        return panel.capacity_ratio
    if which == 4:
        return panel.utilisation_ratio
    if which == 5:
        return panel.oldest_age_s
    return panel.offered_per_s if which == 6 else panel.goodput_per_s


@njit
def any_fired(t, w):
    """Advance every condition on a service that is stepped here; true if one has just held long enough."""
    fired = False
    for n in range(len(w.conditions)):
        condition = w.conditions[n]
        if condition.fired != 0 or t < condition.from_tick or not is_mine(w, condition.service):
            continue
        value = signal(w, condition.service, condition.signal)
        holds = value > condition.level if condition.above != 0 else value < condition.level
        if not holds:
            condition.since = -1
            continue
        if condition.since < 0:
            condition.since = t
        if t - condition.since >= condition.hold_ticks:
            condition.fired = 1
            fired = True
    return fired


@njit
def is_mine(w, i):
    """Whether service ``i`` is stepped here."""
    for n in range(len(w.mine)):
        if w.mine[n] == i:
            return True
    return False
