"""What a Markov chain with so many states costs: built, factorised by sparse LU and solved."""

import time

import numpy as np
import pytest

from twin.analysis import markov

from .measure import figure

SIZES = [  # states, places, target in s
    (2_000, 49, 0.02),
    (10_000, 49, 0.1), (10_000, 99, 0.1), (10_000, 199, 0.1),
    (100_000, 99, 1.0), (100_000, 199, 1.0), (100_000, 399, 1.0),
]  # fmt: skip


def built(states: int, places: int) -> markov.MarkovChain:
    """A queue with time-outs, and an orbit that makes up the number of states."""
    orbit = states // (places + 1) - 1
    return markov.timeout_by_position(0.3, 1.0, 10.0, 0.1, 0.8, places=places, orbit=orbit)


def balanced(chain: markov.MarkovChain, shares: np.ndarray) -> bool:
    """Whether ``shares`` add up to one, and as much flows into each state as out of it."""
    left_over = chain.generator.T @ shares.ravel()
    return bool(abs(shares.sum() - 1.0) < 1e-12 and np.abs(left_over).max() < 1e-14)


def least_s(states: int, places: int) -> float:
    """Processor time of the stationary distribution, the chain's building included, the least of three."""
    spent_s = []
    for _ in range(3):
        began_s = time.process_time()
        chain = built(states, places)
        shares = markov.stationary(chain)
        spent_s.append(time.process_time() - began_s)
        assert balanced(chain, shares)
    return min(spent_s)


@pytest.mark.slow
@pytest.mark.parametrize(("states", "places", "target_s"), SIZES)
def test_stationary_shares(states: int, places: int, target_s: float) -> None:
    what = f"Markov chain, {states:,} states, {places} places"
    assert figure(what, least_s(states, places), "s", target_s)


@pytest.mark.slow
def test_a_dense_solution_is_the_same_and_takes_longer() -> None:
    chain = built(2_000, 49)
    began_s = time.process_time()
    balance = chain.generator.T.toarray()
    balance[0] = 1.0  # the shares add up to one
    dense = np.linalg.solve(balance, np.eye(1, 2_000).ravel())
    dense_s = time.process_time() - began_s
    sparse_s = least_s(2_000, 49)
    np.testing.assert_allclose(markov.stationary(chain).ravel(), dense, atol=1e-12)
    assert figure("Markov chain, 2,000 states, share of the dense solution", sparse_s / dense_s, "", 0.2)
