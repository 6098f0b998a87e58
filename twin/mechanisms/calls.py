"""What passes between services: calls one way, outcomes the other, each at least a tick late.

The real system: an AWS service calls another through an SDK that times out, tries again, and keeps
connections and credentials. The caller learns whether the call came back in time. The claim: whatever a kind
does inside, its neighbours see only this. A *kind* calls, in each tick and in this order, ``intake``,
``depend``, ``expose``, ``answer`` and ``tally`` (see ``contract.py``). The SDK of a caller is stepped beside
the callee, so that retries meet the state they cause. Pools of connections, caches and backlogs are stepped
beside the caller. Left out: single requests, payloads, and the network between Regions. When all this becomes
visible to others: ``twin/mechanisms/detection.py``.
"""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.mechanisms.arrays import (
    ASYNC,
    BOOTSTRAP,
    CACHE_SLOTS,
    CACHED,
    FIRE_AND_FORGET,
    HARD,
    KIND_EVENT_BLOCK,
    LEASE,
    N_EVENTS,
    NEW_CONNECTIONS,
    SOFT,
)
from twin.mechanisms.books import arriving, close_requests, ended_miss, unanswered
from twin.mechanisms.client_policies import attempts_at_once, guarded, patience_s, settle_at_once
from twin.mechanisms.contract import ANSWER, DEPEND, EXPOSE, INTAKE, TALLY, mark
from twin.mechanisms.draws import DEPENDENCY_DRAWS, EDGE_CARRIES, SERVICE_CARRIES
from twin.mechanisms.event_ids import number_of, service_of, tick_of
from twin.mechanisms.sampling import carried, dependency_context, draw_context, sample, slot_of, thin


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
def draw_connections(t, w, e, name, n, p):
    """As ``draw``, for dependency ``e`` and one of DEPENDENCY_DRAWS; noise as its caller's."""
    if n <= 0 or p <= 0.0:
        return 0
    if p >= 1.0:
        return int(n)
    return thin(dependency_context(t, w, e), name, n, p)


@njit
def pass_on(w, e, name, amount):
    """As ``flow``, for dependency ``e`` and one of DEPENDENCY_DRAWS."""
    return carried(amount, w.carry, EDGE_CARRIES * e + slot_of(name))


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
def amplification(miss, retries, budget_ratio):
    """(attempts per call, share that fails for good) when each attempt fails with ``miss``. MODELLING,
    1.2."""
    if miss <= 0.0 or retries <= 0.0:
        return 1.0, miss
    extra, last = 0.0, miss
    for _ in range(int(retries)):
        extra += last
        last *= miss
    if budget_ratio > 0.0 and extra > budget_ratio:
        return 1.0 + budget_ratio, max(0.0, 1.0 - (1.0 - miss) * (1.0 + budget_ratio))
    return 1.0 + extra, last


@njit
def retries_here(r):
    """Retries that are stepped beside the callee; a pool of connections tries its own members, see
    ``churn``."""
    return 0.0 if r.mode == NEW_CONNECTIONS or r.mode == CACHED else r.retries


@njit
def intake(t, w, i):
    """Attempts that reach service ``i`` in this tick: first tries and their retries."""
    panel = w.svc[i]
    total = 0
    for n in range(panel.in_start, panel.in_end):
        e = w.incoming[n]
        first = arriving(t, w, e)
        w.edge[e].came = first
        if guarded(w.edge[e]):
            total += attempts_at_once(t, w, e, first, retries_here(w.edge[e]))
            continue
        miss = 1.0 - w.edge[e].attempt_ok
        if miss > 0.0:
            attempts, _ = amplification(miss, retries_here(w.edge[e]), w.edge[e].retry_budget_ratio)
            first += pass_on(w, e, DEPENDENCY_DRAWS.retried, first * (attempts - 1.0))
        total += first
    panel.offered = total
    mark(panel, INTAKE)
    return total


