"""Leases that hosts renew by periodic checks; lost ones go through a queue. The example is EC2's DWFM.

The real system. A droplet is a physical server that hosts EC2 instances. The hosts of the DropletWorkflow
Manager (DWFM) divide the droplets among them. A host holds a lease on each of its droplets, and must complete
a state check with it every few minutes. The check needs DynamoDB. A droplet without a lease keeps its
instances running, but can neither change their state nor take a launch.

On 20 October 2025 leases lapsed slowly while DynamoDB could not be reached. When it came back, most of them
had to be established again at once. The work timed out before it was done, was queued again, and timed out
again: congestive collapse, without a fault left to repair. Throttling the incoming work, and restarting DWFM
hosts, which emptied their queues, ended it.

    leased ──checks of a whole lease fail──▶ waiting ──admission──▶ in an attempt ──done──▶ leased
      │                                       │  ▲                     │      │
      └─a check without a connection─▶ adrift ◀┘  └─host restarts───────┘      └──times out──▶ begins again

The claim. Three facts explain the collapse: periodic checks, a time-out of work, and work that restarts from
zero. The collapse needs an outage as long as connections live, even if leases live longer. A holder is
checked over one connection while that lives, so leases lapse one connection after another. Nothing queues
while the dependency is away: without a connection an attempt ends before it has cost anything. The queue
forms when the dependency is back, all at once. Each host collapses by itself, if its holders without lease
exceed capacity × time-out. With work of fixed size (steps = 0) this limit is exact, and with several steps
almost. With one step, whose duration is exponential, it does not collapse.

A lease of L seconds lapses L after the last check that passed. So when all checks fail, checks every h make
leases lapse evenly between L - h and L.

How. Holders are counts per host. Holders with a lease are counted by the time of the next check and the
failed checks in a row (the wheel). After the last check that a lease has time for, a holder waits in the
wheel for the end of its lease. Holders without a lease wait, or are in an attempt. Attempts are counted by
start time and completed work. A host acts once per `slot_s`, at the end of the slot; the hosts' slots are
staggered over the ticks. In a slot, attempts receive work, finish and time out; the wheel turns; waiting
holders are admitted. Over a connection that lives, each check or finished attempt succeeds with the
probability that ``depend`` returns. A holder without lease and connection is *adrift*: it waits until one can
be opened. Attempts that time out start again inside the queue. Only a restart empties it, and the throttle
delays only holders that have not yet entered it.

What callers see. A launch is one more workflow of a host. Its chance to finish in time is that of an attempt
that starts now, if the load stays constant. It needs a leased holder with a connection. If fewer holders
than ``needed_ratio`` have a lease, the missing share of launches fails. A host that is restarting launches
nothing. ``answer`` gets the mean over hosts. The launches themselves do not load the queue: whenever the
queue matters, they are far fewer than the broken holders.

A dependency of mode `lease` on this kind is a condition: its caller's work needs somebody with a lease. It
makes no call and costs no time. It holds for the share of leased holders over ``needed_ratio``, at most 1.

What it reports. ``good`` and ``failed`` are holders with and without a lease in each tick, so error_ratio is
the share without. ``offered`` is checks. The backlog is holders waiting or in an attempt, and work that has
timed out but is still in the queue (dead work). latency_s is the time in which a holder that loses its lease
now would get it back.

Events. ``leases_lapsing``: a hundredth of the checks fails; ``leases_held``: checks pass again, and hardly a
droplet lacks a lease. ``timeouts``: attempts begin to time out; ``timeouts_ended``: none has for twice
`timeout_s`.
``restarts`` and ``restarts_ended``: operators restart hosts.

Left out: how leases are stored, single holders, running instances, and warm-up of a restarted host. A
holder has one connection to itself; if holders shared connections, more leases would lapse at once, with
the same mean. hosts_count, holders_count, slot_s and check_interval_s are read at the start. lease_s and
timeout_s can grow during a run to twice their first value.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.base.thresholds import DEGRADED_RATIO
from twin.kinds.lease_fleet.control_loop import Leases
from twin.kinds.lease_fleet.host_slot import lapse_at_once, look_ahead, step_host, turn_of
from twin.kinds.lease_fleet.lease_host import (
    ADRIFT,
    AGES,
    BACK_AT,
    BILLION,
    DEAD,
    HEAD,
    KNOWN,
    LEASED,
    MICRO,
    REACH,
    RUNNING,
    WAITING,
    count_host,
    holders_of,
    host_cells,
    memory_of,
    reachable_ratio,
    ring_of,
    wheel_of,
)
from twin.kinds.lease_fleet.parameters import (
    BREAKS,
    DRAWS,
    EVENTS,
    LAPSING,
    LEASES_HELD,
    PARAMETERS,
    RENEWAL,
    STATE,
    TIMEOUTS,
    TIMEOUTS_ENDED,
)
from twin.kinds.lease_fleet.restarts import restart_wave
from twin.kinds.lease_fleet.wheel import fill, members_due
from twin.mechanisms.books import ended_requests
from twin.mechanisms.calls import answer, answer_conditions, depend, expose, intake, tally
from twin.mechanisms.causes import begin_own, behind, end_own
from twin.mechanisms.sampling import draw_context
from twin.model.kind import About, ClosedForm, OwnWork, Remedy

__all__ = ["ABOUT", "BREAKS", "DRAWS", "EVENTS", "PARAMETERS", "STATE", "cells", "check", "init", "step"]


def _pace_s(value) -> float:
    """A round of leases, and some attempts."""
    once_s = value("holders_count") / value("capacity_per_s")
    return (once_s + value("lease_s") + 5.0 * value("timeout_s")) / 8.0


ABOUT = About(
    closed_form=ClosedForm.LEASES,
    own_work=OwnWork(
        hosts="hosts_count",
        divided=("holders_count", "capacity_per_s", "half_capacity_backlog_count"),
        members="holders_count",
        broken_at_start_ratio="broken_at_start_ratio",
        pace_s=_pace_s,
    ),
    remedies=(
        Remedy(
            "restart hosts, admit little by little",
            lambda value: {"restart_per_s": value("hosts_count") / 600.0},
            "largest queue of a host, over capacity × time-out",
            amount="admission_ratio",
            most=4.0,
        ),
    ),
    control_loop=Leases,
    grants_leases=True,
)


def sizes(p, tick_s: float) -> tuple[int, int, int, int]:
    """(ticks of a slot, phases of the wheel, classes of misses, length of the ring of attempts)."""
    slot_ticks = max(1, round(p.slot_s / tick_s))
    slot_s = slot_ticks * tick_s
    phases = max(1, round(p.check_interval_s / slot_s))
    classes = 2 * (1 + max(1, int(2.0 * p.lease_s / (phases * slot_s) + 1e-9)))
    ring = 2 * max(1, round(p.timeout_s / slot_s)) + 2
    return slot_ticks, phases, classes, ring


def cells(p, callers, tick_s: float) -> int:
    """Head, ring and wheel of every host."""
    _, phases, classes, ring = sizes(p, tick_s)
    return int(p.hosts_count) * (HEAD + 2 * ring + phases * classes + phases) + AGES * KNOWN


def init(p, s, c, callers, tick_s: float) -> None:
    """Checks spread evenly over the interval; the holders that are always under repair are in the queue."""
    s.slot_ticks, s.phases, s.classes, s.ring = sizes(p, tick_s)
    s.hosts, s.holders = int(p.hosts_count), int(p.holders_count)
    s.last_timeout = -1
    under_repair = p.lapse_per_s * p.min_duration_s
    broken_ratio = p.broken_at_start_ratio + (1.0 - p.broken_at_start_ratio) * min(1.0, under_repair)
    for h in range(s.hosts):
        host = host_cells(s, c, h)
        n = holders_of(s, h)
        broken = round(n * broken_ratio)
        fill(wheel_of(s, host), s.classes, s.phases, n - broken)
        host[LEASED], host[RUNNING], host[REACH] = n - broken, broken, BILLION
        memory_of(s, host)[:] = BILLION
        if p.workflow != RENEWAL:
            host[HEAD] = broken
        look_ahead(p, s, host)
        count_host(s, host, 1)


@njit
def note_lapses(t, w, i, s, checks_ok):
    """Lapses are the first thing that goes wrong: an event when they show, one when leases are held again."""
    broken = s.holders - s.leased
    if checks_ok <= 1.0 - DEGRADED_RATIO:
        if s.is_lapsing == 0:
            s.is_lapsing = 1
            begin_own(t, w, i, LAPSING, float(broken), behind(w, i))
    elif s.is_lapsing != 0 and s.last_timeout < 0 and broken < DEGRADED_RATIO * s.holders:
        s.is_lapsing = 0
        end_own(t, w, i, LEASES_HELD, float(broken))


@njit
def note_timeouts(t, w, i, p, s, late):
    """Time-outs are the collapse at work: an event when they begin, one when they have ended."""
    if late > 0:
        if s.last_timeout < 0:
            begin_own(t, w, i, TIMEOUTS, float(late), behind(w, i))
        s.last_timeout = t
    elif s.last_timeout >= 0 and (t - s.last_timeout) * w.tick_s[0] > 2.0 * p.timeout_s:
        s.last_timeout = -1
        end_own(t, w, i, TIMEOUTS_ENDED, 0.0)


@njit
def checks_due(t, s, c, first):
    """Checks that the hosts whose slot ends in this tick, from ``first`` on, are about to make."""
    if first >= s.hosts:
        return 0
    n = 0
    phase = (t // s.slot_ticks + 1) % s.phases
    for h in range(first, s.hosts, s.slot_ticks):
        host = host_cells(s, c, h)
        if t >= host[BACK_AT]:
            n += members_due(wheel_of(s, host), s.classes, phase)
    return n


@njit
def step_hosts(t, w, i, p, s, c, first, ok, in_time):
    """One slot of each host whose slot ends in this tick. Returns how many attempts timed out."""
    reach, call_ok = reachable_ratio(w, i, ok)
    call_ok *= (1.0 - p.fault_ratio) * in_time
    slot, tick_s = t // s.slot_ticks + 1, w.tick_s[0]
    turn = turn_of(p, s, c, slot, tick_s, (t + 1) * tick_s, reach, call_ok)
    context, late = draw_context(t, w, i), 0
    for h in range(first, s.hosts, s.slot_ticks):
        late += step_host(context, p, s, c, h, turn)
    return late


@njit
def step(t, w, i, p, s, c):
    """One tick: the hosts whose slot ends check leases and work off queues; the wave of restarts goes on."""
    intake(t, w, i)  # launches: they load nothing, see above
    first = (t + 1) % s.slot_ticks
    checks = checks_due(t, s, c, first)
    asked = checks + s.finished
    ok, _ = depend(t, w, i, asked)
    back, well = ended_requests(w, i)
    in_time = 1.0  # share of the calls that would succeed that has an answer by now
    if asked * ok > 0.0:
        in_time = min(1.0, back * well / (asked * ok))
    s.finished = 0
    late = step_hosts(t, w, i, p, s, c, first, ok, in_time) if first < s.hosts else 0
    works = 1.0 - p.fault_ratio
    restart_wave(t, w, i, p, s, c)
    if p.lapse_ratio > 0.0:
        lapse_at_once(draw_context(t, w, i), p, s, c)
    broken = s.holders - s.leased
    # What is broken beyond the checks that fail now is broken because of the queue.
    own_blame = max(0.0, broken / s.holders - (1.0 - ok))
    expose(w, i, p.capacity_per_s * (s.hosts - s.away) / s.hosts, s.queued, own_blame)
    note_lapses(t, w, i, s, ok * works)
    note_timeouts(t, w, i, p, s, late)
    answer(w, i, works * s.ok_sum / (BILLION * s.hosts), s.attempt_sum / (MICRO * s.hosts))
    answer_conditions(w, i, works * s.holds_sum / (BILLION * s.hosts))
    tally(w, i, s.leased, broken)
    w.svc[i].offered, w.svc[i].latency_s = checks, s.release_sum / (MICRO * s.hosts)


@njit(allocates=True)
def check(p, s, c):
    """Every holder of every host is leased, waiting or in an attempt; the cohorts add up to their totals."""
    for h in range(s.hosts):
        host = host_cells(s, c, h)
        counts, wheel = ring_of(s, host)[0], wheel_of(s, host)
        broken = host[WAITING] + host[RUNNING] + host[ADRIFT]
        if host[LEASED] + broken != holders_of(s, h) or wheel.sum() != host[LEASED]:
            return False
        if p.workflow != RENEWAL and counts.sum() != host[RUNNING]:
            return False
        least = min(host[WAITING], host[RUNNING], host[ADRIFT], host[DEAD])
        if counts.min() < 0 or wheel.min() < 0 or least < 0:
            return False
    return 0 <= s.leased <= s.holders and 0 <= s.away <= s.hosts
