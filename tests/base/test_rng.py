"""Keyed draws: known answers, exact distributions and common random numbers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import njit
from scipy import stats

from twin.base import rng

SEED, ENTITY, REPLICATE = 20251020, rng.stable_key("sts"), 0
ENOUGH_P = 1e-4  # the keys are fixed, so these tests either always pass or always fail


@njit
def binomials(m, n, p, seed, entity):
    """m draws, one per tick."""
    out = np.empty(m, np.int64)
    for tick in range(m):
        out[tick] = rng.binomial(n, p, seed, entity, tick, rng.FAIL, 0)
    return out


@njit
def poissons(m, mean):
    out = np.empty(m, np.int64)
    for tick in range(m):
        out[tick] = rng.poisson(mean, 7, 11, tick, rng.ARRIVE, 0)
    return out


@njit
def reals(m):
    """Uniform and lognormal draws, one row per tick."""
    out = np.empty((m, 2))
    for tick in range(m):
        out[tick, 0] = rng.uniform(7, 11, tick, rng.DELAY, 0)
        out[tick, 1] = rng.lognormal(2.0, 0.5, 7, 13, tick, rng.DELAY, 0)
    return out


def fits(sample, law) -> bool:
    """Chi-square of a sample against a frozen discrete scipy law, in up to forty bins of like weight."""
    edges = np.unique(law.ppf(np.linspace(0.025, 0.975, 39)))
    observed = np.bincount(np.searchsorted(edges, sample), minlength=len(edges) + 1)
    expected = np.diff(np.concatenate(([0.0], law.cdf(edges), [1.0]))) * len(sample)
    rare = expected < 5.0  # too few for chi-square: taken together
    observed = np.append(observed[~rare], observed[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    if expected[-1] < 5.0:
        assert observed[-1] <= 20, "values that hardly occur, occur"
        observed, expected = observed[:-1], expected[:-1] * observed[:-1].sum() / expected[:-1].sum()
    return len(expected) < 2 or stats.chisquare(observed, expected).pvalue > ENOUGH_P


# --- the generator ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ("0 0 0 0", "0 0", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff " * 4, "ffffffff " * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            "243f6a88 85a308d3 13198a2e 03707344",
            "a4093822 299f31d0",
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_known_answers(counter, key, words):
    """Validation case V41: Random123's kat_vectors, bit for bit."""
    given = [int(word, 16) for word in (counter + " " + key).split()]
    assert list(rng.philox(*given)) == [int(word, 16) for word in words.split()]


def test_stable_key_is_a_fixed_32_bit_number():
    assert rng.stable_key("sts") == 4034554580
    assert len({rng.stable_key(f"service-{i}") for i in range(2000)}) == 2000


def test_cohorts_of_one_entity_never_share_a_key():
    assert len({rng.subkey(ENTITY, cohort) for cohort in range(-1, 100_000)}) == 100_001


def test_purposes_are_distinct_and_fit_their_field():
    numbers = [value for name, value in vars(rng).items() if name[0].isupper() and isinstance(value, int)]
    assert len(set(numbers)) == len(numbers)
    assert min(numbers) > 0 and max(numbers) < 2**15


def test_compiled_constants_do_not_change_a_draw():
    """Numba compiles a call anew for arguments that it knows; LLVM must not be led to fold them wrongly."""
    drawn = [rng.uniform(7, 11, np.int64(tick), rng.DELAY, 0) for tick in range(100)]
    assert drawn == list(reals(100)[:, 0])
    assert max(drawn) < 1.0


def test_every_field_of_the_key_changes_the_draw():
    base = (SEED, ENTITY, 5, rng.FAIL, REPLICATE)
    keys = [base, (SEED + 2**32, *base[1:]), *((*base[:i], base[i] + 1, *base[i + 1 :]) for i in range(5))]
    assert len({rng.uniform(*key) for key in keys}) == len(keys)


def test_draws_do_not_depend_on_the_order_they_are_made_in():
    ticks = range(200)
    forwards = [rng.binomial(10**6, 0.3, SEED, ENTITY, t, rng.FAIL, 0) for t in ticks]
    backwards = [rng.binomial(10**6, 0.3, SEED, ENTITY, t, rng.FAIL, 0) for t in reversed(ticks)]
    assert forwards == backwards[::-1]


def test_blocks_and_neighbouring_keys_are_uncorrelated():
    m = 4000
    grid = np.array([[rng.uniforms(SEED, ENTITY + e, t, rng.FAIL, 0, b) for t in range(m)]
                     for e in (0, 1) for b in (0, 1)])  # fmt: skip
    rows = np.concatenate((grid[..., 0], grid[..., 1]))
    correlations = np.corrcoef(rows)[np.triu_indices(8, 1)]
    assert np.abs(correlations).max() < 4.5 / np.sqrt(m)
    assert stats.kstest(rows.ravel(), "uniform").pvalue > ENOUGH_P


# --- the laws --------------------------------------------------------------------------------------

GRID = [
    (n, p)
    for n in (1, 2, 7, 40, 59, 61, 300, 1000, 10**5, 10**9)
    for p in (1e-10, 1e-8, 1e-4, 0.01, 0.029, 0.031, 0.3, 0.5, 0.7, 0.97, 0.9999)
    if n * p > 0.005 and n * (1 - p) > 0.005
]


