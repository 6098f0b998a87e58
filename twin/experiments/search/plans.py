"""The budget of a search, and how its runs are divided before the first one is made."""

from __future__ import annotations

from dataclasses import dataclass

from twin.experiments.search.goals import CONFIDENCE, Goal

RUNGS = (2, 4, 8)  # realizations in which a set is tried, in turn, while its goal is open
CANDIDATES = 3  # sets that are confirmed at most
FRESH_SHARE = 0.1  # of the budget: fresh realizations, each with a run a candidate and one of the baseline
LEAST_FRESH, MOST_FRESH = 8, 64
LEAST_TRIES = 4  # sets that a search must be able to try to the end


class BudgetTooSmall(Exception):
    """The budget is too small to meet the goal; the message says how many runs it takes."""


@dataclass(frozen=True)
class Wanted:
    """``budget``: runs at most, those of the baseline and those done before included. ``within_s``: by when a
    recovery counts as in time. ``draws``: sample the uncertain inputs; without, only the noise differs.
    ``worlds``: fresh ones that confirm, more if the goal takes more; 0 for a share of the budget."""

    scenario: str
    goal: Goal
    budget: int
    within_s: float
    draws: bool = True
    worlds: int = 0


@dataclass(frozen=True)
class SearchPlan:
    """At most ``candidates`` sets are confirmed in ``fresh`` realizations, beside the baseline. That takes
    ``reserve`` runs."""

    candidates: int
    fresh: int

    @property
    def reserve(self) -> int:
        return (self.candidates + 1) * self.fresh

    @property
    def worlds(self) -> int:
        """Realizations of the search, then the fresh ones."""
        return RUNGS[-1] + self.fresh


def error_of(candidates: int) -> float:
    """The error of each of these sets, so that all of them hold at CONFIDENCE (Bonferroni)."""
    return (1 - CONFIDENCE) / candidates


def search_plan(goal: Goal, budget: int, worlds: int = 0) -> SearchPlan:
    """How many sets are confirmed in how many fresh realizations: at most half of the budget. ``worlds`` is
    as in ``Wanted``. Raises BudgetTooSmall."""
    for candidates in range(CANDIDATES, 0, -1):
        fresh = worlds or min(MOST_FRESH, max(LEAST_FRESH, int(FRESH_SHARE * budget)))
        fresh = max(fresh, goal.least_worlds(1 - error_of(candidates)))
        found = SearchPlan(candidates, fresh)
        least = found.reserve + LEAST_TRIES * RUNGS[-1]
        if least <= budget and (found.reserve <= budget / 2 or candidates == 1):
            return found
    raise BudgetTooSmall(
        f"--budget: found {budget}, expected at least {least}: {fresh} fresh worlds for "
        f"{CONFIDENCE:.0%} confidence, with and without the set, and {LEAST_TRIES} sets tried before"
    )
