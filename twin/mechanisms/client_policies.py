"""What clients do to protect the service that they call, and themselves.

The real system. An AWS SDK pays for retries from a quota that successes refill (`standard`), and may limit
its own rate when it is refused (`adaptive`). Other clients drop calls at random when few come back well (the
SRE book's adaptive throttling), or stop calling for a while (a circuit breaker).

The claim. Each bounds the calls to a failing callee: the quota by a number, the throttle by a multiple of the
accepted calls, the breaker by its probes. A breaker is all or nothing: it makes a partial outage total once
more calls fail than its threshold.

How it is stepped. A dependency stands for ``clients_count`` alike client objects; breakers are counted by
state, and the open ones by the moment at which they will probe. The policies wrap the call with its retries,
and act once a tick: ``hold_back`` before it, ``learn`` after it. A dependency without any costs one look.

Left out. Clients of a dependency differ in the phase of their breakers only. A window of a breaker ends after
its number of calls on average. The rate limit fails a call at once, an option of SDKs, instead of blocking.
It is cut when each client has met one refusal on average.
"""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.mechanisms.arrays import ADAPTIVE, BREAKER_SLOTS, CACHED, LEGACY, NEW_CONNECTIONS
from twin.mechanisms.backoff import mean_wait_s
from twin.mechanisms.draws import DEPENDENCY_DRAWS
from twin.mechanisms.sampling import dependency_context, sample, whole_part

QUOTA_TOKENS = 500.0
COST, THROTTLED_COST, REWARD = 14.0, 5.0, 1.0  # botocore: of a retry, after a refusal, of an untroubled call
THROTTLE_WINDOW_S = 120.0  # the SRE book's two minutes
CUT_RATIO, GROWTH, LEAST_PER_S = 0.7, 0.4, 0.5  # botocore: beta and scale of its cubic limiter, its floor
BUCKET_S, SMOOTHING = 0.5, 0.8  # botocore: how it measures its own rate


@njit
def guarded(r):
    """Whether the clients of this dependency have any of these policies."""
    return r.retry_mode + r.deadline_s + r.client_throttle_ratio + r.breaker_error_ratio > 0.0


@njit
def hold_back(t, w, e, wanted):
    """Once a tick: which share of ``wanted`` calls the clients send at all, into ``pass_ratio``."""
    r = w.edge[e]
    if r.held_tick == t + 1:
        return
    r.held_tick = t + 1
    ratio = 1.0
    if r.breaker_error_ratio > 0.0:
        ratio *= closed_ratio(t, w, e, wanted)
    if r.client_throttle_ratio > 0.0:
        kept = math.exp(-w.tick_s[0] / THROTTLE_WINDOW_S)
        surplus = r.asked - r.client_throttle_ratio * r.accepted
        ratio *= 1.0 - max(0.0, surplus / (r.asked + r.clients_count))
        r.asked, r.accepted = r.asked * kept + wanted, r.accepted * kept
    if r.retry_mode == ADAPTIVE and r.limit_per_s > 0.0 and wanted > 0:
        per_call = r.attempts / r.passed if r.passed > 0 and r.attempts > r.passed else 1.0
        ratio = min(ratio, r.limit_per_s * r.clients_count * w.tick_s[0] / (wanted * per_call))
    r.pass_ratio, r.wanted, r.passed, r.attempts = ratio, wanted, 0, 0


@njit
def let_through(t, w, e, n, sub):
    """How many of ``n`` first tries, of substep ``sub``, are sent."""
    r = w.edge[e]
    sent = sample(dependency_context(t, w, e), DEPENDENCY_DRAWS.sent, sub, n, r.pass_ratio)
    r.passed += sent
    return sent


# --- retries ---------------------------------------------------------------


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
def granted(r, m, cost):
    """How many of ``m`` failed attempts the clients' budget and quota pay another try for, at ``cost``."""
    if r.retry_mode != LEGACY:
        m = min(m, max(0, int((QUOTA_TOKENS * r.clients_count - r.spent_tokens) / cost)))
    if r.retry_budget_ratio > 0.0:
        m = min(m, int(r.tokens))
        r.tokens -= m
    if r.retry_mode != LEGACY and m > 0:
        r.spent_tokens += m * cost
        r.last_cost = cost
    return m


