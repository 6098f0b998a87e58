"""A state in a few integers, which a search keeps, compares and sorts instead of rows of cells.

Every cell of a bounded machine fits into a few bits. So a state of the usual size is one word of 62 bits, a
large one two or three.  Enactors are interchangeable: sorting their words is enough for symmetry.  Packing
loses nothing, and `unpack` is its inverse.

The parts follow each other: the Enactors, the slots, latest and roots, rollbacks.  No part is split between
two words.  A search never stops the automation, so the cell for "stopped" is left out.
"""

from typing import NamedTuple

import numpy as np

from twin.base.jit import njit
from twin.mechanisms.dns_state import (
    BIG_LOCK,
    BIG_LOCK_LEASE,
    CLEANUP_CHECK,
    DOOMED,
    ENDPOINT,
    HOLDS,
    LATEST,
    PC,
    RECHECK_IN_LOCK,
    ROOTS,
    SEEN,
    STOPPED,
    VERSION,
    Config,
    cells,
    enactor_cell,
    enactor_cells,
    slot_cell,
)

WORD_BITS = 62  # of a signed word of 64, so that no shift meets the sign
MOST_PLANS = 40  # an Enactor that lists trees has a bit for each, and must fit into one word


class Bits(NamedTuple):
    """Bits of a version, an endpoint and an Enactor, and words of a state. ``entangled``: 1 if a step of one
    Enactor can change the cells of another, else 0. All int."""

    version: int
    endpoint: int
    enactor: int
    words: int
    entangled: int


