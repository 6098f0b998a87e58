"""A pool of execution capacity that needs launches to replace what it loses.

The real system. Lambda runs functions on instances of its own. On the morning of 20 October load balancers
wrongly reported healthy instances as unhealthy. Those were terminated and replaced, but launches were
throttled. So the pool shrank until synchronous calls had no environment, and filled again only as launches
came back. Event-source mappings and asynchronous calls were throttled, to leave the rest to synchronous ones.

The claim. Lambda fails a second time when the lost instances exceed the spare capacity, which is later than
the fault. It recovers when launches have replaced them, which is later than the repair.

A start is under way until its calls have come back. So the pool never grows faster than the service that it
asks serves it, however many it asks for. A start that fails is asked for again.

``subsystems.py``: cells of subsystems, of which the weakest decides. ``newcomers.py``: what is launched needs
its network before it serves. A dependency of mode async with share 0 says who brings network state, and is
told of each removal.

Events. ``capacity_short``: the capacity no longer fits all calls; ``capacity_back``: it has fitted all for
as long as a recovery takes.

Left out: cold starts, placement, single functions and their concurrency limits. (Lambda adds at most 1000
environments in 10 s to a function: ``scale_per_s``.)
"""

from __future__ import annotations

import math

from twin.base.jit import njit
from twin.base.thresholds import RECOVERED_S
from twin.kinds.execution_pool.newcomers import remove_network_state, turn_over
from twin.kinds.execution_pool.parameters import BACK, BREAKS, DRAWS, EVENTS, PARAMETERS, SHORT, STATE
from twin.kinds.execution_pool.subsystems import (
    add_up,
    fill_units,
    fitting_ratio,
    lose_members,
    size_of,
    units_of,
)
from twin.mechanisms.arrays import ASYNC, LEASE
from twin.mechanisms.books import arriving, ended_requests, unanswered
from twin.mechanisms.calls import amend, answer, depend, draw, expose, flow, intake, tally
from twin.mechanisms.causes import begin_own, behind, end_own
from twin.mechanisms.dependencies import pass_on
from twin.mechanisms.draws import DEPENDENCY_DRAWS
from twin.model.kind import About

__all__ = ["ABOUT", "BREAKS", "DRAWS", "EVENTS", "PARAMETERS", "STATE", "cells", "check", "init", "step"]

ABOUT = About(keeps_leases=True)


def cells(p, callers, tick_s: float) -> int:
    """How many members of each unit stand."""
    return units_of(p)


def init(p, s, c, callers, tick_s: float) -> None:
    """The pool stands as the scenario says."""
    s.standing = left = int(p.capacity_count * p.initial_ratio)
    s.missing, room = int(p.capacity_count) - s.standing, int(p.capacity_count)
    for unit in range(units_of(p)):
        size = size_of(p, unit)
        c[unit] = left * size // room if room > 0 else 0
        left, room = left - c[unit], room - size


@njit
def lose_and_replace(t, w, i, p, s, c):
    """Instances whose checks fail are terminated; launches, where they succeed, bring capacity back.

    The pool sees both through its lease dependencies. One, on a pool of targets that holds its instances, has
    no calls: it says which share is out of service. The other, on launches, is called for missing capacity,
    and says which launches have ended well. What is launched then waits for its network (``newcomers``).
    """
    gone, launched = terminate_unhealthy(t, w, i, p, s, c), launch(w, i, p, s)
    ready, ended = turn_over(t, w, i, p, s, launched)
    fill_units(t, w, i, p, s, c, DRAWS.filled, ready)
    s.standing += ready
    s.missing -= ready
    remove_network_state(w, i, gone + ended)


@njit
def terminate_unhealthy(t, w, i, p, s, c):
    """Terminate what health checks have taken out of service. Returns how many instances."""
    panel, total = w.svc[i], 0
    for e in range(panel.out_start, panel.out_end):
        r = w.edge[e]
        if r.mode != LEASE or r.is_condition != 0 or r.share > 0.0:
            continue
        out = max(0.0, 1.0 - r.visible_headroom)
        lost = out * (1.0 - math.exp(-p.loss_per_s * w.tick_s[0]))
        gone = lose_members(t, w, i, p, c, DRAWS.lost, e - panel.out_start, lost)
        s.standing -= gone
        s.missing += gone
        total += gone
        if gone > 0 and r.visible_event != 0:
            s.losing = r.visible_event
    return total


