"""The search: what is tried in which order, when it ends, and what is confirmed.

A set is tried only if it may become a candidate. It must not cost more than the cheapest set that meets the
goal with confidence. If none does, it must not cost more than the dearest candidate so far.

The order is:

1. everything of the cheapest class together, then with the next class, until a group meets the goal.
2. that group made smaller: its parts alone, then without the dearest half, a quarter, down to one part.
3. other parts alone.
4. what ``proposals`` makes of all that.

Each step follows from the answers before it, and the study keeps its runs. So a search that was interrupted
starts again, finds its runs, and ends as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twin.experiments.arms import with_people
from twin.experiments.compare import WITHIN_S
from twin.experiments.opened import StudySettings, open_study
from twin.experiments.realizations import Realization
from twin.experiments.search.choices import Choice, ChoiceSpace, choice_space
from twin.experiments.search.goals import CONFIDENCE, Term, TermResult, parse_goal
from twin.experiments.search.plans import SearchPlan, Wanted, error_of, search_plan
from twin.experiments.search.proposals import Proposals
from twin.experiments.search.racing import Race, Tried
from twin.experiments.study import Study
from twin.experiments.tables import Tabular
from twin.model.changes import COSTS
from twin.model.scenario import Scenario
from twin.spec import SpecError
from twin.spec.mitigations import MITIGATIONS_FOLDER

BATCH = 8  # sets tried at once, for any number of workers
ASKS = 64  # proposals without a new set, after which there is nothing new to try


@dataclass(frozen=True)
class Confirmed:
    """A set that met the goal in the search, in fresh realizations. ``less``: part → the set without it, as
    tried in the search; None if the budget did not suffice."""

    tried: Tried
    fresh: Tried
    less: Mapping[str, Tried | None]

    @property
    def met(self) -> bool:
        return all(j.met for j in self.fresh.judged)

    @property
    def missed(self) -> bool:
        return any(j.missed for j in self.fresh.judged)


@dataclass(frozen=True)
class SearchResult(Tabular):
    """``confirmed``: the candidates, the cheapest first, each with ``confidence``. ``baseline``: in the fresh
    realizations. ``tried``: every set, the cheapest first. ``done``: nothing was left to try."""

    wanted: Wanted
    plan: SearchPlan
    space: ChoiceSpace
    confidence: float
    baseline: Tried
    confirmed: tuple[Confirmed, ...]
    tried: tuple[Tried, ...]
    worlds: tuple[Realization, ...]
    invalid: int
    runs: int
    done: bool

    @property
    def best(self) -> Confirmed | None:
        """The cheapest that meets the goal in fresh realizations."""
        return next((c for c in self.confirmed if c.met), None)

    @property
    def nearest(self) -> Tried:
        """The set that is nearest to the goal; of the confirmed ones, if there are any."""
        among = [c.fresh for c in self.confirmed] or self.tried
        return min(among, key=lambda t: (t.lacks, t.order))

    headings = ("set", "cost", "meets the goal", "worlds")

    def __repr__(self) -> str:
        best = self.best.tried.choice.words if self.best else "nothing"
        return f"SearchResult({best} meets {self.wanted.goal.text!r})"

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row a tried set and term of the goal."""
        for t in self.tried:
            for term, j in zip(self.wanted.goal.terms, t.judged, strict=True):
                yield {"set": t.choice.words, "cost": t.cost, "worlds": t.n, **self._term(term, j)}

    def summary(self) -> Iterator[tuple[object, ...]]:
        """A row a candidate, in the fresh realizations."""
        for c in self.confirmed:
            yield c.tried.choice.words, c.tried.cost, "yes" if c.met else "no", c.fresh.n

    def as_json(self) -> dict[str, Any]:
        """As ``twin search --json`` prints it."""
        return {
            "scenario": self.wanted.scenario, "goal": self.wanted.goal.text, "met": self.best is not None,
            "best": self.best and self.best.tried.choice.words, "confidence": CONFIDENCE,
            "confidence_each": self.confidence, "budget": self.wanted.budget, "runs": self.runs,
            "search_worlds": len(self.worlds) - self.plan.fresh, "fresh_worlds": self.plan.fresh,
            "invalid": self.invalid, "exhausted": self.done, "baseline": self._document(self.baseline),
            "confirmed": [
                self._document(c.fresh) | {
                    "met": c.met, "search": self._document(c.tried),
                    "without": {part: less and self._document(less) for part, less in c.less.items()},
                }
                for c in self.confirmed
            ],
            "nearest": self._document(self.nearest), "tried": [self._document(t) for t in self.tried],
            "left_out": dict(self.space.left_out),
            "contradictions": sorted(sorted(pair) for pair in self.space.against),
        }  # fmt: skip

    def _document(self, t: Tried) -> dict[str, Any]:
        return {
            "set": list(t.choice.parts), "words": t.choice.words, "cost": t.cost,
            "settings": [
                {"mitigation": part, "targets": list(knob.targets), "value": value}
                for part, name, value in t.choice.settings
                for knob in self.space.by_name[part].knobs if knob.name == name
            ],
            "worlds": t.n, "promising": t.promising, "terms": list(map(self._term, self.wanted.goal.terms,
                                                                      t.judged)),
        }  # fmt: skip

    def _term(self, term: Term, j: TermResult) -> dict[str, Any]:
        return {"goal": term.text, "mean": j.mean, "low": j.low, "high": j.high, "met": j.met}


