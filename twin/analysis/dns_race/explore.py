"""Every interleaving of the machine in `twin.mechanisms.dns_machine`: everything that can happen.

Breadth first from the initial state, with the same transitions as the simulator
(`twin.analysis.dns_race.search`, compiled).  Enactors are interchangeable, so with `symmetry` states that
differ only in the names of Enactors count once.  Nothing is computed in advance.

    >>> found = explore(config(enactors=2, endpoints=1, plans=3, keep_last=2))
    >>> found.shortest, found.trace[-1]
    (8, 'B cleans up behind plan 3: deletes 0, 1; endpoint 1 has zero records')
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from twin.analysis.dns_race import search as compiled_search
from twin.analysis.dns_race.narrate import Story, actor_number, narration
from twin.analysis.dns_race.packed import Bits, bits_of
from twin.analysis.dns_race.search import (
    BLOCK,
    COUNT,
    DANGLING,
    EDGES,
    EMPTY,
    HERE,
    HOPEFUL,
    ROOTLESS,
    STALE,
    STEPS,
    UNFINISHED,
    Scratch,
    StateSpace,
    begin,
    follow,
    rehash,
    search_until,
    spread_hope,
)
from twin.base.jit import njit
from twin.mechanisms.dns_state import Config, cells, config

if TYPE_CHECKING:
    from twin.simulation.inline import Progress

SOURCES = ("search.py", "packed.py", "../../mechanisms/dns_machine.py", "../../mechanisms/dns_state.py")
SLICE = 200_000  # states between two looks at the progress
MEMORY_MB = 2000.0
ROWS = ("keys", "parents", "bits", "table")  # what grows with the number of states


class TooLarge(Exception):
    """The search would take more memory than it may."""


@dataclass(frozen=True)
class Exploration:
    """The result of `explore`.  Counts are of distinct states; transitions are steps from them."""

    states: int
    transitions: int
    empty_states: int  # a query is answered without records: a root points at a deleted tree
    shortest: int | None  # steps to the nearest empty state; None if there is none
    permanent: bool  # in an empty state with plans to come, no path leads to an answer
    permanent_states: int  # empty, and so is every state that can follow
    stale_overwrites: int  # transitions in which a root goes back to an older plan
    dangling_states: int  # a rollback record names a tree that is gone
    rootless_states: int  # a root points at a deleted tree, whether the answer is empty or not
    story: Story  # the steps to the nearest empty state; none, if there is none
    complete: bool = True  # False: interrupted, and the counts are those until then

    def __repr__(self) -> str:
        nearest = "none" if self.shortest is None else f"the nearest after {self.shortest} steps"
        return f"Exploration({self.states} states, {self.empty_states} empty: {nearest})"

    @property
    def trace(self) -> tuple[str, ...]:
        """The steps to the nearest empty state in words."""
        return narration(self.story)


@cache
def compiled(sources_hash: int) -> tuple[Callable, Callable]:
    """The search and the walk as two compiled functions, kept on disk.

    Numba's cache notices changes of this file only, but its key includes the variables that a function closes
    over. So the functions close over a hash of all sources, and a kernel of other sources is never loaded.
    """

    @njit(cache=True)
    def run(space, scratch, cfg, bits, symmetry, until):
        assert sources_hash != 0
        if space.counts[COUNT] == 0:
            begin(space, scratch, cfg, bits)
        elif until == 0:
            rehash(space.keys, space.table, bits.words, space.counts[COUNT])
        elif until < 0:
            spread_hope(space.bits, space.edges, space.counts[HERE], space.counts[EDGES])
        search_until(space, scratch, cfg, bits, symmetry, until)

    @njit(cache=True)
    def walk(states, moves, cfg, bits, symmetry, keys):
        assert sources_hash != 0
        return follow(states, moves, cfg, bits, symmetry, keys)

    return run, walk


def sources_hash() -> int:
    """A number that changes with any source that decides the compiled exploration."""
    folder = Path(compiled_search.__file__).parent
    digest = sha256(b"".join((folder / name).read_bytes() for name in SOURCES)).digest()
    return int.from_bytes(digest[:7], "big") + 1


def functions() -> tuple[Callable, Callable]:
    """The compiled search and walk for these sources."""
    return compiled(sources_hash())


class StateSearch:
    """A search in progress. Its arrays grow up to a limit of memory."""

    def __init__(self, cfg: Config, symmetry: bool, memory_mb: float) -> None:
        self.cfg, self.symmetry, self.memory_mb = cfg, symmetry, memory_mb
        self.bits = bits_of(cfg)
        self._run = functions()[0]
        keys = BLOCK * (cfg.enactors + 1)
        sizes = (cells(cfg), cells(cfg), cfg.enactors, cfg.enactors, keys * self.bits.words)
        self._scratch = Scratch(*(np.zeros(n, np.int64) for n in (*sizes, keys, keys, keys, keys, 1)))
        rows = max(1 << 17, 1 << (4 * keys).bit_length())
        self.space = allocate(rows, rows, self.bits.words)

    def run(self, progress: Progress | None = None) -> bool:
        """Search to the end; False if it was interrupted from the keyboard. Raises TooLarge."""
        counts = self.space.counts
        try:
            self._go(0)
            while counts[HERE] < counts[COUNT]:
                before = int(counts[HERE])
                self._go(before + SLICE)
                if progress:
                    progress(int(counts[HERE]), int(counts[COUNT]))
                if counts[HERE] < min(before + SLICE, counts[COUNT]):
                    self._grow()
        except KeyboardInterrupt:
            return False
        finally:
            self._go(-1)
        return True

    def _go(self, until: int) -> None:
        self._run(self.space, self._scratch, self.cfg, self.bits, self.symmetry, until)

    def _grow(self) -> None:
        """Larger arrays for states or for transitions, within the limit. Raises TooLarge."""
        rows, edges = len(self.space.parents), len(self.space.edges) // 2
        words, counts = self.bits.words, self.space.counts
        short_of_edges = int(counts[EDGES]) + len(self._scratch.sources) > edges
        for factor in (4, 2):
            wanted = (0, factor * edges) if short_of_edges else (factor * rows, 0)
            if size_mb(*wanted, words) + size_mb(rows, edges, words) <= self.memory_mb:
                self._move(allocate(*wanted, words), ("edges",) if short_of_edges else ROWS)
                return
        expanded, found = int(counts[HERE]), int(counts[COUNT])
        raise TooLarge(
            f"the search is too large for {self.memory_mb:g} MB: {found:,} states were found, and from "
            f"{found - expanded:,} of them no step has been taken yet. Give it more memory, or explore less: "
            "fewer plans, endpoints or Enactors"
        )

    def _move(self, room: StateSpace, names: tuple[str, ...]) -> None:
        """Continue in the larger arrays of these names, with the old content; a new table is filled again."""
        for name in names:
            mine = getattr(self.space, name)
            if name != "table":
                getattr(room, name)[: len(mine)] = mine
        self.space = self.space._replace(**{name: getattr(room, name) for name in names})
        if "table" in names:
            self._go(0)


def allocate(rows: int, edges: int, words: int) -> StateSpace:
    """Arrays for ``rows`` states and ``edges`` kept transitions."""
    return StateSpace(
        np.zeros(rows * words, np.int64), np.zeros(rows, np.int32), np.zeros(rows, np.int8),
        np.zeros(2 * edges, np.int32), np.zeros(2 * rows, np.int64), np.zeros(5, np.int64),
    )  # fmt: skip


def size_mb(rows: int, edges: int, words: int) -> float:
    """What `allocate` takes."""
    return (rows * (8 * words + 4 + 1 + 16) + 8 * edges) / 1e6


def explore(
    cfg: Config,
    *,
    symmetry: bool = True,
    memory_mb: float = MEMORY_MB,
    progress: Progress | None = None,
) -> Exploration:
    """Visit every state that `cfg` can reach. `progress` is called with (states expanded, states found).

    A million states take about half a second and 60 MB. Ctrl-C ends the search early; the answer is then the
    part that was explored. Raises ValueError if the plans are not bounded, TooLarge.
    """
    search = StateSearch(cfg, symmetry, memory_mb)
    complete = search.run(progress)
    story = shortest(search)
    return exploration_of(search, story, complete)


def exploration_of(search: StateSearch, story: Story, complete: bool) -> Exploration:
    """The counts of a finished search."""
    counts = search.space.counts
    bits = search.space.bits[: counts[HERE]]
    empty = bits & EMPTY != 0
    lost = empty & (bits & HOPEFUL == 0)
    return Exploration(
        states=int(counts[COUNT]),
        transitions=int(counts[STEPS]),
        empty_states=int(empty.sum()),
        shortest=len(story.moves) if empty.any() else None,
        permanent=bool((lost & (bits & UNFINISHED != 0)).any()),
        permanent_states=int(lost.sum()),
        stale_overwrites=int(counts[STALE]),
        dangling_states=int((bits & DANGLING != 0).sum()),
        rootless_states=int((bits & ROOTLESS != 0).sum()),
        story=story,
        complete=complete,
    )


def shortest(search: StateSearch) -> Story:
    """The shortest path to an empty state, as the search is breadth first. No steps if there is none."""
    space, words = search.space, search.bits.words
    empty = np.flatnonzero(space.bits[: space.counts[HERE]] & EMPTY)
    path: list[int] = []
    row = int(empty[0]) if len(empty) else 0
    while row > 0:
        path.append(row)
        row = int(space.parents[row])
    keys = space.keys.reshape(-1, words)[path[::-1]].ravel()
    return _walk(search.cfg, search.bits, np.zeros((len(path), 2), np.int64), search.symmetry, keys)


def replay_moves(cfg: Config, moves: Sequence[str]) -> Story:
    """The machine from its initial state on, moved by these actors ("planner", "A", …).

    It ends at an actor that cannot move. Raises ValueError for an unknown name or unbounded plans.
    """
    actors = np.zeros((len(moves), 2), np.int64)
    actors[:, 0] = [actor_number(name) for name in moves]
    return _walk(cfg, bits_of(cfg), actors, False, np.zeros(0, np.int64))


def _walk(cfg: Config, bits: Bits, moves: np.ndarray, symmetry: bool, keys: np.ndarray) -> Story:
    states = np.zeros((len(moves) + 1, cells(cfg)), np.int64)
    made = functions()[1](states, moves, cfg, bits, symmetry, keys)
    return Story(cfg, states[: made + 1], moves[:made])


def make_ready() -> None:
    """Compile the search, or load it, so that the next one is timed alone."""
    explore(config(enactors=1, endpoints=1, plans=1, keep_last=1))
