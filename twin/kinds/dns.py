"""The DNS of DynamoDB's regional endpoint: the protocol's state machine, given durations.

The real system. ``twin/mechanisms/dns_machine.py`` opens with it: a Planner, three Enactors, one hosted
zone and
one TXT lock an endpoint, clean-up by age, a rollback record.

The claim. This file adds no rule to that machine, only time: how often a plan comes, how long a change batch
takes, how a lost lock is retried. The fault is one Enactor that loses every lock (``losing_enactor``)
although its freshness check has passed. That an old tree lands under the root, is cleaned up, and wedges
every Enactor, comes out or does not come out of the machine.

A plan can also be wrong: new, and with addresses behind which nothing answers. The automation cannot tell;
guards of freshness are no help, and it lasts until a later plan is right.

A trace of `twin explore` takes the place of the timing, where one is given: then this file only makes the
moves that it is told, and what follows from the state that they lead to is the region's.

Left out: the other Regions, records inside a tree, Route 53's own propagation (it behaved), and why the lock
was lost so often (unpublished).
"""

from __future__ import annotations

import numpy as np

from twin.base.jit import njit
from twin.base.rng import BACKOFF, FAIL, POLL, subkey, uniform
from twin.mechanisms.arrays import KIND_EVENT_BLOCK, REPLICATE, SEED
from twin.mechanisms.calls import answer, draw, emit, intake, tally
from twin.mechanisms.dns_machine import give_up, repair, reset, resume, step_enactor, step_planner
from twin.mechanisms.dns_state import (
    CLEANUP,
    DELETING,
    GUARDS,
    IDLE,
    LATEST,
    NOTHING,
    PICKED,
    PLANNED,
    RECHECK,
    RECHECK_IN_LOCK,
    RECHECKED,
    SYNCED,
    WEDGED,
    Config,
    can_pick,
    endpoint,
    endpoint_has_records,
    guarded,
    pc,
    root,
    tree_count,
)
from twin.mechanisms.dns_state import cells as machine_cells
from twin.model.parameter import Param, fault_ratio

# The event itself: the scorecard's baseline keeps it, and an ensemble leaves its parameters alone.
GIVEN = True

