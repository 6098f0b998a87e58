"""A station with a queue: its clients are run here, in substeps of a tick.

Work whose client has gone stays in the ring as a zombie, unless the discipline drops it.
"""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.kinds.queueing.parameters import DEADLINE_DROP, DRAWS, LIFO
from twin.mechanisms.arrays import ASYNC
from twin.mechanisms.calls import draw_cohort, expose, flow, headroom_of, tally
from twin.mechanisms.client_policies import COST, THROTTLED_COST, guarded, learn, patience_s, regain
from twin.mechanisms.contract import ANSWER, mark
from twin.mechanisms.retrying_clients import (
    CALL,
    Ending,
    any_guarded,
    collect,
    forget,
    give_up,
    turn_away,
)
from twin.mechanisms.sampling import arrivals, cohort_context, draw_context
from twin.mechanisms.station import (
    LIVE,
    MAX_SLOTS,
    compiled,
    enter,
    even,
    expire,
    leave,
    purge,
    serve,
    serve_any,
    take,
    turn_ring,
)


@compiled
def effective_capacity_per_s(p, count):
    """Calls per second that the servers manage while ``count`` are here."""
    full = p.capacity_per_s * p.capacity_ratio
    half = p.half_capacity_backlog_count
    return full / (1.0 + count / half) if half > 0.0 else full


@compiled
def servers_of(p):
    """Work in service is distinguished from waiting work only where servers are counted."""
    return max(1, int(p.servers_count)) if p.service != 0.0 else int(p.servers_count)


@compiled
def shortest_patience_s(w, i):
    """The shortest time-out among the callers. Who hands work over asynchronously does not wait for it."""
    s = w.svc[i]
    least = 1e9
    for n in range(s.in_start, s.in_end):
        r = w.edge[w.incoming[n]]
        if r.mode != ASYNC:
            least = min(least, patience_s(r))
    return least


@compiled
def pass_throttles(t, w, i, p, s, n, seconds, sub):
    """How many of ``n`` attempts the throttles let in; the bucket, at most burst + rate × t by time t."""
    if p.admitted_ratio < 1.0:
        n = draw_cohort(t, w, i, DRAWS.admitted, sub, n, p.admitted_ratio)
    if p.throttle_per_s <= 0.0:
        s.tokens = p.burst_count
        return n
    fresh = p.throttle_per_s * seconds
    s.tokens = min(s.tokens + fresh, max(p.burst_count, fresh + 1.0))
    n = min(n, int(s.tokens + 1e-9))
    s.tokens -= n
    return n


@njit
def run_clients(t, w, i, p, s, c, works, latency_s):
    """One tick with a queue: ``works`` of the admitted need service; all take ``latency_s`` on top."""
    h = w.tick_s[0] / s.substeps
    s.offered, s.good, s.failed, s.own_failed, s.admitted, s.age_s = 0, 0, 0, 0, 0, 0.0
    forget(s, c, w.tick_s[0])
    s.guarded, s.least_s = any_guarded(w, i), latency_s
    hopeless = latency_s > shortest_patience_s(w, i)
    if p.discipline == DEADLINE_DROP and s.count > s.live:
        purge(s, c, servers_of(p))
    s.bound = max(s.count, int(p.buffer_count) + servers_of(p) + 1)
    for j in range(s.substeps):
        turn_ring(s, c)
        # With chance, service comes before and after arrivals in turn: the error of the step is of
        # second order in what a substep serves.
        early = p.service != 0.0 and s.now % 2 == 0
        for half in range(2):
            if early == (half == 0):
                serve_substep(t, w, i, p, s, c, h, j)
            else:
                give_up_late(t, w, i, p, s, c, h, latency_s, 0)
                collect(t, w, i, s, c, j)
                let_in(t, w, i, p, s, c, h, j, works)
                enter(s, c)
                if hopeless:
                    give_up_late(t, w, i, p, s, c, h, latency_s, 1)
        if p.patience_s > 0.0:
            lose_patience(t, w, i, p, s, c, h, j)
    close_books(w, i, p, s, c, latency_s)
    if s.count == 0 and s.orbiting == 0:
        s.busy = 0


@compiled
def give_up_late(t, w, i, p, s, c, h, latency_s, soonest):
    """Clients that have waited too long give up and try again; late work stays, or is dropped."""
    panel = w.svc[i]
    for e in range(panel.in_end - panel.in_start):
        r = w.edge[w.incoming[panel.in_start + e]]
        most_s = patience_s(r)
        if r.mode == ASYNC or most_s / h + 3.0 > MAX_SLOTS:
            continue
        left_s = most_s - latency_s  # longer than this in the queue, and the answer is late
        patience = max(1, int(left_s / h + 0.5)) if left_s >= 0.0 else 1 - soonest
        before = s.live
        expire(s, c, e, patience, servers_of(p), p.discipline == DEADLINE_DROP)
        if s.live < before:
            s.own_failed += before - s.live
            give_up(t, w, i, s, c, h, Ending(soonest, min(latency_s, most_s), most_s, True, COST))


