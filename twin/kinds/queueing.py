"""A station: finite capacity, a queue, and clients that time out and try again.

The real system. A control plane's front end or a fleet of workers takes calls, serves them in some order, and
sheds some. Its clients are SDKs: an attempt has a time-out, and a late or refused one is tried again.

The claim. Three numbers decide whether a station can stay down after its trigger has gone: capacity mu,
time-out, attempts 1+r. The server is not told when a client gives up, so under overload it works for clients
that have gone, while their retries queue behind. So for any load between mu/(1+r) and mu a well and a
collapsed state both persist (metastable failure). Dropping expired work, a small buffer or no retries
remove the collapsed one.

How it is stepped. While nothing waits and there is room for all, calls are served at once: ``answer`` passes
the outcome, and ``intake`` counts the retries of what dependencies fail, in the same tick. As soon as
something waits, the station runs the clients itself, in substeps of at most a twentieth of the shortest
time-out: every failed attempt (late, refused, failed here or in a dependency) goes through one orbit, and
callers see what becomes of their calls, not of attempts. ``good`` and ``failed`` count attempts in both.

Left out. The size of single requests; which of several servers finishes first (the oldest call
does, so that with many servers the mean sojourn is right and its spread too small).
"""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.base.rng import ABANDON, FAIL, SERVE, SPLIT, subkey
from twin.mechanisms.arrays import ASYNC, EDGE_CARRIES, REPLICATE, SEED, SERVICE_CARRIES
from twin.mechanisms.calls import answer, depend, draw, intake, tally
from twin.mechanisms.client_policies import COST, THROTTLED_COST, guarded, learn, patience_s, regain
from twin.mechanisms.retrying_clients import CALL, any_guarded, collect, forget, give_up, sizes, turn_away
from twin.mechanisms.sampling import arrivals, share
from twin.mechanisms.station import (
    COUNT,
    DEAD,
    FIELDS,
    FRONT,
    LIVE,
    MAX_SLOTS,
    cells_needed,
    compiled,
    even,
    expire,
    join,
    lay_out,
    leave,
    purge,
    row_of,
    serve,
    take,
    turn,
)
from twin.model.parameter import LATE, Param

PARAMETERS = (
    Param("capacity_per_s", 1e9, "1/s", 0.0, 1e12, "calls served per second by all servers together",
          "assumed: not the bottleneck unless given", (1e9, 1e9)),
    Param("capacity_ratio", 1.0, "ratio", 0.0, 100.0, "multiplies the capacity: a knob for faults",
          "assumed: all of it unless a scenario says otherwise", (1.0, 1.0)),
    Param("half_capacity_backlog_count", 0.0, "count", 0.0, 1e12,
          "backlog at which the capacity has fallen to half, by contention or paging; 0 for never",
          "assumed: no degradation unless given", (0.0, 0.0)),
    Param("servers_count", 0, "count", 0, 1_000_000, "servers that share the capacity; 0 for very many",
          "assumed: many small workers", (0, 0)),
    Param("service", "deterministic", "choice", 0, 1, "time that a server takes",
          "assumed: luck averages out over many calls", choices=("deterministic", "exponential")),
    Param("service_time_s", 0.02, "s", 0.0, 3600.0, "latency without a queue, beyond the time in a server",
          "assumed: a fast API call", (0.005, 0.2)),
    Param("buffer_count", 1e12, "count", 0.0, 1e12, "most that waits; more is refused",
          "assumed: unbounded unless given", (1e12, 1e12)),
    Param("discipline", "fifo", "choice", 0, 2,
          "who is next: the oldest; the newest; or the oldest, and waiting work is dropped at no cost once "
          "its client has gone (work in a server is finished, and its client waits for it)",
          "assumed: plain queues", choices=("fifo", "lifo", "deadline_drop")),
    Param("throttle_per_s", 0.0, "1/s", 0.0, 1e12, "tokens a second of the bucket that admits calls; 0: off",
          "assumed: no throttle unless given", (0.0, 0.0)),
    Param("burst_count", 0.0, "count", 0.0, 1e12, "most tokens that the bucket holds",
          "assumed: no burst unless given", (0.0, 0.0)),
    Param("admitted_ratio", 1.0, "ratio", 0.0, 1.0, "share of attempts that is let in: an emergency throttle",
          "assumed: all unless a scenario says otherwise", (1.0, 1.0)),
    Param("retry_on_reject", True, "switch", 0, 1, "clients try again when refused", "SDK"),
    Param("fault_ratio", 0.0, "ratio", 0.0, 1.0, "share of attempts that fail here: a fault's knob",
          "assumed: no fault of its own unless a scenario says so", (0.0, 0.0)),
    Param("patience_s", 0.0, "s", 0.0, 1e7, "mean time until a waiting client leaves the queue; 0: never",
          "assumed: clients know only their time-out", (0.0, 0.0)),
    Param("initial_backlog_count", 0.0, "count", 0.0, 1e12, "work at the start, whose clients have gone",
          "assumed: none unless given", (0.0, 0.0)),
)  # fmt: skip
BREAKS = {
    "down": {"capacity_ratio": 0.0},  # clients wait in vain; one that refuses them has fault_ratio 1
    "slow": {"service_time_s": LATE},
    "partial": {"fault_ratio": 0.5, "capacity_ratio": 0.5},  # half of its servers, to which half of them go
}
STATE = [
    *FIELDS,
    ("substeps", "i8"), ("busy", "i8"), ("guarded", "i8"), ("least_s", "f8"),
    ("tokens", "f8"), ("admitted", "i8"), ("bound", "i8"),
    # of this tick
    ("offered", "i8"), ("good", "i8"), ("failed", "i8"), ("own_failed", "i8"), ("age_s", "f8"),
    # since the start: attempts; and, while busy, calls
    ("all_offered", "i8"), ("all_good", "i8"), ("all_failed", "i8"),
    ("calls_begun", "i8"), ("calls_good", "i8"), ("calls_lost", "i8"),
]  # fmt: skip
EVENTS: tuple[str, ...] = ()