def bits_of(cfg: Config) -> Bits:
    """The sizes for a bounded machine. Raises ValueError if it has too many plans or endpoints."""
    if not 0 < cfg.plans <= MOST_PLANS:
        raise ValueError(f"only a bounded number of plans can be explored: 1 to {MOST_PLANS}")
    if (most := WORD_BITS // cfg.plans.bit_length() - 1) < cfg.endpoints:
        raise ValueError(f"with {cfg.plans} plans, at most {most} endpoints can be explored")
    version, endpoint = cfg.plans.bit_length(), max(1, (cfg.endpoints - 1).bit_length())
    enactor = 3 + version + endpoint + 2 + (cfg.slots if cfg.guards & CLEANUP_CHECK else 0)
    words, at = 1, 0
    for part in [
        *[enactor] * cfg.enactors, cfg.slots, version * (1 + cfg.endpoints), version * cfg.endpoints
    ]:  # fmt: skip
        words, at = (words, at + part) if at + part <= WORD_BITS else (words + 1, part)
    entangled = cfg.lock_steps or cfg.guards & (RECHECK_IN_LOCK | BIG_LOCK | BIG_LOCK_LEASE)
    return Bits(version, endpoint, enactor, words, int(bool(entangled)))


def cells_of(keys: np.ndarray, cfg: Config, bits: Bits) -> np.ndarray:
    """The states behind keys (states, words) as rows of cells (states, cells): `unpack` for many."""
    states = np.zeros((len(keys), cells(cfg)), np.int64)
    word, shift = 0, 0

    def part(size: int) -> np.ndarray:
        nonlocal word, shift
        if shift + size > WORD_BITS:
            word, shift = word + 1, 0
        shift += size
        return keys[:, word] >> (shift - size) & ((1 << size) - 1)

    def spread(packed: np.ndarray, first: int, sizes: list[int]) -> None:
        for k in range(len(sizes) - 1, -1, -1):
            states[:, first + k] = packed & ((1 << sizes[k]) - 1)
            packed = packed >> sizes[k]

    doomed = enactor_cells(cfg) - DOOMED
    for e in range(cfg.enactors):
        sizes = [3, bits.version, bits.endpoint, 1, 1, *[1] * doomed]
        spread(part(bits.enactor), enactor_cell(cfg, e), sizes)
        states[:, enactor_cell(cfg, e) + DOOMED : enactor_cell(cfg, e + 1)] *= np.arange(1, doomed + 1)
    spread(part(cfg.slots), slot_cell(cfg), [1] * cfg.slots)
    states[:, slot_cell(cfg) :] *= np.arange(1, cfg.slots + 1)
    roots = part(bits.version * (1 + cfg.endpoints))
    spread(roots, ROOTS, [bits.version] * cfg.endpoints)
    states[:, LATEST] = roots >> bits.version * cfg.endpoints
    spread(part(bits.version * cfg.endpoints), ROOTS + cfg.endpoints, [bits.version] * cfg.endpoints)
    return states


@njit
def enactor_word(state, cfg, bits, e):
    """Enactor `e` as one integer; where it stands comes first, so that the order of words is one of cells."""
    cell = enactor_cell(cfg, e)
    word = state[cell + PC] << bits.version | state[cell + VERSION]
    word = (word << bits.endpoint | state[cell + ENDPOINT]) << 2
    word |= state[cell + HOLDS] << 1 | state[cell + SEEN]
    for k in range(cell + DOOMED, cell + enactor_cells(cfg)):
        word = word << 1 | np.int64(state[k] != 0)
    return word


@njit
def put_sorted(words, n, word):
    """Insert `word` into the first `n`, which are in order."""
    while n > 0 and words[n - 1] > word:
        words[n] = words[n - 1]
        n -= 1
    words[n] = word


@njit
def pack(state, cfg, bits, symmetry, words, keys, at):
    """Write `state` to the words of `keys` from `at` on; with `symmetry` the Enactors are sorted. `words` is
    room for an Enactor each."""
    for e in range(cfg.enactors):
        word = enactor_word(state, cfg, bits, e)
        if symmetry:
            put_sorted(words, e, word)
        else:
            words[e] = word
    write_key(state, cfg, bits, words, keys, at)


@njit
def repack(state, cfg, bits, actor, symmetry, before, words, keys, at):
    """As `pack`, of a state that Enactor `actor` (-1: the Planner) has changed; `before`: those till then."""
    if bits.entangled:
        pack(state, cfg, bits, symmetry, words, keys, at)
        return
    n = 0
    for e in range(cfg.enactors):
        if e != actor or not symmetry:
            words[n] = before[e]
            n += 1
    if actor >= 0 and symmetry:
        put_sorted(words, n, enactor_word(state, cfg, bits, actor))
    elif actor >= 0:
        words[actor] = enactor_word(state, cfg, bits, actor)
    write_key(state, cfg, bits, words, keys, at)


@njit
def write_key(state, cfg, bits, words, keys, at):
    """Put the Enactors' words and the other cells together."""
    key, shift = np.int64(0), 0
    for e in range(cfg.enactors):
        if shift + bits.enactor > WORD_BITS:
            keys[at] = key
            at, key, shift = at + 1, np.int64(0), 0
        key |= words[e] << shift
        shift += bits.enactor
    slots, roots, rollbacks = np.int64(0), state[LATEST], np.int64(0)
    for cell in range(slot_cell(cfg), cells(cfg)):
        slots = slots << 1 | np.int64(state[cell] != 0)
    for cell in range(ROOTS, ROOTS + cfg.endpoints):
        roots = roots << bits.version | state[cell]
        rollbacks = rollbacks << bits.version | state[cell + cfg.endpoints]
    width = bits.version * cfg.endpoints
    for part, size in ((slots, cfg.slots), (roots, width + bits.version), (rollbacks, width)):
        if shift + size > WORD_BITS:
            keys[at] = key
            at, key, shift = at + 1, np.int64(0), 0
        key |= part << shift
        shift += size
    keys[at] = key


@njit
def read_part(keys, at, shift, size):
    """The next part of a key: (the part, its word, where it ends)."""
    if shift + size > WORD_BITS:
        at, shift = at + 1, 0
    return keys[at] >> shift & ((1 << size) - 1), at, shift + size


@njit
def unpack(keys, at, cfg, bits, words, state):
    """The inverse of `pack`: fill `state`, and `words` with those of the Enactors."""
    shift, width, version = 0, bits.version * cfg.endpoints, (1 << bits.version) - 1
    for e in range(cfg.enactors):
        words[e], at, shift = read_part(keys, at, shift, bits.enactor)
        unpack_enactor(words[e], cfg, bits, state, enactor_cell(cfg, e))
    part, at, shift = read_part(keys, at, shift, cfg.slots)
    first = slot_cell(cfg)
    for v in range(cfg.slots - 1, -1, -1):  # a bounded machine has a slot for each version: v stands in v
        state[first + v] = (part & 1) * (v + 1)
        part >>= 1
    roots, at, shift = read_part(keys, at, shift, width + bits.version)
    rollbacks, at, shift = read_part(keys, at, shift, width)
    for cell in range(ROOTS + cfg.endpoints - 1, ROOTS - 1, -1):
        state[cell], state[cell + cfg.endpoints] = roots & version, rollbacks & version
        roots >>= bits.version
        rollbacks >>= bits.version
    state[LATEST], state[STOPPED] = roots, 0


@njit
def unpack_enactor(word, cfg, bits, state, cell):
    """Fill the cells of one Enactor from its word."""
    for v in range(enactor_cells(cfg) - DOOMED - 1, -1, -1):
        state[cell + DOOMED + v] = (word & 1) * (v + 1)
        word >>= 1
    state[cell + SEEN], state[cell + HOLDS] = word & 1, word >> 1 & 1
    state[cell + ENDPOINT] = word >> 2 & ((1 << bits.endpoint) - 1)
    word >>= 2 + bits.endpoint
    state[cell + VERSION] = word & ((1 << bits.version) - 1)
    state[cell + PC] = word >> bits.version
