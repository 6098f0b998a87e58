"""What passes between services: calls one way, outcomes the other, each at least a tick late.

The real system: an AWS service calls another through an SDK that times out, tries again, and keeps
connections and credentials. The caller learns whether the call came back in time. The claim: whatever a kind
does inside, its neighbours see only this. A *kind* calls, in each tick and in this order, ``intake``,
``depend``, ``expose``, ``answer`` and ``tally`` (see ``contract.py``). The SDK of a caller is stepped beside
the callee, so that retries meet the state they cause. Pools of connections, caches and backlogs are stepped
beside the caller (``dependencies.py``). Left out: single requests, payloads, and the network between Regions.
When all this becomes visible to others: ``twin/mechanisms/detection.py``.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.mechanisms.arrays import (
    ASYNC,
    BLOCK,
    BLOCK_TICKS,
    CALLED_NEAR,
    CALLS_NEAR,
    FIRE_AND_FORGET,
    HARD,
    KIND_EVENT_BLOCK,
    N_EVENTS,
    SOFT,
)
from twin.mechanisms.blocks import (
    headroom_of,
    near_calls,
    send_far,
    send_near,
    stays_still,
    takes_part,
    tally_ticks,
)
from twin.mechanisms.books import arriving, close_requests, come_in, ended_miss, settle_pending, unanswered
from twin.mechanisms.client_policies import (
    amplification,
    attempts_at_once,
    guarded,
    patience_s,
    retries_here,
    settle_at_once,
)
from twin.mechanisms.contract import ANSWER, DEPEND, EXPOSE, INTAKE, TALLY, mark
from twin.mechanisms.dependencies import hand_over, pass_share, retries_of, send_calls, served_ratio
from twin.mechanisms.draws import DEPENDENCY_DRAWS, EDGE_CARRIES, SERVICE_CARRIES
from twin.mechanisms.event_ids import number_of, service_of, tick_of
from twin.mechanisms.sampling import carried, draw_context, sample, slot_of

SAME_RATIO = 1e-5  # of all calls, or of the latency: less than reports tell apart


@njit
def draw(t, w, i, name, n, p):
    """How many of ``n`` pass with probability ``p``; ``name``: one of the kind's declared draws."""
    if n <= 0 or p <= 0.0:
        return 0
    if p >= 1.0:
        return int(n)
    return sample(draw_context(t, w, i), name, 0, n, p)


@njit
def draw_cohort(t, w, i, name, cohort, n, p):
    """As ``draw``, for one cohort of a draw that is declared with ``cohorts``."""
    if n <= 0 or p <= 0.0:
        return 0
    if p >= 1.0:
        return int(n)
    return sample(draw_context(t, w, i), name, cohort, n, p)


@njit
def flow(w, i, name, amount):
    """The whole part of ``amount``; the fraction waits for the next tick. ``name``: a declared FLOW."""
    return carried(amount, w.carry, EDGE_CARRIES * len(w.edge) + SERVICE_CARRIES * i + slot_of(name))


@njit
def emit(t, w, i, code, subject, value, cause):
    """Append an event of service ``i``; its id is (tick, service, sequence within both)."""
    panel = w.svc[i]
    panel.event_seq = panel.event_seq + 1 if panel.event_tick == t else 0
    panel.event_tick = t
    event_id = number_of(t, i, panel.event_seq)
    write_event(w, event_id, code, subject, value, cause)
    return event_id


@njit
def write_event(w, event_id, code, subject, value, cause):
    """Put an event into the journal. Its id has the tick and the service. Where the cause is an event of a
    dependency, that one is told that it is named."""
    i, named = service_of(event_id), service_of(cause)
    for e in range(w.svc[i].out_start, w.svc[i].out_end):
        if cause != 0 and w.edge[e].callee == named:
            w.edge[e].named = cause
    n = w.clock[N_EVENTS]
    w.clock[N_EVENTS] = n + 1
    if n < len(w.events):  # the loop makes room before each tick; draining refuses what was left out
        row = w.events[n]
        row.event_id, row.cause_id = event_id, cause
        row.tick, row.service = tick_of(event_id), i
        row.code, row.subject, row.value = code, subject, value


@njit
def emit_own(t, w, i, k, value, cause):
    """As ``emit``, of the kind's own event number ``k`` (position in its EVENTS), about itself."""
    return emit(t, w, i, KIND_EVENT_BLOCK * (1 + w.svc[i].kind) + k, i, value, cause)


@njit
def intake(t, w, i):
    """Attempts that reach service ``i`` in this tick: first tries and their retries."""
    panel = w.svc[i]
    if panel.is_listed != 0:
        total = w.ahead[i, t - w.clock[BLOCK]]
        if panel.is_near & CALLED_NEAR:
            total += near_calls(w, i)
    else:
        total = attempts_that_come(t, w, i)
    panel.offered = total
    mark(panel, INTAKE)
    return total