FIFO, LIFO, DEADLINE_DROP = range(3)


def cells(p, callers, tick_s: float) -> int:
    """Two rings, one row a substep; see parts/station.py."""
    return cells_needed(*sizes(callers, tick_s)[:4])


def init(p, s, c, callers, tick_s: float) -> None:
    """Empty and quiet, but for an initial backlog."""
    edges, attempts, slots, wheel, s.substeps = sizes(callers, tick_s)
    lay_out(s, edges, attempts, slots, wheel)
    s.tokens = p.burst_count
    backlog = int(p.initial_backlog_count)
    c[FRONT + COUNT] = c[FRONT + DEAD] = s.count = s.bound = backlog
    s.busy = int(backlog > 0)


@compiled
def effective_capacity(p, count):
    """Calls per second that the servers manage while ``count`` are here."""
    full = p.capacity_per_s * p.capacity_ratio
    half = p.half_capacity_backlog_count
    return full / (1.0 + count / half) if half > 0.0 else full


@compiled
def servers(p):
    """Work in service is told from work that waits only where there are servers to count."""
    return max(1, int(p.servers_count)) if p.service != 0.0 else int(p.servers_count)


@compiled
def least_timeout(w, i):
    """The shortest time-out among the callers. Who hands work over asynchronously does not wait for it."""
    s = w.svc[i]
    least = 1e9
    for n in range(s.in_start, s.in_end):
        r = w.edge[w.into[n]]
        if r.mode != ASYNC:
            least = min(least, patience_s(r))
    return least


@compiled
def admit(t, w, i, p, s, n, seconds, sub):
    """How many of ``n`` attempts the throttles let in; the bucket, at most burst + rate × t by time t."""
    if p.admitted_ratio < 1.0:
        n = draw(t, w, i, SPLIT, sub, n, p.admitted_ratio)
    if p.throttle_per_s <= 0.0:
        s.tokens = p.burst_count
        return n
    fresh = p.throttle_per_s * seconds
    s.tokens = min(s.tokens + fresh, max(p.burst_count, fresh + 1.0))
    n = min(n, int(s.tokens + 1e-9))
    s.tokens -= n
    return n


@njit
def step(t, w, i, p, s, c):
    """One tick: at once if nothing waits and there is room for all, else in substeps."""
    row = w.svc[i]
    capacity = effective_capacity(p, s.count)
    row.capacity_per_s = capacity
    if s.busy != 0:
        ok, wait = depend(t, w, i, s.admitted)
        run_clients(t, w, i, p, s, c, ok * (1.0 - p.fault_ratio), wait + p.service_time_s)
        return
    n = intake(t, w, i)
    tokens = s.tokens
    admitted = admit(t, w, i, p, s, n, w.tick_s[0], 0)
    ok, wait = depend(t, w, i, admitted)
    works, latency = ok * (1.0 - p.fault_ratio), wait + p.service_time_s
    fits = admitted == n and n * works <= capacity * w.tick_s[0] and latency <= least_timeout(w, i)
    if not fits or p.service != 0.0:
        s.busy, s.tokens = 1, tokens  # the substeps ask the throttle again
        run_clients(t, w, i, p, s, c, works, latency)
        return
    failed = draw(t, w, i, FAIL, 0, n, 1.0 - works) if works < 1.0 else 0
    row.own_blame, row.backlog = p.fault_ratio, 0
    answer(w, i, works, latency)
    tally(w, i, n - failed, failed)
    s.all_offered += n
    s.all_failed += failed
    s.all_good += n - failed


