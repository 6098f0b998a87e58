"""One state machine of DynamoDB's DNS automation: Planner, Enactors, Route 53.

The real system.  A Planner writes numbered plans.  Three Enactors, which do not talk to each other, each take
the newest plan, build its records (a *tree*) and walk over the endpoints, every one in its own hosted zone.
At each endpoint one change batch, all or nothing, flips the root alias to the new tree and points the
*rollback* record at the tree that the root named before.  Whether the plan is newer than what is applied is
checked once, before the walk.  After the walk the Enactor deletes the trees that are old by count, whether or
not a root points at them.  A TXT record in each zone is the lock: a batch replaces the exact text that its
Enactor has read, or fails.

The claim.  With nothing but these rules an Enactor that is held up between its check and its write puts an old
tree under the root, the clean-up of a faster Enactor deletes it, the name answers without error and with zero
records, and from then on every Enactor fails, because no batch can point the rollback record at a tree that is
not there (the *wedge*).  Two Enactors and three plans suffice.  A check inside the batch (`CAS`, or
`RECHECK_IN_LOCK`) removes it; a check before the batch only narrows it.

Left out: weights and addresses inside a tree (a plan is its number), building a tree record by record, Planner
failures, authoritative servers and resolvers (kinds of their own), and durations: the lock's back-off is the
caller's, who decides which Enactor moves next.  Order is all there is here.

Two drivers run these same functions: the simulator (`twin/kinds/dns.py`), with durations, and the explorer
(`twin/protocol/explore.py`), through every order.

State: a one-dimensional integer array of `cells(cfg)` cells, changed in place:

    latest, stopped | root[endpoints] | rollback[endpoints] | enactor[enactors][5 + endpoints] | slot[slots]

An Enactor is (pc, version, endpoint, holds, seen, protected root per endpoint).  A slot holds a tree's version
plus one, or zero; so versions may grow for ever, while only the trees that exist take room.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

# The guards: what could have been different.  Bits of Config.guards.
RECHECK = 1  # freshness checked again before each endpoint, as a step of its own
RECHECK_IN_LOCK = 2  # ... by the read that the lock validates: the batch fails if the zone changed since
CAS = 4  # the batch itself demands that its version is newer than the root's (a fencing token)
CLEANUP_CHECK = 8  # clean-up reads the roots, then deletes: two steps
CLEANUP_ATOMIC = 16  # clean-up never deletes a tree under a root, in one step
PROTECT_ROLLBACK = 32  # clean-up also spares the trees under the rollback records
BIG_LOCK = 64  # one lock over everything, from pick to clean-up
BIG_LOCK_LEASE = 128  # ... that can expire while its holder works on
ONE_BATCH = 256  # all endpoints in one change batch
TOLERATE_MISSING = 512  # the rollback record may stay as it is when the root's tree is gone: no wedge
BLIND_APPLY = 1024  # Route 53 takes an alias to a tree that does not exist
NO_ZERO_ANSWERS = 2048  # an empty answer is never published: the last one with records stays

GUARDS = {
    "recheck": RECHECK,
    "recheck-in-lock": RECHECK_IN_LOCK,
    "cas": CAS,
    "cleanup-check": CLEANUP_CHECK,
    "cleanup-atomic": CLEANUP_ATOMIC,
    "protect-rollback": PROTECT_ROLLBACK,
    "big-lock": BIG_LOCK,
    "big-lock-lease": BIG_LOCK_LEASE,
    "one-batch": ONE_BATCH,
    "tolerate-missing": TOLERATE_MISSING,
    "blind-apply": BLIND_APPLY,
    "no-zero-answers": NO_ZERO_ANSWERS,
}

# What a step did.
(
    NOTHING,  # not enabled; the state is as before
    PLANNED,  # a new plan exists
    PICKED,  # freshness checked, the plan's tree built
    SYNCED,  # the zone's lock text (and, with RECHECK_IN_LOCK, its version) was read
    RECHECKED,  # freshness checked again; the next step applies
    REFUSED,  # another Enactor changed the zone since this one read it; it reads again
    APPLIED,  # one endpoint flipped, more to go
    FINISHED,  # the last endpoint flipped; clean-up is next
    ABORTED_STALE,  # a guard found the plan to be old; the Enactor gives it up
    ABORTED_MISSING,  # the plan's tree is gone; Route 53 rejects the batch, the Enactor gives it up
    WEDGED,  # the root's tree is gone, so no batch can name it as rollback; the state is as before
    READ_ROOTS,  # clean-up has noted which trees are in use
    CLEANED,  # old trees deleted
    EXPIRED,  # the big lock's lease ran out under its holder
) = range(14)

STEP_NAMES = (
    "nothing", "planned", "picked", "synced", "rechecked", "refused", "applied", "finished",
    "aborted_stale", "aborted_missing", "wedged", "read_roots", "cleaned", "expired",
)  # fmt: skip

# Where an Enactor stands.
IDLE, APPLY, CHECKED, CLEANUP, DELETING = range(5)
PC_NAMES = ("idle", "apply", "checked", "cleanup", "deleting")

# Cells.
LATEST, STOPPED, ROOTS = 0, 1, 2
PC, VERSION, ENDPOINT, HOLDS, SEEN, PROTECTED = range(6)


class Config(NamedTuple):
    """The constants of one machine; all int, so that a compiled function takes it as it is.

    `plans` bounds the Planner (0: unbounded); `slots` is how many trees the zone has room for; `guards` is a sum
    of guard bits; `lock_steps` makes the read of each zone's lock a step of its own; `original` is the first
    design, in which check and walk are one atomic step, before the implementation drifted from it.
    """

    enactors: int = 3
    endpoints: int = 2
    plans: int = 0
    keep_last: int = 10
    slots: int = 64
    guards: int = 0
    lock_steps: int = 0
    original: int = 0


def config(
    *,
    enactors: int = 3,
    endpoints: int = 2,
    plans: int = 0,
    keep_last: int = 10,
    guards: tuple[str, ...] = (),
    lock_steps: bool = False,
    design: str = "drifted",
) -> Config:
    """A Config from names; unknown guards and designs are a ValueError.

    With unbounded plans there is room for the trees kept, those referenced and 64 more.
    """
    if unknown := sorted(set(guards) - set(GUARDS)):
        raise ValueError(f"unknown guard {unknown[0]!r}; known: {', '.join(GUARDS)}")
    if design not in ("original", "drifted"):
        raise ValueError(f"unknown design {design!r}; known: original, drifted")
    if min(enactors, endpoints, keep_last) < 1 or plans < 0:
        raise ValueError("enactors, endpoints and keep_last are at least 1, plans at least 0")
    bits = sum(GUARDS[name] for name in set(guards))
    slots = plans + 1 if plans else keep_last + 2 * endpoints + 64
    return Config(enactors, endpoints, plans, keep_last, slots, bits, int(lock_steps), int(design == "original"))


@njit(cache=True)
def cells(cfg):
    """How many cells a state takes."""
    return ROOTS + 2 * cfg.endpoints + cfg.enactors * (PROTECTED + cfg.endpoints) + cfg.slots


def initial(cfg: Config) -> np.ndarray:
    """A fresh int64 state: plan 0 serves everywhere, all Enactors idle."""
    state = np.zeros(cells(cfg), np.int64)
    reset(state, cfg)
    return state


@njit(cache=True)
def reset(state, cfg):
    """Make `state` (at least `cells(cfg)` long) the initial one."""
    state[:] = 0
    create_tree(state, cfg, 0)


# ---------------------------------------------------------------- reading the state


@njit(cache=True)
def enactor_cell(cfg, e):
    """Where Enactor `e`'s cells begin."""
    return ROOTS + 2 * cfg.endpoints + e * (PROTECTED + cfg.endpoints)


