"""A hundred studies each: what is only luck is called luck, and what is known is found.

Red versions stand beside: an estimator that is wrong in a way that is easily made fails the same check.
"""

import numpy as np
import pytest

from twin.runs import run
from twin.statistics import Difference, distinguishable, interaction, paired
from twin.studies.arms import BASELINE, Arm
from twin.studies.study import Job, Setting, one_run
from twin.studies.worlds import World

from .small import (
    LONGER,
    LONGER_S,
    SAME,
    SEEDS,
    SHAM_A,
    SHAM_B,
    TINY,
    Values,
    lost_count,
    measured,
    run_arms,
    study,
)

pytestmark = pytest.mark.slow  # a hundred studies of sixty runs, once for all tests

KNOWN_COUNT = lost_count(LONGER_S) - lost_count(120.0)


def share_of(happens) -> float:
    return sum(map(happens, SEEDS)) / len(SEEDS)


def differences(found: dict[str, Values]) -> dict[tuple[str, str], Difference]:
    """(arm, measure) → against the baseline."""
    base = found[BASELINE]
    return {
        (arm, measure): paired(mine, base[measure])
        for arm, by_measure in found.items() if arm != BASELINE
        for measure, mine in by_measure.items()
    }  # fmt: skip


def told_apart(seed: int) -> set[str]:
    """Arms of which at least one measure is told from the baseline, over all tests of the study."""
    found = distinguishable({test: d.p for test, d in differences(study(seed)).items()})
    return {arm for (arm, _), is_told in found.items() if is_told}


def shams_contrast(seed: int) -> Difference:
    lost = {arm: by_measure["requests_lost"] for arm, by_measure in study(seed).items()}
    return interaction(lost["a"], lost["b"], lost["a+b"], lost[BASELINE], "lower").contrast


# --- the scenario ----------------------------------------------------------


@pytest.mark.parametrize("arm", [Arm(), SHAM_A, SHAM_B, LONGER], ids=lambda arm: arm.name)
def test_the_short_way_to_the_measures_is_that_of_studies(arm: Arm):
    kept = one_run(Setting({"tiny": TINY}), Job("tiny", arm, World(0, 3)))
    values = {row["measure"]: row["value"] for row in kept["values"] if not row["service"]}
    quick = measured(run(arm.applied(TINY), replicate=3, digest=False))
    assert quick == pytest.approx({name: values[name] for name in quick}, rel=1e-12)


def test_the_closed_form_is_that_of_the_scenario():
    """The mean of 1200 runs, within four standard errors."""
    lost = np.concatenate([study(seed)[BASELINE]["requests_lost"] for seed in SEEDS])
    assert abs(lost.mean() - lost_count(120.0)) <= 4 * lost.std() / np.sqrt(len(lost))


def test_shams_are_luck_of_their_own():
    """They would be no test if they changed nothing, or if all luck were shared."""
    for arm in ("a", "b", "a+b"):
        d = differences(study(1))[arm, "requests_lost"]
        assert not d.identical and abs(d.correlation or 0.0) < 0.9


# --- honesty ---------------------------------------------------------------


def test_what_changes_nothing_differs_by_exactly_nothing():
    for seed in SEEDS:
        found = differences(run_arms(seed, (Arm(), SAME), 1))
        assert len(found) == 2
        assert all(d.identical and (d.mean, d.low, d.high, d.p) == (0, 0, 0, 1) for d in found.values())


@pytest.mark.parametrize("sham", ["a", "b", "a+b"])
def test_a_sham_is_indistinguishable(sham: str):
    assert share_of(lambda seed: sham not in told_apart(seed)) >= 0.90


def test_no_sham_among_several_is_told_apart():
    def honest(seed: int) -> bool:
        return told_apart(seed) <= {LONGER.name}

    def each_by_itself(seed: int) -> bool:
        ps = {test: d.p for test, d in differences(study(seed)).items() if test[0] != LONGER.name}
        return min(ps.values()) > 0.05

    assert share_of(honest) >= 0.90
    assert share_of(each_by_itself) < 0.90, "without accounting for many tests, shams pass for mitigations"


def test_a_real_effect_is_told_apart():
    assert share_of(lambda seed: LONGER.name in told_apart(seed)) >= 0.90


def test_a_known_effect_is_covered():
    def covered(seed: int) -> bool:
        d = differences(study(seed))[LONGER.name, "requests_lost"]
        return d.low <= KNOWN_COUNT <= d.high

    assert share_of(covered) >= 0.90


def test_an_interval_of_the_spread_of_two_worlds_is_not_honest():
    """The same data, the same check; an interval from 3 worlds with the factor of many."""

    def covered(seed: int) -> bool:
        arms = study(seed)
        d = (arms[LONGER.name]["requests_lost"] - arms[BASELINE]["requests_lost"])[:3]
        return abs(d.mean() - KNOWN_COUNT) <= 1.96 * d.std(ddof=1) / np.sqrt(3)

    assert share_of(covered) < 0.90


def test_pairs_are_worth_having():
    """Common luck: the interval is narrower than that of two samples of the same sizes."""
    arms = [study(seed) for seed in SEEDS]
    mine = np.concatenate([a[LONGER.name]["requests_lost"] for a in arms])
    base = np.concatenate([a[BASELINE]["requests_lost"] for a in arms])
    assert np.var(mine - base) < 0.5 * (np.var(mine) + np.var(base))


def test_a_sham_interaction_is_not_reported():
    assert share_of(lambda seed: shams_contrast(seed).p > 0.05) >= 0.90


def test_an_interaction_by_the_luck_of_one_effect_is_not_honest():
    """The same data, the same check; the contrast held against the spread of one of its four parts."""

    def silent(seed: int) -> bool:
        d, part = shams_contrast(seed), study(seed)[BASELINE]["requests_lost"]
        return abs(d.mean) <= 2.2 * part.std(ddof=1) / np.sqrt(len(part))

    assert share_of(silent) < 0.90
