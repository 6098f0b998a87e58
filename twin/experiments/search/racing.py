"""Sets tried in the same worlds, in more and more of them while they may still do.

After each rung a set goes on while its goal is open. It has done so early where it *misses* with 95 %
confidence, or *meets* with as much in at least SURE worlds. This steers a search and proves nothing: many
looks at many sets find some that are lucky, which is why the best are confirmed in fresh worlds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from twin.experiments.compare import RAW, measured
from twin.experiments.screening import TRIES, well_begun
from twin.experiments.search.choices import Choice, Space
from twin.experiments.search.goals import CONFIDENCE, Judged, Term
from twin.experiments.search.plans import RUNGS, Wanted
from twin.experiments.study import Job, Results, Study, first_input_s
from twin.experiments.worlds import World
from twin.statistics.durations import restricted

SURE = 4  # worlds from which a race may call a goal met


@dataclass(frozen=True)
class Tried:
    """A set, and what each term of the goal came to in ``n`` worlds."""

    choice: Choice
    cost: int
    judged: tuple[Judged, ...]

    @property
    def n(self) -> int:
        return self.judged[0].n

    @property
    def lacks(self) -> float:
        """By how much of its threshold the worst term is on the wrong side; negative if all are right."""
        return max(j.lacks for j in self.judged)

    @property
    def promising(self) -> bool:
        """Whether the means so far meet the goal."""
        return self.lacks <= 0

    @property
    def sure(self) -> bool:
        """Whether they meet it with confidence."""
        return self.n >= SURE and all(j.met for j in self.judged)

    @property
    def open(self) -> bool:
        """Whether more worlds may still change that."""
        return not self.sure and not any(j.missed for j in self.judged)

    @property
    def order(self) -> tuple[int, int, str]:
        """The cheapest first, then the one with the fewest parts."""
        return self.cost, len(self.choice.parts), self.choice.words


class Race:
    """The worlds of one search, and its runs: how many were asked for, each counted once."""

    def __init__(self, study: Study, wanted: Wanted, space: Space, tick: Callable[[int], None]) -> None:
        self.study, self.wanted, self.space, self.tick = study, wanted, space, tick
        self.worlds: tuple[World, ...] = ()
        self.ill = 0
        self.asked: set[Job] = set()
        self.made = 0
        base = study.setting.bases[wanted.scenario]
        self.origin_s = first_input_s(base)
        self.horizon_s = base.duration_s - self.origin_s

    @property
    def left(self) -> int:
        """Runs of the budget that were not asked for."""
        return self.wanted.budget - len(self.asked)

    def draw(self, count: int) -> None:
        """Find so many worlds that begin well; short runs that show it are not counted. Raises NoWorlds."""
        self.worlds, self.ill = well_begun(
            self.study, self.wanted.scenario, count, TRIES * count, draws=self.wanted.draws
        )

    def do(self, jobs: Iterable[Job]) -> Results:
        """What comes of them."""
        listed, before = list(jobs), self.made

        def count(done: int, _: int) -> None:
            self.made = before + done
            self.tick(self.made)

        found = self.study.do(listed, count)
        self.asked.update(listed)
        return found

    def run(self, choices: Sequence[Choice], reserve: int) -> list[Tried]:
        """Try them, in as many worlds as it takes, while more than ``reserve`` runs are left; those for which
        there was none are not among the answer."""
        found: dict[Choice, Tried] = {}
        active = list(choices)
        for count in RUNGS:
            active = self._affordable(active, count, reserve)
            if not active:
                break
            for tried in self.judge(active, self.worlds[:count]):
                found[tried.choice] = tried
            active = [choice for choice in active if found[choice].open]
        return list(found.values())

    def _affordable(self, choices: list[Choice], count: int, reserve: int) -> list[Choice]:
        left, kept = self.left - reserve, []
        for choice in choices:
            left -= len(set(self._jobs([choice], self.worlds[:count])) - self.asked)
            if left < 0:
                break
            kept.append(choice)
        return kept

    def judge(
        self, choices: Sequence[Choice], where: Sequence[World], confidence: float = CONFIDENCE
    ) -> list[Tried]:
        """What they come to in these worlds, with one-sided ``confidence``."""
        there = _There(self, self.do(self._jobs(choices, where)))
        found = []
        for choice in choices:
            name = self.space.arm(choice).name
            judged = [t.judge(there.values(t, name, where), confidence) for t in self.wanted.goal.terms]
            found.append(Tried(choice, self.space.cost(choice), tuple(judged)))
        return found

    def _jobs(self, choices: Sequence[Choice], where: Sequence[World]) -> list[Job]:
        return [Job(self.wanted.scenario, self.space.arm(c), w) for c in choices for w in where]


class _There:
    """What came of some jobs, measure by measure."""

    def __init__(self, race: Race, results: Results) -> None:
        self.race, self.results = race, results
        self.known: dict[tuple[str, str], Any] = {}

    def values(self, term: Term, arm: str, where: Sequence[World]) -> np.ndarray:
        """(worlds,) values of the measure of a term."""
        race = self.race
        if not term.service:
            column = {name: self._raw(name, "", arm, where) for name in RAW}
            by_measure = measured(column, race.origin_s, race.horizon_s, race.wanted.within_s)
            return by_measure[term.measure.name]
        if term.measure.name != "time_to_recovery_s":
            return self._raw(term.measure.name, term.service, arm, where)
        ends_s = self._raw("recovery_s", term.service, arm, where)
        return restricted(np.maximum(ends_s - race.origin_s, 0.0), race.horizon_s)

    def _raw(self, measure: str, service: str, arm: str, where: Sequence[World]) -> np.ndarray:
        """Nought where what it speaks of never comes: no trouble lasts no time."""
        if (measure, service) not in self.known:
            found = self.results.values(measure, service, self.race.wanted.scenario)
            self.known[measure, service] = found
        by_world = self.known[measure, service][arm]
        return np.array([by_world[w] or 0.0 for w in where])