@njit
def answer(w, i, ok, latency_s):
    """Tell every caller of ``i`` what becomes of an attempt: ``ok`` of them succeed, after ``latency_s``."""
    panel = w.svc[i]
    headroom = headroom_of(panel)
    for n in range(panel.in_start, panel.in_end):
        r = w.edge[w.incoming[n]]
        in_time = latency_s <= patience_s(r) or r.mode == ASYNC  # who hands work over does not wait for it
        r.attempt_ok = ok if in_time else 0.0
        _, lost = amplification(1.0 - r.attempt_ok, retries_here(r), r.retry_budget_ratio)
        r.ok, r.latency_s, r.headroom = 1.0 - lost, latency_s, headroom
        if guarded(r):
            r.ok = settle_at_once(w, w.incoming[n], retries_here(r))
    panel.latency_s = latency_s
    panel.p_missed += 1.0 - ok
    mark(panel, ANSWER)


@njit
def answer_conditions(w, i, holds):
    """Tell the callers whose work needs a lease that is kept here which share of it finds one."""
    panel = w.svc[i]
    for n in range(panel.in_start, panel.in_end):
        r = w.edge[w.incoming[n]]
        if r.is_condition != 0:
            r.ok = r.attempt_ok = holds


@njit
def headroom_of(panel):
    """The present capacity over the undisturbed one."""
    quiet_per_s = panel.quiet_capacity_per_s
    return panel.capacity_per_s / quiet_per_s if quiet_per_s > 0.0 else 1.0


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
    for n in range(panel.in_start, panel.in_end):
        r = w.edge[w.incoming[n]]
        if r.mode == ASYNC:
            r.ok = r.attempt_ok = 1.0


@njit
def miss_ratio(w, e):
    """Share of calls over ``e`` that fail, as the caller knows it: refused, late, or no room for them."""
    r = w.edge[e]
    ok = r.visible_ok
    if r.utilisation_ratio > 0.0:
        needed = r.utilisation_ratio * w.svc[r.caller].load_ratio
        if r.visible_headroom < needed:
            ok *= max(0.0, r.visible_headroom) / needed
    return 1.0 - ok


@njit
def churn(t, w, e):
    """Share of calls without a connection. Connections close in their own time; a new one needs the callee.

    The callee is a resolver, mostly, and a host asks the same one again, so another try has the same answer.
    The hosts behind a resolver that fails (``lost``) run dry as their connections close, and recover with it.
    """
    r = w.edge[e]
    pool = int(r.connections_count)
    lost = int(round(pool * miss_ratio(w, e)))
    dry = max(0, pool - r.live)
    if lost == 0 and dry == 0:
        r.lost = 0
        r.calls += pass_on(w, e, DEPENDENCY_DRAWS.renewed, pool * (w.tick_s[0] / r.lifetime_s))
        return 0.0
    if lost < r.lost:
        dry -= draw_connections(t, w, e, DEPENDENCY_DRAWS.opened, dry, 1.0 - lost / r.lost)
    dry = min(dry, lost)
    closes = 1.0 - math.exp(-w.tick_s[0] / r.lifetime_s)
    dry += draw_connections(t, w, e, DEPENDENCY_DRAWS.closed, lost - dry, closes)
    r.lost, r.live = lost, pool - dry
    r.calls += dry + pass_on(w, e, DEPENDENCY_DRAWS.renewed, pool * (w.tick_s[0] / r.lifetime_s))
    return (dry / pool) ** (1.0 + r.retries)


@njit
def connect(t, w, e, n):
    """``n`` calls over connections. Returns (share without one, added latency in s).

    Of these, ``new_connection_ratio`` open one of their own in any case (cold starts, growth of the pool).
    They wait for it, and fail as openings fail; another try has the same answer.
    """
    r, base = w.edge[e], churn(t, w, e)
    fresh = r.new_connection_ratio
    if fresh <= 0.0:
        return base, 0.0
    r.calls += pass_on(w, e, DEPENDENCY_DRAWS.fresh, n * fresh)
    return fresh * miss_ratio(w, e) + (1.0 - fresh) * base, fresh * r.visible_latency_s


