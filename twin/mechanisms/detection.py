"""The end of a signal period: counts become signals, trouble gets its onset and its cause.

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
    RECOVERED_S,
    SIGN_RATIO,
    SLOW_RATIO,
    SLOWER_RATIO,
)
from twin.mechanisms.arrays import (
    FIRST_SIGN,
    IMPAIRED_SPELL,
    LOADED_SPELL,
    ONSET,
    OWN,
    PERIOD,
    RECOVERY,
    SAMPLE_TICKS,
    SIGN_SPELL,
    SPELLS,
)
from twin.mechanisms.calls import decide, headroom_of, write_event
from twin.mechanisms.causes import (
    LOAD_ROSE,
    TROUBLE,
    TROUBLE_ENDED,
    closing_cause,
    culprit,
    forget_input,
    grown_caller,
    is_quiet,
    look_for_cause,
    show_end,
    show_trouble,
    spell_event,
    times_usual,
)
from twin.mechanisms.dependencies import hand_back
from twin.mechanisms.event_ids import tick_of
from twin.mechanisms.publication import spread_news
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
    if panel.hands_over == 0 and w.stations[i].role == COUNTED:
        return 0
    for e in range(panel.out_start, panel.out_end):
        hand_back(w, e)
        left += w.edge[e].backlog
    return left


@njit
def close_period(t, w, i):
    """Turn the counts of a signal period into signals, look for onset and recovery, feed the sample."""
    panel = w.svc[i]
    period = w.clock[PERIOD]
    decide(w, i)
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
        panel.has_news |= panel.is_utilised
    if (t + 1) % w.clock[SAMPLE_TICKS] == 0:
        write_sample(t, w, i)


@njit
def learn_waits(w, i):
    """Undisturbed times of the dependencies of a service, as long as all is quiet."""
    panel = w.svc[i]
    for e in range(panel.out_start, panel.out_end):
        w.edge[e].quiet_wait_s = max(w.edge[e].quiet_wait_s, w.edge[e].wait_s)
