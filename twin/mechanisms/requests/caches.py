"""A look-aside cache between a service and its callee: keys, their popularity, and when entries expire.

The real system: a service keeps answers for a while, by key. A request for a key that is not there asks the
callee. The claim: a cache asks because a request needs it, so never more often than requests come. What is
asked for after a flush, or after an outage that lasted longer than entries live, is the whole load. Left out:
a limit to the number of entries, and refreshing before the end.

A key has two marks: the moment at which its entry expires, and the first of the requests that wait for a
fetch of it (coalescing). A fetch that fails or comes late fills nothing.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.base.rng import LOOKUP, LOSE
from twin.mechanisms.requests.agenda import do_next
from twin.mechanisms.requests.calls import chance, chance_of
from twin.mechanisms.requests.records import FAILED, FINISH, NOBODY, NOW, PROCEED, SECOND

EXPIRES, WAITS = 0, 1  # marks of a key
FETCHING = -2  # in WAITS: the key is being fetched, and nobody waits for that yet


@njit
def pick_key(w, q, link):
    """The key that request ``q`` asks for, by popularity."""
    u = chance(w, q, LOOKUP)
    if link.popular == NOBODY:
        return int(u * link.keys_count)
    low, high = 0, link.keys_count - 1
    while low < high:
        middle = (low + high) >> 1
        if w.shares[link.popular + middle] > u:
            high = middle
        else:
            low = middle + 1
    return low


@njit
def look_up(w, q, e):
    """Whether the cache has the answer for request ``q``; its key is noted."""
    link = w.links[e]
    key = pick_key(w, q, link)
    w.calls[q].cache_key = key
    link.asks += 1
    is_there = w.marks[link.keys + key, EXPIRES] > w.counters[NOW]
    link.hits += int(is_there)
    return is_there


@njit
def joins(w, q, e):
    """Whether request ``q`` waits for another one's fetch of its key; else it fetches for all."""
    mark = w.marks[w.links[e].keys + w.calls[q].cache_key]
    if mark[WAITS] == NOBODY:
        mark[WAITS] = FETCHING
        return False
    w.calls[q].next = mark[WAITS]
    mark[WAITS] = q
    return True


@njit
def fetched(w, q, e, is_well):
    """A fetch for request ``q`` has ended: it fills the entry, and those who wait share its outcome."""
    mark = w.marks[w.links[e].keys + w.calls[q].cache_key]
    if is_well:
        mark[EXPIRES] = w.counters[NOW] + int(w.edge[e].lifetime_s * SECOND)
    n = mark[WAITS]
    mark[WAITS] = NOBODY
    while n != NOBODY and n != FETCHING:
        later = w.calls[n].next
        w.calls[n].next = NOBODY
        if is_well:
            w.calls[n].step += 1
            do_next(w, PROCEED, n)
        else:
            w.calls[n].outcome = FAILED
            do_next(w, FINISH, n)
        n = later


@njit
def flush(w, e, ratio):
    """Each entry is lost with probability ``ratio``."""
    link, now = w.links[e], w.counters[NOW]
    key = w.edge[e].key ^ now
    for n in range(link.keys_count):
        if w.marks[link.keys + n, EXPIRES] > now and chance_of(w, key, n, LOSE) < ratio:
            w.marks[link.keys + n, EXPIRES] = 0


@njit
def fill_cache(w, e):
    """The entries at the start, as steady requests keep them: each key with a chance that its rate gives."""
    link, life_s = w.links[e], w.edge[e].lifetime_s
    before = 0.0
    for n in range(link.keys_count):
        upto = w.shares[link.popular + n] if link.popular != NOBODY else (n + 1.0) / link.keys_count
        asked = link.asked_per_s * (upto - before) * life_s
        before = upto
        if chance_of(w, w.edge[e].key, 2 * n, LOOKUP) < asked / (1.0 + asked):
            left_s = chance_of(w, w.edge[e].key, 2 * n + 1, LOOKUP) * life_s
            w.marks[link.keys + n, EXPIRES] = int(left_s * SECOND)
