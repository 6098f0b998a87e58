"""What a client does before it sends an attempt, and what it learns from its end.

Circuit breaker (for all calls of a dependency):

            failures in a row, or their share in a window
    closed ────────────────────────────────────────▶ open ──breaker_open_s──▶ half-open
       ▲                                               ▲                         │ probes
       └────────── enough probes good ─────────────────┼─────────────────────────┤
                                                       └── too many of them fail ┘

With failures in a row, probes follow one another, and one bad probe is too many. With a share, probes are
sent at once, and their share decides. Outcomes of calls that were sent in an earlier state are ignored
(``epoch``).

A retry budget is a bucket: first tries fill it a little, a retry empties it by one. The quota of a standard
SDK is a bucket that pays for retries, and that good calls refill. Adaptive throttling drops calls at random
when few come back well.
"""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.base.rng import RETRY
from twin.mechanisms.arrays import LEGACY
from twin.mechanisms.client_policies import COST, QUOTA_TOKENS, REWARD, THROTTLE_WINDOW_S, THROTTLED_COST
from twin.mechanisms.requests.calls import chance
from twin.mechanisms.requests.records import NOW, SECOND


@njit
def lets_through(w, q, e):
    """Whether the client sends the attempt at all."""
    r = w.edge[e]
    if r.breaker_failures_count > 0.0 or r.breaker_error_ratio > 0.0:
        if not is_admitted(w, q, e):
            return False
    return r.client_throttle_ratio <= 0.0 or passes_own_throttle(w, q, e)


@njit
def is_admitted(w, q, e):
    """Whether the circuit breaker lets the attempt through; half-open, as a probe."""
    link, r = w.links[e], w.edge[e]
    if link.is_open != 0:
        if w.counters[NOW] < link.open_until:
            return False
        if link.is_open == 1:  # now half-open
            link.is_open, link.probing, link.probes_ended, link.window_bad = 2, 0, 0, 0
            link.epoch += 1
        at_once = 1 if r.breaker_failures_count > 0.0 else r.breaker_probes_count  # else one after another
        if link.probing >= at_once or link.probing + link.probes_ended >= r.breaker_probes_count:
            return False
        link.probing += 1
    w.calls[q].epoch = link.epoch
    return True


@njit
def passes_own_throttle(w, q, e):
    """The SRE book's adaptive throttling: calls beyond a multiple of the accepted ones are dropped."""
    link, r = w.links[e], w.edge[e]
    now = w.counters[NOW]
    kept = math.exp(-(now - link.faded) / SECOND / THROTTLE_WINDOW_S)
    link.asked, link.accepted, link.faded = link.asked * kept, link.accepted * kept, now
    surplus = link.asked - r.client_throttle_ratio * link.accepted
    link.asked += 1.0
    return chance(w, q, RETRY) >= max(0.0, surplus / (link.asked + r.clients_count))


@njit
def learn_end(w, q, e, is_well):
    """The breaker and the throttle hear how an attempt has ended."""
    link, r, x = w.links[e], w.edge[e], w.calls[q]
    link.accepted += int(is_well)
    if r.retry_mode != LEGACY and is_well:
        link.spent = max(0.0, link.spent - (COST if x.attempt > 0 else REWARD))
    if r.breaker_failures_count <= 0.0 and r.breaker_error_ratio <= 0.0:
        return
    if x.epoch != link.epoch:
        return
    if link.is_open == 2:
        judge_probe(w, e, is_well)
        return
    link.in_a_row = 0 if is_well else link.in_a_row + 1
    link.window += 1
    link.window_bad += int(not is_well)
    trips = r.breaker_failures_count > 0.0 and link.in_a_row >= r.breaker_failures_count
    if r.breaker_error_ratio > 0.0 and link.window >= r.breaker_window_count:
        trips = trips or link.window_bad >= r.breaker_error_ratio * link.window
        link.window, link.window_bad = 0, 0
    if trips:
        open_breaker(w, e)


@njit
def judge_probe(w, e, is_well):
    """A probe has ended. Where failures in a row are counted, a bad one opens the breaker again and the last
    good one closes it; else the share of the bad ones among all probes decides."""
    link, r = w.links[e], w.edge[e]
    link.probing -= 1
    link.probes_ended += 1
    link.window_bad += int(not is_well)
    is_last = link.probes_ended >= r.breaker_probes_count
    most = 1.0 if r.breaker_failures_count > 0.0 else r.breaker_error_ratio * r.breaker_probes_count
    if link.window_bad >= most and (is_last or r.breaker_failures_count > 0.0):
        open_breaker(w, e)
    elif is_last:
        link.is_open, link.in_a_row, link.window, link.window_bad = 0, 0, 0, 0
        link.epoch += 1


@njit
def open_breaker(w, e):
    """No call for breaker_open_s."""
    link = w.links[e]
    link.is_open = 1
    link.open_until = w.counters[NOW] + int(w.edge[e].breaker_open_s * SECOND + 0.5)
    link.epoch += 1
    link.opened += 1
    link.in_a_row, link.window, link.window_bad = 0, 0, 0


@njit
def fill_budget(w, e):
    """A first try adds to the retry budget."""
    link, r = w.links[e], w.edge[e]
    if r.retry_budget_ratio > 0.0:
        most = r.retry_budget_count if r.retry_budget_count > 0.0 else 1e9
        link.tokens = min(most, link.tokens + r.retry_budget_ratio)


@njit
def pays_retry(w, q, e):
    """Whether budget and quota pay for another try of call ``q``; they pay if so."""
    link, r = w.links[e], w.edge[e]
    cost = THROTTLED_COST if w.calls[q].is_refused != 0 else COST
    if r.retry_mode != LEGACY and link.spent + cost > QUOTA_TOKENS * r.clients_count:
        return False
    if r.retry_budget_ratio > 0.0:
        if link.tokens < 1.0:
            return False
        link.tokens -= 1.0
    if r.retry_mode != LEGACY:
        link.spent += cost
    return True
