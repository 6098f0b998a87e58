"""A ring of batches: what waits in a station, by age, dependency and attempt.

The real system: requests queue at a server. Each client gives up after its time-out; nobody tells the
server, which later does work that nobody waits for (zombie work). The claim: a queue in order of arrival
needs only counts. A *row* of cells holds what arrived in one substep:

    c[row + COUNT]  all of it
    c[row + DEAD]   zombies
    c[row + LIVE + dependency * attempts + attempt]  clients that still wait: the *crowd* of the row

Rows turn on a ring that is a time-out long; what is older has moved to the *front* row (at 0), which is
served first. Members of a row are alike, so a part of it is taken in proportion, by systematic sampling:
whole numbers, nothing lost, no member favoured. Left out: the order of arrival within a substep; time-outs
beyond MAX_SLOTS substeps, which never strike.
"""

from __future__ import annotations

from twin.base.jit import njit

COUNT, DEAD, LIVE = 0, 1, 2  # cells of a row
FRONT = 0  # where the front row is
MAX_SLOTS = 4096  # longest ring: bounds the memory of a station
GOLDEN_RATIO = 0.6180339887498949  # its multiples, modulo 1, fill the interval evenly

# Called once in each substep: not worth a call, which would hand over the whole world.
compiled = njit(forceinline=True)

FIELDS = [
    # sizes: dependencies, attempts, entries of a crowd, cells of a row, slots of ring and orbit
    ("edges", "i8"), ("attempts", "i8"), ("entries", "i8"), ("width", "i8"),
    ("slots", "i8"), ("wheel", "i8"),
    # places in the cells: the ring, the orbit (crowds by the substep in which they are due), who is arriving,
    # who is failing, a row for what was just served; and by dependency: substep up to which time-outs have
    # been looked for, calls that lately ended well, calls that lately failed for good (in units of 1/CALL)
    ("ring", "i8"), ("orbit", "i8"), ("crowd", "i8"), ("failing", "i8"), ("served", "i8"),
    ("expired", "i8"), ("good_of", "i8"), ("lost_of", "i8"),
    # by entry: when its attempts begin, on average, in µs after the call began; for deadlines
    ("begun_us", "i8"),
    # this substep, the oldest one that may hold something
    ("now", "i8"), ("oldest", "i8"),
    # how many are here, here with a client that waits, in orbit; summed arrival substeps of the front's live
    ("count", "i8"), ("live", "i8"), ("orbiting", "i8"), ("front_arrivals", "f8"),
]  # fmt: skip


def cells_needed(edges: int, attempts: int, slots: int, wheel: int) -> int:
    """Length of the cells that ``lay_out`` divides."""
    return (2 + edges * attempts) * (2 + slots) + edges * attempts * (3 + wheel) + 3 * edges


def lay_out(s, edges: int, attempts: int, slots: int, wheel: int) -> None:
    """Set the sizes and places of an empty station."""
    entries = edges * attempts
    width = LIVE + entries
    orbit = width + width * slots
    crowd = orbit + entries * wheel
    expired = crowd + 2 * entries + width
    places = {
        "edges": edges, "attempts": attempts, "slots": slots, "wheel": wheel, "entries": entries,
        "width": width, "ring": width, "orbit": orbit, "crowd": crowd, "failing": crowd + entries,
        "served": crowd + 2 * entries, "expired": expired, "good_of": expired + edges,
        "lost_of": expired + 2 * edges, "begun_us": expired + 3 * edges,
    }  # fmt: skip
    for name, place in places.items():
        s[name] = place  # several times as fast as an attribute, which counts for many thousand stations


@compiled
def row_of(s, substep):
    """Where the row of what arrived in ``substep`` is."""
    return s.ring + substep % s.slots * s.width


@compiled
def even(n):
    """A number in [0, 1) for step n, such that any stretch of steps covers the interval evenly."""
    return (n * GOLDEN_RATIO) % 1.0


@njit
def take(c, a, b, n, total, m, u):
    """Move ``m`` of the ``total`` members of c[a:a+n] to c[b:b+n], in proportion; u in [0, 1) starts.

    Each entry gives its share rounded up or down, never more than it has; together they give all ``m``.
    """
    seen, taken = 0, 0
    for k in range(n):
        here = c[a + k]
        if here == 0:
            continue
        seen += here
        upto = int(m * (seen / total) + u)
        upto = min(max(upto, m - (total - seen)), taken + here, m)
        c[a + k] -= upto - taken
        c[b + k] += upto - taken
        taken = upto


@compiled
def turn_ring(s, c):
    """Begin a substep: what is as old as the ring joins the front row, and its row becomes the newest."""
    s.now += 1
    row = row_of(s, s.now)
    if c[row + COUNT] > 0:
        s.front_arrivals += (c[row + COUNT] - c[row + DEAD]) * float(s.now - s.slots)
        for k in range(s.width):
            c[FRONT + k] += c[row + k]
            c[row + k] = 0
    s.oldest = max(s.oldest, s.now - s.slots + 1)


@compiled
def expire(s, c, e, patience, servers, drop):
    """Clients of dependency ``e`` that came ``patience`` substeps ago or earlier give up: failing.

    Their work stays, as zombies; or, with ``drop``, it goes too, except in the first ``servers`` places,
    where the client goes on waiting.
    """
    last = s.now - patience
    for arrived in range(max(c[s.expired + e] + 1, s.oldest), last + 1):
        row = row_of(s, arrived)
        if c[row + COUNT] == c[row + DEAD]:
            continue
        for k in range(e * s.attempts, (e + 1) * s.attempts):
            m = c[row + LIVE + k]
            if m == 0:
                continue
            c[row + LIVE + k] = 0
            if drop:
                stay = min(m, max(0, servers - c[FRONT + COUNT]))
                c[row + COUNT] -= m
                c[FRONT + COUNT] += stay
                c[FRONT + LIVE + k] += stay
                s.front_arrivals += stay * float(arrived)
                m -= stay
                s.count -= m
            else:
                c[row + DEAD] += m
            s.live -= m
            c[s.failing + k] += m
    c[s.expired + e] = max(c[s.expired + e], last)