PARAMETERS = (
    Param("enactors_count", 3, "count", 1, 8, "Enactors, one an Availability Zone", "PES"),
    Param("endpoints_count", 10, "count", 1, 16, "endpoints that each plan covers, the regional one first",
          "assumed: IPv4, dual-stack, FIPS and cells; the number is unpublished", (4, 12)),
    Param("keep_count", 10, "count", 1, 60, "newest plans whose trees clean-up spares",
          "assumed: many recent ones are kept (DAT), how many is unpublished", (5, 30)),
    Param("plan_interval_s", 60.0, "s", 1, 86400, "time between plans",
          "assumed: unpublished", (30.0, 300.0)),
    Param("plan_phase_s", 45.0, "s", 0, 86400, "time of the first plan after the scenario's start",
          "assumed: any phase is as likely as another", (0.0, 60.0)),
    Param("poll_s", 3.0, "s", 0.1, 3600, "how often an idle Enactor looks for a plan",
          "assumed: unpublished", (1.0, 15.0)),
    Param("batch_s", 3.0, "s", 0.1, 600, "one endpoint's change batch, lock and confirmation included",
          "assumed: Route 53 takes about five calls a second and waits for its servers", (2.0, 10.0)),
    Param("cleanup_s", 3.0, "s", 0.1, 600, "deleting the old trees", "assumed: unpublished", (1.0, 10.0)),
    Param("backoff_s", 1.0, "s", 0.01, 600, "first wait after a lost lock, doubled each time",
          "assumed: unpublished", (0.5, 5.0)),
    Param("backoff_cap_s", 10.0, "s", 0.01, 86400, "longest wait after a lost lock",
          "assumed: capped, or a plan would be abandoned for an hour", (5.0, 60.0)),
    Param("drop_after_count", 0, "count", 0, 1000,
          "lost locks in a row after which an Enactor drops its plan; 0: it never does",
          "assumed: a starved Enactor kept its plan", (0, 0)),
    Param("losing_enactor", 0, "count", 0, 8, "number of the Enactor that loses every lock; 0 for none",
          "DAT"),
    Param("automation", True, "switch", 0, 1, "whether Planner and Enactors run", "PE"),
    Param("wrong_plans", False, "switch", 0, 1,
          "plans made now name addresses behind which nothing answers: they are new, and wrong",
          "assumed: plans are right unless a scenario says otherwise"),
    Param("repair", False, "switch", 0, 1, "operators point the root at a preserved tree by hand", "PE"),
    Param("repair_s", 600.0, "s", 1, 86400, "from the start of the repair by hand to its effect",
          "PE", (300.0, 600.0)),
    Param("scripted", False, "switch", 0, 1,
          "Planner and Enactors move only as a trace of the explorer says: twin run --trace", "MODELLING"),
    Param("scripted_move", 0, "count", 0, 1000000, "number of the latest move of the trace", "MODELLING"),
    Param("scripted_actor", 0, "count", 0, 8, "who makes it: 0 the Planner, else the number of an Enactor",
          "MODELLING"),
    Param("scripted_lock_steps", False, "switch", 0, 1, "the trace has the read of each lock as a step",
          "MODELLING"),
    Param("original_design", False, "switch", 0, 1, "check and walk as one step, as first designed", "DAT"),
    *(Param("guard_" + name.replace("-", "_"), False, "switch", 0, 1, "guard of the protocol: " + name,
            "MODELLING")
      for name in GUARDS),
    fault_ratio("share of queries answered without records, whatever the zone holds: a fault's knob"),
)  # fmt: skip
BREAKS = {"down": {"fault_ratio": 1.0}, "partial": {"fault_ratio": 0.5}}
STATE = [("next_plan", "i8"), ("repair_since", "i8"), ("was_empty", "i8"), ("wedged", "i8"), ("open", "i8"),
         ("moved", "i8"), ("stuck", "i8"),
         ("first_wrong", "i8"), ("last_wrong", "i8"), ("was_wrong", "i8")]  # fmt: skip
EVENTS = ("endpoint_emptied", "endpoint_restored", "enactor_wedged", "endpoint_misled", "endpoint_put_right")
EMPTIED, MISLED = 0, 3
MAX_ENACTORS, MAX_ENDPOINTS = 8, 16
TIMERS = 3 * MAX_ENACTORS + MAX_ENDPOINTS  # due tick, tries, holding; locked until
_GUARD_BITS = tuple(GUARDS.values())
assert _GUARD_BITS == tuple(1 << k for k in range(len(_GUARD_BITS)))


@njit
def configuration(p):
    """The machine's constants from the parameters."""
    bits = (
        (p.guard_recheck != 0) * 1 + (p.guard_recheck_in_lock != 0) * 2 + (p.guard_cas != 0) * 4
        + (p.guard_cleanup_check != 0) * 8 + (p.guard_cleanup_atomic != 0) * 16
        + (p.guard_protect_rollback != 0) * 32
        + (p.guard_big_lock != 0) * 64 + (p.guard_big_lock_lease != 0) * 128 + (p.guard_one_batch != 0) * 256
        + (p.guard_tolerate_missing != 0) * 512 + (p.guard_blind_apply != 0) * 1024
        + (p.guard_no_zero_answers != 0) * 2048
    )  # fmt: skip
    keep, ends = int(p.keep_count), int(p.endpoints_count)
    slots, original = keep + 2 * ends + 64, int(p.original_design)
    locks = int(p.scripted != 0 and p.scripted_lock_steps != 0)
    return Config(int(p.enactors_count), ends, 0, keep, slots, int(bits), locks, original)


