"""Shares of worlds: Wilson, Newcombe and McNemar against their published figures."""

import numpy as np
import pytest
from scipy import stats

from twin.statistics import mcnemar_p, paired_proportions, sign_flip_p, wilson

from .rates import share_of


def pairs(table: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """(mine, base) of a table [[both, mine only], [base only, neither]]."""
    (both, mine), (base, neither) = table
    counts = [both, mine, base, neither]
    return np.repeat([1, 1, 0, 0], counts), np.repeat([1, 0, 1, 0], counts)


def test_none_of_a_hundred():
    share = wilson(0, 100)
    assert share.ratio == 0.0 and share.low == pytest.approx(0.0, abs=1e-12)
    assert share.high == pytest.approx(0.037, abs=5e-4)


def test_wilsons_interval_as_newcombe_prints_it():
    # Statistics in Medicine 17, 1998, 857, table I: 81 of 263, 0.2553 to 0.3662
    share = wilson(81, 263)
    assert (share.low, share.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert share.as_json()["count"] == 81


def test_a_share_needs_a_world():
    with pytest.raises(ValueError):
        wilson(0, 0)


def test_newcombes_interval_as_published():
    # Fagerland, Lydersen and Laake, Statistical Analysis of Contingency Tables, ch. 8: complete response
    # before and after consolidation therapy (Cavo et al. 2012): -0.0621 (-0.1186 to -0.0046)
    found = paired_proportions(*pairs([[59, 6], [16, 80]]))
    assert (found.mean, found.low, found.high) == pytest.approx((-0.0621, -0.1186, -0.0046), abs=5e-5)


def test_mcnemar_is_a_sign_test_of_those_that_differ():
    mine, base = pairs([[59, 6], [16, 80]])
    assert mcnemar_p(mine, base) == pytest.approx(stats.binomtest(6, 22).pvalue)
    assert mcnemar_p(mine, base) == pytest.approx(sign_flip_p(mine - base), abs=1e-12)


def test_what_changes_nothing_differs_by_exactly_nothing():
    found = paired_proportions([1, 0, 0, 1] * 16, [1, 0, 0, 1] * 16)
    assert (found.mean, found.p, found.identical) == (0.0, 1.0, True)
    assert found.low < 0 < found.high, "64 worlds do not rule out a difference in the 65th"


def test_only_zeros_and_ones():
    with pytest.raises(ValueError, match="zeros and ones"):
        paired_proportions([0.5], [1.0])


def test_a_known_difference_is_covered():
    """A mitigation that saves half of the worlds that would collapse: 0.4 to 0.2."""

    def covered(seed: int, *, unpaired_wald: bool = False) -> bool:
        rng = np.random.default_rng(seed)
        base = rng.random(24) < 0.1
        mine = base & (rng.random(24) < 0.5)
        if unpaired_wald:
            d = mine.astype(float) - base
            half = 1.96 * d.std() / np.sqrt(24)
            return abs(d.mean() + 0.05) <= half
        found = paired_proportions(mine, base)
        return found.low <= -0.05 <= found.high

    assert share_of(covered) >= 0.90
    assert share_of(lambda seed: covered(seed, unpaired_wald=True)) < 0.90


def test_a_share_has_the_confidence_that_is_asked_for():
    """Wilson's ends are where the share is z standard errors away."""
    for confidence in (0.8, 0.9, 0.99):
        found, z = wilson(7, 20, confidence), stats.norm.ppf((1 + confidence) / 2)
        for end in (found.low, found.high):
            assert abs(0.35 - end) / np.sqrt(end * (1 - end) / 20) == pytest.approx(z)
    assert wilson(7, 20).low < wilson(7, 20, 0.9).low