@njit
def age(t, w, e):
    """Share of calls whose cached answer has expired: entries are renewed one lifetime after the last
    time."""
    r = w.edge[e]
    pool = int(r.connections_count)
    miss = miss_ratio(w, e)
    slot_ticks = max(1, int(r.lifetime_s / w.tick_s[0] / CACHE_SLOTS))
    if t % slot_ticks == 0:
        at = r.cell + (t // slot_ticks) % CACHE_SLOTS
        due = w.cells[at]
        kept = due - draw_connections(t, w, e, DEPENDENCY_DRAWS.lapsed, due, miss)
        w.cells[at] = kept
        r.live -= due - kept
        r.calls += due
    if r.live < pool:
        back = draw_connections(t, w, e, DEPENDENCY_DRAWS.looked_up, pool - r.live, 1.0 - miss)
        w.cells[r.cell + (t // slot_ticks) % CACHE_SLOTS] += back
        r.calls += pool - r.live
        r.live += back
    return (pool - r.live) / pool


@njit
def hand_over(t, w, e, n):
    """Work left for the callee to take when it can. Returns the wait, in seconds, of what is left now."""
    r = w.edge[e]
    r.backlog += n
    limit = r.backlog
    if r.drain_per_s > 0.0:
        limit = min(limit, pass_on(w, e, DEPENDENCY_DRAWS.drained, r.drain_per_s * w.tick_s[0]))
    if limit <= 0:
        return 0.0 if r.backlog <= 0 else (r.backlog / r.drain_per_s if r.drain_per_s > 0.0 else 0.0)
    r.calls += limit
    r.backlog -= draw_connections(t, w, e, DEPENDENCY_DRAWS.opened, limit, 1.0 - miss_ratio(w, e))
    return r.backlog / r.drain_per_s if r.drain_per_s > 0.0 else 0.0


@njit
def send_calls(t, w, e, n):
    """Send ``n`` parents' calls through ``e``. Returns (share that fails, added latency in s)."""
    r = w.edge[e]
    m = pass_on(w, e, DEPENDENCY_DRAWS.asked, n * r.share)
    if r.mode == LEASE:  # a condition: no call, no time
        return miss_ratio(w, e), 0.0
    if r.mode == NEW_CONNECTIONS:
        return connect(t, w, e, m)
    if r.mode == CACHED:
        return age(t, w, e), 0.0
    r.calls += m
    return miss_ratio(w, e), r.visible_latency_s


@njit
def served_ratio(r, miss):
    """Share of the caller's requests that find all their calls over a dependency served."""
    return 1.0 - r.share * miss if r.share <= 1.0 else (1.0 - miss) ** r.share


@njit
def depend(t, w, i, n):
    """Send ``n`` calls of service ``i`` through its dependencies. Returns (share that succeeds, latency in
    s).

    Lease dependencies are left to the kind, but for conditions. A soft one costs no call. What is handed over
    asynchronously comes from the calls that succeed. How many have ended: ``ended_requests`` in books.py.
    """
    ok, wait, still_open, ended_ok = 1.0, 0.0, 0, 1.0
    panel = w.svc[i]
    for e in range(panel.out_start, panel.out_end):
        r = w.edge[e]
        if r.mode == ASYNC or r.mode == BOOTSTRAP or (r.mode == LEASE and r.is_condition == 0):
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
    for e in range(panel.out_start, panel.out_end):
        r = w.edge[e]
        if r.mode == ASYNC:
            r.wait_s = hand_over(t, w, e, pass_on(w, e, DEPENDENCY_DRAWS.asked, n * (r.share * ok)))
            wait += r.wait_s
    close_requests(panel, n, still_open, ended_ok)
    mark(panel, DEPEND)
    return ok, wait


@njit
def tally(w, i, good, failed):
    """Close the books of this tick: ``good`` calls came back well and in time, ``failed`` did not."""
    panel = w.svc[i]
    panel.good, panel.failed = good, failed
    mark(panel, TALLY)
