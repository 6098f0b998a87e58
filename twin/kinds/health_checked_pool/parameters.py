"""The numbers of a pool with health checks, its state, its events, its draws and its cells."""

from __future__ import annotations

from twin.base.rng import CHECK, CLOSE, FAIL, LAUNCH, LOOKUP, LOSE, OPEN, POLL, SPLIT
from twin.mechanisms.draws import FLOW, cohorts, declare
from twin.model.parameter import LATE, Param

BOTH, TARGETS, CHECKERS = range(3)  # choices of ``newcomers``
DAY_S = 86_400.0

PARAMETERS = (
    Param("capacity_per_s", 100_000.0, "1/s", 0.001, 1e12, "calls that all targets together can carry",
          "assumed: only a scale", (1000.0, 1e7)),
    Param("latency_s", 0.005, "s", 0.0, 3600.0, "time that a call takes through a balancer",
          "assumed: one more hop inside a zone", (0.001, 0.02)),
    Param("zones_count", 6, "count", 1, 64, "availability zones; read at the start", "REGIONS"),
    # targets and balancers
    Param("targets_count", 1_200_000, "count", 1, 1e12, "targets that the model counts; read at the start",
          "assumed: only a scale if target_life_s is given", (1_200_000.0, 1_200_000.0)),
    Param("target_life_s", 5.0 * DAY_S, "s", 0.0, 1e10,
          "time that a target serves: with the usual registrations, it gives the number of real targets; "
          "0 = each registration is one of targets_count",
          "assumed: between a daily deployment and a monthly patch", (DAY_S, 30.0 * DAY_S)),
    Param("balancer_targets_count", 20.0, "count", 1.0, 1e9,
          "targets of a balancer, on average; read at the start",
          "assumed: a few instances in each zone", (5.0, 100.0)),
    Param("size_spread_ratio", 3.0, "ratio", 0.01, 100.0,
          "standard deviation of the targets of a balancer over their mean; read at the start",
          "assumed: many small balancers and few large ones", (1.0, 6.0)),
    Param("churn_spread_ratio", 2.0, "ratio", 0.01, 100.0,
          "standard deviation of the newcomers of a target's balancer over their mean; read at the start",
          "assumed: some groups scale every hour, others stand for months", (0.5, 4.0)),
    Param("broken_ratio", 0.003, "ratio", 0.0, 0.9,
          "share of registered targets that never answer a check: customers have left them behind",
          "assumed: a few in a thousand are stopped, misconfigured or forgotten", (0.001, 0.01)),
    Param("fault_ratio", 0.0, "ratio", 0.0, 1.0,
          "chance that a check, or a connection, of a target with its network fails; faults change it",
          "assumed: no fault of its own unless a scenario says so", (0.0, 0.0)),
    Param("faulty_zones_count", 0, "count", 0, 64,
          "number of zones, counted from the first, in which every check and connection fails",
          "assumed: none unless a scenario says so", (0.0, 0.0)),
    # checks
    Param("interval_s", 30.0, "s", 1.0, 300.0, "time between two checks of a target", "NLBDOC"),
    Param("check_timeout_s", 10.0, "s", 0.0, 120.0,
          "a check without an answer fails after this; at most interval_s",
          "NLBDOC", (2.0, 10.0)),
    Param("check_s", 0.005, "s", 0.0, 120.0, "time that a passed check takes",
          "assumed: a connection inside the Region", (0.001, 0.05)),
    Param("unhealthy_count", 2, "count", 1, 10, "failed rounds in a row that take a target or a zone out",
          "assumed: the public default; the internal checker's is unpublished", (2.0, 3.0)),
    Param("healthy_count", 5, "count", 1, 10,
          "passed rounds in a row that bring a target into service, a newcomer too",
          "assumed: the public default; the internal checker's is unpublished", (3.0, 5.0)),
    Param("zone_healthy_count", 1, "count", 1, 10,
          "passed rounds in a row that bring a zone back into DNS: the next one, says PES", "PES"),
    # the checker
    Param("sized_interval_s", 30.0, "s", 1.0, 300.0,
          "interval for which the checker was sized; read at the start", "NLBDOC"),
    Param("headroom_ratio", 2.0, "ratio", 1.0, 1e9,
          "checks at a time that the checker can hold, over those of a usual day; read at the start",
          "assumed: it can lose a zone of three and still grow", (1.2, 5.0)),
    Param("checkers_count", 6000, "count", 0, 1e9, "hosts of the checker; read at the start",
          "assumed: only a scale", (6000.0, 6000.0)),
    Param("checker_life_s", 5.0 * DAY_S, "s", 1.0, 1e10, "time after which a host of the checker is replaced",
          "assumed: as that of a target", (DAY_S, 30.0 * DAY_S)),
    Param("checker_retry_s", 60.0, "s", 1.0, 3600.0, "time between two launches that the checker asks for",
          "assumed: a group of instances tries again about once a minute", (30.0, 600.0)),
    Param("checkers_limit_ratio", 2.0, "ratio", 1.0, 1000.0,
          "most hosts of the checker over the usual ones: it asks for more when checks wait; 1 = none",
          "assumed: a group of instances has an upper limit", (1.0, 4.0)),
    # newcomers
    Param("newcomers", "both", "choice", 0, 2,
          "whose newcomers are in use before their network is there",
          "assumed: the summary of AWS can be read in both ways", None, ("both", "targets", "checkers")),
    Param("unpropagated_fail_ratio", 0.5, "ratio", 0.0, 1.0,
          "chance that a check, or a connection, to or from an instance without its network fails",
          "assumed: results alternated, says PES, so neither 0 nor 1", (0.2, 0.9)),
    Param("wait_for_network", False, "switch", 0, 1,
          "an instance is used only once its network is there; not so on 20 October", "PES"),
    # zones in DNS
    Param("failover", True, "switch", 0, 1, "take zones out of DNS by checks", "PES"),
    Param("stale_s", 60.0, "s", 0.1, 86_400.0, "age at which a zone's check results count against it",
          "assumed: two intervals", (30.0, 120.0)),
    Param("velocity_zones_count", 0, "count", 0, 64,
          "most zones of a balancer that leave DNS in one window, as AWS announced; 0 = no limit",
          "assumed: none before the event", (0, 0)),
    Param("velocity_window_s", 600.0, "s", 1.0, 86_400.0, "window of the limit on leaving zones",
          "assumed: long enough for somebody to look", (60.0, 3600.0)),
    Param("fail_open", True, "switch", 0, 1, "when every zone would leave, all of them serve", "NLBDOC"),
    Param("dns_ttl_s", 60.0, "s", 0.1, 86_400.0, "life of a DNS answer that lists the zones of a balancer",
          "NLBDNS"),
    Param("connection_life_s", 350.0, "s", 0.1, 86_400.0,
          "time that a connection stays with its zone, on average",
          "assumed: a connection that idles so long is closed (NLBDNS); many end earlier", (30.0, 350.0)),
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
    ("zones", "i8"), ("members", "i8"), ("balancers", "i8"), ("transitions", "i8"),
    ("registered", "i8"), ("usual_per_s", "f8"), ("newcomers", "i8"),
    ("hosts", "i8"), ("usual_checks", "f8"), ("own_registrations", "i8"),
    ("out_of_dns", "i8"), ("told", "i8"), ("unresolved", "i8"), ("left", "i8"),
]  # fmt: skip
EVENTS = ("zone_left_dns", "zone_returned")
ZONE_LEFT, ZONE_RETURNED = range(2)
DRAWS = declare(
    failed=cohorts(FAIL),
    checked=cohorts(CHECK),
    settled=cohorts(OPEN),
    divided=cohorts(SPLIT),
    joined=FLOW,
    allowed=FLOW,
    retired=cohorts(LOSE),
    asked=cohorts(POLL),
    launched=cohorts(LAUNCH),
    resolved=cohorts(LOOKUP),
    moved=cohorts(CLOSE),
)

