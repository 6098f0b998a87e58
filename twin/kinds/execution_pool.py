"""A pool of execution capacity that needs launches to replace what it loses.

The real system. Lambda runs functions on instances of its own. On the morning of 20 October load balancers
wrongly reported healthy instances as unhealthy. Those were terminated and replaced, but launches were
throttled. So the pool shrank until synchronous calls had no environment, and filled again only as launches
came back. Event-source mappings and asynchronous calls were throttled, to leave the rest to synchronous ones.

The claim. Lambda fails a second time when the lost instances exceed the spare capacity, which is later than
the fault. It recovers when launches have replaced them, which is later than the repair.

A start is under way until its calls have come back. So the pool never grows faster than the service that it
asks serves it, however many it asks for. A start that fails is asked for again.

Events. ``capacity_short``: the capacity no longer fits all calls; ``capacity_back``: it has fitted all for
as long as a recovery takes.

Left out: cold starts, placement, single functions and their concurrency limits. (Lambda adds at most 1000
environments in 10 s to a function: ``scale_per_s``.)
"""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.base.rng import FAIL, LOSE
from twin.base.thresholds import RECOVERED_S
from twin.mechanisms.arrays import ASYNC, LEASE
from twin.mechanisms.books import arriving, ended_requests, unanswered
from twin.mechanisms.calls import (
    amend,
    answer,
    depend,
    draw,
    draw_cohort,
    expose,
    flow,
    intake,
    tally,
)
from twin.mechanisms.causes import begin_own, behind, end_own
from twin.mechanisms.dependencies import pass_on
from twin.mechanisms.draws import DEPENDENCY_DRAWS, FLOW, cohorts, declare
from twin.model.kind import About
from twin.model.parameter import LATE, Param, fault_ratio

PARAMETERS = (
    Param("capacity_count", 100_000, "count", 1, 1e12, "environments that the pool holds when it is whole",
          "assumed: only shares matter", (10_000.0, 1e6), divided=True),
    Param("initial_ratio", 1.0, "ratio", 0.0, 1.0, "share of the pool that stands at the start",
          "assumed: an undisturbed pool is whole", (1.0, 1.0)),
    Param("load_per_s", 450.0, "1/s", 0.001, 1e12,
          "undisturbed rate of calls, which the whole pool is sized for",
          "assumed: only a scale, the sum of what callers send", (450.0, 450.0), divided=True),
    Param("utilisation_ratio", 0.7, "ratio", 0.01, 1.0,
          "share of the whole pool that the undisturbed load keeps busy",
          "assumed: an Availability Zone in three may fail", (0.5, 0.85)),
    Param("scale_per_s", 100.0, "1/s", 0.001, 1e9, "environments a second that may be added",
          "LAMBDADOC", divided=True),
    Param("loss_per_s", 0.0005, "1/s", 0.0, 1.0,
          "rate at which the pool terminates an instance that failed its health checks",
          "assumed: replaced after about half an hour of failing checks", (0.0001, 0.002)),
    Param("replace_ratio", 1.0, "ratio", 0.0, 1.0, "share of lost capacity that is asked for again",
          "assumed: the pool holds its size", (1.0, 1.0)),
    Param("low_priority_ratio", 1.0, "ratio", 0.0, 1.0,
          "share of asynchronous and event-source work that is let in: the throttle of 20 October",
          "assumed: no throttle unless a scenario says so", (1.0, 1.0)),
    Param("service_time_s", 0.05, "s", 0.0, 3600.0, "time that a call takes, beyond its dependencies",
          "assumed: only a scale", (0.05, 0.05)),
    fault_ratio("share of calls that fail here; faults change it"),
)  # fmt: skip
BREAKS = {
    "down": {"fault_ratio": 1.0},
    "slow": {"service_time_s": LATE},
    "partial": {"fault_ratio": 0.5},
}
ABOUT = About(keeps_leases=True)
DRAWS = declare(added=FLOW, replaced=FLOW, lost=cohorts(LOSE), failed=FAIL)
STATE = [
    ("standing", "i8"), ("missing", "i8"), ("starting", "i8"), ("asked", "i8"), ("losing", "i8"),
    ("last_short", "i8"),
]  # fmt: skip
EVENTS = ("capacity_short", "capacity_back")
SHORT, BACK = range(2)


def cells(p, callers, tick_s: float) -> int:
    """None: counts are enough."""
    return 0


def init(p, s, c, callers, tick_s: float) -> None:
    """The pool stands as the scenario says."""
    s.standing = int(p.capacity_count * p.initial_ratio)
    s.missing = int(p.capacity_count) - s.standing


