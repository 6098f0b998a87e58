"""A station: finite capacity, a queue, and clients that time out and try again.

The real system. A control plane's front end or a fleet of workers takes calls, serves them in some order, and
sheds some. Its clients are SDKs: an attempt has a time-out, and a late or refused one is tried again.

    arriving ─▶ throttles ─▶ buffer ─▶ waits in the ring ─▶ served: good, if its client still waits
                   │           │             │
                   ▼           ▼             ▼ time-out, patience
                 refused ──▶ failing ◀───────┘
                                │ a retry is left
                                ▼
                       orbit, for the back-off ─▶ arriving

The claim. Three numbers decide whether a station can stay down after its trigger has gone: capacity mu,
time-out, and attempts per call 1 + r. Here r is `retries`. The server does not learn that a client has given
up. So under overload it works for clients that have gone, while their retries queue behind. At any load
between mu/(1 + r) and mu, a healthy station stays healthy and a collapsed one stays collapsed (metastable
failure). Dropping expired work, a small buffer or no retries remove the collapsed one.

How it is stepped. While nothing waits and all calls fit, they are served at once. ``answer`` passes on the
outcome, and ``intake`` counts the retries of calls that dependencies fail, in the same tick. While calls
wait, the kind also computes the time-outs and retries of the clients (``substeps.py``). A substep is at most
a twentieth of the shortest time-out. Waiting calls are in the ring, a buffer. Failed attempts wait in the
orbit for their next retry, whether late, refused, failed here or in a dependency. Callers see the outcome of
their calls, not of attempts. With or without a queue, ``good`` and ``failed`` count attempts.

Several servers. With exponential service, any of the calls in service may be the next to finish. So a call is
later than its time-out by service alone as often as it should be. Deterministic service ends in order.

Left out. The size of single requests.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.kinds.queueing.one_by_one import capacity, configure
from twin.kinds.queueing.parameters import BREAKS, DRAWS, EVENTS, PARAMETERS, STATE
from twin.kinds.queueing.substeps import (
    effective_capacity_per_s,
    pass_throttles,
    run_clients,
    shortest_patience_s,
)
from twin.mechanisms.blocks import at_rest
from twin.mechanisms.calls import answer, depend, expose, intake, tally_by_chance
from twin.mechanisms.contract import INTAKE, mark
from twin.mechanisms.retrying_clients import sizes
from twin.mechanisms.station import COUNT, DEAD, FRONT, cells_needed, lay_out, row_of
from twin.model.kind import About, ClosedForm, Remedy, Strike

__all__ = [
    "ABOUT",
    "BREAKS",
    "DRAWS",
    "EVENTS",
    "PARAMETERS",
    "STATE",
    "capacity",
    "cells",
    "check",
    "configure",
    "init",
    "step",
]

ABOUT = About(
    one_by_one="program",
    closed_form=ClosedForm.STATION,
    strikes=(Strike("restart_ratio", "of the instances", "restart at once", needs="instances_count"),),
    remedies=(
        Remedy(
            "drop expired work for as long as a call's attempts last",
            lambda value: {"discipline": "deadline_drop"},
            is_passing=True,
        ),
    ),
)


def cells(p, callers, tick_s: float) -> int:
    """Two rings, one row a substep; see ``twin/mechanisms/station.py``."""
    return cells_needed(*sizes(callers, tick_s)[:4])


def init(p, s, c, callers, tick_s: float) -> None:
    """Empty and quiet, but for an initial backlog."""
    edges, attempts, slots, wheel, s.substeps = sizes(callers, tick_s)
    lay_out(s, edges, attempts, slots, wheel)
    s.tokens = p.burst_count
    backlog = int(p.initial_backlog_count)
    c[FRONT + COUNT] = c[FRONT + DEAD] = s.count = s.bound = backlog
    s.busy = int(backlog > 0)


@njit
def step(t, w, i, p, s, c):
    """One tick: at once if nothing waits and there is room for all, else in substeps."""
    if s.busy != 0:
        mark(w.svc[i], INTAKE)  # calls are taken in by the substep
        ok, wait_s = depend(t, w, i, s.admitted)
        run_clients(t, w, i, p, s, c, ok * (1.0 - p.fault_ratio), wait_s + p.service_time_s)
        return
    n = intake(t, w, i)
    capacity_per_s = effective_capacity_per_s(p, s.count)
    tokens = s.tokens
    admitted = pass_throttles(t, w, i, p, s, n, w.tick_s[0], 0)
    ok, wait_s = depend(t, w, i, admitted)
    works, latency = ok * (1.0 - p.fault_ratio), wait_s + p.service_time_s
    fits = admitted == n and n * works <= capacity_per_s * w.tick_s[0]
    fits = fits and latency <= shortest_patience_s(w, i)
    if not fits or p.service != 0.0:
        s.busy, s.tokens = 1, tokens  # the substeps ask the throttle again
        run_clients(t, w, i, p, s, c, works, latency)
        return
    expose(w, i, capacity_per_s, 0, p.fault_ratio)
    answer(w, i, works, latency)
    tally_by_chance(t, w, i, DRAWS.failed, n, 1.0 - works)
    if p.admitted_ratio >= 1.0 and p.throttle_per_s <= 0.0:
        at_rest(w, i, int(capacity_per_s * w.tick_s[0]))


@njit(allocates=True)
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
