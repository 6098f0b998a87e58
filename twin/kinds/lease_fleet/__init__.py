"""EC2's DropletWorkflow Manager: leases on a fleet of servers, checked for ever, regained through a queue.

The real system. A droplet is a physical server that hosts EC2 instances. The hosts of the DropletWorkflow
Manager (DWFM) divide the droplets among them; each holds a lease on each of its droplets and must complete a
state check with it every few minutes. The check needs DynamoDB. A droplet without a lease keeps its instances
running, but can neither change their state nor take a launch. On 20 October 2025 leases lapsed slowly while
DynamoDB could not be reached. When it came back, so many had to be re-established at once that the work timed
out before it was done, was queued again, and timed out again: congestive collapse, without a fault left to
repair. Throttling the incoming work and restarting DWFM hosts, which emptied their queues, ended it.

The claim. Checks, a work time-out and work that starts again from scratch are enough. What the outage must
last for is set by the life of connections, not by the length of a lease: a droplet is checked over the same
connection while that lives, so leases lapse one connection after another, and nothing queues while the
dependency is away (without a connection an attempt ends before it has cost anything). The queue forms when
the dependency is back: all at once. The
collapse is a property of each host: droplets without lease against capacity × time-out. It is sharp for work
of fixed size, nearly so for work of several steps, and absent for memoryless work (steps = 1).

How. Droplets are counts per host: leased ones on a wheel (phase of the next check, failed checks in a row),
broken ones waiting or in an attempt (slot in which it began, work received). A host acts at the end of each
of its slots; the hosts' slots are staggered over the ticks. In a slot: attempts receive work, finish and time
out; the wheel turns; waiting droplets are admitted. Over a connection that lives, a check or a finished
attempt succeeds with the share of calls that ``depend`` reports, independently. A droplet without lease or
connection is *adrift*: it waits until one can be opened. Attempts that time out start again inside the queue:
only a restart empties it, and the admission window holds back only what is still outside.

What callers see. A launch is one more workflow of a host: it finishes in time with the probability that an
attempt begun now has (frozen load), and needs a leased droplet with a connection: below ``needed_ratio`` of
leases it fails in proportion. A host that is restarting launches nothing. ``answer`` gets the mean over
hosts. The launches themselves do not load the queue: there are far fewer of them than of broken droplets
whenever the queue matters.

What it reports. good and failed are droplets with and without a lease in each tick, so error_ratio is the
share without; offered is checks; backlog is droplets waiting or in an attempt, and dead work; latency_s the
time that a droplet which loses its lease now would need to get it back.

Left out: how leases are stored, which droplet is which, running instances, and warm-up of a restarted host.
A droplet has one connection to itself; shared ones would lapse in larger lots at the same mean. hosts_count,
droplets_count, slot_s and check_interval_s are read at the start; lease_s and timeout_s can grow during a run
to twice what they began with.
"""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.base.rng import CLOSE, COMPLETE, LAPSE, SERVE
from twin.kinds.lease_fleet.lease_host import (
    ADRIFT,
    ATTEMPT_US,
    BACK_AT,
    CREDIT,
    DEAD,
    DONE,
    HEAD,
    LEASED,
    OK,
    OLDEST,
    REACH,
    RELEASE_US,
    RUNNING,
    WAITING,
    count_host,
    droplets_of,
    host_cells,
    lose_or_find,
    memory_of,
    reachable,
    ring_of,
    wheel_of,
)
from twin.kinds.lease_fleet.restarts import restart_wave
from twin.kinds.lease_fleet.wheel import due, fill, moved, turn
from twin.kinds.lease_fleet.workflow import (
    finished_ratio,
    first_live,
    goodput_ratio,
    join,
    serve_in_order,
    share_work,
    time_out,
)
from twin.mechanisms.arrays import KIND_EVENT_BLOCK
from twin.mechanisms.calls import answer, depend, emit, tally
from twin.mechanisms.detection import culprit, open_cause
from twin.mechanisms.luck import drawn, luck
from twin.mechanisms.sampling import carried
from twin.model.parameter import Param, fault_ratio

