"""The end of a signal period: counts become signals, trouble gets its onset and its cause, the news goes out.

The real system: an alarm looks at a minute of calls, not at one, and what it reports is already over. The
claim: everything that a neighbour, an operator's condition or a report may know of a service is computed
here. It is computed for all kinds alike, from what they expose and tally (``twin/mechanisms/calls.py``). No
kind detects its own trouble.
"""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.base.thresholds import (
    HOLD_S,
    IMPAIRED_RATIO,
    QUIET_S,
    RECOVERED_S,
    SIGN_RATIO,
    SLOW_RATIO,
    SLOWER_RATIO,
)
from twin.mechanisms.arrays import (
    FIRST_SIGN,
    IMPAIRED_SPELL,
    LINE_VALUES,
    LOADED_SPELL,
    ONSET,
    OWN,
    PERIOD,
    RECOVERY,
    SAMPLE_TICKS,
    SIGN_SPELL,
    SPELLS,
)
from twin.mechanisms.books import held, publish_books
from twin.mechanisms.calls import headroom_of, write_event
from twin.mechanisms.causes import (
    LOAD_ROSE,
    TROUBLE,
    TROUBLE_ENDED,
    closing_cause,
    culprit,
    first_open,
    forget_input,
    grown_caller,
    look_for_cause,
    reason_to_ask,
    show_end,
    show_trouble,
    spell_event,
    times_usual,
)
from twin.mechanisms.event_ids import halves, tick_of, whole
from twin.mechanisms.requests.records import COUNTED
from twin.mechanisms.requests.report import learn_latency
from twin.mechanisms.samples import close_counts, describe_load, write_sample


@njit
def extend(t, w, i, s, holds, what):
    """Begin or continue a spell, if it ``holds`` in the signal period that ends with tick ``t``. True if it
    begins. Its moments are the beginning of the first such period and the end of the last."""
    if not holds:
        return False
    begins = s.since < 0
    if begins:
        s.since = t + 1 - w.clock[PERIOD]
        s.event = spell_event(s.since, i, what)
        s.held = s.cause = s.named = s.told = 0
        s.error_ratio = s.latency_ratio = 0.0
    s.held += w.clock[PERIOD]
    s.until = t + 1
    return begins


@njit
def is_over(t, w, s):
    """Whether a spell that has begun has not held for RECOVERED_S."""
    return (t + 1 - s.until) * w.tick_s[0] >= RECOVERED_S


@njit
def end_spell(s):
    """It is over, and may begin again."""
    s.since, s.event = -1, 0


@njit
def detect(t, w, i, is_sign, is_impaired):
    """Follow first signs of trouble and impairment, and note each in the journal when it is certain.

    An event has the time at which its spell began or ended, though it is certain only later. Its id is there
    from the beginning, so callers that break together with their callee name it.
    """
    sign, worse = w.spell[SPELLS * i + SIGN_SPELL], w.spell[SPELLS * i + IMPAIRED_SPELL]
    if extend(t, w, i, sign, is_sign, TROUBLE):
        sign.edge = culprit(w, i)
    if extend(t, w, i, worse, is_impaired, TROUBLE):
        worse.edge = culprit(w, i)
        if worse.event == sign.event:  # they begin together: one event for both
            sign.told = 1
    if worse.since >= 0:
        note_worst(w.svc[i], worse)
        tell_impairment(t, w, i, worse)
    if sign.since >= 0:
        note_worst(w.svc[i], sign)
        tell_first_sign(t, w, i, sign)


@njit
def note_worst(panel, s):
    """Remember the worst values of a spell."""
    s.error_ratio = max(s.error_ratio, panel.failing_ratio)
    s.latency_ratio = max(s.latency_ratio, panel.latency_ratio)


@njit
def severity(s):
    """The value of an event of trouble: the worst error ratio so far; where calls are late and do not fail,
    it is the latency over the undisturbed one."""
    return s.error_ratio if s.error_ratio >= SIGN_RATIO else s.latency_ratio


@njit
def tell_first_sign(t, w, i, s):
    """Note a first sign where it lies behind something: once another event names it, and its own cause is
    known, or has been looked for in vain."""
    if s.told == 0:
        look_for_cause(t, w, i, s)
        if is_named(w, i, s) and (s.cause != 0 or (t + 1 - s.since) * w.tick_s[0] >= HOLD_S):
            s.told = 1
            write_event(w, s.event, FIRST_SIGN, i, severity(s), s.cause)
    if is_over(t, w, s):
        end_spell(s)


