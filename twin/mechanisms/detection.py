"""The end of a signal period: counts become signals, trouble gets its onset and its cause, the news goes out.

The real system: an alarm looks at a minute of calls, not at one, and what it reports is already over. The
claim: everything that a neighbour, an operator's condition or a report may know of a service is computed
here, for all kinds alike, from the books that the kinds keep (``twin/mechanisms/calls.py``). No kind
detects its
own trouble.
"""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.base.thresholds import HOLD_S, IMPAIRED_RATIO, QUIET_S, RECOVERED_S, SLOW_RATIO
from twin.mechanisms.arrays import N_SAMPLES, ONSET, OWN, PERIOD, RECOVERY, SAMPLE_TICKS
from twin.mechanisms.calls import emit


@njit
def culprit(w, i):
    """The dependency with the largest share of the failed calls, or OWN; where calls are late rather than
    failed, the one that they wait for longest. Edges are in the order of names."""
    s = w.svc[i]
    worst, most = OWN, s.own_blame
    if s.error_ratio >= IMPAIRED_RATIO:
        for e in range(s.out_start, s.out_end):
            if w.edge[e].blame > most:
                worst, most = e, w.edge[e].blame
        return worst
    most = s.latency_s / 2.0
    for e in range(s.out_start, s.out_end):
        if w.edge[e].wait_s > most:
            worst, most = e, w.edge[e].wait_s
    return worst


@njit
def open_cause(w, i, edge):
    """Event that lies behind trouble seen over ``edge``: open there, or an input there; or the service's own.

    Where none of these is known, what is open at any dependency: trouble of one's own that began over there.
    """
    s = w.svc[i]
    if edge != OWN and (w.edge[edge].seen_event != 0 or w.edge[edge].seen_input != 0):
        return w.edge[edge].seen_event if w.edge[edge].seen_event != 0 else w.edge[edge].seen_input
    if s.own_event != 0 or s.input_event != 0:
        return s.own_event if s.own_event != 0 else s.input_event
    return open_elsewhere(w, i)


@njit
def open_elsewhere(w, i):
    """The open event of the first dependency, in the order of names, that has one; else what last happened to
    a caller, because asking for more is trouble too; else 0."""
    s = w.svc[i]
    for e in range(s.out_start, s.out_end):
        if w.edge[e].seen_event != 0:
            return w.edge[e].seen_event
    latest = 0
    for n in range(s.in_start, s.in_end):
        latest = max(latest, w.edge[w.into[n]].asked_pub)
    return latest


@njit
def closing_cause(w, i, edge):
    """Event that ended the trouble seen over ``edge``; where it is not known yet, the onset that ends."""
    s = w.svc[i]
    if edge != OWN and w.edge[edge].seen_closed > s.open_event:
        return w.edge[edge].seen_closed
    if s.input_event > s.open_event:
        return s.input_event
    return s.own_event if s.own_event > s.open_event else s.open_event


@njit
def detect(t, w, i, impaired):
    """Emit an onset after HOLD_S of impairment and a recovery after RECOVERED_S without. See levels.py."""
    s = w.svc[i]
    if impaired:
        s.well_since = -1
        if s.impaired_since < 0:
            s.impaired_since = t
            s.first_edge = culprit(w, i)
        held_s = (t - s.impaired_since) * w.tick_s[0]
        if s.open_event == 0 and held_s >= HOLD_S:
            known = s.first_edge == OWN or w.edge[s.first_edge].seen_event != 0
            if not known and held_s < 2.0 * HOLD_S:  # the onset over there may not be certain yet
                return
            s.blamed_edge = s.first_edge
            s.open_event = emit(t, w, i, ONSET, i, s.error_ratio, open_cause(w, i, s.first_edge))
        return
    s.impaired_since = -1
    if s.open_event == 0:
        return
    if s.well_since < 0:
        s.well_since = t
    if (t - s.well_since) * w.tick_s[0] >= RECOVERED_S:
        s.closed_event = emit(t, w, i, RECOVERY, i, s.error_ratio, closing_cause(w, i, s.blamed_edge))
        s.open_event = 0


def day(s, seconds):
    """Load of the customers behind a service, over their daily peak: a cosine, the simplest day there is."""
    return 1.0 - s.swing_ratio * 0.5 * (1.0 - math.cos(2.0 * math.pi * (seconds - s.peak_s) / 86_400.0))


load_now = njit(day)


