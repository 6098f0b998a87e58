"""What is due when: a binary heap of moments, and a list of what is to be done at this very moment.

A row of the heap is (moment and order, what, version). The order breaks ties: first in, first out, and
time-outs last, so that an answer at the very moment of a time-out is in time. An entry
whose version is not that of its subject any more is stale, and ignored by who takes it. Handlers do not call
each other; they add to the list. So a chain of services of any length needs no recursion.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.mechanisms.requests.records import (
    DUE,
    FOREVER,
    KIND_BIT,
    NOW,
    SEQUENCE,
    TIMEOUT,
    TODO_FIRST,
    TODO_LAST,
)

ORDER_BITS = 20
ORDER_MASK = (1 << ORDER_BITS) - 1


@njit
def packed_entry(kind, subject):
    """One number for what is due and whom it concerns."""
    return kind << KIND_BIT | subject


@njit
def at(w, moment, kind, subject, version):
    """Something is due at ``moment`` (µs), now or later."""
    if moment >= FOREVER:
        return
    c = w.counters
    c[SEQUENCE] += 1
    order = ORDER_MASK if kind == TIMEOUT else c[SEQUENCE] % ORDER_MASK
    heap, n = w.agenda, c[DUE]
    c[DUE] += 1
    key = max(moment, c[NOW]) << ORDER_BITS | order
    while n > 0:
        up = (n - 1) >> 1
        if heap[up, 0] <= key:
            break
        heap[n, 0], heap[n, 1], heap[n, 2] = heap[up, 0], heap[up, 1], heap[up, 2]
        n = up
    heap[n, 0], heap[n, 1], heap[n, 2] = key, packed_entry(kind, subject), version


@njit
def next_moment(w):
    """The moment of what is due first; FOREVER if nothing is."""
    return w.agenda[0, 0] >> ORDER_BITS if w.counters[DUE] > 0 else FOREVER


@njit
def take_first(w):
    """Remove what is due first. Returns (what, version)."""
    heap = w.agenda
    w.counters[DUE] -= 1
    last = w.counters[DUE]
    what, version = heap[0, 1], heap[0, 2]
    key, n = heap[last, 0], 0
    while True:
        down = 2 * n + 1
        if down >= last:
            break
        if down + 1 < last and heap[down + 1, 0] < heap[down, 0]:
            down += 1
        if heap[down, 0] >= key:
            break
        heap[n, 0], heap[n, 1], heap[n, 2] = heap[down, 0], heap[down, 1], heap[down, 2]
        n = down
    heap[n, 0], heap[n, 1], heap[n, 2] = key, heap[last, 1], heap[last, 2]
    return what, version


@njit
def do_next(w, kind, subject):
    """To be done at this very moment, after what is on the list already."""
    c = w.counters
    w.todo[c[TODO_LAST] % len(w.todo)] = packed_entry(kind, subject)
    c[TODO_LAST] += 1


@njit
def is_idle(w):
    """Whether nothing is left to do at this moment."""
    return w.counters[TODO_FIRST] == w.counters[TODO_LAST]


@njit
def take_todo(w):
    """Remove the first of the list."""
    c = w.counters
    what = w.todo[c[TODO_FIRST] % len(w.todo)]
    c[TODO_FIRST] += 1
    return what
