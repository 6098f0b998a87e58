"""A fleet of hosts that break, are repaired, retire and are added at random.

The real system. Servers fail now and then, and come back when they have been repaired. Some are retired for
good. A fleet that scales in proportion to itself adds hosts at a rate per host.

The claim. Hosts know nothing of each other, so two numbers describe the fleet: hosts up and hosts down. A
host breaks every ``mtbf_s`` of service and is back after ``mttr_s``. So it is up mtbf/(mtbf + mttr) of the
time, and after a shock the fleet recovers at the rate 1/mtbf_s + 1/mttr_s. Calls are spread over all hosts:
the share of them that fails is the share of hosts that is down. The backlog is the broken hosts.

Left out. Load on the other hosts, health checks that take broken ones out (see health_checked_pool), common
causes. Both rates are applied once per tick, so no host breaks and is repaired in one tick.
"""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.base.rng import ARRIVE, COMPLETE, FAIL, LOSE
from twin.mechanisms.blocks import at_rest
from twin.mechanisms.books import ended_requests
from twin.mechanisms.calls import answer, depend, draw, expose, intake, tally_by_chance
from twin.mechanisms.dependencies import ENDLESS
from twin.mechanisms.draws import declare
from twin.mechanisms.sampling import arrivals, compete, draw_context
from twin.model.kind import About
from twin.model.parameter import LATE, Param, fault_ratio

PARAMETERS = (
    Param("hosts_count", 100, "count", 1, 1e12, "hosts at the start, all up", "assumed: only a scale",
          (10.0, 100_000.0)),
    Param("host_capacity_per_s", 10.0, "1/s", 0.001, 1e9, "calls per second of a host; only printed",
          "assumed: only a scale", (1.0, 1000.0)),
    Param("service_time_s", 0.02, "s", 0.0, 3600.0, "time that a call takes",
          "assumed: a fast API call", (0.005, 0.2)),
    Param("mtbf_s", 0.0, "s", 0.0, 1e10, "mean time in service until a host breaks; 0 for never",
          "assumed: never unless given", (0.0, 0.0)),
    Param("mttr_s", 0.0, "s", 0.0, 1e9, "mean time until a broken host is back; 0 for never",
          "assumed: never unless given", (0.0, 0.0)),
    Param("retired_per_s", 0.0, "1/s", 0.0, 1e3, "rate at which each host in service is retired for good",
          "assumed: none unless given", (0.0, 0.0)),
    Param("added_per_s", 0.0, "1/s", 0.0, 1e3, "hosts added a second for each host in service",
          "assumed: none unless given", (0.0, 0.0)),
    fault_ratio("share of calls that fail here; faults change it"),
)  # fmt: skip
BREAKS = {
    "down": {"fault_ratio": 1.0},
    "slow": {"service_time_s": LATE},
    "partial": {"fault_ratio": 0.5},
}
ABOUT = About(why_passive="its hosts break and are repaired one by one, and know nothing of each other")
DRAWS = declare(repaired=COMPLETE, added=ARRIVE, broken=LOSE, gone=LOSE, failed=FAIL)
STATE = [("up", "i8"), ("down", "i8"), ("retired", "i8"), ("added", "i8")]
EVENTS: tuple[str, ...] = ()


def cells(p, callers, tick_s: float) -> int:
    """Two counts are enough."""
    return 0


def init(p, s, c, callers, tick_s: float) -> None:
    """All hosts are up."""
    s.up = int(p.hosts_count)


@njit
def per_second(mean_s):
    """Events a second of what happens after ``mean_s`` on average, 0 for never."""
    return 1.0 / mean_s if mean_s > 0.0 else 0.0


@njit
def hosts_turn_over(t, w, i, p, s):
    """Hosts break or are retired, whichever comes first; broken ones come back; others are added."""
    dt = w.tick_s[0]
    context = draw_context(t, w, i)
    back = draw(t, w, i, DRAWS.repaired, s.down, -math.expm1(-dt * per_second(p.mttr_s)))
    mean = s.up * math.expm1(p.added_per_s * dt)
    fresh = arrivals(context, DRAWS.added, mean)
    breaks_per_s = per_second(p.mtbf_s)
    broken, gone = compete(context, DRAWS.gone, DRAWS.broken, s.up, breaks_per_s, p.retired_per_s, dt)
    s.up += back + fresh - broken - gone
    s.down += broken - back
    s.retired += gone
    s.added += fresh


@njit
def step(t, w, i, p, s, c):
    """One tick: hosts come and go, and calls land on one of them."""
    hosts_turn_over(t, w, i, p, s)
    n = intake(t, w, i)
    ok, wait_s = depend(t, w, i, n)
    hosts = s.up + s.down
    works = s.up / hosts * (1.0 - p.fault_ratio) if hosts > 0 else 0.0
    expose(w, i, s.up * p.host_capacity_per_s, s.down, 1.0 - works)
    answer(w, i, ok * works, p.service_time_s + wait_s)
    done, well = ended_requests(w, i)
    tally_by_chance(t, w, i, DRAWS.failed, done, 1.0 - well * works)
    if s.down == 0 and p.mtbf_s + p.retired_per_s + p.added_per_s <= 0.0:
        at_rest(w, i, ENDLESS)


@njit
def check(p, s, c):
    """Every host is up, down or retired."""
    whole = s.up + s.down + s.retired == int(p.hosts_count) + s.added
    return whole and min(s.up, s.down, s.retired, s.added) >= 0
