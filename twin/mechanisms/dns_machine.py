"""One state machine of DynamoDB's DNS automation: Planner, Enactors, Route 53.

The real system. A Planner writes numbered plans. Three Enactors do not talk to each other. Each takes the
newest plan, builds its records (a *tree*), and walks over the endpoints, each in its own hosted zone. At each
endpoint one change batch, all or nothing, flips the root alias to the new tree. It also points the *rollback*
record at the tree that the root named before. Whether the plan is newer than what is applied is checked once,
before the walk. After the walk the Enactor deletes the trees that are old by count, whether or not a root
points at them. A TXT record in each zone is the lock: a batch replaces the exact text that its Enactor has
read, or fails.

The claim. With nothing but these rules, an Enactor that is delayed between its check and its write puts an
old tree under the root. The clean-up of a faster Enactor deletes the tree, and the name answers without error
and with zero records. From then on every Enactor fails, because no batch can point the rollback record at a
tree that does not exist (the *wedge*). Two Enactors and keep_last + 1 plans suffice. A check inside the batch
(`CAS`, or `RECHECK_IN_LOCK`) removes it; a check before the batch only narrows it.

Left out: weights and addresses inside a tree (a plan is its number), building a tree record by record, and
failures of the Planner. Authoritative servers and resolvers are kinds of their own. Durations are left out
too: the back-off of a lock is the caller's, which decides which Enactor moves next. Order is all there is
here.

Two drivers run these same functions: the simulator (`twin/kinds/dns.py`), with durations, and the explorer
(`twin/analysis/dns_race/explore.py`), through every order. Every function takes a state
(`twin.mechanisms.dns_state`) and changes it in place.
"""

import numpy as np

from twin.base.jit import njit
from twin.mechanisms.dns_state import (
    ABORTED_MISSING,
    ABORTED_STALE,
    APPLIED,
    APPLY,
    BIG_LOCK,
    BIG_LOCK_LEASE,
    BLIND_APPLY,
    CAS,
    CHECKED,
    CLEANED,
    CLEANUP,
    CLEANUP_ATOMIC,
    CLEANUP_CHECK,
    DELETING,
    DOOMED,
    ENDPOINT,
    FINISHED,
    HOLDS,
    IDLE,
    LATEST,
    LISTED,
    NOTHING,
    PC,
    PICKED,
    PLANNED,
    PROTECT_ROLLBACK,
    RECHECK,
    RECHECK_IN_LOCK,
    RECHECKED,
    ROOTS,
    SEEN,
    STOPPED,
    SYNCED,
    VERSION,
    WEDGED,
    Config,
    can_pick,
    cells,
    enactor_cell,
    enactor_cells,
    endpoint,
    find_tree,
    has_guard,
    is_empty,
    last_in_batch,
    newest_tree,
    pc,
    rollback,
    root,
    slot_cell,
    tree_exists,
    version,
    wedged,
)

# ---------------------------------------------------------------- the parts of a transition


@njit
def create_tree(state, cfg, v):
    """Make tree `v` exist; the caller has seen that there is room."""
    if tree_exists(state, cfg, v):
        return
    start = slot_cell(cfg)
    for k in range(cfg.slots):
        cell = start + (v + k) % cfg.slots
        if state[cell] == 0:
            state[cell] = v + 1
            return


def initial(cfg: Config) -> np.ndarray:
    """A fresh int64 state: plan 0 serves everywhere, all Enactors idle."""
    state = np.zeros(cells(cfg), np.int64)
    reset(state, cfg)
    return state


@njit
def reset(state, cfg):
    """Make `state` (at least `cells(cfg)` long) the initial one."""
    state[:] = 0
    create_tree(state, cfg, 0)


@njit
def delete_tree(state, cfg, v):
    """Tree `v` is gone, if it was not before."""
    cell = find_tree(state, cfg, v)
    if cell >= 0:
        state[cell] = 0


@njit
def put_enactor(state, cfg, e, at, v, j):
    """Move Enactor `e`; what it has read of a zone is forgotten, and idle also lets go of the big lock."""
    cell = enactor_cell(cfg, e)
    state[cell + PC] = at
    state[cell + VERSION] = v
    state[cell + ENDPOINT] = j
    state[cell + SEEN] = 0
    if at == IDLE:
        state[cell + HOLDS] = 0


