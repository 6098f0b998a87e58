"""Means, paired differences, the exact test, bands, fronts: against closed forms and other people's code."""

import math

import numpy as np
import pytest
from scipy import stats

from twin.statistics import curve_band, estimate, paired, pareto, sign_flip_p
from twin.statistics.estimates import mean_interval

from .rates import BAD, GOOD, SEEDS, normal_interval, share_of, usually


def test_a_mean_and_its_interval():
    # 1 … 5: mean 3, sd sqrt(5/2), t(0.975, 4) = 2.776445
    found = estimate([1, 2, 3, 4, 5])
    half = 2.776445 * math.sqrt(2.5 / 5)
    assert (found.mean, found.low, found.high) == pytest.approx((3, 3 - half, 3 + half), abs=1e-6)
    assert found.n == 5


def test_one_value_says_nothing_of_the_others():
    found = estimate([7.0])
    assert (found.mean, found.low, found.high) == (7.0, -math.inf, math.inf)
    assert found.as_json() == {"mean": 7.0, "ci95": None, "n": 1}


def test_constant_data_have_no_width():
    found = estimate([0.1] * 3)  # whose mean is 0.10000000000000002
    assert (found.mean, found.low, found.high) == (0.1, 0.1, 0.1)


@pytest.mark.parametrize("values", [[], [1.0, math.inf], [math.nan], [[1.0]]])
def test_what_is_not_finite_is_refused(values: list):
    with pytest.raises(ValueError):
        estimate(values)


def test_pairs_need_both_sides():
    with pytest.raises(ValueError, match="2 values against 3"):
        paired([1, 2], [1, 2, 3])


def test_a_paired_difference_is_scipys():
    rng = np.random.default_rng(3)
    base = rng.normal(100, 20, 12)
    mine = base + rng.normal(-5, 3, 12)
    found, theirs = paired(mine, base), stats.ttest_rel(mine, base).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))
    assert found.correlation == pytest.approx(np.corrcoef(mine, base)[0, 1])
    assert not found.identical and found.differing_at_most == 1.0


def test_what_changes_nothing_differs_by_exactly_nothing():
    values = [0.1 + 0.2, 1e9, -5.0]
    found = paired(values, values)
    assert (found.mean, found.low, found.high, found.p, found.identical) == (0.0, 0.0, 0.0, 1.0, True)
    assert found.as_json()["ci95"] == [0.0, 0.0]


def test_identical_pairs_do_not_vouch_for_worlds_that_were_not_run():
    alike = paired([1.0] * 20, [1.0] * 20)
    assert (1 - alike.differing_at_most) ** 20 == pytest.approx(0.05)
    assert alike.correlation is None


# --- the exact test --------------------------------------------------------


