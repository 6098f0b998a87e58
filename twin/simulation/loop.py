"""The one loop that steps a run: pure, compiled, no input or output, no Ray, no clock.

It knows no kind. Each service has a row of ENTRY, that of its kind, with the addresses of what its kind has
compiled (``entries.py``). So the loop is compiled apart from the kinds, and each kind apart from the others.
Uncompiled, a row holds functions and arrays in place of addresses.
"""

from __future__ import annotations

import numpy as np

from twin.base.jit import enter, njit
from twin.mechanisms.alarms import any_fired
from twin.mechanisms.arrays import (
    BLOCK,
    BLOCK_END,
    DEBUG,
    EVENTS_A_BLOCK,
    N_EVENTS,
    N_SAMPLES,
    PERIOD,
    SAMPLE_TICKS,
    SPARE_EVENTS,
    WHOLE,
)
from twin.mechanisms.blocks import block_end, close_block, count_attempts, open_block, rest, rests_throughout
from twin.mechanisms.books import settle
from twin.mechanisms.contract import CONSERVATION, INVARIANT, broken_clause
from twin.mechanisms.detection import close_period
from twin.mechanisms.publication import publish_all, publish_near
from twin.mechanisms.requests.records import COUNTED, IS_ON, N_BOOKS
from twin.mechanisms.zones import close_wholes

OF_CALLS, OF_EVENTS = range(2)  # which arrays
GROW = -2  # what the loop returns where arrays have to grow before it goes on

FUNCTIONS = ("step", "check", "configure")  # of a kind; see entries.py
ENTRY = np.dtype((np.record, [(name, "i8") for name in (*FUNCTIONS, "p", "s")]))
CLOCKWORK = ("run", "books", "conserves")  # of calls that are stepped one by one
ENGINE = np.dtype((np.record, [(name, "i8") for name in (*CLOCKWORK, "broken", "clause")]))


@njit
def step_ticks(w, t0, t1, kinds, engine):
    """Step the services of ``mine`` from tick t0 to t1. Stop early, after a period, if a condition has fired
    or a buffer is half full.

    ``kinds`` has a row of ENTRY for each kind as counts, then one for each kind one by one; ``engine`` has
    one row of ENGINE. Returns (the tick reached, the service that broke a clause of its contract or -1, the
    clause); only a run with debug looks for one. GROW in place of the service: arrays must grow, in place of
    the clause: those of calls, or that of events.
    """
    room = EVENTS_A_BLOCK * len(w.mine) + SPARE_EVENTS
    t = t0
    while t < t1:
        if w.clock[N_EVENTS] + room > len(w.events):
            return t, GROW, OF_EVENTS
        end = block_end(t, t1, w)
        w.clock[BLOCK], w.clock[BLOCK_END] = t, end
        if w.counters[IS_ON] != 0:
            configure_all(t, w, kinds)
            if enter(engine[0].run, t, w, 0, 0, 0, 0) == 0:
                return t, GROW, OF_CALLS
        tick, i, clause = step_block(t, end, w, kinds)
        if clause != 0:
            return tick, i, clause
        t, boundary = end, end % w.clock[PERIOD] == 0
        if boundary:
            close_wholes(t - 1, w)
            publish_all(t - 1, w)
        if w.counters[IS_ON] != 0 and t % w.clock[SAMPLE_TICKS] == 0:
            enter(engine[0].books, t - 1, w, 0, 0, 0, 0)
        if boundary:
            i, clause = first_unsound(t, w, kinds, engine)
            if clause != 0:
                return t, i, clause
            if any_fired(t, w) or is_due_for_emptying(w):
                break
    return t, -1, 0