@njit(cache=True)
def slot_cell(cfg):
    """Where the slots begin; they end with the state."""
    return enactor_cell(cfg, cfg.enactors)


@njit(cache=True)
def root(state, j):
    """The version under endpoint `j`'s root alias."""
    return state[ROOTS + j]


@njit(cache=True)
def rollback(state, cfg, j):
    """The version under endpoint `j`'s rollback record."""
    return state[ROOTS + cfg.endpoints + j]


@njit(cache=True)
def pc(state, cfg, e):
    """Where Enactor `e` stands: IDLE, APPLY, CHECKED, CLEANUP or DELETING."""
    return state[enactor_cell(cfg, e) + PC]


@njit(cache=True)
def version(state, cfg, e):
    """The plan that Enactor `e` works on (0 when idle)."""
    return state[enactor_cell(cfg, e) + VERSION]


@njit(cache=True)
def endpoint(state, cfg, e):
    """The endpoint that Enactor `e` writes next (0 when it does not walk)."""
    return state[enactor_cell(cfg, e) + ENDPOINT]


@njit(cache=True)
def guarded(cfg, guard):
    """Whether the guard is on."""
    return cfg.guards & guard != 0


@njit(cache=True)
def find_tree(state, cfg, v):
    """The cell that holds tree `v`, or -1."""
    start = slot_cell(cfg)
    likely = start + v % cfg.slots
    if state[likely] == v + 1:
        return likely
    for cell in range(start, start + cfg.slots):
        if state[cell] == v + 1:
            return cell
    return -1


