"""Small Markov chains of a station with retries, solved exactly.

The real system: a bounded queue, and an orbit of clients that will call again. A simulation of some hours
cannot show how *rare* a collapse without a trigger is. Here it has a rate. The state is (n in the queue, o in
the orbit), both bounded. One sparse LU factorisation gives the stationary distribution, or the mean time to
reach a set of states.

- ``retrial``: a client that finds the queue full joins the orbit.
- ``timeout_by_position``: a client far back in the queue is probably served too late. It tries again, while
  its work stays in the queue.

The factorisation needs no pivoting: the matrix is an M-matrix, diagonally dominant by columns or rows. The
states are a grid whose moves reach the next place only. So the order of elimination is a nested dissection,
which halves the time of an ordering by minimum degree. Times are in the unit of the rates.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.sparse import coo_matrix, csc_matrix, diags
from scipy.sparse.linalg import splu
from scipy.special import gammainc

LEAF = 16  # states of a part of the grid that is not divided further
LONGEST = 1e12  # times beyond this many mean services are lost in rounding; see ``mean_time``


@dataclass(frozen=True)
class MarkovChain:
    """``generator``: rates from row to column, float64[states, states], rows sum to 0. State (n, o) has the
    number n × (orbit + 1) + o, for 0 ≤ n ≤ ``places`` and 0 ≤ o ≤ ``orbit``."""

    generator: csc_matrix
    places: int
    orbit: int

    @property
    def shape(self) -> tuple[int, int]:
        """(places + 1, orbit + 1): how an array over the states is laid out."""
        return self.places + 1, self.orbit + 1


def retrial(
    lam: float, mu: float, theta: float, *, places: int, orbit: int, giveup: float = 0.0
) -> MarkovChain:
    """A queue of ``places`` (the server's included). A client that finds it full joins the orbit.

    It returns at rate ``theta``. If it finds the queue full again, it gives up with probability ``giveup``.

    Source: MODELLING 1.1.5 (a). Arrivals that find the orbit full too are lost.
    """
    n, o = _grid(places, orbit)
    room = n < places
    return _chain(
        places, orbit,
        (n, o, room * lam, n + 1, o),
        (n, o, (~room & (o < orbit)) * lam, n, np.minimum(o + 1, orbit)),
        (n, o, room * o * theta, n + 1, o - 1),
        (n, o, ~room * o * theta * giveup, n, o - 1),
        (n, o, (n > 0) * mu, n - 1, o),
    )  # fmt: skip


def timeout_by_position(
    lam: float, mu: float, tau: float, theta: float, again: float, *, places: int, orbit: int
) -> MarkovChain:
    """A queue whose server does not know of time-outs; late clients try ``again`` with that probability.

    A client behind n others is late with p(n) = P(Gamma(n + 1, mu) > tau). If it tries again, it is also in
    the orbit, and returns at rate ``theta``. A full queue admits no client: p = 1.
    Source: MODELLING 1.1.5 (b).
    """
    n, o = _grid(places, orbit)
    retry = late_ratio(places, mu, tau)[n] * again
    longer, more = np.minimum(n + 1, places), np.minimum(o + 1, orbit)
    return _chain(
        places, orbit,
        (n, o, lam * retry, longer, more),
        (n, o, lam * (1.0 - retry), longer, o),
        (n, o, o * theta * retry, longer, o),
        (n, o, o * theta * (1.0 - retry), longer, o - 1),
        (n, o, (n > 0) * mu, n - 1, o),
    )  # fmt: skip


def birth_death(birth: np.ndarray, death: np.ndarray) -> MarkovChain:
    """A count alone: from n to n + 1 at ``birth[n]``, to n - 1 at ``death[n]``; float64[states] both."""
    n = np.arange(len(birth))
    o = np.zeros_like(n)
    top = len(birth) - 1
    up, down = birth * (n < top), death * (n > 0)
    return _chain(top, 0, (n, o, up, np.minimum(n + 1, top), o), (n, o, down, np.maximum(n - 1, 0), o))


def late_ratio(places: int, mu: float, tau: float) -> np.ndarray:
    """Chance that a client behind n others is served after ``tau``, float64[places + 1]; 1 if full."""
    chance = 1.0 - gammainc(np.arange(places + 1) + 1.0, mu * tau)
    chance[places] = 1.0
    return chance


def stationary(chain: MarkovChain) -> np.ndarray:
    """Long-run share of time in each state, float64[chain.shape].

    The balance equation of one state follows from the others. So its share is set to 1, and all shares are
    scaled afterwards. The chain has to return to this state: it is the empty one, or else the likeliest.
    Raises ArithmeticError if rounding leaves no digits, because the chain changes too rarely between regimes.
    """
    shares = _shares(chain, 0)
    if not np.isfinite(shares).all():
        shares = _shares(chain, len(shares) - 1)
    elif _lost(shares) or np.abs(shares).max() > LONGEST:
        shares = _shares(chain, int(np.argmax(np.abs(shares))))
    if _lost(shares):
        raise ArithmeticError("the chain mixes too slowly for its stationary shares to have any digits")
    shares = np.maximum(shares, 0.0)
    return (shares / shares.sum()).reshape(chain.shape)


def _shares(chain: MarkovChain, one: int) -> np.ndarray:
    """Shares of time relative to that of state ``one``."""
    balance = chain.generator.T.tocsc()
    shares = np.ones(balance.shape[0])
    rest = np.arange(balance.shape[0]) != one
    shares[rest] = _solve(chain, balance, rest, -balance[:, [one]].toarray().ravel())
    return shares


def _lost(shares: np.ndarray) -> bool:
    return not np.isfinite(shares).all() or float(shares.min()) < -1e-9 * float(np.abs(shares).max())


def mean_time(chain: MarkovChain, target: np.ndarray) -> np.ndarray:
    """Mean time until a state of ``target`` (bool[chain.shape]) is reached, from each state.

    float64[chain.shape]; 0 in the target. Means beyond LONGEST over the chain's fastest rate have lost
    their digits and come back as inf (see ``longest``).
    """
    outside = ~target.ravel()
    times = np.zeros(target.size)
    times[outside] = _solve(chain, chain.generator, outside, -np.ones(target.size))
    times[(times < 0.0) | (times > longest(chain))] = np.inf
    return times.reshape(chain.shape)


def longest(chain: MarkovChain) -> float:
    """The longest mean time of which rounding leaves digits."""
    return float(LONGEST / -chain.generator.diagonal().min())


def _grid(places: int, orbit: int) -> tuple[np.ndarray, np.ndarray]:
    n, o = np.divmod(np.arange((places + 1) * (orbit + 1)), orbit + 1)
    return n, o


def _chain(places: int, orbit: int, *moves: Iterable[np.ndarray]) -> MarkovChain:
    """From moves (n, o, rate, n after, o after); those that lead nowhere are dropped."""
    states = (places + 1) * (orbit + 1)
    rates = csc_matrix((states, states))
    for n, o, rate, after_n, after_o in moves:
        start, end = n * (orbit + 1) + o, after_n * (orbit + 1) + after_o
        kept = (rate > 0.0) & (start != end)
        rates += coo_matrix((rate[kept], (start[kept], end[kept])), shape=(states, states)).tocsc()
    return MarkovChain((rates - diags(np.asarray(rates.sum(axis=1)).ravel())).tocsc(), places, orbit)


def time_spent(chain: MarkovChain, target: np.ndarray) -> np.ndarray:
    """Mean time spent in each state before ``target`` (bool[chain.shape]) is reached, from the empty state.

    float64[chain.shape]; its sum is ``mean_time`` from there.
    """
    outside = ~target.ravel()
    start = (np.arange(target.size) == 0).astype(float)
    spent = np.zeros(target.size)
    spent[outside] = _solve(chain, chain.generator.T, outside, -start)
    return np.maximum(spent, 0.0).reshape(chain.shape)


def _solve(chain: MarkovChain, matrix: csc_matrix, kept: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The solution in the states that are ``kept`` (bool[states]), where ``right`` (float64[states]) stands
    on the right; inf everywhere if rounding makes the matrix singular."""
    order = dissection(*chain.shape)
    order = order[kept[order]]
    part = matrix.tocsc()[:, order][order].tocsc()
    solution = np.full(len(right), np.inf)
    try:
        factors = splu(part, permc_spec="NATURAL", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        solution[order] = factors.solve(right[order])
    except RuntimeError:  # "exactly singular"
        pass
    return solution[kept]


@lru_cache(maxsize=4)
def dissection(rows: int, columns: int) -> np.ndarray:
    """The numbers of a grid of states in an order of elimination with little fill, int64[rows × columns].

    A line across the middle separates two halves. Each half comes first, in an order of the same kind, and
    the line last. A state meets its neighbours only, so a half never fills the other.
    """
    parts: list[np.ndarray] = []

    def divide(top: int, bottom: int, left: int, right: int) -> None:
        high, wide = bottom - top, right - left
        if high * wide <= LEAF or min(high, wide) < 3:
            block = np.arange(top, bottom)[:, None] * columns + np.arange(left, right)
            parts.append((block if high >= wide else block.T).ravel())
        elif high >= wide:
            middle = (top + bottom) // 2
            divide(top, middle, left, right)
            divide(middle + 1, bottom, left, right)
            divide(middle, middle + 1, left, right)
        else:
            middle = (left + right) // 2
            divide(top, bottom, left, middle)
            divide(top, bottom, middle + 1, right)
            divide(top, bottom, middle, middle + 1)

    divide(0, rows, 0, columns)
    return np.concatenate(parts)
