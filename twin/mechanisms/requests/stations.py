"""A service that takes requests: slots, one queue in order of arrival, its own work, the answer.

The real system. A worker or a server takes the oldest request, works, calls what it needs, and answers. The
claim: four things decide what callers see. These are the number of slots, how long one is held, the queue's
limit, and whether somebody still waits for the answer.

    arrives ─▶ throttle ─▶ slot free? ─yes─▶ connections ─▶ own work ─▶ calls ─▶ answer
                  │            │ no
                  │            ▼
                  │         queue, if it has a place
                  ▼            ▼ else
                refused      refused

A *worker* is held from the first step to the answer, a *server* during the own work alone. The time of the
work is drawn when it begins. Nobody tells a service that its caller has gone, so it does stale work in its
turn. Left out: the network, and requests of different sizes.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.base.rng import ABANDON, CHECK, FAIL, LOSE, SERVE, SPLIT
from twin.mechanisms.arrays import ASYNC
from twin.mechanisms.requests.agenda import at, do_next
from twin.mechanisms.requests.books import note_station
from twin.mechanisms.requests.calls import chance, exponential, give_back
from twin.mechanisms.requests.connections import release_connections
from twin.mechanisms.requests.records import (
    AT_A_TIME,
    ENDED,
    FAILED,
    FILL,
    FINISH,
    HELD,
    HOLDERS,
    LEAVE,
    NOBODY,
    NOW,
    PROCEED,
    SECOND,
    SILENT,
    WAITING,
    WELL,
    WORK_DONE,
    WORKING,
)

FIFO, LIFO, DEADLINE_DROP = range(3)


@njit
def arrive(w, q):
    """Call ``q`` reaches its callee."""
    x = w.calls[q]
    i = x.service
    st = w.stations[i]
    x.arrived = w.counters[NOW]
    st.offered += 1
    st.all_offered += 1
    st.inside += 1
    st.promised -= int(x.edge != NOBODY and w.edge[x.edge].mode == ASYNC)
    if st.silent_ratio > 0.0 and chance(w, q, LOSE) < st.silent_ratio:
        x.state = SILENT
        st.inside -= 1
        st.failed += 1
        st.own_failed += 1
        st.all_failed += 1
        return
    if st.fault_ratio > 0.0 and st.fails_after == 0 and chance(w, q, FAIL) < st.fault_ratio:
        refuse(w, q, 0)
    elif st.role == HOLDERS:
        ask_holder(w, q, st)
    elif not passes_throttle(w, q, st):
        refuse(w, q, 1)
    elif st.whole_request != 0:
        ask_for_slot(w, q)
    else:
        do_next(w, PROCEED, q)


@njit
def ask_holder(w, q, st):
    """A call to holders of leases: well if the holder has its lease. A condition, which takes no time."""
    if chance(w, q, CHECK) * st.members_count >= st.up:
        w.calls[q].outcome = FAILED
        st.own_failed += 1
    do_next(w, FINISH, q)


@njit
def passes_throttle(w, q, st):
    """Whether the emergency throttle and the token bucket let the call in."""
    if st.admitted_ratio < 1.0 and chance(w, q, SPLIT) >= st.admitted_ratio:
        return False
    if st.throttle_per_s <= 0.0:
        return True
    now = w.counters[NOW]
    fresh = (now - st.tokens_at) / SECOND * st.throttle_per_s
    st.tokens, st.tokens_at = min(st.tokens + fresh, max(1.0, st.burst_count)), now
    if st.tokens < 1.0:
        return False
    st.tokens -= 1.0
    return True


@njit
def refuse(w, q, by_throttle):
    """The call fails here, and is answered after the time that an error takes."""
    x = w.calls[q]
    st = w.stations[x.service]
    x.outcome, x.is_refused = FAILED, by_throttle
    st.own_failed += 1
    x.state = HELD
    at(w, w.counters[NOW] + int(st.error_s * SECOND + 0.5), FINISH, q, x.version)


@njit
def ask_for_slot(w, q):
    """Take a slot, or a place in the queue, or be refused."""
    x = w.calls[q]
    st = w.stations[x.service]
    if st.slots < 0 or (st.busy < st.slots and st.waiting == 0):
        begin_call(w, q)
    elif st.waiting < st.places:
        enqueue(w, q)
    elif not makes_room(w, q):
        refuse(w, q, 1)


@njit
def makes_room(w, q):
    """A waiting call of lower priority leaves for call ``q``; false if there is none."""
    x = w.calls[q]
    st = w.stations[x.service]
    mine = w.edge[x.edge].priority if x.edge != NOBODY else 1.0
    worst, before, worst_before, n = NOBODY, NOBODY, NOBODY, st.first
    least = mine
    while n != NOBODY:
        y = w.calls[n]
        theirs = w.edge[y.edge].priority if y.edge != NOBODY else 1.0
        if theirs < least:
            worst, worst_before, least = n, before, theirs
        before, n = n, y.next
    if worst == NOBODY:
        return False
    unlink(w, x.service, worst, worst_before)
    refuse(w, worst, 1)
    enqueue(w, q)
    return True


@njit
def enqueue(w, q):
    """The call waits: behind the others, or with LIFO before them."""
    x = w.calls[q]
    i = x.service
    st = w.stations[i]
    note_station(w, i)
    x.state, x.next = WAITING, NOBODY
    if st.discipline == LIFO:
        x.next = st.first
        st.first = q
        st.last = q if st.last == NOBODY else st.last
    elif st.last != NOBODY:
        w.calls[st.last].next = q
        st.last = q
    else:
        st.first = st.last = q
    st.waiting += 1
    if st.patience_s > 0.0:
        wait = exponential(chance(w, q, ABANDON)) * st.patience_s
        at(w, w.counters[NOW] + int(wait * SECOND), LEAVE, q, x.version)


@njit
def unlink(w, i, q, before):
    """Take a waiting call out of the queue; ``before`` it is another one, or NOBODY."""
    st = w.stations[i]
    note_station(w, i)
    after = w.calls[q].next
    if before == NOBODY:
        st.first = after
    else:
        w.calls[before].next = after
    if st.last == q:
        st.last = before
    st.waiting -= 1


@njit
def leave_queue(w, q):
    """A waiting client loses patience; its work leaves with it."""
    x = w.calls[q]
    if x.state != WAITING:
        return
    before, n = NOBODY, w.stations[x.service].first
    while n != q:
        before, n = n, w.calls[n].next
    unlink(w, x.service, q, before)
    x.attempt = 1 << 20  # it does not come back
    refuse(w, q, 0)


@njit
def next_in_queue(w, i):
    """Take the first call out of the queue."""
    q = w.stations[i].first
    unlink(w, i, q, NOBODY)
    return q


@njit
def fill_slots(w, i):
    """Free slots take what waits."""
    st = w.stations[i]
    for _ in range(AT_A_TIME):
        if st.waiting == 0 or (st.slots >= 0 and st.busy >= st.slots):
            return
        q = next_in_queue(w, i)
        x = w.calls[q]
        if st.discipline == DEADLINE_DROP and is_stale(w, st, x):
            st.inside -= 1
            st.failed += 1
            st.own_failed += 1
            st.all_failed += 1
            if x.is_awaited != 0:
                x.state = SILENT  # the caller's time-out finds it
            else:
                give_back(w, q)
            continue
        begin_call(w, q)
    do_next(w, FILL, i)


@njit
def is_stale(w, st, x):
    """Whether nobody would wait for the answer if the work began now. Work that was handed over never is."""
    if x.edge == NOBODY or w.edge[x.edge].mode == ASYNC:
        return False
    takes_us = int((st.work_s + st.delay_s) * SECOND)
    return x.is_awaited == 0 or w.counters[NOW] + takes_us > x.due


@njit
def begin_call(w, q):
    """A slot takes the call."""
    x = w.calls[q]
    i = x.service
    st = w.stations[i]
    note_station(w, i)
    st.busy += 1
    x.state, x.has_slot = WORKING, 1
    if st.whole_request != 0:
        do_next(w, PROCEED, q)
    else:
        work(w, q)


@njit
def work(w, q):
    """The service's own work begins: its time is drawn now."""
    x = w.calls[q]
    st = w.stations[x.service]
    x.state, x.has_worked = WORKING, 1
    duration_s = st.work_s
    if st.slow_ratio > 0.0 and chance(w, q, CHECK) < st.slow_ratio:
        duration_s = st.slow_s
    elif st.is_random != 0 and duration_s > 0.0:
        duration_s *= exponential(chance(w, q, SERVE))
    if st.half_count > 0.0:
        duration_s *= 1.0 + (st.waiting + st.busy) / st.half_count
    if st.fault_ratio > 0.0 and st.fails_after != 0:
        x.will_fail = int(chance(w, q, FAIL) < st.fault_ratio)
    if not holds_server(st, x):
        duration_s += st.delay_s
    if duration_s <= 0.0:
        work_done(w, q)
    else:
        at(w, w.counters[NOW] + max(1, int(duration_s * SECOND + 0.5)), WORK_DONE, q, x.version)


