"""Up to a hundred studies each: what is only luck is called luck, and what is known is found.

Red versions stand beside: an estimator that is wrong in a way that is easily made fails the same check.
"""

import numpy as np
import pytest

from tests.statistics.rates import usually
from twin.experiments.arms import Arm
from twin.experiments.comparison import ArmResult
from twin.experiments.realizations import Realization
from twin.experiments.study import Job, Setting, run_job
from twin.results.metrics import PRIMARY
from twin.simulation.run import simulate
from twin.statistics import Difference, interaction
from twin.statistics.attribution import Better

from .small import (
    ARMS,
    LONGER,
    LONGER_S,
    SAME,
    SEEDS,
    TINY,
    compared,
    lost_count,
    measured,
    study,
)

pytestmark = pytest.mark.slow  # dozens of studies of sixty runs, once for all tests

KNOWN_COUNT = lost_count(LONGER_S) - lost_count(120.0)
SHAMS = ("a", "b", "a+b")


def arm_of(seed: int, name: str) -> ArmResult:
    return next(arm for arm in study(seed).arms if arm.arm.name == name)


def told_apart(seed: int, name: str) -> bool:
    """Whether any metric of the arm is told from the baseline, all tests of the study accounted for."""
    return any(arm_of(seed, name).significant.values())


def lost(seed: int, name: str = "") -> np.ndarray:
    """Requests lost in each world; by the baseline, if no arm is named."""
    return (arm_of(seed, name).values if name else study(seed).values)["requests_lost"]


def contrast(seed: int, metric: str) -> Difference:
    """What the two shams do together beyond what each does alone."""
    a, b, both = (arm_of(seed, name).values[metric] for name in SHAMS)
    return interaction(a, b, both, study(seed).values[metric], Better.LOWER).contrast


# --- the scenario ----------------------------------------------------------


@pytest.mark.parametrize("arm", [Arm(), *ARMS, SAME], ids=lambda arm: arm.name)
@pytest.mark.parametrize("replicate", [1, 2])
def test_the_short_way_to_the_measures_is_that_of_studies(arm: Arm, replicate: int):
    kept = run_job(Setting({"tiny": TINY}), Job("tiny", arm, Realization(0, replicate)))
    values = {row["metric"]: row["value"] for row in kept["values"] if not row["service"]}
    quick = measured(simulate(arm.applied(TINY), replicate=replicate, digest=False))
    assert quick == pytest.approx({name: values[name] for name in quick}, rel=1e-12)


def test_the_closed_form_is_that_of_the_scenario():
    """The mean of 480 runs, within three standard errors."""
    for name, lifetime_s in (("", 120.0), (LONGER.name, LONGER_S)):
        all_lost = np.concatenate([lost(seed, name) for seed in SEEDS])
        assert abs(all_lost.mean() - lost_count(lifetime_s)) <= 3 * all_lost.std() / np.sqrt(len(all_lost))


@pytest.mark.parametrize("metric", [PRIMARY, "requests_lost"])
def test_shams_are_luck_of_their_own(metric: str):
    """They would be no test if they changed nothing, or if all luck were shared."""
    for name in SHAMS:
        d = arm_of(1, name).difference[metric]
        assert not d.identical and abs(d.correlation or 0.0) < 0.9
    assert not contrast(1, metric).identical


# --- honesty ---------------------------------------------------------------


def test_what_changes_nothing_differs_by_exactly_nothing():
    for seed in SEEDS:
        (same,) = compared(seed, (SAME,), 2).arms
        assert same.verdict == "no difference at all" and not any(same.significant.values())
        assert all(d.identical and (d.mean, d.p) == (0.0, 1.0) for d in same.difference.values())
        d = same.difference[PRIMARY]
        assert (d.low, d.high) == (0.0, 0.0)


@pytest.mark.parametrize("name", SHAMS)
def test_a_sham_is_indistinguishable(name: str):
    assert usually(lambda seed: not told_apart(seed, name))
    assert usually(lambda seed: arm_of(seed, name).verdict == "not significant")


def test_no_sham_among_several_is_told_apart():
    def each_by_itself(seed: int) -> bool:
        return all(d.p > 0.05 for name in SHAMS for d in arm_of(seed, name).difference.values())

    assert usually(lambda seed: not any(told_apart(seed, name) for name in SHAMS))
    assert not usually(each_by_itself), "without accounting for many tests, shams pass for mitigations"


def test_a_real_effect_is_told_apart():
    assert usually(lambda seed: arm_of(seed, LONGER.name).verdict == "helps")


def test_a_known_effect_is_covered():
    def covered(seed: int) -> bool:
        d = arm_of(seed, LONGER.name).difference["requests_lost"]
        return d.low <= KNOWN_COUNT <= d.high

    assert usually(covered)


def test_an_interval_that_takes_three_worlds_for_many_is_not_honest():
    def covered(seed: int) -> bool:
        d = (lost(seed, LONGER.name) - lost(seed))[:3]
        return abs(d.mean() - KNOWN_COUNT) <= 1.96 * d.std(ddof=1) / np.sqrt(3)

    assert not usually(covered)


def test_pairs_are_worth_having():
    """Luck that is shared cancels: differences vary by less than those of two samples would."""
    mine = np.concatenate([lost(seed, LONGER.name) for seed in SEEDS])
    base = np.concatenate([lost(seed) for seed in SEEDS])
    assert np.var(mine - base) < 0.5 * (np.var(mine) + np.var(base))


@pytest.mark.parametrize("metric", [PRIMARY, "requests_lost"])
def test_a_sham_interaction_is_not_reported(metric: str):
    assert usually(lambda seed: contrast(seed, metric).p > 0.05)


def test_an_interaction_by_the_luck_of_one_of_its_parts_is_not_honest():
    """The same data, the same check; the contrast held against the spread of one of the four sides."""

    def silent(seed: int) -> bool:
        d, part = contrast(seed, "requests_lost"), lost(seed)
        return abs(d.mean) <= 2.2 * part.std(ddof=1) / np.sqrt(len(part))

    assert not usually(silent)
