"""The compiled search: breadth first from the initial state, with the same transitions as the simulator.

States are packed words (`twin.analysis.dns_race.packed`) in a hash table.  A block of states is expanded
first and looked up afterwards, so that the look-ups wait for memory together.  The caller provides the arrays
and calls again with larger ones. So a search can be limited, watched and interrupted between two calls.

Arrays are borrowed (`twin.base.jit`) and indexed instead of sliced: counting references took most time.
"""

from typing import NamedTuple

import numpy as np

from twin.analysis.dns_race.packed import pack, repack, unpack
from twin.base.jit import borrowed, njit
from twin.mechanisms.dns_machine import reset, step_enactor, step_planner
from twin.mechanisms.dns_state import (
    LATEST,
    NO_ZERO_ANSWERS,
    NOTHING,
    ROOTS,
    WEDGED,
    has_guard,
    rollback,
    root,
    slot_cell,
)

# What is known of a state: bits.
EMPTY, ROOTLESS, DANGLING, UNFINISHED, HOPEFUL = 1, 2, 4, 8, 16

# What a search has counted: rows expanded, rows, transitions kept, transitions, stale overwrites.
HERE, COUNT, EDGES, STEPS, STALE = range(5)

BLOCK = 128  # states expanded before any is looked up
_GOLDEN, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_32, _33 = np.uint64(32), np.uint64(33)
_ROW = (1 << 31) - 1  # an entry of the table: 31 bits of the hash, a bit that is zero, 31 bits of row + 1


class StateSpace(NamedTuple):
    """The states that a search has met, with space for more.

    keys (states · words,), parents (states,), bits (states,), the transitions from empty states
    (2 · transitions,), the hash table, counters.
    """

    keys: np.ndarray
    parents: np.ndarray
    bits: np.ndarray
    edges: np.ndarray
    table: np.ndarray
    counts: np.ndarray


class Scratch(NamedTuple):
    """Arrays that the search writes to; they belong to the caller."""

    before: np.ndarray  # cells of a state
    after: np.ndarray  # and of one that follows
    enactors: np.ndarray  # the Enactors' words
    spare: np.ndarray
    successors: np.ndarray  # keys of the states that follow a block
    sources: np.ndarray  # the rows that they follow
    targets: np.ndarray  # the rows that they are
    places: np.ndarray  # where the table is asked for them
    marks: np.ndarray
    read: np.ndarray  # (1,)


@njit
def step(state, cfg, actor):
    """The next transition of Enactor `actor`, or of the Planner (-1); NOTHING if the state stays."""
    code = step_planner(state, cfg) if actor < 0 else step_enactor(state, cfg, actor)
    return NOTHING if code == WEDGED else code


@njit
def state_bits(state, cfg):
    """The bits that describe a state. As the plans are bounded, tree v stands in slot v or not at all."""
    bits, first = 0, slot_cell(cfg)
    for j in range(cfg.endpoints):
        if state[first + root(state, j)] == 0:
            bits |= ROOTLESS
        if state[first + rollback(state, cfg, j)] == 0:
            bits |= DANGLING
    if bits & ROOTLESS and not has_guard(cfg, NO_ZERO_ANSWERS):
        bits |= EMPTY
    if state[LATEST] < cfg.plans:
        bits |= UNFINISHED
    return bits


@njit
def roots_fell(before, after, cfg):
    """Whether a root went back to an older plan."""
    for j in range(ROOTS, ROOTS + cfg.endpoints):
        if after[j] < before[j]:
            return True
    return False


@njit
def scattered(keys, at, words):
    """A hash of the key from `at` on."""
    h = np.uint64(0)
    for k in range(at, at + words):
        h = (h ^ np.uint64(keys[k])) * _GOLDEN
        h = (h ^ (h >> _32)) * _MIX
        h ^= h >> _32
    return h


@njit
def equal(some, at, others, start, words):
    """Whether two keys are the same."""
    for k in range(words):
        if some[at + k] != others[start + k]:
            return False
    return True


@njit
def aim(keys, table, successors, n, words, places, marks):
    """The place of each of the `n` keys in the table, and its mark there.

    The entries are read once in advance, and then the keys that they name. So all wait for memory together,
    and everything is in the cache when `meet` needs it.
    """
    read, mask = 0, len(table) - 1
    for k in range(n):
        h = scattered(successors, k * words, words)
        places[k], marks[k] = np.int64(h & np.uint64(mask)), np.int64(h >> _33) << 32
        read |= table[places[k]]
    for k in range(n):
        entry = table[places[k]]
        if entry & ~_ROW == marks[k]:
            read |= keys[((entry & _ROW) - 1) * words]
    return read


@njit
def find(keys, table, successors, at, words, place, mark):
    """(the row that holds the key found or -1, its place in the table); `place` is where to look first."""
    while table[place] != 0:
        entry = table[place]
        if entry & ~_ROW == mark and equal(keys, ((entry & _ROW) - 1) * words, successors, at, words):
            return (entry & _ROW) - 1, place
        place = (place + 1) & (len(table) - 1)
    return -1, place


