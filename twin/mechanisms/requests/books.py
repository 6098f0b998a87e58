"""Books of the calls: counts by station and by link, and time integrals of what is busy and what waits."""

from __future__ import annotations

from twin.base.jit import njit
from twin.mechanisms.requests.records import NOW, PROGRAM


@njit
def note_station(w, i):
    """Bring the time integrals of a station up to now; before its busy or waiting change."""
    st = w.stations[i]
    passed = w.counters[NOW] - st.noted
    if passed > 0:
        st.busy_area += float(st.busy) * passed
        st.waiting_area += float(st.waiting) * passed
        st.noted = w.counters[NOW]


@njit
def note_store(w, e):
    """Bring the time integral of a store up to now; before its content changes."""
    link = w.links[e]
    passed = w.counters[NOW] - link.store_noted
    if passed > 0:
        link.store_area += float(link.stored) * passed
        link.store_noted = w.counters[NOW]


@njit
def set_slots(w, i):
    """How many requests a station may work on now: as its kind says, or as servers or instances serve."""
    st = w.stations[i]
    if st.target_ratio > 0.0:
        st.slots = int(st.serving * st.capacity_ratio + 0.5)
    elif st.members_count > 0 and st.role == PROGRAM:
        st.slots = int(st.up * st.per_member * st.capacity_ratio + 0.5)
    else:
        st.slots = st.base_slots


@njit
def conserves_calls(w, i):
    """Whether every call of service ``i`` and every request to it has ended at most once, in counts.

    For each dependency: sent = served + failed + timed out + in flight; and where the callee is stepped one
    by one too, its good answers = those in time + those too late. For the service: offered = good + failed +
    inside.
    """
    st, panel = w.stations[i], w.svc[i]
    balanced = st.all_offered == st.all_good + st.all_failed + st.inside and st.inside >= 0
    for e in range(panel.out_start, panel.out_end):
        link = w.links[e]
        ended = link.all_served + link.all_failed + link.all_timed_out
        balanced = balanced and link.all_sent == ended + link.in_flight and link.in_flight >= 0
        balanced = balanced and link.callee_served == link.all_served + link.all_late
    return balanced