@njit
def regain(r, good, retried):
    """``good`` attempts came back well: a retry gets its price back, a call without trouble a token."""
    if r.retry_mode != LEGACY:
        r.spent_tokens = max(0.0, r.spent_tokens - good * (r.last_cost if retried else REWARD))


@njit
def patience_s(r):
    """How long a client waits for an answer to one attempt."""
    return min(r.timeout_s, r.deadline_s) if r.deadline_s > 0.0 else r.timeout_s


@njit
def in_time(r, elapsed_s, least_s):
    """Whether what is left of the deadline suffices for an answer, which takes ``least_s``."""
    return r.deadline_s <= 0.0 or r.deadline_s - elapsed_s > least_s


@njit
def tries_again(r, miss, retries):
    """Retries per call that are wanted when each attempt fails with ``miss``, and are begun in time."""
    wanted, each, elapsed_s = 0.0, 1.0, 0.0
    for k in range(int(retries)):
        each *= miss
        elapsed_s += min(r.latency_s, patience_s(r)) + mean_wait_s(r.jitter, k, r.backoff_s, r.backoff_cap_s)
        if not in_time(r, elapsed_s, r.latency_s):
            break
        wanted += each
    return wanted


@njit
def attempts_at_once(t, w, e, first, retries):
    """Attempts that ``first`` calls become in this tick, where nothing waits at the callee."""
    r = w.edge[e]
    hold_back(t, w, e, first)
    r.passed = 0
    n = let_through(t, w, e, first, 0)
    limit = r.retry_budget_ratio if r.retry_budget_ratio > 0.0 else 1e9
    if r.retry_mode != LEGACY and n > 0:
        limit = min(limit, max(0.0, QUOTA_TOKENS * r.clients_count - r.spent_tokens) / COST / n)
    r.retry_limit_ratio = limit
    miss = 1.0 - r.attempt_ok
    r.retry_ratio = min(limit, tries_again(r, miss, retries))
    context = dependency_context(t, w, e)
    r.attempts = n + whole_part(context, DEPENDENCY_DRAWS.retried, n * r.retry_ratio)
    return r.attempts


@njit
def settle_at_once(w, e, retries):
    """What became of them: the share of calls that ends well, as the caller will know it."""
    r = w.edge[e]
    well = r.attempt_ok
    again = min(r.retry_limit_ratio, tries_again(r, 1.0 - well, retries))
    good = min(1.0, well * (1.0 + again))
    if r.retry_mode != LEGACY:
        paid = r.retry_ratio * COST - (good - well) * COST - well * REWARD
        most = QUOTA_TOKENS * r.clients_count
        r.spent_tokens = min(most, max(0.0, r.spent_tokens + r.passed * paid))
    learn(w, e, r.passed * good, r.passed * (1.0 - good))
    return good * r.pass_ratio


# --- what clients remember -------------------------------------------------


@njit
def learn(w, e, good, bad):
    """After the calls of the tick that ``hold_back`` was asked about: how many ended well, how many badly."""
    r = w.edge[e]
    t = r.held_tick - 1
    r.accepted += good
    if r.breaker_error_ratio > 0.0 and good + bad > 0.0:
        judge_breakers(t, w, e, good + bad, bad / (good + bad))
    if r.retry_mode == ADAPTIVE:
        limit_rate(t, w, e, good)


