"""One dependency, as its caller steps it: calls that are sent, connections, cached answers, a backlog.

The real system: an SDK keeps a pool of connections, a cache keeps answers for a while, and an outbox keeps
work until somebody takes it. The claim: callers notice that a callee is away when a connection closes or an
answer expires, and not before. Left out: single connections and single answers.
"""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.mechanisms.arrays import CACHE_SLOTS, CACHED, LEASE, NEW_CONNECTIONS, PERIOD
from twin.mechanisms.client_policies import amplification, guarded, retries_here
from twin.mechanisms.draws import DEPENDENCY_DRAWS, EDGE_CARRIES
from twin.mechanisms.sampling import carried, carried_share, dependency_context, slot_of, thin

ENDLESS = 1 << 62
RARE_RATIO = 0.01  # share of handed-over work up to which its failures are found out once a signal period


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
def pass_share(w, e, name, n, ratio):
    """As ``flow``, of ``n`` times ``ratio``: for several ticks at once it is what it is for each in turn."""
    return carried_share(n, ratio, w.carry, EDGE_CARRIES * e + slot_of(name))


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
    r.calls += pass_share(w, e, DEPENDENCY_DRAWS.fresh, n, fresh)
    return fresh * miss_ratio(w, e) + (1.0 - fresh) * base, fresh * r.visible_latency_s


@njit
def age_ticks(w, e):
    """Ticks between two age classes of the cached answers of ``e``."""
    return max(1, int(w.edge[e].lifetime_s / w.tick_s[0] / CACHE_SLOTS))


@njit
def renewed(w, e, first, after):
    """Cached answers of ``e`` that are renewed in these ticks, while all of them can be."""
    ticks, total = age_ticks(w, e), 0
    k = -(-first // ticks)
    while k * ticks < after:
        total += w.cells[w.edge[e].cell + k % CACHE_SLOTS]
        k += 1
    return total


@njit
def age(t, w, e):
    """Share of calls whose cached answer has expired: entries are renewed one lifetime after the last
    time."""
    r = w.edge[e]
    pool = int(r.connections_count)
    miss = miss_ratio(w, e)
    slot_ticks = age_ticks(w, e)
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
def retries_of(w, e, first):
    """Retries that are made beside the callee of ``e`` for ``first`` calls, where nothing waits."""
    r = w.edge[e]
    if first <= 0 or r.attempt_ok >= 1.0 or guarded(r):
        return 0
    attempts, _ = amplification(1.0 - r.attempt_ok, retries_here(r), r.retry_budget_ratio)
    return pass_share(w, e, DEPENDENCY_DRAWS.retried, first, attempts - 1.0)


@njit
def taken_at_once(w, e):
    """How much work the callee of ``e`` takes in a tick without a look at chance or remainders; what fails
    of it is found out later (``hand_back``). -1: too much fails for that."""
    r = w.edge[e]
    if r.bound != 0.0:
        return -1
    if r.drain_per_s <= 0.0 and r.cross_domain != 0:
        return ENDLESS
    if miss_ratio(w, e) > RARE_RATIO:
        return -1
    return int(r.drain_per_s * w.tick_s[0]) if r.drain_per_s > 0.0 else ENDLESS


@njit
def hand_over(t, w, e, n):
    """Work left for the callee to take when it can. Returns the wait, in seconds, of what is left now.

    Between domains, and without a limit to the rate, what has failed is handed over again once in a signal
    period: news of the callee does not come sooner.
    """
    r, again = w.edge[e], 0
    if r.bound != 0.0:
        hand_over_bound(t, w, e, n)
        return 0.0
    if r.drain_per_s > 0.0 or r.cross_domain == 0 or t % w.clock[PERIOD] == 0:
        again, r.backlog = r.backlog, 0
    if n + again <= taken_at_once(w, e):
        hand_at_once(t, w, e, n + again)
        return 0.0
    r.backlog = n + again
    hand_back(w, e)
    limit = r.backlog
    if r.drain_per_s > 0.0:
        limit = min(limit, pass_on(w, e, DEPENDENCY_DRAWS.drained, r.drain_per_s * w.tick_s[0]))
    r.calls += limit
    r.backlog -= draw_connections(t, w, e, DEPENDENCY_DRAWS.opened, limit, 1.0 - miss_ratio(w, e))
    return r.backlog / r.drain_per_s if r.drain_per_s > 0.0 else 0.0


@njit
def hand_over_bound(t, w, e, n):
    """Work that is bound to a part of the callee, as a termination to its droplet. What waits is spread over
    a share ``missed`` of the parts. When fewer fail, it is done where they work again.

    New work meets a part that fails, or one that works. What failed has to wait, and new work widens the
    share by its weight. So all that was asked for has been served, waits, or is on its way.
    """
    r, miss = w.edge[e], miss_ratio(w, e)
    failed = r.visible_failed - r.seen_failed
    r.seen_failed = r.visible_failed
    r.backlog += failed
    if r.backlog > 0 and miss > r.missed:
        r.missed += (miss - r.missed) * min(1.0, n * miss / r.backlog)
    tries = 0
    if miss < r.missed:  # of those that try, a share ``miss`` fails again
        free = (1.0 - miss / r.missed) / (1.0 - miss)
        tries = draw_connections(t, w, e, DEPENDENCY_DRAWS.opened, r.backlog, free)
        r.missed = miss
    r.backlog -= tries
    r.calls += n + tries


@njit
def hand_at_once(t, w, e, n):
    """Hand over work of ticks to ``t``, ``n`` in all. Ticks with the same chance are drawn together."""
    r, miss = w.edge[e], miss_ratio(w, e)
    r.calls += n
    if r.handed_miss != miss:
        hand_back(w, e)
        r.handed_miss = miss
    if miss > 0.0:
        r.handed_count += n
        r.handed_tick = t


@njit
def hand_back(w, e):
    """What was handed over and has failed waits again. At the end of each signal period at the latest."""
    r = w.edge[e]
    if r.handed_count > 0:
        n, r.handed_count = r.handed_count, 0
        failed = draw_connections(r.handed_tick, w, e, DEPENDENCY_DRAWS.failed, n, r.handed_miss)
        if failed > 0:
            r.backlog += failed
            w.svc[r.caller].has_news = 1


@njit
def send_calls(t, w, e, n):
    """Send ``n`` parents' calls through ``e``. Returns (share that fails, added latency in s)."""
    r = w.edge[e]
    m = pass_share(w, e, DEPENDENCY_DRAWS.asked, n, r.share)
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
