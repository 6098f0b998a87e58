"""What a search may cost, and how its runs are shared out before the first of them is made."""

from __future__ import annotations

from dataclasses import dataclass

from twin.experiments.search.goals import CONFIDENCE, Goal

RUNGS = (2, 4, 8)  # worlds in which a set is tried, one after the other, while it may still do
CANDIDATES = 3  # sets that are confirmed at most
FRESH_SHARE = 0.1  # of the budget: worlds to confirm in, each of which costs a run a candidate, and one
LEAST_FRESH, MOST_FRESH = 8, 64
LEAST_TRIES = 4  # sets that a search can afford to try to the end, or it is none


class BudgetTooSmall(Exception):
    """No search of so few runs can meet the goal; the message says how many it takes."""


@dataclass(frozen=True)
class Wanted:
    """``budget``: runs at most, baseline among them, also those that are done already. ``within_s``: by when
    a recovery counts. ``draws``: of the numbers that nobody knows; without, worlds differ in their noise."""

    scenario: str
    goal: Goal
    budget: int
    within_s: float
    draws: bool = True


@dataclass(frozen=True)
class Plan:
    """``candidates`` sets at most are confirmed in ``fresh`` worlds, beside the baseline, which takes
    ``reserve`` runs."""

    candidates: int
    fresh: int

    @property
    def reserve(self) -> int:
        return (self.candidates + 1) * self.fresh

    @property
    def worlds(self) -> int:
        """Those of the search, then the fresh ones."""
        return RUNGS[-1] + self.fresh


def error_of(candidates: int) -> float:
    """Of each of so many that are confirmed together, so that all of them hold at CONFIDENCE (Bonferroni)."""
    return (1 - CONFIDENCE) / candidates


def plan(goal: Goal, budget: int) -> Plan:
    """How many sets are confirmed, in how many fresh worlds: at most half of the budget. Raises
    BudgetTooSmall."""
    for candidates in range(CANDIDATES, 0, -1):
        fresh = min(MOST_FRESH, max(LEAST_FRESH, int(FRESH_SHARE * budget)))
        fresh = max(fresh, goal.least_worlds(1 - error_of(candidates)))
        found = Plan(candidates, fresh)
        least = found.reserve + LEAST_TRIES * RUNGS[-1]
        if least <= budget and (found.reserve <= budget / 2 or candidates == 1):
            return found
    raise BudgetTooSmall(
        f"--budget: found {budget}, expected at least {least}: {fresh} fresh worlds to be "
        f"{CONFIDENCE:.0%} sure in, with and without the set, and {LEAST_TRIES} sets tried before"
    )