@njit
def launch(w, i, p, s):
    """Ask for what is missing. Returns how many instances have been launched."""
    panel = w.svc[i]
    free = s.missing - s.starting - s.coming - s.doomed
    wanted = min(free, flow(w, i, DRAWS.added, p.scale_per_s * w.tick_s[0]))
    wanted = min(free, flow(w, i, DRAWS.replaced, wanted * p.replace_ratio))
    s.starting += wanted
    back = s.starting
    for e in range(panel.out_start, panel.out_end):
        r = w.edge[e]
        if r.mode == LEASE and r.is_condition == 0 and r.share > 0.0:
            r.calls += pass_on(w, e, DEPENDENCY_DRAWS.asked, wanted * r.share)
            back = min(back, come_back(r, s))
    for e in range(panel.out_start, panel.out_end):
        if w.edge[e].mode == LEASE:
            w.edge[e].live -= min(w.edge[e].live, int(back * w.edge[e].share + 0.5))
    s.starting -= back
    return back


@njit
def come_back(r, s):
    """Calls for starts that have come back over a lease dependency. Returns how many starts these allow.

    ``live``: calls that ended well, and that no start has used yet. Starts for which no call is left, neither
    such a one nor one under way, have failed.
    """
    r.live += r.visible_served - r.seen_served
    r.seen_served = r.visible_served
    back = int(r.live / r.share)
    s.starting = min(s.starting, back + math.ceil(unanswered(r) / r.share))
    return min(s.starting, back)


@njit
def low_priority(t, w, i):
    """Share of the arriving calls that are asynchronous: callers that hand work over."""
    panel = w.svc[i]
    low, total = 0, 0
    for n in range(panel.in_start, panel.in_end):
        r = w.edge[w.incoming[n]]
        calls = arriving(t, w, w.incoming[n])
        total += calls
        if r.mode == ASYNC:
            low += calls
    return low / total if total > 0 else 0.0


@njit
def note_capacity(t, w, i, p, s, fitting, rate):
    """Say when calls begin to find no environment, because of what took the instances, and when all have
    done again for a while: near the limit some tick falls short now and then. What took the instances is the
    cause, unless more calls are a larger part of it."""
    if fitting < 1.0:
        s.last_short = t
        if w.svc[i].own_event == 0:
            lost = s.missing / (s.standing + s.missing)
            is_lost = s.losing != 0 and lost > rate / p.load_per_s - 1.0
            begin_own(t, w, i, SHORT, fitting, s.losing if is_lost else behind(w, i))
    elif w.svc[i].own_event != 0 and (t - s.last_short) * w.tick_s[0] >= RECOVERED_S:
        end_own(t, w, i, BACK, fitting)


@njit
def step(t, w, i, p, s, c):
    """One tick: capacity is lost and replaced; calls find an environment and their dependencies, or fail."""
    n = intake(t, w, i)
    ok, wait_s = depend(t, w, i, n)
    lose_and_replace(t, w, i, p, s, c)
    low = low_priority(t, w, i)
    admitted = 1.0 - low * (1.0 - p.low_priority_ratio)
    s.asked += n
    rate = n / w.tick_s[0] * admitted
    fitting, able = fitting_ratio(p, c, rate / p.load_per_s)
    note_capacity(t, w, i, p, s, fitting, rate)
    works = fitting * (1.0 - p.fault_ratio)
    expose(w, i, p.load_per_s * able, s.missing, 1.0 - works)
    answer_by_priority(w, i, p, ok * works, p.service_time_s + wait_s)
    done, well = ended_requests(w, i)
    failed = draw(t, w, i, DRAWS.failed, done, 1.0 - well * works)
    tally(w, i, done - failed, failed)


@njit
def answer_by_priority(w, i, p, ok, latency_s):
    """The throttle holds back a share of asynchronous calls, and no synchronous ones."""
    answer(w, i, ok, latency_s)
    panel = w.svc[i]
    amend(panel)
    for n in range(panel.in_start, panel.in_end):
        r = w.edge[w.incoming[n]]
        if r.mode == ASYNC:
            r.ok *= p.low_priority_ratio
            r.attempt_ok = 1.0


@njit
def check(p, s, c):
    """Every environment stands or is missing; the missing are asked for or not."""
    if s.standing + s.missing != int(p.capacity_count) or not add_up(c, s.standing):
        return False
    if min(s.starting, s.coming, s.doomed) < 0 or s.starting + s.coming + s.doomed > s.missing:
        return False
    return s.launched >= s.in_vain
