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
from twin.mechanisms.arrays import CALLED_NEAR, PERIOD
from twin.mechanisms.draws import DEPENDENCY_DRAWS, EDGE_CARRIES
from twin.mechanisms.sampling import carried_share, slot_of


@njit
def arriving(t, w, e):
    """First tries that reach the callee over dependency ``e`` in this tick."""
    r = w.edge[e]
    return r.sent_calls if r.cross_domain == 0 else come_in(t, w, r.sent_calls)


@njit
def come_in(t, w, calls):
    """How many of the ``calls`` of a period come in tick ``t``."""
    period = w.clock[PERIOD]
    k = t % period
    return come_by(calls, k + 1, period) - come_by(calls, k, period)


@njit
def come_by(calls, k, period):
    """How many of the ``calls`` that a period brings come before its tick ``k``."""
    return int(float(calls) * k / period)  # exact far beyond any count here, and a float divides faster


@njit
def settle(t, w, i):
    """The calls that ``intake`` took in for service ``i`` have ended in this tick, as it answered.

    While it says the same in every tick of a block, they are booked when that ends.
    """
    panel = w.svc[i]
    if panel.is_told != 0 and panel.is_listed != 0 and panel.settled == 0:
        if panel.pending == 0:
            panel.pending_from = t
        panel.pending += 1
        if panel.is_near & CALLED_NEAR:
            settle_near(w, i)
        return
    settle_pending(w, i)
    if panel.settled != 0:  # the step has done it, and said its own to callers
        panel.is_told = 0
        return
    for n in range(panel.in_start, panel.in_end):
        e = w.incoming[n]
        came = arriving(t, w, e)
        if came > 0:
            book(w, e, came, served_of(w, e, came, w.edge[e].ok))


@njit
def settle_near(w, i):
    """Book the calls of this tick over near dependencies to service ``i``."""
    panel = w.svc[i]
    for n in range(panel.in_start, panel.in_end):
        e = w.incoming[n]
        r = w.edge[e]
        if r.cross_domain == 0 and r.sent_calls > 0:
            book(w, e, r.sent_calls, served_of(w, e, r.sent_calls, r.told_ok))


@njit
def settle_pending(w, i):
    """Book the far calls of the ticks that are still open, as ``answer`` said before them."""
    panel = w.svc[i]
    if panel.pending == 0:
        return
    period = w.clock[PERIOD]
    first = panel.pending_from % period
    after = first + panel.pending
    for n in range(panel.in_start, panel.in_end):
        e = w.incoming[n]
        r = w.edge[e]
        if r.cross_domain == 0:
            continue
        came = come_by(r.sent_calls, after, period) - come_by(r.sent_calls, first, period)
        if came > 0:
            book(w, e, came, served_of(w, e, came, r.told_ok))
    panel.pending = 0


@njit
def served_of(w, e, came, ok):
    """How many of ``came`` calls end well if a share ``ok`` does; the fraction waits for the next tick."""
    if ok >= 1.0:
        return came
    return came - carried_share(
        came, min(1.0, 1.0 - ok), w.carry, EDGE_CARRIES * e + slot_of(DEPENDENCY_DRAWS.served)
    )


@njit
def book(w, e, came, good):
    """``came`` calls over dependency ``e`` have come and ended, ``good`` of them well."""
    r = w.edge[e]
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
