"""The DNS of DynamoDB's regional endpoint: the state machine of the DNS automation, with durations.

The real system. The docstring of ``twin/mechanisms/dns_machine.py`` describes it. A Planner writes plans of
addresses, and three Enactors apply them. Each endpoint has one hosted zone and one TXT lock. Applying a plan
makes a tree of records; the root of the endpoint points at one tree, and a rollback record at the one before.
The clean-up deletes old trees.

    IDLE ──poll──▶ picked ──▶ WALKING ──all endpoints──▶ CLEANUP ──▶ IDLE
                                │  ▲
        the lock is another's   ▼  │  after its back-off
                              waiting

The claim. This file adds only time to that machine: how often a plan comes, how long a change batch takes,
how a lost lock is retried. A lost lock is an attempt in which another Enactor holds the lock. The fault is
one Enactor that loses every lock (``losing_enactor``) although it has checked that its plan is new. Then the
root may point at an old tree. The clean-up deletes that tree, and every Enactor gets stuck. No line of this
file forces that failure: it happens only if the state machine leads to it.

A plan can also be wrong: new, but with addresses at which nothing answers. The automation cannot notice this.
Checks that a plan is new do not help, because the wrong plan is new. It lasts until a later plan is right.

Instead of durations, a scenario can give a trace: a list of steps from `twin explore`. The automation then
makes these steps only, and the Region reacts to the resulting state.

Events. ``endpoint_emptied``: the name has no address; ``endpoint_restored``: it has addresses again.
``enactor_wedged``: an Enactor gets stuck, as the current tree is gone. ``endpoint_misled``: the name has
wrong addresses; ``endpoint_put_right``: they are right again.

Left out: the other Regions, records inside a tree, and Route 53's own propagation (it worked normally). Why
the lock was lost again and again is unpublished.
"""

from __future__ import annotations

import numpy as np

from twin.base.jit import njit
from twin.kinds.dns.control_loop import Enactors
from twin.kinds.dns.enactors import TIMERS, enact, machine_config
from twin.kinds.dns.parameters import BREAKS, DRAWS, EMPTIED, EVENTS, MISLED, PARAMETERS, STATE
from twin.mechanisms.calls import answer, depend, draw, expose, intake, tally
from twin.mechanisms.causes import begin_own, end_own
from twin.mechanisms.dns_machine import repair, reset, resume, step_enactor, step_planner
from twin.mechanisms.dns_state import (
    LATEST,
    NOTHING,
    PLANNED,
    WEDGED,
    endpoint_has_records,
    root,
    tree_count,
)
from twin.mechanisms.dns_state import cells as machine_cells
from twin.model.kind import About

__all__ = ["ABOUT", "BREAKS", "DRAWS", "EVENTS", "PARAMETERS", "STATE", "cells", "check", "init", "step"]

ABOUT = About(
    holds_event=True,
    why_passive="what lasts is the damage of its race, see twin explore",
    control_loop=Enactors,
)
ANSWER_S = 0.005


def cells(p, callers, tick_s: float) -> int:
    """The timers, then the machine's own cells."""
    return TIMERS + machine_cells(machine_config(p))


def init(p, s, c, callers, tick_s: float) -> None:
    """Plan 0 is in force everywhere; Enactors idle."""
    reset(c[TIMERS:], machine_config(p))
    s.next_plan = round(p.plan_phase_s / tick_s)
    s.repair_since = -1
    c[:TIMERS] = np.zeros(TIMERS, "i8")


@njit
def repair_by_hand(t, w, p, s, m, cfg):
    """The repair by hand: the automation stands still; when the work is done, the root has a tree again."""
    if s.repair_since < 0:
        s.repair_since = t
    if (t - s.repair_since) * w.tick_s[0] >= p.repair_s:
        repair(m, cfg)
        s.wedged = 0


@njit
def follow_trace(t, w, p, s, m, cfg):
    """A trace of the explorer says who moves when; the Planner's own clock stands still meanwhile."""
    s.next_plan = t + max(1, int(round(p.plan_interval_s / w.tick_s[0])))
    if int(p.scripted_move) == s.moved:
        return
    s.moved = int(p.scripted_move)
    enactor = int(p.scripted_actor) - 1
    code = step_planner(m, cfg) if enactor < 0 else step_enactor(m, cfg, enactor)
    if code == NOTHING or code == WEDGED:
        s.stuck += 1


@njit
def step(t, w, i, p, s, c):
    """One tick: Planner, Enactors, repair; then what the regional endpoint answers."""
    cfg = machine_config(p)
    m = c[TIMERS:]
    if p.repair != 0.0:
        repair_by_hand(t, w, p, s, m, cfg)
    elif p.scripted != 0.0:
        follow_trace(t, w, p, s, m, cfg)
    elif p.automation != 0.0:
        if s.repair_since >= 0:
            s.repair_since = -1
            resume(m, cfg)
        if t >= s.next_plan:
            if step_planner(m, cfg) == PLANNED and p.wrong_plans != 0.0:
                mark_wrong(m, s)
            s.next_plan += max(1, int(round(p.plan_interval_s / w.tick_s[0])))
        enact(t, w, i, p, s, c, m, cfg)
    empty = 0 if endpoint_has_records(m, cfg, 0) else 1
    wrong = 1 if empty == 0 and 0 < s.first_wrong <= root(m, 0) <= s.last_wrong else 0
    answer_queries(t, w, i, p, s, empty, wrong)


@njit
def mark_wrong(m, s):
    """The plan just made is wrong. Those in a row are one stretch of numbers; the latest stretch counts."""
    if s.first_wrong == 0 or s.last_wrong != m[LATEST] - 1:
        s.first_wrong = m[LATEST]
    s.last_wrong = m[LATEST]


@njit
def note_change(t, w, i, k, now):
    """An event of the kind: number ``k`` as something begins (``now`` is 1), the next as it ends."""
    if now == 1:
        begin_own(t, w, i, k, 1.0, w.svc[i].input_event)
    else:
        end_own(t, w, i, k + 1, 0.0)


@njit
def answer_queries(t, w, i, p, s, empty, wrong):
    """Answer the resolvers, and note in the journal when the answer becomes empty or full, wrong or right.

    A wrong answer is an answer like any other; resolvers see that there is no capacity behind it.
    """
    if empty != s.was_empty:
        note_change(t, w, i, EMPTIED, empty)
        s.was_empty = empty
    if wrong != s.was_wrong:
        note_change(t, w, i, MISLED, wrong)
        s.was_wrong = wrong
    n = intake(t, w, i)
    depend(t, w, i, n)  # a zone asks nobody
    ok = (1.0 - empty) * (1.0 - p.fault_ratio)
    expose(w, i, 1.0 - wrong, 0, 1.0 - ok * (1.0 - wrong))
    answer(w, i, ok, ANSWER_S)
    good = draw(t, w, i, DRAWS.well, n, ok * (1.0 - wrong))
    tally(w, i, good, n - good)


@njit
def check(p, s, c):
    """At least one tree exists, and every move of a trace could be made."""
    cfg = machine_config(p)
    return tree_count(c[TIMERS:], cfg) >= 1 and s.stuck == 0
