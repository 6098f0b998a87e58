"""Calls that are stepped one by one: the clockwork.

The real system: a service-oriented system, in which each request waits, works, calls, times out and tries
again. The claim: what users see follows from what becomes of single calls. A mean latency and a share of
failures are not enough to tell it. So each call is stepped from one event to the next, in microseconds.

    tick begins: kinds set their numbers ─▶ events up to the end of the tick ─▶ kinds read their counts

What becomes of a call at its callee is in ``stations.py``, what a request does next in ``program.py``, what a
caller does after a failure in ``attempts.py``. Services with a great population are stepped as counts instead
(``twin/mechanisms/calls.py``). A call from here to one of them ends as its published numbers say. Where more
calls come than can be stepped, one of them stands for ``weight`` calls. Left out: the network, payloads,
cancelling work.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.base.rng import CLOSE, OPEN
from twin.mechanisms.requests.agenda import at, do_next, is_idle, next_moment, take_first, take_todo
from twin.mechanisms.requests.attempts import ended, retry_call, send, time_out
from twin.mechanisms.requests.books import set_slots
from twin.mechanisms.requests.caches import fill_cache, flush
from twin.mechanisms.requests.calls import chance_of
from twin.mechanisms.requests.connections import connection_ends, live
from twin.mechanisms.requests.members import (
    ask,
    lapse,
    plan_restart,
    restart_member,
    set_up,
    strike,
    strike_some,
)
from twin.mechanisms.requests.program import hit, proceed
from twin.mechanisms.requests.records import (
    ARRIVAL,
    ARRIVE,
    BEGUN,
    BOOT,
    CALLS_USED,
    CONNECTION_END,
    CUSTOMERS,
    DUE,
    ENDED,
    EVALUATE,
    FILL,
    FINISH,
    HERD,
    HIT,
    HOLDERS,
    KIND_BIT,
    LAPSE,
    LEAVE,
    N_REQUESTS,
    NOBODY,
    NOW,
    PROCEED,
    PROGRAM,
    PULL,
    READY,
    RENEW,
    RESTART,
    RETRY,
    SECOND,
    SEND,
    STRIKE,
    TIMEOUT,
    TODO_FIRST,
    TODO_LAST,
    WORK_DONE,
)
from twin.mechanisms.requests.scaling import evaluate, ready
from twin.mechanisms.requests.sources import arrive_next, draw_gap, follow_rate, herd
from twin.mechanisms.requests.stations import arrive, fill_slots, finish, leave_queue, work_done
from twin.mechanisms.requests.stores import pull

SPARE = 1 << 15  # rows that one event may need: it has room, or the arrays grow first
SUBJECT = (1 << KIND_BIT) - 1


@njit
def run_requests(t, w):
    """Step all calls through tick ``t``. False if an array has to grow first; then call it again."""
    c = w.counters
    tick_us = int(w.tick_s[0] * SECOND + 0.5)
    end = (t + 1) * tick_us
    if c[BEGUN] <= t:
        c[NOW] = t * tick_us
        c[BEGUN] = t + 1
        begin_tick(t, w)
    while True:
        if is_short(w):
            return False
        if not is_idle(w):
            what = take_todo(w)
            do(w, what >> KIND_BIT, what & SUBJECT)
        elif next_moment(w) < end:
            c[NOW] = next_moment(w)
            what, version = take_first(w)
            if is_current(w, what >> KIND_BIT, what & SUBJECT, version):
                happen(w, what >> KIND_BIT, what & SUBJECT, version)
        else:
            break
    c[NOW] = end
    return True


@njit
def is_short(w):
    """Whether an array may be too short for what one event adds."""
    c = w.counters
    if c[DUE] + SPARE > len(w.agenda) or c[CALLS_USED] + SPARE > len(w.calls):
        return True
    to_do = c[TODO_LAST] - c[TODO_FIRST] + c[CALLS_USED]  # one event may wake all calls
    return c[N_REQUESTS] + SPARE > len(w.requests) or to_do + SPARE > len(w.todo)


@njit
def begin_tick(t, w):
    """What has changed since the last tick takes effect: rates, slots, and what happens at this moment."""
    for n in range(len(w.mine)):
        i = w.mine[n]
        st = w.stations[i]
        if t == 0:
            start(w, i)
        if st.role == CUSTOMERS or st.role == PROGRAM:
            follow_rate(w, i)
        if st.role == PROGRAM:
            set_slots(w, i)
            do_next(w, FILL, i)
        if st.lapse_ratio > 0.0:
            strike(w, i, st.lapse_ratio)
            st.lapse_ratio = 0.0
        flush_caches(w, i)


@njit
def flush_caches(w, i):
    """Entries of caches are lost at this moment."""
    panel = w.svc[i]
    for e in range(panel.out_start, panel.out_end):
        if w.edge[e].flush_ratio > 0.0 and w.links[e].keys_count > 0:
            flush(w, e, w.edge[e].flush_ratio)
            w.edge[e].flush_ratio = 0.0


@njit
def start(w, i):
    """Before the first tick: first gaps, first evaluations, lives of connections, renewals."""
    st = w.stations[i]
    draw_gap(w, i)
    st.serving = st.base_slots
    if st.target_ratio > 0.0:
        at(w, int(st.evaluation_s * SECOND), EVALUATE, i, 0)
    panel = w.svc[i]
    for e in range(panel.out_start, panel.out_end):
        fill_cache(w, e)
        conn = w.links[e].idle
        while conn != NOBODY:
            live(w, conn, life_draw(w, e, conn))
            conn = w.conns[conn].next
    for k in range(st.members_count):
        start_member(w, st.members + k, st)


@njit
def do(w, kind, subject):
    """What is to be done at this very moment."""
    if kind == PROCEED:
        proceed(w, subject)
    elif kind == SEND:
        send(w, subject)
    elif kind == ARRIVE:
        arrive(w, subject)
    elif kind == FINISH:
        finish(w, subject)
    elif kind == ENDED:
        ended(w, subject)
    else:
        fill_and_pull(w, subject)


@njit
def fill_and_pull(w, i):
    """Free slots take what waits here, then what is stored for them."""
    fill_slots(w, i)
    panel = w.svc[i]
    for n in range(panel.in_start, panel.in_end):
        if w.links[w.incoming[n]].stored > 0:
            pull(w, w.incoming[n])


@njit
def happen(w, kind, subject, version):
    """What is due at this moment."""
    if kind == WORK_DONE:
        work_done(w, subject)
    elif kind == ARRIVAL:
        arrive_next(w, subject)
    elif kind == FINISH:
        finish(w, subject)
    elif kind == TIMEOUT:
        time_out(w, subject)
    elif kind == RETRY:
        retry_call(w, subject)
    elif kind == HIT:
        hit(w, subject)
    elif kind == CONNECTION_END:
        connection_ends(w, subject)
    elif kind == PULL:
        w.links[subject].is_due = 0
        pull(w, subject)
    elif kind == LEAVE:
        leave_queue(w, subject)
    else:
        happen_rarely(w, kind, subject, version)


@njit
def happen_rarely(w, kind, subject, version):
    """What is due at this moment, of a population."""
    if kind == HERD:
        herd(w, subject)
    elif kind == STRIKE:
        strike_some(w, subject)
    elif kind == RENEW or kind == BOOT:
        ask(w, subject)
    elif kind == LAPSE:
        lapse(w, subject)
    elif kind == RESTART:
        restart_member(w, subject)
    elif kind == EVALUATE:
        evaluate(w, subject)
    elif kind == READY:
        ready(w, subject, version)


@njit
def is_current(w, kind, subject, version):
    """Whether what is due still concerns its subject as it was when that became due."""
    if kind == TIMEOUT:
        return w.links[subject].version == version
    if kind == ARRIVAL:
        return w.stations[subject].version == version
    if kind == CONNECTION_END:
        return w.conns[subject].version == version
    if kind == RENEW or kind == BOOT or kind == RESTART:
        return w.members[subject].version == version
    is_of_call = kind == WORK_DONE or kind == FINISH or kind == RETRY or kind == HIT or kind == LEAVE
    return not is_of_call or w.calls[subject].version == version


@njit
def life_draw(w, e, conn):
    """The draw of the life of a connection that is open at the start."""
    return chance_of(w, w.edge[e].key, conn, CLOSE)


@njit
def start_member(w, m, st):
    """An instance serves at the start; a holder has a lease, at a random time before its renewal."""
    row = w.members[m]
    set_up(w, m, 1)
    if st.role != HOLDERS:
        plan_restart(w, m)
        return
    wait_us = int(chance_of(w, row.key, 0, OPEN) * st.renew_s * SECOND)
    row.lease_until = wait_us + int((st.lease_s - st.renew_s) * SECOND)
    at(w, wait_us, RENEW, m, row.version)
    at(w, row.lease_until, LAPSE, m, row.lease_until)