@njit
def take_big_lock(state, cfg, e):
    """Enactor `e` holds the big lock, whoever held it before."""
    for other in range(cfg.enactors):
        state[enactor_cell(cfg, other) + HOLDS] = 0
    state[enactor_cell(cfg, e) + HOLDS] = 1


@njit
def drop_plan(state, cfg, e, reason):
    """Enactor `e` lets go of its plan."""
    put_enactor(state, cfg, e, IDLE, 0, 0)
    return reason


@njit
def batch_is_stale(state, cfg, e):
    """Whether Enactor `e`'s next batch would put a plan over the same or a newer one."""
    first = endpoint(state, cfg, e)
    for j in range(first, last_in_batch(cfg, first)):
        if version(state, cfg, e) <= root(state, j):
            return True
    return False


@njit
def flip(state, cfg, e, j):
    """The change batch at endpoint `j`: rollback takes the root's old target, the root the new tree."""
    state[ROOTS + cfg.endpoints + j] = root(state, j)
    state[ROOTS + j] = version(state, cfg, e)
    for other in range(cfg.enactors):  # a new lock text: what others have read of this zone is void
        if endpoint(state, cfg, other) == j:
            state[enactor_cell(cfg, other) + SEEN] = 0


@njit
def in_use(state, cfg, v):
    """Whether clean-up must spare tree `v`, by the atomic guards."""
    for j in range(cfg.endpoints):
        if root(state, j) == v:
            return True
        if has_guard(cfg, PROTECT_ROLLBACK) and rollback(state, cfg, j) == v:
            return True
    return False


@njit
def is_old(state, cfg, e, v):
    """Whether tree `v` is old by the measure of Enactor `e`'s plan: by count, the only measure there is."""
    return v <= version(state, cfg, e) - cfg.keep_last


# ---------------------------------------------------------------- transitions


@njit
def make_plan(state, cfg):
    """The Planner writes one more plan."""
    if state[STOPPED] or (cfg.plans > 0 and state[LATEST] >= cfg.plans):
        return NOTHING
    state[LATEST] += 1
    return PLANNED


@njit
def pick(state, cfg, e):
    """Enactor `e` checks once that the newest plan is newer than what is applied, and builds its tree."""
    if not can_pick(state, cfg, e):
        return NOTHING
    create_tree(state, cfg, state[LATEST])
    put_enactor(state, cfg, e, APPLY, state[LATEST], 0)
    if has_guard(cfg, BIG_LOCK | BIG_LOCK_LEASE):
        take_big_lock(state, cfg, e)
    if cfg.original:
        return apply_all(state, cfg, e)
    return PICKED


@njit
def apply_all(state, cfg, e):
    """The original design: the walk belongs to the check."""
    for j in range(cfg.endpoints):
        if wedged(state, cfg, e):
            return WEDGED
        flip(state, cfg, e, j)
    put_enactor(state, cfg, e, CLEANUP, version(state, cfg, e), 0)
    return FINISHED


@njit
def recheck(state, cfg, e):
    """The freshness check again, before one endpoint."""
    if batch_is_stale(state, cfg, e):
        return drop_plan(state, cfg, e, ABORTED_STALE)
    state[enactor_cell(cfg, e) + PC] = CHECKED
    return RECHECKED


@njit
def sync(state, cfg, e):
    """Read the zone's lock text; with RECHECK_IN_LOCK the version under the root belongs to what is read.

    A batch that is refused, because the text has changed since, and the next read of it are one step.
    """
    at = pc(state, cfg, e)
    if at == APPLY and has_guard(cfg, RECHECK_IN_LOCK) and batch_is_stale(state, cfg, e):
        return drop_plan(state, cfg, e, ABORTED_STALE)
    state[enactor_cell(cfg, e) + SEEN] = 1
    return SYNCED