@njit
def run_clients(t, w, i, p, s, c, works, latency_s):
    """One tick with a queue: ``works`` of the admitted need service; all take ``latency_s`` on top."""
    h = w.tick_s[0] / s.substeps
    s.offered, s.good, s.failed, s.own_failed, s.admitted, s.age_s = 0, 0, 0, 0, 0, 0.0
    forget(s, c, w.tick_s[0])
    s.guarded, s.least_s = any_guarded(w, i), latency_s
    hopeless = latency_s > least_timeout(w, i)
    if p.discipline == DEADLINE_DROP and s.count > s.live:
        purge(s, c, servers(p))
    s.bound = max(s.count, int(p.buffer_count) + servers(p) + 1)
    for j in range(s.substeps):
        turn(s, c)
        # Where luck decides, service comes before and after arrivals in turn: the error of the step is of
        # second order in what a substep serves.
        early = p.service != 0.0 and s.now % 2 == 0
        for half in range(2):
            if early == (half == 0):
                work(t, w, i, p, s, c, h, j)
            else:
                time_out(t, w, i, p, s, c, h, latency_s, 0)
                collect(t, w, i, s, c, j)
                let_in(t, w, i, p, s, c, h, j, works)
                join(s, c)
                if hopeless:
                    time_out(t, w, i, p, s, c, h, latency_s, 1)
        if p.patience_s > 0.0:
            lose_patience(t, w, i, p, s, c, h, j)
    report(w, i, p, s, c, latency_s)
    if s.count == 0 and s.orbiting == 0:
        s.busy = 0


@compiled
def time_out(t, w, i, p, s, c, h, latency_s, soonest):
    """Clients that have waited too long give up and try again; late work stays, or is dropped."""
    row = w.svc[i]
    for e in range(row.in_end - row.in_start):
        r = w.edge[w.into[row.in_start + e]]
        most_s = patience_s(r)
        if r.mode == ASYNC or most_s / h + 3.0 > MAX_SLOTS:
            continue
        left_s = most_s - latency_s  # longer than this in the queue, and the answer is late
        patience = max(1, int(left_s / h + 0.5)) if left_s >= 0.0 else 1 - soonest
        before = s.live
        expire(s, c, e, patience, servers(p), p.discipline == DEADLINE_DROP)
        if s.live < before:
            s.own_failed += before - s.live
            give_up(t, w, i, s, c, h, soonest, min(latency_s, most_s), most_s, True, COST)


@compiled
def let_in(t, w, i, p, s, c, h, j, works):
    """Throttles and the buffer refuse some of the crowd; of the others some fail, here or in a dependency."""
    n = 0
    for k in range(s.entries):
        n += c[s.crowd + k]
    admitted = admit(t, w, i, p, s, n, h, j)  # also for nobody: the bucket fills
    if n == 0:
        return
    s.admitted += admitted
    failed = draw(t, w, i, FAIL, j, admitted, 1.0 - works)
    entering = min(admitted - failed, free_places(p, s.count, h))
    refused = n - failed - entering
    if refused > 0:
        turn_away(w, i, s, c, n, refused)
        s.own_failed += refused
        give_up(t, w, i, s, c, h, 1, 0.0, 0.0, p.retry_on_reject != 0.0, THROTTLED_COST)
    if failed > 0:
        take(c, s.crowd, s.failing, s.entries, n - refused, failed, even(s.now))
        s.own_failed += int(failed * p.fault_ratio / (1.0 - works) + 0.5)
        give_up(t, w, i, s, c, h, 1, 0.0, 0.0, True, COST)


@compiled
def free_places(p, count, h):
    """How many more the station takes: into servers and buffer, or what it serves in a substep and buffer."""
    serving = servers(p)
    if serving == 0:
        serving = math.ceil(effective_capacity(p, count) * h)
    return max(0, int(p.buffer_count) + serving - count)


