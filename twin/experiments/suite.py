"""A mitigation judged in several scenarios: what helps in one event may harm in another.

Each scenario has its own worlds and its own baseline. The tests of all of them are one family: what is told
apart is told apart among all (Holm), with the error that the early looks in all of them have left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from twin.experiments.arms import Arm
from twin.experiments.compare import Compared, Comparison, Note, compare, judged
from twin.experiments.screening import NoWorlds
from twin.experiments.study import Study


@dataclass(frozen=True)
class Suite:
    """``by_scenario``: name → comparison, in the order in which they were asked. ``left_out``: scenario → why
    there is no answer."""

    by_scenario: Mapping[str, Comparison]
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def mixed(self) -> dict[str, tuple[list[str], list[str]]]:
        """Mitigation → where it helps, where it harms; of those that do both."""
        found = {}
        for name in self.names:
            said = {scenario: self.of(scenario, name) for scenario in self.by_scenario}
            helps, harms = (
                [s for s, a in said.items() if a and a.words == word] for word in ("helps", "harms")
            )
            if helps and harms:
                found[name] = (helps, harms)
        return found

    @property
    def names(self) -> list[str]:
        """Every mitigation, in the order of the first scenario's ranking."""
        every = (a.arm.name for c in self.by_scenario.values() for a in c.ranking)
        return list(dict.fromkeys(every))

    def of(self, scenario: str, mitigation: str) -> Compared | None:
        """One mitigation in one scenario; None where there is nothing that it could change."""
        return next((a for a in self.by_scenario[scenario].arms if a.arm.name == mitigation), None)

    def as_json(self) -> dict[str, Any]:
        """{"scenarios": {name: its comparison}, "left_out": {name: why}, "mixed": {mitigation: {"helps",
        "harms"}}}."""
        mixed = {name: {"helps": a, "harms": b} for name, (a, b) in self.mixed.items()}
        scenarios = {n: c.as_json() for n, c in self.by_scenario.items()}
        return {"scenarios": scenarios, "left_out": dict(self.left_out), "mixed": mixed}


def judge(
    study: Study, first: Comparison, arms: Mapping[str, tuple[Arm, ...]], say: Note,
    tick: Callable[[int], None],
) -> Suite:  # fmt: skip
    """Ask what ``first`` was asked, in one scenario, of every other scenario of ``arms``; one in which nearly
    no world begins well is left out.

    Raises ValueError if ``first`` was not asked as one of so many families, WorkerLost.
    """
    question = first.question
    if question.families != 1 + len(arms):
        raise ValueError(f"asked as one of {question.families} scenarios, and there are {1 + len(arms)}")
    found = {question.scenario: first}
    left_out: dict[str, str] = {}
    for scenario, mine in arms.items():
        done = sum(len(c.worlds) + sum(len(a.worlds) for a in c.arms) for c in found.values())
        say(f"{scenario}: {len(mine)} mitigations")
        asked = replace(question, scenario=scenario, arms=mine)
        try:
            found[scenario] = compare(study, asked, say, partial(_later, tick, done))
        except NoWorlds as error:
            left_out[scenario] = str(error)
            say(f"{scenario}: left out: {error}")
    return Suite(_together(found, question.looks[-1].error), left_out)


def _later(tick: Callable[[int], None], before: int, made: int) -> None:
    tick(before + made)


def _together(found: Mapping[str, Comparison], error: float) -> dict[str, Comparison]:
    """The comparisons, with what is told apart judged over all of their tests."""
    told = judged({scenario: c.arms for scenario, c in found.items()}, error)
    tests = sum(c.tests for c in found.values())
    return {scenario: replace(c, arms=told[scenario], tests=tests) for scenario, c in found.items()}
