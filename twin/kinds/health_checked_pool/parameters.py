"""The numbers of a pool with health checks, its state, its events, its draws and its cells."""

from __future__ import annotations

from twin.base.rng import CHECK, FAIL, OPEN
from twin.mechanisms.draws import FLOW, cohorts, declare
from twin.model.parameter import LATE, Param

PARAMETERS = (
    Param("capacity_per_s", 100_000.0, "1/s", 0.001, 1e12, "calls that all members together can carry",
          "assumed: only a scale", (1000.0, 1e7)),
    Param("latency_s", 0.005, "s", 0.0, 3600.0, "time that a call takes through a balancer",
          "assumed: one more hop inside a zone", (0.001, 0.02)),
    Param("zones_count", 6, "count", 1, 64, "availability zones; read at the start", "REGIONS"),
    Param("targets_count", 120_000, "count", 1, 1e12, "members: nodes and targets; read at the start",
          "assumed: only ratios to it matter", (10_000.0, 1e7)),
    Param("interval_s", 30.0, "s", 1.0, 300.0, "time between two checks of a member",
          "chosen: that the checker is overloaded; the public default; since the first pool", (10.0, 30.0)),
    Param("check_timeout_s", 10.0, "s", 0.0, 120.0,
          "a check without an answer fails after this; at most interval_s",
          "NLBDOC", (2.0, 10.0)),
    Param("unhealthy_count", 2, "count", 1, 10, "failed rounds in a row that take a member or a zone out",
          "assumed: the public default; the internal checker's is unpublished", (2.0, 3.0)),
    Param("healthy_count", 5, "count", 1, 10, "passed rounds in a row that bring a member or a zone back",
          "assumed: the public default; the internal checker's is unpublished", (3.0, 5.0)),
    Param("fault_ratio", 1e-6, "ratio", 0.0, 1.0,
          "chance that a check, or a connection, of a settled member fails",
          "assumed: rare in a fleet at rest", (0.0, 1e-4)),
    Param("faulty_zones_count", 0, "count", 0, 64,
          "number of zones, counted from the first, in which every check and connection fails",
          "assumed: none unless a scenario says so", (0.0, 0.0)),
    Param("unpropagated_fail_ratio", 0.5, "ratio", 0.0, 1.0,
          "chance that a check, or a connection, of a member without its network configuration fails",
          "assumed: results alternated, says PES, so neither 0 nor 1", (0.2, 0.9)),
    Param("wait_for_network", False, "switch", 0, 1,
          "a new member joins only once its network configuration is there; not so on 20 October", "PES"),
    Param("headroom_ratio", 1.2, "ratio", 1.0, 1e9,
          "capacity of the checker divided by its work when nothing changes",
          "chosen: that only the morning overloads the checker; since the first pool", (1.05, 2.0)),
    Param("transition_work_count", 200.0, "count", 0.0, 1e6,
          "work when a member leaves or comes back, in checks: size of the affected balancer",
          "chosen: that the checker is overloaded: a tenth does not do it; since the first", (20.0, 600.0)),
    Param("failover", True, "switch", 0, 1, "take members and zones out of service by checks", "PES"),
    Param("balancers_count", 6000, "count", 1, 1e9, "load balancers; read at the start",
          "assumed: 20 members each; only ratios matter", (600.0, 1e6)),
    Param("zone_floor_ratio", 0.5, "ratio", 0.0, 1.0,
          "a zone leaves DNS if its share of members in service is below this",
          "assumed: unpublished; customers may choose another limit", (0.02, 0.9)),
    Param("stale_s", 60.0, "s", 0.1, 86_400.0, "age at which a zone's check results count against it",
          "assumed: two intervals", (30.0, 120.0)),
    Param("velocity_zones_count", 0, "count", 0, 64,
          "most zones of a balancer that leave DNS in one window, as AWS announced; 0 = no limit",
          "assumed: none before the event", (0, 0)),
    Param("velocity_window_s", 600.0, "s", 1.0, 86_400.0, "window of the limit on leaving zones",
          "assumed: long enough for somebody to look", (60.0, 3600.0)),
    Param("fail_open", True, "switch", 0, 1, "when every zone would leave, all of them serve", "NLBDOC"),
    Param("utilisation_low_ratio", 0.2, "ratio", 0.0, 1.0,
          "utilisation of the idlest balancer at the daily peak",
          "chosen: that only some balancers have errors; since the first pool", (0.05, 0.4)),
    Param("utilisation_high_ratio", 0.9, "ratio", 0.01, 1.0,
          "utilisation of the busiest balancer at the daily peak",
          "assumed: balancers differ; few run without a zone to spare", (0.7, 1.0)),
)  # fmt: skip
BREAKS = {
    "down": {"fault_ratio": 1.0},
    "slow": {"latency_s": LATE},
    "partial": {"fault_ratio": 0.5},
}
STATE = [
    ("zones", "i8"), ("members", "i8"), ("balancers", "i8"), ("newcomers", "i8"), ("settled_newcomers", "i8"),
    ("checks", "i8"), ("updates", "i8"), ("transitions", "i8"),
    ("out_of_dns", "i8"), ("may_leave", "f8"), ("lease", "i8"),
]  # fmt: skip
EVENTS = ("zone_left_dns", "zone_returned")
ZONE_LEFT, ZONE_RETURNED = range(2)
DRAWS = declare(
    failed=cohorts(FAIL),
    checked=cohorts(CHECK),
    settled=cohorts(OPEN),
    checks=FLOW,
    updates=FLOW,
    checks_served=FLOW,
    updates_served=FLOW,
)

RUNS = 11  # runs of rounds that are counted: to the longest that a threshold may ask for
# A zone's cells: pools of settled members, of fresh members, and of balancers' DNS; then these totals.
SETTLED, FRESH, DNS, COHORTS = 0, 2 * RUNS, 4 * RUNS, 6 * RUNS
SIZE, IN, FRESH_IN, FRESH_ALL, OUT, ZONE = range(COHORTS, COHORTS + 6)
ALL = 1 << 30  # cohort key of draws that concern no zone