@njit
def attempts_that_come(t, w, i):
    """The same, dependency by dependency."""
    panel = w.svc[i]
    total = 0
    for n in range(panel.in_start, panel.in_end):
        e = w.incoming[n]
        r, first = w.edge[e], arriving(t, w, e)
        if guarded(r):
            total += attempts_at_once(t, w, e, first, retries_here(r))
        elif r.cross_domain == 0:
            total += first + retries_of(w, e, first)
        else:
            total += come_in(t, w, r.sent_calls + r.retries_sent)
    return total


@njit
def as_said(ok, before):
    """The share ``ok`` that ends well, or what was said ``before`` if the difference is not worth saying."""
    return before if ok < 1.0 and abs(ok - before) < SAME_RATIO else ok


@njit
def answer(w, i, ok, latency_s):
    """Tell every caller of ``i`` what becomes of an attempt: ``ok`` of them succeed, after ``latency_s``.

    What has changed by less than SAME_RATIO is not told again. So the chance of few failures in one service
    does not keep the whole graph busy.
    """
    panel = w.svc[i]
    panel.latency_s, panel.missed = latency_s, 1.0 - ok
    panel.p_missed += panel.missed
    ok = as_said(ok, panel.told_ok)
    if abs(latency_s - panel.told_latency_s) < SAME_RATIO * latency_s:
        latency_s = panel.told_latency_s
    if not says_the_same(panel, ok, latency_s):
        settle_pending(w, i)
        tell(w, i, ok, latency_s)
    mark(panel, ANSWER)


@njit
def says_the_same(panel, ok, latency_s):
    """Whether callers have been told just this in an earlier tick of the block."""
    same = panel.is_told != 0 and panel.told_ok == ok and panel.told_latency_s == latency_s
    return same and abs(headroom_of(panel) - panel.told_headroom) < SAME_RATIO


@njit
def tell(w, i, ok, latency_s):
    """Write on every dependency to service ``i`` what becomes of calls."""
    panel = w.svc[i]
    headroom = headroom_of(panel)
    panel.is_told, panel.accepts = panel.is_listed, 0
    panel.told_ok, panel.told_latency_s, panel.told_headroom = ok, latency_s, headroom
    for n in range(panel.in_start, panel.in_end):
        r = w.edge[w.incoming[n]]
        in_time = latency_s <= patience_s(r) or r.mode == ASYNC  # who hands work over does not wait for it
        r.attempt_ok = ok if in_time else 0.0
        _, lost = amplification(1.0 - r.attempt_ok, retries_here(r), r.retry_budget_ratio)
        r.ok, r.latency_s, r.headroom = 1.0 - lost, latency_s, headroom
        if guarded(r):
            r.ok = settle_at_once(w, w.incoming[n], retries_here(r))
        r.told_ok = r.ok


@njit
def amend(panel):
    """To be called by a step that writes to its callers' dependencies by itself, after ``answer``: what they
    have been told is no longer what ``answer`` said."""
    panel.is_told = 0


@njit
def answer_conditions(w, i, holds):
    """Tell the callers whose work needs a lease that is kept here which share of it finds one."""
    panel = w.svc[i]
    amend(panel)
    for n in range(panel.in_start, panel.in_end):
        r = w.edge[w.incoming[n]]
        if r.is_condition != 0:
            r.ok = r.attempt_ok = holds


@njit
def expose(w, i, capacity_per_s, backlog, own_blame):
    """What reports may know of service ``i``: the calls a second that it can serve, and how many wait.
    ``own_blame`` is the share of calls that it fails by itself, with all dependencies well."""
    panel = w.svc[i]
    panel.capacity_per_s, panel.backlog, panel.own_blame = capacity_per_s, backlog, own_blame
    mark(panel, EXPOSE)


@njit
def accept(w, i):
    """Work that callers hand over is taken whatever becomes of it: it waits here."""
    panel = w.svc[i]
    if panel.is_told != 0 and panel.accepts != 0:
        return
    panel.accepts = 1
    for n in range(panel.in_start, panel.in_end):
        r = w.edge[w.incoming[n]]
        if r.mode == ASYNC:
            r.ok = r.attempt_ok = r.told_ok = 1.0


@njit
def depend(t, w, i, n):
    """Send ``n`` calls of service ``i`` through its dependencies. Returns (share that succeeds, latency in
    s).

    Lease dependencies are left to the kind, but for conditions. A soft one costs no call. What is handed over
    asynchronously comes from the calls that succeed. How many have ended: ``ended_requests`` in books.py.
    """
    panel = w.svc[i]
    k = t - w.clock[BLOCK]
    if panel.is_still != 0 and panel.has_news == 0 and n <= panel.most_still:
        w.ahead[i, BLOCK_TICKS + k] = n
        ok, wait = panel.still_ok, panel.still_wait_s
        close_requests(panel, n, 0, ok)
        if panel.is_near & CALLS_NEAR:
            send_near(t, w, i, n)
    else:
        send_far(w, i, k)
        panel.has_news = 0
        ok, wait = depend_on_each(t, w, i, n)
        panel.still_from, panel.still_ok, panel.still_wait_s = k + 1, ok, wait
        if panel.hands_over != 0:
            wait = hand_over_all(t, w, i, n, ok, wait)
        panel.is_still = stays_still(w, i)
    mark(panel, DEPEND)
    return ok, wait


