"""The numbers of a station, its state and its draws."""

from __future__ import annotations

from twin.base.rng import ABANDON, FAIL, SERVE, SPLIT
from twin.mechanisms.draws import cohorts, declare
from twin.mechanisms.requests.parameters import (
    FAULT_PARAMETERS,
    INSTANCE_PARAMETERS,
    SCALING_PARAMETERS,
    WORKER_PARAMETERS,
)
from twin.mechanisms.station import FIELDS
from twin.model.parameter import LATE, Param

PARAMETERS = (
    Param("capacity_per_s", 1e9, "1/s", 0.0, 1e12, "calls served per second by all servers together",
          "assumed: not the bottleneck unless given", (1e9, 1e9), divided=True),
    Param("capacity_ratio", 1.0, "ratio", 0.0, 100.0, "multiplies the capacity; faults change it",
          "assumed: all of it unless a scenario says otherwise", (1.0, 1.0)),
    Param("half_capacity_backlog_count", 0.0, "count", 0.0, 1e12,
          "backlog at which the capacity has fallen to half, by contention or paging; 0 for never",
          "assumed: no degradation unless given", (0.0, 0.0), divided=True),
    Param("servers_count", 0, "count", 0, 1_000_000, "servers that share the capacity; 0 for very many",
          "assumed: many small workers", (0, 0), divided=True),
    Param("service", "deterministic", "choice", 0, 1, "distribution of the processing time of a server",
          "assumed: chance averages out over many calls", choices=("deterministic", "exponential")),
    Param("service_time_s", 0.02, "s", 0.0, 3600.0, "fixed latency, added to the processing time",
          "assumed: a fast API call", (0.005, 0.2)),
    Param("buffer_count", 1e12, "count", 0.0, 1e12, "most that waits; more is refused",
          "assumed: unbounded unless given", (1e12, 1e12), divided=True),
    Param("discipline", "fifo", "choice", 0, 2,
          "the next call: the oldest (fifo), the newest (lifo), or the oldest whose client still waits "
          "(deadline_drop: other waiting work is dropped at no cost)",
          "assumed: plain queues", choices=("fifo", "lifo", "deadline_drop")),
    Param("throttle_per_s", 0.0, "1/s", 0.0, 1e12, "tokens a second of the bucket that admits calls; 0: off",
          "assumed: no throttle unless given", (0.0, 0.0), divided=True),
    Param("burst_count", 0.0, "count", 0.0, 1e12, "most tokens that the bucket holds",
          "assumed: no burst unless given", (0.0, 0.0), divided=True),
    Param("admitted_ratio", 1.0, "ratio", 0.0, 1.0, "share of attempts that is let in: an emergency throttle",
          "assumed: all unless a scenario says otherwise", (1.0, 1.0)),
    Param("retry_on_reject", True, "switch", 0, 1, "clients try again when refused", "SDK"),
    Param("fault_ratio", 0.0, "ratio", 0.0, 1.0, "share of attempts that fail here; faults change it",
          "assumed: no fault of its own unless a scenario says so", (0.0, 0.0)),
    Param("patience_s", 0.0, "s", 0.0, 1e7, "mean time until a waiting client leaves the queue; 0: never",
          "assumed: clients know only their time-out", (0.0, 0.0)),
    Param("initial_backlog_count", 0.0, "count", 0.0, 1e12, "work at the start, whose clients have gone",
          "assumed: none unless given", (0.0, 0.0), divided=True),
    *WORKER_PARAMETERS,
    *FAULT_PARAMETERS,
    *SCALING_PARAMETERS,
    *INSTANCE_PARAMETERS,
)  # fmt: skip
BREAKS = {
    "down": {"capacity_ratio": 0.0},  # clients wait in vain; one that refuses them has fault_ratio 1
    "slow": {"service_time_s": LATE},
    "partial": {"fault_ratio": 0.5, "capacity_ratio": 0.5},  # half of its servers, to which half of them go
}
STATE = [
    *FIELDS,
    ("substeps", "i8"), ("busy", "i8"), ("guarded", "i8"), ("least_s", "f8"),
    ("tokens", "f8"), ("admitted", "i8"), ("bound", "i8"),
    # of this tick
    ("offered", "i8"), ("good", "i8"), ("failed", "i8"), ("own_failed", "i8"), ("age_s", "f8"),
    # since the start: attempts; and, while busy, calls
    ("all_offered", "i8"), ("all_good", "i8"), ("all_failed", "i8"),
    ("calls_begun", "i8"), ("calls_good", "i8"), ("calls_lost", "i8"),
]  # fmt: skip
EVENTS: tuple[str, ...] = ()

FIFO, LIFO, DEADLINE_DROP = range(3)  # choices of discipline

# Each by substep of the tick.
DRAWS = declare(admitted=cohorts(SPLIT), failed=cohorts(FAIL), served=cohorts(SERVE), left=cohorts(ABANDON))
