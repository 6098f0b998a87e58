"""A fleet of hosts, each of which breaks, is repaired, retired or joined by another at random.

The real system. Servers fail now and then and come back when somebody or something has repaired them; some
are retired for good; a fleet that scales in proportion to itself adds hosts at a rate per host.

The claim. Hosts know nothing of each other, so the fleet is two counts. A host that breaks every ``mtbf_s``
of service and is back after ``mttr_s`` is up mtbf/(mtbf + mttr) of the time, and a fleet recovers from a
shock at the sum of both rates. Calls are spread over all hosts: the share that fails is the share that is
down. What waits is broken hosts.

Left out. Load on the hosts that are left, health checks that take broken ones out (see health_checked_pool),
common causes. Rates act over a tick as a whole: no host both breaks and is repaired within one.
"""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.base.rng import ARRIVE, COMPLETE, FAIL, LOSE
from twin.mechanisms.arrays import EDGE_CARRIES, REPLICATE, SEED, SERVICE_CARRIES
from twin.mechanisms.calls import answer, depend, draw, intake, tally
from twin.mechanisms.sampling import arrivals, compete
from twin.model.parameter import LATE, Param, fault_ratio

PARAMETERS = (
    Param("hosts_count", 100, "count", 1, 1e12, "hosts at the start, all up", "assumed: only a scale",
          (10.0, 100_000.0)),
    Param("host_capacity_per_s", 10.0, "1/s", 0.001, 1e9, "calls per second of a host, for reports",
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
    fault_ratio("share of calls that fail here: a fault's knob"),
)  # fmt: skip
BREAKS = {
    "down": {"fault_ratio": 1.0},
    "slow": {"service_time_s": LATE},
    "partial": {"fault_ratio": 0.5},
}
STATE = [("up", "i8"), ("down", "i8"), ("retired", "i8"), ("added", "i8")]
EVENTS: tuple[str, ...] = ()


def cells(p, callers, tick_s: float) -> int:
    """Two counts are enough."""
    return 0


def init(p, s, c, callers, tick_s: float) -> None:
    """All hosts are up."""
    s.up = int(p.hosts_count)


@njit
def rate(mean_s):
    """Events a second of what happens after ``mean_s`` on average, 0 for never."""
    return 1.0 / mean_s if mean_s > 0.0 else 0.0


@njit
def live_and_die(t, w, i, p, s):
    """Hosts break or are retired, whichever comes first; broken ones come back; others are added."""
    row, dt = w.svc[i], w.tick_s[0]
    slot = EDGE_CARRIES * len(w.edge) + SERVICE_CARRIES * i
    seed, luck, exact = w.clock[SEED], w.clock[REPLICATE], row.exact != 0
    back = draw(t, w, i, COMPLETE, 0, s.down, -math.expm1(-dt * rate(p.mttr_s)))
    mean = s.up * math.expm1(p.added_per_s * dt)
    fresh = arrivals(mean, exact, w.carry, slot + ARRIVE, seed, row.key, t, ARRIVE, luck)
    broken, gone = compete(
        s.up, rate(p.mtbf_s), p.retired_per_s, dt, exact, w.carry, slot + 24, seed, row.key, t, LOSE, luck
    )
    s.up += back + fresh - broken - gone
    s.down += broken - back
    s.retired += gone
    s.added += fresh


@njit
def step(t, w, i, p, s, c):
    """One tick: hosts come and go, and calls land on one of them."""
    live_and_die(t, w, i, p, s)
    row = w.svc[i]
    n = intake(t, w, i)
    ok, wait = depend(t, w, i, n)
    here = s.up + s.down
    works = s.up / here * (1.0 - p.fault_ratio) if here > 0 else 0.0
    row.own_blame = 1.0 - works
    row.capacity_per_s, row.backlog = s.up * p.host_capacity_per_s, s.down
    answer(w, i, ok * works, p.service_time_s + wait)
    failed = draw(t, w, i, FAIL, 0, n, 1.0 - ok * works)
    tally(w, i, n - failed, failed)


@njit
def check(p, s, c):
    """Every host is up, down or retired."""
    whole = s.up + s.down + s.retired == int(p.hosts_count) + s.added
    return whole and min(s.up, s.down, s.retired, s.added) >= 0
