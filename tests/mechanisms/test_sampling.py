"""The noise switch: members move by chance or by expectation, and none is lost."""

import numpy as np
import pytest
from numba import njit
from scipy import stats

from twin.base import rng
from twin.mechanisms import sampling
from twin.mechanisms.draws import declare
from twin.mechanisms.sampling import DrawContext

SEED, ENTITY = 20251020, rng.stable_key("sts")
DRAWS = declare(first=rng.LOSE, gone=rng.LOSE, came=rng.ARRIVE)
ENOUGH_P = 1e-4  # the keys are fixed, so these tests either always pass or always fail


@njit
def context(tick, exact, carry, replicate=0):
    return DrawContext(tick, SEED, replicate, ENTITY, exact, carry, 0)


def slots() -> np.ndarray:
    return np.zeros(len(DRAWS), np.int64)


@pytest.mark.parametrize("ratio", [1e-9, 0.1, 1 / 3, 0.999, 1.0, 2.7])
def test_a_flow_owes_less_than_one_member(ratio: float) -> None:
    carry, given, total = slots(), 0, 0
    for n in np.random.default_rng(1).integers(0, 50, 5000):
        part = sampling.whole_part(context(0, True, carry), DRAWS.came, n * ratio)
        assert ratio > 1 or part <= n
        given, total = given + part, total + n
        assert 0 <= carry[2] < sampling.ONE
    assert given + carry[2] / sampling.ONE == pytest.approx(total * ratio, abs=1e-6)
    assert not carry[:2].any()


@pytest.mark.parametrize("ratio", [0.0, 1e-12, 0.1, 1 / 3, 0.999, 1.0, 2.7])
def test_a_share_of_two_counts_is_that_of_their_sum(ratio: float) -> None:
    """Also where products need more than 64 bits."""
    one_by_one, at_once, draw = slots(), slots(), np.random.default_rng(2)
    for n in (*draw.integers(0, 50, 500), 1 << 36, 10**13):
        parts = draw.integers(0, n, endpoint=True)
        given = sum(sampling.carried_share(k, ratio, one_by_one, 1) for k in (parts, n - parts))
        assert given == sampling.carried_share(n, ratio, at_once, 1)
        assert 0 <= given <= n or ratio > 1.0
        assert given == pytest.approx(n * ratio, abs=1.0 + n * 2**-52)
        assert one_by_one[1] == at_once[1]


def test_without_noise_the_expected_number_moves() -> None:
    carry, left, gone, expected = slots(), 1_000_000, 0, 0.0
    for tick in range(3000):
        expected += left * 0.003
        moved = sampling.thin(context(tick, False, carry), DRAWS.gone, left, 0.003)
        left, gone = left - moved, gone + moved
    assert left + gone == 1_000_000
    assert abs(gone - expected) < 1.001


def test_without_noise_arrivals_are_even() -> None:
    carry = slots()
    come = [sampling.arrivals(context(tick, False, carry), DRAWS.came, 0.3) for tick in range(1000)]
    assert set(come) == {0, 1}
    assert sum(come) in (299, 300)


@pytest.mark.parametrize("exact", [True, False])
def test_nonsense_is_refused(exact: bool) -> None:
    with pytest.raises(ValueError, match=r"number"):
        sampling.thin(context(0, exact, slots()), DRAWS.gone, 5, float("nan"))


def test_cohorts_have_luck_of_their_own() -> None:
    """And the draws of one declaration, too: no two of them share a key."""
    draws = [
        [sampling.sample(context(tick, True, slots()), draw, cohort, 100, 0.5) for tick in range(300)]
        for draw, cohort in ((DRAWS.first, 0), (DRAWS.gone, 0), (DRAWS.gone, 1))
    ]
    assert np.abs(np.corrcoef(draws)[np.triu_indices(3, 1)]).max() < 0.2


def test_a_sampled_number_is_one_half_without_noise() -> None:
    assert sampling.sample_uniform(context(0, False, slots()), DRAWS.gone, 3) == 0.5
    assert 0.0 <= sampling.sample_uniform(context(0, True, slots()), DRAWS.gone, 3) < 1.0


def test_competing_hazards() -> None:
    """Validation case V38."""
    assert sampling.hazards(0.02, 0.05, 1.0) == pytest.approx((0.01931605, 0.04829013, 0.93239382), abs=1e-8)
    assert sampling.hazards(0.0, 0.0, 1.0) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("exact", [True, False])
def test_compete_shares_the_leavers_by_hazard(exact: bool) -> None:
    carry, by = slots(), np.zeros(3)
    for tick in range(4000):
        a, b = sampling.compete(context(tick, exact, carry), DRAWS.gone, DRAWS.first, 50, 0.02, 0.05, 1.0)
        by += a, b, 50 - a - b
    expected = 200_000 * np.array([0.01931605, 0.04829013, 0.93239382])
    if exact:
        assert stats.chisquare(by, expected * by.sum() / expected.sum()).pvalue > ENOUGH_P
    assert np.abs(by - expected).max() < (4 * np.sqrt(expected.max()) if exact else 2.01)


@njit
def birth_death(replicates, birth_per_s, death_per_s, start, seconds, dt_s):
    """Population after `seconds` in each replicate, by compete in steps of dt_s."""
    out, carry = np.empty(replicates, np.int64), np.zeros(3, np.int64)
    for replicate in range(replicates):
        n = start
        for tick in range(round(seconds / dt_s)):
            born, died = sampling.compete(
                context(tick, True, carry, replicate),
                DRAWS.gone,
                DRAWS.first,
                n,
                birth_per_s,
                death_per_s,
                dt_s,
            )
            n += born - died
        out[replicate] = n
    return out


def test_birth_and_death() -> None:
    """Validation case V39b: a linear birth-death process, within 4 standard errors."""
    n = birth_death(400, 0.1, 0.11, 100, 50.0, 0.02)
    assert n.mean() == pytest.approx(60.653066, abs=4 * 22.386772 / np.sqrt(400))
    assert n.std(ddof=1) == pytest.approx(22.386772, abs=4 * 22.386772 / np.sqrt(800))
