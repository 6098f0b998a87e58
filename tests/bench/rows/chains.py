"""Markov chains of 2,000 to 100,000 states: build, factorise, solve; a dense solve beside the smallest."""

from __future__ import annotations

import numpy as np

from tests.bench.measure import Bench, Target, expect
from twin.analysis import markov

SIZES = [  # states, places, target in s
    (2_000, 49, 0.02),
    (10_000, 49, 0.1), (10_000, 199, 0.1),
    (100_000, 99, 1.0), (100_000, 399, 1.0),
]  # fmt: skip
DENSE, SMALL = 2_000, (200, 9, 0.02)


def built(states: int, places: int) -> markov.MarkovChain:
    """A queue with time-outs, and an orbit that makes up the number of states."""
    orbit = states // (places + 1) - 1
    return markov.timeout_by_position(0.3, 1.0, 10.0, 0.1, 0.8, places=places, orbit=orbit)


def solved(states: int, places: int) -> np.ndarray:
    return markov.stationary(built(states, places)).ravel()


def dense(states: int, places: int) -> np.ndarray:
    """The same in NumPy alone: one balance equation is replaced by the sum of all shares, which is 1."""
    balance = built(states, places).generator.T.toarray()
    balance[0] = 1.0
    return np.linalg.solve(balance, np.eye(1, states).ravel())


def check(states: int, places: int, all_of: list[np.ndarray]) -> None:
    """Shares add up to one, and as much flows into each state as out of it. Raises WrongAnswer."""
    generator = built(states, places).generator
    for shares in all_of:
        left_over = float(np.abs(generator.T @ shares).max())
        expect(len(shares) == states, f"{len(shares)} states, expected {states}")
        expect(
            abs(shares.sum() - 1.0) < 1e-12 and left_over < 1e-13,
            f"{states} states: {left_over:.1e} left over",
        )


def measure(bench: Bench) -> None:
    for states, places, most_s in [SMALL] if bench.is_small else SIZES:
        work = f"Markov chain, {states:,} states"

        def right(all_of: list[np.ndarray], states: int = states, places: int = places) -> None:
            check(states, places, all_of)

        def ours(n: int, states: int = states, places: int = places) -> np.ndarray:
            return solved(states, places)

        bench.add(work, f"twin, {places} places", bench.seconds(ours, right), target=Target(most=most_s))
        if states == DENSE:
            bench.add(
                work, "dense solve", bench.seconds(lambda n, places=places: dense(DENSE, places), right)
            )
