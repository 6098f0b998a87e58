"""One slot of one host: attempts end, the wheel turns, waiting holders are let in."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from twin.base.jit import njit
from twin.kinds.lease_fleet.lease_host import (
    ADRIFT,
    ATTEMPT_US,
    BACK_AT,
    BILLION,
    CREDIT,
    DEAD,
    DONE,
    HOLDS,
    LEASED,
    MICRO,
    OK,
    OLDEST,
    REACH,
    RELEASE_US,
    RUNNING,
    WAITING,
    count_host,
    host_cells,
    known_ratios,
    lose_or_open,
    memory_of,
    ring_of,
    wheel_of,
)
from twin.kinds.lease_fleet.parameters import DRAWS, FIFO, RENEWAL
from twin.kinds.lease_fleet.wheel import lapse_now, moved, put_off, turn_wheel
from twin.kinds.lease_fleet.workflow import (
    begin_attempts,
    finished_ratio,
    first_live,
    goodput_ratio,
    serve_in_order,
    share_work,
    take_timed_out,
)
from twin.mechanisms.sampling import carried, sample

RELEASE_BOUND_S = 1e6  # "never", for a mean that must stay finite
COHORTS = 1 << 16  # cohort keys a host, more than a ring or a wheel has


class Turn(NamedTuple):
    """What the hosts share whose slot ends in this tick."""

    slot: int
    slot_s: float
    elapsed_s: float  # of the slot: less at the start of a run
    reach: float  # share of connections that live
    ok: float  # share of calls over one that succeed
    phase: int  # of the wheel
    misses: int  # failed checks in a row that lose a lease
    rest: float  # slots from the last of them to the lapse
    failed_phase: int  # in which those that lapse now had that check
    lapsing_ratio: float  # of the leases that are checked, those that lapse without any trouble
    known: np.ndarray  # see ``known_ratio``


@njit
def turn_of(p, s, c, slot, tick_s, elapsed_s, reach, ok):
    """The turn of the hosts whose ``slot`` ends after ``elapsed_s``."""
    slot_s, phase = s.slot_ticks * tick_s, slot % s.phases
    misses, rest = lapse_after(p, s, slot_s)
    failed_phase = (phase - max(1, int(rest))) % s.phases
    lapsing = -math.expm1(-p.lapse_per_s * p.check_interval_s)
    return Turn(slot, slot_s, min(slot_s, elapsed_s), reach, ok, phase, misses, rest, failed_phase, lapsing,
                known_ratios(c))  # fmt: skip


@njit
def host_rate_per_s(p, s, host):
    """What the host can establish, slowed by its queue if queues slow it."""
    rate = p.capacity_per_s / s.hosts
    if p.half_capacity_backlog_count > 0.0:
        rate /= 1.0 + (host[RUNNING] + host[DEAD]) * s.hosts / p.half_capacity_backlog_count
    return rate


@njit
def look_ahead(p, s, host):
    """What a workflow begun now on this host can expect: chance to end in time, duration, time to a lease."""
    holders = host[LEASED] + host[WAITING] + host[RUNNING] + host[ADRIFT]
    rate = max(host_rate_per_s(p, s, host), 1e-12)
    attempt_s = max(p.min_duration_s, (host[RUNNING] + host[DEAD] + 1) / rate)
    if p.workflow == FIFO:
        within = 1.0 if attempt_s <= p.timeout_s else 0.0
    else:
        within = finished_ratio(int(p.steps), max(p.steps, 1.0) * p.timeout_s / attempt_s)
    attempt_s = min(attempt_s, p.timeout_s)
    release_s = min(RELEASE_BOUND_S, host[WAITING] / rate + attempt_s / max(within, 1e-9))
    headroom = min(1.0, host[LEASED] / holders / p.needed_ratio) if holders > 0 else 1.0
    in_reach = host[REACH] / BILLION * holders - host[WAITING] - host[RUNNING]  # leased ones
    live = min(1.0, max(0.0, in_reach / host[LEASED])) if host[LEASED] > 0 else 1.0
    host[HOLDS] = int(headroom * live * BILLION)
    host[OK] = 0 if host[BACK_AT] != 0 else int(within * headroom * live * BILLION)
    host[ATTEMPT_US], host[RELEASE_US] = int(attempt_s * MICRO), int(release_s * MICRO)


@njit
def finish_attempts(context, p, s, host, counts, work, h, turn):
    """Attempts receive the work of one slot. Returns how many are done, before DynamoDB is asked."""
    rate = host_rate_per_s(p, s, host)
    running = host[RUNNING]
    if p.workflow == FIFO:
        able = carried(rate * turn.elapsed_s, host, CREDIT)
        dead = min(able, host[DEAD])
        host[DEAD] -= dead
        return serve_in_order(counts, host[OLDEST], turn.slot, able - dead)
    k = int(p.steps)
    if p.workflow == RENEWAL:
        each = min(rate * goodput_ratio(k, rate * p.timeout_s / running) / running, 1.0 / p.min_duration_s)
        return sample(context, DRAWS.finished, h, running, min(1.0, each * turn.elapsed_s))
    # Those that finish during the slot leave their share to the others: on average half as many as last time.
    sharing = running - 0.5 * min(host[DONE], running) if k > 0 else float(running)
    each = min(rate / sharing, 1.0 / p.min_duration_s)
    more = each * turn.elapsed_s
    return share_work(context, h * COHORTS, counts, work, turn.known, host[OLDEST], turn.slot, k, more)


@njit
def work_off(context, p, s, host, counts, work, h, turn, kept):
    """One slot of the queue: work, leases established, time-outs. Returns (leases established, time-outs)."""
    slot = turn.slot
    # Nothing in the ring is older; a host that had no queue for a while has not kept its mark.
    host[OLDEST] = first_live(counts, max(host[OLDEST], slot - s.ring + 1), slot)
    done = finish_attempts(context, p, s, host, counts, work, h, turn)
    host[DONE] = done
    alive = sample(context, DRAWS.connected, h, done, kept)
    leased = sample(context, DRAWS.leased, h, alive, turn.ok)
    host[RUNNING] -= leased + done - alive
    host[ADRIFT] += done - alive
    s.finished += done
    if p.workflow == RENEWAL:
        return leased, 0
    slots = min(s.ring - 1, max(1, int(p.timeout_s / turn.slot_s + 0.5)))
    late = take_timed_out(counts, host[OLDEST], slot, slots)
    if p.workflow == FIFO and p.drop_expired == 0.0:
        host[DEAD] += late
    begin_attempts(counts, work, slot, late + alive - leased)
    return leased, late


@njit
def lapse_after(p, s, slot_s):
    """A lease of the present length: (failed checks in a row, slots from the last of them to the lapse).

    A lease shorter than an interval counts as one interval; one that has grown beyond its room is cut.
    """
    intervals = max(1.0, p.lease_s / slot_s / s.phases)
    misses = min(s.classes // 2 - 1, int(intervals + 1e-9))
    return misses, min(max(0.0, (intervals - misses) * s.phases), float(s.phases))


@njit
def check_leases(context, p, s, wheel, memory, h, turn, ok):
    """Turn the host's wheel by one slot: leases are renewed, missed, or lost. Returns how many are lost (with
    a connection, adrift)."""
    phase, reach, misses, rest = turn.phase, turn.reach, turn.misses, turn.rest
    sub, since = h * COHORTS, memory[turn.failed_phase] / BILLION
    kept, opened = moved(reach, since)
    lapsed, adrift = lapse_now(context, sub, wheel, s.classes, phase, kept, opened)
    kept, opened = moved(reach, memory[phase] / BILLION)
    memory[phase] = int(reach * BILLION)
    last, last_adrift = turn_wheel(context, sub, wheel, s.classes, phase, misses, kept, opened, ok)
    lapsed += put_off(context, sub, wheel, s.classes, s.phases, phase, 0, last, rest)
    adrift += put_off(context, sub, wheel, s.classes, s.phases, phase, s.classes // 2, last_adrift, rest)
    if p.lapse_per_s > 0.0:
        sure = wheel[phase * s.classes]
        gone = sample(context, DRAWS.lapsed, h, sure, turn.lapsing_ratio)
        wheel[phase * s.classes] -= gone
        lapsed += gone
    return lapsed, adrift


@njit
def admit_waiting(p, s, host, counts, work, slot):
    """Let waiting holders into the queue, as far as the admission window has room."""
    n = host[WAITING]
    if p.admission_ratio > 0.0:
        window = max(1, int(p.admission_ratio * p.capacity_per_s / s.hosts * p.timeout_s + 1e-9))
        n = max(0, min(n, window - host[RUNNING] - host[DEAD]))
    host[WAITING] -= n
    host[RUNNING] += n
    if p.workflow != RENEWAL:
        begin_attempts(counts, work, slot, n)


@njit
def step_host(context, p, s, c, h, turn):
    """One slot of one host. Returns how many attempts timed out."""
    host = host_cells(s, c, h)
    counts, work = ring_of(s, host)
    wheel = wheel_of(s, host)
    count_host(s, host, -1)
    if host[BACK_AT] != 0 and context.tick >= host[BACK_AT]:
        host[BACK_AT] = 0
        s.away -= 1
    up = host[BACK_AT] == 0
    kept, opened = moved(turn.reach, host[REACH] / BILLION)
    host[REACH] = int(turn.reach * BILLION)
    lose_or_open(context, (h + 1) * COHORTS - 1, host, kept, opened)
    leased = late = 0
    if up and host[RUNNING] + host[DEAD] > 0:
        leased, late = work_off(context, p, s, host, counts, work, h, turn, kept)
    memory, check_ok = memory_of(s, host), turn.ok if up else 0.0
    lapsed, adrift = check_leases(context, p, s, wheel, memory, h, turn, check_ok)
    wheel[turn.phase * s.classes] += leased  # next checked in a whole interval
    host[LEASED] += leased - lapsed - adrift
    host[WAITING] += lapsed
    host[ADRIFT] += adrift
    if up and host[WAITING] > 0:
        admit_waiting(p, s, host, counts, work, turn.slot)
    look_ahead(p, s, host)
    count_host(s, host, 1)
    return late


@njit
def lapse_at_once(context, p, s, c):
    """The share ``lapse_ratio`` of all leases is lost. Setting it is a moment, not a state."""
    for h in range(s.hosts):
        host = host_cells(s, c, h)
        wheel = wheel_of(s, host)
        count_host(s, host, -1)
        for k in range(len(wheel)):
            gone = sample(context, DRAWS.dropped, h * COHORTS + k, wheel[k], p.lapse_ratio)
            wheel[k] -= gone
            host[LEASED] -= gone
            host[WAITING if k % s.classes < s.classes // 2 else ADRIFT] += gone
        count_host(s, host, 1)
    p.lapse_ratio = 0.0
