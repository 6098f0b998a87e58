"""A queue of changes that are never lost, only late.

The real system. EC2's Network Manager carries the network configuration of every launched and terminated
instance to the instance and to the network's appliances. When launches came back on 20 October, it met the
changes that had piled up during the event. An hour later instances started without connectivity. Propagation
was normal again only after four more hours. DynamoDB's global tables replicate over a queue of the same
shape.

The claim. Propagation does not fail, it falls behind. The delay is a second when the queue is empty, else
backlog over capacity. So trouble appears long after the flood that caused it. The services that fail are
those that depend on the delay, not on success. Refusing calls by the size of the queue, as AWS announced it
will, bounds that delay.

The delay that callers see is the wait of a change that arrives now, ``base_delay_s + backlog / capacity``.
The model adds the time that queued changes have already spent on dependencies. With a capacity that falls
with the backlog this is an upper bound: the capacity would rise again while the queue empties.

Events. ``queue_formed``: the queue delays changes by more than `base_delay_s`; ``queue_emptied``: nothing
waits.

Left out: single instances, priorities (launches before terminations), and the way the load was taken off by
hand.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.base.rng import SERVE
from twin.kinds.propagation_queue.control_loop import Propagation
from twin.mechanisms.books import arriving, ended_requests, held
from twin.mechanisms.calls import answer, depend, draw, expose, flow, intake, tally
from twin.mechanisms.causes import begin_own, behind, end_own
from twin.mechanisms.dependencies import pass_on
from twin.mechanisms.draws import DEPENDENCY_DRAWS, FLOW, declare
from twin.model.kind import About, ClosedForm
from twin.model.parameter import LATE, Param

PARAMETERS = (
    Param("capacity_per_s", 200.0, "1/s", 0.001, 1e12, "changes that can be propagated in a second",
          "assumed: only its ratio to the arrivals matters", (20.0, 20_000.0), divided=True),
    Param("capacity_ratio", 1.0, "ratio", 0.0, 100.0, "share of the capacity that is left; faults change it",
          "assumed: whole unless a scenario says otherwise", (1.0, 1.0)),
    Param("half_capacity_backlog_count", 0.0, "count", 0.0, 1e15,
          "backlog at which the capacity has fallen to a half; 0 = it does not fall",
          "assumed: no degradation unless a scenario says so", (0.0, 0.0), divided=True),
    Param("base_delay_s", 1.0, "s", 0.0, 3600.0, "propagation of one change when nothing waits",
          "assumed: unpublished; instances are reachable seconds after they start", (0.1, 10.0)),
    Param("work_count", 1.0, "count", 1.0, 1e6, "changes that one call brings: a launch, or a termination",
          "assumed: one change a call, so that the capacity is in calls", (1.0, 1.0)),
    Param("queue_reference_count", 0.0, "count", 0.0, 1e15,
          "target backlog; above it, new calls are refused, as AWS announced; 0 = admit all",
          "assumed: no limit before the event", (0.0, 0.0), divided=True),
    Param("control_s", 60.0, "s", 0.1, 86_400.0,
          "time in which the throttle brings the backlog back to its target",
          "assumed: a rate limit that is adjusted once a minute", (10.0, 600.0)),
)  # fmt: skip
BREAKS = {
    "down": {"capacity_ratio": 0.0},
    "slow": {"base_delay_s": LATE},
    "partial": {"capacity_ratio": 0.5},
}
ABOUT = About(closed_form=ClosedForm.SLOWING_QUEUE, control_loop=Propagation)
DRAWS = declare(done=SERVE, able=FLOW, admitted=FLOW, finished=FLOW)
STATE = [("waiting", "i8"), ("entered", "i8"), ("delivered", "i8"), ("held_s", "f8")]
EVENTS = ("queue_formed", "queue_emptied")
FORMED, EMPTIED = range(2)


def cells(p, callers, tick_s: float) -> int:
    """None: counts are enough."""
    return 0


def init(p, s, c, callers, tick_s: float) -> None:
    """Nothing waits."""


@njit
def changes_per_s(p, backlog):
    """Changes a second with ``backlog`` waiting: the server may slow down under its own queue."""
    full = p.capacity_per_s * p.capacity_ratio
    if p.half_capacity_backlog_count <= 0.0:
        return full
    return full / (1.0 + backlog / p.half_capacity_backlog_count)


@njit
def admitted_calls(t, w, i, p, calls, backlog, rate_per_s):
    """How many of ``calls`` are let in: all, or what brings the backlog to its reference."""
    if p.queue_reference_count <= 0.0 or calls == 0:
        return calls
    limit_per_s = max(0.0, rate_per_s + (p.queue_reference_count - backlog) / p.control_s)
    if limit_per_s * w.tick_s[0] >= calls * p.work_count:
        return calls
    return min(calls, flow(w, i, DRAWS.admitted, limit_per_s * w.tick_s[0] / p.work_count))


@njit
def note_queue(t, w, i, p, s, rate_per_s):
    """Events for a queue that delays changes by more than their undisturbed propagation, and for its end."""
    is_open = w.svc[i].own_event != 0
    if not is_open and s.waiting > rate_per_s * (p.base_delay_s + w.tick_s[0]):
        begin_own(t, w, i, FORMED, float(s.waiting), behind(w, i))
    elif is_open and s.waiting == 0:
        end_own(t, w, i, EMPTIED, 0.0)


@njit
def settle_changes(t, w, i, left_ratio):
    """The books of the callers: a call is held until its changes are done. Who comes now and will not wait so
    long, or is refused, has failed. ``left_ratio``: share of what waited that still waits."""
    panel = w.svc[i]
    panel.settled, panel.in_flight = 1, 0
    for n in range(panel.in_start, panel.in_end):
        e = w.incoming[n]
        r, came = w.edge[e], arriving(t, w, e)
        r.arrived += came
        r.failed += came - pass_on(w, e, DEPENDENCY_DRAWS.accepted, came * max(0.0, r.ok))
        here = held(r)
        if here > 0:
            done = pass_on(w, e, DEPENDENCY_DRAWS.served, here * (1.0 - left_ratio))
            r.served += min(here, done) if left_ratio > 0.0 else here
            panel.in_flight += held(r)


@njit
def step(t, w, i, p, s, c):
    """One tick: admit calls, propagate what capacity and dependencies allow, publish the delay."""
    dt = w.tick_s[0]
    calls = intake(t, w, i)
    rate_per_s = changes_per_s(p, s.waiting)
    admitted = admitted_calls(t, w, i, p, calls, s.waiting, rate_per_s)
    s.entered += admitted * int(p.work_count)
    s.waiting += admitted * int(p.work_count)

    free = s.waiting - w.svc[i].open_requests  # the others are under way
    tried = min(free, flow(w, i, DRAWS.able, rate_per_s * dt))
    ok, wait_s = depend(t, w, i, tried)
    back, well = ended_requests(w, i)
    done = draw(t, w, i, DRAWS.done, back, well)
    blocked = 1.0 - ok if rate_per_s > 0.0 else 1.0
    s.held_s = (s.held_s + blocked * dt) * (1.0 - done / s.waiting) if s.waiting > 0 else 0.0
    s.waiting -= done
    s.delivered += done
    note_queue(t, w, i, p, s, rate_per_s)

    left_ratio = s.waiting / (s.waiting + done) if s.waiting + done > 0 else 0.0
    if rate_per_s > 0.0:
        wait_s += s.waiting / rate_per_s
    refused = 1.0 - admitted / calls if calls > 0 else 0.0
    expose(w, i, rate_per_s / p.work_count, s.waiting, refused)
    answer(w, i, 1.0 - refused, p.base_delay_s + s.held_s + wait_s)
    settle_changes(t, w, i, left_ratio)
    good = flow(w, i, DRAWS.finished, done / p.work_count)
    tally(w, i, good, calls - admitted)


@njit
def check(p, s, c):
    """Every change that entered waits or has been delivered."""
    return s.waiting >= 0 and s.held_s >= 0.0 and s.entered == s.waiting + s.delivered
