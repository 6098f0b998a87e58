"""The arrays that one run is made of, as records, and the tuple that holds them.

A *service* row is the front panel of a service. It shows what the service was offered and did in this tick,
and what its callers may know. An *edge* row is one dependency: the caller's side (calls, connections) and the
callee's side (outcome). Each side has a copy that the other side may read. Nothing reads what was written in
the same tick. Copies are published after every tick inside a domain, and after every signal period across
domains.

What is called what, in compiled code:

    t      the tick                          panel  row of a service in ``svc``
    w      the arrays of the run (State)     r      row of a dependency in ``edge``
    i, e   number of a service, of an edge   p      parameters of the service (a kind's PARAMETERS)
    c      the service's cells               s      state of the service (a kind's STATE)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from twin.model.dependency_parameters import EDGE_PARAMETERS

MODES = (
    "hard", "soft", "cached", "new_connections", "lease", "async", "fire_and_forget", "bootstrap",
)  # fmt: skip
HARD, SOFT, CACHED, NEW_CONNECTIONS, LEASE, ASYNC, FIRE_AND_FORGET, BOOTSTRAP = range(8)
LEGACY, STANDARD, ADAPTIVE = range(3)  # RETRY_MODES
SIGNALS = (
    "error_ratio", "latency_ratio", "backlog_s", "capacity_ratio", "utilisation_ratio", "oldest_age_s",
    "offered_per_s", "goodput_per_s",
)  # fmt: skip

OWN = -1  # blamed edge: the service's own mechanism

SERVICE = np.dtype(
    (
        np.record,
        [
            # where things are
            ("key", "i8"),
            ("kind", "i8"),
            ("slot", "i8"),
            ("exact", "i8"),
            ("in_start", "i8"),
            ("in_end", "i8"),
            ("out_start", "i8"),
            ("out_end", "i8"),
            ("async_in", "i8"),  # whether callers hand over work
            ("cell", "i8"),
            ("cells", "i8"),
            # this tick: what the step has called (contract.py); calls (attempts), in counts
            ("called", "i8"),
            ("offered", "i8"),
            ("good", "i8"),
            ("failed", "i8"),
            # books (books.py): own requests that ended in this tick, share of these that dependencies served,
            # those that still wait for a call; calls of others that are held here, and whether the step has
            # settled them itself
            ("ended", "i8"),
            ("ended_ok", "f8"),
            ("open_requests", "i8"),
            ("in_flight", "i8"),
            ("settled", "i8"),
            # a block of ticks (blocks.py): whether it calls inside its domain (1), is called there (2);
            # whether a near dependency says something new; whether it has accepted what is handed over;
            # whether what comes is listed (no client has a policy), work is handed over; whether its
            # dependencies say the same in each tick, beyond the block too, or for want of room at one of
            # them; and what they say; what callers have been told, and for how many ticks books are open
            # because it is still true; the most calls with which a tick is as this one, for its step, for
            # its dependencies
            ("is_near", "i8"),
            ("has_news", "i8"),
            ("accepts", "i8"),
            ("is_listed", "i8"),
            ("hands_over", "i8"),
            ("is_still", "i8"),
            ("stays_on", "i8"),
            ("is_utilised", "i8"),
            ("still_from", "i8"),
            ("still_ok", "f8"),
            ("still_wait_s", "f8"),
            ("is_told", "i8"),
            ("told_ok", "f8"),
            ("told_latency_s", "f8"),
            ("told_headroom", "f8"),
            ("pending_from", "i8"),
            ("pending", "i8"),
            ("most_at_rest", "i8"),
            ("most_still", "i8"),
            # requests whose end is drawn together (tally_by_chance in calls.py): how many, the chance of each
            # to fail, the last of their ticks, the draw
            ("due_count", "i8"),
            ("due_miss", "f8"),
            ("due_tick", "i8"),
            ("due_draw", "i8"),
            # calls that begin here (own_calls.py): whether some do, their rate, the ticks for which they are
            # drawn, how many; to which tick they are listed with those that come
            ("begins_here", "i8"),
            ("own_per_s", "f8"),
            ("own_from", "i8"),
            ("own_until", "i8"),
            ("own_calls", "i8"),
            ("own_listed", "i8"),
            # zones: 1 for the front of several, 2 if it also reports their sums (zones.py); what each service
            # counted in the last signal period
            ("fronts", "i8"),
            ("closed_offered", "i8"),
            ("closed_good", "i8"),
            ("closed_failed", "i8"),
            ("closed_latency", "f8"),
            # level of the moment
            ("capacity_per_s", "f8"),
            ("backlog", "i8"),
            ("waiting", "i8"),
            ("latency_s", "f8"),
            ("missed", "f8"),
            ("load_per_s", "f8"),
            ("own_blame", "f8"),
            # causes: the kind's mechanism at work and the last one that ended; the input that acts here, and
            # whether that has ended; what callers may name as the cause of their trouble, and of its end, and
            # which of these are written on their dependencies
            ("own_event", "i8"),
            ("own_cause", "i8"),
            ("own_closed", "i8"),
            ("input_event", "i8"),
            ("input_over", "i8"),
            ("trouble", "i8"),
            ("trouble_end", "i8"),
            ("shown", "i8"),
            ("shown_end", "i8"),
            ("shown_input", "i8"),
            # the day of those who call: how far load falls at night, when it peaks, where it is now
            ("swing_ratio", "f8"),
            ("peak_s", "f8"),
            ("load_ratio", "f8"),
            # this signal period, and the sample being gathered
            ("p_offered", "i8"),
            ("p_good", "i8"),
            ("p_failed", "i8"),
            ("p_latency", "f8"),
            ("p_missed", "f8"),
            ("a_offered", "i8"),
            ("a_good", "i8"),
            ("a_failed", "i8"),
            ("a_latency", "f8"),
            ("a_periods", "i8"),
            # signals of the last period, in the order of SIGNALS
            ("error_ratio", "f8"),
            ("latency_ratio", "f8"),
            ("backlog_s", "f8"),
            ("capacity_ratio", "f8"),
            ("utilisation_ratio", "f8"),
            ("oldest_age_s", "f8"),
            ("offered_per_s", "f8"),
            ("goodput_per_s", "f8"),
            ("quiet_latency_s", "f8"),
            ("quiet_capacity_per_s", "f8"),
            ("quiet_offered_per_s", "f8"),
            ("failing_ratio", "f8"),
            # onset and recovery: the onset that is open, the last recovery, how events are numbered
            ("open_event", "i8"),
            ("closed_event", "i8"),
            ("event_tick", "i8"),
            ("event_seq", "i8"),
        ],
    )
)

# Fields that are read or written in every signal period come first. Those by which a callee sums up what came
# are one cache line: a callee's dependencies are far from each other.
LINE_BYTES = 64
OFTEN = (
    "share", "retries", "retry_mode", "deadline_s", "client_throttle_ratio", "breaker_error_ratio",
    "utilisation_ratio", "timeout_s",
)  # fmt: skip
_EDGE = [
    # callee's side: what has come, and what became of it
    ("cross_domain", "i8"),
    ("sent_calls", "i8"),
    ("retries_sent", "i8"),
    ("attempt_ok", "f8"),
    ("told_ok", "f8"),  # the outcome in the ticks whose books are open
    ("arrived", "i8"),
    ("served", "i8"),
    ("failed", "i8"),
    ("mode", "i8"),
    *((name, "f8") for name in OFTEN),
    ("caller", "i8"),
    ("callee", "i8"),
    # caller's side: calls of this period, the published copy of the outcome, what the caller has seen
    ("calls", "i8"),
    ("visible_ok", "f8"),
    ("visible_latency_s", "f8"),
    ("visible_headroom", "f8"),
    ("visible_served", "i8"),
    ("visible_failed", "i8"),
    ("visible_held", "i8"),
    ("seen_served", "i8"),
    ("seen_failed", "i8"),
    ("wait_s", "f8"),
    ("blame", "f8"),
    ("is_condition", "i8"),  # mode lease: the callee keeps leases, and the caller's work needs one
    ("backlog", "i8"),
    ("quiet_wait_s", "f8"),
    # work that was handed over at once, and of which the failures are still to be drawn
    ("handed_count", "i8"),
    ("handed_miss", "f8"),
    ("handed_tick", "i8"),
    # what is published: outcome of a call after retries, its trouble; calls, and their reason
    ("sent_total", "i8"),
    ("ok", "f8"),
    ("latency_s", "f8"),
    ("headroom", "f8"),
    ("event", "i8"),
    ("closed", "i8"),
    ("input", "i8"),
    ("visible_event", "i8"),
    ("visible_closed", "i8"),
    ("visible_input", "i8"),
    ("line_slots", "i8"),
    ("calls_before", "i8"),
    ("sent_load_per_s", "f8"),
    ("sent_usual_per_s", "f8"),
    ("sent_cause", "i8"),
    ("sent_named", "i8"),
    ("named", "i8"),  # the callee's event that an event of the caller names
    # the pool
    ("live", "i8"),
    ("lost", "i8"),
    ("missed", "f8"),  # work that is bound: the share that failed in the last tick
    ("cell", "i8"),
    ("key", "i8"),
    ("in_loop", "i8"),  # whether the callee reaches the caller over dependencies
    *((p.name, "f8") for p in EDGE_PARAMETERS if p.name not in OFTEN),  # as a file gives them, encoded
    ("tokens", "f8"),
    ("line", "i8"),
    # what clients with policies remember: client_policies.py
    ("held_tick", "i8"),
    ("wanted", "i8"),
    ("passed", "i8"),
    ("pass_ratio", "f8"),
    ("retry_ratio", "f8"),
    ("retry_limit_ratio", "f8"),
    ("spent_tokens", "f8"),
    ("last_cost", "f8"),
    ("attempts", "i8"),
    ("refused", "i8"),
    ("ended_well", "i8"),
    ("ended_badly", "i8"),
    ("asked", "f8"),
    ("accepted", "f8"),
    ("limit_per_s", "f8"),
    ("limit_top_per_s", "f8"),
    ("lately_per_s", "f8"),
    ("cut_tick", "i8"),
    ("open_count", "i8"),
    ("probing_count", "i8"),
    ("window_miss", "f8"),
    ("phases", "i8"),
]
_SPARE = -len(_EDGE) % (LINE_BYTES // 8)  # words, so that each row begins at a cache line
EDGE = np.dtype((np.record, [*_EDGE, *((f"spare_{n}", "i8") for n in range(_SPARE))]))

SPELL = np.dtype(
    (
        np.record,
        [
            ("since", "i8"),  # tick of its beginning, -1 for none
            ("until", "i8"),  # tick at which it was last seen to hold
            ("held", "i8"),  # ticks in which it held
            ("edge", "i8"),  # the dependency that is blamed, or OWN; of more load, that which brings most
            ("event", "i8"),  # the id of its event
            ("cause", "i8"),  # the event behind it, 0 while that is not known
            ("named", "i8"),  # whether an intervention names it as its cause
            ("told", "i8"),  # whether its event is in the journal
            ("error_ratio", "f8"),  # the worst so far: share that fails, latency over undisturbed
            ("latency_ratio", "f8"),  # of more load: calls over the usual ones
        ],
    )
)
SIGN_SPELL, IMPAIRED_SPELL, LOADED_SPELL = range(3)
SPELLS = 3  # a service

EVENT = np.dtype(
    (
        np.record,
        [
            ("event_id", "i8"),
            ("cause_id", "i8"),
            ("tick", "i8"),
            ("service", "i8"),
            ("code", "i8"),
            ("subject", "i8"),
            ("value", "f8"),
        ],
    )
)

SAMPLE = np.dtype(
    (
        np.record,
        [
            ("tick", "i8"),
            ("service", "i8"),
            ("offered_per_s", "f8"),
            ("goodput_per_s", "f8"),
            ("capacity_per_s", "f8"),
            ("backlog_count", "f8"),
            ("error_ratio", "f8"),
            ("latency_s", "f8"),
            ("waiting_count", "f8"),
            ("busy_count", "f8"),
        ],
    )
)

CONDITION = np.dtype(
    (
        np.record,
        [
            ("service", "i8"),
            ("signal", "i8"),
            ("above", "i8"),
            ("level", "f8"),
            ("hold_ticks", "i8"),
            ("from_tick", "i8"),
            ("since", "i8"),
            ("fired", "i8"),
        ],
    )
)
WAITING, FIRED, REPORTED = range(3)  # ``fired``: not yet; it has just held long enough; the schedule knows
NEVER = 1 << 62  # ``from_tick`` of a condition that is not looked at before something else has happened


class State(NamedTuple):
    """All arrays of one run except the kinds' own. Integers in ``clock``: see CLOCK."""

    clock: np.ndarray  # int64: the entries of CLOCK
    tick_s: np.ndarray  # float64[1]
    mine: np.ndarray  # int64: the services that this shard steps
    svc: np.ndarray  # SERVICE
    spell: np.ndarray  # SPELL, SPELLS a service
    edge: np.ndarray  # EDGE, ordered by caller, then callee
    incoming: np.ndarray  # int64: edge numbers ordered by callee
    near: np.ndarray  # int64: numbers of the edges inside a domain
    close: np.ndarray  # int64: of ``mine``, the services at such edges
    wholes: np.ndarray  # int64: of ``mine``, those that report the sums of their zones
    heard: np.ndarray  # int64: numbers of the edges to ``mine`` from services that another shard steps
    ahead: np.ndarray  # int64[services, 2 * BLOCK_TICKS]: calls that come in each tick of a block, and go
    cells: np.ndarray  # int64: the kinds' larger state, a slice a service; caches of edges
    carry: np.ndarray  # int64: remainders, EDGE_CARRIES an edge, then SERVICE_CARRIES a service: draws.py
    line: np.ndarray  # float64: outcomes on their way along edges with a delay
    conditions: np.ndarray  # CONDITION
    events: np.ndarray  # EVENT buffer
    samples: np.ndarray  # SAMPLE buffer
    # calls that are stepped one by one: requests/records.py
    counters: np.ndarray  # int64
    agenda: np.ndarray  # int64[n, 3]: what is due when
    todo: np.ndarray  # int64: what is to be done at this moment
    plan: np.ndarray  # int64: the steps of a request, by service
    stations: np.ndarray  # STATION, a row a service
    links: np.ndarray  # LINK, a row an edge
    calls: np.ndarray  # CALL
    conns: np.ndarray  # CONNECTION
    members: np.ndarray  # MEMBER
    marks: np.ndarray  # int64[n, 2]: keys of caches
    shares: np.ndarray  # float64: summed popularity of keys
    requests: np.ndarray  # REQUEST buffer
    books: np.ndarray  # BOOK buffer


