"""A control loop that brings each of its objects to the wanted state, and tries again by itself.

The real system. ECS keeps as many tasks running as each of its services wants. EKS's autoscalers do so with
nodes, Auto Scaling with instances. A failed launch is tried again later, object by object. The wait grows
with each failure, in ECS's service scheduler up to 27 minutes (documented). So containers were well again
half an hour after launches were.

The claim. Such a loop loses nothing. Each object remembers one failed change at most, and tries it again
later. So these changes come back as load when launches work again. Objects recover at random moments after
the dependency, up to the longest wait.

How. An object is satisfied, waits for a retry, or is trying. Waiting objects are counted by failures in a row
and by the tick of their next try, trying ones by failures in a row. They try until as many calls have ended
at the dependency. Each call asks for a change of one object, chosen at random. A satisfied object tries at
once. If the object waits or tries already, the call fails, for the customer, and adds nothing.

Left out: how many instances an object wants, and objects that somebody changes by hand (they are tried at
once). Jitter is left out too: first failures come at all times, which spreads the later tries.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.base.rng import FAIL, SPLIT
from twin.mechanisms.blocks import at_rest
from twin.mechanisms.books import ended_requests
from twin.mechanisms.calls import answer, depend, draw, draw_cohort, expose, intake, tally
from twin.mechanisms.draws import cohorts, declare
from twin.mechanisms.station import even, take
from twin.model.kind import About
from twin.model.parameter import LATE, Param, fault_ratio

PARAMETERS = (
    Param("objects_count", 36_000, "count", 1, 1e12, "objects: services, node groups, groups of instances",
          "assumed: each wants a change every half an hour", (6000.0, 200_000.0), divided=True),
    Param("backoff_s", 60.0, "s", 1.0, 86_400.0,
          "wait after the first failure, doubled after each further failure",
          "assumed: unpublished; what counts is the longest", (10.0, 300.0)),
    Param("backoff_cap_s", 1620.0, "s", 1.0, 86_400.0, "longest wait; read at the start", "ECSDOC"),
    Param("service_time_s", 1.0, "s", 0.0, 3600.0, "latency of a change, beyond its dependencies",
          "assumed: a change is asked for and not awaited", (0.1, 5.0)),
    fault_ratio("share of changes that fail here; faults change it"),
)  # fmt: skip
BREAKS = {
    "down": {"fault_ratio": 1.0},
    "slow": {"service_time_s": LATE},
    "partial": {"fault_ratio": 0.5},
}
ABOUT = About(
    why_passive="each of its objects tries again after a bounded wait, and no try costs another one"
)
DRAWS = declare(fresh=SPLIT, failed=cohorts(FAIL))
STATE = [("content", "i8"), ("waiting", "i8"), ("trying", "i8"), ("levels", "i8"), ("slots", "i8")]
EVENTS: tuple[str, ...] = ()


def cells(p, callers, tick_s: float) -> int:
    """By failures in a row: a ring of due ticks, who tries, and whose try ends."""
    return _levels(p) * (_slots(p, tick_s) + 2) + 2


def _levels(p) -> int:
    levels = 1
    while p.backoff_s * 2.0 ** (levels - 1) < p.backoff_cap_s and levels < 32:
        levels += 1
    return levels


def _slots(p, tick_s: float) -> int:
    return max(1, round(p.backoff_cap_s / tick_s)) + 1


def init(p, s, c, callers, tick_s: float) -> None:
    """Every object has what it wants."""
    s.content, s.levels, s.slots = int(p.objects_count), _levels(p), _slots(p, tick_s)


@njit
def back_to_waiting(t, w, p, s, c, level, n):
    """``n`` objects have failed ``level`` + 1 times in a row, and wait."""
    if n == 0:
        return
    level = min(level, s.levels - 1)
    ticks = int(min(p.backoff_cap_s, p.backoff_s * float(1 << level)) / w.tick_s[0] + 0.5)
    c[level * s.slots + (t + max(1, min(ticks, s.slots - 1))) % s.slots] += n
    s.waiting += n


@njit
def begin_tries(t, s, c, fresh):
    """Objects whose wait is over try, and ``fresh`` ones that were content. Returns how many."""
    rows = s.levels * s.slots
    begun = fresh
    c[rows] += fresh  # no failure yet
    s.content -= fresh
    at = t % s.slots
    for level in range(s.levels if s.waiting > 0 else 0):
        due = c[at]
        if due > 0:
            c[rows + 1 + level] += due
            begun += due
            s.waiting -= due
            c[at] = 0
        at += s.slots
    s.trying += begun
    return begun


@njit
def end_tries(t, w, i, p, s, c, n, ok):
    """``n`` tries end, in proportion of those under way: each object is content, or waits longer. Returns how
    many fresh ones ended (well, badly)."""
    rows, entries = s.levels * s.slots, s.levels + 1
    n = min(n, s.trying)
    if n == 0:
        return 0, 0
    take(c, rows, rows + entries, entries, s.trying, n, even(t))
    s.trying -= n
    good = failed = 0
    for level in range(s.levels, -1, -1):  # fresh ones last
        at = rows + entries + level
        failed = draw_cohort(t, w, i, DRAWS.failed, level, c[at], 1.0 - ok)
        back_to_waiting(t, w, p, s, c, level, failed)
        good = c[at] - failed
        s.content += good
        c[at] = 0
    return good, failed


@njit
def step(t, w, i, p, s, c):
    """One tick: objects that are due try again, calls try the objects that are content."""
    n = intake(t, w, i)
    content = s.content / (s.content + s.waiting + s.trying)
    fresh = min(draw(t, w, i, DRAWS.fresh, n, content), s.content)
    ok, wait_s = depend(t, w, i, begin_tries(t, s, c, fresh))
    blame = 0.0 if ok < 1.0 else 1.0 - content
    ok *= 1.0 - p.fault_ratio
    back, well = ended_requests(w, i)
    good, failed = end_tries(t, w, i, p, s, c, back, well * (1.0 - p.fault_ratio))
    expose(w, i, 0.0, s.waiting, max(blame, p.fault_ratio))  # its capacity is that of what it calls
    answer(w, i, ok * content, p.service_time_s + wait_s)
    tally(w, i, good, n - fresh + failed)
    if ok * content >= 1.0 and s.waiting + s.trying == 0:
        at_rest(w, i, s.content)


@njit
def check(p, s, c):
    """Every object is content, waits or tries; the rings hold those that wait."""
    rows = s.levels * s.slots
    waiting = trying = 0
    for k in range(rows + s.levels + 1):
        if c[k] < 0:
            return False
        if k < rows:
            waiting += c[k]
        else:
            trying += c[k]
    whole = s.content + waiting + trying == int(p.objects_count) and s.content >= 0
    return whole and waiting == s.waiting and trying == s.trying