PARAMETERS = (
    Param("droplets_count", 1_000_000, "count", 1, 1e10, "droplets of the fleet",
          "assumed: only droplets over capacity matters; outsiders guess a million", (1e5, 1e7)),
    Param("hosts_count", 60, "count", 1, 10_000, "DWFM hosts; droplets and capacity are divided among them",
          "assumed: a hundred or so over the zones", (12, 200)),
    Param("slot_s", 10.0, "s", 0.001, 600.0, "how often a host works off checks and queue",
          "assumed: a resolution, not a fact; a twentieth of the time-out or less", (10.0, 10.0)),
    Param("check_interval_s", 180.0, "s", 0.001, 3600.0, "time from a state check of a droplet to the next",
          "assumed: published as every few minutes", (60.0, 300.0)),
    Param("lease_s", 600.0, "s", 0.001, 86_400.0,
          "a lease lapses when the checks of so long a time, in whole intervals, have all failed",
          "assumed: a few checks may fail", (300.0, 1800.0)),
    Param("lapse_per_s", 1e-5, "1/s", 0.0, 1.0, "rate at which a droplet loses its lease without any trouble",
          "assumed: a hundred of a million are broken at any time, MODAL says", (1e-6, 1e-4)),
    Param("broken_at_start_ratio", 0.0, "ratio", 0.0, 1.0, "share of droplets without lease at the start",
          "assumed: a run begins undisturbed, unless it studies a cold start", (0.0, 0.0)),
    Param("capacity_per_s", 225.0, "1/s", 0.0, 1e12, "leases that the whole fleet of hosts can establish",
          "MODELLING"),
    Param("min_duration_s", 10.0, "s", 0.001, 3600.0, "mean time that one attempt takes on an idle host",
          "assumed: a few calls and a conversation with the droplet", (1.0, 30.0)),
    Param("timeout_s", 180.0, "s", 0.001, 14_400.0, "an attempt that is not done after this time has failed",
          "assumed: no progress was made, so well below the hour that all droplets need", (60.0, 1200.0)),
    Param("workflow", "processor_sharing", "choice", 0, 2, "how attempts share a host's capacity",
          "assumed: concurrent workflows; the published times fit all three",
          choices=("processor_sharing", "fifo", "renewal")),
    Param("steps", 8, "count", 0, 32, "serial steps of the work, lost on time-out; 0 is work of fixed size",
          "assumed: with fewer than about five there is no collapse", (5, 16)),
    Param("half_capacity_backlog_count", 0, "count", 0, 1e12, "backlog that halves capacity; 0 = none",
          "assumed: the collapse needs no slower hosts", (0, 0)),
    Param("admission_ratio", 0.0, "ratio", 0.0, 100.0,
          "queue up to which a host lets droplets in, over capacity × timeout_s; 0 = no limit",
          "assumed: no throttle before the event", (0.0, 1.0)),
    Param("drop_expired", False, "switch", 0, 1, "fifo: work that has timed out leaves the queue undone",
          "assumed: not before the event"),
    Param("restart_per_s", 0.0, "1/s", 0.0, 1000.0,
          "above 0, restarts go once over the hosts that have more queued than they can do in time",
          "assumed: an action, not a habit", (0.0, 1.0)),
    Param("boot_s", 180.0, "s", 0.0, 7200.0, "mean time that a restarted host is away; 1/3 to 5/3 of it",
          "assumed: one to five minutes", (60.0, 600.0)),
    Param("needed_ratio", 0.8, "ratio", 0.001, 1.0, "share of leased droplets below which launches lack room",
          "assumed: a fifth of the droplets is spare", (0.5, 0.95)),
    fault_ratio("share of checks, finished attempts and launches that fail here: a fault's knob"),
)  # fmt: skip
BREAKS = {
    "down": {"fault_ratio": 1.0},
    "slow": {"min_duration_s": 3600.0},  # no attempt is done before it times out
    "partial": {"fault_ratio": 0.5},
}
EVENTS = ("timeouts", "timeouts_ended", "restarts", "restarts_ended")
TIMEOUTS, TIMEOUTS_ENDED, RESTARTS, RESTARTS_ENDED = range(4)
STATE = [
    *((name, "i8") for name in ("hosts", "droplets", "slot_ticks", "phases", "classes", "ring")),
    *((name, "i8") for name in ("leased", "queued", "ok_sum", "attempt_sum", "release_sum", "away")),
    *((name, "i8") for name in ("finished", "last_timeout", "wave_at", "wave_count", "wave_event")),
]

