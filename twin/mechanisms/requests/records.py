"""The arrays of calls that are stepped one by one: stations, links, calls in flight, and what is due when.

    i  number of a service     st  its row in ``stations``      q  number of a call    x  its row in ``calls``
    e  number of an edge       l   its row in ``links``         r  its row in ``edge``

Times are whole microseconds since the start of the run. A *call* is one attempt: a row of ``calls`` from the
moment at which it is sent until the callee has worked it off and the caller has stopped to wait.
"""

from __future__ import annotations

import numpy as np

SECOND = 1_000_000.0
NOBODY = -1
FOREVER = 1 << 61

# Roles of a service.
COUNTED, CUSTOMERS, PROGRAM, HOLDERS = range(4)
# Kinds of steps of a request.
SERIAL, PARALLEL, ALTERNATIVES = range(3)
# Outcomes of a call or request.
WELL, FAILED, TIMED_OUT, DEGRADED = range(4)
REQUEST_OUTCOMES = ("served", "failed", "timed_out", "degraded")
# What is due, or to be done next.
(
    ARRIVAL, ARRIVE, PROCEED, WORK_DONE, FINISH, ENDED, TIMEOUT, RETRY, CONNECTION_END, EVALUATE, READY,
    PULL, RENEW, LAPSE, BOOT, RESTART, FILL, LEAVE, SEND, HIT, HERD, STRIKE,
) = range(22)  # fmt: skip
KIND_BIT = 40
AT_A_TIME = 1000  # of a herd that one event handles, so that the arrays can grow between two
# States of a call.
FREE, SENT, WAITING, WORKING, SILENT, HELD = range(6)
# States of a connection.
CLOSED, SHAKING, IDLE, USED, EXPIRED = range(5)
# Counters.
(
    NOW, SEQUENCE, DUE, FREE_CALL, CALLS_USED, TODO_FIRST, TODO_LAST, N_REQUESTS, N_BOOKS, IS_ON, BEGUN,
) = range(11)  # fmt: skip
N_COUNTERS = 11

Fields = list[tuple[str, str]]


def ints(names: str) -> Fields:
    """Fields of whole numbers."""
    return [(name, "i8") for name in names.split()]


def floats(names: str) -> Fields:
    """Fields of real numbers."""
    return [(name, "f8") for name in names.split()]


def record_of(*fields: Fields) -> np.dtype:
    """The type of a row with these fields."""
    return np.dtype((np.record, [field for some in fields for field in some]))


STATION = record_of(
    ints("role weight plan steps before_work"),
    # numbers, set by the kind at the beginning of each tick
    ints("slots base_slots per_member whole_request"),
    floats("work_s"),
    ints("is_random"),
    floats("delay_s error_s fault_ratio"),
    ints("fails_after"),
    floats("silent_ratio slow_ratio slow_s places"),
    ints("discipline"),
    floats("throttle_per_s burst_count admitted_ratio"),
    ints("retry_on_reject"),
    floats("patience_s half_count rate_per_s"),
    ints("batch"),
    # autoscaling
    floats("target_ratio evaluation_s lag_s cooldown_s"),
    ints("least most patient_evaluations"),
    floats("capacity_ratio"),
    ints("serving starting acted fewer"),
    floats("busy_before"),
    # instances, lease holders: their rows in ``members``
    ints("members members_count up"),
    floats("lapse_ratio"),
    ints("struck to_strike"),
    floats("restarts_per_s renew_s lease_s retry_s"),
    ints("boot"),
    # the queue and the slots
    ints("busy waiting first last promised"),
    floats("tokens"),
    ints("tokens_at"),
    # customers: the share of the next gap that is left, the rate and moment at which it was set
    floats("gap rate_then"),
    ints("since version drawn"),
    # books of the signal period so far: requests that ended, that failed by the service itself
    ints("period_ended period_own_failed"),
    # when a call last ended, or nobody was served
    ints("last_end"),
    # books of the tick; time integrals of busy and waiting, up to ``noted``
    ints("offered good failed own_failed"),
    floats("spent"),
    ints("finished backlog"),
    floats("busy_area waiting_area"),
    ints("noted"),
    floats("busy_period sample_busy sample_waiting"),
    ints("sampled"),
    # since the start, for conservation
    ints("all_offered all_good all_failed inside"),
)

LINK = record_of(
    # fixed: the edge that is called after this one fails; the group of alternatives
    ints("fallback group group_count place"),
    # calls that wait for an answer, by the moment at which the caller gives up; the timer
    ints("first last timer version"),
    # breaker; retry budget and quota; rate limit of a throttle
    ints("in_a_row open_until is_open probing probes_ended epoch window window_bad"),
    floats("tokens spent asked accepted"),
    ints("faded"),
    # store of work that is handed over: a list of calls; blocked requests
    ints("store_first store_last stored blocked_first blocked_last next_pull is_due"),
    floats("store_area"),
    ints("store_noted"),
    floats("store_sampled asked_per_s"),
    ints("back_off"),
    # connections: their rows, how many are open or in handshake, idle ones, who waits for one
    ints("conns is_fleet conns_count open idle closed wait_first wait_last waiting"),
    # cache: its rows in ``marks`` (expiry, first who waits), popularity
    ints("keys keys_count popular hits asks"),
    # books: of the sample interval, in attempts at the caller; since the start
    ints("sent served failed timed_out refused late lost all_sent all_served all_failed"),
    ints("all_timed_out in_flight callee_served all_late opened"),
    # of the signal period so far: requests that failed here, time that requests spent here
    ints("blamed longest"),
    floats("spent_here"),
    ints("ended"),
)

CALL = record_of(
    ints("state version key nature spawned"),
    # who calls: the request (or -1), its version and step; a member or a connection
    ints("parent parent_version parent_step owner edge service attempt tried moves is_awaited sent"),
    ints("first_sent due epoch"),
    floats("last_wait_s"),
    # at the callee: outcome, begin, fault after work, position among the steps
    ints("outcome arrived will_fail has_worked has_slot step left chosen out any_failed is_degraded"),
    ints("conn cache_key is_refused"),
    # lists: of a queue or store; of those who may time out
    ints("next before after"),
)

CONNECTION = record_of(
    ints("state edge version next"),
)

MEMBER = record_of(
    ints("service is_up version key begun lease_until asks"),
)

REQUEST = record_of(
    ints("edge"),
    floats("start_s latency_s"),
    ints("outcome weight"),
)

BOOK = record_of(
    ints("tick edge sent served failed timed_out refused_by_client served_late in_flight"),
    floats("stored_count"),
    ints("lost asked_cache hits opened"),
    floats("open_count oldest_age_s longest_age_s"),
)
