"""All against each other: pairs of the best, what they do beyond their parts, whose doing the loss was."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import twin
from twin.experiments.arms import Arm
from twin.experiments.comparison import ComparisonPlan
from twin.experiments.realizations import realizations
from twin.experiments.study import Setting, Study
from twin.experiments.tournament import (
    Tournament,
    attributed,
    cost_class,
    front_of,
    sharing,
    tournament,
    tournament_runs,
)
from twin.experiments.wide_comparison import WideComparison
from twin.model.changes import Cost, Mitigation
from twin.model.scenario import Quantity
from twin.results.metrics import PRIMARY

STORM = Path("scenarios/examples/retry-storm.yaml")


def mitigation(name: str, cost: str | None, **values: object) -> Mitigation:
    given = {f"front.{k}": Quantity(value=v, assumed="a test") for k, v in values.items()}
    price = Cost.model_validate({"class": cost, "reason": "a test"}) if cost else None
    about = {"does": "a test", "proposed_by": "us", "assumed": "a test"}
    return Mitigation(mitigation=name, parameters=given, cost=price, **about)


ALL = {
    "lifo": mitigation("lifo", "setting", discipline="lifo"),
    "more": mitigation("more", "capacity", capacity_per_s=1030.0),
    "much-more": mitigation("much-more", "capacity", capacity_per_s=4000.0),
    "same": mitigation("same", "architecture", discipline="fifo"),
    "free": mitigation("free", None, discipline="lifo", capacity_per_s=1030.0),
}


def together(names) -> Arm:
    names = tuple(names)
    return Arm("+".join(names), tuple(ALL[name] for name in names)) if names else Arm()


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Tournament:
    setting = Setting({"storm": twin.load(STORM, until="+20m")})
    arms = tuple(together([name]) for name in ALL)
    question = ComparisonPlan("storm", arms, 12, 600.0, draws=False)
    with Study(setting, tmp_path_factory.mktemp("study")) as study:
        return tournament(study, question, together, 3)


def test_only_those_that_leave_something_are_paired(held: Tournament) -> None:
    by_name = {a.arm.name: a for a in held.singles.arms}
    lost = held.singles.baseline[PRIMARY].mean
    assert by_name["much-more"].value[PRIMARY].mean < 0.05 * lost, "it leaves nothing to a second"
    assert held.pairs is not None
    paired = {name for a in held.pairs.arms for name in a.arm.name.split("+")}
    assert "much-more" not in paired and "same" not in paired


def test_the_front_has_what_no_other_beats(held: Tournament) -> None:
    assert set(held.front) <= {a.arm.name for a in held.arms}
    assert "same" not in held.front, "dear, and of no use"
    assert "free" not in held.front, "nobody knows what it costs"
    assert "lifo" in held.front, "the cheapest that helps"
    assert cost_class(together(["lifo", "much-more"])) == "capacity", "the dearest of the two"
    assert cost_class(together(["much-more", "lifo"])) == "capacity", "in either order"
    assert cost_class(together(["lifo", "free"])) is None and cost_class(Arm()) is None


def test_the_front_hangs_on_costs(held: Tournament) -> None:
    arms = held.arms
    assert front_of(arms) == front_of(arms[::-1]) == held.front
    alone = [a for a in arms if a.arm.name in ("lifo", "same")]
    assert front_of(alone) == ("lifo",)
    swapped = {"lifo": ALL["same"], "same": ALL["lifo"]}
    priced = [replace(a, arm=replace(a.arm, variations=(swapped[a.arm.name],))) for a in alone]
    assert set(front_of(priced)) == {"lifo", "same"}, "with costs changed about, the front is another"


def test_the_document_has_all_of_it(held: Tournament) -> None:
    document = held.as_json()
    assert {"baseline", "mitigations", "pairs", "pareto", "interactions", "attribution"} <= document.keys()
    assert {row["pair"] for row in document["interactions"]} == {a.arm.name for a in held.pairs.arms}


def test_shares_add_up_to_the_loss(tmp_path: Path) -> None:
    setting = Setting({"storm": twin.load(STORM, until="+20m")})
    gone = {"retries": "lifo", "room": "much-more", "nothing": "same"}

    def without(names) -> Arm:
        return together(sorted((gone[name] for name in names), reverse=True))  # "same" before "lifo"

    plan = sharing(tuple(gone), without, 30, 3, 1)
    assert plan.runs == 8 * 3
    with Study(setting, tmp_path) as study:
        shares = attributed(study, "storm", plan, realizations(5, draws=False))
        assert shares.exact and shares.worlds == 3 and len(study.done) <= 8 * 3
    assert sum(e.mean for e in shares.shares.values()) == pytest.approx(shares.whole.mean)
    assert shares.shares["nothing"].mean == pytest.approx(0.0)
    assert shares.shares["room"].mean > 0


def test_how_many_runs_is_said_before() -> None:
    plan = sharing(("a", "b"), lambda gone: Arm("+".join(gone)), 480, 8, 1)
    parts = {"singles": 26 * 64, "pairs": 6 * 64}
    assert dict(tournament_runs(25, 64, 4, plan)) == parts | {"attribution": 4 * 8}
    assert dict(tournament_runs(25, 64, 4, None)) == parts, "no defects, no runs for them"


def test_too_small_a_budget_is_refused_before_anything_runs() -> None:
    with pytest.raises(ValueError, match="too few for 8 players"):
        sharing("abcdefgh", lambda gone: Arm("+".join(gone)), 8 * 10, 8, 1)


def test_the_table_has_pairs_and_each_row_once(held: Tournament) -> None:
    nothing: Any = None  # neither the scenario nor the study is asked
    found = list(WideComparison(nothing, held.singles, held, None, {}, {}, nothing).rows())
    assert {row["mitigation"] for row in found} == {"(baseline)"} | {a.arm.name for a in held.arms}
    assert len(found) == (1 + len(held.arms)) * len(held.singles.metrics)
