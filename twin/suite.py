"""A mitigation judged in several scenarios: what helps in one event may harm in another.

Each scenario has its own worlds and its own baseline. The tests of all of them are one family: what is told
apart is told apart among all (Holm).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from twin.compare import PRIMARY, Compared, Comparison, Note, Question, compare
from twin.statistics.families import Verdict, distinguishable
from twin.studies.arms import Arm
from twin.studies.study import Study


@dataclass(frozen=True)
class Suite:
    """``by_scenario``: name → comparison, in the order in which they were asked."""

    by_scenario: Mapping[str, Comparison]

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
        """{"scenarios": {name: its comparison}, "mixed": {mitigation: {"helps", "harms"}}}."""
        mixed = {name: {"helps": a, "harms": b} for name, (a, b) in self.mixed.items()}
        return {"scenarios": {n: c.as_json() for n, c in self.by_scenario.items()}, "mixed": mixed}


def judge(
    study: Study, question: Question, arms: Mapping[str, tuple[Arm, ...]], say: Note,
    tick: Callable[[int], None],
) -> Suite:  # fmt: skip
    """Ask the same of every scenario of ``arms``. Raises NoWorlds, WorkerLost."""
    found: dict[str, Comparison] = {}
    for scenario, mine in arms.items():
        done = sum(len(c.worlds) + sum(len(a.worlds) for a in c.arms) for c in found.values())
        say(f"{scenario}: {len(mine)} mitigations")
        asked = replace(question, scenario=scenario, arms=mine)
        found[scenario] = compare(study, asked, say, partial(_later, tick, done))
    return Suite(_together(found))


def _later(tick: Callable[[int], None], before: int, made: int) -> None:
    tick(before + made)


def _together(found: Mapping[str, Comparison]) -> dict[str, Comparison]:
    """The comparisons, with what is told apart judged over all of their tests."""
    ps = {
        (scenario, a.arm.name, measure): d.p
        for scenario, c in found.items() for a in c.arms for measure, d in a.difference.items()
    }  # fmt: skip
    told = distinguishable(ps)
    judged = {}
    for scenario, c in found.items():
        arms = (
            replace(a, distinguishable={
                m: told[scenario, a.arm.name, m] or _was_clear(a, m) for m in a.difference
            })
            for a in c.arms
        )  # fmt: skip
        judged[scenario] = replace(c, arms=tuple(arms))
    return judged


def _was_clear(a: Compared, measure: str) -> bool:
    """What an early look called clear has spent its error already."""
    return measure == PRIMARY and a.stopped == Verdict.CLEAR
