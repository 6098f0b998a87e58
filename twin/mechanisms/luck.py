"""Draws for kinds that make many in a tick: what ``signals.draw`` looks up each time, looked up once.

A compiled call that is handed a whole world counts references to each of its arrays; in a loop over cohorts
that costs more than the draw. ``drawn(luck(t, w, i), …)`` is the same draw as ``draw(t, w, i, …)``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from twin.base.jit import njit
from twin.base.rng import binomial, subkey
from twin.mechanisms.arrays import EDGE_CARRIES, REPLICATE, SEED, SERVICE_CARRIES
from twin.mechanisms.sampling import share


class Luck(NamedTuple):
    """The luck of one service in one tick."""

    tick: int
    exact: bool
    seed: int
    replicate: int
    key: int
    carry: np.ndarray
    slot: int


@njit
def luck(t, w, i):
    """The luck of service ``i`` in tick ``t``."""
    s = w.svc[i]
    slot = EDGE_CARRIES * len(w.edge) + SERVICE_CARRIES * i
    return Luck(t, s.exact != 0, w.clock[SEED], w.clock[REPLICATE], s.key, w.carry, slot)


@njit
def drawn(luck, purpose, sub, n, p):
    """How many of ``n`` pass with probability ``p``, for cohort ``sub``."""
    if n <= 0 or p <= 0.0:
        return 0
    if p >= 1.0:
        return n
    if luck.exact:
        return binomial(n, p, luck.seed, subkey(luck.key, sub), luck.tick, purpose, luck.replicate)
    return share(n, p, luck.carry, luck.slot + (purpose & (SERVICE_CARRIES - 1)))