@njit(cache=True)
def tree_exists(state, cfg, v):
    """Whether the records of plan `v` exist."""
    return find_tree(state, cfg, v) >= 0


@njit(cache=True)
def tree_count(state, cfg):
    """How many trees exist."""
    start = slot_cell(cfg)
    return np.count_nonzero(state[start : start + cfg.slots])


@njit(cache=True)
def newest_tree(state, cfg):
    """The newest version whose tree exists, or -1."""
    start = slot_cell(cfg)
    return state[start : start + cfg.slots].max() - 1


@njit(cache=True)
def is_empty(state, cfg, j):
    """Whether endpoint `j`'s root alias points at a tree that is gone: no error, zero records."""
    return not tree_exists(state, cfg, root(state, j))


@njit(cache=True)
def endpoint_has_records(state, cfg, j):
    """Whether a question for endpoint `j` is answered with records."""
    return guarded(cfg, NO_ZERO_ANSWERS) or not is_empty(state, cfg, j)


@njit(cache=True)
def answer_count(state, cfg, j):
    """1 or 0 record sets in the answer for endpoint `j`."""
    return 1 if endpoint_has_records(state, cfg, j) else 0


@njit(cache=True)
def any_empty(state, cfg):
    """Whether some root points at a tree that is gone."""
    for j in range(cfg.endpoints):
        if is_empty(state, cfg, j):
            return True
    return False


@njit(cache=True)
def newest_root(state, cfg):
    """The newest version under any root: what counts as applied in the one-time check."""
    return state[ROOTS : ROOTS + cfg.endpoints].max()


@njit(cache=True)
def last_in_batch(cfg, first):
    """The batch that starts at endpoint `first` covers the endpoints before this one."""
    return cfg.endpoints if guarded(cfg, ONE_BATCH) else first + 1


@njit(cache=True)
def wedged(state, cfg, e):
    """Whether Enactor `e` stands before a batch that cannot be formed: its rollback target is gone."""
    at = pc(state, cfg, e)
    if (at != APPLY and at != CHECKED) or guarded(cfg, TOLERATE_MISSING):
        return False
    first = endpoint(state, cfg, e)
    for j in range(first, last_in_batch(cfg, first)):
        if is_empty(state, cfg, j):
            return True
    return False


@njit(cache=True)
def lock_is_held(state, cfg):
    """Whether some Enactor holds the big lock."""
    for e in range(cfg.enactors):
        if state[enactor_cell(cfg, e) + HOLDS]:
            return True
    return False


@njit(cache=True)
def can_pick(state, cfg, e):
    """Whether Enactor `e` may start on the newest plan: newer than anything applied, and room for its tree."""
    if pc(state, cfg, e) != IDLE or state[LATEST] <= newest_root(state, cfg):
        return False
    if guarded(cfg, BIG_LOCK | BIG_LOCK_LEASE) and lock_is_held(state, cfg):
        return False
    return tree_exists(state, cfg, state[LATEST]) or tree_count(state, cfg) < cfg.slots


