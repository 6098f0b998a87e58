"""Work that is handed over: a store between caller and callee, as a queue or an outbox.

The real system: an API stores a message and answers; a consumer takes messages when it has a free server. The
claim: the caller's call ends when the work is stored. So a consumer that is away hurts nobody at first; the
age of the oldest message tells of it. When the store is full it drops the work, fails the caller, or blocks
it. Work that fails at the consumer comes back after the back-off. Left out: a dead-letter queue.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.mechanisms.requests.agenda import at, do_next
from twin.mechanisms.requests.books import note_store
from twin.mechanisms.requests.border import cross
from twin.mechanisms.requests.calls import child_of
from twin.mechanisms.requests.records import (
    ARRIVE,
    COUNTED,
    NOBODY,
    NOW,
    PROCEED,
    PULL,
    SECOND,
    SENT,
)

DROP, FAIL, BLOCK = range(3)
STORED, LOST, REFUSED, BLOCKED = range(4)


@njit
def hand_over_one(w, q, e):
    """Request ``q`` hands over one piece of work. Returns STORED, LOST, REFUSED or BLOCKED."""
    link, r = w.links[e], w.edge[e]
    if link.stored >= r.store_count and not takes_at_once(w, e):
        if r.when_full == DROP:
            link.lost += 1
            return LOST
        if r.when_full == FAIL:
            return REFUSED
        block(w, q, e)
        return BLOCKED
    n = child_of(w, q, e)
    w.calls[n].parent, w.calls[n].is_awaited = NOBODY, 1
    link.sent += 1
    link.all_sent += 1
    link.in_flight += 1
    put(w, n, e)
    pull(w, e)
    return STORED


@njit
def takes_at_once(w, e):
    """Whether the callee would take a piece of work now."""
    link = w.links[e]
    st = w.stations[w.edge[e].callee]
    if w.counters[NOW] < link.next_pull or link.stored > 0:
        return False
    return st.role == COUNTED or st.slots < 0 or (st.busy < st.slots and st.waiting == 0)


@njit
def put(w, n, e):
    """Store a piece of work, behind the others."""
    link = w.links[e]
    note_store(w, e)
    w.calls[n].next = NOBODY
    if link.store_last != NOBODY:
        w.calls[link.store_last].next = n
    else:
        link.store_first = n
    link.store_last = n
    link.stored += 1


@njit
def block(w, q, e):
    """The request waits until there is room."""
    link = w.links[e]
    w.calls[q].next = NOBODY
    if link.blocked_last != NOBODY:
        w.calls[link.blocked_last].next = q
    else:
        link.blocked_first = q
    link.blocked_last = q


@njit
def pull(w, e):
    """The callee takes what is stored, as far as it has free slots and the pace allows it."""
    link, r = w.links[e], w.edge[e]
    st = w.stations[r.callee]
    room = 1 << 60
    if st.role != COUNTED and st.slots >= 0:
        room = st.slots - st.busy - st.waiting - st.promised
    while link.stored > 0 and room > 0:
        if w.counters[NOW] < link.next_pull:
            if link.is_due == 0:
                link.is_due = 1
                at(w, link.next_pull, PULL, e, 0)
            return
        if r.drain_per_s > 0.0:
            link.next_pull = w.counters[NOW] + int(SECOND / r.drain_per_s)
        note_store(w, e)
        n = link.store_first
        link.store_first = w.calls[n].next
        if link.store_first == NOBODY:
            link.store_last = NOBODY
        link.stored -= 1
        room -= 1
        if st.role == COUNTED:
            cross(w, n, e)
        else:
            st.promised += 1
            w.calls[n].state = SENT
            do_next(w, ARRIVE, n)
        unblock(w, e)


@njit
def unblock(w, e):
    """There is room: the first blocked request tries again."""
    link = w.links[e]
    q = link.blocked_first
    if q != NOBODY and link.stored < w.edge[e].store_count:
        link.blocked_first = w.calls[q].next
        if link.blocked_first == NOBODY:
            link.blocked_last = NOBODY
        do_next(w, PROCEED, q)
