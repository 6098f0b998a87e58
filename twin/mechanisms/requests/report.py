"""What others may know of a service whose calls are stepped one by one: its panel, its samples, its books."""

from __future__ import annotations

from twin.base.jit import njit
from twin.mechanisms.arrays import ASYNC, FIRE_AND_FORGET, PERIOD, SAMPLE_TICKS
from twin.mechanisms.calls import expose, headroom_of, tally
from twin.mechanisms.contract import ANSWER, DEPEND, INTAKE, mark
from twin.mechanisms.requests.books import note_station, note_store
from twin.mechanisms.requests.records import COUNTED, N_BOOKS, NOBODY, NOW, SECOND

MOMENT_S = 0.001  # the least time that counts: a service that takes none is slow from three of these


@njit
def report(w, i, capacity_per_s):
    """One tick of service ``i`` as its panel shows it: a step of its kind, with all five calls of a step."""
    panel, st = w.svc[i], w.stations[i]
    ended = st.good + st.failed
    st.period_ended += ended
    st.period_own_failed += st.own_failed
    panel.offered = st.offered * st.weight
    mark(panel, INTAKE)
    if st.finished > 0 or st.busy == 0:
        st.last_end = w.counters[NOW]
    stuck_s = (w.counters[NOW] - st.last_end) / SECOND
    waiting = st.waiting + report_dependencies(w, i, stuck_s)
    mark(panel, DEPEND)
    own_blame = min(1.0, st.period_own_failed / st.period_ended) if st.period_ended > 0 else 0.0
    expose(w, i, capacity_per_s, waiting * st.weight, own_blame)
    if st.finished > 0:
        panel.latency_s = st.spent / st.finished / SECOND
    else:  # those that are served now take at least as long
        panel.latency_s = max(panel.latency_s, stuck_s)
    report_to_callers(w, i, st.good / ended if ended > 0 else 1.0)
    mark(panel, ANSWER)
    tally(w, i, st.good * st.weight, st.failed * st.weight)
    st.offered, st.good, st.failed, st.own_failed, st.finished, st.spent = 0, 0, 0, 0, 0, 0.0


@njit
def report_dependencies(w, i, stuck_s):
    """Whom service ``i`` waits for, and who makes its calls fail, in this signal period so far. No call has
    ended for ``stuck_s``. Returns how many wait for a connection."""
    panel, st = w.svc[i], w.stations[i]
    waiting = 0
    for e in range(panel.out_start, panel.out_end):
        link, r = w.links[e], w.edge[e]
        r.blame = min(1.0, link.blamed / st.period_ended) if st.period_ended > 0 else 0.0
        if r.mode == ASYNC:
            r.wait_s = blocked_s(w, link)
        elif link.ended > 0:
            r.wait_s = link.spent_here / link.ended / SECOND
        elif link.in_flight > 0 and r.mode != FIRE_AND_FORGET:
            r.wait_s = max(r.wait_s, stuck_s)
        r.backlog = link.in_flight * st.weight if r.mode == ASYNC else 0
        waiting += link.waiting
    return waiting


@njit
def learn_latency(w, i, latency_s):
    """Learn from a quiet period what service ``i`` takes when all is well, and return it."""
    if w.stations[i].role != COUNTED:
        latency_s = undisturbed_s(w, i, latency_s)
    w.svc[i].quiet_latency_s = max(w.svc[i].quiet_latency_s, latency_s)
    return latency_s


@njit
def undisturbed_s(w, i, latency_s):
    """What service ``i`` takes when all is well, as a quiet period shows it: ``latency_s``, or a moment where
    calls take no time. One that calls nobody, and is called in trouble only, is known by its own work."""
    panel, st = w.svc[i], w.stations[i]
    if panel.p_offered > 0:
        return max(latency_s, MOMENT_S)
    return max(MOMENT_S, st.delay_s + st.work_s) if panel.out_start == panel.out_end else latency_s


@njit
def blocked_s(w, link):
    """How long the first request has been here that waits for room in a store."""
    if link.blocked_first == NOBODY:
        return 0.0
    return (w.counters[NOW] - w.calls[link.blocked_first].arrived) / SECOND


