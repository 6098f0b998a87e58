"""Mitigations compared in several scenarios: a change that helps in one event may harm in another.

Each scenario has its own realizations and its own baseline. All tests of all scenarios are one family: what
is significant is significant among all (Holm), with the error that all interim looks have left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from twin.experiments.arms import Arm
from twin.experiments.compare import compared
from twin.experiments.comparison import ArmResult, ArmVerdict, PairedComparison, adjusted
from twin.experiments.screening import NoWorlds
from twin.experiments.study import Study


@dataclass(frozen=True)
class Suite:
    """``by_scenario``: name → comparison, in the order asked for. ``unanswered``: scenario → why it has no
    answer."""

    by_scenario: Mapping[str, PairedComparison]
    unanswered: Mapping[str, str] = field(default_factory=dict)

    @property
    def mixed(self) -> dict[str, tuple[list[str], list[str]]]:
        """Mitigation → scenarios in which it helps, and in which it harms; of those that do both."""
        found = {}
        for name in self.names:
            results = {scenario: self.of(scenario, name) for scenario in self.by_scenario}
            helps, harms = (
                [s for s, a in results.items() if a and a.verdict == verdict]
                for verdict in (ArmVerdict.HELPS, ArmVerdict.HARMS)
            )
            if helps and harms:
                found[name] = (helps, harms)
        return found

    @property
    def names(self) -> list[str]:
        """Every mitigation, in the order of the first scenario's ranking."""
        every = (a.arm.name for c in self.by_scenario.values() for a in c.ranking)
        return list(dict.fromkeys(every))

    def of(self, scenario: str, mitigation: str) -> ArmResult | None:
        """One mitigation in one scenario; None if it changes nothing there."""
        return next((a for a in self.by_scenario[scenario].arms if a.arm.name == mitigation), None)

    def as_json(self) -> dict[str, Any]:
        """{"scenarios": {name: its comparison}, "unanswered": {name: why}, "mixed": {mitigation: {"helps",
        "harms"}}}."""
        mixed = {name: {"helps": a, "harms": b} for name, (a, b) in self.mixed.items()}
        scenarios = {n: c.as_json() for n, c in self.by_scenario.items()}
        return {"scenarios": scenarios, "unanswered": dict(self.unanswered), "mixed": mixed}


def compare_suite(study: Study, first: PairedComparison, arms: Mapping[str, tuple[Arm, ...]]) -> Suite:
    """Ask of every other scenario in ``arms`` what ``first`` was asked of its own. A scenario in which nearly
    every realization is invalid has no answer.

    Raises ValueError if the plan of ``first`` does not count these comparisons, WorkerLost.
    """
    plan = first.plan
    if plan.comparisons != 1 + len(arms):
        raise ValueError(f"planned as one of {plan.comparisons} scenarios, and there are {1 + len(arms)}")
    found = {plan.scenario: first}
    unanswered: dict[str, str] = {}
    for scenario, mine in arms.items():
        study.say(f"{scenario}: {len(mine)} mitigations")
        try:
            found[scenario] = compared(study, replace(plan, scenario=scenario, arms=mine))
        except NoWorlds as error:
            unanswered[scenario] = str(error)
            study.say(f"{scenario}: no answer: {error}")
    return Suite(_together(found, plan.looks[-1].error), unanswered)


def _together(found: Mapping[str, PairedComparison], error: float) -> dict[str, PairedComparison]:
    """The comparisons, with what is significant among the tests of all of them."""
    arms = adjusted({scenario: c.arms for scenario, c in found.items()}, error)
    tests = sum(c.tests for c in found.values())
    return {scenario: replace(c, arms=arms[scenario], tests=tests) for scenario, c in found.items()}
