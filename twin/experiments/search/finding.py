"""The search: what is tried in which order, when it ends, and what is confirmed.

A set is tried only if it costs no more than the cheapest that does with confidence; or, where none does so,
than the dearest of those that would be confirmed. First everything of the cheapest class together, then with
the next class, and so on, until a group does; what does is made smaller: down to one of its parts, or else
the dearest half is left out, then a quarter, down to one. Then other parts alone, and what ``proposals``
makes of all that.

Each step follows from the answers before it, which come from a study that remembers its runs. So a search
that was interrupted begins again, finds what it had done, and ends as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from twin.experiments.search.choices import Choice, Space
from twin.experiments.search.goals import CONFIDENCE, Judged
from twin.experiments.search.plans import Plan, Wanted, error_of, plan
from twin.experiments.search.proposals import Proposals
from twin.experiments.search.racing import Race, Tried
from twin.experiments.study import Study
from twin.experiments.worlds import World
from twin.model.changes import COSTS
from twin.spec import SpecError

BATCH = 8  # sets tried at once, whatever the number of workers
ASKS = 64  # proposals that may be nothing new, before there is nothing new to try


@dataclass(frozen=True)
class Confirmed:
    """A set that did in the search, in fresh worlds. ``less``: part → the set without it, as it was tried in
    the search; None where the budget did not reach so far."""

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
class Found:
    """``confirmed``: the candidates, the cheapest first, each with ``confidence``; ``baseline``: in the fresh
    worlds; ``tried``: every set, the cheapest first. ``done``: there was nothing left to try."""

    wanted: Wanted
    plan: Plan
    space: Space
    confidence: float
    baseline: Tried
    confirmed: tuple[Confirmed, ...]
    tried: tuple[Tried, ...]
    worlds: tuple[World, ...]
    ill: int
    runs: int
    done: bool

    @property
    def best(self) -> Confirmed | None:
        """The cheapest that meets the goal in fresh worlds."""
        return next((c for c in self.confirmed if c.met), None)

    @property
    def nearest(self) -> Tried:
        """The set that lacks least; of those that were confirmed, if any was."""
        among = [c.fresh for c in self.confirmed] or self.tried
        return min(among, key=lambda t: (t.lacks, t.order))

    def as_json(self) -> dict[str, Any]:
        """As ``twin search --json`` prints it."""
        return {
            "scenario": self.wanted.scenario, "goal": self.wanted.goal.text, "met": self.best is not None,
            "best": self.best and self.best.tried.choice.words, "confidence": CONFIDENCE,
            "confidence_each": self.confidence, "budget": self.wanted.budget, "runs": self.runs,
            "search_worlds": len(self.worlds) - self.plan.fresh, "fresh_worlds": self.plan.fresh,
            "left_out_worlds": self.ill, "exhausted": self.done, "baseline": self._told(self.baseline),
            "confirmed": [
                self._told(c.fresh) | {
                    "met": c.met, "search": self._told(c.tried),
                    "without": {part: less and self._told(less) for part, less in c.less.items()},
                }
                for c in self.confirmed
            ],
            "nearest": self._told(self.nearest), "tried": [self._told(t) for t in self.tried],
            "left_out": dict(self.space.left_out),
            "contradictions": sorted(sorted(pair) for pair in self.space.against),
        }  # fmt: skip

    def _told(self, t: Tried) -> dict[str, Any]:
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

    def _term(self, term: Any, j: Judged) -> dict[str, Any]:
        return {"goal": term.text, "mean": j.mean, "low": j.low, "high": j.high, "met": j.met}


def search(
    study: Study, wanted: Wanted, space: Space, say: Callable[[str], None] | None = None,
    tick: Callable[[int], None] | None = None,
) -> Found:  # fmt: skip
    """Find the cheapest sets that meet the goal, and confirm them.

    ``say`` hears of what is found, in words; ``tick`` of how many runs have been made. Raises BudgetTooSmall,
    NoWorlds, WorkerLost.
    """
    return _Searching(study, wanted, space, say or (lambda _: None), tick or (lambda _: None)).result()


class _Searching:
    """One search on its way: what has been tried."""

    def __init__(
        self, study: Study, wanted: Wanted, space: Space, say: Callable[[str], None],
        tick: Callable[[int], None],
    ) -> None:  # fmt: skip
        self.plan = plan(wanted.goal, wanted.budget)
        self.race = Race(study, wanted, space, tick)
        self.wanted, self.space, self.say = wanted, space, say
        self.proposals = Proposals(space)
        self.tried: dict[Choice, Tried] = {}
        self.refused: set[Choice] = set()

    def result(self) -> Found:
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
        """Whether the budget went as far as trying any of them."""
        before = self._cheapest
        found = self.race.run(batch, self.plan.reserve)
        for t in found:
            self.tried[t.choice] = t
            self.proposals.learn(t.choice, t.cost, t.lacks)
        best = self._cheapest
        if best is not None and best != before:
            self.say(f"does in {best.n} worlds, at a cost of {best.cost}: {best.choice.words}")
        return bool(found)

    @property
    def _promising(self) -> list[Tried]:
        return sorted((t for t in self.tried.values() if t.promising), key=lambda t: t.order)

    @property
    def _cheapest(self) -> Tried | None:
        return next(iter(self._promising), None)

    def _next(self) -> list[Choice]:
        """What to try: of the first source that has anything."""
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
        """Whether it is new, may be, and is not too dear."""
        if choice in self.tried or choice in self.refused or self.space.contradicts(choice):
            return False
        cost, known, most = self.space.cost(choice), self._promising, self.plan.candidates
        limits = [t.cost for t in known if t.sure][:1] or [t.cost for t in known[most - 1 : most]]
        if limits and cost >= limits[0] and (cost > limits[0] or sum(t.cost == cost for t in known) >= most):
            return False
        try:
            self.space.arm(choice)
        except SpecError:  # three that do not go together, though any two do
            self.refused.add(choice)
            return False
        return True

    def _groups(self) -> Iterator[Choice]:
        """The next of: everything of the cheapest class, of the two cheapest, …; until one does."""
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
        """Of the cheapest that does: its parts alone, the cheapest first; then it less half of its parts,
        less a quarter, …, less one, the dearest first: of these, the first that are not all tried."""
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
        """Each part, the cheapest first; those last whose classes do not even do together."""
        groups = {p: self.tried.get(self._group(p.cost)) for p in self.space.parts}
        short = [p for p, t in groups.items() if t is not None and not t.promising]
        for part in sorted(self.space.parts, key=lambda p: (p in short, p.cost, p.name)):
            yield self.space.choice([part.name])

    def _proposed(self) -> Iterator[Choice]:
        """Proposals; a set is tried as its files have it before a knob is turned, and turned if that is
        short."""
        for _ in range(ASKS):
            choice = self.proposals.propose()
            written = self.tried.get(choice.as_written)
            if written is None:
                yield choice.as_written
            elif choice.settings and not written.promising:
                yield choice

    def _candidates(self) -> list[Tried]:
        """Those to confirm: the cheapest that do, but for those that hold one that does with confidence."""
        kept: list[Tried] = []
        for t in self._promising:
            if not any(k.sure and set(k.choice.parts) <= set(t.choice.parts) for k in kept):
                kept.append(t)
        return kept[: self.plan.candidates]

    def _found(self, done: bool) -> Found:
        candidates = self._candidates()
        confidence = 1 - error_of(max(1, len(candidates)))
        where = self.race.worlds[-self.plan.fresh :]
        choices = [t.choice for t in candidates]
        baseline, *fresh = self.race.judge([Choice(), *choices], where, confidence)
        confirmed = tuple(
            Confirmed(t, f, {p: self.tried.get(t.choice.without([p])) for p in t.choice.parts})
            for t, f in zip(candidates, fresh, strict=True)
        )
        return Found(
            self.wanted, self.plan, self.space, confidence, baseline, confirmed,
            tuple(sorted(self.tried.values(), key=lambda t: t.order)), self.race.worlds,
            self.race.ill, len(self.race.asked), done,
        )  # fmt: skip