@njit
def begin_period(w, i):
    """A signal period is over: what it showed of causes is counted from zero again."""
    panel, st = w.svc[i], w.stations[i]
    st.period_ended = st.period_own_failed = 0
    for e in range(panel.out_start, panel.out_end):
        link = w.links[e]
        link.blamed, link.ended, link.spent_here = 0, 0, 0.0


@njit
def report_to_callers(w, i, ok):
    """The share of calls that end well, as the edges to a service show it."""
    panel = w.svc[i]
    for n in range(panel.in_start, panel.in_end):
        r = w.edge[w.incoming[n]]
        r.ok, r.attempt_ok, r.latency_s, r.headroom = ok, ok, panel.latency_s, headroom_of(panel)


@njit
def busy_ratio(w, i):
    """Mean share of the slots that were busy in the signal period that ends now."""
    st = w.stations[i]
    note_station(w, i)
    busy = st.busy_area - st.busy_period
    st.busy_period = st.busy_area
    passed_us = w.clock[PERIOD] * w.tick_s[0] * SECOND
    return busy / passed_us / st.slots if st.slots > 0 else 0.0


@njit
def oldest_age_s(w, i):
    """Age of the oldest request that waits at service ``i``, or is stored for it, in s."""
    panel, now = w.svc[i], w.counters[NOW]
    oldest = now
    if w.stations[i].first != NOBODY:
        oldest = w.calls[w.stations[i].first].arrived
    for n in range(panel.in_start, panel.in_end):
        q = w.links[w.incoming[n]].store_first
        if q != NOBODY:
            oldest = min(oldest, w.calls[q].first_sent)
    return (now - oldest) / SECOND


@njit
def mean_waiting_and_busy(w, i, seconds):
    """Time averages over the sample that ends now: requests that wait, and slots that are busy."""
    st = w.stations[i]
    note_station(w, i)
    waiting = (st.waiting_area - st.sample_waiting) / SECOND / seconds
    busy = (st.busy_area - st.sample_busy) / SECOND / seconds
    st.sample_waiting, st.sample_busy = st.waiting_area, st.busy_area
    return waiting * st.weight, busy * st.weight


@njit
def write_books(t, w):
    """One row for each dependency of the services that are stepped here one by one."""
    seconds = w.clock[SAMPLE_TICKS] * w.tick_s[0]
    for n in range(len(w.mine)):
        i = w.mine[n]
        if w.stations[i].role == COUNTED:
            continue
        for e in range(w.svc[i].out_start, w.svc[i].out_end):
            write_book(t, w, e, w.stations[i].weight, seconds)


@njit
def write_book(t, w, e, weight, seconds):
    """What has become of the calls over dependency ``e`` in this sample interval."""
    link = w.links[e]
    note_store(w, e)
    row = w.books[w.counters[N_BOOKS]]
    w.counters[N_BOOKS] += 1
    row.tick, row.edge = t + 1, e
    row.sent, row.served, row.failed = link.sent * weight, link.served * weight, link.failed * weight
    row.timed_out, row.refused_by_client = link.timed_out * weight, link.refused * weight
    row.served_late, row.in_flight = link.late * weight, link.in_flight * weight
    row.lost, row.asked_cache, row.hits = link.lost * weight, link.asks * weight, link.hits * weight
    row.stored_count = (link.store_area - link.store_sampled) / SECOND / seconds * weight
    row.open_count, row.longest_age_s = float(link.open * weight), link.longest / SECOND
    row.opened, row.oldest_age_s = link.opened, 0.0
    if link.store_first != NOBODY:
        row.oldest_age_s = (w.counters[NOW] - w.calls[link.store_first].first_sent) / SECOND
    link.store_sampled = link.store_area
    link.sent, link.served, link.failed, link.timed_out, link.refused = 0, 0, 0, 0, 0
    link.late, link.lost, link.asks, link.hits, link.longest, link.opened = 0, 0, 0, 0, 0, 0