FIFO, RENEWAL = 1.0, 2.0
MICRO, BILLION = 1e6, 1e9
RELEASE_BOUND_S = 1e6  # "never", for a mean that must stay finite
COHORTS = 1 << 16  # cohort keys a host, more than a ring or a wheel has


def sizes(p, tick_s: float) -> tuple[int, int, int, int]:
    """(ticks of a slot, phases of the wheel, classes of misses, length of the ring of attempts)."""
    slot_ticks = max(1, round(p.slot_s / tick_s))
    slot_s = slot_ticks * tick_s
    classes = 4 * max(1, int(p.lease_s / p.check_interval_s))
    ring = 2 * max(1, round(p.timeout_s / slot_s)) + 2
    return slot_ticks, max(1, round(p.check_interval_s / slot_s)), classes, ring


def cells(p, callers, tick_s: float) -> int:
    """Head, ring and wheel of every host."""
    _, phases, classes, ring = sizes(p, tick_s)
    return int(p.hosts_count) * (HEAD + 2 * ring + phases * classes + phases)


def init(p, s, c, callers, tick_s: float) -> None:
    """Checks spread evenly over the interval; the droplets that are always under repair are in the queue."""
    s.slot_ticks, s.phases, s.classes, s.ring = sizes(p, tick_s)
    s.hosts, s.droplets = int(p.hosts_count), int(p.droplets_count)
    s.last_timeout = -1
    under_repair = p.lapse_per_s * p.min_duration_s
    broken_ratio = p.broken_at_start_ratio + (1.0 - p.broken_at_start_ratio) * min(1.0, under_repair)
    for h in range(s.hosts):
        host = host_cells(s, c, h)
        n = droplets_of(s, h)
        broken = round(n * broken_ratio)
        fill(wheel_of(s, host), s.classes, s.phases, n - broken)
        host[LEASED], host[RUNNING], host[REACH] = n - broken, broken, BILLION
        memory_of(s, host)[:] = BILLION
        if p.workflow != RENEWAL:
            host[HEAD] = broken
        look_ahead(p, s, host, n)
        count_host(s, host, 1)


@njit
def rate_per_s(p, s, host):
    """What the host can establish, slowed by its queue if queues slow it."""
    rate = p.capacity_per_s / s.hosts
    if p.half_capacity_backlog_count > 0.0:
        rate /= 1.0 + (host[RUNNING] + host[DEAD]) * s.hosts / p.half_capacity_backlog_count
    return rate


@njit
def look_ahead(p, s, host, droplets):
    """What a workflow begun now on this host can expect: chance to end in time, duration, time to a lease."""
    rate = max(rate_per_s(p, s, host), 1e-12)
    attempt_s = max(p.min_duration_s, (host[RUNNING] + host[DEAD] + 1) / rate)
    if p.workflow == FIFO:
        within = 1.0 if attempt_s <= p.timeout_s else 0.0
    else:
        within = finished_ratio(int(p.steps), max(p.steps, 1.0) * p.timeout_s / attempt_s)
    attempt_s = min(attempt_s, p.timeout_s)
    release_s = min(RELEASE_BOUND_S, host[WAITING] / rate + attempt_s / max(within, 1e-9))
    room = min(1.0, host[LEASED] / droplets / p.needed_ratio) if droplets > 0 else 1.0
    in_reach = host[REACH] / BILLION * droplets - host[WAITING] - host[RUNNING]  # leased ones
    live = min(1.0, max(0.0, in_reach / host[LEASED])) if host[LEASED] > 0 else 1.0
    host[OK] = 0 if host[BACK_AT] != 0 else int(within * room * live * BILLION)
    host[ATTEMPT_US], host[RELEASE_US] = int(attempt_s * MICRO), int(release_s * MICRO)


