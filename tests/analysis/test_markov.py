"""The small Markov chains give the closed forms of their queues, and the published times of two states."""

import math

import numpy as np
import pytest

from twin.analysis import markov

# The cases say K = 60 and J = 40; their values come out with 40 places and an orbit of 60, and only so.
PLACES, ORBIT, MU, TAU, THETA, AGAIN = 40, 60, 1.0, 10.0, 0.1, 0.8


def two_states(lam: float) -> tuple[float, float, float]:
    """(mean time from empty to n >= 30, from full to n = 0 and o <= 2, share of arrivals on time)."""
    chain = markov.timeout_by_position(lam, MU, TAU, THETA, AGAIN, places=PLACES, orbit=ORBIT)
    bad, good = np.zeros(chain.shape, bool), np.zeros(chain.shape, bool)
    bad[30:], good[0, :3] = True, True
    on_time = markov.stationary(chain).sum(axis=1) @ (1.0 - markov.late_ratio(PLACES, MU, TAU))
    return markov.mean_time(chain, bad)[0, 0], markov.mean_time(chain, good)[-1, -1], float(on_time)


def test_mean_orbit_and_use_of_the_retrial_queue() -> None:
    """V13: E[orbit] = rho (lam + rho theta) / ((1 - rho) theta)."""
    chain = markov.retrial(0.5, 1.0, 0.5, places=1, orbit=400)
    shares = markov.stationary(chain)
    assert (shares * np.arange(401)).sum() == pytest.approx(1.5, abs=1e-6)
    assert shares[1].sum() == pytest.approx(0.5, abs=1e-6)


def test_who_gives_up_shortens_the_orbit() -> None:
    """V13b: with giveup 1 nobody returns twice; the loss queue M/M/1/1 is what is left."""
    chain = markov.retrial(0.5, 1.0, 1e6, places=1, orbit=50, giveup=1.0)
    assert markov.stationary(chain)[1].sum() == pytest.approx(0.5 / 1.5, abs=1e-4)


def test_a_queue_with_an_end() -> None:
    """V03: loss and length of M/M/1/10, as a birth-death chain and as a retrial queue whose orbit has no
    room."""
    birth, death = np.full(11, 0.9), np.full(11, 1.0)
    for chain in (markov.birth_death(birth, death), markov.retrial(0.9, 1.0, 1.0, places=10, orbit=0)):
        shares = markov.stationary(chain)[:, 0]
        assert shares[-1] == pytest.approx(0.0508137, abs=1e-6)
        assert shares @ np.arange(11) == pytest.approx(3.969441, abs=1e-6)


def test_v40b_time_to_collapse_and_share_on_time() -> None:
    """V40, V40b: at load .3 the collapsed state is left soon, at .5 the well one is."""
    well, collapsed, _ = two_states(0.3)
    assert collapsed == pytest.approx(5483, rel=1e-3)
    assert well == pytest.approx(3.0e7, rel=0.02)
    well, collapsed, on_time = two_states(0.5)
    assert well == pytest.approx(20726.6, rel=1e-5)
    assert collapsed == pytest.approx(5.4e7, rel=0.01)
    assert on_time == pytest.approx(0.000381229, rel=1e-5)


def test_without_second_tries_there_is_no_second_state() -> None:
    """The red version: nobody comes back, and a full queue empties in a few of its own lengths."""
    chain = markov.timeout_by_position(0.5, MU, TAU, THETA, 0.0, places=PLACES, orbit=1)
    empty = np.zeros(chain.shape, bool)
    empty[0] = True
    assert markov.mean_time(chain, empty)[-1, -1] == pytest.approx(PLACES / (MU - 0.5), rel=0.1)


def test_against_a_dense_solution() -> None:
    chain = markov.timeout_by_position(0.6, 1.0, 5.0, 0.2, 0.7, places=12, orbit=9)
    dense = chain.generator.toarray()
    assert np.abs(dense.sum(axis=1)).max() < 1e-12
    balance = np.vstack([dense.T, np.ones(len(dense))])
    expected = np.linalg.lstsq(balance, np.eye(len(dense) + 1)[-1], rcond=None)[0]
    assert markov.stationary(chain).ravel() == pytest.approx(expected, abs=1e-9)
    target = np.zeros(chain.shape, bool)
    target[10:] = True
    out = ~target.ravel()
    times = np.linalg.solve(-dense[np.ix_(out, out)], np.ones(out.sum()))
    assert markov.mean_time(chain, target).ravel()[out] == pytest.approx(times, rel=1e-8)
    assert markov.time_spent(chain, target).sum() == pytest.approx(times[0], rel=1e-8)


def test_what_rounding_cannot_tell_is_not_told() -> None:
    """A time of 1e40 services comes back as inf, not as a number that happened to come out."""
    up = markov.birth_death(np.full(81, 0.1), np.full(81, 1.0))
    top = (np.arange(81) == 80)[:, None]
    assert markov.mean_time(up, top)[0, 0] == math.inf
    assert markov.stationary(up)[0, 0] == pytest.approx(0.9, rel=1e-9)
    down = markov.birth_death(np.full(81, 1.0), np.full(81, 0.1))
    assert markov.stationary(down)[-1, 0] == pytest.approx(0.9, rel=1e-9)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 40), (40, 1), (2, 30), (7, 9), (33, 20)])
def test_the_order_of_elimination_names_each_state_once(rows: int, columns: int) -> None:
    assert sorted(markov.dissection(rows, columns)) == list(range(rows * columns))


def test_halves_of_the_grid_are_eliminated_before_the_line_between_them() -> None:
    order = markov.dissection(9, 9).tolist()
    first, second, line = order[:36], order[36:72], order[72:]
    assert {n // 9 for n in line} == {4}
    assert max(first) < 36 and min(second) >= 45


def test_a_large_chain_is_in_balance() -> None:
    chain = markov.timeout_by_position(0.3, 1.0, 10.0, 0.1, 0.8, places=49, orbit=99)
    shares = markov.stationary(chain).ravel()
    assert shares.sum() == pytest.approx(1.0, abs=1e-12)
    assert np.abs(chain.generator.T @ shares).max() < 1e-14
