"""Back-off with and without jitter, against the AWS architecture blog's simulation of optimistic writers.

A hundred clients read a version and write it back; a write with an old version is refused, and its client
waits and reads again. The clients are simulated one by one, with the waits that every station uses.
"""

import math

import numpy as np
import pytest

from twin.base import rng
from twin.base.jit import njit
from twin.mechanisms.backoff import DECORRELATED, EQUAL, FULL, NONE, mean_wait_s, wait_s

RUNS, CLIENTS = 200, 100
WRITERS = rng.stable_key("writers")
READ, WRITE, REFUSED, DONE = range(4)


@njit
def network_ms(client, leg, run):
    """One way, |N(10, 2)|: from a client to the server or back."""
    u, v = rng.uniforms(1, rng.subkey(WRITERS, client), leg, rng.DELAY, run, 0)
    return abs(10.0 + 2.0 * math.sqrt(-2.0 * math.log1p(-u)) * math.cos(2.0 * math.pi * v))


@njit(allocates=True)
def contention(clients, jitter, base_ms, cap_ms, run):
    """(writes that reached the server, ms until the last client knew that its own had succeeded)."""
    at_ms, before_ms = np.zeros(clients), np.zeros(clients)
    stage, seen = np.zeros(clients, np.int64), np.zeros(clients, np.int64)
    tries, legs = np.zeros(clients, np.int64), np.zeros(clients, np.int64)
    for i in range(clients):
        at_ms[i] = network_ms(i, 0, run)
    version, calls, left, finish_ms = 0, 0, clients, 0.0
    while left > 0:
        i = np.argmin(at_ms)
        now_ms = at_ms[i]
        if stage[i] == READ:  # there and, with the answer, back and there again
            seen[i], stage[i] = version, WRITE
            legs[i] += 1
            now_ms += network_ms(i, legs[i], run)
        elif stage[i] == WRITE:
            calls += 1
            fresh = seen[i] == version
            version += fresh
            stage[i] = DONE if fresh else REFUSED
        elif stage[i] == REFUSED:
            tries[i] += 1
            u = rng.uniform(1, rng.subkey(WRITERS, i), tries[i], rng.BACKOFF, run)
            if base_ms > 0.0:
                before_ms[i] = wait_s(jitter, tries[i], before_ms[i], base_ms, cap_ms, u)
            now_ms += before_ms[i]
            stage[i] = READ
        else:
            finish_ms = max(finish_ms, now_ms)
            left -= 1
            now_ms = np.inf
        legs[i] += 1
        at_ms[i] = now_ms + network_ms(i, legs[i], run)
    return calls, finish_ms


def means(jitter: int, base_ms: float) -> tuple[float, float]:
    runs = np.array([contention(CLIENTS, jitter, base_ms, 2000.0, run) for run in range(RUNS)])
    return tuple(runs.mean(axis=0))


CASES = [  # the blog's simulator doubles before it waits for the first time
    ("no back-off", NONE, 0.0, 2421, 2029), ("no jitter", NONE, 5.0, 1860, 63_740),
    ("equal", EQUAL, 5.0, 813, 6640), ("full", FULL, 5.0, 797, 4892),
    ("decorrelated", DECORRELATED, 5.0, 1003, 4642),
]  # fmt: skip


@pytest.mark.parametrize(("name", "jitter", "base_ms", "calls", "finish_ms"), CASES)
def test_v53_optimistic_writers(name: str, jitter: int, base_ms: float, calls: int, finish_ms: int) -> None:
    got_calls, got_finish_ms = means(jitter, base_ms)
    assert got_calls == pytest.approx(calls, rel=0.02), name
    assert got_finish_ms == pytest.approx(finish_ms, rel=0.06), name


def test_v53_notices_a_jitter_that_is_another() -> None:
    """Red: equal jitter in place of decorrelated misses both numbers, and no jitter those of full."""
    assert means(EQUAL, 5.0)[0] != pytest.approx(1003, rel=0.02)
    assert means(EQUAL, 5.0)[1] != pytest.approx(4642, rel=0.06)
    assert means(NONE, 5.0)[1] > 10 * means(FULL, 5.0)[1]


@pytest.mark.parametrize("attempt", [0, 1, 3])
@pytest.mark.parametrize("jitter", range(5))
def test_the_mean_wait_is_the_mean_of_waits(jitter: int, attempt: int) -> None:
    """Decorrelated waits far below their cap: what a deadline reckons with."""
    waits = np.zeros(40_000)
    for n in range(len(waits)):
        for a in range(attempt + 1):
            u = rng.uniform(1, rng.subkey(WRITERS, n), a, rng.BACKOFF, jitter)
            waits[n] = wait_s(jitter, a, waits[n], 0.1, 1e9, u)
    assert waits.mean() == pytest.approx(mean_wait_s(jitter, attempt, 0.1, 1e9), rel=0.02)
    assert waits.min() >= (0.1 if jitter in (NONE, DECORRELATED) else 0.0)