@pytest.mark.parametrize("n", [2, 5, 9, 13])
def test_sign_flips_are_those_of_scipy(n: int):
    d = np.random.default_rng(n).normal(0.4, 1, n).round(1)
    theirs = stats.permutation_test(
        (d,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True
    )
    assert sign_flip_p(d) == pytest.approx(theirs.pvalue, abs=3e-3)


@pytest.mark.parametrize("n", [1, 40, 500])
def test_the_law_of_the_sum_is_whole(n: int):
    """A sum of 0 is no further from 0 than any: p = 1."""
    d = np.random.default_rng(n).gamma(0.3, 1, n)
    d[1::2] *= -1
    assert 0.0 < sign_flip_p(d) <= 1.0
    assert sign_flip_p(np.concatenate([d, -d])) == 1.0


def test_all_alike_is_as_rare_as_heads_in_a_row():
    assert sign_flip_p([5.0] * 64) == 2.0**-63
    assert sign_flip_p([-5.0] * 10 + [0.0] * 54) == 2.0**-9


def test_binary_differences_are_mcnemars():
    d = [1.0] * 9 + [-1.0] * 2 + [0.0] * 30
    assert sign_flip_p(d) == pytest.approx(stats.binomtest(9, 11).pvalue, abs=1e-12)


def test_a_few_large_differences_do_not_deceive():
    """Four worlds of 64 fall to one side: as often as one in eight by luck. Student's t says one in 22."""
    d = np.array([600.0] * 4 + [0.0] * 60)
    assert sign_flip_p(d) == 0.125
    assert stats.ttest_1samp(d, 0).pvalue < 0.05


def test_shams_are_found_out():
    """Differences of a sham: mostly none, now and then a collapse on one side or the other."""

    def reported(p_value, seed: int) -> bool:
        rng = np.random.default_rng(seed)
        d = rng.choice([-600.0, 0.0, 600.0], 16, p=[0.15, 0.7, 0.15]) + rng.standard_t(2, 16)
        return p_value(d) <= 0.05

    assert share_of(lambda seed: reported(sign_flip_p, seed)) <= 0.10
    halved = share_of(lambda seed: reported(lambda d: sign_flip_p(d) / 4, seed))
    assert halved > 0.10, "a test that is four times too sure passes"


def test_a_known_effect_is_covered():
    def covered(interval, n: int, seed: int) -> bool:
        rng = np.random.default_rng(seed)
        luck = rng.gamma(2.0, 50.0, n)  # shared: mine and base meet the same
        base, mine = luck + rng.normal(0, 5, n), 0.9 * luck - 10 + rng.normal(0, 5, n)
        low, high = interval(mine, base)
        return low <= -20.0 <= high

    def ours(mine, base):
        found = paired(mine, base)
        return found.low, found.high

    assert share_of(lambda seed: covered(ours, 8, seed)) >= 0.90
    too_sure = share_of(lambda seed: covered(lambda a, b: normal_interval(a - b), 3, seed))
    assert too_sure < 0.90, "an interval that takes few values for many passes"


@pytest.mark.parametrize(("worlds", "holds"), [(64, True), (8, False)])
def test_an_effect_in_a_tenth_of_the_worlds_takes_many_worlds(worlds: int, holds: bool):
    """What the interval cannot do is known, and said where it is made."""

    def covered(seed: int) -> bool:
        rng = np.random.default_rng(seed)
        d = -600.0 * (rng.random(worlds) < 0.1) + rng.normal(0, 30, worlds)
        found = paired(d, np.zeros(worlds))
        return found.low <= -60.0 <= found.high

    assert (share_of(covered) >= 0.90) == holds


def test_pairing_finds_what_is_lost_between_worlds():
    """The same data as if of different worlds: the interval of an effect of one thirtieth holds 0."""

    def found(seed: int, *, pairs: bool) -> bool:
        rng = np.random.default_rng(seed)
        luck = rng.normal(300, 100, 20)
        base, mine = luck + rng.normal(0, 3, 20), luck - 10 + rng.normal(0, 3, 20)
        return paired(mine, base if pairs else np.roll(base, 1)).high < 0

    assert share_of(lambda seed: found(seed, pairs=True)) >= 0.90
    assert share_of(lambda seed: found(seed, pairs=False)) < 0.90


def test_as_many_seeds_as_the_studies_have():
    assert len(SEEDS) == 100


def test_the_sequential_test_errs_as_rarely_as_ninety_of_a_hundred():
    """Of 2000 tests each: what it takes for good and for bad, and how many studies it asks for."""
    rng, asked = np.random.default_rng(1), []

    def taken_for_good(ratio: float) -> float:
        def happens(seed: int) -> bool:
            asked.append(seed)
            return rng.random() < ratio

        return sum(usually(happens) for _ in range(2000)) / 2000

    assert taken_for_good(GOOD) > 0.97
    assert taken_for_good(BAD) < 0.015
    assert len(asked) / 4000 < 60


# --- curves and fronts -----------------------------------------------------


def test_a_band_of_curves():
    band = curve_band(np.arange(101.0)[:, None] * np.array([1.0, 10.0]))
    assert band.mean.tolist() == [50, 500]
    assert band.low.tolist() == [5, 50] and band.high.tolist() == [95, 950]


def test_the_front_keeps_what_nothing_beats():
    items = {"dear": (9.0, 3.0), "cheap": (5.0, 1.0), "twin": (5.0, 1.0), "beaten": (4.0, 1.0),
             "dearer": (9.0, 4.0), "middle": (5.0, 2.0), "free": (0.0, 0.0)}  # fmt: skip
    assert pareto(items) == ("free", "cheap", "twin", "dear")


def test_an_interval_has_the_confidence_that_is_asked_for():
    values = np.array([1.0, 2.0, 4.0, 8.0])
    for confidence in (0.8, 0.9, 0.99):
        expected = stats.t.interval(confidence, 3, values.mean(), stats.sem(values))
        assert mean_interval(values, confidence)[1:] == pytest.approx(expected)
    assert mean_interval(values)[1:] != pytest.approx(mean_interval(values, 0.9)[1:]), (
        "95 % if nothing is said"
    )
