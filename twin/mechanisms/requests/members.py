"""Members of a population that call by themselves: instances that start, and holders of leases.

The real system. An instance asks a bootstrap (a registry, a database, a control plane) before it serves. A
holder renews its lease at a service, again and again. The claim: a herd of starts or renewals waits in the
queue of the callee; if it waits longer than the time-out, the callee works for nobody and the herd comes
again. So a loop of two services may stay down though each alone would recover.

    holder:  leased ──renew_every_s──▶ asks ──good──▶ leased          instance:  asks ──good──▶ serves
                                        │ failed                                  │ failed
                                        └─retry_every_s after its begin─▶ asks    └─back-off──▶ asks

A lease counts from the good answer. A late answer renews nothing, and starts nothing.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.base.rng import BACKOFF, LOSE, RETRY, subkey
from twin.mechanisms.backoff import wait_s
from twin.mechanisms.requests.agenda import at, do_next
from twin.mechanisms.requests.books import set_slots
from twin.mechanisms.requests.calls import chance_of, exponential, new_call
from twin.mechanisms.requests.records import (
    AT_A_TIME,
    BOOT,
    FILL,
    HOLDERS,
    LAPSE,
    NOBODY,
    NOW,
    RENEW,
    RESTART,
    SECOND,
    SEND,
    STRIKE,
)


@njit
def ask(w, m):
    """Member ``m`` makes its call."""
    row = w.members[m]
    st = w.stations[row.service]
    e = st.boot
    if e == NOBODY:
        come_up(w, m)
        return
    row.asks += 1
    row.begun = w.counters[NOW]
    n = new_call(w, e, w.edge[e].callee, subkey(row.key, row.asks))
    w.calls[n].owner, w.calls[n].parent_version = m, row.version
    do_next(w, SEND, n)


@njit
def member_answered(w, n, is_well):
    """The call of a member has ended; row ``n`` has the caller's side of it."""
    x = w.calls[n]
    m = x.owner
    row = w.members[m]
    if x.parent_version != row.version:
        return  # it has restarted, or lost its lease, since
    if w.stations[row.service].role == HOLDERS:
        renewal_answered(w, m, is_well)
    elif is_well:
        come_up(w, m)
    else:
        r = w.edge[x.edge]
        u = chance_of(w, row.key, row.asks, BACKOFF)
        pause_s = wait_s(int(r.jitter), 0, 0.0, r.backoff_s, r.backoff_cap_s, u)
        at(w, w.counters[NOW] + int(pause_s * SECOND), BOOT, m, row.version)


@njit
def renewal_answered(w, m, is_well):
    """A renewal has ended: the lease counts from now, or the next attempt is due."""
    row = w.members[m]
    st = w.stations[row.service]
    now = w.counters[NOW]
    if not is_well:
        at(w, row.begun + int(st.retry_s * SECOND), RENEW, m, row.version)
        return
    row.version += 1
    row.lease_until = now + int(st.lease_s * SECOND)
    set_up(w, m, 1)
    at(w, now + int(st.renew_s * SECOND), RENEW, m, row.version)
    at(w, row.lease_until, LAPSE, m, row.lease_until)


@njit
def set_up(w, m, is_up):
    """The member serves, or holds its lease; or not any more."""
    row = w.members[m]
    w.stations[row.service].up += is_up - row.is_up
    row.is_up = is_up
    set_slots(w, row.service)


@njit
def lapse(w, m):
    """A lease has run out unless it has been renewed since."""
    if w.members[m].lease_until <= w.counters[NOW]:
        set_up(w, m, 0)


@njit
def come_up(w, m):
    """An instance serves from now on."""
    row = w.members[m]
    set_up(w, m, 1)
    row.version += 1
    plan_restart(w, m)
    do_next(w, FILL, row.service)


@njit
def plan_restart(w, m):
    """The next restart of an instance comes by chance."""
    row = w.members[m]
    per_s = w.stations[row.service].restarts_per_s
    if per_s > 0.0:
        row.asks += 1
        wait = exponential(chance_of(w, row.key, row.asks, RETRY)) / per_s
        at(w, w.counters[NOW] + int(wait * SECOND), RESTART, m, row.version)


@njit
def restart_member(w, m):
    """An instance stops to take requests, finishes those that it has, and asks to start again."""
    set_up(w, m, 0)
    w.members[m].version += 1
    ask(w, m)


@njit
def lose(w, m):
    """A holder loses its lease at this moment, and asks for a new one at once."""
    row = w.members[m]
    row.version += 1
    row.lease_until = w.counters[NOW]
    set_up(w, m, 0)
    ask(w, m)


@njit
def strike(w, i, ratio):
    """A share of the members restarts now, or loses its lease: chosen by chance, exact in number."""
    st = w.stations[i]
    st.to_strike, st.struck = int(ratio * st.members_count + 0.5), 0
    at(w, w.counters[NOW], STRIKE, i, 0)


@njit
def strike_some(w, i):
    """Choose among the next members; some at a time, so that their calls have room."""
    st = w.stations[i]
    until = min(st.members_count, st.struck + AT_A_TIME)
    for k in range(st.struck, until):
        m = st.members + k
        row = w.members[m]
        row.asks += 1
        u = chance_of(w, row.key, row.asks, LOSE)
        if u * (st.members_count - k) < st.to_strike:
            st.to_strike -= 1
            if st.role == HOLDERS:
                lose(w, m)
            else:
                restart_member(w, m)
    st.struck = until
    if until < st.members_count:
        at(w, w.counters[NOW], STRIKE, i, 0)
