"""The books of a dependency: every call that is sent ends once, well or not, or is still in flight.

The real system: a caller knows that a call was served when the answer is there, not when it sends it. The
claim: what callers count as served over a dependency is never more than what the callee served for it.

    caller sends ──▶ sent_total ──on its way──▶ arrived ──held──▶ served or failed ──on its way──▶ visible_…

The counts run from the start of the run, and are calls, not attempts: retries belong to the call. Where
nothing waits at a callee, its calls end in the tick in which they arrive, and a caller books them when it
sends them. While a callee holds calls, the caller's requests stay open until as many calls have ended.
Left out: which request a call belongs to. With several dependencies the slowest decides how many are open.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.mechanisms.arrays import PERIOD
from twin.mechanisms.draws import DEPENDENCY_DRAWS, EDGE_CARRIES
from twin.mechanisms.sampling import carried, slot_of


@njit
def arriving(t, w, e):
    """First tries that reach the callee over dependency ``e`` in this tick."""
    r = w.edge[e]
    if r.cross_domain == 0:
        return r.sent_calls
    period = w.clock[PERIOD]
    k = t % period
    calls = float(r.sent_calls)  # exact far beyond any count here, and a float divides faster
    return int(calls * (k + 1) / period) - int(calls * k / period)


@njit
def settle(w, i):
    """The calls that ``intake`` took in for service ``i`` have ended in this tick, as it answered."""
    panel = w.svc[i]
    for n in range(panel.in_start, panel.in_end):
        e = w.incoming[n]
        r = w.edge[e]
        came = r.came
        if came > 0:
            slot = EDGE_CARRIES * e + slot_of(DEPENDENCY_DRAWS.served)
            good = came if r.ok >= 1.0 else carried(came * max(0.0, r.ok), w.carry, slot)
            r.arrived += came
            r.served += good
            r.failed += came - good


@njit
def held(r):
    """Calls over a dependency that its callee has and has not answered."""
    return r.arrived - r.served - r.failed


@njit
def unanswered(r):
    """Calls over a dependency of which its caller does not know an end."""
    return r.sent_total + r.calls - r.visible_served - r.visible_failed


@njit
def ended_miss(r, miss):
    """Share of the calls that were heard of in this tick that failed; ``miss`` if none was."""
    served, failed = r.visible_served - r.seen_served, r.visible_failed - r.seen_failed
    r.seen_served, r.seen_failed = r.visible_served, r.visible_failed
    return failed / (served + failed) if served + failed > 0 else miss


@njit
def close_requests(panel, n, still_open, ok):
    """``n`` requests of a service have begun; of all that it has begun, ``still_open`` wait for a call. The
    others have ended: dependencies served a share ``ok`` of them."""
    panel.ended = max(0, panel.open_requests + n - still_open)
    panel.open_requests += n - panel.ended
    panel.ended_ok = ok


@njit
def ended_requests(w, i):
    """(requests of service ``i`` that have ended in this tick, share of them that dependencies served)."""
    return w.svc[i].ended, w.svc[i].ended_ok


@njit
def publish_books(r):
    """Let the caller see what has ended."""
    r.visible_served, r.visible_failed, r.visible_held = r.served, r.failed, held(r)


@njit
def balanced(w, i):
    """Whether every call that was sent to service ``i`` is on its way, held by it, or has ended once."""
    panel = w.svc[i]
    here = 0
    for n in range(panel.in_start, panel.in_end):
        r = w.edge[w.incoming[n]]
        on_its_way = r.sent_total - r.arrived
        if min(r.served, r.failed, held(r), on_its_way) < 0 or on_its_way > r.sent_calls:
            return False
        here += held(r)
    return here == panel.in_flight and panel.open_requests >= 0
