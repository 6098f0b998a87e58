"""The same mitigations in several scenarios: what helps in one may harm in another."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import twin
from tests.statistics.rates import usually
from twin.experiments.arms import Arm
from twin.experiments.compare import compared
from twin.experiments.comparison import ComparisonPlan, adjusted
from twin.experiments.study import Setting, Study
from twin.experiments.suite import Suite, compare_suite
from twin.model.changes import Variation
from twin.model.scenario import Quantity
from twin.results.metrics import PRIMARY
from twin.statistics.group_sequential import LookVerdict

from .sham import Heard, ShamStudy

STORM = Path("scenarios/examples/retry-storm.yaml")
# Fewer calls than the fault leaves room for: in the storm nothing piles up.
SMALL = Arm("small", (Variation(parameters={"customers.rate_per_s": Quantity(value=150.0, assumed="t")}),))
CUT = Arm("cut", (Variation(parameters={"front.capacity_per_s": Quantity(value=250.0, assumed="t")}),))
LIFO = Arm("lifo", (Variation(parameters={"front.discipline": Quantity(value="lifo", assumed="t")}),))


@pytest.mark.slow
def test_each_scenario_has_its_own_answer(tmp_path: Path) -> None:
    storm = twin.load(STORM, until="+20m")
    calm = twin.load(STORM, until="+20m", set={"customers.rate_per_s": "300/s"})
    drowned = twin.load(STORM, until="+12m", set={"customers.rate_per_s": "2000/s"})
    setting = Setting({"storm": storm, "calm": calm, "drowned": drowned})
    question = ComparisonPlan("storm", (SMALL, CUT, LIFO), 12, 600.0, draws=False, comparisons=3)
    heard = Heard()
    with Study(setting, tmp_path, reporter=heard) as study:
        alone = compared(study, question)
        before = len(study.done)
        found = compare_suite(study, alone, {"drowned": (CUT,), "calm": (CUT, LIFO)})
        assert len(study.done) == before + 48 + 4 * 12, "the first scenario is not asked again"
    words = {scenario: {a.arm.name: a.verdict for a in c.arms} for scenario, c in found.by_scenario.items()}
    assert words["storm"]["small"] == "helps" and words["storm"]["lifo"] == "helps"
    assert words["calm"]["cut"] == "harms"
    assert found.of("calm", "small") is None and "small" in found.names
    assert heard.counts == sorted(heard.counts), "progress never goes back"
    assert list(found.unanswered) == ["drowned"] and "0 of 48" in found.unanswered["drowned"]
    assert any("drowned: no answer" in text for text in heard.said)
    assert found.as_json()["scenarios"].keys() == {"storm", "calm"}
    assert {c.tests for c in found.by_scenario.values()} == {(3 + 2) * len(alone.metrics)}


# --- many scenarios, one family ----------------------------------------------


SCENARIOS = ("a", "b", "c", "d", "e")
SHAMS = tuple(Arm(name) for name in ("x", "y"))


def sham_suite(seed: int, comparisons: int = len(SCENARIOS), spread: float = 20.0) -> Suite:
    """Sixty worlds, so two interim looks, in each scenario."""
    study: Any = ShamStudy(seed, SCENARIOS, spread)
    first = compared(study, ComparisonPlan("a", SHAMS, 60, 600.0, comparisons=comparisons))
    return compare_suite(study, first, dict.fromkeys(SCENARIOS[1:], SHAMS))


@cache
def found_in(seed: int) -> tuple[bool, bool]:
    """Whether anything is found where nothing is: in the suite; if each scenario had 5 % of its own."""
    found = sham_suite(seed).by_scenario.values()
    suite = any(any(a.significant.values()) for c in found for a in c.arms)
    alone = [adjusted({"": c.arms}, 0.05)[""] for c in found]
    return suite, any(any(a.significant.values()) for arms in alone for a in arms)


def test_shams_in_many_scenarios_are_found_once_in_twenty_suites() -> None:
    assert usually(lambda seed: not found_in(seed)[0])
    assert not usually(lambda seed: not found_in(seed)[1]), "five scenarios, each with 5 % of its own"


def test_what_early_looks_spend_in_all_scenarios_is_not_spent_again() -> None:
    def spent(comparisons: int) -> float:
        *early, last = ComparisonPlan("a", SHAMS, 400, 600.0, comparisons=comparisons).looks
        return len(SCENARIOS) * sum(look.error for look in early) + last.error

    assert spent(len(SCENARIOS)) == pytest.approx(0.05)
    assert spent(1) > 0.08, "scenarios that know nothing of each other spend the same error again and again"
    with pytest.raises(ValueError, match="one of 1 scenarios, and there are 5"):
        sham_suite(1, comparisons=1)


def test_what_was_given_up_is_not_found_any_more() -> None:
    """Luck is small beside what is worth having: arms are given up, and stay in the family with p = 1."""
    for a in (a for c in sham_suite(1, spread=1.0).by_scenario.values() for a in c.arms):
        assert a.stopped == LookVerdict.TOO_SMALL and a.verdict == "no difference worth having"
        assert a.ps[PRIMARY] == 1.0 and not a.significant[PRIMARY]


def test_one_scenario_alone_tells_apart_what_fifty_do_not() -> None:
    study: Any = ShamStudy(1, "a", 1.0)
    one = compared(study, ComparisonPlan("a", SHAMS, 12, 600.0, interim=False))
    surely = replace(one.arms[0].difference[PRIMARY], p=0.002)
    arm = replace(one.arms[0], difference={**one.arms[0].difference, PRIMARY: surely})
    assert adjusted({"": (arm,)}, 0.05)[""][0].significant[PRIMARY]
    crowd = adjusted(dict.fromkeys(range(50), (arm,)), 0.05)
    assert not any(arms[0].significant[PRIMARY] for arms in crowd.values())


@pytest.mark.parametrize(
    ("count", "spread", "words"),
    [(40, 1.0, "no difference worth having"), (40, 20.0, "not significant"),
     (39, 1.0, "not significant")],
)  # fmt: skip
def test_no_difference_worth_having_is_said_at_the_last_look(count: int, spread: float, words: str) -> None:
    """A fiftieth is worth having. 40 worlds see that luck of 1 % hides none; fewer may miss what is rare."""
    study: Any = ShamStudy(1, "a", spread)
    for arm in compared(study, ComparisonPlan("a", SHAMS, count, 600.0, interim=False)).arms:
        assert arm.stopped is None and arm.verdict == words
