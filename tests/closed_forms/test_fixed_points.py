"""A station with luck and retries against the fixed point of Kleinrock's argument (MODELLING, 1.1.3).

Attempts a second x = lam (1 + p + … + p^r), each late with p = exp(-(mu - x) tau). For mu = 10/s, tau = 3 s
and r = 4 there are three roots up to lam = 8.5718 and one above. Long back-offs make attempts nearly
independent, as the argument assumes.
"""

import math

import pytest

from .one_station import RANDOM, run
from .test_queueing import near

MU, TAU, RETRIES = 10.0, 3.0, 4
STATION = RANDOM | {"capacity_per_s": MU}
PATIENT = {"retries": RETRIES, "backoff_s": 60.0, "backoff_cap_s": 60.0}
DOWN = {"initial_backlog_count": 2000.0}


def attempts_per_s(lam: float, tau: float = TAU, start: float = 0.0) -> float:
    """The root that is reached from ``start``."""
    x = start
    for _ in range(5000):
        p = math.exp(-(MU - x) * tau) if x < MU else 1.0
        x = lam * sum(p**k for k in range(RETRIES + 1))
    return x


def measured(lam: float, duration_s: float, seed: int = 1, tau: float = TAU, **station: float) -> float:
    """Attempts per first try, over the second half of a run."""
    here, customers = run(STATION | station, lam, duration_s, 0.1 * tau / TAU, seed=seed, sample_s=10.0,
                          client=PATIENT | {"timeout_s": tau})  # fmt: skip
    half = len(here.offered) // 2
    return float(here.offered[half:].mean() / customers.offered[half:].mean())


def test_the_published_roots_and_the_fold() -> None:
    assert attempts_per_s(8.0) == pytest.approx(8.0212, abs=1e-4)
    assert attempts_per_s(8.0, start=9.35) == pytest.approx(8.0212, abs=1e-4)  # 9.3564 is the tipping point
    assert attempts_per_s(8.0, start=9.37) == 40.0
    assert attempts_per_s(8.571) < 8.9
    assert attempts_per_s(8.573) == near(42.865, 1e-9)


def test_the_well_root() -> None:
    """Small enough a load that no run tips; a third of the time-out, so that there are retries to count."""
    retries = measured(5.0, 1e5, tau=1.0) - 1.0
    assert retries == near(attempts_per_s(5.0, 1.0) / 5.0 - 1.0, 0.15)


@pytest.mark.parametrize("lam", [3.0, 8.0])
def test_the_collapsed_root_persists_where_it_exists(lam: float) -> None:
    """From a queue of 2000: 1 + r attempts for a load beyond mu/(1 + r)."""
    assert measured(lam, 4000, **DOWN) == near(1 + RETRIES, 0.02)


def test_below_the_band_there_is_no_collapsed_root() -> None:
    assert measured(1.5, 4000, **DOWN) == near(1.0, 0.02)


def test_beyond_the_fold_only_the_collapsed_root_is_left() -> None:
    """And below it a collapse is a matter of luck, with a rate: never at 7, now and then at 8."""
    assert [measured(8.9, 6000, seed) > 4.5 for seed in range(1, 7)] == [True] * 6
    assert [measured(7.0, 6000, seed) > 4.5 for seed in range(1, 7)] == [False] * 6
    assert 0 < sum(measured(8.0, 6000, seed) > 2.0 for seed in range(1, 13)) < 12
