"""Sets tried in the same realizations, in more and more of them while the goal is still open for the set.

After each rung a set goes on while its goal is open. It is closed early if the set *misses* the goal with
95 % confidence, or *meets* it with 95 % in at least SURE realizations. This steers the search and proves
nothing: many looks at many sets find some by chance. So the best are confirmed in fresh realizations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from twin.experiments.answers import Results
from twin.experiments.realizations import Realization, first_input_s
from twin.experiments.screening import screened
from twin.experiments.search.choices import Choice, ChoiceSpace
from twin.experiments.search.goals import CONFIDENCE, Term, TermResult
from twin.experiments.search.plans import RUNGS, Wanted
from twin.experiments.study import Job, Study
from twin.results.metrics import RAW, of_runs
from twin.statistics.durations import restricted

SURE = 4  # realizations, from which a race may call a goal met


@dataclass(frozen=True)
class Tried:
    """A set, and its result for each term of the goal in ``n`` realizations."""

    choice: Choice
    cost: int
    judged: tuple[TermResult, ...]

    @property
    def n(self) -> int:
        return self.judged[0].n

    @property
    def lacks(self) -> float:
        """How far the worst term is on the wrong side, as a share of its threshold; negative if all are
        right."""
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
        """Whether more realizations may still decide it."""
        return not self.sure and not any(j.missed for j in self.judged)

    @property
    def order(self) -> tuple[int, int, str]:
        """The cheapest first, then the one with the fewest parts."""
        return self.cost, len(self.choice.parts), self.choice.words


class Race:
    """The realizations of one search, and its runs: how many were asked for, each counted once."""

    def __init__(self, study: Study, wanted: Wanted, space: ChoiceSpace) -> None:
        self.study, self.wanted, self.space = study, wanted, space
        self.worlds: tuple[Realization, ...] = ()
        self.invalid = 0
        self.asked: set[Job] = set()
        base = study.setting.bases[wanted.scenario]
        self.origin_s = first_input_s(base)
        self.horizon_s = base.duration_s - self.origin_s

    @property
    def left(self) -> int:
        """Runs of the budget that were not asked for."""
        return self.wanted.budget - len(self.asked)

    def draw(self, count: int) -> None:
        """Screen ``count`` realizations; the short runs that do so are not counted. Raises NoWorlds."""
        found = screened(self.study, self.wanted.scenario, count, draws=self.wanted.draws)
        self.worlds, self.invalid = found.valid, found.invalid

    def do(self, jobs: Sequence[Job]) -> Results:
        """Their answers."""
        found = self.study.do(jobs)
        self.asked.update(jobs)
        return found

    def run(self, choices: Sequence[Choice], reserve: int) -> list[Tried]:
        """Try sets in as many realizations as it takes, while more than ``reserve`` runs are left. Sets for
        which none was left are not in the answer."""
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
        self, choices: Sequence[Choice], where: Sequence[Realization], confidence: float = CONFIDENCE
    ) -> list[Tried]:
        """Their results in these realizations, with one-sided ``confidence``."""
        values = _Values(self, self.do(self._jobs(choices, where)))
        found = []
        for choice in choices:
            name = self.space.arm(choice).name
            judged = [t.judge(values.of(t, name, where), confidence) for t in self.wanted.goal.terms]
            found.append(Tried(choice, self.space.cost(choice), tuple(judged)))
        return found

    def _jobs(self, choices: Sequence[Choice], where: Sequence[Realization]) -> list[Job]:
        return [Job(self.wanted.scenario, self.space.arm(c), w) for c in choices for w in where]


class _Values:
    """The answers to some jobs, metric by metric."""

    def __init__(self, race: Race, results: Results) -> None:
        self.race, self.results = race, results
        self.known: dict[tuple[str, str], Any] = {}

    def of(self, term: Term, arm: str, where: Sequence[Realization]) -> np.ndarray:
        """(realizations,) values of the metric of a term."""
        race = self.race
        if not term.service:
            column = {name: self._raw(name, "", arm, where) for name in RAW}
            by_metric = of_runs(column, race.origin_s, race.horizon_s, race.wanted.within_s)
            return by_metric[term.metric.name]
        if term.metric.name != "time_to_recovery_s":
            return self._raw(term.metric.name, term.service, arm, where)
        ends_s = self._raw("recovery_s", term.service, arm, where)
        return restricted(np.maximum(ends_s - race.origin_s, 0.0), race.horizon_s)

    def _raw(self, metric: str, service: str, arm: str, where: Sequence[Realization]) -> np.ndarray:
        """A missing value counts as 0: trouble that never began lasts no time."""
        if (metric, service) not in self.known:
            found = self.results.values(metric, service, self.race.wanted.scenario)
            self.known[metric, service] = found
        by_world = self.known[metric, service][arm]
        return np.array([by_world[w] or 0.0 for w in where])
