"""The end of a signal period: counts become signals, trouble gets its onset and its cause, the news goes out.

The real system: an alarm looks at a minute of calls, not at one, and what it reports is already over. The
claim: everything that a neighbour, an operator's condition or a report may know of a service is computed
here. It is computed for all kinds alike, from what they expose and tally (``twin/mechanisms/calls.py``). No
kind detects its own trouble.
"""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.base.thresholds import HOLD_S, IMPAIRED_RATIO, QUIET_S, RECOVERED_S, SLOW_RATIO
from twin.mechanisms.arrays import LINE_VALUES, N_SAMPLES, ONSET, OWN, PERIOD, RECOVERY, SAMPLE_TICKS
from twin.mechanisms.books import held, publish_books
from twin.mechanisms.calls import emit, headroom_of
from twin.mechanisms.requests.records import COUNTED
from twin.mechanisms.requests.report import busy_ratio, mean_waiting_and_busy, oldest_age_s


@njit
def culprit(w, i):
    """The dependency with the largest share of the failed calls, or OWN. Where calls are late rather than
    failed, it is the dependency with the longest wait. Edges are in the order of names."""
    panel = w.svc[i]
    worst, most = OWN, panel.own_blame
    if panel.error_ratio >= IMPAIRED_RATIO:
        for e in range(panel.out_start, panel.out_end):
            if w.edge[e].blame > most:
                worst, most = e, w.edge[e].blame
        return worst
    most = panel.latency_s / 2.0
    for e in range(panel.out_start, panel.out_end):
        if w.edge[e].wait_s > most:
            worst, most = e, w.edge[e].wait_s
    return worst


@njit
def open_cause(w, i, edge):
    """Event that lies behind trouble seen over ``edge``: open there, or an input there; or the service's own.

    Where none of these is known, what is open at any dependency: trouble of one's own that began over there.
    """
    panel = w.svc[i]
    if edge != OWN and (w.edge[edge].visible_event != 0 or w.edge[edge].visible_input != 0):
        return w.edge[edge].visible_event if w.edge[edge].visible_event != 0 else w.edge[edge].visible_input
    if panel.own_event != 0 or panel.input_event != 0:
        return panel.own_event if panel.own_event != 0 else panel.input_event
    return open_elsewhere(w, i)


@njit
def open_elsewhere(w, i):
    """The open event of the first dependency, in the order of names, that has one. Else it is the last event
    of a caller, because more calls are trouble too; else 0."""
    panel = w.svc[i]
    for e in range(panel.out_start, panel.out_end):
        if w.edge[e].visible_event != 0:
            return w.edge[e].visible_event
    latest = 0
    for n in range(panel.in_start, panel.in_end):
        latest = max(latest, w.edge[w.incoming[n]].sent_cause)
    return latest


@njit
def closing_cause(w, i, edge):
    """Event that ended the trouble seen over ``edge``; where it is not known yet, the onset that ends."""
    panel = w.svc[i]
    if edge != OWN and w.edge[edge].visible_closed > panel.open_event:
        return w.edge[edge].visible_closed
    if panel.input_event > panel.open_event:
        return panel.input_event
    return panel.own_event if panel.own_event > panel.open_event else panel.open_event


@njit
def detect(t, w, i, impaired):
    """Emit an onset after HOLD_S of impairment and a recovery after RECOVERED_S without. See levels.py."""
    panel = w.svc[i]
    if impaired:
        panel.well_since = -1
        if panel.impaired_since < 0:
            panel.impaired_since = t
            panel.first_edge = culprit(w, i)
        held_s = (t - panel.impaired_since) * w.tick_s[0]
        if panel.open_event == 0 and held_s >= HOLD_S:
            known = panel.first_edge == OWN or w.edge[panel.first_edge].visible_event != 0
            if not known and held_s < 2.0 * HOLD_S:  # the onset over there may not be certain yet
                return
            panel.blamed_edge = panel.first_edge
            panel.open_event = emit(t, w, i, ONSET, i, panel.error_ratio, open_cause(w, i, panel.first_edge))
        return
    panel.impaired_since = -1
    if panel.open_event == 0:
        return
    if panel.well_since < 0:
        panel.well_since = t
    if (t - panel.well_since) * w.tick_s[0] >= RECOVERED_S:
        cause = closing_cause(w, i, panel.blamed_edge)
        panel.closed_event = emit(t, w, i, RECOVERY, i, panel.error_ratio, cause)
        panel.open_event = 0


def day(panel, seconds):
    """Load of the customers behind a service, over their daily peak: a cosine, the simplest day there is."""
    phase = 2.0 * math.pi * (seconds - panel.peak_s) / 86_400.0
    return 1.0 - panel.swing_ratio * 0.5 * (1.0 - math.cos(phase))


load_now = njit(day)


@njit
def not_handed_over(w, i):
    """Work that service ``i`` still has to hand over to its asynchronous dependencies."""
    panel = w.svc[i]
    left = 0
    for e in range(panel.out_start, panel.out_end):
        left += w.edge[e].backlog
    return left