@njit
def lose_and_replace(t, w, i, p, s):
    """Instances whose checks fail are terminated; launches, where they succeed, bring capacity back.

    The pool sees both through its lease dependencies. One, on a pool of targets that holds its instances, has
    no calls: it says which share is out of service. The other, on launches, is called for missing capacity,
    and says which launches have ended well.
    """
    panel = w.svc[i]
    dt = w.tick_s[0]
    wanted = min(s.missing - s.starting, flow(w, i, DRAWS.added, p.scale_per_s * dt))
    wanted = min(s.missing - s.starting, flow(w, i, DRAWS.replaced, wanted * p.replace_ratio))
    s.starting += wanted
    back = s.starting
    for e in range(panel.out_start, panel.out_end):
        r = w.edge[e]
        if r.mode != LEASE or r.is_condition != 0:
            continue
        if r.share > 0.0:
            r.calls += pass_on(w, e, DEPENDENCY_DRAWS.asked, wanted * r.share)
            back = min(back, come_back(r, s))
        else:
            out = max(0.0, 1.0 - r.visible_headroom)
            lost = out * (1.0 - math.exp(-p.loss_per_s * dt))
            gone = draw_cohort(t, w, i, DRAWS.lost, e - panel.out_start, s.standing, lost)
            s.standing -= gone
            s.missing += gone
            if gone > 0 and r.visible_event != 0:
                s.losing = r.visible_event
    for e in range(panel.out_start, panel.out_end):
        if w.edge[e].mode == LEASE:
            w.edge[e].live -= min(w.edge[e].live, int(back * w.edge[e].share + 0.5))
    s.standing += back
    s.missing -= back
    s.starting -= back


@njit
def come_back(r, s):
    """Calls for starts that have come back over a lease dependency. Returns how many starts these allow.

    ``live``: calls that ended well, and that no start has used yet. Starts for which no call is left, neither
    such a one nor one under way, have failed.
    """
    r.live += r.visible_served - r.seen_served
    r.seen_served = r.visible_served
    back = int(r.live / r.share)
    s.starting = min(s.starting, back + math.ceil(unanswered(r) / r.share))
    return min(s.starting, back)


@njit
def low_priority(t, w, i):
    """Share of the arriving calls that are asynchronous: callers that hand work over."""
    panel = w.svc[i]
    low, total = 0, 0
    for n in range(panel.in_start, panel.in_end):
        r = w.edge[w.incoming[n]]
        calls = arriving(t, w, w.incoming[n])
        total += calls
        if r.mode == ASYNC:
            low += calls
    return low / total if total > 0 else 0.0


@njit
def fitting_ratio(p, s, rate):
    """Share of calls that find an environment: Erlang loss of a large pool is what does not fit."""
    load = p.utilisation_ratio * rate / p.load_per_s
    standing = s.standing / (s.standing + s.missing)
    return 1.0 if load <= standing else standing / load


@njit
def note_capacity(t, w, i, p, s, fitting, rate):
    """Say when calls begin to find no environment, because of what took the instances, and when all have
    done again for a while: near the limit some tick falls short now and then. What took the instances is the
    cause, unless more calls are a larger part of it."""
    if fitting < 1.0:
        s.last_short = t
        if w.svc[i].own_event == 0:
            lost = s.missing / (s.standing + s.missing)
            is_lost = s.losing != 0 and lost > rate / p.load_per_s - 1.0
            begin_own(t, w, i, SHORT, fitting, s.losing if is_lost else behind(w, i))
    elif w.svc[i].own_event != 0 and (t - s.last_short) * w.tick_s[0] >= RECOVERED_S:
        end_own(t, w, i, BACK, fitting)


@njit
def step(t, w, i, p, s, c):
    """One tick: capacity is lost and replaced; calls find an environment and their dependencies, or fail."""
    n = intake(t, w, i)
    ok, wait_s = depend(t, w, i, n)
    lose_and_replace(t, w, i, p, s)
    low = low_priority(t, w, i)
    admitted = 1.0 - low * (1.0 - p.low_priority_ratio)
    s.asked += n
    rate = n / w.tick_s[0] * admitted
    fitting = fitting_ratio(p, s, rate)
    note_capacity(t, w, i, p, s, fitting, rate)
    works = fitting * (1.0 - p.fault_ratio)
    capacity_per_s = p.load_per_s / p.utilisation_ratio * s.standing / (s.standing + s.missing)
    expose(w, i, capacity_per_s, s.missing, 1.0 - works)
    answer_by_priority(w, i, p, ok * works, p.service_time_s + wait_s)
    done, well = ended_requests(w, i)
    failed = draw(t, w, i, DRAWS.failed, done, 1.0 - well * works)
    tally(w, i, done - failed, failed)


@njit
def answer_by_priority(w, i, p, ok, latency_s):
    """The throttle holds back a share of asynchronous calls, and no synchronous ones."""
    answer(w, i, ok, latency_s)
    panel = w.svc[i]
    amend(panel)
    for n in range(panel.in_start, panel.in_end):
        r = w.edge[w.incoming[n]]
        if r.mode == ASYNC:
            r.ok *= p.low_priority_ratio
            r.attempt_ok = 1.0


@njit
def check(p, s, c):
    """Every environment stands or is missing; the missing are asked for or not."""
    whole = s.standing + s.missing == int(p.capacity_count)
    return whole and s.standing >= 0 and 0 <= s.starting <= s.missing
