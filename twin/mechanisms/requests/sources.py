"""Customers: requests that come by chance, and herds that come at once.

The gap between two requests is exponential: it ends when the rate, summed over time, has grown by an amount
that is drawn for the number of the request. So a change of the rate changes the moments, not the draws.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.base.rng import ARRIVE as COMES
from twin.base.rng import subkey
from twin.mechanisms.requests.agenda import at, do_next
from twin.mechanisms.requests.calls import chance_of, exponential, new_call
from twin.mechanisms.requests.records import (
    ARRIVAL,
    ARRIVE,
    AT_A_TIME,
    CUSTOMERS,
    HERD,
    NOBODY,
    NOW,
    PROCEED,
    SECOND,
)


@njit
def come(w, i):
    """A request of customers ``i`` begins."""
    st = w.stations[i]
    st.drawn += 1
    q = new_call(w, NOBODY, i, subkey(w.svc[i].key, st.drawn))
    if st.role != CUSTOMERS:
        do_next(w, ARRIVE, q)
        return
    w.calls[q].has_worked = 2
    st.offered += 1
    st.all_offered += 1
    st.inside += 1
    do_next(w, PROCEED, q)


@njit
def arrive_next(w, i):
    """A request comes, and the gap to the next one is drawn."""
    come(w, i)
    draw_gap(w, i)
    schedule(w, i)


@njit
def draw_gap(w, i):
    """The amount by which the summed rate grows until the next request."""
    st = w.stations[i]
    st.gap = exponential(chance_of(w, w.svc[i].key, st.drawn + 1, COMES))
    st.since = w.counters[NOW]


@njit
def schedule(w, i):
    """The moment of the next request, at the present rate."""
    st = w.stations[i]
    st.version += 1
    if st.rate_then > 0.0:
        at(w, st.since + int(st.gap / st.rate_then * SECOND + 0.5), ARRIVAL, i, st.version)


@njit
def follow_rate(w, i):
    """At the beginning of a tick: the rate may have changed, or a herd may come."""
    st = w.stations[i]
    now = w.counters[NOW]
    if st.rate_per_s != st.rate_then:
        st.gap = max(0.0, st.gap - (now - st.since) / SECOND * st.rate_then)
        st.since, st.rate_then = now, st.rate_per_s
        schedule(w, i)
    if st.batch > 0:
        at(w, now, HERD, i, 0)


@njit
def herd(w, i):
    """Requests that come at this moment; some at a time, so that their rows have room."""
    st = w.stations[i]
    for _ in range(min(st.batch, AT_A_TIME)):
        st.batch -= 1
        come(w, i)
    if st.batch > 0:
        at(w, w.counters[NOW], HERD, i, 0)
