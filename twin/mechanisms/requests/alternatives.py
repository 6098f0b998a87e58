"""Which of several alternatives a call goes to: cells, zones, shards."""

from __future__ import annotations

from twin.base.jit import njit
from twin.base.rng import SPLIT
from twin.mechanisms.requests.calls import chance
from twin.mechanisms.requests.records import NOBODY


@njit
def draw_alternative(w, q, group, count, tried):
    """One of ``count`` edges of ``plan`` from ``group`` on, by weight; not those in the mask ``tried``."""
    total = 0.0
    for n in range(count):
        if tried >> n & 1 == 0:
            total += w.edge[w.plan[group + n]].weight
    if total <= 0.0:
        return NOBODY
    u = chance(w, q, SPLIT) * total
    last = NOBODY
    for n in range(count):
        if tried >> n & 1 == 0 and w.edge[w.plan[group + n]].weight > 0.0:
            last = w.plan[group + n]
            u -= w.edge[last].weight
            if u < 0.0:
                break
    return last