@njit
def holds_server(st, x):
    """Whether the call holds a slot that it gives back at the end of the own work."""
    return x.has_slot != 0 and st.whole_request == 0


@njit
def work_done(w, q):
    """The own work is done, or the delay after it."""
    x = w.calls[q]
    st = w.stations[x.service]
    if x.has_worked == 1 and holds_server(st, x):
        give_slot(w, q)
        x.has_worked = 2
        if st.delay_s > 0.0:
            at(w, w.counters[NOW] + int(st.delay_s * SECOND + 0.5), WORK_DONE, q, x.version)
            return
    x.has_worked = 2
    if x.will_fail != 0:
        st.own_failed += 1
        x.outcome = FAILED
        do_next(w, FINISH, q)
    else:
        do_next(w, PROCEED, q)


@njit
def give_slot(w, q):
    """The slot is free for what waits."""
    x = w.calls[q]
    i = x.service
    st = w.stations[i]
    note_station(w, i)
    st.busy -= 1
    x.has_slot = 0
    do_next(w, FILL, i)


@njit
def finish(w, q):
    """The request is answered; whoever still waits for it hears of it."""
    x = w.calls[q]
    i = x.service
    st = w.stations[i]
    if x.has_slot != 0:
        give_slot(w, q)
    if x.conn != NOBODY:
        release_connections(w, q)
    good = int(x.outcome == WELL)
    st.good += good
    st.failed += 1 - good
    st.all_good += good
    st.all_failed += 1 - good
    st.inside -= 1
    st.finished += 1
    st.spent += w.counters[NOW] - x.arrived
    x.version += 1  # nothing that was due for the request is any more
    if x.edge == NOBODY:
        give_back(w, q)
        return
    link = w.links[x.edge]
    link.callee_served += good
    if x.is_awaited != 0 or w.edge[x.edge].mode == ASYNC:
        do_next(w, ENDED, q)
        return
    link.late += good
    link.all_late += good
    give_back(w, q)