@njit
def depend_on_each(t, w, i, n):
    """``depend`` but for what is handed over, dependency by dependency."""
    ok, wait, still_open, ended_ok = 1.0, 0.0, 0, 1.0
    panel = w.svc[i]
    panel.hands_over = panel.is_utilised = 0
    if panel.fronts != 0:
        return depend_on_one(t, w, i, n)
    for e in range(panel.out_start, panel.out_end):
        r = w.edge[e]
        panel.is_utilised |= r.utilisation_ratio > 0.0
        if not takes_part(r):
            panel.hands_over += r.mode == ASYNC
            continue
        miss, latency = send_calls(t, w, e, n)
        if r.mode == FIRE_AND_FORGET:
            r.wait_s, r.blame = 0.0, 0.0
            continue
        heard = miss
        if (r.visible_held > 0 or r.seen_served > 0) and (r.mode == HARD or r.mode == SOFT):
            heard = ended_miss(r, miss)  # counts, once there was a queue: a mean would count its calls wrong
            if r.visible_held > 0:
                still_open = max(still_open, int(unanswered(r) / max(1.0, r.share)))
        r.wait_s = min(r.share, 1.0) * latency
        wait += r.wait_s
        if max(miss, heard) <= 0.0 or r.mode == SOFT:
            r.blame = 0.0
            continue
        factor = served_ratio(r, miss)
        r.blame = 1.0 - factor
        ok *= factor
        ended_ok *= factor if heard == miss else served_ratio(r, heard)
    close_requests(panel, n, still_open, ended_ok)
    return ok, wait


@njit
def depend_on_one(t, w, i, n):
    """``depend_on_each`` of a front: each of ``n`` calls goes to one of its dependencies. So what they miss
    adds up, and calls that are not answered are all open."""
    panel = w.svc[i]
    missed, wait, still_open, lost = 0.0, 0.0, 0, 0.0
    for e in range(panel.out_start, panel.out_end):
        r = w.edge[e]
        panel.is_utilised |= r.utilisation_ratio > 0.0
        if not takes_part(r):
            panel.hands_over += r.mode == ASYNC
            continue
        miss, latency = send_calls(t, w, e, n)
        heard = ended_miss(r, miss) if r.visible_held > 0 or r.seen_served > 0 else miss
        still_open += unanswered(r) if r.visible_held > 0 else 0
        r.wait_s, r.blame = r.share * latency, r.share * miss
        wait += r.wait_s
        missed += r.blame
        lost += r.share * heard
    close_requests(panel, n, still_open, max(0.0, 1.0 - lost))
    return max(0.0, 1.0 - missed), wait


@njit
def hand_over_all(t, w, i, n, ok, wait):
    """Hand over the work of ``n`` calls, of which a share ``ok`` succeeds. Returns ``wait`` (in seconds) and
    what the work that is left waits."""
    panel = w.svc[i]
    for e in range(panel.out_start, panel.out_end):
        r = w.edge[e]
        if r.mode == ASYNC:
            r.wait_s = hand_over(t, w, e, pass_share(w, e, DEPENDENCY_DRAWS.asked, n, r.share * ok))
            wait += r.wait_s
    return wait


@njit
def tally(w, i, good, failed):
    """Close the books of this tick: ``good`` calls came back well and in time, ``failed`` did not."""
    panel = w.svc[i]
    panel.good, panel.failed = good, failed
    mark(panel, TALLY)


@njit
def tally_by_chance(t, w, i, name, n, miss):
    """Close the books of this tick: each of ``n`` requests failed with the chance ``miss``.

    Ticks with the same chance are drawn together, at the end of the signal period at the latest: sums of
    alike draws are one draw. ``name``: one of the kind's declared draws.
    """
    panel = w.svc[i]
    if panel.due_miss != miss:
        decide(w, i)
        panel.due_miss, panel.due_draw = miss, name
    panel.good = panel.failed = 0
    tally_ticks(t, panel, n)
    mark(panel, TALLY)


@njit
def decide(w, i):
    """Draw how many of the requests failed that ``tally_by_chance`` has put together."""
    panel = w.svc[i]
    n, panel.due_count = panel.due_count, 0
    failed = draw(panel.due_tick, w, i, panel.due_draw, n, panel.due_miss)
    panel.p_good += n - failed
    panel.p_failed += failed