@njit
def expand(keys, row, cfg, bits, symmetry, before, after, enactors, spare, successors, n):
    """Append the keys of the states that follow row `row` to the `n` keys in `successors`.

    Returns (number of keys, bits of the row, stale overwrites). The arrays from `before` to `spare` are
    scratch.
    """
    unpack(keys, row * bits.words, cfg, bits, enactors, before)
    stale, changed = 0, True
    for actor in range(-1, cfg.enactors):
        if symmetry and actor > 0 and enactors[actor] == enactors[actor - 1]:
            continue  # the twin of the Enactor before it: the same steps again
        if changed:
            for k in range(len(before)):
                after[k] = before[k]
        changed = step(after, cfg, actor) != NOTHING
        if not changed:
            continue
        stale += roots_fell(before, after, cfg)
        repack(after, cfg, bits, actor, symmetry, enactors, spare, successors, n * bits.words)
        n += 1
    return n, state_bits(before, cfg), stale


@njit
def meet(keys, parents, table, scratch, n, words, count):
    """Look up the `n` keys found: write the row of each to `scratch.targets`, a new row if it was never met.
    Returns how many rows there are then."""
    successors, sources, targets = (
        borrowed(scratch.successors),
        borrowed(scratch.sources),
        borrowed(scratch.targets),
    )
    places, marks = borrowed(scratch.places), borrowed(scratch.marks)
    scratch.read[0] = aim(keys, table, successors, n, words, places, marks)
    for k in range(n):
        row, place = find(keys, table, successors, k * words, words, places[k], marks[k])
        if row < 0:
            row = count
            table[place] = marks[k] | (row + 1)
            for i in range(words):
                keys[row * words + i] = successors[k * words + i]
            parents[row] = sources[k]
            count += 1
        targets[k] = row
    return count


@njit
def search_until(space, scratch, cfg, bits, symmetry, until):
    """Expand states up to row `until`, or until there is no room or nothing left."""
    keys, parents, known_bits = borrowed(space.keys), borrowed(space.parents), borrowed(space.bits)
    edges, table, counts = borrowed(space.edges), borrowed(space.table), borrowed(space.counts)
    before, after, successors = (
        borrowed(scratch.before),
        borrowed(scratch.after),
        borrowed(scratch.successors),
    )
    enactors, spare = borrowed(scratch.enactors), borrowed(scratch.spare)
    sources, targets = borrowed(scratch.sources), borrowed(scratch.targets)
    most = min(len(parents), len(table) // 2) - len(sources)
    while counts[HERE] < min(until, counts[COUNT]):
        if counts[COUNT] > most or counts[EDGES] + len(sources) > len(edges) // 2:
            return
        n, begin, end = 0, counts[HERE], min(counts[HERE] + BLOCK, until, counts[COUNT])
        for row in range(begin, end):
            first = n
            n, known_bits[row], stale = expand(
                keys, row, cfg, bits, symmetry, before, after, enactors, spare, successors, n
            )
            counts[STALE] += stale
            for k in range(first, n):
                sources[k] = row
        counts[COUNT] = meet(keys, parents, table, scratch, n, bits.words, counts[COUNT])
        for k in range(n):
            if known_bits[sources[k]] & EMPTY:
                at = 2 * counts[EDGES]
                edges[at], edges[at + 1] = sources[k], targets[k]
                counts[EDGES] += 1
        counts[STEPS] += n
        counts[HERE] = end


@njit
def begin(space, scratch, cfg, bits):
    """Make an empty space hold the first state."""
    reset(scratch.before, cfg)
    pack(scratch.before, cfg, bits, False, scratch.spare, scratch.successors, 0)
    scratch.sources[0] = -1
    space.counts[COUNT] = meet(space.keys, space.parents, space.table, scratch, 1, bits.words, 0)


@njit
def rehash(keys, table, words, count):
    """Enter the first `count` keys into an empty table."""
    mask = len(table) - 1
    for row in range(count):
        h = scattered(keys, row * words, words)
        place = np.int64(h & np.uint64(mask))
        while table[place] != 0:
            place = (place + 1) & mask
        table[place] = np.int64(h >> _33) << 32 | (row + 1)


@njit
def spread_hope(bits, edges, expanded, transitions):
    """Mark as HOPEFUL each state from which one can be reached in which no answer is empty."""
    for row in range(expanded):
        if not bits[row] & EMPTY:
            bits[row] |= HOPEFUL
    changed = True
    while changed:
        changed = False
        for k in range(transitions - 1, -1, -1):
            source, target = edges[2 * k], edges[2 * k + 1]
            if not bits[source] & HOPEFUL and (target >= expanded or bits[target] & HOPEFUL):
                bits[source] |= HOPEFUL
                changed = True


@njit(allocates=True)
def follow(states, moves, cfg, bits, symmetry, keys):
    """Run the machine again, from the start along `keys` (steps · words,): states that a search has met.

    A search with symmetry does not know the names of Enactors. So each step takes the first actor that leads
    to the next key. Without keys, the actors in `moves[:, 0]` move. Fills `states` (steps + 1, cells) and
    `moves` (steps, 2): actor and code. Returns the number of steps made.
    """
    reset(states[0], cfg)
    words, key = np.zeros(cfg.enactors, np.int64), np.zeros(bits.words, np.int64)
    for k in range(len(moves)):
        made = False
        for actor in range(-1, cfg.enactors):
            if len(keys) == 0 and actor != moves[k, 0]:
                continue
            states[k + 1] = states[k]
            code = step(states[k + 1], cfg, actor)
            pack(states[k + 1], cfg, bits, symmetry, words, key, 0)
            if code != NOTHING and (len(keys) == 0 or equal(key, 0, keys, k * bits.words, bits.words)):
                moves[k], made = (actor, code), True
                break
        if not made:
            return k
    return len(moves)