def search(
    scenario: Scenario, goal: str, budget: int = 200, *, mitigations: Path = MITIGATIONS_FOLDER,
    within_s: float = WITHIN_S, draws: bool = True, worlds: int = 0, responders: str | None = "drawn",
    settings: StudySettings | None = None,
) -> SearchResult:  # fmt: skip
    """Find the cheapest sets of mitigations with which a scenario meets a goal, and confirm them.

    ``goal``: as "peak_impaired < 20 and p_recovered > 90%" (``goals``). ``budget``: runs at most.
    ``mitigations``: the folder to choose from. ``draws``, ``worlds``: as in ``Wanted``. Raises SpecError,
    BudgetTooSmall, NoWorlds, WorkerLost, OtherStudy.
    """
    base = with_people(scenario, responders)
    wanted = Wanted(base.name, parse_goal(goal, base), budget, within_s, draws, worlds)
    search_plan(wanted.goal, budget, worlds)  # refuses a budget that is too small before the files are read
    space = choice_space(base, mitigations)
    with open_study({base.name: base}, settings, runs=budget) as study:
        return searched(study, wanted, space)


def searched(study: Study, wanted: Wanted, space: ChoiceSpace) -> SearchResult:
    """Search in a study that is open. Raises BudgetTooSmall, NoWorlds, WorkerLost."""
    return _Searching(study, wanted, space).result()