@njit
def finish(luck, p, s, host, counts, work, h, slot, elapsed_s):
    """Attempts receive the work of one slot. Returns how many are done, before DynamoDB is asked."""
    rate = rate_per_s(p, s, host)
    running = host[RUNNING]
    if p.workflow == FIFO:
        room = carried(rate * elapsed_s, host, CREDIT)
        dead = min(room, host[DEAD])
        host[DEAD] -= dead
        return serve_in_order(counts, host[OLDEST], slot, room - dead)
    k = int(p.steps)
    if p.workflow == RENEWAL:
        each = min(rate * goodput_ratio(k, rate * p.timeout_s / running) / running, 1.0 / p.min_duration_s)
        return drawn(luck, COMPLETE, h, running, min(1.0, each * elapsed_s))
    # Those that finish during the slot leave their share to the others: on average half as many as last time.
    sharing = running - 0.5 * min(host[DONE], running) if k > 0 else float(running)
    each = min(rate / sharing, 1.0 / p.min_duration_s)
    return share_work(luck, h * COHORTS, counts, work, host[OLDEST], slot, k, each * elapsed_s)


@njit
def work_off(luck, p, s, host, counts, work, h, slot, slot_s, elapsed_s, kept, ok):
    """One slot of the queue: work, leases established, time-outs. Returns (leases established, time-outs)."""
    # Nothing in the ring is older; a host that had no queue for a while has not kept its mark.
    host[OLDEST] = first_live(counts, max(host[OLDEST], slot - s.ring + 1), slot)
    done = finish(luck, p, s, host, counts, work, h, slot, elapsed_s)
    host[DONE] = done
    alive = drawn(luck, CLOSE, h, done, kept)
    leased = drawn(luck, SERVE, h, alive, ok)
    host[RUNNING] -= leased + done - alive
    host[ADRIFT] += done - alive
    s.finished += done
    if p.workflow == RENEWAL:
        return leased, 0
    slots = min(s.ring - 1, max(1, int(p.timeout_s / slot_s + 0.5)))
    late = time_out(counts, host[OLDEST], slot, slots)
    if p.workflow == FIFO and p.drop_expired == 0.0:
        host[DEAD] += late
    join(counts, work, slot, late + alive - leased)
    return leased, late


