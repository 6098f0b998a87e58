"""A timing wheel of leases: members are checked once an interval, and some failures in a row lose the lease.

Members are counts keyed by what their future depends on: the slot of their next check, and how many checks
have failed in a row (a wheel as in Varghese and Lauck, SOSP'87). Only the slot that is due is touched, so the
cost does not grow with the fleet. ``wheel`` is flat: cohort (phase, misses) stands at phase·classes + misses.
"""

from __future__ import annotations

from twin.jit import njit
from twin.parts.luck import drawn
from twin.rng import CHECK


@njit
def fill(wheel, classes, phases, n):
    """Give ``n`` members fresh leases, their checks evenly over the interval."""
    for phase in range(phases):
        wheel[phase * classes] += n * (phase + 1) // phases - n * phase // phases


@njit
def due(wheel, classes, phase):
    """How many members are checked when the wheel comes to ``phase``."""
    n = 0
    for misses in range(classes):
        n += wheel[phase * classes + misses]
    return n


@njit
def turn(luck, sub, wheel, classes, phase, misses_to_lapse, ok):
    """Check every member due, each with probability ``ok`` of success. Returns how many lose their lease.

    Cohorts go from most to fewest misses, so that nobody is moved, or checked, twice. Uses CHECK draws of the
    cohorts sub … sub+classes-1.
    """
    at = phase * classes
    lapsed = renewed = 0
    for misses in range(classes - 1, -1, -1):
        n = wheel[at + misses]
        if n == 0:
            continue
        passed = drawn(luck, CHECK, sub + misses, n, ok)
        wheel[at + misses] -= n
        renewed += passed
        if misses + 1 >= misses_to_lapse:
            lapsed += n - passed
        else:
            wheel[at + misses + 1] += n - passed
    wheel[at] += renewed
    return lapsed
