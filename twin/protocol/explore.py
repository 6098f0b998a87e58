"""Every interleaving of the machine in `twin.protocol.machine`: what can happen, whatever the timing.

Breadth first from the initial state, by the very transitions that the simulator runs.  The search is
compiled; states are rows of one byte a cell, found again by a hash table.  Enactors are interchangeable, so
with `symmetry` two states that differ only in who is who count once.  All is computed when asked.

    >>> found = explore(config(enactors=2, endpoints=1, plans=3, keep_last=2))
    >>> found.shortest, found.trace[-1]
    (8, 'B cleans up behind plan 3: deletes 0, 1; endpoint 1 has zero records')
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from twin.jit import njit
from twin.protocol.machine import reset, step_enactor, step_planner
from twin.protocol.narrate import narrate
from twin.protocol.state import (
    NOTHING,
    ROOTS,
    WEDGED,
    Config,
    any_empty,
    cells,
    dangling_rollback,
    enactor_cell,
    enactor_cells,
)

SOURCES = ("explore.py", "machine.py", "state.py")

# What is known of a state: bits.
EMPTY, DANGLING, HOPEFUL = 1, 2, 4


@dataclass(frozen=True)
class Exploration:
    """What `explore` found.  Counts are of distinct states; transitions are steps from them."""

    states: int
    transitions: int
    empty_states: int  # some root points at a tree that is gone
    shortest: int | None  # steps to the nearest empty state; None if there is none
    stale_overwrites: int  # transitions in which a root goes back to an older plan
    dangling_states: int  # a rollback record names a tree that is gone
    permanent_states: int  # empty, and so is every state that can follow
    trace: tuple[str, ...]  # the steps to the nearest empty state


@njit
def reorder_enactors(state, cfg, spare):
    """Sort the Enactors' cells, so that states which differ only in who is who become equal."""
    width = enactor_cells(cfg)
    for e in range(1, cfg.enactors):
        for left in range(e, 0, -1):
            a, b = enactor_cell(cfg, left - 1), enactor_cell(cfg, left)
            if compare(state, a, b, width) <= 0:
                break
            spare[:width] = state[a : a + width]
            state[a : a + width] = state[b : b + width]
            state[b : b + width] = spare[:width]


@njit
def compare(state, a, b, width):
    """-1, 0 or 1: how the cells from `a` stand to those from `b`."""
    for k in range(width):
        if state[a + k] != state[b + k]:
            return -1 if state[a + k] < state[b + k] else 1
    return 0


@njit
def find_row(rows, table, state):
    """(the number of the row equal to `state` or -1, the place in the table where it is or belongs)."""
    mask, h = len(table) - 1, 2166136261
    for k in range(len(state)):
        h = ((h ^ state[k]) * 16777619) & 0xFFFFFFFF
    place = (h ^ (h >> 15)) & mask
    while table[place] >= 0:
        row = table[place]
        same = True
        for k in range(len(state)):
            if rows[row, k] != state[k]:
                same = False
                break
        if same:
            return row, place
        place = (place + 1) & mask
    return -1, place


@njit
def step(state, cfg, actor):
    """The next transition of Enactor `actor`, or of the Planner (-1); NOTHING if the state stays."""
    code = step_planner(state, cfg) if actor < 0 else step_enactor(state, cfg, actor)
    return NOTHING if code == WEDGED else code


@njit
def roots_fell(before, after, cfg):
    """Whether a root went back to an older plan."""
    for j in range(ROOTS, ROOTS + cfg.endpoints):
        if after[j] < before[j]:
            return True
    return False


@njit
def known(state, cfg):
    """The bits that describe a state."""
    bits = HOPEFUL
    if any_empty(state, cfg):
        bits = EMPTY
    if dangling_rollback(state, cfg):
        bits |= DANGLING
    return bits


@njit
def mark_hopeful(bits, sources, targets):
    """Spread HOPEFUL backwards over transitions: a state without empty endpoints can be reached."""
    changed = True
    while changed:
        changed = False
        for k in range(len(sources) - 1, -1, -1):
            if bits[targets[k]] & HOPEFUL and not bits[sources[k]] & HOPEFUL:
                bits[sources[k]] |= HOPEFUL
                changed = True


@njit
def doubled(a):
    """The same array with as much room again."""
    b = np.empty((2 * a.shape[0],) + a.shape[1:], a.dtype)
    b[: a.shape[0]] = a
    return b


@njit
def rehash(rows, count, size, state):
    """A hash table of `size` places for the first `count` rows; `state` is room for one."""
    table = np.full(size, -1, np.int32)
    for row in range(count):
        state[:] = rows[row]
        table[find_row(rows, table, state)[1]] = row
    return table