CLOCK = (
    "period_ticks", "sample_ticks", "replicate", "seed", "events", "samples", "debug", "stepwise", "block",
    "block_end",
)  # fmt: skip
PERIOD, SAMPLE_TICKS, REPLICATE, SEED, N_EVENTS, N_SAMPLES, DEBUG, STEPWISE, BLOCK, BLOCK_END = range(10)
CALLS_NEAR, CALLED_NEAR = 1, 2  # bits of is_near
FRONT, WHOLE = 1, 2  # ``fronts``
BLOCK_TICKS = 16  # most ticks in which a service is stepped before the next one: blocks.py
LINE_VALUES = 10  # that travel along an edge with a delay
CACHE_SLOTS = 64  # age classes of a cached dependency
BREAKER_SLOTS = 64  # phases of open circuit breakers

# Codes of events that every service may have; a kind's own follow from FIRST_KIND_EVENT.
EVENTS = ("input", "input_ended", "onset", "recovery", "diagnosed", "first_sign", "more_load")
INPUT_CODE, INPUT_ENDED, ONSET, RECOVERY, DIAGNOSED, FIRST_SIGN, MORE_LOAD = range(7)
EVENTS_A_BLOCK = 8  # that a service emits in a tick or a block at most, on the mean of all services
SPARE_EVENTS = 4096  # for few services
KIND_EVENT_BLOCK = 100  # code = KIND_EVENT_BLOCK * (1 + kind number) + position in the kind's EVENTS
