"""What is kept of a signal period after it is over: signals of load, a row of samples, the counts of a zone.

The real system: a dashboard draws means over an interval. The claim: every row is of the same interval, so
rates times time are counts. Left out: what happened within the interval.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.mechanisms.arrays import N_SAMPLES, PERIOD
from twin.mechanisms.requests.records import COUNTED
from twin.mechanisms.requests.report import begin_period, busy_ratio, mean_waiting_and_busy
from twin.mechanisms.requests.report import oldest_age_s as oldest_s


@njit
def close_counts(panel, latency_s):
    """Keep what was counted in this period for the whole of a zone, and begin anew."""
    panel.closed_offered, panel.closed_latency = panel.p_offered, latency_s
    panel.closed_good, panel.closed_failed = panel.p_good, panel.p_failed
    panel.p_offered, panel.p_good, panel.p_failed, panel.p_latency, panel.p_missed = 0, 0, 0, 0.0, 0.0


@njit
def describe_load(w, i, seconds):
    """Signals of load: how busy the service is, how old its oldest work, and its rates, over ``seconds``."""
    panel = w.svc[i]
    panel.offered_per_s, panel.goodput_per_s = panel.p_offered / seconds, panel.p_good / seconds
    if w.stations[i].role != COUNTED:
        panel.utilisation_ratio, panel.oldest_age_s = busy_ratio(w, i), oldest_s(w, i)
        begin_period(w, i)
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