@compiled
def let_in(t, w, i, p, s, c, h, j, works):
    """Throttles and the buffer refuse some of the crowd; of the others some fail, here or in a dependency."""
    n = 0
    for k in range(s.entries):
        n += c[s.crowd + k]
    admitted = pass_throttles(t, w, i, p, s, n, h, j)  # also for nobody: the bucket fills
    if n == 0:
        return
    s.admitted += admitted
    failed = draw_cohort(t, w, i, DRAWS.failed, j, admitted, 1.0 - works)
    entering = min(admitted - failed, free_places(p, s.count, h))
    refused = n - failed - entering
    if refused > 0:
        turn_away(w, i, s, c, n, refused)
        s.own_failed += refused
        give_up(t, w, i, s, c, h, Ending(1, 0.0, 0.0, p.retry_on_reject != 0.0, THROTTLED_COST))
    if failed > 0:
        take(c, s.crowd, s.failing, s.entries, n - refused, failed, even(s.now))
        s.own_failed += int(failed * p.fault_ratio / (1.0 - works) + 0.5)
        give_up(t, w, i, s, c, h, Ending(1, 0.0, 0.0, True, COST))


@compiled
def free_places(p, count, h):
    """How many more the station takes: into servers and buffer, or what it serves in a substep and buffer."""
    serving = servers_of(p)
    if serving == 0:
        serving = math.ceil(effective_capacity_per_s(p, count) * h)
    return max(0, int(p.buffer_count) + serving - count)


@compiled
def completions(t, w, i, p, s, h, j):
    """How many the servers finish in a substep, at most all that are here.

    By chance: while a server is free, each call in service ends by itself; else they are one Poisson stream.
    """
    if s.count == 0:
        return 0
    total = servers_of(p)
    mean = effective_capacity_per_s(p, s.count) * h
    if p.service == 0.0:
        working = min(s.count, total) / total if total > 0 else 1.0
        return min(s.count, flow(w, i, DRAWS.served, working * mean))
    if s.count <= total:
        return draw_cohort(t, w, i, DRAWS.served, j, s.count, -math.expm1(-mean / total))
    context = cohort_context(draw_context(t, w, i), DRAWS.served, j)
    return min(s.count, arrivals(context, DRAWS.served, mean))


@compiled
def serve_substep(t, w, i, p, s, c, h, j):
    """Serve: what has a client that waits is good; nobody waits for zombies."""
    n = completions(t, w, i, p, s, h, j)
    if n == 0:
        return
    servers = servers_of(p)
    if p.service != 0.0 and servers > 1 and p.discipline != LIFO:
        s.age_s += serve_any(s, c, n, servers) * h
    else:
        s.age_s += serve(s, c, n, p.discipline == LIFO) * h
    for k in range(s.entries):
        good = c[s.served + LIVE + k]
        if good > 0:
            c[s.good_of + k // s.attempts] += good * CALL
            w.edge[w.incoming[w.svc[i].in_start + k // s.attempts]].served += good
            s.good += good
    if s.guarded != 0:
        for k in range(s.entries):
            r = w.edge[w.incoming[w.svc[i].in_start + k // s.attempts]]
            r.ended_well += c[s.served + LIVE + k]
            regain(r, c[s.served + LIVE + k], k % s.attempts > 0)


@compiled
def lose_patience(t, w, i, p, s, c, h, j):
    """Waiting clients leave the queue at random, and do not come back."""
    waiting = max(0, s.live - servers_of(p))
    gone = draw_cohort(t, w, i, DRAWS.left, j, waiting, -math.expm1(-h / p.patience_s))
    if gone > 0:
        leave(s, c, gone, waiting, even(s.now))
        s.own_failed += gone
        give_up(t, w, i, s, c, h, Ending(1, 0.0, 0.0, False, COST))


@compiled
def expected_wait_s(p, count, capacity):
    """Time in queue and server of a call that comes now."""
    places = servers_of(p)
    ahead = max(count + 1, places) if places > 0 else count
    return ahead / capacity if capacity > 0.0 else 1e9 * (ahead > 0)


@compiled
def close_books(w, i, p, s, c, latency_s):
    """Books of the tick, and what each caller learns: what became of its calls, after all retries."""
    panel = w.svc[i]
    capacity = effective_capacity_per_s(p, s.count)
    queue_s = s.age_s / s.good if s.good > 0 else expected_wait_s(p, s.count, capacity)
    ended = s.good + s.failed
    expose(w, i, capacity, s.count, s.own_failed / ended if ended > 0 else 0.0)
    panel.offered, panel.latency_s = s.offered, queue_s + latency_s
    headroom = headroom_of(panel)
    for e in range(panel.in_end - panel.in_start):
        r = w.edge[w.incoming[panel.in_start + e]]
        good, lost = c[s.good_of + e], c[s.lost_of + e]
        if good + lost > 0:
            r.ok = good / (good + lost)
        r.attempt_ok, r.latency_s, r.headroom = 1.0, min(panel.latency_s, patience_s(r)), headroom
        if s.guarded != 0 and guarded(r):
            learn(w, w.incoming[panel.in_start + e], r.ended_well, r.ended_badly)
            r.ended_well, r.ended_badly = 0, 0
    panel.settled, panel.in_flight = 1, s.live + s.orbiting
    mark(panel, ANSWER)
    tally(w, i, s.good, s.failed)
    s.calls_good += s.good
    s.all_offered += s.offered
    s.all_good += s.good
    s.all_failed += s.failed