# ---------------------------------------------------------------- the parts of a transition


@njit(cache=True)
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


@njit(cache=True)
def put_enactor(state, cfg, e, at, v, j):
    """Move Enactor `e`; what it has read of a zone is forgotten, and idle also lets go of the big lock."""
    cell = enactor_cell(cfg, e)
    state[cell + PC] = at
    state[cell + VERSION] = v
    state[cell + ENDPOINT] = j
    state[cell + SEEN] = 0
    if at == IDLE:
        state[cell + HOLDS] = 0


@njit(cache=True)
def give_up(state, cfg, e, reason):
    """Enactor `e` drops its plan."""
    put_enactor(state, cfg, e, IDLE, 0, 0)
    return reason


@njit(cache=True)
def batch_is_stale(state, cfg, e):
    """Whether Enactor `e`'s next batch would put a plan over the same or a newer one."""
    first = endpoint(state, cfg, e)
    for j in range(first, last_in_batch(cfg, first)):
        if version(state, cfg, e) <= root(state, j):
            return True
    return False


@njit(cache=True)
def flip(state, cfg, e, j):
    """The change batch at endpoint `j`: rollback takes the root's place, the root takes the new tree's."""
    if tree_exists(state, cfg, root(state, j)):
        state[ROOTS + cfg.endpoints + j] = root(state, j)
    state[ROOTS + j] = version(state, cfg, e)
    for other in range(cfg.enactors):  # a new lock text: what others have read of this zone is void
        if endpoint(state, cfg, other) == j:
            state[enactor_cell(cfg, other) + SEEN] = 0


@njit(cache=True)
def in_use(state, cfg, v):
    """Whether clean-up must spare tree `v`, by the atomic guards."""
    for j in range(cfg.endpoints):
        if root(state, j) == v:
            return True
        if guarded(cfg, PROTECT_ROLLBACK) and rollback(state, cfg, j) == v:
            return True
    return False


@njit(cache=True)
def noted_in_use(state, cfg, e, v):
    """Whether Enactor `e` saw tree `v` under a root when it last looked."""
    cell = enactor_cell(cfg, e) + PROTECTED
    for j in range(cfg.endpoints):
        if state[cell + j] == v + 1:
            return True
    return False


@njit(cache=True)
def note_roots(state, cfg, e):
    """Enactor `e` reads the roots, to spare them in its clean-up."""
    cell = enactor_cell(cfg, e)
    for j in range(cfg.endpoints):
        state[cell + PROTECTED + j] = root(state, j) + 1
    state[cell + PC] = DELETING


# ---------------------------------------------------------------- transitions


@njit(cache=True)
def plan(state, cfg):
    """The Planner writes one more plan."""
    if state[STOPPED] or (cfg.plans > 0 and state[LATEST] >= cfg.plans):
        return NOTHING
    state[LATEST] += 1
    return PLANNED


@njit(cache=True)
def pick(state, cfg, e):
    """Enactor `e` checks once that the newest plan is newer than what is applied, and builds its tree."""
    if not can_pick(state, cfg, e):
        return NOTHING
    create_tree(state, cfg, state[LATEST])
    put_enactor(state, cfg, e, APPLY, state[LATEST], 0)
    if guarded(cfg, BIG_LOCK | BIG_LOCK_LEASE):
        state[enactor_cell(cfg, e) + HOLDS] = 1
    if cfg.original:
        return apply_all(state, cfg, e)
    return PICKED


@njit(cache=True)
def apply_all(state, cfg, e):
    """The original design: the walk belongs to the check."""
    for j in range(cfg.endpoints):
        if wedged(state, cfg, e):
            return WEDGED
        flip(state, cfg, e, j)
    put_enactor(state, cfg, e, CLEANUP, version(state, cfg, e), 0)
    return FINISHED


@njit(cache=True)
def recheck(state, cfg, e):
    """The freshness check again, before one endpoint."""
    if batch_is_stale(state, cfg, e):
        return give_up(state, cfg, e, ABORTED_STALE)
    state[enactor_cell(cfg, e) + PC] = CHECKED
    return RECHECKED


