"""Workflows that must end within a time-out, and are started again from scratch when they do not.

Attempts are counts in a ring by the slot in which they began: ``counts[slot % len]`` of them have received
``work[slot % len]`` each. Three disciplines share that ring:

- shared: all attempts run at once and share the capacity. Each has received the same work since it began, so
  of a cohort of k-step attempts the share still running after work y is P(Poisson(y) < k), exactly.
- in order: attempts are served first come, first served.
- renewal: no ring at all, the quasi-static rate of the shared discipline (``goodput_ratio``).

k = 0 stands for work of fixed size, the limit of many steps. Work is in units of its mean for k = 0, else in
steps.
"""

from __future__ import annotations

import math

import numpy as np

from twin.base.jit import njit
from twin.kinds.lease_fleet.lease_host import AGES, KNOWN
from twin.kinds.lease_fleet.parameters import DRAWS
from twin.mechanisms.sampling import inlined, sample

_TINY = 1e-12  # work that rounding may have cost an attempt of fixed size
_INVERSE = np.array([0.0] + [1.0 / j for j in range(1, 64)])  # multiplying is far cheaper than dividing
_MANY = 60.0  # steps beyond 8 k after which no k-step attempt is left in double precision


@njit
def steps_left(k, y):
    """Sum of y^j / j! for j < k: e^y times the share of k-step attempts still running after work y."""
    total = 1.0
    for j in range(k - 1, 0, -1):
        total = 1.0 + total * (y * _INVERSE[j])
    return total


@njit
def finished_ratio(k, y):
    """Share of k-step attempts (k >= 0) that have finished after work ``y``: Erlang's distribution."""
    if k == 0:
        return 1.0 if y >= 1.0 - _TINY else 0.0
    if y >= 8.0 * k + _MANY:
        return 1.0
    if y >= k:
        return 1.0 - math.exp(-y) * steps_left(k, y)
    term = math.exp(-y)
    for j in range(1, k + 1):
        term *= y / j
    total, j = term, k
    while term > 1e-17 * total:  # the upper tail, summed by itself, keeps its digits where it is small
        j += 1
        term *= y / j
        total += term
    return total


@njit
def finishing_ratio(k, before, after):
    """Share of the attempts running after work ``before`` that have finished by ``after``."""
    if k == 0:
        return finished_ratio(0, after)
    return 1.0 - math.exp(before - after) * steps_left(k, after) / steps_left(k, before)


@njit
def known_ratio(known, age, k, before, after):
    """As ``finishing_ratio``. Attempts of one age have mostly received the same on all hosts: the last answer
    for each age is kept in ``known``, with what was asked."""
    at = age % AGES * KNOWN
    if known[at] != before or known[at + 1] != after or known[at + 2] != k:
        known[at], known[at + 1], known[at + 2] = before, after, k
        known[at + 3] = finishing_ratio(k, before, after)
    return known[at + 3]


@njit
def goodput_ratio(k, x):
    """Share of the capacity that ends in finished workflows, if an attempt gets ``x`` mean works in time.

    An attempt succeeds with F_k(x) and costs E min(X, x) = F_{k+1}(x) + x (1 - F_k(x)), where F_j is the
    distribution of j steps of mean 1/k. Far beyond saturation the share falls like x^(k-1).
    """
    if k == 0:
        return finished_ratio(0, x)
    within = finished_ratio(k, k * x)
    return within / (finished_ratio(k + 1, k * x) + x * (1.0 - within)) if x > 0.0 else 0.0


@inlined
def after(at, n):
    """The cell after ``at`` on a ring of ``n``."""
    return at + 1 if at + 1 < n else 0


@njit
def begin_attempts(counts, work, slot, n):
    """``n`` attempts begin at the end of ``slot``."""
    at = slot % len(counts)
    if counts[at] == 0:
        work[at] = 0.0
    counts[at] += n


@njit
def first_live(counts, oldest, slot):
    """The oldest slot at or after ``oldest`` whose attempts are still there, or ``slot``."""
    at = oldest % len(counts)
    while oldest < slot and counts[at] == 0:
        oldest += 1
        at = after(at, len(counts))
    return oldest


@njit
def share_work(context, sub, counts, work, known, oldest, slot, k, more):
    """Give each attempt of the slots oldest … slot-1 ``more`` mean works. Returns how many finish.

    Draws ``finished`` of the cohorts sub+1 … sub+len(counts), by age.
    """
    done, at = 0, oldest % len(counts)
    step = more * max(k, 1)
    for born in range(oldest, slot):
        if counts[at] > 0:
            before = work[at]
            work[at] += step
            p = known_ratio(known, slot - born, k, before, work[at])
            gone = sample(context, DRAWS.finished, sub + slot - born, counts[at], p)
            counts[at] -= gone
            done += gone
        at = after(at, len(counts))
    return done


@njit
def serve_in_order(counts, oldest, slot, most):
    """Finish up to ``most`` attempts of the slots oldest … slot-1, oldest first. Returns how many."""
    left, at = most, oldest % len(counts)
    for _ in range(oldest, slot):
        taken = min(left, counts[at])
        counts[at] -= taken
        left -= taken
        if left == 0:
            break
        at = after(at, len(counts))
    return most - left


@njit
def take_timed_out(counts, oldest, slot, slots):
    """Take out every attempt that is ``slots`` or more old at the end of ``slot``. Returns how many."""
    late = 0
    for born in range(oldest, slot - slots + 1):
        at = born % len(counts)
        late += counts[at]
        counts[at] = 0
    return late