def cells(p, callers, tick_s: float) -> int:
    """The timers, then the machine's own cells."""
    return TIMERS + machine_cells(configuration(p))


def init(p, s, c, callers, tick_s: float) -> None:
    """Plan 0 is in force everywhere; Enactors idle."""
    reset(c[TIMERS:], configuration(p))
    s.next_plan = round(p.plan_phase_s / tick_s)
    s.repair_since = -1
    c[:TIMERS] = np.zeros(TIMERS, "i8")


@njit
def chance(t, w, i, purpose, e):
    """A uniform number of Enactor ``e``'s own."""
    row = w.svc[i]
    if row.exact == 0:
        return 0.5
    return uniform(w.clock[SEED], subkey(row.key, e), t, purpose, w.clock[REPLICATE])


@njit
def back_off(t, w, i, p, c, e):
    """The lock was lost: wait between half and all of a doubling, capped time."""
    tries = min(c[MAX_ENACTORS + e], 30)
    wait_s = min(p.backoff_cap_s, p.backoff_s * 2.0**tries)
    c[MAX_ENACTORS + e] += 1
    c[e] = t + max(1, int(wait_s * (0.5 + 0.5 * chance(t, w, i, BACKOFF, e)) / w.tick_s[0]))


@njit
def lose(t, w, i, p, c, m, cfg, e):
    """The lock went to another: try again later or, after so many losses, with a newer plan."""
    back_off(t, w, i, p, c, e)
    if 0 < int(p.drop_after_count) <= c[MAX_ENACTORS + e]:
        give_up(m, cfg, e, IDLE)
        c[MAX_ENACTORS + e] = 0


@njit
def idle(t, w, i, p, c, m, cfg, e):
    """Look for a plan that is newer than what is applied."""
    if can_pick(m, cfg, e) and step_enactor(m, cfg, e) >= PICKED:
        c[e] = t + 1
        return
    c[e] = t + max(1, int(p.poll_s * (0.5 + chance(t, w, i, POLL, e)) / w.tick_s[0]))


@njit
def walk(t, w, i, p, s, c, m, cfg, e):
    """Apply the plan at the next endpoint: take its lock, wait for the batch, then the machine's step."""
    holding, lock = 2 * MAX_ENACTORS + e, 3 * MAX_ENACTORS + endpoint(m, cfg, e)
    if e + 1 == int(p.losing_enactor):
        c[holding] = 0
        lose(t, w, i, p, c, m, cfg, e)
    elif c[holding] != 0:
        c[holding] = 0
        settle(t, w, i, p, s, c, e, step_enactor(m, cfg, e))
    elif c[lock] <= t:
        c[holding] = 1
        c[e] = c[lock] = t + max(1, int(p.batch_s / w.tick_s[0]))
        if guarded(cfg, RECHECK):
            step_enactor(m, cfg, e)
        if guarded(cfg, RECHECK_IN_LOCK) and pc(m, cfg, e) != IDLE:
            step_enactor(m, cfg, e)
        c[holding] = 1 if pc(m, cfg, e) != IDLE else 0
    else:
        lose(t, w, i, p, c, m, cfg, e)


@njit
def settle(t, w, i, p, s, c, e, outcome):
    """What the batch came to: done, given up, wedged, or another Enactor's batch came in between."""
    if outcome == WEDGED:
        wedge(t, w, i, s, e)
    if outcome == WEDGED or outcome == SYNCED or outcome == RECHECKED:
        back_off(t, w, i, p, c, e)
        return
    c[MAX_ENACTORS + e] = 0
    c[e] = t + 1


@njit
def wedge(t, w, i, s, e):
    """An Enactor's batch cannot name its rollback target: say so once an Enactor."""
    if (s.wedged >> e) & 1 == 0:
        s.wedged |= 1 << e
        emit(t, w, i, KIND_EVENT_BLOCK * (1 + w.svc[i].kind) + 2, i, float(e + 1), s.open)


