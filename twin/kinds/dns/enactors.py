"""Planner and Enactors in time: when each makes its next move of the machine.

While it walks, an Enactor takes the lock of the next endpoint, waits for the batch, and makes the machine's
step. The cells of the service begin with the timers. An Enactor has its due tick, its lost locks in a row and
whether it holds a lock; an endpoint has the tick until which it is locked. The machine's own cells follow.
"""

from __future__ import annotations

from twin.base.jit import njit
from twin.kinds.dns.parameters import DRAWS, WEDGED_EVENT
from twin.mechanisms.calls import emit_own
from twin.mechanisms.dns_machine import drop_plan, step_enactor
from twin.mechanisms.dns_state import (
    CLEANUP,
    DELETING,
    GUARDS,
    IDLE,
    PICKED,
    RECHECK,
    RECHECK_IN_LOCK,
    RECHECKED,
    SYNCED,
    WEDGED,
    Config,
    can_pick,
    endpoint,
    has_guard,
    pc,
)
from twin.mechanisms.sampling import draw_context, sample_uniform

MAX_ENACTORS, MAX_ENDPOINTS = 8, 16
LOST, HOLDING, LOCKED = (k * MAX_ENACTORS for k in (1, 2, 3))  # where these timers begin
TIMERS = LOCKED + MAX_ENDPOINTS
_GUARD_BITS = tuple(GUARDS.values())
assert _GUARD_BITS == tuple(1 << k for k in range(len(_GUARD_BITS)))


@njit
def machine_config(p):
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


@njit
def back_off_lock(t, w, i, p, c, enactor):
    """The lock was lost: wait between half and all of a doubling, capped time."""
    tries = min(c[LOST + enactor], 30)
    wait_s = min(p.backoff_cap_s, p.backoff_s * 2.0**tries)
    c[LOST + enactor] += 1
    u = sample_uniform(draw_context(t, w, i), DRAWS.backoff, enactor)
    c[enactor] = t + max(1, int(wait_s * (0.5 + 0.5 * u) / w.tick_s[0]))


@njit
def lose_lock(t, w, i, p, c, m, cfg, enactor):
    """The lock went to another: try again later or, after ``drop_after_count`` losses, with a newer plan."""
    back_off_lock(t, w, i, p, c, enactor)
    if 0 < int(p.drop_after_count) <= c[LOST + enactor]:
        drop_plan(m, cfg, enactor, IDLE)
        c[LOST + enactor] = 0


@njit
def look_for_plan(t, w, i, p, c, m, cfg, enactor):
    """Look for a plan that is newer than what is applied."""
    if can_pick(m, cfg, enactor) and step_enactor(m, cfg, enactor) >= PICKED:
        c[enactor] = t + 1
        return
    u = sample_uniform(draw_context(t, w, i), DRAWS.poll, enactor)
    c[enactor] = t + max(1, int(p.poll_s * (0.5 + u) / w.tick_s[0]))


@njit
def walk_endpoints(t, w, i, p, s, c, m, cfg, enactor):
    """Apply the plan at the next endpoint: take its lock, wait for the batch, then the machine's step."""
    holding, lock = HOLDING + enactor, LOCKED + endpoint(m, cfg, enactor)
    limit = int(p.lost_locks_count)
    if enactor + 1 == int(p.losing_enactor) and (limit == 0 or s.lost_locks < limit):
        s.lost_locks += 1
        c[holding] = 0
        lose_lock(t, w, i, p, c, m, cfg, enactor)
    elif c[holding] != 0:
        c[holding] = 0
        settle_batch(t, w, i, p, s, c, enactor, step_enactor(m, cfg, enactor))
    elif c[lock] <= t:
        c[holding] = 1
        c[enactor] = c[lock] = t + max(1, int(p.batch_s / w.tick_s[0]))
        if has_guard(cfg, RECHECK):
            step_enactor(m, cfg, enactor)
        if has_guard(cfg, RECHECK_IN_LOCK) and pc(m, cfg, enactor) != IDLE:
            step_enactor(m, cfg, enactor)
        c[holding] = 1 if pc(m, cfg, enactor) != IDLE else 0
    else:
        lose_lock(t, w, i, p, c, m, cfg, enactor)


@njit
def settle_batch(t, w, i, p, s, c, enactor, outcome):
    """What the batch came to: done, given up, wedged, or another Enactor's batch came in between."""
    if outcome == WEDGED:
        note_wedged(t, w, i, s, enactor)
    if outcome == WEDGED or outcome == SYNCED or outcome == RECHECKED:
        back_off_lock(t, w, i, p, c, enactor)
        return
    c[LOST + enactor] = 0
    c[enactor] = t + 1


@njit
def note_wedged(t, w, i, s, enactor):
    """An Enactor's batch cannot name its rollback target: say so once an Enactor."""
    if (s.wedged >> enactor) & 1 == 0:
        s.wedged |= 1 << enactor
        emit_own(t, w, i, WEDGED_EVENT, float(enactor + 1), w.svc[i].own_event)


@njit
def enact(t, w, i, p, s, c, m, cfg):
    """Every Enactor that is due does its next thing."""
    for enactor in range(cfg.enactors):
        if c[enactor] > t:
            continue
        at = pc(m, cfg, enactor)
        if at == IDLE:
            look_for_plan(t, w, i, p, c, m, cfg, enactor)
        elif at == CLEANUP or at == DELETING:
            if c[HOLDING + enactor] == 0:
                c[HOLDING + enactor] = 1
                c[enactor] = t + max(1, int(p.cleanup_s / w.tick_s[0]))
            else:
                c[HOLDING + enactor] = 0
                step_enactor(m, cfg, enactor)
                c[enactor] = t + 1
        else:
            walk_endpoints(t, w, i, p, s, c, m, cfg, enactor)
