"""Moving members of cohorts, by chance or by expectation: the one place that knows ``noise: exact | mean``.

With ``exact`` the number that moves is drawn. With ``mean`` it is the expected number, and the fraction that
is left over waits in ``carry``, an int64 slot in units of 1/ONE. So counts are integers in both, and with
``mean`` the total that has moved is never more than one member off its expectation. Each declared draw has a
slot of its own (``draws.py``).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from twin.base.jit import njit
from twin.base.rng import binomial, poisson, subkey, uniform
from twin.mechanisms.arrays import REPLICATE, SEED
from twin.mechanisms.draws import EDGE_CARRIES, SERVICE_CARRIES

_ONE_BITS, _HALF_BITS = 52, 26
ONE = 1 << _ONE_BITS  # one member, in the units of a carry slot
_HALF = (1 << _HALF_BITS) - 1
_MOST_AT_ONCE = 1 << 35  # members whose products with halves of a ratio fit into 63 bits

inlined = njit(forceinline=True)  # not worth a call, which would hand over a context


class DrawContext(NamedTuple):
    """What all draws of one service, or of one dependency, share in one tick. A loop over cohorts makes it
    once."""

    tick: int
    seed: int
    replicate: int
    key: int  # of the service, the dependency, or a cohort of it
    exact: bool
    carry: np.ndarray
    slot: int  # the first of its slots in carry


@inlined
def draw_context(t, w, i):
    """The context of service ``i`` in tick ``t``."""
    panel = w.svc[i]
    slot = EDGE_CARRIES * len(w.edge) + SERVICE_CARRIES * i
    return DrawContext(t, w.clock[SEED], w.clock[REPLICATE], panel.key, panel.exact != 0, w.carry, slot)


@inlined
def dependency_context(t, w, e):
    """The context of dependency ``e``; noise as its caller's."""
    r = w.edge[e]
    exact = w.svc[r.caller].exact != 0
    return DrawContext(t, w.clock[SEED], w.clock[REPLICATE], r.key, exact, w.carry, EDGE_CARRIES * e)


@inlined
def cohort_context(context, draw, cohort):
    """The same for one cohort of ``draw``: with a key of its own."""
    x = context
    key = subkey(x.key, (draw >> 16) + cohort)
    return DrawContext(x.tick, x.seed, x.replicate, key, x.exact, x.carry, x.slot)


@njit
def carried(amount, carry, k):
    """The whole part of ``amount`` (real, >= 0) and what slot ``k`` had saved up; the fraction stays there.

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
def carried_share(count, ratio, carry, k):
    """The whole part of ``count`` times ``ratio`` (>= 0) and of what slot ``k`` had saved up, in whole
    numbers alone: for 3 and then 4 it is in all what it is for 7."""
    down = int(ratio)
    part = int((ratio - down) * ONE + 0.5)
    high, low = part >> _HALF_BITS, part & _HALF
    whole, saved, left = count * down, int(carry[k]), int(count)
    while left > 0:
        n = min(left, _MOST_AT_ONCE)
        upper = n * high
        saved += ((upper & _HALF) << _HALF_BITS) + n * low
        whole += (upper >> _HALF_BITS) + (saved >> _ONE_BITS)
        saved &= ONE - 1
        left -= n
    carry[k] = saved
    return whole


@njit
def carried_often(amount, times, carry, k):
    """What ``carried`` returns in all for ``amount``, that many ``times``."""
    whole = math.floor(amount)
    saved = int(carry[k]) + times * int((amount - whole) * ONE + 0.5)
    carry[k] = saved % ONE
    return times * whole + saved // ONE


@inlined
def slot_of(draw):
    """Its slot, counted from the first of its service or dependency."""
    return draw >> 8 & 255


@inlined
def whole_part(context, draw, amount):
    """``carried`` in the slot of ``draw``: calls per call, or a fixed division of a flow. Never by chance."""
    return carried(amount, context.carry, context.slot + slot_of(draw))


@inlined
def thin(context, draw, n, p):
    """How many of ``n`` members go, each with probability ``p``: between 0 and n."""
    if n <= 0 or p <= 0.0:
        return 0
    if p >= 1.0:
        return int(n)
    if context.exact:
        return binomial(n, p, context.seed, context.key, context.tick, draw & 255, context.replicate)
    return whole_part(context, draw, n * p)


@inlined
def sample(context, draw, cohort, n, p):
    """``thin`` for one cohort: by chance of its own."""
    if n <= 0 or p <= 0.0:
        return 0
    if p >= 1.0:
        return int(n)
    if context.exact:
        key = subkey(context.key, (draw >> 16) + cohort)
        return binomial(n, p, context.seed, key, context.tick, draw & 255, context.replicate)
    return whole_part(context, draw, n * p)


@inlined
def sample_uniform(context, draw, cohort):
    """A number in [0, 1) of a cohort's own; without noise one half."""
    if not context.exact:
        return 0.5
    key = subkey(context.key, (draw >> 16) + cohort)
    return uniform(context.seed, key, context.tick, draw & 255, context.replicate)


@inlined
def arrivals(context, draw, mean_count):
    """How many come in a tick when ``mean_count`` (rate × tick length) are expected."""
    if context.exact:
        return poisson(mean_count, context.seed, context.key, context.tick, draw & 255, context.replicate)
    return whole_part(context, draw, mean_count)


@njit
def hazards(a_per_s, b_per_s, dt_s):
    """Probabilities (first a, first b, neither) within dt_s, for two competing constant hazards."""
    both_per_s = a_per_s + b_per_s
    if both_per_s <= 0.0:
        return 0.0, 0.0, 1.0
    gone = -math.expm1(-both_per_s * dt_s)
    return gone * (a_per_s / both_per_s), gone * (b_per_s / both_per_s), math.exp(-both_per_s * dt_s)


@njit
def compete(context, either, first, n, a_per_s, b_per_s, dt_s):
    """How many of ``n`` go by a, and how many by b, within dt_s. ``either``: the draw of those that go at
    all; ``first``: the draw of those among them that go by a."""
    p_a, p_b, _ = hazards(a_per_s, b_per_s, dt_s)
    gone = thin(context, either, n, p_a + p_b)
    if gone == 0:
        return 0, 0
    by_a = sample(context, first, 0, gone, p_a / (p_a + p_b))
    return by_a, gone - by_a
