"""A comparison says what differs, how sure it is, and when it cannot tell."""

import math
from pathlib import Path

import pytest

import twin
from twin.experiments.arms import Arm
from twin.experiments.compare import compared, warning
from twin.experiments.comparison import ComparisonPlan
from twin.experiments.questions import SCREENING
from twin.experiments.realizations import realizations
from twin.experiments.screening import NoWorlds, screened
from twin.experiments.study import Job, Setting, Study
from twin.model.changes import Variation
from twin.model.scenario import Quantity
from twin.results.metrics import OF_RUN, PRIMARY
from twin.statistics.group_sequential import LookVerdict

from .sham import Heard

STORM = Path("scenarios/examples/retry-storm.yaml")


def change(name: str, **values: object) -> Arm:
    """An arm that sets parameters of the front end."""
    given = {f"front.{k}": Quantity(value=v, assumed="a test") for k, v in values.items()}
    return Arm(name, (Variation(parameters=given),))


LIFO = change("lifo", discipline="lifo")
SAME = change("same", discipline="fifo")
WEAK = change("weak", capacity_per_s=500.0)


@pytest.fixture(scope="module")
def setting() -> Setting:
    return Setting({"storm": twin.load(STORM, until="+20m")})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that tests of this file share, so that a run is made once."""
    return tmp_path_factory.mktemp("study")


def ask(setting: Setting, folder: Path, *arms: Arm, replicates: int = 12, **more):
    with Study(setting, folder) as study:
        return compared(study, ComparisonPlan("storm", arms, replicates, 600.0, draws=False, **more))


def test_what_helps_what_harms_and_what_changes_nothing(setting: Setting, folder: Path) -> None:
    found = ask(setting, folder, WEAK, SAME, LIFO)
    words = {a.arm.name: a.verdict for a in found.ranking}
    assert words == {"lifo": "helps", "same": "no difference at all", "weak": "harms"}
    assert [a.arm.name for a in found.ranking] == ["lifo", "same", "weak"]
    same = found.ranking[1]
    assert all(d.mean == 0.0 for d in same.difference.values()) and not any(same.significant.values())


def test_the_document_is_what_was_promised(setting: Setting, folder: Path) -> None:
    document = ask(setting, folder, LIFO, weights={"front": 3.0}).as_json()
    names = {m.name for m in OF_RUN}
    assert document["worlds"] == 12 and set(document["baseline"]) == names
    assert all({"mean", "ci95"} <= entry.keys() for entry in document["baseline"].values())
    (lifo,) = document["mitigations"]
    assert lifo["name"] == "lifo" and set(lifo["value"]) == set(lifo["difference"]) == names
    assert all({"mean", "ci95", "significant"} <= d.keys() for d in lifo["difference"].values())
    front = document["services"]["front"]
    assert "difference" not in front["(baseline)"] and front["(baseline)"]["median_s"] is None
    assert front["lifo"]["difference"]["mean"] < 0 and front["lifo"]["difference"]["significant"]
    primary, weighted = (lifo["value"][m]["mean"] for m in (PRIMARY, "weighted_minutes_lost"))
    assert weighted == pytest.approx(3 * primary)


def test_what_does_not_end_is_censored_at_the_end_of_the_run(setting: Setting, folder: Path) -> None:
    found = ask(setting, folder, LIFO)
    assert found.horizon_s == 600.0  # the fault begins ten minutes before the end
    assert found.values["time_to_recovery_s"].max() == 600.0
    assert found.baseline["p_recovered"].mean == 0.0
    assert math.isinf(found.recovery_s["(baseline)"]["front"][0])
    assert math.isinf(found.survival("(baseline)", "front").median_s)
    assert found.survival("lifo", "front").median_s < 600.0


@pytest.mark.slow
def test_a_clear_answer_stops_early_and_says_so(setting: Setting, tmp_path: Path) -> None:
    heard = Heard()
    with Study(setting, tmp_path, reporter=heard) as study:
        question = ComparisonPlan("storm", (LIFO, SAME), 60, 600.0, draws=False)
        found = compared(study, question)
        lifo, same = found.arms
        assert lifo.stopped == LookVerdict.CLEAR and len(lifo.worlds) == 20 and lifo.significant[PRIMARY]
        assert same.stopped == LookVerdict.IDENTICAL and len(same.worlds) == 40
        assert len(found.worlds) == 60, "the baseline goes to the end"
        assert len(heard.said) == 2 and "lifo: significant after 20 worlds" in heard.said[0]
        assert len(study.done) == 60 + 20 + 40 + 60, "the last are short runs, to screen the worlds"


def test_to_the_end_when_asked(setting: Setting, folder: Path) -> None:
    found = ask(setting, folder, LIFO, replicates=24, interim=False)
    assert len(found.arms[0].worlds) == 24 and found.arms[0].stopped is None


def test_invalid_worlds_are_replaced(tmp_path: Path) -> None:
    """Where the drawn load is more than the drawn capacity, the front end is down before anything happens."""
    scenario = twin.load(STORM, until="+12m")
    with Study(Setting({"storm": scenario}), tmp_path) as study:
        found = compared(study, ComparisonPlan("storm", (LIFO,), 6, 600.0))
        assert len(found.worlds) == 6 and found.invalid > 0
        assert len(study.done) == 12 + 6 + found.invalid, "two arms, and a short run of each world tried"
        invalid = study.do([Job("storm", Arm(), w, SCREENING) for w in realizations(24)]).invalid()
        assert len(invalid) >= found.invalid and not invalid & set(found.worlds)
        fewer = screened(study, "storm", 3)
        assert fewer.valid == found.worlds[:3], "the first ones are the same, however many are asked for"


def test_a_scenario_without_valid_worlds_is_refused(tmp_path: Path) -> None:
    scenario = twin.load(STORM, until="+12m", set={"customers.rate_per_s": "2000/s"})
    with Study(Setting({"storm": scenario}), tmp_path) as study, pytest.raises(NoWorlds, match="0 of 8"):
        compared(study, ComparisonPlan("storm", (LIFO,), 2, 600.0, draws=False))


def test_a_comparison_that_is_too_small_says_so_before_it_runs() -> None:
    """Six metrics of two arms are twelve tests: the least p of n pairs is 2^(1-n), and Holm multiplies it."""
    few, enough = (ComparisonPlan("storm", (LIFO, WEAK), n, 600.0) for n in (8, 9))
    assert "8 worlds are too few for 12 tests" in warning(few) and "takes 9 or more" in warning(few)
    assert warning(enough) == ""
    assert "takes 11 or more" in warning(ComparisonPlan("storm", (LIFO, WEAK), 8, 600.0, comparisons=4))


def test_a_target_is_the_primary_metric(setting: Setting, tmp_path: Path) -> None:
    found = ask(setting, tmp_path, LIFO, target="front")
    with Study(setting, tmp_path) as study:
        jobs = [Job("storm", Arm(), r) for r in found.worlds]
        lost = study.do(jobs).values("lost_min", "front")["(baseline)"]
    assert found.values[PRIMARY].tolist() == [lost[r] for r in found.worlds]
    assert found.metrics[0].title == "minutes lost of front"
