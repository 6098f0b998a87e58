"""Many tests at once, and interim looks: how often an effect is reported that does not exist.

A study tests mitigations × metrics, and may look at the results before all worlds are run. Both can mislead.
The rule: over all looks and all tests together, the probability to report an effect that does not exist is at
most 5 %.

*Tests*: Holm's step-down (Scand. J. Statist. 6, 1979), which holds for dependent tests too.

*Looks*: Haybittle's and Peto's rule (Br. J. Radiol. 44, 1971; Br. J. Cancer 34, 1976). Each look before the
last has an error of at most 0.1 %, and all of them together at most 1 %. The last look has the rest of the 5
%. Errors add up at most (Bonferroni), so this holds for any distribution and any order of stopping. Little is
spent early, so the last look is almost as sharp as a study without looks. Comparisons that are judged
together share the 1 %, and the rest is spent once, on the last looks of all of them.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import numpy as np

from twin.statistics.estimates import CONFIDENCE, Difference, student

ERROR = 0.05  # probability of calling anything clear that is not there
INTERIM = 0.001  # of it, for each look before the last
INTERIM_TOGETHER = 0.01  # and for all of them at most
BLOCK = 20  # worlds from look to look; at 20, the exact test can reach any level that matters
# That there is too little to look for hangs on the width of an interval, which is not known well before this
# (Chow and Robbins's rule stops too soon from a small pilot).
SURE_OF_WIDTH = 40
SURE = 0.99  # confidence of the interval that must lie within what is worth having

K = TypeVar("K", bound=Hashable)


class LookVerdict(StrEnum):
    """What a test has come to."""

    CLEAR = "significant"
    TOO_SMALL = "no difference worth having"
    IDENTICAL = "no difference at all"
    OPEN = "not significant"


def holm(ps: Sequence[float] | np.ndarray) -> np.ndarray:
    """Adjusted p-values in the order given: those at most 5 % are significant, at 5 % for all together.
    Raises ValueError unless each is from 0 to 1."""
    p = np.asarray(ps, "f8")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("a p-value is from 0 to 1")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return adjusted


def significant(ps: Mapping[K, float], error: float = ERROR) -> dict[K, bool]:
    """Which of all the tests of a study, mitigations × measures, find a difference; by Holm."""
    return dict(zip(ps, (holm(list(ps.values())) <= error).tolist(), strict=True))


def least_worlds(tests: int, error: float = ERROR) -> int:
    """The fewest worlds in which one of ``tests`` can be significant, however large its difference: the
    smallest p of n pairs is 2^(1-n)."""
    return 1 + math.ceil(math.log2(tests / error) - 1e-9)


@dataclass(frozen=True)
class InterimLook:
    """A look after ``worlds`` worlds, with the ``error`` that it may spend; ``last``: no more after it."""

    worlds: int
    error: float
    last: bool


def interim_looks(worlds: int, block: int = BLOCK, comparisons: int = 1) -> tuple[InterimLook, ...]:
    """When to look at a study of at most ``worlds`` worlds: after each block, the last where all are done.

    A last block of less than half a block joins the one before. ``comparisons``: the number
    of comparisons that are judged together in the end; the error of the last look is for all of their tests.
    Raises ValueError for less than one world or family.
    """
    if min(worlds, block, comparisons) < 1:
        raise ValueError("a study has at least one world and one family, and a block one world")
    early = [n for n in range(block, worlds, block) if worlds - n >= block / 2]
    each = min(INTERIM, INTERIM_TOGETHER / (len(early) * comparisons)) if early else 0.0
    last = InterimLook(worlds, ERROR - each * len(early) * comparisons, True)
    return (*(InterimLook(n, each, False) for n in early), last)


def verdicts(
    look: InterimLook, found: Mapping[K, Difference], worth: Mapping[K, float],
    before: Mapping[K, LookVerdict] | None = None,
) -> dict[K, LookVerdict | None]:  # fmt: skip
    """What each test of a study comes to at this look; None: go on.

    ``found``: every test, also those that have a verdict from ``before``. Their values are not used again. A
    test that is given up for another reason is OPEN there. ``worth``: the difference, as an absolute number,
    below which nobody cares; 0 to never stop for it.

    - CLEAR: significant by Holm, at the error of the look.
    - TOO_SMALL: its interval of 99 % lies within ± ``worth``; not before 40 worlds.
    - IDENTICAL: no pair has differed yet; not before 40 worlds, also at the last look.
    - OPEN: at the last look, all others.

    An effect in few worlds is easily missed by fewer than 40. A clear effect that was stopped early is, if
    anything, a little smaller than it seems. Raises ValueError if a test has more or fewer worlds than the
    look.
    """
    done = dict(before or {})
    open_tests = [test for test in found if test not in done]
    if any(found[test].n != look.worlds for test in open_tests):
        raise ValueError(f"a look after {look.worlds} worlds takes differences of as many")
    # Those called clear leave Holm's family; those given up stay in it, and cannot be found any more.
    ps = {test: found[test].p for test in open_tests}
    ps |= {test: 1.0 for test in done if done[test] != LookVerdict.CLEAR}
    clear = significant(ps, look.error)
    given: dict[K, LookVerdict | None] = dict(done)
    for test in open_tests:
        given[test] = LookVerdict.CLEAR if clear[test] else unclear(look, found[test], worth[test])
    return {test: given[test] for test in found}


def unclear(look: InterimLook, d: Difference, worth: float) -> LookVerdict | None:
    """What a test comes to that is not clear: as in ``verdicts``."""
    wide = look.worlds >= SURE_OF_WIDTH
    if d.identical and (wide or look.last):
        return LookVerdict.IDENTICAL
    if wide and abs(d.mean) + d.half_width * student(d.n - 1, SURE) / student(d.n - 1, CONFIDENCE) < worth:
        return LookVerdict.TOO_SMALL
    return LookVerdict.OPEN if look.last else None
