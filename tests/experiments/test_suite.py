"""The same mitigations in several scenarios: what helps in one may harm in another."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import twin
from tests.statistics.rates import usually
from twin.experiments.arms import Arm
from twin.experiments.compare import PRIMARY, Question, compare, judged
from twin.experiments.study import Setting, Study
from twin.experiments.suite import Suite, judge
from twin.model.changes import Variation
from twin.model.scenario import Quantity
from twin.statistics.families import Verdict

from .sham import ShamStudy

STORM = Path("scenarios/examples/retry-storm.yaml")
# Fewer calls than the fault leaves room for: in the storm nothing piles up.
SMALL = Arm("small", (Variation(parameters={"customers.rate_per_s": Quantity(value=150.0, assumed="t")}),))
CUT = Arm("cut", (Variation(parameters={"front.capacity_per_s": Quantity(value=250.0, assumed="t")}),))
LIFO = Arm("lifo", (Variation(parameters={"front.discipline": Quantity(value="lifo", assumed="t")}),))


def test_each_scenario_has_its_own_answer(tmp_path: Path) -> None:
    storm = twin.load(STORM, until="+20m")
    calm = twin.load(STORM, until="+20m", set={"customers.rate_per_s": "300/s"})
    drowned = twin.load(STORM, until="+12m", set={"customers.rate_per_s": "2000/s"})
    setting = Setting({"storm": storm, "calm": calm, "drowned": drowned})
    question = Question("storm", (SMALL, CUT, LIFO), 12, 600.0, draws=False, families=3)
    with Study(setting, tmp_path) as study:
        made: list[int] = []
        said: list[str] = []
        alone = compare(study, question, said.append, made.append)
        before = len(study.done)
        found = judge(study, alone, {"drowned": (CUT,), "calm": (CUT, LIFO)}, said.append, made.append)
        assert len(study.done) == before + 48 + 4 * 12, "the first scenario is not asked again"
    words = {scenario: {a.arm.name: a.words for a in c.arms} for scenario, c in found.by_scenario.items()}
    assert words["storm"]["small"] == "helps" and words["storm"]["lifo"] == "helps"
    assert words["calm"]["cut"] == "harms"
    assert found.of("calm", "small") is None and "small" in found.names
    assert made == sorted(made), "progress never goes back"
    assert list(found.left_out) == ["drowned"] and "0 of 48" in found.left_out["drowned"]
    assert any("drowned: left out" in text for text in said)
    assert found.as_json()["scenarios"].keys() == {"storm", "calm"}
    assert {c.tests for c in found.by_scenario.values()} == {(3 + 2) * len(alone.measures)}


# --- many scenarios, one family ----------------------------------------------


SCENARIOS = ("a", "b", "c", "d", "e")
SHAMS = tuple(Arm(name) for name in ("x", "y"))


def sham_suite(seed: int, families: int = len(SCENARIOS), spread: float = 20.0) -> Suite:
    """Sixty worlds, so two early looks, in each scenario."""
    study: Any = ShamStudy(seed, SCENARIOS, spread)
    first = compare(study, Question("a", SHAMS, 60, 600.0, families=families))
    return judge(study, first, dict.fromkeys(SCENARIOS[1:], SHAMS), lambda text: None, lambda made: None)


@cache
def found_in(seed: int) -> tuple[bool, bool]:
    """Whether anything is found where nothing is: in the suite; if each scenario had 5 % of its own."""
    found = sham_suite(seed).by_scenario.values()
    suite = any(any(a.distinguishable.values()) for c in found for a in c.arms)
    alone = [judged({"": c.arms}, 0.05)[""] for c in found]
    return suite, any(any(a.distinguishable.values()) for arms in alone for a in arms)


def test_shams_in_many_scenarios_are_found_once_in_twenty_suites() -> None:
    assert usually(lambda seed: not found_in(seed)[0])
    assert not usually(lambda seed: not found_in(seed)[1]), "five scenarios, each with 5 % of its own"


def test_what_early_looks_spend_in_all_scenarios_is_not_spent_again() -> None:
    def spent(families: int) -> float:
        *early, last = Question("a", SHAMS, 400, 600.0, families=families).looks
        return len(SCENARIOS) * sum(look.error for look in early) + last.error

    assert spent(len(SCENARIOS)) == pytest.approx(0.05)
    assert spent(1) > 0.08, "scenarios that know nothing of each other spend the same error again and again"
    with pytest.raises(ValueError, match="one of 1 scenarios, and there are 5"):
        sham_suite(1, families=1)


def test_what_was_given_up_is_not_found_any_more() -> None:
    """Luck is small beside what is worth having: arms are given up, and stay in the family with p = 1."""
    for a in (a for c in sham_suite(1, spread=1.0).by_scenario.values() for a in c.arms):
        assert a.stopped == Verdict.TOO_SMALL and a.words == "no difference worth having"
        assert a.ps[PRIMARY] == 1.0 and not a.distinguishable[PRIMARY]


def test_one_scenario_alone_tells_apart_what_fifty_do_not() -> None:
    study: Any = ShamStudy(1, "a", 1.0)
    one = compare(study, Question("a", SHAMS, 12, 600.0, early=False))
    surely = replace(one.arms[0].difference[PRIMARY], p=0.002)
    arm = replace(one.arms[0], difference={**one.arms[0].difference, PRIMARY: surely})
    assert judged({"": (arm,)}, 0.05)[""][0].distinguishable[PRIMARY]
    crowd = judged(dict.fromkeys(range(50), (arm,)), 0.05)
    assert not any(arms[0].distinguishable[PRIMARY] for arms in crowd.values())


@pytest.mark.parametrize(
    ("count", "spread", "words"),
    [(40, 1.0, "no difference worth having"), (40, 20.0, "cannot be told apart"),
     (39, 1.0, "cannot be told apart")],
)  # fmt: skip
def test_no_difference_worth_having_is_said_at_the_last_look(count: int, spread: float, words: str) -> None:
    """A fiftieth is worth having. 40 worlds see that luck of 1 % hides none; fewer may miss what is rare."""
    study: Any = ShamStudy(1, "a", spread)
    for arm in compare(study, Question("a", SHAMS, count, 600.0, early=False)).arms:
        assert arm.stopped is None and arm.words == words
