"""Worlds in which the event happens: found in the baseline, ranked apart, and said to be so."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import twin
from tests.cli.conftest import invoke
from tests.validation.score import conftest as store
from twin.experiments.arms import Arm
from twin.experiments.compare import compared
from twin.experiments.comparison import ComparisonPlan, PairedComparison
from twin.experiments.questions import MATCHED, METRICS, answer_of
from twin.experiments.study import Setting, Study
from twin.model.changes import Variation
from twin.model.scenario import Quantity, Scenario
from twin.results.metrics import PRIMARY
from twin.simulation.run import simulate
from twin.statistics.estimates import paired

HEAD = "does: a test\nproposed_by: us\nassumed: a test\ncost: {class: setting, reason: a test}\n"


def load(folder: Path, *matched: str) -> Scenario:
    text = store.SCENARIO.replace("scoring:\n", f"scoring:\n  matched: [{', '.join(matched)}]\n")
    files = {"s.yaml": text, "topology.yaml": store.TOPOLOGY, "store.csv": store.PUBLISHED}
    for name, content in files.items():
        (folder / name).write_text(content)
    return twin.load(folder / "s.yaml")


@pytest.mark.parametrize(
    ("matched", "found"), [(["page-fails"], 1.0), (["page-fails", "page-again"], 0.0), ([], None)]
)
def test_all_of_the_outcomes_must_happen(tmp_path: Path, matched: list[str], found: float | None) -> None:
    scenario = load(tmp_path, *matched)
    values, _ = answer_of(METRICS, simulate(scenario), scenario)
    told = {v["metric"]: v["value"] for v in values if v["service"] == ""}
    assert told.get(MATCHED) == found


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> PairedComparison:
    folder = tmp_path_factory.mktemp("matched")
    arms = [
        Arm(name, (Variation(parameters={"page.fault_ratio": Quantity(value=v, assumed="a test")}),))
        for name, v in (("worse", 0.5), ("bad", 0.2))
    ]
    with Study(Setting({"s": load(folder, "page-fails")}), folder / "study") as study:
        return compared(study, ComparisonPlan("s", tuple(arms), 6, 600.0))


def test_a_ranking_of_these_worlds_alone(comparison: PairedComparison) -> None:
    assert comparison.matched.tolist() == [True] * 6
    assert comparison.in_matched == {}, "of all worlds there is a ranking already"
    keep = np.array([True, False, True, True, False, False])
    some = replace(comparison, matched=keep)
    assert list(some.in_matched) == ["bad", "worse"]
    bad = next(a for a in some.arms if a.arm.name == "bad")
    assert some.in_matched["bad"][PRIMARY] == paired(bad.values[PRIMARY][keep], some.values[PRIMARY][keep])
    assert some.as_json()["matched"]["worlds"] == 3
    assert replace(comparison, matched=np.array([True] + [False] * 5)).in_matched == {}
    assert replace(comparison, matched=None).as_json()["matched"] is None


def ask(folder: Path, *more: object):
    load(folder, "page-fails")
    (folder / "sick.yaml").write_text(
        HEAD + "mitigation: sick\nparameters:\n  front.fault_ratio: {value: 0.5, measured: here}\n"
    )
    return invoke("compare", folder / "s.yaml", "--mitigations", folder, "--mitigate", folder / "sick.yaml",
                  "--worlds", 6, "--runner", "inline", "--study", folder / "study", *more)  # fmt: skip


def test_the_command_says_of_which_worlds_it_speaks(tmp_path: Path) -> None:
    done = ask(tmp_path)
    assert done.exit_code == 0, done.output
    words = " ".join(done.stdout.split())
    assert "is of 6 worlds. In 6 of them the event happens: page-fails." in words


def test_one_service_may_rank(tmp_path: Path) -> None:
    """Of the store alone next to nothing changes, whatever it does to all others."""
    done = ask(tmp_path, "--for", "store", "--json")
    assert done.exit_code == 0, done.output
    (sick,) = json.loads(done.stdout)["mitigations"]
    assert sick["difference"][PRIMARY]["mean"] == pytest.approx(0.0, abs=0.1)
    assert json.loads(ask(tmp_path, "--json").stdout)["mitigations"][0]["difference"][PRIMARY]["mean"] > 10
    wrong = ask(tmp_path, "--for", "stoer")
    assert wrong.exit_code == 2 and "no service 'stoer' (did you mean store?)" in wrong.stderr
