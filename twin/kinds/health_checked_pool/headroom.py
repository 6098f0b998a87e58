"""What a loss of capacity does to callers that differ in how much of it they use."""

from __future__ import annotations

import math

import numpy as np

from twin.base.jit import njit


@njit
def short_ratio(capacity, low, high):
    """Share of calls without capacity: mean of max(0, 1 - capacity/u) over utilisations u, low to high."""
    if capacity >= high:
        return 0.0
    if capacity <= 0.0:
        return 1.0
    if high <= low:
        return 1.0 - capacity / high
    least = max(low, capacity)
    return (high - least - capacity * math.log(high / least)) / (high - low)


@njit(allocates=True)
def zones_left(lost):
    """Distribution of how many zones are left when zone z is lost with chance ``lost[z]``, each by itself.

    ``lost``: float64 (zones,). Returns float64 (zones + 1,).
    """
    chance = np.zeros(len(lost) + 1)
    chance[0] = 1.0
    for z in range(len(lost)):
        for k in range(z + 1, 0, -1):
            chance[k] = chance[k] * lost[z] + chance[k - 1] * (1.0 - lost[z])
        chance[0] *= lost[z]
    return chance


@njit(allocates=True)
def remaining_capacity(lost, able_ratio, fail_open, low, high):
    """(mean capacity, share of calls without capacity) of pools that have each lost some of their zones.

    ``able_ratio``: capacity of a zone that is kept; ``fail_open``: whoever has lost every zone uses them all.
    """
    chance = zones_left(lost)
    capacity, lack = 0.0, 0.0
    for k in range(len(chance)):
        left = 1.0 if k == 0 and fail_open else able_ratio * k / len(lost)
        capacity += chance[k] * left
        lack += chance[k] * short_ratio(left, low, high)
    return capacity, lack
