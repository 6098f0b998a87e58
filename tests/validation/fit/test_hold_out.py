"""A hold-out sees nothing of what came later, releases what was fitted to it, and shows both scores."""

import json
from pathlib import Path

import pytest

import twin
from tests.cli.conftest import invoke
from twin.model.scenario import Scenario
from twin.spec import SpecError
from twin.spec.inputs import inputs_of
from twin.validation.fit import CannotFit, aim_of
from twin.validation.hold_out import PLACES, HoldOut, blinded, hold_out, moment_of

from .conftest import INLINE, TRUTH, write


def held(scenario: Scenario) -> HoldOut:
    return hold_out(scenario, moment_of(scenario, "cache-fails"), settings=INLINE)


@pytest.fixture(scope="module")
def found(truth: dict[str, float], tmp_path_factory: pytest.TempPathFactory) -> HoldOut:
    return held(twin.load(write(tmp_path_factory.mktemp("held"), truth, "2h", "30/s")))


def test_what_was_fitted_to_later_outcomes_goes_back_into_its_prior(found: HoldOut) -> None:
    assert [n.target for n in found.released] == ["mover.capacity_per_s"]
    numbers = {n.target: n for n in found.held.numbers}
    mover = numbers["mover.capacity_per_s"]
    assert mover.value == 40.0 and not mover.fitted_to and mover.range == (20.0, 60.0)
    assert numbers["cache->store.lifetime_s"].fitted_to == ("cache-fails",)


def test_what_was_fitted_to_earlier_outcomes_is_fitted(found: HoldOut) -> None:
    target = "cache->store.lifetime_s"
    assert found.values == {target: pytest.approx(TRUTH[target], rel=0.1)}
    assert {n.target: n.value for n in found.held.numbers}[target] == found.values[target]


def test_the_later_outcomes_are_predicted(found: HoldOut) -> None:
    later = [b.outcome.id for _, b in found.rows(later=True)]
    assert "mover-late" in later and "cache-fails" not in later
    sums = found.sums(later=True)
    assert sums["fitted_in_shipped"] == ["mover-late"]
    assert sums["shipped"]["count"] == sums["held_out"]["count"] == len(later)


def test_the_prior_is_covered_and_the_truth_is_in_it(found: HoldOut) -> None:
    """The true speed is in its range, so some place is better than the worst, and each is made."""
    assert len(found.prior_errors_min) == PLACES
    assert min(found.prior_errors_min) < max(found.prior_errors_min)


def test_no_later_time_reaches_the_fit(found: HoldOut, truth: dict[str, float], tmp_path: Path) -> None:
    """With another published time of a later outcome, and another fit to it, all predictions are the same."""
    moved = {**truth, "mover-late": truth["mover-late"] + 77.0}
    other = held(twin.load(write(tmp_path, moved, "2h", "55/s")))
    assert other.values == found.values
    pairs = zip(found.held.rows, other.held.rows, strict=True)
    assert all(a.simulated == b.simulated for a, b in pairs)
    assert other.sums(later=True) != found.sums(later=True), "the errors are of another time"


def test_a_number_with_an_earlier_outcome_left_keeps_that(scenario: Scenario, path: Path) -> None:
    path.write_text(path.read_text().replace("[mover-late]", "[cache-fails, mover-late]"))
    both = twin.load(path)
    blind, released = blinded(both, moment_of(both, "cache-fails"))
    assert not released
    assert {n.target: n.fitted_to for n in inputs_of(blind)}["mover.capacity_per_s"] == ("cache-fails",)


def test_what_must_not_happen_later_is_not_known(scenario: Scenario) -> None:
    blind, _ = blinded(scenario, moment_of(scenario, "cache-fails"))
    assert aim_of(scenario).bans == ("mover-waits",)
    assert aim_of(blind, moment_of(scenario, "+31m")).bans == ()


def test_nothing_to_hold_out_is_refused(scenario: Scenario) -> None:
    with pytest.raises(CannotFit, match="found no number that is fitted to an outcome after it"):
        blinded(scenario, moment_of(scenario, "+5h"))
    with pytest.raises(SpecError, match="did you mean cache-fails"):
        moment_of(scenario, "cache-fail")


def test_the_command_prints_both_scores(path: Path) -> None:
    arguments = ("calibrate", path, "--runner", "inline", "--budget", 3, "--hold-out-after", "cache-fails")
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    words = " ".join(result.stdout.split())
    for word in ("fit to all", "fit to the first part", "without feedback", "has seen mover-late"):
        assert word in words
    document = json.loads(invoke(*arguments, "--json").stdout)
    assert document["released"][0]["number"] == "mover.capacity_per_s"
    assert document["later"]["held_out"]["count"] == document["later"]["shipped"]["count"]


def test_it_stands_alone(path: Path) -> None:
    result = invoke("calibrate", path, "--hold-out-after", "cache-fails", "--write")
    assert result.exit_code == 2 and "stands alone" in result.stderr
