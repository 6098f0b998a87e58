"""Which services fail if some fail together, from the graph alone: all losses in one sweep.

A loss is a set of services that are taken away: one, two or more. For each loss, a service is

- down, if it is taken away, or if it cannot have a call that it needs;
- touched, if it is down, or if any of its calls goes to a service that is touched.

| A call | A caller that cannot have it |
|---|---|
| hard, cached, new connections, lease | is down |
| one of a group of alternatives (``one_of``) | is down if the whole group is down |
| with a ``fallback`` | is down if that one is down too, and the fallback of that one, … |
| soft, asynchronous, and all others | is touched, and no more |

How it is done: each service has a row of bits, a bit a loss. The row of a caller is the OR of the rows that
it needs, and the AND over alternatives. Services are taken in the order of calls, callees first, so each row
is computed once; those on a cycle are gone through until nothing changes. So 64 losses cost one operation a
dependency.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from twin.model.graph import callees_first
from twin.model.scenario import Dependency, Service

# Modes of dependencies that a caller needs: it fails at once, or when its connections, cached answers or
# leases run out. It does not need soft dependencies, and async work waits until it is taken.
NEEDED = ("hard", "cached", "new_connections", "lease")
BLOCK_BYTES = 32_000_000  # of all rows of a block of losses

Loss = tuple[str, ...]


@dataclass(frozen=True, repr=False)
class LossesSwept:
    """What some losses do. ``rows_down``, ``rows_touched``: uint64[services, words], with a bit a loss.
    ``down_count``, ``touched_count``: services of each loss, those that are taken away included.
    """

    names: tuple[str, ...]
    count: int
    rows_down: np.ndarray
    rows_touched: np.ndarray

    @cached_property
    def down_count(self) -> np.ndarray:
        """int64[losses]"""
        return _bits(self.rows_down, self.count).sum(axis=0, dtype=np.int64)

    @cached_property
    def touched_count(self) -> np.ndarray:
        """int64[losses]"""
        return _bits(self.rows_touched, self.count).sum(axis=0, dtype=np.int64)

    def down(self, loss: int) -> frozenset[str]:
        """The services that are down in loss number ``loss``."""
        return self._named(self.rows_down, loss)

    def touched(self, loss: int) -> frozenset[str]:
        """The services that are down, or depend in any way on one that is."""
        return self._named(self.rows_touched, loss)

    def _named(self, rows: np.ndarray, loss: int) -> frozenset[str]:
        is_set = rows[:, loss // 64] >> np.uint64(loss % 64) & np.uint64(1)
        return frozenset(self.names[k] for k in np.flatnonzero(is_set))


class BlastSweep:
    """The graph of some services, ready for losses. ``names`` has the services in the order of rows."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        self.names = tuple(sorted(services))
        self.number = {name: k for k, name in enumerate(self.names)}
        self._needs = [self._groups(needs_of(services[name])) for name in self.names]
        self._calls = [self._groups([(d.on,) for d in services[name].dependencies]) for name in self.names]
        self._order = [[self.number[name] for name in group] for group in callees_first(services)]

    def _groups(self, needs: Sequence[tuple[str, ...]]) -> list[tuple[int, ...]]:
        return [tuple(self.number[name] for name in group) for group in needs]

    def lose(self, losses: Sequence[Loss]) -> LossesSwept:
        """What each loss does. Raises KeyError for an unknown service."""
        numbers = [(self.number[name], k) for k, loss in enumerate(losses) for name in loss]
        taken = np.array(numbers, np.int64).reshape(-1, 2)
        return self._swept(taken[:, 0], taken[:, 1], len(losses))

    def singles(self) -> LossesSwept:
        """Each service alone, in the order of ``names``."""
        every = np.arange(len(self.names))
        return self._swept(every, every, len(every))

    def pairs(self) -> Iterator[tuple[np.ndarray, LossesSwept]]:
        """All pairs, in blocks: int64[losses, 2] with the numbers of the services, and what the pairs do."""
        left, right = np.triu_indices(len(self.names), k=1)
        block = max(64, BLOCK_BYTES // (16 * max(1, len(self.names))) * 64)
        for at in range(0, len(left), block):
            pair = np.stack((left[at : at + block], right[at : at + block]), axis=1)
            yield pair, self._swept(pair.ravel(), np.arange(len(pair)).repeat(2), len(pair))

    def _swept(self, service: np.ndarray, loss: np.ndarray, count: int) -> LossesSwept:
        taken = np.zeros((len(self.names), max(1, -(-count // 64))), np.uint64)
        np.bitwise_or.at(taken, (service, loss // 64), np.uint64(1) << (loss % 64).astype(np.uint64))
        down = self._spread(taken, self._needs)
        return LossesSwept(self.names, count, down, self._spread(down, self._calls))

    def _spread(self, first: np.ndarray, needs: list[list[tuple[int, ...]]]) -> np.ndarray:
        rows = first.copy()
        for group in self._order:
            while _add(rows, group, needs) and len(group) > 1:
                pass
        return rows


@dataclass(frozen=True)
class PairLoss:
    """Two services, and those that are down only if both are lost, by name."""

    lost: tuple[str, str]
    also_down: tuple[str, ...]


def worse_together(services: Mapping[str, Service]) -> list[PairLoss]:
    """The pairs whose loss takes more down than their single losses do: alternatives of each other. The pair
    that takes most comes first, then by name."""
    if all(len(ways) == 1 for s in services.values() for ways in needs_of(s)):
        return []
    sweep = BlastSweep(services)
    alone = sweep.singles()
    down = _bits(alone.rows_down, alone.count).astype(np.float32)
    both = down.T @ down  # services that each of two losses takes down
    found = []
    for pairs, swept in sweep.pairs():
        left, right = pairs.T
        apart = alone.down_count[left] + alone.down_count[right] - both[left, right]
        for k in np.flatnonzero(swept.down_count > apart):
            a, b = map(int, pairs[k])
            also = swept.down(int(k)) - alone.down(a) - alone.down(b)
            found.append(PairLoss((sweep.names[a], sweep.names[b]), tuple(sorted(also))))
    return sorted(found, key=lambda pair: (-len(pair.also_down), pair.lost))


def needs_of(service: Service) -> list[tuple[str, ...]]:
    """What a service needs: of each entry, one callee has to work."""
    calls = {d.on: d for d in service.dependencies}
    spare = {d.fallback for d in service.dependencies}
    groups: dict[str, list[str]] = {}
    found: list[tuple[str, ...]] = []
    for d in service.dependencies:
        if d.mode not in NEEDED or d.on in spare:
            continue
        if d.one_of is not None:
            groups.setdefault(d.one_of, []).append(d.on)
        else:
            found.append(tuple(_ways(d, calls)))
    return found + [tuple(group) for group in groups.values()]


def _ways(d: Dependency, calls: Mapping[str, Dependency]) -> Iterator[str]:
    """A callee, its fallback, and the fallback of that one; a loaded file has no circle of them."""
    while True:
        yield d.on
        if d.fallback is None:
            return
        d = calls[d.fallback]


def _add(rows: np.ndarray, group: list[int], needs: list[list[tuple[int, ...]]]) -> bool:
    """Add to the rows of a group what they need; whether one has changed, which counts on a cycle only."""
    changed = False
    for k in group:
        row = rows[k]
        before = row.copy() if len(group) > 1 else row
        for ways in needs[k]:
            lost = rows[ways[0]]
            for other in ways[1:]:
                lost = lost & rows[other]
            np.bitwise_or(row, lost, out=row)
        changed = changed or (before is not row and not np.array_equal(before, row))
    return changed


def _bits(rows: np.ndarray, count: int) -> np.ndarray:
    """uint8[services, losses]"""
    as_bytes = rows.astype("<u8", copy=False).view(np.uint8)
    return np.unpackbits(as_bytes, axis=1, count=count, bitorder="little")