@njit
def close_period(t, w, i):
    """Turn the counts of a signal period into signals, look for onset and recovery, feed the sample."""
    panel = w.svc[i]
    period = w.clock[PERIOD]
    if panel.p_good + panel.p_failed > 0:
        panel.error_ratio = panel.p_failed / (panel.p_good + panel.p_failed)
    latency = panel.p_latency / period
    if panel.quiet_capacity_per_s < 0.0:
        panel.quiet_capacity_per_s = panel.capacity_per_s
    if t * w.tick_s[0] < QUIET_S:
        panel.quiet_latency_s = max(panel.quiet_latency_s, latency)
    panel.latency_ratio = latency / panel.quiet_latency_s if panel.quiet_latency_s > 0.0 else 1.0
    panel.capacity_ratio = headroom_of(panel)
    panel.waiting = panel.backlog + not_handed_over(w, i)
    rate_per_s, waiting = panel.capacity_per_s, panel.waiting
    panel.backlog_s = waiting / rate_per_s if rate_per_s > 0.0 else 1e9 * (waiting > 0)
    detect(t, w, i, panel.error_ratio >= IMPAIRED_RATIO or panel.latency_ratio >= SLOW_RATIO)
    describe_load(w, i, period * w.tick_s[0])
    panel.a_offered += panel.p_offered
    panel.a_good += panel.p_good
    panel.a_failed += panel.p_failed
    panel.a_latency += latency
    panel.a_periods += 1
    panel.p_offered, panel.p_good, panel.p_failed, panel.p_latency = 0, 0, 0, 0.0
    if panel.swing_ratio > 0.0:
        panel.load_ratio = load_now(panel, (t + 1) * w.tick_s[0])
    if (t + 1) % w.clock[SAMPLE_TICKS] == 0:
        write_sample(t, w, i)


@njit
def describe_load(w, i, seconds):
    """Signals of load: how busy the service is, how old its oldest work, and its rates, over ``seconds``."""
    panel = w.svc[i]
    panel.offered_per_s, panel.goodput_per_s = panel.p_offered / seconds, panel.p_good / seconds
    if w.stations[i].role != COUNTED:
        panel.utilisation_ratio, panel.oldest_age_s = busy_ratio(w, i), oldest_age_s(w, i)
        return
    rate_per_s = panel.capacity_per_s
    panel.utilisation_ratio = min(1.0, panel.offered_per_s / rate_per_s) if rate_per_s > 0.0 else 1.0
    panel.oldest_age_s = panel.backlog_s


@njit
def write_sample(t, w, i):
    """Write one row: rates and means over the sample interval, levels as they are at its end."""
    panel = w.svc[i]
    seconds = panel.a_periods * w.clock[PERIOD] * w.tick_s[0]
    row = w.samples[w.clock[N_SAMPLES]]
    row.tick, row.service = t + 1, i
    row.offered_per_s, row.goodput_per_s = panel.a_offered / seconds, panel.a_good / seconds
    row.capacity_per_s, row.backlog_count = panel.capacity_per_s, float(panel.waiting)
    done = panel.a_good + panel.a_failed
    row.error_ratio = panel.a_failed / done if done > 0 else panel.error_ratio
    row.latency_s = panel.a_latency / panel.a_periods
    row.waiting_count, row.busy_count = float(panel.waiting), 0.0
    if w.stations[i].role != COUNTED:
        row.waiting_count, row.busy_count = mean_waiting_and_busy(w, i, seconds)
    w.clock[N_SAMPLES] += 1
    panel.a_offered, panel.a_good, panel.a_failed, panel.a_latency, panel.a_periods = 0, 0, 0, 0.0, 0


@njit
def last_event(panel):
    """What last changed how a service asks: its own input, else its open onset, else its last recovery."""
    if panel.input_event != 0:
        return panel.input_event
    return panel.open_event if panel.open_event != 0 else panel.closed_event


@njit
def publish(t, w):
    """Let callers and callees see each other's side: every tick inside a domain, else every period."""
    boundary = (t + 1) % w.clock[PERIOD] == 0
    for e in range(len(w.edge)):
        r = w.edge[e]
        if r.cross_domain != 0 and not boundary:
            continue
        r.sent_calls, r.calls = r.calls, 0
        r.sent_total += r.sent_calls
        r.sent_cause = last_event(w.svc[r.caller])
        callee = w.svc[r.callee]
        r.event, r.closed, r.visible_input = callee.open_event, callee.closed_event, callee.input_event
        if r.line_slots > 0:
            delayed(t, w, e)
        else:
            r.visible_ok, r.visible_latency_s, r.visible_headroom = r.ok, r.latency_s, r.headroom
            r.visible_event, r.visible_closed = r.event, r.closed
            publish_books(r)


@njit
def delayed(t, w, e):
    """Outcomes of an edge with a delay travel along a line of ``line_slots`` publications."""
    r = w.edge[e]
    step = t if r.cross_domain == 0 else t // w.clock[PERIOD]
    at = r.line + LINE_VALUES * (step % r.line_slots)
    r.visible_ok, r.visible_latency_s, r.visible_headroom = w.line[at], w.line[at + 1], w.line[at + 2]
    r.visible_event, r.visible_closed = int(w.line[at + 3]), int(w.line[at + 4])
    r.visible_served, r.visible_failed = int(w.line[at + 5]), int(w.line[at + 6])
    r.visible_held = int(w.line[at + 7])
    w.line[at], w.line[at + 1], w.line[at + 2] = r.ok, r.latency_s, r.headroom
    w.line[at + 3], w.line[at + 4] = float(r.event), float(r.closed)
    w.line[at + 5], w.line[at + 6], w.line[at + 7] = float(r.served), float(r.failed), float(held(r))
