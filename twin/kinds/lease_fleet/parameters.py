"""The numbers of a lease fleet, its state, its events and its draws."""

from __future__ import annotations

from twin.base.rng import CHECK, CLOSE, COMPLETE, DELAY, LAPSE, LOSE, OPEN, SERVE, SPLIT
from twin.mechanisms.draws import FLOW, cohorts, declare
from twin.model.parameter import Param, fault_ratio

PARAMETERS = (
    Param("holders_count", 1_000_000, "count", 1, 1e10, "holders of a lease: droplets, in DWFM's case",
          "assumed: only holders divided by capacity matters; outsiders guess a million", (1e5, 1e7),
          divided=True),
    Param("hosts_count", 60, "count", 1, 10_000,
          "hosts that keep the leases; holders and capacity are divided among them",
          "assumed: a hundred or so over the zones", (12, 200), divided=True),
    Param("slot_s", 10.0, "s", 0.001, 600.0, "how often a host works off checks and queue",
          "assumed: a step size of the model, not a property of DWFM; a twentieth of the time-out or less",
          (10.0, 10.0)),
    Param("check_interval_s", 180.0, "s", 0.001, 86_400.0, "time from a state check of a holder to the next",
          "assumed: published as every few minutes", (60.0, 300.0)),
    Param("lease_s", 600.0, "s", 0.001, 86_400.0,
          "a lease lapses this long after the last check that passed; at least a check interval",
          "assumed: a few checks may fail", (300.0, 1800.0)),
    Param("lapse_per_s", 1e-5, "1/s", 0.0, 1.0, "rate at which a holder loses its lease without any trouble",
          "assumed: a hundred of a million are broken at any time, MODAL says", (1e-6, 1e-4)),
    Param("lapse_ratio", 0.0, "ratio", 0.0, 1.0,
          "share of the leases that is lost at the moment at which this is set",
          "assumed: none unless a scenario says so", (0.0, 0.0)),
    Param("broken_at_start_ratio", 0.0, "ratio", 0.0, 1.0, "share of holders without lease at the start",
          "assumed: a run begins undisturbed, unless it studies a cold start", (0.0, 0.0)),
    Param("capacity_per_s", 225.0, "1/s", 0.0, 1e12, "leases that the whole fleet of hosts can establish",
          "chosen: that a million take the published 74 min; since the first loop", (50.0, 1500.0),
          divided=True),
    Param("min_duration_s", 10.0, "s", 0.001, 3600.0, "mean time that one attempt takes on an idle host",
          "assumed: a few calls and a conversation with the holder", (1.0, 30.0)),
    Param("timeout_s", 180.0, "s", 0.001, 14_400.0, "an attempt that is not done after this time has failed",
          "chosen: that the queue collapses, as any few minutes do; since the first loop", (60.0, 1200.0)),
    Param("workflow", "processor_sharing", "choice", 0, 2,
          "processor_sharing: all attempts run together; fifo: one after another; renewal: an "
          "approximation of processor_sharing by its mean rate, without time-outs",
          "assumed: concurrent workflows; the published times fit all three",
          choices=("processor_sharing", "fifo", "renewal")),
    Param("steps", 8, "count", 0, 32, "serial steps of the work, lost on time-out; 0 is work of fixed size",
          "chosen: that the queue collapses: with four it does not; since the first loop", (5, 16)),
    Param("half_capacity_backlog_count", 0, "count", 0, 1e12, "backlog that halves capacity; 0 = none",
          "assumed: the collapse needs no slower hosts", (0, 0), divided=True),
    Param("admission_ratio", 0.0, "ratio", 0.0, 100.0,
          "longest queue of a host, as a multiple of capacity × timeout_s; 0 = no limit",
          "assumed: no throttle before the event", (0.0, 1.0)),
    Param("drop_expired", False, "switch", 0, 1, "fifo: work that has timed out leaves the queue undone",
          "assumed: not before the event"),
    Param("restart_per_s", 0.0, "1/s", 0.0, 1000.0,
          "above 0, each overloaded host is restarted once, at this rate",
          "assumed: an action, not a habit", (0.0, 1.0), divided=True),
    Param("boot_s", 180.0, "s", 0.0, 7200.0, "mean restart time of a host; at random 1/3 to 5/3 of this",
          "assumed: one to five minutes", (60.0, 600.0)),
    Param("needed_ratio", 0.8, "ratio", 0.001, 1.0, "share of leased holders below which launches lack room",
          "assumed: a fifth of the holders is spare", (0.5, 0.95)),
    fault_ratio("share of checks, finished attempts and launches that fail here; faults change it"),
)  # fmt: skip
BREAKS = {
    "down": {"fault_ratio": 1.0},
    "slow": {"min_duration_s": 3600.0},  # no attempt is done before it times out
    "partial": {"fault_ratio": 0.5},
}
EVENTS = ("timeouts", "timeouts_ended", "restarts", "restarts_ended", "leases_lapsing", "leases_held")
TIMEOUTS, TIMEOUTS_ENDED, RESTARTS, RESTARTS_ENDED, LAPSING, LEASES_HELD = range(6)
STATE = [
    *((name, "i8") for name in ("hosts", "holders", "slot_ticks", "phases", "classes", "ring")),
    *((name, "i8") for name in ("leased", "queued", "away")),
    *((name, "i8") for name in ("ok_sum", "holds_sum", "attempt_sum", "release_sum")),
    *((name, "i8") for name in ("finished", "is_lapsing", "last_timeout")),
    *((name, "i8") for name in ("wave_at", "wave_count", "wave_event")),
]
FIFO, RENEWAL = 1.0, 2.0  # positions in the choices of workflow
DRAWS = declare(
    connected=cohorts(CLOSE),  # connections that live on
    opened=cohorts(OPEN),  # connections that can be opened again
    passed=cohorts(CHECK),
    lapsed=cohorts(LAPSE),
    dropped=cohorts(LOSE),  # by lapse_ratio
    put_off=cohorts(SPLIT),  # lapses that fall into the later of two slots
    finished=cohorts(COMPLETE),
    leased=cohorts(SERVE),
    boot=cohorts(DELAY),
    restarted=FLOW,
)