@njit
def apply_plan(state, cfg, e):
    """Enactor `e`'s next change batch: all of it or none."""
    if wedged(state, cfg, e):
        return WEDGED
    v, first = version(state, cfg, e), endpoint(state, cfg, e)
    if has_guard(cfg, CAS) and batch_is_stale(state, cfg, e):
        return drop_plan(state, cfg, e, ABORTED_STALE)
    if not tree_exists(state, cfg, v) and not has_guard(cfg, BLIND_APPLY):
        return drop_plan(state, cfg, e, ABORTED_MISSING)
    after = last_in_batch(cfg, first)
    for j in range(first, after):
        flip(state, cfg, e, j)
    if after < cfg.endpoints:
        put_enactor(state, cfg, e, APPLY, v, after)
        return APPLIED
    put_enactor(state, cfg, e, CLEANUP, v, 0)
    return FINISHED


@njit
def list_doomed(state, cfg, e):
    """Enactor `e` notes which old trees no root points at now."""
    doomed, slots = enactor_cell(cfg, e) + DOOMED, slot_cell(cfg)
    for k in range(cfg.slots):
        v = state[slots + k] - 1
        if v >= 0 and is_old(state, cfg, e, v) and not in_use(state, cfg, v):
            state[doomed + k] = v + 1
    state[enactor_cell(cfg, e) + PC] = DELETING
    return LISTED


@njit
def delete_doomed(state, cfg, e):
    """Enactor `e` deletes what it noted, whatever a root points at by now."""
    doomed = enactor_cell(cfg, e) + DOOMED
    for k in range(cfg.slots):
        if state[doomed + k] > 0:
            delete_tree(state, cfg, state[doomed + k] - 1)
        state[doomed + k] = 0
    return drop_plan(state, cfg, e, CLEANED)


@njit
def delete_old_trees(state, cfg, e):
    """Enactor `e` deletes the trees that are `keep_last` or more plans older than its own."""
    slots = slot_cell(cfg)
    for cell in range(slots, slots + cfg.slots):
        v = state[cell] - 1
        spared = has_guard(cfg, CLEANUP_ATOMIC) and in_use(state, cfg, v)
        if v >= 0 and is_old(state, cfg, e, v) and not spared:
            state[cell] = 0
    return drop_plan(state, cfg, e, CLEANED)


# ---------------------------------------------------------------- what drivers call


@njit
def step_planner(state, cfg):
    """The Planner's next transition: PLANNED or NOTHING."""
    return make_plan(state, cfg)


@njit
def step_enactor(state, cfg, e):
    """Enactor `e`'s next transition, in place; returns what it did (see the codes above)."""
    if state[STOPPED]:
        return NOTHING
    cell = enactor_cell(cfg, e)
    at = state[cell + PC]
    if at == IDLE:
        return pick(state, cfg, e)
    if at == CLEANUP and cfg.lock_steps and not state[cell + SEEN]:
        return sync(state, cfg, e)  # deleting records is a batch like any other
    if at == CLEANUP:
        if has_guard(cfg, CLEANUP_CHECK):
            return list_doomed(state, cfg, e)
        return delete_old_trees(state, cfg, e)
    if at == DELETING:
        return delete_doomed(state, cfg, e)
    if at == APPLY and has_guard(cfg, RECHECK):
        return recheck(state, cfg, e)
    if (cfg.lock_steps or has_guard(cfg, RECHECK_IN_LOCK)) and not state[cell + SEEN]:
        return sync(state, cfg, e)
    return apply_plan(state, cfg, e)


@njit
def repair(state, cfg):
    """What the operators did at 02:15: stop the automation and point each empty root at a tree that exists.

    That is the rollback tree if it is preserved, else the newest one.  Returns how many endpoints now answer
    that did not before.
    """
    state[STOPPED] = 1
    repaired = 0
    for j in range(cfg.endpoints):
        if not is_empty(state, cfg, j):
            continue
        v = rollback(state, cfg, j)
        if not tree_exists(state, cfg, v):
            v = newest_tree(state, cfg)
        if v >= 0:
            state[ROOTS + j] = v
            repaired += 1
    return repaired


@njit
def resume(state, cfg):
    """Start the automation again after a repair, every Enactor without memory."""
    state[STOPPED] = 0
    for e in range(cfg.enactors):
        cell = enactor_cell(cfg, e)
        state[cell : cell + enactor_cells(cfg)] = 0
