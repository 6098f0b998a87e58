"""What one state of the DNS automation is: its constants, its cells, and how to read them.

A state is a one-dimensional integer array of `cells(cfg)` cells:

    latest, stopped | root[endpoints] | rollback[endpoints] | enactor[enactors] | slot[slots]

An Enactor is (pc, version, endpoint, holds, seen). With the guard CLEANUP_CHECK it also has the list of trees
that it means to delete, one cell per slot. A slot holds a tree's version plus one, or zero: so versions may
grow for ever, and only the trees that exist take room. What happens to a state is in
`twin.mechanisms.dns_machine`.

These functions call nothing outside this file, so Numba may keep them on disk: it notices a change of this
file, not of others.
"""

from typing import NamedTuple

from twin.base.jit import njit

# The guards: what could have been different.  Bits of Config.guards.
RECHECK = 1  # freshness checked again before each endpoint, as a step of its own
RECHECK_IN_LOCK = 2  # ... by the read that the lock validates: the batch fails if the zone changed since
CAS = 4  # the batch itself demands that its version is newer than the root's (a fencing token)
CLEANUP_CHECK = 8  # clean-up lists the old trees under no root, then deletes what it listed: two steps
CLEANUP_ATOMIC = 16  # clean-up never deletes a tree under a root, in one step
PROTECT_ROLLBACK = 32  # clean-up also spares the trees under the rollback records
BIG_LOCK = 64  # one lock over everything, from pick to clean-up
BIG_LOCK_LEASE = 128  # ... as a lease that can expire, so that another takes it while its holder works on
ONE_BATCH = 256  # all endpoints in one change batch
TOLERATE_MISSING = 512  # the rollback record may name a tree that is gone: no wedge
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
    APPLIED,  # one endpoint flipped, more to go
    FINISHED,  # the last endpoint flipped; clean-up is next
    ABORTED_STALE,  # a guard found the plan to be old; the Enactor gives it up
    ABORTED_MISSING,  # the plan's tree is gone; Route 53 rejects the batch, the Enactor gives it up
    WEDGED,  # the root's tree is gone, so no batch can name it as rollback; the state is as before
    LISTED,  # clean-up has listed the trees that it will delete
    CLEANED,  # old trees deleted
) = range(12)

STEP_NAMES = (
    "nothing", "planned", "picked", "synced", "rechecked", "applied", "finished",
    "aborted_stale", "aborted_missing", "wedged", "listed", "cleaned",
)  # fmt: skip

# Where an Enactor stands.
IDLE, APPLY, CHECKED, CLEANUP, DELETING = range(5)
PC_NAMES = ("idle", "apply", "checked", "cleanup", "deleting")

# Cells.
LATEST, STOPPED, ROOTS = 0, 1, 2
PC, VERSION, ENDPOINT, HOLDS, SEEN, DOOMED = range(6)


