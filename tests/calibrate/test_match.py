"""A draw agrees with what the fit has seen, and says for itself what the fit has not."""

from dataclasses import replace

import numpy as np
import pytest

import twin
from twin import match as matching
from twin.ensemble import ensemble
from twin.fit import Aim, Search, aim_of, conditions
from twin.match import Draw, Match, match
from twin.model import Scenario
from twin.numbers import numbers
from twin.trials import Trial, Workers

from .conftest import write


@pytest.fixture(scope="module")
def known(truth, tmp_path_factory) -> tuple[Scenario, Aim, np.ndarray, np.ndarray]:
    """Scenario at its true numbers, aim, places, slopes."""
    scenario = twin.load(write(tmp_path_factory.mktemp("known"), truth, "50m", "30/s"))
    aim = aim_of(scenario)
    with Workers(scenario, 1) as crew:
        slopes = Search(crew, aim).slopes(aim.start())[: len(aim.outcomes)]
    return scenario, aim, aim.start(), slopes


HEAVY = {"feeds.rate_per_s": 12.0}  # a fifth more load than was true


def test_a_draw_with_another_load_finds_another_speed(known) -> None:
    scenario, aim, start, slopes = known
    draw = Draw(HEAVY, start, np.zeros(2), 1)
    found = match(scenario, (aim, start, slopes, draw))
    speed = aim.values(found.place)["mover.capacity_per_s"]
    assert speed == pytest.approx(36.0, rel=0.05), "what counts is speed over load"
    assert found.off <= 0.5 and found.runs <= matching.RUNS


def test_a_draw_that_is_not_fitted_is_caught(known, monkeypatch) -> None:
    """The red version: with the numbers held, the draw contradicts the outcome."""
    monkeypatch.setattr(matching, "RUNS", 1)
    with pytest.raises(AssertionError):
        test_a_draw_with_another_load_finds_another_speed(known)


def test_a_report_that_is_off_moves_what_is_fitted(known) -> None:
    scenario, aim, start, slopes = known
    late = np.array([0.0, 15.0])
    found = match(scenario, (aim, start, slopes, Draw({}, start, late, 0)))
    assert aim.errors_min(found.trial)[1] == pytest.approx(15.0, abs=2.0)


def test_what_the_outcomes_do_not_tell_stays_as_drawn() -> None:
    """Slopes of nought: the number goes where its prior drew it."""
    best = matching._Best(np.array([0.5]), np.array([0.4]), Trial({}, {}, True))
    assert matching._next(best, np.zeros((1, 1)), np.array([0.7])) == pytest.approx([0.7])
    told = matching._next(best, np.array([[40.0]]), np.array([0.7]))
    assert told == pytest.approx([0.49], abs=0.005)


def test_an_ensemble_conditions_on_the_fit_alone(known, monkeypatch) -> None:
    scenario = known[0]
    found = ensemble(scenario, 6, seed=1, predicted=["users-fail", "far-fails"], workers=1)
    assert found.refitted == ("cache->store.lifetime_s", "mover.capacity_per_s")
    assert found.runs > 6 and found.implausible <= 3
    place = [n.target for n in found.numbers].index("mover.capacity_per_s")
    load = [n.target for n in found.numbers].index("feeds.rate_per_s")
    assert np.corrcoef(found.places[:, place], found.places[:, load])[0, 1] > 0.8


def test_what_contradicts_is_left_out(known) -> None:
    from twin.ensemble import _contradictions

    aim = known[1]
    well = Trial({}, {"mover-waits": 0.0}, True)
    broken, sick = replace(well, breaches_min={"mover-waits": 2.0}), replace(well, began_well=False)
    pairs = ((well, 0.1), (well, 3.1), (broken, 0.0), (sick, 9.0))
    found = [Match(trial, np.zeros(0), 1, off) for trial, off in pairs]
    ill, implausible = _contradictions(aim, well, found)
    assert ill.tolist() == [False, False, False, True]
    assert implausible.tolist() == [False, True, True, False]
    _, excused = _contradictions(aim, broken, found)
    assert excused.tolist() == [False, True, False, False], "the fit itself does it"


def test_outcomes_elsewhere_are_no_condition(known) -> None:
    """A scenario may name them; an ensemble does not look."""
    scenario = known[0]
    parameters = dict(scenario.topology.services["mover"].parameters)
    speed = parameters["capacity_per_s"].model_copy(update={"fitted_to": ("users-fail",)})
    parameters["capacity_per_s"] = speed
    mover = scenario.topology.services["mover"].model_copy(update={"parameters": parameters})
    services = {**scenario.topology.services, "mover": mover}
    elsewhere = scenario.model_copy(
        update={"topology": scenario.topology.model_copy(update={"services": services})}
    )
    assert {n.target for n in numbers(elsewhere) if n.fitted_to} == {n.target for n in known[1].numbers}
    assert conditions(elsewhere).outcomes == ("cache-fails",)
    assert [n.target for n in conditions(elsewhere).numbers] == ["cache->store.lifetime_s"]
