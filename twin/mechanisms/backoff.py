"""How long a client waits before it tries again: one rule for stations, fast paths and tests.

The real system: an SDK doubles its wait up to a cap, and spreads it by jitter. So clients that failed
together do not come back together. The claim: jitter decides how much of the crowd meets again; none of it
helps against a load of first tries that stays.
"""

from __future__ import annotations

import math

from twin.base.jit import njit

NONE, EQUAL, FULL, EXPONENTIAL, DECORRELATED = range(5)  # positions in JITTERS


@njit
def longest_s(attempt, base_s, cap_s):
    """The wait without jitter after attempt number ``attempt`` (0 is the first) has failed."""
    return min(cap_s, base_s * 2.0**attempt)


@njit
def least_ratio(jitter):
    """The least wait, as a share of the longest."""
    return 0.5 if jitter == EQUAL else 1.0 * (jitter == NONE)


@njit
def wait_s(jitter, attempt, before_s, base_s, cap_s, u):
    """The wait of a client whose last one was ``before_s`` (none yet: the base). ``u`` in [0, 1) decides.

    Source: aws-arch-backoff-simulator.
    """
    if jitter == DECORRELATED:
        return min(cap_s, base_s + u * (3.0 * max(before_s, base_s) - base_s))
    longest = longest_s(attempt, base_s, cap_s)
    if jitter == EXPONENTIAL:
        return -longest * math.log1p(-u)
    least = least_ratio(jitter)
    return longest * (least + u * (1.0 - least))


@njit
def mean_wait_s(jitter, attempt, base_s, cap_s):
    """What a crowd waits on average; for decorrelated jitter without the cap's effect on single clients."""
    if jitter == DECORRELATED:
        mean = base_s
        for _ in range(attempt + 1):
            mean = min(cap_s, 0.5 * (base_s + 3.0 * mean))
        return mean
    longest = longest_s(attempt, base_s, cap_s)
    return longest if jitter == EXPONENTIAL else longest * 0.5 * (1.0 + least_ratio(jitter))
