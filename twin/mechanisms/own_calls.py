"""Calls that begin at a service itself: those of customers, and of work of its own.

The real system: millions of clients that do not know of each other, or a timer. The claim: customers come by
chance (a Poisson process), work of its own at an even pace. Calls between domains are spread evenly over a
signal period in any case, so the customers of a period are drawn at once and come evenly. Where customers
call inside their domain, chance in each tick counts, and each tick is drawn.

Once it is certain which calls begin in the other ticks of a block, they are listed with those that come from
callers (``ahead``), and ``intake`` has them. Left out: clients that come because others have come.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.mechanisms.arrays import BLOCK, BLOCK_END, CALLS_NEAR, PERIOD
from twin.mechanisms.books import come_by
from twin.mechanisms.draws import EDGE_CARRIES, SERVICE_CARRIES
from twin.mechanisms.sampling import arrivals, carried, draw_context, slot_of


@njit
def customers_come(t, w, i, name, rate_per_s):
    """Calls that customers begin in this tick, and ``intake`` does not have. ``name``: a declared draw."""
    panel = w.svc[i]
    panel.begins_here = 1
    if t < panel.own_listed:
        return 0
    if t >= panel.own_until or rate_per_s != panel.own_per_s:
        draw_customers(t, w, i, name, rate_per_s)
    if panel.is_listed != 0:
        for k in range(t + 1, min(w.clock[BLOCK_END], panel.own_until)):
            w.ahead[i, k - w.clock[BLOCK]] += own_part(panel, k)
            panel.own_listed = k + 1
    return own_part(panel, t)


@njit
def draw_customers(t, w, i, name, rate_per_s):
    """Draw the calls from tick ``t`` to the end of its signal period, or those of this tick."""
    panel, period = w.svc[i], w.clock[PERIOD]
    ticks = 1 if panel.is_near & CALLS_NEAR else period - t % period
    panel.own_per_s, panel.own_from, panel.own_until = rate_per_s, t, t + ticks
    panel.own_calls = arrivals(draw_context(t, w, i), name, rate_per_s * w.tick_s[0] * ticks)


@njit
def own_part(panel, t):
    """How many of the calls that have been drawn begin in tick ``t``."""
    k, ticks = t - panel.own_from, panel.own_until - panel.own_from
    return come_by(panel.own_calls, k + 1, ticks) - come_by(panel.own_calls, k, ticks)


@njit
def work_begins(t, w, i, name, rate_per_s):
    """The same for work at an even pace; the fraction waits for the next tick. ``name``: a declared FLOW."""
    panel = w.svc[i]
    panel.begins_here = rate_per_s > 0.0
    if rate_per_s <= 0.0 or t < panel.own_listed:
        return 0
    slot = EDGE_CARRIES * len(w.edge) + SERVICE_CARRIES * i + slot_of(name)
    now = carried(rate_per_s * w.tick_s[0], w.carry, slot)
    if panel.is_listed != 0:
        for k in range(t + 1, w.clock[BLOCK_END]):
            w.ahead[i, k - w.clock[BLOCK]] += carried(rate_per_s * w.tick_s[0], w.carry, slot)
            panel.own_listed = k + 1
    return now