@njit
def limit_rate(t, w, e, good):
    """The cubic limiter: a refusal cuts the rate; then it is back where it was refused, and goes beyond."""
    r, seconds = w.edge[e], w.tick_s[0]
    weight = 1.0 - (1.0 - SMOOTHING) ** (seconds / BUCKET_S)
    r.lately_per_s += weight * (r.attempts / seconds / r.clients_count - r.lately_per_s)
    limited = r.limit_per_s > 0.0
    if limited and (t - r.cut_tick) * seconds < BUCKET_S:
        r.refused = 0  # of the burst that was cut already
    if r.refused >= r.clients_count:
        r.limit_top_per_s = min(r.lately_per_s, r.limit_per_s) if limited else r.lately_per_s
        r.limit_per_s = max(LEAST_PER_S, CUT_RATIO * r.limit_top_per_s)
        r.cut_tick, r.refused = t, 0
    elif limited and good > 0.0:
        since_s = (t - r.cut_tick) * seconds
        back_s = ((1.0 - CUT_RATIO) * r.limit_top_per_s / GROWTH) ** (1.0 / 3.0)
        wanted = GROWTH * (since_s - back_s) ** 3 + r.limit_top_per_s
        r.limit_per_s = max(LEAST_PER_S, min(wanted, 2.0 * r.lately_per_s))


# --- circuit breakers ------------------------------------------------------


@njit
def slot_ticks(r, tick_s):
    """Ticks that one phase of the open breakers lasts."""
    return max(1, math.ceil(r.breaker_open_s / tick_s / (BREAKER_SLOTS - 2)))


@njit
def closed_ratio(t, w, e, wanted):
    """Share of the calls whose client's breaker lets them through; open ones that are due begin to probe."""
    r = w.edge[e]
    width = slot_ticks(r, w.tick_s[0])
    if t % width == 0:
        at = r.phases + t // width % BREAKER_SLOTS
        due = w.cells[at]
        w.cells[at] = 0
        r.open_count -= due
        r.probing_count += due
    closed = r.clients_count - r.open_count - r.probing_count
    return (closed + r.probing_count * probing_ratio(r, wanted)) / r.clients_count


@njit
def probing_ratio(r, wanted):
    """Share of its calls that a half-open client may send as probes."""
    each = wanted / r.clients_count
    return min(1.0, r.breaker_probes_count / each) if each > 0.0 else 1.0


@njit
def judge_breakers(t, w, e, ended, miss):
    """``ended`` calls came back, a share ``miss`` badly: breakers whose window is full trip or do not."""
    r = w.edge[e]
    closed = int(r.clients_count) - r.open_count - r.probing_count
    probing = r.probing_count * probing_ratio(r, r.wanted)
    each = ended / (closed + probing) if closed + probing > 0.0 else 0.0
    full = min(1.0, each / r.breaker_window_count)
    r.window_miss += full * (miss - r.window_miss)
    context, draws = dependency_context(t, w, e), DEPENDENCY_DRAWS
    windows = sample(context, draws.windows, 0, closed, full)
    trips = sample(context, draws.trips, 0, windows, too_many(r.breaker_window_count, r, r.window_miss))
    probes = each * probing / r.probing_count if r.probing_count > 0 else 0.0
    ended_ratio = min(1.0, probes / r.breaker_probes_count)
    done = sample(context, draws.probed, 0, r.probing_count, ended_ratio)
    again = sample(context, draws.tripped_again, 0, done, too_many(r.breaker_probes_count, r, miss))
    if done > again:  # their windows begin empty
        r.window_miss *= closed / (closed + done - again)
    width = slot_ticks(r, w.tick_s[0])
    ahead = max(1, int(r.breaker_open_s / w.tick_s[0] / width + 0.5))
    w.cells[r.phases + ((t + 1) // width + ahead) % BREAKER_SLOTS] += trips + again
    r.open_count += trips + again
    r.probing_count -= done


@njit
def too_many(window, r, miss):
    """Probability that at least the threshold's share of ``window`` calls fails, each with ``miss``."""
    n = int(window)
    least = max(1, math.ceil(r.breaker_error_ratio * n - 1e-9))
    if miss <= 0.0:
        return 0.0
    if miss >= 1.0:
        return 1.0
    log_odds, tail = math.log(miss) - math.log1p(-miss), 0.0
    log_p = math.lgamma(n + 1.0) - math.lgamma(least + 1.0) - math.lgamma(n - least + 1.0)
    log_p += least * math.log(miss) + (n - least) * math.log1p(-miss)
    for k in range(least, n + 1):
        tail += math.exp(log_p)
        log_p += log_odds + math.log((n - k) / (k + 1.0)) if k < n else 0.0
    return min(1.0, tail)
