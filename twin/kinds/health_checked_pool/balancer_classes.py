"""Balancers are not alike: a few classes in place of one average.

The targets of a balancer, and the newcomers among them, are spread lognormally. Each of the two is cut into
two halves with the same number of targets. So there are many small balancers with half of all targets and few
large ones with the rest; and half of all targets see most of the newcomers.

        small balancers     large balancers
        steady | churning   steady | churning      a quarter of all targets each
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

_NORMAL = NormalDist()


class BalancerClass(NamedTuple):
    """``targets_count``: of one balancer. ``newcomers_ratio``: share of all newcomers that join here."""

    targets_count: float
    newcomers_ratio: float


def sigma(spread_ratio: float) -> float:
    """Of a lognormal distribution whose standard deviation is ``spread_ratio`` of its mean."""
    return math.sqrt(math.log1p(spread_ratio * spread_ratio))


def classes(mean_count: float, size_spread_ratio: float, churn_spread_ratio: float) -> list[BalancerClass]:
    """Small and steady, small and churning, large and steady, large and churning.

    Half of the targets stand behind balancers beyond exp(sigma) of the median. These are a share Φ(-sigma) of
    all balancers. The half with more newcomers than the median has a share Φ(sigma) of them.
    """
    few = _NORMAL.cdf(-sigma(size_spread_ratio))
    quiet = _NORMAL.cdf(-sigma(churn_spread_ratio))
    sizes = (max(1.0, 0.5 * mean_count / (1.0 - few)), max(1.0, 0.5 * mean_count / few))
    return [BalancerClass(size, 0.5 * churn) for size in sizes for churn in (quiet, 1.0 - quiet)]