@pytest.mark.parametrize(("n", "p"), GRID)
def test_binomial_law(n, p):
    assert fits(binomials(40_000, n, p, SEED, ENTITY), stats.binom(n, p))


@pytest.mark.parametrize(("n", "p"), [(10**12, 0.5), (10**12, 1e-3), (10**12, 1e-12), (10**12, 1 - 1e-7)])
def test_binomial_of_a_million_million(n, p):
    drawn = binomials(40_000, n, p, SEED, ENTITY)
    assert drawn.min() >= 0
    assert drawn.max() <= n
    if n * p < 1000:
        assert fits(drawn, stats.poisson(n * p))
        return
    z = (drawn - n * p) / np.sqrt(n * p * (1 - p))
    assert stats.kstest(z, "norm").pvalue > ENOUGH_P


@pytest.mark.parametrize("mean", [0.01, 1.0, 12.5, 29.9, 30.1, 400.0, 1e9])
def test_poisson_law(mean):
    assert fits(poissons(40_000, mean), stats.poisson(mean))


def test_real_laws():
    uniform, lognormal = reals(40_000).T
    assert uniform.min() >= 0.0
    assert uniform.max() < 1.0
    assert stats.kstest(uniform, "uniform").pvalue > ENOUGH_P
    assert stats.kstest(lognormal, stats.lognorm(s=0.5, scale=2.0).cdf).pvalue > ENOUGH_P


def test_certain_outcomes_draw_nothing():
    key = (SEED, ENTITY, 0, rng.FAIL, 0)
    assert [rng.binomial(n, p, *key) for n, p in ((0, 0.5), (9, 0.0), (9, -0.1), (9, 1.0), (9, 1.5))] == [
        0, 0, 0, 9, 9,
    ]  # fmt: skip
    assert rng.poisson(0.0, *key) == 0


@pytest.mark.parametrize(
    "draw",
    [
        lambda key: rng.binomial(-1, 0.5, *key),
        lambda key: rng.binomial(5, float("nan"), *key),
        lambda key: rng.poisson(-1.0, *key),
        lambda key: rng.poisson(float("nan"), *key),
    ],
)
def test_nonsense_is_refused(draw):
    with pytest.raises(ValueError, match=r"number|count"):
        draw((SEED, ENTITY, 0, rng.FAIL, 0))


# --- common random numbers -------------------------------------------------------------------------


def test_inversion_is_monotone_in_u():
    """Ordered by their uniforms, few-event draws are ordered too."""
    ticks = np.arange(5000)
    u = np.array([rng.uniform(SEED, ENTITY, t, rng.FAIL, 0) for t in ticks])
    for n, p in ((10, 0.3), (10, 0.8), (10**6, 2e-5)):
        drawn = binomials(len(ticks), n, p, SEED, ENTITY)
        assert (np.diff(drawn[np.argsort(u)]) >= 0).all()


@pytest.mark.parametrize("n", [1, 20, 59])
def test_inversion_is_monotone_in_p(n):
    rows = np.array([binomials(2000, n, p, SEED, ENTITY) for p in np.linspace(0.0, 1.0, 101)])
    assert (np.diff(rows, axis=0) >= 0).all()


def test_rejection_keeps_like_draws_alike():
    """Above the inversion's reach a slightly worse variant still meets nearly the same luck."""
    a, b = binomials(5000, 10**6, 0.300, SEED, ENTITY), binomials(5000, 10**6, 0.301, SEED, ENTITY)
    assert np.corrcoef(a, b)[0, 1] > 0.9


# --- compiled and uncompiled -----------------------------------------------------------------------


def some_draws() -> list:
    """A few hundred draws of every sort, with NumPy scalars as arguments, as a step function has them."""
    entity = np.uint32(4_000_000_000)
    found: list = []
    for tick in np.arange(2_000_000_000, 2_000_000_040):
        key = (np.int64(2**62 + 12345), entity, tick, rng.FAIL, np.int32(3))
        found += [rng.binomial(np.int64(n), np.float64(p), *key)
                  for n, p in ((10, 0.3), (50, 0.9), (10**4, 0.2), (10**12, 0.7))]  # fmt: skip
        found += [rng.poisson(np.float64(mean), *key) for mean in (2.0, 1e6)]
        found += [rng.uniform(*key), rng.lognormal(2.0, 1.0, *key)]
        found += [rng.subkey(entity, tick)]
    return [value.item() if isinstance(value, np.generic) else value for value in found]


def test_compiled_and_uncompiled_draws_agree():
    """Also for another PYTHONHASHSEED, and without a single overflow warning."""
    program = f"import json, runpy; print(json.dumps(runpy.run_path({__file__!r})['some_draws']()))"
    paths = os.pathsep.join([str(Path(rng.__file__).parents[2]), *sys.path])
    environment = {"NUMBA_DISABLE_JIT": "1", "PYTHONHASHSEED": "7", "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", program],
        env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    uncompiled, compiled = json.loads(done.stdout), some_draws()
    assert all(isinstance(a, int) == isinstance(b, int) for a, b in zip(uncompiled, compiled, strict=True))
    assert uncompiled == pytest.approx(compiled, rel=1e-14, abs=0)
