"""CRPS and ranks against what they are by hand, and against the law that honesty pays."""

import math

import numpy as np
import pytest

from twin.validation.distribution import (
    PhaseDistribution,
    crps,
    distribution_of,
    errors_min,
    rank,
)

NEVER = 500.0


def of(times, bounds=(60.0, 60.0), baseline=None, band=(0.0, 100.0)):
    return distribution_of(np.array(times, "f8"), bounds, band, baseline, NEVER)


def test_one_draw_is_its_absolute_error() -> None:
    assert of([75.0]).crps_min == 15.0 and of([40.0]).crps_min == 20.0


def test_two_draws_by_hand() -> None:
    """E|e| = 10; E|e - e'| = 20 / 2."""
    assert crps(np.array([-10.0, 10.0])) == pytest.approx(10.0 - 0.5 * 10.0)


def test_it_is_that_of_a_normal_distribution() -> None:
    """Closed form at its centre (Gneiting and Raftery 2007): sigma (sqrt 2 - 1) / sqrt pi."""
    errors = 30.0 * np.random.default_rng(1).standard_normal(3000)
    assert crps(errors) == pytest.approx(30.0 * (math.sqrt(2) - 1) / math.sqrt(math.pi), rel=0.05)


@pytest.mark.parametrize("spread", [0.2, 5.0])
def test_on_average_the_right_spread_is_best(spread: float) -> None:
    """Draws from the distribution of the truth beat those that are too narrow or too wide."""
    random = np.random.default_rng(2)
    truths, draws = random.standard_normal(400), random.standard_normal(200)
    right = np.mean([crps(draws - truth) for truth in truths])
    assert right < np.mean([crps(spread * draws - truth) for truth in truths])


def test_never_is_charged_as_in_the_mean_error() -> None:
    assert of([math.inf]).crps_min == NEVER == of([70.0]).baseline_min
    assert of([math.inf, 60.0]).crps_min == pytest.approx(NEVER / 2 - NEVER / 4)


def test_between_two_bounds_no_error_is_left() -> None:
    errors = errors_min(np.array([40.0, 60.0, 75.0, 90.0, 100.0, math.inf]), (60.0, 90.0), NEVER)
    assert errors.tolist() == [-20.0, 0.0, 0.0, 0.0, 10.0, NEVER]
    assert of([65.0, 85.0], (60.0, 90.0)).crps_min == 0.0


def test_the_band_covers_what_overlaps_the_bounds() -> None:
    assert of([1.0], (60.0, 90.0), band=(80.0, 100.0)).covered
    assert not of([1.0], (60.0, 90.0), band=(91.0, 100.0)).covered
    assert of([1.0], band=(50.0, math.inf)).band_min == math.inf


def test_ranks() -> None:
    assert rank(np.array([-1.0, -2.0, 3.0, 4.0])) == 0.5
    assert rank(np.array([1.0, 2.0])) == 0.0, "it was published before all draws"
    assert rank(np.array([0.0, 0.0])) == 0.5


def test_a_phase_sums_its_outcomes() -> None:
    early, late = of([10.0, 20.0], baseline=80.0), of([100.0, 110.0])
    phase = PhaseDistribution("all", (early, late))
    assert phase.histogram() == [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    total = early.crps_min + late.crps_min
    assert phase.skill() == pytest.approx(1 - total / (80.0 + NEVER), abs=1e-4)
    assert phase.skill(lambda o: o.in_baseline) == pytest.approx(1 - early.crps_min / 80.0, abs=1e-4)
    assert phase.as_json()["coverage"] == 1.0 and phase.as_json()["median_band_min"] == 100.0
    assert PhaseDistribution("none", ()).skill() is None