@njit
def is_named(w, i, s):
    """Whether an event of a caller, or an intervention, names the event of spell ``s`` as its cause."""
    if s.named != 0:
        return True
    for n in range(w.svc[i].in_start, w.svc[i].in_end):
        if w.edge[w.incoming[n]].sent_named == s.event:
            return True
    return False


@njit
def tell_impairment(t, w, i, s):
    """Note an onset after HOLD_S of impairment and a recovery after RECOVERED_S without. See episodes.sql.

    What callers have named, and was too short for an onset, is noted as a first sign.
    """
    panel = w.svc[i]
    if s.told == 0:
        look_for_cause(t, w, i, s)
        if s.held * w.tick_s[0] >= HOLD_S:
            s.told = 1
            write_event(w, s.event, ONSET, i, severity(s), s.cause)
            panel.open_event = s.event
    if not is_over(t, w, s):
        return
    if s.told == 0 and is_named(w, i, s):
        write_event(w, s.event, FIRST_SIGN, i, severity(s), s.cause)
    if s.told != 0:
        panel.closed_event = spell_event(s.until, i, TROUBLE_ENDED)
        write_event(w, panel.closed_event, RECOVERY, i, panel.error_ratio, closing_cause(t, w, i, s))
        panel.open_event = 0
    end_spell(s)


@njit
def watch_load(t, w, i):
    """Compare the calls of this period with the usual ones at this time of day: the most while all is
    quiet."""
    panel, s = w.svc[i], w.spell[SPELLS * i + LOADED_SPELL]
    period_s = w.clock[PERIOD] * w.tick_s[0]
    offered_per_s = panel.p_offered / (period_s * panel.load_ratio) if panel.load_ratio > 0.0 else 0.0
    if is_quiet(t, w):
        panel.quiet_offered_per_s = max(panel.quiet_offered_per_s, offered_per_s)
        return
    edge = grown_caller(w, i, period_s)
    if extend(t, w, i, s, edge != OWN, LOAD_ROSE):
        s.edge = edge
    if s.since < 0:
        return
    r = w.edge[s.edge]
    times = times_usual(offered_per_s, panel.quiet_offered_per_s)
    times = max(times, times_usual(r.sent_load_per_s, r.sent_usual_per_s))
    s.latency_ratio = max(s.latency_ratio, times)
    if s.cause == 0 and tick_of(r.sent_cause) < s.since + w.clock[PERIOD]:
        s.cause = r.sent_cause
    if is_over(t, w, s):
        end_spell(s)


@njit
def is_quiet(t, w):
    """Whether what comes and how long it takes is still taken as undisturbed."""
    return t * w.tick_s[0] < QUIET_S


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
    if is_quiet(t, w):
        latency = learn_latency(w, i, latency)
        learn_waits(w, i)
    panel.latency_ratio = latency / panel.quiet_latency_s if panel.quiet_latency_s > 0.0 else 1.0
    panel.capacity_ratio = headroom_of(panel)
    panel.waiting = panel.backlog + not_handed_over(w, i)
    rate_per_s, waiting = panel.capacity_per_s, panel.waiting
    panel.backlog_s = waiting / rate_per_s if rate_per_s > 0.0 else 1e9 * (waiting > 0)
    watch_load(t, w, i)
    # What callers are told may be worse than what the service counts, as of leases that are not needed yet.
    panel.failing_ratio = max(panel.error_ratio, panel.p_missed / period)
    late_ratio = 0.0 if is_quiet(t, w) else panel.latency_ratio
    is_sign = panel.failing_ratio >= SIGN_RATIO or late_ratio >= SLOWER_RATIO
    detect(t, w, i, is_sign, panel.error_ratio >= IMPAIRED_RATIO or late_ratio >= SLOW_RATIO)
    show_trouble(w, i)
    show_end(t, w, i)
    forget_input(t, w, i)
    spread_news(w, i)
    describe_load(w, i, period * w.tick_s[0])
    panel.a_offered += panel.p_offered
    panel.a_good += panel.p_good
    panel.a_failed += panel.p_failed
    panel.a_latency += latency
    panel.a_periods += 1
    close_counts(panel, latency)
    if panel.swing_ratio > 0.0:
        panel.load_ratio = load_now(panel, (t + 1) * w.tick_s[0])
    if (t + 1) % w.clock[SAMPLE_TICKS] == 0:
        write_sample(t, w, i)


@njit
def learn_waits(w, i):
    """Undisturbed times of the dependencies of a service, as long as all is quiet."""
    panel = w.svc[i]
    for e in range(panel.out_start, panel.out_end):
        w.edge[e].quiet_wait_s = max(w.edge[e].quiet_wait_s, w.edge[e].wait_s)