class _Searching:
    """A search under way: what has been tried."""

    def __init__(self, study: Study, wanted: Wanted, space: ChoiceSpace) -> None:
        self.plan = search_plan(wanted.goal, wanted.budget, wanted.worlds)
        self.race = Race(study, wanted, space)
        self.study, self.wanted, self.space = study, wanted, space
        self.proposals = Proposals(space)
        self.tried: dict[Choice, Tried] = {}
        self.refused: set[Choice] = set()

    def result(self) -> SearchResult:
        self.race.draw(self.plan.worlds)
        self._try([Choice()])
        done = False
        while not done:
            batch = self._next()
            done = not batch
            if batch and not self._try(batch):
                break  # no run is left
        return self._found(done)

    def _try(self, batch: list[Choice]) -> bool:
        """Try a batch. False if the budget did not suffice for any of it."""
        before = self._cheapest
        found = self.race.run(batch, self.plan.reserve)
        for t in found:
            self.tried[t.choice] = t
            self.proposals.learn(t.choice, t.cost, t.lacks)
        best = self._cheapest
        if best is not None and best != before:
            self.study.say(
                f"meets the goal in {best.n} worlds, at a cost of {best.cost}: {best.choice.words}"
            )
        return bool(found)

    @property
    def _promising(self) -> list[Tried]:
        return sorted((t for t in self.tried.values() if t.promising), key=lambda t: t.order)

    @property
    def _cheapest(self) -> Tried | None:
        return next(iter(self._promising), None)

    def _next(self) -> list[Choice]:
        """The next batch, from the first source that has something new."""
        for source in (self._groups, self._smaller, self._alone, self._proposed):
            batch: list[Choice] = []
            for choice in source():
                if choice not in batch and self._worth(choice):
                    batch.append(choice)
                if len(batch) == BATCH:
                    break
            if batch:
                return batch
        return []

    def _worth(self, choice: Choice) -> bool:
        """Whether it is new, allowed, and not too dear."""
        if choice in self.tried or choice in self.refused or self.space.contradicts(choice):
            return False
        cost, known, most = self.space.cost(choice), self._promising, self.plan.candidates
        limits = [t.cost for t in known if t.sure][:1] or [t.cost for t in known[most - 1 : most]]
        if limits and cost >= limits[0] and (cost > limits[0] or sum(t.cost == cost for t in known) >= most):
            return False
        try:
            self.space.arm(choice)
        except SpecError:  # three parts that contradict each other, though no two do
            self.refused.add(choice)
            return False
        return True

    def _groups(self) -> Iterator[Choice]:
        """The next of: everything of the cheapest class, of the two cheapest, …; until one meets the goal."""
        for cost in range(1, len(COSTS) + 1):
            group = self._group(cost)
            if group in self.tried:
                if self.tried[group].promising:
                    return
                continue
            yield group
            return

    def _group(self, cost: int) -> Choice:
        return self.space.agreeing(p.name for p in self.space.parts if p.cost <= cost)

    def _smaller(self) -> Iterator[Choice]:
        """Smaller sets than the cheapest that meets the goal: its parts alone; then without half of them, a
        quarter, …, one, the dearest first. Of these stages, the first that has something new."""
        best = self._cheapest
        if best is None or len(best.choice.parts) < 2:
            return
        parts = best.choice.parts[::-1]
        stages = [[self.space.choice([p]) for p in best.choice.parts]]
        size = (len(parts) + 1) // 2
        while size:
            chunks = [parts[at : at + size] for at in range(0, len(parts), size)]
            stages.append([best.choice.without(chunk) for chunk in chunks])
            size = (size + 1) // 2 if size > 1 else 0
        for stage in stages:
            if any(self._worth(choice) for choice in stage):
                yield from stage
                return

    def _alone(self) -> Iterator[Choice]:
        """Each part, the cheapest first; last the parts whose whole class falls short."""
        groups = {p: self.tried.get(self._group(p.cost)) for p in self.space.parts}
        short = [p for p, t in groups.items() if t is not None and not t.promising]
        for part in sorted(self.space.parts, key=lambda p: (p in short, p.cost, p.name)):
            yield self.space.choice([part.name])

    def _proposed(self) -> Iterator[Choice]:
        """Proposals. A set is tried with the values of its files first, and with knobs turned only if it
        falls short."""
        for _ in range(ASKS):
            choice = self.proposals.propose()
            written = self.tried.get(choice.as_written)
            if written is None:
                yield choice.as_written
            elif choice.settings and not written.promising:
                yield choice

    def _candidates(self) -> list[Tried]:
        """The sets to confirm: the cheapest that meet the goal, but none that contains a confident one."""
        kept: list[Tried] = []
        for t in self._promising:
            if not any(k.sure and set(k.choice.parts) <= set(t.choice.parts) for k in kept):
                kept.append(t)
        return kept[: self.plan.candidates]

    def _found(self, done: bool) -> SearchResult:
        candidates = self._candidates()
        confidence = 1 - error_of(max(1, len(candidates)))
        where = self.race.worlds[-self.plan.fresh :]
        choices = [t.choice for t in candidates]
        baseline, *fresh = self.race.judge([Choice(), *choices], where, confidence)
        confirmed = tuple(
            Confirmed(t, f, {p: self.tried.get(t.choice.without([p])) for p in t.choice.parts})
            for t, f in zip(candidates, fresh, strict=True)
        )
        return SearchResult(
            self.wanted, self.plan, self.space, confidence, baseline, confirmed,
            tuple(sorted(self.tried.values(), key=lambda t: t.order)), self.race.worlds,
            self.race.invalid, len(self.race.asked), done,
        )  # fmt: skip
