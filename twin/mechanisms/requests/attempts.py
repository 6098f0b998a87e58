"""One call with all its attempts: sent, given up, tried again, tried elsewhere, or lost.

The real system. An SDK sends an attempt and waits for its time-out. After an error or a time-out it waits for
its back-off and tries again. Then it may try another of several alternatives, or a fallback. The claim: the
caller waits for the whole of this. A late answer is thrown away, and the callee's work on it is lost.

    sent ──▶ well in time ─────────────────────────────────────────────▶ the request goes on
      │
      ├────▶ error, or time-out ──▶ retry left? budget? deadline? ──▶ back-off ──▶ sent again
      │                                   │ no
      │                                   ▼
      └────▶ (breaker open) ──▶ alternative or fallback left? ──▶ sent there
                                          │ no
                                          ▼
                                    the call has failed
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.base.rng import BACKOFF
from twin.mechanisms.arrays import ASYNC
from twin.mechanisms.backoff import wait_s
from twin.mechanisms.requests.agenda import at, do_next
from twin.mechanisms.requests.alternatives import draw_alternative
from twin.mechanisms.requests.border import cross
from twin.mechanisms.requests.breakers import fill_budget, learn_end, lets_through, pays_retry
from twin.mechanisms.requests.calls import chance, give_back, new_call
from twin.mechanisms.requests.program import call_ended
from twin.mechanisms.requests.records import (
    ARRIVE,
    COUNTED,
    FAILED,
    FOREVER,
    HELD,
    NOBODY,
    NOW,
    RETRY,
    SECOND,
    SEND,
    SENT,
    SILENT,
    TIMED_OUT,
    TIMEOUT,
    WELL,
)
from twin.mechanisms.requests.stores import pull, put

LONGEST_S = 80_000.0  # a longer time-out never strikes
MOST_DOUBLINGS = 40  # of the back-off; its cap is below


@njit
def send(w, q):
    """Send call ``q`` as an attempt; if the client holds it back, it has failed."""
    x = w.calls[q]
    e = x.edge
    link, r = w.links[e], w.edge[e]
    now = w.counters[NOW]
    x.state, x.sent, x.outcome = SENT, now, WELL
    if x.attempt == 0:
        fill_budget(w, e)
    if not lets_through(w, q, e):
        link.refused += 1
        x.outcome, x.is_awaited = FAILED, 0
        give_up_or_retry(w, q)
        return
    link.sent += 1
    link.all_sent += 1
    link.in_flight += 1
    x.is_awaited = 1
    x.due = now + int(r.timeout_s * SECOND + 0.5) if r.timeout_s < LONGEST_S else FOREVER
    if r.deadline_s > 0.0:
        x.due = min(x.due, x.first_sent + int(r.deadline_s * SECOND + 0.5))
    await_answer(w, q, e)
    if w.stations[r.callee].role == COUNTED:
        cross(w, q, e)
    else:
        do_next(w, ARRIVE, q)


@njit
def await_answer(w, q, e):
    """Put the call among those that may time out, in the order of the moments."""
    link, x = w.links[e], w.calls[q]
    x.before, x.after = link.last, NOBODY
    while x.before != NOBODY and w.calls[x.before].due > x.due:
        x.after, x.before = x.before, w.calls[x.before].before
    if x.before == NOBODY:
        link.first = q
    else:
        w.calls[x.before].after = q
    if x.after == NOBODY:
        link.last = q
    else:
        w.calls[x.after].before = q
    if link.first == q and x.due < link.timer:
        set_timer(w, e)


@njit
def set_timer(w, e):
    """The next time-out of the link is that of its first call."""
    link = w.links[e]
    link.version += 1
    link.timer = w.calls[link.first].due if link.first != NOBODY else FOREVER
    at(w, link.timer, TIMEOUT, e, link.version)


@njit
def stop_waiting(w, q, e):
    """The call waits for no answer any more."""
    link, x = w.links[e], w.calls[q]
    if x.before == NOBODY:
        link.first = x.after
    else:
        w.calls[x.before].after = x.after
    if x.after == NOBODY:
        link.last = x.before
    else:
        w.calls[x.after].before = x.before
    x.is_awaited = 0


@njit
def time_out(w, e):
    """The callers of the first calls of a link give up. The callees are not told."""
    link = w.links[e]
    link.timer = FOREVER
    while link.first != NOBODY and w.calls[link.first].due <= w.counters[NOW]:
        q = link.first
        stop_waiting(w, q, e)
        link.timed_out += 1
        link.all_timed_out += 1
        link.in_flight -= 1
        learn_end(w, q, e, False)
        n = copy_for_caller(w, q)
        w.calls[n].outcome = TIMED_OUT
        if w.calls[q].state == SILENT:
            give_back(w, q)
        give_up_or_retry(w, n)
    if link.first != NOBODY:
        set_timer(w, e)


@njit
def copy_for_caller(w, q):
    """The caller's side of call ``q`` in a row of its own, as the callee still has the other one."""
    x = w.calls[q]
    n = new_call(w, x.edge, x.service, x.key + 1)
    y = w.calls[n]
    y.parent, y.parent_version, y.parent_step, y.owner = x.parent, x.parent_version, x.parent_step, x.owner
    y.attempt, y.tried, y.first_sent, y.last_wait_s = x.attempt, x.tried, x.first_sent, x.last_wait_s
    y.cache_key, y.sent, y.epoch, y.moves = x.cache_key, x.sent, x.epoch, x.moves
    y.is_refused, y.due, y.nature = x.is_refused, x.due, x.nature
    return n


