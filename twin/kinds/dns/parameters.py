"""The numbers of a DNS automation, its state, its events and its draws."""

from __future__ import annotations

from twin.base.rng import BACKOFF, FAIL, POLL
from twin.mechanisms.draws import cohorts, declare
from twin.model.guards import GUARD_MEANINGS
from twin.model.parameter import Param, fault_ratio

PARAMETERS = (
    Param("enactors_count", 3, "count", 1, 8, "Enactors, one per Availability Zone", "PES"),
    Param("endpoints_count", 10, "count", 1, 16, "endpoints that each plan covers, the regional one first",
          "assumed: IPv4, dual-stack, FIPS and internal partitions; number unpublished", (4, 12)),
    Param("keep_count", 10, "count", 1, 60, "number of newest plans that the clean-up keeps",
          "assumed: many recent ones are kept (DAT), how many is unpublished", (5, 30)),
    Param("plan_interval_s", 60.0, "s", 1, 86400, "time between plans",
          "assumed: capacity and traffic shift all the time", (30.0, 300.0)),
    Param("plan_phase_s", 45.0, "s", 0, 86400, "time of the first plan after the scenario's start",
          "chosen: that the race comes with the end of the starvation; since the first runs", (0.0, 60.0)),
    Param("poll_s", 3.0, "s", 0.1, 3600, "how often an idle Enactor looks for a plan",
          "chosen: that the race happens with every seed; since a replay in which it did not", (1.0, 15.0)),
    Param("batch_s", 3.0, "s", 0.1, 600, "one endpoint's change batch, lock and confirmation included",
          "chosen: that the stale plan comes before the clean-up; since the first runs", (2.0, 10.0)),
    Param("cleanup_s", 3.0, "s", 0.1, 600, "deleting the old trees",
          "assumed: as long as a change batch", (1.0, 10.0)),
    Param("backoff_s", 1.0, "s", 0.01, 600, "first wait after a lost lock, doubled after each further one",
          "assumed: a third of a change batch, so that the first wait costs little", (0.5, 5.0)),
    Param("backoff_cap_s", 10.0, "s", 0.01, 86400, "longest wait after a lost lock",
          "assumed: without a maximum, the wait would grow to an hour", (5.0, 60.0)),
    Param("drop_after_count", 0, "count", 0, 1000,
          "lost locks in a row after which an Enactor drops its plan; 0: it never does",
          "assumed: a starved Enactor kept its plan", (0, 0)),
    Param("losing_enactor", 0, "count", 0, 8, "number of the Enactor that loses every lock; 0 for none",
          "assumed: none unless a scenario says so", (0, 0)),
    Param("lost_locks_count", 0, "count", 0, 1_000_000,
          "how many locks that Enactor loses, all in all; 0: as many as it tries",
          "assumed: no limit unless given", (0, 0)),
    Param("automation", True, "switch", 0, 1, "whether Planner and Enactors run", "PE"),
    Param("wrong_plans", False, "switch", 0, 1,
          "plans made now are wrong: they are new, but nothing answers at their addresses",
          "assumed: plans are right unless a scenario says otherwise"),
    Param("repair", False, "switch", 0, 1,
          "operators repair by hand: they point the root at a tree that is kept", "PE"),
    Param("repair_s", 600.0, "s", 1, 86400, "from the start of the repair by hand to its effect",
          "MODELLING", (300.0, 600.0)),
    Param("scripted", False, "switch", 0, 1,
          "Planner and Enactors move only as a trace of the explorer says: twin run --trace", "MODELLING"),
    Param("scripted_move", 0, "count", 0, 1000000, "number of the latest move of the trace",
          "assumed: none without a trace", (0, 0)),
    Param("scripted_actor", 0, "count", 0, 8, "who makes it: 0 the Planner, else the number of an Enactor",
          "assumed: nobody without a trace", (0, 0)),
    Param("scripted_lock_steps", False, "switch", 0, 1,
          "the trace lists each read of a lock as a separate step", "MODELLING"),
    Param("original_design", False, "switch", 0, 1,
          "original design: one step checks a plan and updates all endpoints", "DAT"),
    *(Param("guard_" + name.replace("-", "_"), False, "switch", 0, 1, f"guard {name}: {meaning}",
            "MODELLING")
      for name, meaning in GUARD_MEANINGS.items()),
    fault_ratio("share of queries answered without records, whatever the zone holds; faults change it"),
)  # fmt: skip
BREAKS = {"down": {"fault_ratio": 1.0}, "partial": {"fault_ratio": 0.5}}
STATE = [("next_plan", "i8"), ("repair_since", "i8"), ("was_empty", "i8"), ("wedged", "i8"),
         ("moved", "i8"), ("stuck", "i8"), ("lost_locks", "i8"),
         ("first_wrong", "i8"), ("last_wrong", "i8"), ("was_wrong", "i8")]  # fmt: skip
EVENTS = ("endpoint_emptied", "endpoint_restored", "enactor_wedged", "endpoint_misled", "endpoint_put_right")
EMPTIED, WEDGED_EVENT, MISLED = 0, 2, 3
DRAWS = declare(well=FAIL, backoff=cohorts(BACKOFF), poll=cohorts(POLL))