@njit(cache=True)
def sync(state, cfg, e):
    """Read the zone's lock text; with RECHECK_IN_LOCK the version under the root belongs to what is read."""
    if guarded(cfg, RECHECK_IN_LOCK) and batch_is_stale(state, cfg, e):
        return give_up(state, cfg, e, ABORTED_STALE)
    state[enactor_cell(cfg, e) + SEEN] = 1
    return SYNCED


@njit(cache=True)
def apply_plan(state, cfg, e):
    """Enactor `e`'s next change batch: all of it or none."""
    if wedged(state, cfg, e):
        return WEDGED
    v, first = version(state, cfg, e), endpoint(state, cfg, e)
    if guarded(cfg, CAS) and batch_is_stale(state, cfg, e):
        return give_up(state, cfg, e, ABORTED_STALE)
    if not tree_exists(state, cfg, v) and not guarded(cfg, BLIND_APPLY):
        return give_up(state, cfg, e, ABORTED_MISSING)
    after = last_in_batch(cfg, first)
    for j in range(first, after):
        flip(state, cfg, e, j)
    if after < cfg.endpoints:
        put_enactor(state, cfg, e, APPLY, v, after)
        return APPLIED
    put_enactor(state, cfg, e, CLEANUP, v, 0)
    return FINISHED


@njit(cache=True)
def clean_up(state, cfg, e):
    """Enactor `e` deletes the trees that are `keep_last` or more plans older than its own."""
    oldest_kept = version(state, cfg, e) - cfg.keep_last + 1
    start = slot_cell(cfg)
    for cell in range(start, start + cfg.slots):
        v = state[cell] - 1
        if v < 0 or v >= oldest_kept:
            continue
        if guarded(cfg, CLEANUP_ATOMIC) and in_use(state, cfg, v):
            continue
        if guarded(cfg, CLEANUP_CHECK) and noted_in_use(state, cfg, e, v):
            continue
        state[cell] = 0
    cell = enactor_cell(cfg, e) + PROTECTED
    state[cell : cell + cfg.endpoints] = 0
    put_enactor(state, cfg, e, IDLE, 0, 0)
    return CLEANED


@njit(cache=True)
def expire(state, cfg, e):
    """The lease of the big lock runs out while Enactor `e` works on."""
    cell = enactor_cell(cfg, e)
    if not guarded(cfg, BIG_LOCK_LEASE) or not state[cell + HOLDS]:
        return NOTHING
    state[cell + HOLDS] = 0
    return EXPIRED


# ---------------------------------------------------------------- what drivers call


@njit(cache=True)
def step_planner(state, cfg):
    """The Planner's next transition: PLANNED or NOTHING."""
    return plan(state, cfg)


@njit(cache=True)
def step_enactor(state, cfg, e):
    """Enactor `e`'s next transition, in place; returns what it did (see the codes above)."""
    if state[STOPPED]:
        return NOTHING
    cell = enactor_cell(cfg, e)
    at = state[cell + PC]
    if at == IDLE:
        return pick(state, cfg, e)
    if at == CLEANUP and guarded(cfg, CLEANUP_CHECK):
        note_roots(state, cfg, e)
        return READ_ROOTS
    if at == CLEANUP or at == DELETING:
        return clean_up(state, cfg, e)
    if at == APPLY and guarded(cfg, RECHECK):
        return recheck(state, cfg, e)
    if (cfg.lock_steps or guarded(cfg, RECHECK_IN_LOCK)) and not state[cell + SEEN]:
        return sync(state, cfg, e)
    return apply_plan(state, cfg, e)


@njit(cache=True)
def enabled(state, cfg, e):
    """Whether Enactor `e` can change anything: not idle without work, not wedged, not stopped."""
    if state[STOPPED] or wedged(state, cfg, e):
        return False
    return pc(state, cfg, e) != IDLE or can_pick(state, cfg, e)


@njit(cache=True)
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


@njit(cache=True)
def resume(state, cfg):
    """Start the automation again after a repair, every Enactor without memory."""
    state[STOPPED] = 0
    for e in range(cfg.enactors):
        cell = enactor_cell(cfg, e)
        state[cell : cell + PROTECTED + cfg.endpoints] = 0
