"""All mitigations against each other: each alone, the best pairs, and which defects cause the loss.

Pairs are made of the best single ones that leave something to gain: beside one that leaves almost nothing, a
second has nothing to do. The attribution is of the loss itself. Each *defect* is present or taken away, and
its share is what it adds to the defects before it, averaged over all orders (Shapley).

Singles, pairs, and interactions are three families of tests. Each alone finds a difference where there is
none with a probability of at most 5 %, all three with 15 %.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from twin.experiments.arms import Arm
from twin.experiments.compare import compared
from twin.experiments.comparison import ArmResult, ArmVerdict, ComparisonPlan, PairedComparison
from twin.experiments.realizations import Realization
from twin.experiments.study import Job, Study
from twin.model.changes import dearest
from twin.results.metrics import PRIMARY
from twin.spec import SpecError
from twin.statistics.attribution import (
    Attribution,
    AttributionPlan,
    Better,
    Interaction,
    Subset,
    attribute,
    interaction,
    plan_attribution,
)
from twin.statistics.estimates import pareto
from twin.statistics.group_sequential import holm

LEAVES_RATIO = 0.05  # of the baseline's loss: an arm that leaves less needs no second one

Together = Callable[[Sequence[str]], Arm]


@dataclass(frozen=True)
class Tournament:
    """``pairs``: compared like singles; None if no two were worth pairing. ``front``: names of arms, single
    or pair, that no other arm beats in both benefit and cost class. ``interactions``: pair → its effect
    beyond that of its parts, with the p-value adjusted for all pairs. ``clashing``: pairs that contradict
    each other.
    """

    singles: PairedComparison
    pairs: PairedComparison | None
    front: tuple[str, ...]
    interactions: Mapping[str, tuple[Interaction, float]]
    clashing: tuple[str, ...]
    attribution: Attribution | None = None

    @property
    def arms(self) -> tuple[ArmResult, ...]:
        """Singles and pairs."""
        return self.singles.arms + (self.pairs.arms if self.pairs else ())

    def as_json(self) -> dict[str, Any]:
        """The document of the singles, with what the tournament adds."""
        pairs = self.pairs.as_json()["mitigations"] if self.pairs else []
        return self.singles.as_json() | {
            "pairs": pairs, "pareto": list(self.front), "contradict_each_other": list(self.clashing),
            "costs": {a.arm.name: cost_class(a.arm) for a in self.arms},
            "interactions": [
                {"pair": name, "verdict": i.verdict(p), "adjusted_p": p, **i.contrast.as_json()}
                for name, (i, p) in self.interactions.items()
            ],
            "attribution": self.attribution.as_json() if self.attribution else None,
        }  # fmt: skip


def cost_class(arm: Arm) -> str | None:
    """The dearest class among its mitigations; None if one of them has none."""
    cost = dearest(arm.variations)
    return cost.class_ if cost else None


def front_of(arms: Iterable[ArmResult]) -> tuple[str, ...]:
    """Names of those that no other beats in both benefit and class of cost, by the means."""
    costs = {a.arm.name: (a, dearest(a.arm.variations)) for a in arms if a.verdict != ArmVerdict.NOT_JUDGED}
    return pareto({
        name: (-a.difference[PRIMARY].mean, float(cost.rank)) for name, (a, cost) in costs.items() if cost
    })  # fmt: skip


def tournament(study: Study, plan: ComparisonPlan, together: Together, best: int) -> Tournament:
    """Compare all arms of the plan, then the pairs of the ``best`` of them.

    ``together``: names → the arm of all of them. Raises NoWorlds, WorkerLost.
    """
    singles = compared(study, plan)
    made, clashing = _pairs(singles, together, best)
    pairs = None
    if made:
        study.say(f"pairs: {', '.join(arm.name for arm in made)}")
        pairs = compared(study, plan.of(made))
    arms = singles.arms + (pairs.arms if pairs else ())
    return Tournament(singles, pairs, front_of(arms), _interactions(singles, pairs), tuple(clashing))


def _pairs(singles: PairedComparison, together: Together, best: int) -> tuple[tuple[Arm, ...], list[str]]:
    """The arms of pairs, and the names of those that contradict each other."""
    lost = singles.baseline[PRIMARY].mean
    helps = [a for a in singles.ranking if a.verdict == ArmVerdict.HELPS and len(a.arm.variations) == 1]
    worth = [a.arm.name for a in helps if a.value[PRIMARY].mean > LEAVES_RATIO * lost][:best]
    made: list[Arm] = []
    clashing = []
    for pair in combinations(worth, 2):
        try:
            made.append(together(pair))
        except SpecError:
            clashing.append("+".join(pair))
    return tuple(made), clashing


def _interactions(
    singles: PairedComparison, pairs: PairedComparison | None
) -> dict[str, tuple[Interaction, float]]:
    """What each pair does beyond its parts, in the worlds in which all four sides ran."""
    by_name = {a.arm.name: a for a in singles.arms}
    found: dict[str, Interaction] = {}
    for pair in pairs.arms if pairs else ():
        first, second = (by_name[name] for name in pair.arm.name.split("+"))
        n = min(len(pair.worlds), len(first.worlds), len(second.worlds))
        mine, a, b = (side.values[PRIMARY][:n] for side in (pair, first, second))
        found[pair.arm.name] = interaction(a, b, mine, singles.values[PRIMARY][:n], Better.LOWER)
    adjusted = holm([i.contrast.p for i in found.values()])
    return {name: (i, float(p)) for (name, i), p in zip(found.items(), adjusted, strict=True)}


@dataclass(frozen=True)
class Sharing:
    """How to attribute the loss: the arm of each subset of the defects that are present, each in ``worlds``
    realizations."""

    plan: AttributionPlan
    arms: Mapping[Subset, Arm]
    worlds: int

    @property
    def runs(self) -> int:
        return len(self.arms) * self.worlds


def sharing(
    defects: Sequence[str], without: Callable[[Iterable[str]], Arm], budget: int, worlds: int, seed: int
) -> Sharing:
    """The plan for at most ``budget`` runs. ``without``: defects to take away → the arm that does.

    Raises ValueError if the budget is too small, SpecError if the defects cannot be taken away together.
    """
    plan = plan_attribution(tuple(defects), budget // worlds, seed)
    arms = {present: without(n for n in defects if n not in present) for present in plan.subsets}
    return Sharing(plan, arms, worlds)


def attributed(study: Study, scenario: str, sharing: Sharing, worlds: Sequence[Realization]) -> Attribution:
    """Each defect's share of the loss, over the first of these ``worlds``. Raises WorkerLost."""
    where = worlds[: sharing.worlds]
    results = study.do(Job(scenario, arm, w) for arm in sharing.arms.values() for w in where)
    lost = results.values(PRIMARY, scenario=scenario)
    values = {present: [lost[arm.name][w] or 0.0 for w in where] for present, arm in sharing.arms.items()}
    return attribute(sharing.plan, values)


def tournament_runs(arms: int, worlds: int, best: int, shares: Sharing | None) -> Iterator[tuple[str, int]]:
    """(part, how many runs it takes at most)."""
    yield "singles", worlds * (1 + arms)
    yield "pairs", worlds * best * (best - 1) // 2
    if shares is not None:
        yield "attribution", shares.runs
