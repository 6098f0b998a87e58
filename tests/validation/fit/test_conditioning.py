"""A draw agrees with what the fit has seen, and says for itself what the fit has not."""

from dataclasses import replace

import numpy as np
import pytest

import twin
from twin.experiments.opened import open_study
from twin.experiments.realizations import Realization
from twin.model.scenario import Scenario
from twin.spec import override
from twin.spec.inputs import inputs_of
from twin.validation import conditioning as matching
from twin.validation.conditioning import Conditioned, Draw, FitKnowledge, conditioned, knowledge_of
from twin.validation.ensemble import _is_plausible, ensemble
from twin.validation.fit import FitRuns, aim_of, conditions
from twin.validation.timeline import SHIPPED, Simulated

from .conftest import INLINE, write


@pytest.fixture(scope="module")
def fitted(truth, tmp_path_factory) -> tuple[Scenario, FitKnowledge]:
    """The scenario at its true numbers, and what the fit knows there."""
    scenario = twin.load(write(tmp_path_factory.mktemp("known"), truth, "50m", "30/s"))
    with open_study({scenario.name: scenario}, INLINE, runs=1) as study:
        return scenario, knowledge_of(FitRuns(study, scenario.name, aim_of(scenario)))


def one(scenario: Scenario, about: FitKnowledge, draw: Draw) -> Conditioned:
    with open_study({scenario.name: scenario}, INLINE, runs=1) as study:
        return conditioned(study, scenario.name, about, [draw])[0]


@pytest.fixture(scope="module")
def heavy(fitted) -> tuple[Scenario, FitKnowledge]:
    """With a fifth more load than was true."""
    scenario, about = fitted
    return override(scenario, set={"feeds.rate_per_s": 12.0}), about


def test_a_draw_with_another_load_finds_another_speed(heavy) -> None:
    scenario, about = heavy
    found = one(scenario, about, Draw(Realization(replicate=1), about.start, np.zeros(2)))
    speed = about.aim.values(found.place)["mover.capacity_per_s"]
    assert speed == pytest.approx(36.0, rel=0.1), "what counts is speed over load"
    assert found.off <= 1.5 and found.runs <= matching.RUNS


def test_a_draw_that_is_not_fitted_is_caught(heavy, monkeypatch) -> None:
    """The red version: with the numbers held, the draw contradicts the outcome."""
    monkeypatch.setattr(matching, "RUNS", 1)
    with pytest.raises(AssertionError):
        test_a_draw_with_another_load_finds_another_speed(heavy)


def test_a_report_that_is_off_moves_what_is_fitted(fitted) -> None:
    scenario, about = fitted
    late = np.array([0.0, 25.0])
    found = one(scenario, about, Draw(SHIPPED, about.start, late))
    assert about.aim.errors_min(found.timeline)[1] == pytest.approx(25.0, abs=about.aim.doubt_min[1])


def test_what_the_outcomes_do_not_tell_goes_where_its_prior_drew_it(fitted) -> None:
    """Once moved by nothing, once between cliffs: there it stays."""
    scenario, about = fitted
    draw = Draw(SHIPPED, np.array([0.2, 0.2]), np.zeros(2))
    for free in (True, False):
        flat = replace(about, slopes=np.zeros(2), free=np.full(2, free))
        found = one(scenario, flat, draw)
        assert found.runs == 1
        assert found.place.tolist() == (draw.prior if free else about.start).tolist()


def test_a_root_is_found_on_either_side_of_a_cliff() -> None:
    """A misfit that rises, and vanishes beyond 0.6; the root is at 0.5."""
    line, place = matching._Line(30.0), 0.7
    for _ in range(5):
        misfit = matching.CAP if place > 0.6 else 30.0 * (place - 0.5)
        place = line.next(place, misfit)
    assert place == pytest.approx(0.5, abs=0.03)


def test_an_ensemble_conditions_on_the_fit_alone(fitted, monkeypatch) -> None:
    scenario = fitted[0]
    found = ensemble(scenario, 6, predicted=["users-fail", "far-fails"], settings=INLINE)
    assert found.refitted == ("cache->store.lifetime_s", "mover.capacity_per_s")
    assert found.runs > 6 and found.implausible <= 3
    place = [n.target for n in found.numbers].index("mover.capacity_per_s")
    load = [n.target for n in found.numbers].index("feeds.rate_per_s")
    assert np.corrcoef(found.places[:, place], found.places[:, load])[0, 1] > 0.8


def test_what_contradicts_is_left_out(fitted) -> None:
    aim = fitted[1].aim
    well = Simulated({}, {"mover-waits": 0.0}, True)
    broken, sick = replace(well, breaches_min={"mover-waits": 2.0}), replace(well, valid=False)
    pairs = ((well, 0.1), (well, 3.1), (broken, 0.0), (sick, 0.0))
    found = [Conditioned(timeline, np.zeros(0), 1, off) for timeline, off in pairs]
    assert [_is_plausible(aim, well, each) for each in found] == [True, False, False, False]
    excused = [_is_plausible(aim, broken, each) for each in found]
    assert excused == [True, False, True, False], "the fit itself does it"


def test_outcomes_elsewhere_are_no_condition(fitted) -> None:
    """A scenario may name them; an ensemble does not look."""
    scenario = fitted[0]
    parameters = dict(scenario.topology.services["mover"].parameters)
    speed = parameters["capacity_per_s"].model_copy(update={"fitted_to": ("users-fail",)})
    parameters["capacity_per_s"] = speed
    mover = scenario.topology.services["mover"].model_copy(update={"parameters": parameters})
    services = {**scenario.topology.services, "mover": mover}
    elsewhere = scenario.model_copy(
        update={"topology": scenario.topology.model_copy(update={"services": services})}
    )
    assert {n.target for n in inputs_of(elsewhere) if n.fitted_to} == {
        n.target for n in fitted[1].aim.numbers
    }
    assert conditions(elsewhere).outcomes == ("cache-fails",)
    assert [n.target for n in conditions(elsewhere).numbers] == ["cache->store.lifetime_s"]