@njit
def ended(w, q):
    """An attempt that is awaited has been answered."""
    x = w.calls[q]
    e = x.edge
    link = w.links[e]
    is_well = x.outcome == WELL
    if w.edge[e].mode == ASYNC:
        work_ended(w, q, e)
        return
    stop_waiting(w, q, e)
    link.in_flight -= 1
    link.served += int(is_well)
    link.all_served += int(is_well)
    link.failed += int(not is_well)
    link.all_failed += int(not is_well)
    learn_end(w, q, e, is_well)
    if is_well:
        call_ended(w, q)
        give_back(w, q)
    else:
        give_up_or_retry(w, q)


@njit
def work_ended(w, q, e):
    """Work that was handed over has been done, or comes back to the store after the back-off."""
    link, x = w.links[e], w.calls[q]
    if x.outcome == WELL:
        link.in_flight -= 1
        link.served += 1
        link.all_served += 1
        link.longest = max(link.longest, w.counters[NOW] - x.first_sent)
        give_back(w, q)
    else:
        x.outcome, x.has_worked, x.step, x.will_fail, x.is_refused = WELL, 0, 0, 0, 0
        x.left, x.chosen, x.out, x.any_failed, x.is_degraded = NOBODY, NOBODY, 0, 0, 0
        again = w.counters[NOW] + next_pause_us(w, q)
        x.attempt += 1
        at(w, again, RETRY, q, x.version)
    pull(w, e)


@njit
def give_up_or_retry(w, q):
    """An attempt has failed: another one after the back-off, or elsewhere, or the call has failed."""
    x = w.calls[q]
    r = w.edge[x.edge]
    is_border = w.stations[r.callee].role == COUNTED  # its answer is that of all attempts
    refused_for_good = x.is_refused != 0 and w.stations[r.callee].retry_on_reject == 0
    if x.attempt < r.retries and not is_border and not refused_for_good and retry(w, q):
        return
    if goes_elsewhere(w, q):
        return
    call_ended(w, q)
    give_back(w, q)


@njit
def next_pause_us(w, q):
    """The back-off of call ``q`` after the attempt that has failed. The next one may depend on it."""
    r, x = w.edge[w.calls[q].edge], w.calls[q]
    attempt = min(x.attempt, MOST_DOUBLINGS)
    u = chance(w, q, BACKOFF)
    x.last_wait_s = wait_s(int(r.jitter), attempt, x.last_wait_s, r.backoff_s, r.backoff_cap_s, u)
    return int(x.last_wait_s * SECOND + 0.5)


@njit
def retry(w, q):
    """Try call ``q`` again after the back-off, unless deadline or budget forbid it."""
    x = w.calls[q]
    r = w.edge[x.edge]
    again = w.counters[NOW] + next_pause_us(w, q)
    least_us = w.stations[r.callee].delay_s * SECOND
    if r.deadline_s > 0.0 and again + least_us >= x.first_sent + r.deadline_s * SECOND:
        return False
    if not pays_retry(w, q, x.edge):
        return False
    x.state = HELD
    at(w, again, RETRY, q, x.version)
    return True


@njit
def retry_call(w, q):
    """The back-off is over."""
    x = w.calls[q]
    e = x.edge
    if w.edge[e].mode == ASYNC:
        put(w, q, e)
        pull(w, e)
        return
    n = copy_for_caller(w, q)
    w.calls[n].attempt += 1
    give_back(w, q)
    send(w, n)


@njit
def goes_elsewhere(w, q):
    """Send the call over another edge: the next alternative, or the fallback. False if there is none."""
    x = w.calls[q]
    e = x.edge
    link = w.links[e]
    other = NOBODY
    if link.group_count > 1 and x.moves < w.edge[e].failover_count:
        other = draw_alternative(w, q, link.group, link.group_count, x.tried | 1 << link.place)
    if other == NOBODY:
        other = link.fallback
        if other == NOBODY:
            return False
    n = copy_for_caller(w, q)
    y = w.calls[n]
    y.edge, y.service, y.attempt, y.last_wait_s = other, w.edge[other].callee, 0, 0.0
    y.tried, y.moves = x.tried | 1 << link.place, x.moves + 1
    give_back(w, q)
    do_next(w, SEND, n)
    return True