@njit
def check_leases(luck, p, s, wheel, memory, h, phase, reach, ok):
    """Turn the host's wheel by one slot: leases are renewed, missed, or lost. Returns how many are lost (with
    a connection, adrift)."""
    misses = min(s.classes // 2, max(1, int(p.lease_s / p.check_interval_s)))
    kept, found = moved(reach, memory[phase] / BILLION)
    memory[phase] = int(reach * BILLION)
    lapsed, adrift = turn(luck, h * COHORTS, wheel, s.classes, phase, misses, kept, found, ok)
    if p.lapse_per_s > 0.0:
        sure = wheel[phase * s.classes]
        gone = drawn(luck, LAPSE, h, sure, -math.expm1(-p.lapse_per_s * p.check_interval_s))
        wheel[phase * s.classes] -= gone
        lapsed += gone
    return lapsed, adrift


@njit
def admit(p, s, host, counts, work, slot):
    """Let waiting droplets into the queue, as far as the admission window has room."""
    n = host[WAITING]
    if p.admission_ratio > 0.0:
        window = max(1, int(p.admission_ratio * p.capacity_per_s / s.hosts * p.timeout_s + 1e-9))
        n = max(0, min(n, window - host[RUNNING] - host[DEAD]))
    host[WAITING] -= n
    host[RUNNING] += n
    if p.workflow != RENEWAL:
        join(counts, work, slot, n)


@njit
def step_host(luck, p, s, c, h, slot, slot_s, elapsed_s, reach, ok):
    """One slot of one host. Returns how many attempts timed out."""
    host = host_cells(s, c, h)
    counts, work = ring_of(s, host)
    wheel = wheel_of(s, host)
    count_host(s, host, -1)
    if host[BACK_AT] != 0 and luck.tick >= host[BACK_AT]:
        host[BACK_AT] = 0
        s.away -= 1
    up = host[BACK_AT] == 0
    kept, found = moved(reach, host[REACH] / BILLION)
    host[REACH] = int(reach * BILLION)
    lose_or_find(luck, (h + 1) * COHORTS - 1, host, kept, found)
    leased = late = 0
    if up and host[RUNNING] + host[DEAD] > 0:
        leased, late = work_off(luck, p, s, host, counts, work, h, slot, slot_s, elapsed_s, kept, ok)
    phase = slot % s.phases
    lapsed, adrift = check_leases(luck, p, s, wheel, memory_of(s, host), h, phase, reach, ok if up else 0.0)
    wheel[phase * s.classes] += leased  # next checked in a whole interval
    host[LEASED] += leased - lapsed - adrift
    host[WAITING] += lapsed
    host[ADRIFT] += adrift
    if up and host[WAITING] > 0:
        admit(p, s, host, counts, work, slot)
    look_ahead(p, s, host, droplets_of(s, h))
    count_host(s, host, 1)
    return late


@njit
def own_code(w, i, k):
    """Code of the kind's event ``k``."""
    return KIND_EVENT_BLOCK * (1 + w.svc[i].kind) + k


@njit
def note_timeouts(t, w, i, p, s, late):
    """Time-outs are the kind's own mechanism at work: an event when they begin, one when they have ended."""
    row = w.svc[i]
    if late > 0:
        if row.own_event == 0:
            cause = open_cause(w, i, culprit(w, i))
            row.own_event = emit(t, w, i, own_code(w, i, TIMEOUTS), i, float(late), cause)
        s.last_timeout = t
    elif row.own_event != 0 and (t - s.last_timeout) * w.tick_s[0] > 2.0 * p.timeout_s:
        emit(t, w, i, own_code(w, i, TIMEOUTS_ENDED), i, 0.0, row.own_event)
        row.own_event = 0


@njit
def checks_due(t, s, c):
    """Checks that the hosts whose slot ends in this tick are about to make."""
    n = 0
    phase = (t // s.slot_ticks + 1) % s.phases
    for h in range((t + 1) % s.slot_ticks, s.hosts, s.slot_ticks):
        host = host_cells(s, c, h)
        if t >= host[BACK_AT]:
            n += due(wheel_of(s, host), s.classes, phase)
    return n


@njit
def step(t, w, i, p, s, c):
    """One tick: the hosts whose slot ends check leases and work off queues; the wave of restarts goes on."""
    row = w.svc[i]
    checks = checks_due(t, s, c)
    ok, _ = depend(t, w, i, checks + s.finished)
    s.finished = 0
    slot, slot_s = t // s.slot_ticks + 1, s.slot_ticks * w.tick_s[0]
    elapsed_s = min(slot_s, (t + 1) * w.tick_s[0])
    reach, call_ok = reachable(w, i, ok)
    works = 1.0 - p.fault_ratio
    call_ok *= works
    chance, late = luck(t, w, i), 0
    for h in range((t + 1) % s.slot_ticks, s.hosts, s.slot_ticks):
        late += step_host(chance, p, s, c, h, slot, slot_s, elapsed_s, reach, call_ok)
    restart_wave(t, w, i, p, s, c, own_code(w, i, RESTARTS), own_code(w, i, RESTARTS_ENDED))
    broken = s.droplets - s.leased
    row.offered, row.backlog = checks, s.queued
    row.capacity_per_s = p.capacity_per_s * (s.hosts - s.away) / s.hosts
    tally(w, i, s.leased, broken)
    # What is broken beyond the checks that fail now is broken because of the queue.
    row.own_blame = max(0.0, broken / s.droplets - (1.0 - ok))
    note_timeouts(t, w, i, p, s, late)
    answer(w, i, works * s.ok_sum / (BILLION * s.hosts), s.attempt_sum / (MICRO * s.hosts))
    row.latency_s = s.release_sum / (MICRO * s.hosts)


@njit
def check(p, s, c):
    """Every droplet of every host is leased, waiting or in an attempt; the cohorts add up to their totals."""
    for h in range(s.hosts):
        host = host_cells(s, c, h)
        counts, wheel = ring_of(s, host)[0], wheel_of(s, host)
        broken = host[WAITING] + host[RUNNING] + host[ADRIFT]
        if host[LEASED] + broken != droplets_of(s, h) or wheel.sum() != host[LEASED]:
            return False
        if p.workflow != RENEWAL and counts.sum() != host[RUNNING]:
            return False
        least = min(host[WAITING], host[RUNNING], host[ADRIFT], host[DEAD])
        if counts.min() < 0 or wheel.min() < 0 or least < 0:
            return False
    return 0 <= s.leased <= s.droplets and 0 <= s.away <= s.hosts