@njit
def enact(t, w, i, p, s, c, m, cfg):
    """Every Enactor that is due does its next thing."""
    for e in range(cfg.enactors):
        if c[e] > t:
            continue
        at = pc(m, cfg, e)
        if at == IDLE:
            idle(t, w, i, p, c, m, cfg, e)
        elif at == CLEANUP or at == DELETING:
            if c[2 * MAX_ENACTORS + e] == 0:
                c[2 * MAX_ENACTORS + e] = 1
                c[e] = t + max(1, int(p.cleanup_s / w.tick_s[0]))
            else:
                c[2 * MAX_ENACTORS + e] = 0
                step_enactor(m, cfg, e)
                c[e] = t + 1
        else:
            walk(t, w, i, p, s, c, m, cfg, e)


@njit
def mend(t, w, p, s, m, cfg):
    """The repair by hand: the automation stands still; when the work is done, the root has a tree again."""
    if s.repair_since < 0:
        s.repair_since = t
    if (t - s.repair_since) * w.tick_s[0] >= p.repair_s:
        repair(m, cfg)
        s.wedged = 0


@njit
def obey(t, w, p, s, m, cfg):
    """A trace of the explorer says who moves when; the Planner's own clock stands still meanwhile."""
    s.next_plan = t + max(1, int(round(p.plan_interval_s / w.tick_s[0])))
    if int(p.scripted_move) == s.moved:
        return
    s.moved = int(p.scripted_move)
    e = int(p.scripted_actor) - 1
    code = step_planner(m, cfg) if e < 0 else step_enactor(m, cfg, e)
    if code == NOTHING or code == WEDGED:
        s.stuck += 1


@njit
def step(t, w, i, p, s, c):
    """One tick: Planner, Enactors, repair; then what the regional endpoint answers."""
    cfg = configuration(p)
    m = c[TIMERS:]
    if p.repair != 0.0:
        mend(t, w, p, s, m, cfg)
    elif p.scripted != 0.0:
        obey(t, w, p, s, m, cfg)
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
    say(t, w, i, p, s, empty, wrong)


@njit
def mark_wrong(m, s):
    """The plan just made is wrong. Those in a row are one stretch of numbers; the latest stretch counts."""
    if s.first_wrong == 0 or s.last_wrong != m[LATEST] - 1:
        s.first_wrong = m[LATEST]
    s.last_wrong = m[LATEST]


@njit
def note(t, w, i, s, k, now):
    """An event of the kind: number ``k`` as something begins (``now`` is 1), the next as it ends."""
    row = w.svc[i]
    code = KIND_EVENT_BLOCK * (1 + row.kind) + k + (1 - now)
    s.open = emit(t, w, i, code, i, float(now), row.input_event)
    row.own_event = s.open


@njit
def say(t, w, i, p, s, empty, wrong):
    """Answer the resolvers, and note in the journal when the answer becomes empty or full, wrong or right.

    A wrong answer is an answer like any other; what resolvers see of it is that there is no capacity behind.
    """
    if empty != s.was_empty:
        note(t, w, i, s, EMPTIED, empty)
        s.was_empty = empty
    if wrong != s.was_wrong:
        note(t, w, i, s, MISLED, wrong)
        s.was_wrong = wrong
    row = w.svc[i]
    row.capacity_per_s = 1.0 - wrong
    n = intake(t, w, i)
    ok = (1.0 - empty) * (1.0 - p.fault_ratio)
    answer(w, i, ok, 0.005)
    row.own_blame = 1.0 - ok * (1.0 - wrong)
    good = draw(t, w, i, FAIL, 0, n, ok * (1.0 - wrong))
    tally(w, i, good, n - good)


@njit
def check(p, s, c):
    """At least one tree exists, and every move of a trace could be made."""
    cfg = configuration(p)
    return tree_count(c[TIMERS:], cfg) >= 1 and s.stuck == 0
