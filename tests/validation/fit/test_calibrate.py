"""The fit finds a truth that is known, says what it cannot know, and does not look where it must not."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

import twin
from twin.experiments.opened import open_study
from twin.model.scenario import Scenario
from twin.spec.inputs import inputs_of, quantile_of, value_at_quantile
from twin.spec.rewrite import rewrite
from twin.validation import calibrate as calibrating
from twin.validation import fit as fitting
from twin.validation.calibrate import Calibration, calibrate
from twin.validation.fit import CannotFit, FitRuns, aim_of, fit

from .conftest import INLINE, TRUTH, write

SPEED = """parameters:
  mover.capacity_per_s: {value: 30/s, assumed: as it is, range: [20/s, 60/s]}
faults:"""


@pytest.fixture(scope="module")
def found(truth: dict[str, float], tmp_path_factory: pytest.TempPathFactory) -> Calibration:
    """The fit from numbers that are wrong."""
    path = write(tmp_path_factory.mktemp("found"), truth, "2h", "55/s")
    return calibrate(twin.load(path), settings=INLINE, leave_one_out=True)


def test_a_known_truth_is_recovered(found: Calibration) -> None:
    for target, value in TRUTH.items():
        assert found.values[target] == pytest.approx(value, rel=0.1), target
    errors = {id: (was, now) for id, was, now, _ in found.errors()}
    assert all(abs(was) > 15 and abs(now) <= 1.0 for was, now in errors.values()), errors
    assert found.runs < 60


def test_a_number_of_a_fault_is_fitted(truth: dict[str, float], tmp_path: Path) -> None:
    """Its length, where nothing else moves: the fit finds it, and writes it back to its line."""
    path = write(tmp_path, truth, "50m", "30/s")
    text = path.read_text().replace(
        "    for: 90m", "    for: {value: 40m, fitted_to: [mover-late], range: [30m, 3h]}"
    )
    text = re.sub(r"  cache->store(.|\n)*?(?=faults:)", "", text).replace("parameters:\n", "")
    path.write_text(text.replace("faults:", SPEED))
    found = calibrate(twin.load(path), settings=INLINE)
    assert list(found.values) == ["outage.for"]
    assert found.values["outage.for"] == pytest.approx(5400.0, rel=0.1)
    rewrite(path, {"outage.for": (found.values["outage.for"], "s")}, twin.load(path).start)
    assert twin.load(path).faults[0].for_s == found.values["outage.for"]


def test_an_optimiser_that_returns_its_start_is_caught(scenario: Scenario, monkeypatch) -> None:
    """The red version of the test above."""
    monkeypatch.setattr(calibrating, "fit", lambda search, start, seed: search.timelines([start]) and start)
    with pytest.raises(AssertionError):
        test_a_known_truth_is_recovered(calibrate(scenario, settings=INLINE))


def test_the_same_seed_gives_the_same_numbers(scenario: Scenario, found: Calibration) -> None:
    aim = aim_of(scenario)
    with open_study({scenario.name: scenario}, INLINE, runs=1) as study:
        best = fit(FitRuns(study, scenario.name, aim, 150), aim.start(), scenario.seed)
    assert aim.values(best) == found.values


@pytest.mark.parametrize("max_runs", [1, 5])
def test_few_runs_are_kept_to_and_never_worse_than_the_start(scenario: Scenario, max_runs: int) -> None:
    aim = aim_of(scenario)
    with open_study({scenario.name: scenario}, INLINE, runs=1) as study:
        search = FitRuns(study, scenario.name, aim, max_runs)
        best = fit(search, aim.start(), 3)
        assert 1 <= search.count <= max_runs
        assert search.cost(best) <= search.cost(aim.start())
    assert max_runs > 1 or aim.values(best) == aim.values(aim.start())


def test_each_number_is_identified_and_has_a_reach(found: Calibration) -> None:
    for f in found.numbers:
        low, high = f.reach
        assert f.number.range[0] <= low <= f.after <= high <= f.number.range[1]
        assert high - low < 0.7 * (f.number.range[1] - f.number.range[0])
        assert f.is_identified and not f.alike


def test_a_pair_of_which_only_a_combination_counts_is_reported(path: Path) -> None:
    """Two numbers fitted to one outcome: load and speed of the queue."""
    text = path.read_text().replace(
        "faults:", "  feeds.rate_per_s: {value: 10/s, fitted_to: [mover-late], range: [5/s, 20/s]}\nfaults:"
    )
    path.write_text(text)
    found = {f.number.target: f for f in calibrate(twin.load(path), settings=INLINE, max_runs=40).numbers}
    speed, load = found["mover.capacity_per_s"], found["feeds.rate_per_s"]
    assert speed.alike == ("feeds.rate_per_s",) and load.alike == ("mover.capacity_per_s",)
    assert not (speed.is_identified and load.is_identified)
    assert found["cache->store.lifetime_s"].is_identified


def test_leave_one_out(found: Calibration) -> None:
    """Without its outcome a number goes back to its prior, and does not keep what the outcome taught it."""
    left = {each.outcome: each for each in found.left_out}
    assert left["cache-fails"].released == ("cache->store.lifetime_s",)
    (fitted,) = [now for id, _, now, _ in found.errors() if id == "cache-fails"]
    assert abs(left["cache-fails"].error_min) > abs(fitted) + 10
    low, middle, high = left["cache-fails"].prior_errors_min
    assert low < middle == left["cache-fails"].error_min
    assert high is None, "connections that outlive the outage"
    assert abs(left["cache-fails"].moved_most[1]) > 10, "what depends on the cache moves with it"
    assert left["mover-late"].moved_median_min == 0.0, "nobody waits for the queue"


def test_the_json_is_plain(found: Calibration) -> None:
    document = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert document["must_not"] == {"count": 1, "broken_before": [], "broken": []}
    assert [n["number"] for n in document["numbers"]] == list(TRUTH)


def test_what_must_not_happen_costs_more_than_an_error(scenario: Scenario) -> None:
    aim = aim_of(scenario)
    with open_study({scenario.name: scenario}, INLINE, runs=1) as study:
        (trial,) = FitRuns(study, scenario.name, aim).timelines([aim.start()])
    worse = type(trial)(trial.times_min, {"mover-waits": 1.0}, True)
    assert np.sum(aim.misfit(worse) ** 2) - np.sum(aim.misfit(trial) ** 2) == pytest.approx(1.0)


def test_never_is_later_than_the_end(scenario: Scenario) -> None:
    aim = aim_of(scenario)
    times = dict.fromkeys(aim.outcomes, math.inf)
    trial = type("T", (), {"times_min": times})
    assert (aim.errors_min(trial) == aim.end_min + fitting.NEVER_MIN - aim.at_min).all()


def refused(scenario: Scenario) -> str:
    with pytest.raises(CannotFit) as error:
        aim_of(scenario)
    return str(error.value)


def test_outcomes_elsewhere_are_refused_by_name(path: Path) -> None:
    text = path.read_text().replace("[cache-fails]", "[cache-fails, far-fails]")
    path.write_text(text.replace("[mover-late]", "[users-fail]"))
    said = refused(twin.load(path)).splitlines()
    assert said == [
        f"{target}: found outcome {id} of {subject}, expected an outcome of dynamodb, ec2 "
        "(scoring: fit_domains: others are predicted)"
        for target, id, subject in (
            ("cache->store.lifetime_s", "far-fails", "far"), ("mover.capacity_per_s", "users-fail", "users"),
        )
    ]  # fmt: skip


def test_nothing_to_fit_and_no_room(path: Path, scenario: Scenario) -> None:
    assert "no published timeline" in refused(scenario.model_copy(update={"published": None}))
    text = path.read_text()
    path.write_text(text.replace("55/s", "60/s").replace("[20/s, 60/s]", "[60/s, 60/s]"))
    assert "mover.capacity_per_s: found no room to move" in refused(twin.load(path))
    path.write_text(text.replace("fitted_to: [cache-fails]", "assumed: x").replace(
        "fitted_to: [mover-late]", "assumed: x"))  # fmt: skip
    assert "nothing to fit" in refused(twin.load(path))


def test_a_place_and_its_value_are_each_others_inverse(scenario: Scenario) -> None:
    for number in inputs_of(scenario):
        if number.range and number.range[0] < number.range[1]:
            assert value_at_quantile(number, quantile_of(number)) == pytest.approx(number.value)


def test_values_are_what_a_file_would_say(scenario: Scenario) -> None:
    values = aim_of(scenario).values([0.123456, 0.654321])
    assert values == {"cache->store.lifetime_s": 2385.0, "mover.capacity_per_s": 46.17}


def test_an_unfittable_start_is_left_by_the_hypercube(scenario: Scenario, monkeypatch) -> None:
    """Where the slopes say nothing, the spread over the prior finds another neighbourhood."""
    monkeypatch.setattr(fitting, "_descend", lambda search, origin: search.timelines([origin]))
    aim = aim_of(scenario)
    with open_study({scenario.name: scenario}, INLINE, runs=1) as study:
        search = FitRuns(study, scenario.name, aim, 25)
        best = fit(search, aim.start(), 3)
        start, end = search.cost(aim.start()), search.cost(best)
    assert end < start / 4