@njit
def not_handed_over(w, i):
    """Work that service ``i`` still has to hand over to its asynchronous dependencies."""
    s = w.svc[i]
    left = 0
    for e in range(s.out_start, s.out_end):
        left += w.edge[e].backlog
    return left


@njit
def close_period(t, w, i):
    """Turn the counts of a signal period into signals, look for onset and recovery, feed the sample."""
    s = w.svc[i]
    period = w.clock[PERIOD]
    if s.p_good + s.p_failed > 0:
        s.error_ratio = s.p_failed / (s.p_good + s.p_failed)
    latency = s.p_latency / period
    if s.quiet_capacity_per_s < 0.0:
        s.quiet_capacity_per_s = s.capacity_per_s
    if t * w.tick_s[0] < QUIET_S:
        s.quiet_latency_s = max(s.quiet_latency_s, latency)
    s.latency_ratio = latency / s.quiet_latency_s if s.quiet_latency_s > 0.0 else 1.0
    s.capacity_ratio = s.capacity_per_s / s.quiet_capacity_per_s if s.quiet_capacity_per_s > 0.0 else 1.0
    s.waiting = s.backlog + not_handed_over(w, i)
    s.backlog_s = s.waiting / s.capacity_per_s if s.capacity_per_s > 0.0 else 1e9 * (s.waiting > 0)
    detect(t, w, i, s.error_ratio >= IMPAIRED_RATIO or s.latency_ratio >= SLOW_RATIO)
    s.a_offered += s.p_offered
    s.a_good += s.p_good
    s.a_failed += s.p_failed
    s.a_latency += latency
    s.a_periods += 1
    s.p_offered, s.p_good, s.p_failed, s.p_latency = 0, 0, 0, 0.0
    if s.swing_ratio > 0.0:
        s.load_ratio = load_now(s, (t + 1) * w.tick_s[0])
    if (t + 1) % w.clock[SAMPLE_TICKS] == 0:
        sample(t, w, i)


@njit
def sample(t, w, i):
    """Write one row: rates and means over the sample interval, levels as they are at its end."""
    s = w.svc[i]
    seconds = s.a_periods * w.clock[PERIOD] * w.tick_s[0]
    row = w.samples[w.clock[N_SAMPLES]]
    row.tick, row.service = t + 1, i
    row.offered_per_s, row.goodput_per_s = s.a_offered / seconds, s.a_good / seconds
    row.capacity_per_s, row.backlog_count = s.capacity_per_s, float(s.waiting)
    done = s.a_good + s.a_failed
    row.error_ratio = s.a_failed / done if done > 0 else s.error_ratio
    row.latency_s = s.a_latency / s.a_periods
    w.clock[N_SAMPLES] += 1
    s.a_offered, s.a_good, s.a_failed, s.a_latency, s.a_periods = 0, 0, 0, 0.0, 0


@njit
def last_event(s):
    """What last changed how a service asks: its own input, else its open onset, else its last recovery."""
    if s.input_event != 0:
        return s.input_event
    return s.open_event if s.open_event != 0 else s.closed_event


@njit
def publish(t, w):
    """Let callers and callees see each other's side: near edges every tick, far ones every period."""
    boundary = (t + 1) % w.clock[PERIOD] == 0
    for e in range(len(w.edge)):
        r = w.edge[e]
        if r.far != 0 and not boundary:
            continue
        r.calls_pub, r.calls = r.calls, 0
        r.asked_pub = last_event(w.svc[r.caller])
        callee = w.svc[r.callee]
        r.event, r.closed, r.seen_input = callee.open_event, callee.closed_event, callee.input_event
        if r.line_slots > 0:
            delayed(t, w, e)
        else:
            r.seen_ok, r.seen_latency_s, r.seen_room = r.ok, r.latency_s, r.room
            r.seen_event, r.seen_closed = r.event, r.closed


@njit
def delayed(t, w, e):
    """Outcomes of an edge with a delay travel along a line of ``line_slots`` publications."""
    r = w.edge[e]
    step = t if r.far == 0 else t // w.clock[PERIOD]
    at = r.line + 5 * (step % r.line_slots)
    r.seen_ok, r.seen_latency_s, r.seen_room = w.line[at], w.line[at + 1], w.line[at + 2]
    r.seen_event, r.seen_closed = int(w.line[at + 3]), int(w.line[at + 4])
    w.line[at], w.line[at + 1], w.line[at + 2] = r.ok, r.latency_s, r.room
    w.line[at + 3], w.line[at + 4] = float(r.event), float(r.closed)
