"""What a Markov chain with so many states costs: built, factorised by sparse LU and solved."""

import time

import numpy as np
import pytest

from twin.analysis import markov

from .measure import figure


def seconds(states: int, places: int) -> float:
    """Stationary distribution and a mean time, the least of three."""
    orbit = states // (places + 1) - 1
    least = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        chain = markov.timeout_by_position(0.3, 1.0, 10.0, 0.1, 0.8, places=places, orbit=orbit)
        assert chain.generator.shape[0] == states
        assert markov.stationary(chain).sum() == pytest.approx(1.0)
        least = min(least, time.perf_counter() - began)
    target = np.zeros(chain.shape, bool)
    target[-1] = True
    assert markov.mean_time(chain, target)[0, 0] > 0.0
    return least


@pytest.mark.slow
@pytest.mark.parametrize("places", [49, 99, 199])
def test_ten_thousand_states(places: int) -> None:
    assert figure(f"Markov chain, 10 000 states, {places} places", seconds(10_000, places), "s", 0.2)


@pytest.mark.slow
@pytest.mark.parametrize("places", [99, 199, 399])
def test_hundred_thousand_states(places: int) -> None:
    assert figure(f"Markov chain, 100 000 states, {places} places", seconds(100_000, places), "s", 3.0)
