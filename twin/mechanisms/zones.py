"""A service that stands in several zones, seen as one: sums over its zones.

The real system: reports, dashboards and responders speak of Network Manager, and mean all of its zones. The
claim: what is counted of the whole is the sum over zones, so nothing is lost or counted twice. Left out:
which zone a report speaks of.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.mechanisms.arrays import PERIOD
from twin.mechanisms.detection import close_period


@njit
def close_wholes(t, w):
    """At the end of a signal period, after all zones have closed theirs: close that of each whole."""
    for n in range(len(w.wholes)):
        sum_zones(w, w.wholes[n])
        close_period(t, w, w.wholes[n])


@njit
def sum_zones(w, i):
    """Calls, capacity and backlog of service ``i`` are the sums over its zones in this period; its latency is
    their mean by weight."""
    panel = w.svc[i]
    panel.p_offered = panel.p_good = panel.p_failed = panel.due_count = panel.backlog = 0
    panel.capacity_per_s = panel.latency_s = panel.p_latency = 0.0
    size = 0.0
    for e in range(panel.out_start, panel.out_end):
        size += w.edge[e].weight
    for e in range(panel.out_start, panel.out_end):
        r = w.edge[e]
        zone, part = w.svc[r.callee], r.weight / size
        panel.p_offered += zone.closed_offered
        panel.p_good += zone.closed_good
        panel.p_failed += zone.closed_failed
        panel.capacity_per_s += zone.capacity_per_s
        panel.backlog += zone.waiting
        panel.latency_s += part * zone.latency_s
        panel.p_latency += part * zone.closed_latency * w.clock[PERIOD]