@compiled
def completions(t, w, i, p, s, h, j):
    """How many the servers finish in a substep, at most all that are here.

    With luck: while a server is free, each call in service ends by itself; else they are one Poisson stream.
    """
    if s.count == 0:
        return 0
    row = w.svc[i]
    total = servers(p)
    mean = effective_capacity(p, s.count) * h
    slot = EDGE_CARRIES * len(w.edge) + SERVICE_CARRIES * i + SERVE
    if p.service == 0.0:
        working = min(s.count, total) / total if total > 0 else 1.0
        return min(s.count, share(1, working * mean, w.carry, slot))
    if s.count <= total:
        return draw(t, w, i, SERVE, j, s.count, -math.expm1(-mean / total))
    key = subkey(row.key, j)
    n = arrivals(mean, row.exact != 0, w.carry, slot, w.clock[SEED], key, t, SERVE, w.clock[REPLICATE])
    return min(s.count, n)


@compiled
def work(t, w, i, p, s, c, h, j):
    """Serve: what has a client that waits is good; nobody waits for zombies."""
    n = completions(t, w, i, p, s, h, j)
    if n == 0:
        return
    s.age_s += serve(s, c, n, p.discipline == LIFO) * h
    for k in range(s.entries):
        good = c[s.served + LIVE + k]
        c[s.good_of + k // s.attempts] += good * CALL
        s.good += good
    if s.guarded != 0:
        for k in range(s.entries):
            r = w.edge[w.into[w.svc[i].in_start + k // s.attempts]]
            r.ended_well += c[s.served + LIVE + k]
            regain(r, c[s.served + LIVE + k], k % s.attempts > 0)


@compiled
def lose_patience(t, w, i, p, s, c, h, j):
    """Waiting clients leave the queue at random, and do not come back."""
    waiting = max(0, s.live - servers(p))
    gone = draw(t, w, i, ABANDON, j, waiting, -math.expm1(-h / p.patience_s))
    if gone > 0:
        leave(s, c, gone, waiting, even(s.now))
        s.own_failed += gone
        give_up(t, w, i, s, c, h, 1, 0.0, 0.0, False, COST)


@compiled
def wait_estimate(p, count, capacity):
    """Time in queue and server of a call that comes now."""
    c = servers(p)
    ahead = max(count + 1, c) if c > 0 else count
    return ahead / capacity if capacity > 0.0 else 1e9 * (ahead > 0)


@compiled
def report(w, i, p, s, c, latency_s):
    """Books of the tick, and what each caller learns: what became of its calls, after all retries."""
    row = w.svc[i]
    capacity = effective_capacity(p, s.count)
    queue_s = s.age_s / s.good if s.good > 0 else wait_estimate(p, s.count, capacity)
    row.backlog, row.capacity_per_s, row.latency_s = s.count, capacity, queue_s + latency_s
    tally(w, i, s.good, s.failed)
    row.offered = s.offered
    if s.good + s.failed > 0:
        row.own_blame = s.own_failed / (s.good + s.failed)
    room = capacity / row.quiet_capacity_per_s if row.quiet_capacity_per_s > 0.0 else 1.0
    for e in range(row.in_end - row.in_start):
        r = w.edge[w.into[row.in_start + e]]
        good, lost = c[s.good_of + e], c[s.lost_of + e]
        if good + lost > 0:
            r.ok = good / (good + lost)
        r.attempt_ok, r.latency_s, r.room = 1.0, min(row.latency_s, patience_s(r)), room
        if s.guarded != 0 and guarded(r):
            learn(w, w.into[row.in_start + e], r.ended_well, r.ended_badly)
            r.ended_well, r.ended_badly = 0, 0
    s.calls_good += s.good
    s.all_offered += s.offered
    s.all_good += s.good
    s.all_failed += s.failed


@njit
def check(p, s, c):
    """No attempt and no call is lost or counted twice, nothing is negative, the queue keeps its bound."""
    here, orbiting = c[FRONT + COUNT], 0
    for n in range(s.slots):
        here += c[row_of(s, n) + COUNT]
    for k in range(s.orbit, s.crowd):
        orbiting += c[k]
    attempts = s.all_offered - s.all_good - s.all_failed - s.live
    calls = s.calls_begun - s.calls_good - s.calls_lost - s.live - s.orbiting
    kept = here == s.count and orbiting == s.orbiting and attempts == 0 and calls == 0
    return kept and min(c[: s.expired].min(), s.live, s.count - s.live) >= 0 and s.count <= s.bound