@njit
def search(first, cfg, symmetry):
    """All states reachable from `first`.

    Returns rows (states, cells) int8, parents (states,), bits (states,), sources and targets (transitions,),
    and how many transitions put an older plan over a newer one.
    """
    rows, table = np.empty((1024, len(first)), np.int8), np.full(4096, -1, np.int32)
    parents, bits = np.empty(1024, np.int32), np.empty(1024, np.int8)
    sources, targets = np.empty(1024, np.int32), np.empty(1024, np.int32)
    before, after, spare = first.copy(), first.copy(), first.copy()
    rows[0], parents[0], bits[0] = first, -1, known(first, cfg)
    table[find_row(rows, table, first)[1]] = 0
    count, steps, stale, here = 1, 0, 0, 0
    while here < count:
        before[:] = rows[here]
        for actor in range(-1, cfg.enactors):
            if symmetry and actor > 0:  # the twin of the Enactor before it: the same steps again
                a, b = enactor_cell(cfg, actor - 1), enactor_cell(cfg, actor)
                if compare(before, a, b, enactor_cells(cfg)) == 0:
                    continue
            after[:] = before
            if step(after, cfg, actor) == NOTHING:
                continue
            stale += roots_fell(before, after, cfg)
            if symmetry:
                reorder_enactors(after, cfg, spare)
            row, place = find_row(rows, table, after)
            if row < 0:
                if count == len(rows):
                    rows, parents, bits = doubled(rows), doubled(parents), doubled(bits)
                    table = rehash(rows, count, 4 * len(rows), spare)
                    row, place = find_row(rows, table, after)
                row = count
                rows[row], parents[row], bits[row] = after, here, known(after, cfg)
                table[place] = row
                count += 1
            if steps == len(sources):
                sources, targets = doubled(sources), doubled(targets)
            sources[steps], targets[steps] = here, row
            steps += 1
        here += 1
    return rows[:count], parents[:count], bits[:count], sources[:steps], targets[:steps], stale


@njit
def path_to_empty(parents, bits):
    """The rows from the initial one to the first empty one; breadth first, so no path is shorter."""
    path = [0 for _ in range(0)]
    for row in range(len(bits)):
        if bits[row] & EMPTY:
            while row >= 0:
                path.append(row)
                row = parents[row]
            break
    return path[::-1]


@njit
def retrace(first, rows, path, cfg, symmetry):
    """The states along `path` (steps + 1, cells), and the actor and the code of each step (steps, 2).

    With symmetry the rows have forgotten who is who, so the machine runs again and at each step the first
    actor is taken that leads to the next row.
    """
    states = np.zeros((len(path), len(first)), np.int64)
    moves = np.zeros((max(0, len(path) - 1), 2), np.int64)
    seen, spare = first.copy(), first.copy()
    if len(path) > 0:
        states[0] = first
    for k in range(len(moves)):
        for actor in range(-1, cfg.enactors):
            states[k + 1] = states[k]
            code = step(states[k + 1], cfg, actor)
            seen[:] = states[k + 1]
            if symmetry:
                reorder_enactors(seen, cfg, spare)
            if code != NOTHING and np.all(seen == rows[path[k + 1]]):
                moves[k] = actor, code
                break
    return states, moves


@cache
def compiled(sources_hash: int) -> Callable:
    """The whole exploration as one compiled function, kept on disk.

    Numba's cache notices a change of this file only, but its key holds what the function closes over: so the
    hash of all sources that decide the code is closed over, and a kernel of another machine is never loaded.
    """

    @njit(cache=True)
    def run(cfg, symmetry):
        assert sources_hash != 0
        first = np.zeros(cells(cfg), np.int64)
        reset(first, cfg)
        rows, parents, bits, sources, targets, stale = search(first, cfg, symmetry)
        mark_hopeful(bits, sources, targets)
        states, moves = retrace(first, rows, path_to_empty(parents, bits), cfg, symmetry)
        return bits, len(targets), stale, states, moves

    return run


def sources_hash() -> int:
    """A number that changes with any source that decides the compiled exploration."""
    folder = Path(__file__).parent
    digest = sha256(b"".join((folder / name).read_bytes() for name in SOURCES)).digest()
    return int.from_bytes(digest[:7], "big") + 1


def explore(cfg: Config, *, symmetry: bool = True) -> Exploration:
    """Visit every state that `cfg` can reach; `cfg.plans` must be bounded (a ValueError if not).

    A state takes about 60 bytes, a transition 8; a million states take about a second.
    """
    if not 0 < cfg.plans < 127:
        raise ValueError("only a bounded number of plans can be explored: set plans to 1..126")
    bits, transitions, stale, states, moves = compiled(sources_hash())(cfg, symmetry)
    empty = bits & EMPTY != 0
    return Exploration(
        states=len(bits),
        transitions=int(transitions),
        empty_states=int(empty.sum()),
        shortest=len(moves) if empty.any() else None,
        stale_overwrites=int(stale),
        dangling_states=int((bits & DANGLING != 0).sum()),
        permanent_states=int((empty & (bits & HOPEFUL == 0)).sum()),
        trace=tuple(narrate(states[k], states[k + 1], cfg, *moves[k].tolist()) for k in range(len(moves))),
    )