@njit
def publish_near(t, w):
    """Let callers and callees inside a domain see each other's side, after every tick."""
    for n in range(len(w.near)):
        r = w.edge[w.near[n]]
        ok, latency_s, headroom = r.visible_ok, r.visible_latency_s, r.visible_headroom
        publish(t, w, w.near[n])
        same = r.visible_ok == ok and r.visible_latency_s == latency_s and r.visible_headroom == headroom
        if not same or r.visible_held > 0:
            w.svc[r.caller].has_news = 1


@njit
def publish_all(t, w):
    """At the end of a period let all do so, and say what loads each dependency, as seen before. What services
    of other shards do among each other is nothing to this one."""
    for n in range(len(w.mine)):
        i = w.mine[n]
        panel = w.svc[i]
        if panel.out_start < panel.out_end:
            publish_loads(t, w, i)
        for e in range(panel.out_start, panel.out_end):
            publish(t, w, e)
    for n in range(len(w.heard)):
        publish(t, w, w.heard[n])


@njit
def publish(t, w, e):
    """Let the two sides of dependency ``e`` see each other."""
    r = w.edge[e]
    r.sent_calls, r.calls = r.calls, 0
    r.sent_total += r.sent_calls
    if r.cross_domain == 0:  # else the callee has told at the end of its period, if there was news
        tell_causes(w.svc[r.callee], r)
    r.visible_input = r.input
    if r.line_slots > 0:
        delayed(t, w, e)
    else:
        r.visible_ok, r.visible_latency_s, r.visible_headroom = r.ok, r.latency_s, r.headroom
        r.visible_event, r.visible_closed = r.event, r.closed
        publish_books(r)


@njit
def tell_causes(panel, r):
    """Write on a dependency what its caller may name as a cause."""
    r.event, r.closed, r.input = panel.trouble, panel.trouble_end, panel.input_event


@njit
def spread_news(w, i):
    """At the end of a period: tell all callers of service ``i`` what they may name, if that has changed."""
    panel = w.svc[i]
    same = panel.trouble == panel.shown and panel.trouble_end == panel.shown_end
    if same and panel.input_event == panel.shown_input:
        return
    panel.shown, panel.shown_end, panel.shown_input = panel.trouble, panel.trouble_end, panel.input_event
    for n in range(panel.in_start, panel.in_end):
        tell_causes(panel, w.edge[w.incoming[n]])


@njit
def publish_loads(t, w, i):
    """Say how many calls a second service ``i`` sends over each dependency, for the time of day, how many as
    a rule, and why more. Say too which event of the callee it has named as a cause."""
    panel, st = w.svc[i], w.stations[i]
    day_s = w.clock[PERIOD] * w.tick_s[0] * panel.load_ratio
    first = first_open(w, i, OWN)
    second = first_open(w, i, first) if first != OWN else OWN
    for e in range(panel.out_start, panel.out_end):
        r = w.edge[e]
        total = r.sent_total + r.calls
        if st.role != COUNTED:
            total = w.links[e].all_sent * st.weight
        r.sent_load_per_s = (total - r.calls_before) / day_s if day_s > 0.0 else 0.0
        r.calls_before = total
        if is_quiet(t, w):
            r.sent_usual_per_s = max(r.sent_usual_per_s, r.sent_load_per_s)
        other = second if first == e else first
        r.sent_cause = reason_to_ask(w, e, w.edge[other].visible_event if other != OWN else 0)
        r.sent_named = r.named


@njit
def delayed(t, w, e):
    """Outcomes of an edge with a delay travel along a line of ``line_slots`` publications."""
    r = w.edge[e]
    step = t if r.cross_domain == 0 else t // w.clock[PERIOD]
    at = r.line + LINE_VALUES * (step % r.line_slots)
    r.visible_ok, r.visible_latency_s, r.visible_headroom = w.line[at], w.line[at + 1], w.line[at + 2]
    r.visible_event = whole(w.line[at + 3], w.line[at + 8])
    r.visible_closed = whole(w.line[at + 4], w.line[at + 9])
    r.visible_served, r.visible_failed = int(w.line[at + 5]), int(w.line[at + 6])
    r.visible_held = int(w.line[at + 7])
    w.line[at], w.line[at + 1], w.line[at + 2] = r.ok, r.latency_s, r.headroom
    w.line[at + 3], w.line[at + 8] = halves(r.event)
    w.line[at + 4], w.line[at + 9] = halves(r.closed)
    w.line[at + 5], w.line[at + 6], w.line[at + 7] = float(r.served), float(r.failed), float(held(r))
