"""The numbers of a pool of execution capacity, its state, its events and its draws."""

from __future__ import annotations

from twin.base.rng import ABANDON, FAIL, LAUNCH, LOSE, OPEN, SPLIT
from twin.mechanisms.draws import FLOW, cohorts, declare
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
    Param("cells_count", 1, "count", 1, 1000,
          "cells of the pool, among which calls are spread; read at the start",
          "assumed: one cell unless given", (1.0, 1.0)),
    Param("subsystems_count", 1, "count", 1, 100,
          "subsystems of a cell, each of which a call needs; read at the start",
          "assumed: one unless given", (1.0, 1.0)),
    Param("utilisation_spread_ratio", 0.0, "ratio", 0.0, 0.5,
          "how far the utilisation of subsystems is spread around utilisation_ratio, to each side",
          "assumed: all are alike unless given", (0.0, 0.0)),
    Param("exposed_ratio", 1.0, "ratio", 0.0, 1.0,
          "share of the subsystems of a cell whose members are terminated by health checks",
          "assumed: all of them unless given", (1.0, 1.0)),
    Param("grace_s", 300.0, "s", 1.0, 86400.0,
          "time after its launch at which an instance that has no network is terminated",
          "assumed: a group waits some minutes for the first answer", (60.0, 1800.0)),
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
DRAWS = declare(
    added=FLOW, replaced=FLOW, lost=cohorts(LOSE), failed=FAIL, able=LAUNCH, ready=OPEN, given_up=ABANDON,
    filled=cohorts(SPLIT),
)  # fmt: skip
STATE = [
    # standing + missing = the pool; of the missing: asked for, without a network yet, and in vain
    ("standing", "i8"), ("missing", "i8"), ("starting", "i8"), ("coming", "i8"), ("doomed", "i8"),
    # how many were launched, and how many of these in vain
    ("launched", "i8"), ("in_vain", "i8"), ("asked", "i8"), ("losing", "i8"), ("last_short", "i8"),
]  # fmt: skip
EVENTS = ("capacity_short", "capacity_back")
SHORT, BACK = range(2)
