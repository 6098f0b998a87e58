"""Autoscaling: more servers when those that serve are busy, fewer when they have not been for a while.

The real system: target tracking. Each evaluation compares the utilisation of the last interval with a target.
New servers take time to start. After an action nothing happens for a cooldown. The claim: the lag decides how
long a jump of load hurts, and the queue that has grown meanwhile decides how far it overshoots.
"""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.mechanisms.requests.agenda import at, do_next
from twin.mechanisms.requests.books import note_station, set_slots
from twin.mechanisms.requests.records import EVALUATE, FILL, NOW, READY, SECOND


@njit
def evaluate(w, i):
    """Compare the utilisation of the last interval with the target, and act."""
    st = w.stations[i]
    now = w.counters[NOW]
    at(w, now + int(st.evaluation_s * SECOND), EVALUATE, i, 0)
    if st.target_ratio <= 0.0:
        return
    note_station(w, i)
    busy = (st.busy_area - st.busy_before) / SECOND / st.evaluation_s
    st.busy_before = st.busy_area
    want = math.ceil(busy / st.target_ratio - 1e-9)
    want = min(max(want, st.least), st.most)
    st.fewer = st.fewer + 1 if want < st.serving else 0
    if now - st.acted < st.cooldown_s * SECOND:
        return
    if want > st.serving + st.starting:
        more = want - st.serving - st.starting
        st.starting += more
        st.acted = now
        at(w, now + int(st.lag_s * SECOND), READY, i, more)
    elif st.fewer >= st.patient_evaluations and st.starting == 0:
        st.serving -= 1
        st.acted = now
        set_slots(w, i)


@njit
def ready(w, i, more):
    """New servers begin to serve."""
    st = w.stations[i]
    st.starting -= more
    st.serving += more
    set_slots(w, i)
    do_next(w, FILL, i)
