"""When a fault happens again: every so often, or at random times.

Random times are those of an outage that begins at a rate while it is not on, so two never overlap. The gap
before each is keyed by the step's id and its number: it depends on seed and replicate, and on nothing else.
"""

from __future__ import annotations

import math
from collections import Counter

from twin.model.scenario import Intervention


class Occurrences:
    """The begins of each step in one run."""

    def __init__(self, seed: int, replicate: int) -> None:
        """``seed`` and ``replicate`` are those of the run."""
        self._key = seed, replicate
        self._begun: Counter[str] = Counter()

    def first_s(self, x: Intervention) -> float | None:
        """Seconds from the start to the first begin of a step with a time; None if there is none."""
        assert x.at_s is not None
        return self._within(x, x.at_s + self._gap_s(x, 0)) if x.random else x.at_s

    def next_s(self, x: Intervention, begin_s: float, end_s: float) -> float | None:
        """Seconds from the start to the next begin, after one from ``begin_s`` to ``end_s``; None if that was
        the last."""
        self._begun[x.id] += 1
        count = self._begun[x.id]
        if x.random is not None:
            return self._within(x, end_s + self._gap_s(x, count))
        return begin_s + x.every_s if x.every_s is not None and count < (x.times or 1) else None

    def _within(self, x: Intervention, begin_s: float) -> float | None:
        return begin_s if x.until_s is None or begin_s < x.until_s else None

    def _gap_s(self, x: Intervention, number: int) -> float:
        """An exponential time with the mean 1 / rate."""
        from twin.base import rng  # here, because it brings the compiler, which the spec can do without

        assert x.random is not None
        seed, replicate = self._key
        u = rng.uniform(seed, rng.stable_key(f"{x.id}.begins"), number, rng.DELAY, replicate)
        return -math.log1p(-float(u)) / x.random.rate_per_s
