"""A pool of connections between a service and what it needs a connection to.

The real system: an SDK or a database driver keeps connections. A request takes an idle one, or opens one, up
to a maximum; else it waits its turn. It holds the connection to its end. A connection lives for a while and
then closes: at once if it is idle, else after its use. The claim: a callee that opens no connections hurts as
the old ones close, not at once; and the repair meets a herd. Left out: who of several callers shares a pool.

Where a file gives no number of connections, they are those of a great fleet, and only their share matters. A
request comes to a host at random, and finds its connection open or not. It does not keep others from it.

    closed ─▶ shaking ─▶ used ◀─▶ idle
                 │         │         │ life ends
                 ▼         ▼         ▼
              failed     closed    closed
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.base.rng import CLOSE, LOOKUP, OPEN
from twin.mechanisms.requests.agenda import at, do_next
from twin.mechanisms.requests.calls import chance, child_of, exponential
from twin.mechanisms.requests.records import (
    CLOSED,
    CONNECTION_END,
    EXPIRED,
    IDLE,
    NOBODY,
    NOW,
    PROCEED,
    SECOND,
    SHAKING,
    USED,
)

CALLED = -2  # in ``chosen``: the request has waited, and it is its turn


@njit
def live(w, conn, u):
    """A connection is open: its life ends at random."""
    row = w.conns[conn]
    row.version += 1
    life_s = w.edge[row.edge].lifetime_s * exponential(u)
    at(w, w.counters[NOW] + int(life_s * SECOND) + 1, CONNECTION_END, conn, row.version)


@njit
def hold(w, q, conn):
    """Request ``q`` uses the connection until it ends, and goes on."""
    w.conns[conn].state = USED
    w.conns[conn].next = w.calls[q].conn
    w.calls[q].conn = conn
    w.calls[q].step += 1
    do_next(w, PROCEED, q)


@njit
def acquire(w, q, e):
    """Request ``q`` needs a connection of link ``e``. Returns the call that opens one, or NOBODY."""
    link, r, x = w.links[e], w.edge[e], w.calls[q]
    if link.is_fleet != 0:
        return find_open(w, q, e)
    is_called = x.chosen == CALLED
    x.chosen = NOBODY
    if link.waiting > 0 and not is_called:
        wait_for_one(w, q, e, False)
        return NOBODY
    fresh = r.new_connection_ratio > 0.0 and chance(w, q, OPEN) < r.new_connection_ratio
    if link.idle != NOBODY and not fresh:
        conn = link.idle
        link.idle = w.conns[conn].next
        hold(w, q, conn)
        return NOBODY
    if link.closed == NOBODY and fresh and link.idle != NOBODY:
        conn = link.idle  # the pool is full: an idle one makes room
        link.idle = w.conns[conn].next
        close(w, conn)
    if link.closed != NOBODY and link.open < min(link.conns_count, r.connections_count):
        return shake(w, q, e)
    wait_for_one(w, q, e, is_called)
    return NOBODY


@njit
def find_open(w, q, e):
    """The connection of a host at random: the request goes on, or opens it. Returns the call, or NOBODY."""
    link, r = w.links[e], w.edge[e]
    conn = link.conns + int(chance(w, q, LOOKUP) * link.conns_count)
    is_fresh = r.new_connection_ratio > 0.0 and chance(w, q, OPEN) < r.new_connection_ratio
    if w.conns[conn].state == IDLE and not is_fresh:
        w.calls[q].step += 1
        do_next(w, PROCEED, q)
        return NOBODY
    n = child_of(w, q, e)
    w.calls[n].owner = conn
    return n


@njit
def shake(w, q, e):
    """A new connection begins its handshake for request ``q``. Returns the call."""
    link = w.links[e]
    conn = link.closed
    link.closed = w.conns[conn].next
    link.open += 1
    w.conns[conn].state = SHAKING
    n = child_of(w, q, e)
    w.calls[n].owner = conn
    return n


@njit
def wait_for_one(w, q, e, is_first):
    """The request waits in the order of arrival; who has been called in vain, in the first place."""
    link, x = w.links[e], w.calls[q]
    link.waiting += 1
    x.next = NOBODY
    if is_first and link.wait_first != NOBODY:
        x.next = link.wait_first
        link.wait_first = q
        return
    if link.wait_last != NOBODY:
        w.calls[link.wait_last].next = q
    else:
        link.wait_first = q
    link.wait_last = q


@njit
def shaken(w, q, conn, is_well, u):
    """The handshake for request ``q`` has ended. True if the request goes on."""
    if w.links[w.conns[conn].edge].is_fleet != 0:
        if is_well:
            w.conns[conn].state = IDLE
            live(w, conn, u)
            w.calls[q].step += 1
            do_next(w, PROCEED, q)
        return is_well
    if not is_well:
        close(w, conn)
        serve_waiting(w, w.conns[conn].edge)
        return False
    live(w, conn, u)
    hold(w, q, conn)
    return True


@njit
def close(w, conn):
    """The connection is gone; its place is free."""
    row = w.conns[conn]
    link = w.links[row.edge]
    row.state, row.next = CLOSED, link.closed
    row.version += 1
    link.closed = conn
    link.open -= 1


@njit
def serve_waiting(w, e):
    """Who waits tries again, in order, while there is a connection or room for one."""
    link = w.links[e]
    room = min(link.conns_count, int(w.edge[e].connections_count)) - link.open
    free = room
    conn = link.idle
    while conn != NOBODY and free < link.waiting:
        free += 1
        conn = w.conns[conn].next
    while link.waiting > 0 and free > 0:
        q = link.wait_first
        link.wait_first = w.calls[q].next
        if link.wait_first == NOBODY:
            link.wait_last = NOBODY
        link.waiting -= 1
        free -= 1
        w.calls[q].chosen = CALLED
        do_next(w, PROCEED, q)


@njit
def release_connections(w, q):
    """The request has ended: its connections are idle again, or close if their life is over."""
    x = w.calls[q]
    conn = x.conn
    x.conn = NOBODY
    while conn != NOBODY:
        row = w.conns[conn]
        later, e = row.next, row.edge
        if row.state == EXPIRED or w.links[e].open > w.edge[e].connections_count:
            close(w, conn)
        else:
            row.state, row.next = IDLE, w.links[e].idle
            w.links[e].idle = conn
        serve_waiting(w, e)
        conn = later


@njit
def connection_ends(w, conn):
    """The life of a connection is over."""
    row = w.conns[conn]
    if w.links[row.edge].is_fleet != 0:
        row.state = CLOSED
    elif row.state == USED:
        row.state = EXPIRED
    elif row.state == IDLE:
        link, before, n = w.links[row.edge], NOBODY, w.links[row.edge].idle
        while n != conn:
            before, n = n, w.conns[n].next
        if before == NOBODY:
            link.idle = row.next
        else:
            w.conns[before].next = row.next
        close(w, conn)
        serve_waiting(w, row.edge)


@njit
def opening_draw(w, q):
    """The draw of a connection's life, from the call that opened it."""
    return chance(w, q, CLOSE)
