"""The one place that knows `noise: exact | mean`: moving members of cohorts, with luck or without.

`exact` draws; `mean` moves the expected number and carries the fraction that is left over in `carry[k]`, an
int64 slot in units of 1/ONE. So counts stay integers in both, and with `mean` the total moved is never more
than one member off its expectation. A slot belongs to one process of one service.
"""

import math

from twin.base.jit import njit
from twin.base.rng import binomial, poisson, subkey

ONE = 1 << 52  # one member, in the units of a carry slot


@njit
def carried(amount, carry, k):
    """The whole part of `amount` (real, >= 0) plus what slot k had saved up; the fraction stays in the slot.

    Raises ValueError for an amount that is negative or not a number.
    """
    if not amount >= 0.0:
        raise ValueError("carried: an amount that is negative or not a number")
    whole = math.floor(amount)
    saved = int(carry[k]) + int((amount - whole) * ONE + 0.5)
    if saved >= ONE:
        saved -= ONE
        whole += 1
    carry[k] = saved
    return whole


@njit
def share(n, ratio, carry, k):
    """`ratio` (>= 0, may exceed 1) times `n`, without noise: calls per call, or a fixed division of a flow.

    For ratio <= 1 the result is at most n, so the rest is `n - share(...)` and nothing is lost.
    """
    return carried(n * ratio, carry, k)


@njit
def thin(n, p, exact, carry, k, seed, entity, tick, purpose, replicate):
    """How many of `n` members go, each with probability `p`: between 0 and n."""
    if n == 0 or p <= 0.0:
        return 0
    if p >= 1.0:
        return int(n)
    if exact:
        return binomial(n, p, seed, entity, tick, purpose, replicate)
    return share(n, p, carry, k)


@njit
def arrivals(mean_count, exact, carry, k, seed, entity, tick, purpose, replicate):
    """How many come in a tick when `mean_count` (rate × tick length) are expected."""
    if exact:
        return poisson(mean_count, seed, entity, tick, purpose, replicate)
    return carried(mean_count, carry, k)


@njit
def spread(n, weights, out, exact, carry, k, seed, entity, tick, purpose, replicate):
    """Divide `n` members over categories in proportion to `weights` (>= 0) and *add* them to `out`.

    Multinomial, as conditional binomials in the order of the categories; uses slots k … k+len(weights)-1.
    All n are placed. Raises ValueError when n > 0 and no weight is positive.
    """
    if n == 0:
        return
    last, total = -1, 0.0
    for j in range(len(weights)):
        if weights[j] > 0.0:
            last, total = j, total + weights[j]
    if last < 0:
        raise ValueError("spread: members to place and no category with weight")
    rest = n
    for j in range(last):
        p, key = weights[j] / total, subkey(entity, j)
        gone = thin(rest, p, exact, carry, k + j, seed, key, tick, purpose, replicate)
        out[j] += gone
        rest -= gone
        total -= max(weights[j], 0.0)
    out[last] += rest


@njit
def hazards(a_per_s, b_per_s, dt_s):
    """Probabilities (first a, first b, neither) within dt_s, for two competing constant hazards."""
    both_per_s = a_per_s + b_per_s
    if both_per_s <= 0.0:
        return 0.0, 0.0, 1.0
    gone = -math.expm1(-both_per_s * dt_s)
    return gone * (a_per_s / both_per_s), gone * (b_per_s / both_per_s), math.exp(-both_per_s * dt_s)


@njit
def compete(n, a_per_s, b_per_s, dt_s, exact, carry, k, seed, entity, tick, purpose, replicate):
    """How many of `n` go by a, and how many by b, within dt_s; uses slots k and k+1."""
    p_a, p_b, _ = hazards(a_per_s, b_per_s, dt_s)
    gone = thin(n, p_a + p_b, exact, carry, k, seed, entity, tick, purpose, replicate)
    if gone == 0:
        return 0, 0
    p, key = p_a / (p_a + p_b), subkey(entity, 0)
    by_a = thin(gone, p, exact, carry, k + 1, seed, key, tick, purpose, replicate)
    return by_a, gone - by_a
