"""Pollers that take work from a queue, and do not come back by themselves.

The real system. Lambda reads customers' SQS queues through a fleet of pollers of its own. On 20 October that
subsystem failed with DynamoDB and did not recover with it. Engineers restored it by hand; then the queues
were worked off. Later its rate was lowered on purpose, to leave capacity to synchronous calls.

The claim. A worker gives up after its dependency has failed for a while, and nothing starts it again. That
turns an outage of minutes into one that lasts until somebody notices. The queue in front of it keeps all the
work, and less spare capacity makes emptying it take longer.

Events. ``pollers_lost``: more than half of the pollers have given up; ``pollers_back``: all work again.

Left out: single queues and their visibility time-outs, messages that expire, batches.
"""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.base.rng import LOSE, OPEN, SERVE
from twin.mechanisms.books import ended_requests
from twin.mechanisms.calls import accept, answer, depend, draw, expose, flow, intake, tally
from twin.mechanisms.causes import begin_own, behind, end_own
from twin.mechanisms.draws import FLOW, declare
from twin.model.kind import About, Remedy
from twin.model.parameter import LATE, Param, fault_ratio

PARAMETERS = (
    Param("pollers_count", 1000, "count", 1, 1e9, "pollers in the fleet",
          "assumed: only shares matter", (100.0, 10_000.0)),
    Param("capacity_per_s", 4000.0, "1/s", 0.001, 1e12, "messages a second that the whole fleet can take",
          "assumed: a fleet sized for several times the mean rate of bursty queues", (1500.0, 6000.0)),
    Param("give_up_s", 120.0, "s", 1.0, 86400.0, "mean time that a poller survives without its dependency",
          "assumed: a few failed leases or configuration reads", (30.0, 600.0)),
    Param("failures_count", 10, "count", 1, 1000, "failed polls in a row after which a poller gives up",
          "assumed: a single failure is no reason", (3, 30)),
    Param("self_heal_per_s", 0.0, "1/s", 0.0, 100.0, "rate at which a dead poller starts again by itself",
          "assumed: it did not come back by itself, says PES", (0.0, 0.0)),
    Param("restore_per_s", 0.0, "1/s", 0.0, 1e6, "share of dead pollers that operators start again, a second",
          "assumed: nobody does unless a scenario says so", (0.0, 0.0)),
    Param("rate_ratio", 1.0, "ratio", 0.0, 1.0, "share of its capacity that the fleet may use: a throttle",
          "assumed: no throttle unless a scenario says so", (1.0, 1.0)),
    Param("age_limit_s", 345_600.0, "s", 60.0, 1e9, "age at which a waiting message is lost",
          "assumed: the default retention of a queue, four days", (21_600.0, 1_209_600.0)),
    Param("service_time_s", 0.05, "s", 0.0, 3600.0, "time that a message takes, beyond its dependencies",
          "assumed: only a scale", (0.05, 0.05)),
    fault_ratio("share of messages that fail; they do not count for `failures_count`; faults change it"),
)  # fmt: skip
BREAKS = {
    "down": {"fault_ratio": 1.0},
    "slow": {"service_time_s": LATE},
    "partial": {"fault_ratio": 0.5},
}
ABOUT = About(remedies=(Remedy("start the dead pollers", lambda value: {"restore_per_s": 0.01}),))
DRAWS = declare(dead=LOSE, started=OPEN, done=SERVE, failed=SERVE, able=FLOW)
STATE = [
    ("alive", "i8"), ("dead", "i8"), ("waiting", "i8"), ("came", "i8"), ("done", "i8"), ("lost", "i8"),
]  # fmt: skip
EVENTS = ("pollers_lost", "pollers_back")
POLLERS_LOST, POLLERS_BACK = range(2)


def cells(p, callers, tick_s: float) -> int:
    """None: counts are enough."""
    return 0


def init(p, s, c, callers, tick_s: float) -> None:
    """All pollers run, nothing waits."""
    s.alive = int(p.pollers_count)


@njit
def pollers_turn_over(t, w, i, p, s, ok):
    """Pollers without their dependency give up; started ones come back only where it works."""
    dt = w.tick_s[0]
    in_a_row = (1.0 - ok) ** p.failures_count
    gone = draw(t, w, i, DRAWS.dead, s.alive, in_a_row * (1.0 - math.exp(-dt / p.give_up_s)))
    rate = p.self_heal_per_s + p.restore_per_s
    back = draw(t, w, i, DRAWS.started, s.dead, ok * (1.0 - math.exp(-dt * rate)))
    s.alive += back - gone
    s.dead += gone - back
    if w.svc[i].own_event == 0 and s.dead > s.alive:
        begin_own(t, w, i, POLLERS_LOST, float(s.dead), behind(w, i))
    elif w.svc[i].own_event != 0 and s.dead == 0:
        end_own(t, w, i, POLLERS_BACK, 0.0)


@njit
def step(t, w, i, p, s, c):
    """One tick: messages arrive, living pollers hand on what they can, the rest waits."""
    n = intake(t, w, i)
    s.came += n
    s.waiting += n
    living = s.alive / (s.alive + s.dead)
    rate_per_s = p.capacity_per_s * living * p.rate_ratio
    free = max(0, s.waiting - w.svc[i].open_requests)  # the others are under way
    taken = min(free, flow(w, i, DRAWS.able, rate_per_s * w.tick_s[0]))
    ok, wait_s = depend(t, w, i, taken)
    pollers_turn_over(t, w, i, p, s, ok)
    ok *= 1.0 - p.fault_ratio
    back, well = ended_requests(w, i)
    done = min(s.waiting, draw(t, w, i, DRAWS.done, back, well * (1.0 - p.fault_ratio)))
    s.waiting -= done
    s.done += done
    if s.waiting > rate_per_s * p.age_limit_s and rate_per_s > 0.0:
        dropped = s.waiting - int(rate_per_s * p.age_limit_s)
        s.waiting -= dropped
        s.lost += dropped
    works = ok * living
    expose(w, i, rate_per_s, s.waiting, 1.0 - living * (1.0 - p.fault_ratio))
    answer(w, i, works, p.service_time_s + wait_s)
    accept(w, i)
    failed = draw(t, w, i, DRAWS.failed, n, 1.0 - works)
    tally(w, i, n - failed, failed)


@njit
def check(p, s, c):
    """Every poller lives or is dead; every message waits, is done or is lost."""
    whole = s.alive + s.dead == int(p.pollers_count) and s.alive >= 0 and s.dead >= 0
    return whole and s.waiting >= 0 and s.came == s.waiting + s.done + s.lost
