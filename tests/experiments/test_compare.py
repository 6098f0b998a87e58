"""A comparison says what differs, how sure it is, and when it cannot tell."""

import math
from pathlib import Path

import pytest

import twin
from twin.experiments.arms import Arm
from twin.experiments.compare import MEASURES, PRIMARY, Question, compare
from twin.experiments.screening import NoWorlds, well_begun
from twin.experiments.study import Job, Setting, Study, beginning_of
from twin.experiments.worlds import worlds
from twin.model.changes import Variation
from twin.model.scenario import Quantity
from twin.statistics.families import Verdict

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
        return compare(study, Question("storm", arms, replicates, 600.0, draws=False, **more))


def test_what_helps_what_harms_and_what_changes_nothing(setting: Setting, folder: Path) -> None:
    found = ask(setting, folder, WEAK, SAME, LIFO)
    words = {a.arm.name: a.words for a in found.ranking}
    assert words == {"lifo": "helps", "same": "no difference at all", "weak": "harms"}
    assert [a.arm.name for a in found.ranking] == ["lifo", "same", "weak"]
    same = found.ranking[1]
    assert all(d.mean == 0.0 for d in same.difference.values()) and not any(same.distinguishable.values())


def test_the_document_is_what_was_promised(setting: Setting, folder: Path) -> None:
    document = ask(setting, folder, LIFO, weights={"front": 3.0}).as_json()
    names = {m.name for m in MEASURES}
    assert document["replicates"] == 12 and set(document["baseline"]) == names
    assert all({"mean", "ci95"} <= entry.keys() for entry in document["baseline"].values())
    (lifo,) = document["mitigations"]
    assert lifo["name"] == "lifo" and set(lifo["value"]) == set(lifo["difference"]) == names
    assert all({"mean", "ci95", "distinguishable"} <= d.keys() for d in lifo["difference"].values())
    front = document["services"]["front"]
    assert "difference" not in front["(baseline)"] and front["(baseline)"]["median_s"] is None
    assert front["lifo"]["difference"]["mean"] < 0 and front["lifo"]["difference"]["distinguishable"]
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


def test_a_clear_answer_stops_early_and_says_so(setting: Setting, tmp_path: Path) -> None:
    said: list[str] = []
    with Study(setting, tmp_path) as study:
        question = Question("storm", (LIFO, SAME), 60, 600.0, draws=False)
        found = compare(study, question, said.append)
        lifo, same = found.arms
        assert lifo.stopped == Verdict.CLEAR and len(lifo.worlds) == 20 and lifo.distinguishable[PRIMARY]
        assert same.stopped == Verdict.IDENTICAL and len(same.worlds) == 40
        assert len(found.worlds) == 60, "the baseline goes to the end"
        assert len(said) == 2 and "lifo: clear after 20 worlds" in said[0]
        assert len(study.done) == 60 + 20 + 40 + 60, "the last are short runs, to see that worlds begin well"


def test_to_the_end_when_asked(setting: Setting, folder: Path) -> None:
    found = ask(setting, folder, LIFO, replicates=24, early=False)
    assert len(found.arms[0].worlds) == 24 and found.arms[0].stopped is None


def test_ill_worlds_are_replaced(tmp_path: Path) -> None:
    """Where the drawn load is more than the drawn capacity, the front end is down before anything happens."""
    scenario = twin.load(STORM, until="+12m")
    with Study(Setting({"storm": scenario}), tmp_path) as study:
        found = compare(study, Question("storm", (LIFO,), 6, 600.0))
        assert len(found.worlds) == 6 and found.left_out > 0
        assert len(study.done) == 12 + 6 + found.left_out, "two arms, and a short run of each world tried"
        ill = study.do([Job(beginning_of("storm"), Arm(), w) for w in worlds(24)]).ill()
        assert len(ill) >= found.left_out and not ill & set(found.worlds)
        fewer, _ = well_begun(study, "storm", 3, 24)
        assert fewer == found.worlds[:3], "the first ones are the same, however many are asked for"


def test_a_scenario_that_is_ill_from_the_start_is_refused(tmp_path: Path) -> None:
    scenario = twin.load(STORM, until="+12m", set={"customers.rate_per_s": "2000/s"})
    with Study(Setting({"storm": scenario}), tmp_path) as study, pytest.raises(NoWorlds, match="0 of 8"):
        compare(study, Question("storm", (LIFO,), 2, 600.0, draws=False))