class Config(NamedTuple):
    """The constants of one machine; all int, so that a compiled function takes it as it is.

    `plans` bounds the Planner (0: unbounded); `slots` is how many trees the zone has room for; `guards` is a
    sum of guard bits; `lock_steps` makes the read of each zone's lock a step of its own; `original` is the
    first design, in which check and walk are one atomic step, before the implementation drifted from it.
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
    """A Config from names; unknown guards and designs, and guards that exclude each other, are a ValueError.

    With unbounded plans there is room for the trees kept, those referenced and 64 more.
    """
    if unknown := sorted(set(guards) - set(GUARDS)):
        raise ValueError(f"unknown guard {unknown[0]!r}; known: {', '.join(GUARDS)}")
    if design not in ("original", "drifted"):
        raise ValueError(f"unknown design {design!r}; known: original, drifted")
    if clashes := impossible(set(guards), lock_steps, design):
        raise ValueError("; ".join(clashes))
    if min(enactors, endpoints, keep_last) < 1 or plans < 0:
        raise ValueError("enactors, endpoints and keep_last are at least 1, plans at least 0")
    bits = sum(GUARDS[name] for name in set(guards))
    slots = plans + 1 if plans else keep_last + 2 * endpoints + 64
    return Config(
        enactors, endpoints, plans, keep_last, slots, bits, int(lock_steps), int(design == "original")
    )


ALTERNATIVES = (  # guards of which at most one makes sense, and why
    ("recheck", "recheck-in-lock", "the check is a step of its own, or part of the read of the lock"),
    ("cleanup-check", "cleanup-atomic", "clean-up takes two steps, or one"),
    ("big-lock", "big-lock-lease", "the big lock can expire, or it cannot"),
)
OF_THE_WALK = ("recheck", "recheck-in-lock", "cas", "one-batch", "blind-apply")


def impossible(guards: set[str], lock_steps: bool, design: str) -> list[str]:
    """What speaks against this combination, a sentence each."""
    wrong = [f"{a} and {b} exclude each other: {why}" for a, b, why in ALTERNATIVES if {a, b} <= guards]
    if "protect-rollback" in guards and not guards & {"cleanup-check", "cleanup-atomic"}:
        wrong.append("protect-rollback needs cleanup-check or cleanup-atomic: no other clean-up spares trees")
    if design == "original":
        idle = [name for name in OF_THE_WALK if name in guards] + ["lock steps"] * lock_steps
        wrong += [f"{name} has no place in the original design: check and walk are one step" for name in idle]
    return wrong


@njit(cache=True)
def has_guard(cfg, guard):
    """Whether the guard is on."""
    return cfg.guards & guard != 0


@njit(cache=True)
def enactor_cells(cfg):
    """How many cells one Enactor takes."""
    return DOOMED + (cfg.slots if has_guard(cfg, CLEANUP_CHECK) else 0)


@njit(cache=True)
def enactor_cell(cfg, e):
    """Where Enactor `e`'s cells begin."""
    return ROOTS + 2 * cfg.endpoints + e * enactor_cells(cfg)


@njit(cache=True)
def slot_cell(cfg):
    """Where the slots begin; they end with the state."""
    return enactor_cell(cfg, cfg.enactors)


@njit(cache=True)
def cells(cfg):
    """How many cells a state takes."""
    return slot_cell(cfg) + cfg.slots


# ---------------------------------------------------------------- reading the state


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
def find_tree(state, cfg, v):
    """The cell that holds tree `v`, or -1."""
    start = slot_cell(cfg)
    likely = start + (v if v < cfg.slots else v % cfg.slots)  # a division costs more than all the rest
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
    count = 0
    for cell in range(slot_cell(cfg), cells(cfg)):
        count += state[cell] != 0
    return count


@njit(cache=True)
def newest_tree(state, cfg):
    """The newest version whose tree exists, or -1."""
    newest = 0
    for cell in range(slot_cell(cfg), cells(cfg)):
        newest = max(newest, state[cell])
    return newest - 1


@njit(cache=True)
def is_empty(state, cfg, j):
    """Whether endpoint `j`'s root alias points at a tree that is gone: no error, zero records."""
    return not tree_exists(state, cfg, root(state, j))


@njit(cache=True)
def endpoint_has_records(state, cfg, j):
    """Whether a question for endpoint `j` is answered with records."""
    return has_guard(cfg, NO_ZERO_ANSWERS) or not is_empty(state, cfg, j)


@njit(cache=True)
def newest_root(state, cfg):
    """The newest version under any root: what counts as applied in the one-time check."""
    newest = state[ROOTS]
    for j in range(ROOTS + 1, ROOTS + cfg.endpoints):
        newest = max(newest, state[j])
    return newest


@njit(cache=True)
def last_in_batch(cfg, first):
    """The batch that starts at endpoint `first` covers the endpoints before this one."""
    return cfg.endpoints if has_guard(cfg, ONE_BATCH) else first + 1


@njit(cache=True)
def wedged(state, cfg, e):
    """Whether Enactor `e` stands before a batch that cannot be formed: its rollback target is gone."""
    at = pc(state, cfg, e)
    if (at != APPLY and at != CHECKED) or has_guard(cfg, TOLERATE_MISSING):
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
    """Whether Enactor `e` may start on the newest plan: newer than anything applied, and room for its tree.

    With BIG_LOCK_LEASE a held lock is no obstacle. The caller, who has the clock, says that its lease has run
    out.
    """
    if pc(state, cfg, e) != IDLE or state[LATEST] <= newest_root(state, cfg):
        return False
    if has_guard(cfg, BIG_LOCK) and lock_is_held(state, cfg):
        return False
    return tree_exists(state, cfg, state[LATEST]) or tree_count(state, cfg) < cfg.slots