@njit
def step_block(t, end, w, kinds):
    """Step all services of ``mine`` from tick t to the end of the block: first those without a near
    dependency, each to the end; then the others, tick by tick, as they hear of each other.

    Returns (tick, service, clause) of a broken contract; clause 0 for none.
    """
    boundary = end % w.clock[PERIOD] == 0
    for lap in range(1 + (end - t) * (len(w.near) > 0)):
        first, after = (t, end) if lap == 0 else (t + lap - 1, t + lap)
        for n in range(len(w.mine) if lap == 0 else len(w.close)):
            i = w.mine[n] if lap == 0 else w.close[n]
            if lap == 0 and w.svc[i].is_near != 0:
                continue
            tick, clause = step_part(t, first, after, end, w, i, kinds)
            if clause != 0:
                return tick, i, clause
            if after == end and boundary and w.svc[i].fronts != WHOLE:
                close_period(end - 1, w, i)
        if lap > 0 and (after < end or not boundary):
            publish_near(after - 1, w)
    return end, -1, 0


@njit
def step_part(t, first, after, end, w, i, kinds):
    """Step service ``i`` from ``first`` to ``after``, in the block from ``t`` to ``end``. As step_service."""
    if first == t:
        if t % w.clock[PERIOD] == 0:
            attempts = count_attempts(w, i)
            if rests_throughout(t, end, w, i, attempts):
                return end, 0
        open_block(t, end, w, i)
    tick, clause = step_service(first, after, w, i, kinds)
    if after == end and clause == 0:
        close_block(end, w, i)
    return tick, clause


@njit
def step_service(first, after, w, i, kinds):
    """Step service ``i`` through ticks. Returns (tick, clause) of a broken contract; clause 0 for none."""
    panel, kind = w.svc[i], kinds[row_of_kind(w, i, kinds)]
    tick = first
    while tick < after:
        panel.called = panel.settled = 0
        panel.most_at_rest = -1
        enter(kind.step, tick, w, i, panel.slot, kind.p, kind.s)
        settle(tick, w, i)
        if w.clock[DEBUG] != 0:
            clause = broken_clause(w, i)
            if clause != 0:
                return tick, clause
        panel.p_offered += panel.offered
        panel.p_good += panel.good
        panel.p_failed += panel.failed
        panel.p_latency += panel.latency_s
        tick += 1 + rest(tick + 1, after, w, i)
    return after, 0


@njit
def row_of_kind(w, i, kinds):
    """Where the kind of service ``i`` has its row of ENTRY, as the service is stepped."""
    k = w.svc[i].kind
    if w.counters[IS_ON] != 0 and w.stations[i].role != COUNTED:
        k += len(kinds) // 2
    return k


@njit
def configure_all(t, w, kinds):
    """Let services that are stepped one by one set their numbers for this tick."""
    for n in range(len(w.mine)):
        i = w.mine[n]
        if w.stations[i].role != COUNTED:
            kind = kinds[row_of_kind(w, i, kinds)]
            enter(kind.configure, t, w, i, w.svc[i].slot, kind.p, kind.s)


@njit
def first_unsound(t, w, kinds, engine):
    """(The first service that broke an invariant in this signal period, which clause); (-1, 0) for none.

    Only a run with debug looks for one.
    """
    if w.clock[DEBUG] == 0:
        return -1, 0
    for n in range(len(w.mine)):
        i = w.mine[n]
        kind = kinds[row_of_kind(w, i, kinds)]
        if enter(kind.check, t, w, i, w.svc[i].slot, kind.p, kind.s) == 0:
            return i, INVARIANT
        if w.stations[i].role != COUNTED and enter(engine[0].conserves, t, w, i, 0, 0, 0) == 0:
            return i, CONSERVATION
    return -1, 0


@njit
def is_due_for_emptying(w):
    """Whether a buffer is half full, or may not have room for another sample."""
    return (
        w.clock[N_SAMPLES] + len(w.mine) > len(w.samples)
        or 2 * w.clock[N_EVENTS] > len(w.events)
        or w.counters[N_BOOKS] + len(w.edge) > len(w.books)
    )
