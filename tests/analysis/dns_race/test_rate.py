"""How likely the race is: the splitting against closed forms, and the laws that it must show."""

import math

import numpy as np
import pytest

from twin.analysis.dns_race.rate import (
    Estimate,
    Habits,
    check,
    delay_likelihood,
    exactly,
    exponent,
    fitted_exponent,
    levels_of,
    likelihood,
    replicate_estimate,
)

BASE = Habits(
    plan_interval_s=60.0, keep=4.0, backoff_s=1.0, cap_s=math.inf, lose_ratio=0.5, jitter_ratio=0.0,
    endpoints=10.0, window_s=16.5,
)  # fmt: skip
SEED = 20251020


def holds(found: Estimate, exact: float) -> bool:
    """Within one and a half times the interval: a miss by luck is rarer than one in 300."""
    low, high = (found.mean + 1.5 * (edge - found.mean) for edge in (found.low, found.high))
    return low <= exact <= high


@pytest.mark.parametrize("p", [0.5, 1 / 3, 0.3])
@pytest.mark.parametrize("tries", [1, 4, 9])
def test_v56_the_delay_is_a_power_law(p: float, tries: int) -> None:
    h = BASE._replace(lose_ratio=p)
    assert holds(delay_likelihood(h, tries, seed=SEED), p**tries)
    assert BASE.backoff_s * (2**tries - 1) == sum(BASE.backoff_s * 2.0**k for k in range(tries))


def test_v56_is_missed_by_another_chance() -> None:
    assert not holds(delay_likelihood(BASE._replace(lose_ratio=0.52), 9, seed=SEED), 0.5**9)


@pytest.mark.parametrize("keep", [1.0, 2.0, 4.0, 8.0, 16.0])
def test_splitting_agrees_with_the_sum_over_tries(keep: float) -> None:
    h = BASE._replace(keep=keep, backoff_s=2.0)
    late, events = exactly(h)
    found = likelihood(h, seed=SEED)
    assert holds(found.late, late)
    assert holds(found.events_per_year, events)


@pytest.mark.parametrize("cap_s", [60.0, 20.0, 10.0])
def test_a_cap_is_agreed_upon_far_beyond_what_could_be_drawn(cap_s: float) -> None:
    h = BASE._replace(keep=10.0, cap_s=cap_s)
    late, events = exactly(h)
    found = likelihood(h, seed=SEED)
    assert late < 1e-4 and holds(found.late, late) and holds(found.events_per_year, events)


def test_the_sum_over_tries_against_plain_drawing() -> None:
    """Without splitting and without the closed form: a million Enactors, one after another."""
    h = BASE._replace(keep=1.0, backoff_s=8.0)
    draw = np.random.default_rng(1)
    n = 1_000_000
    lost = draw.geometric(1 - h.lose_ratio, n) - 1
    at_s = draw.uniform(0, h.plan_interval_s, n) + h.backoff_s * (2.0**lost - 1)
    late = at_s >= h.plan_interval_s
    hit = late & (at_s < h.plan_interval_s + h.window_s)
    exact_late, events = exactly(h)
    assert late.mean() == pytest.approx(exact_late, rel=0.01)
    assert hit.mean() * 365.25 * 86400 / 60 * 10 == pytest.approx(events, rel=0.02)


@pytest.mark.parametrize("p", [0.5, 1 / 3])
def test_keeping_more_plans_buys_a_power_law_only(p: float) -> None:
    keeps = [4.0, 8.0, 16.0, 32.0, 64.0]
    h = BASE._replace(lose_ratio=p, jitter_ratio=0.5)
    late = [likelihood(h._replace(keep=k), seed=SEED).late.mean for k in keeps]
    assert fitted_exponent(keeps, late) == pytest.approx(exponent(h), abs=0.1)


def test_a_cap_is_no_power_law() -> None:
    keeps = [4.0, 8.0, 16.0]
    late = [likelihood(BASE._replace(keep=k, cap_s=30.0), seed=SEED).late.mean for k in keeps]
    assert fitted_exponent(keeps, late) > 5 * exponent(BASE)
    assert late[2] / late[1] < (late[1] / late[0]) ** 1.5


def test_fewer_plans_and_more_kept_are_the_same_delay() -> None:
    fewer = likelihood(BASE._replace(plan_interval_s=240.0), seed=SEED).late
    more = likelihood(BASE._replace(keep=16.0), seed=SEED).late
    assert fewer.mean == pytest.approx(more.mean, rel=0.35)  # the start is anywhere in a longer interval


def test_the_same_seed_gives_the_same_and_another_does_not() -> None:
    a, b, c = (likelihood(BASE, seed=seed, replicates=4) for seed in (1, 1, 2))
    assert a == b != c


def test_intervals_cover_what_they_should() -> None:
    """Of 40 intervals of 95 %, at least 34 hold the truth (the chance of fewer is below 1 in 100)."""
    h = BASE._replace(keep=2.0)
    exact = exactly(h)[0]
    found = [likelihood(h, seed=seed, walkers=300, replicates=12).late for seed in range(40)]
    assert sum(x.low <= exact <= x.high for x in found) >= 34


def test_levels_end_at_every_plan_and_at_the_last() -> None:
    levels = levels_of(BASE)
    assert levels == sorted(set(levels)) and levels[-1] == 1.0
    assert {0.25, 0.5, 0.75} <= set(levels)


def test_an_estimate_is_never_below_zero() -> None:
    assert replicate_estimate(np.array([0.0, 0.0, 1e-9])).low == 0.0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"lose_ratio": 1.0}, "between 0 and 1"),
        ({"lose_ratio": math.nan}, "between 0 and 1"),
        ({"jitter_ratio": 1.0}, "jitter"),
        ({"backoff_s": 0.0}, "longer than 0"),
        ({"keep": 0.0}, "at least 1"),
        ({"window_s": 61.0}, "no longer than the time between two plans"),
        ({"cap_s": 0.001}, "20,000 back-offs"),
    ],
)
def test_habits_that_make_no_sense(wrong: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check(BASE._replace(**wrong))