@njit
def purge(s, c, servers):
    """Zombies leave, but for those in the first ``servers`` places."""
    gone = max(0, c[FRONT + DEAD] - max(0, servers - (c[FRONT + COUNT] - c[FRONT + DEAD])))
    c[FRONT + DEAD] -= gone
    c[FRONT + COUNT] -= gone
    s.count -= gone
    for n in range(s.slots):
        row = row_of(s, n)
        s.count -= c[row + DEAD]
        c[row + COUNT] -= c[row + DEAD]
        c[row + DEAD] = 0


@compiled
def enter(s, c):
    """The crowd enters the newest row."""
    row = row_of(s, s.now)
    for k in range(s.entries):
        m = c[s.crowd + k]
        c[s.crowd + k] = 0
        c[row + LIVE + k] += m
        c[row + COUNT] += m
        s.count += m
        s.live += m


@njit
def serve_row(s, c, row, n, u):
    """Serve ``n`` of a row. Returns how many of them had a client that waits."""
    dead_before = c[s.served + DEAD]
    take(c, row + DEAD, s.served + DEAD, s.entries + 1, c[row + COUNT], n, u)
    c[row + COUNT] -= n
    c[s.served + COUNT] += n
    live = n - (c[s.served + DEAD] - dead_before)
    s.count -= n
    s.live -= live
    return live


@compiled
def serve_front(s, c, n, u):
    """Serve up to ``n`` of the front row. Returns as ``serve``."""
    n = min(n, c[FRONT + COUNT])
    if n == 0:
        return 0.0
    waiting = c[FRONT + COUNT] - c[FRONT + DEAD]
    live = serve_row(s, c, FRONT, n, u)
    if live == 0:
        return 0.0
    arrivals = s.front_arrivals * live / waiting
    s.front_arrivals -= arrivals
    return live * float(s.now) - arrivals


@compiled
def serve(s, c, n, newest_first):
    """Complete ``n`` (at most s.count) into the row s.served: the oldest, or the newest, first.

    Returns the summed age, in substeps, of those whose client waits.
    """
    for k in range(s.width):
        c[s.served + k] = 0
    u = even(s.now)
    age = 0.0 if newest_first else serve_front(s, c, n, u)
    arrived = s.now if newest_first else s.oldest
    while c[s.served + COUNT] < n and s.oldest <= arrived <= s.now:
        row = row_of(s, arrived)
        if c[row + COUNT] > 0:
            m = min(n - c[s.served + COUNT], c[row + COUNT])
            age += serve_row(s, c, row, m, u) * float(s.now - arrived)
        if newest_first:
            arrived -= 1
        elif c[row + COUNT] == 0:
            arrived += 1
    if newest_first:
        return age + serve_front(s, c, n - c[s.served + COUNT], u)
    s.oldest = min(arrived, s.now)
    return age


@njit
def serve_any(s, c, n, servers):
    """Complete ``n`` of the calls in service (the ``servers`` oldest) into the row s.served.

    Any of them is as likely to end as another, as with exponential service. Returns as ``serve``.
    """
    for k in range(s.width):
        c[s.served + k] = 0
    u, in_service = even(s.now), min(s.count, max(servers, n))
    while s.oldest < s.now and c[row_of(s, s.oldest) + COUNT] == 0:
        s.oldest += 1
    here = min(c[FRONT + COUNT], in_service)
    seen, taken = here, share_of(n, here, 0, in_service, u)
    age = serve_front(s, c, taken, u)
    arrived = s.oldest
    while seen < in_service and arrived <= s.now:
        row = row_of(s, arrived)
        here = min(c[row + COUNT], in_service - seen)
        if here > 0:
            m = min(here, share_of(n, seen + here, taken, in_service, u))
            age += serve_row(s, c, row, m, u) * float(s.now - arrived)
            seen, taken = seen + here, taken + m
        arrived += 1
    return age


@compiled
def share_of(n, seen, taken, total, u):
    """How many of ``n`` come from a part, with which ``seen`` of ``total`` are passed, ``taken`` before.

    At least as many as the rest has no room for.
    """
    return min(max(int(n * (seen / total) + u), n - (total - seen), taken), n) - taken


@njit
def leave(s, c, m, waiting, u):
    """``m`` of the youngest ``waiting`` clients lose patience: they and their work leave: failing."""
    seen, taken, arrived = 0, 0, s.now
    while seen < waiting and arrived >= s.oldest:
        row = row_of(s, arrived)
        live = c[row + COUNT] - c[row + DEAD]
        here = min(live, waiting - seen)
        seen += here
        upto = min(max(int(m * (seen / waiting) + u), m - (waiting - seen)), taken + here, m)
        if upto > taken:
            take(c, row + LIVE, s.failing, s.entries, live, upto - taken, u)
            c[row + COUNT] -= upto - taken
        taken = upto
        arrived -= 1
    if taken < m:
        live = c[FRONT + COUNT] - c[FRONT + DEAD]
        take(c, FRONT + LIVE, s.failing, s.entries, live, m - taken, u)
        c[FRONT + COUNT] -= m - taken
        s.front_arrivals *= (live - (m - taken)) / live
    s.count -= m
    s.live -= m
