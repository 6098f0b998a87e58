"""A call that leaves for a service which is stepped as counts.

The claim: the callee publishes what share of calls fails, and how long they take. The call draws its end from
that.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.base.rng import FAIL
from twin.mechanisms.dependencies import miss_ratio
from twin.mechanisms.requests.agenda import at
from twin.mechanisms.requests.calls import chance
from twin.mechanisms.requests.records import FAILED, FINISH, HELD, NOW, SECOND, WELL


@njit
def cross(w, q, e):
    """The callee is stepped as counts: it has published what share of calls fails, and how long they take."""
    r = w.edge[e]
    r.calls += w.stations[r.caller].weight
    x = w.calls[q]
    x.outcome = FAILED if chance(w, q, FAIL) < miss_ratio(w, e) else WELL
    x.state = HELD
    w.stations[r.callee].inside += 1
    w.stations[r.callee].all_offered += 1
    at(w, w.counters[NOW] + max(1, int(r.visible_latency_s * SECOND)), FINISH, q, x.version)