CLASSES = 4  # of balancers: small or large, steady or churning; each has a quarter of all targets
RUNS = 11  # runs of rounds that are counted: to the longest that a threshold may ask for
# A class in a zone: pools of settled targets, of fresh targets, and of balancers' DNS; then totals.
SETTLED, FRESH, DNS, COHORTS = 0, 2 * RUNS, 4 * RUNS, 6 * RUNS
# OUT: balancers that have the zone out of DNS. UNRESOLVED: those whose clients know. LEFT: those whose
# connections have left the zone.
SIZE, IN, FRESH_IN, FRESH_ALL, OUT, UNRESOLVED, LEFT, CLASS = range(COHORTS, COHORTS + 8)
# A zone: its classes; then newcomers since its last turn and those that wait for their network; hosts of its
# checker, those in use without network and those due for replacement; checks that wait, and how long; its
# balancers that have it out of DNS, and whether an event says so; the dependencies that it reads.
NEW, WAITING, HOSTS, BLIND, DUE, CHECKS, WAIT_MS, ZONE_OUT, IS_TOLD, NETWORK, LAUNCHES, ZONE = range(
    CLASSES * CLASS, CLASSES * CLASS + 12
)
# A class, after the zones: balancers; share of newcomers; targets of a balancer in a zone; allowed to leave.
BALANCERS, SHARE_PPM, MILLI_SIZE, MAY_LEAVE, TABLE = range(5)
ALL = 1 << 30  # cohort key of draws that concern no zone
