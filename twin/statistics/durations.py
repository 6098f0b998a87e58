"""How long something lasts, if it may not have ended when the run did.

An infinite duration has not ended: it is *censored* at the horizon, the end of the run. All runs of a study
count from the first fault, on one clock, so all are censored at the same moment. Then the Kaplan-Meier curve
is one less the share that has ended. The restricted mean is a mean of min(duration, horizon), which may be
paired like any other. Durations with different horizons need ``kaplan_meier`` itself.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from scipy.stats import CensoredData, ecdf

from twin.statistics.estimates import CONFIDENCE, Difference, Estimate, Values, estimate, paired


@dataclass(frozen=True)
class Survival:
    """Share that still lasts after each of ``times_s`` (k,), with its 95 % interval: ``still``, ``low``,
    ``high``. It is 1 before the first of them; ``horizon_s``: to where anything is known."""

    times_s: np.ndarray
    still: np.ndarray
    low: np.ndarray
    high: np.ndarray
    horizon_s: float

    @property
    def median_s(self) -> float:
        """When half has ended; infinite if it has not by the horizon."""
        ended = np.flatnonzero(self.still <= 0.5)
        return float(self.times_s[ended[0]]) if len(ended) else math.inf


def survival(durations_s: Values, horizon_s: float) -> Survival:
    """The Kaplan-Meier curve of durations of which none is known beyond ``horizon_s``; infinite: not ended.
    Raises ValueError."""
    known = restricted(durations_s, horizon_s)
    return kaplan_meier(known, np.asarray(durations_s, "f8") <= horizon_s, horizon_s)


def kaplan_meier(times_s: Values, ended: np.ndarray, horizon_s: float) -> Survival:
    """The curve of (n,) times, each an end, or (where ``ended`` is false) the last that is known of it.

    The interval is Greenwood's on the scale log(-log), which stays within 0 to 1.
    Where all or none has ended it has no width, and says nothing.
    """
    times = np.asarray(times_s, "f8")
    curve = ecdf(CensoredData.right_censored(times, ~np.asarray(ended, bool))).sf
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # not defined where all or none has ended
        ends = curve.confidence_interval(CONFIDENCE, method="log-log")
    still = curve.probabilities
    low, high = (np.where(np.isnan(p), still, p) for p in (ends.low.probabilities, ends.high.probabilities))
    kept = curve.quantiles <= horizon_s
    return Survival(curve.quantiles[kept], still[kept], low[kept], high[kept], horizon_s)


def restricted(durations_s: Values, horizon_s: float) -> np.ndarray:
    """min(duration, horizon). Raises ValueError for a duration that is negative or missing."""
    durations = np.asarray(durations_s, "f8")
    if not (durations >= 0).all() or not 0 < horizon_s < math.inf:
        raise ValueError("durations are 0 or more, infinite where they do not end; a horizon is finite")
    return np.minimum(durations, horizon_s)


def restricted_mean(durations_s: Values, horizon_s: float) -> Estimate:
    """Mean time that has passed until the end or the horizon, in s. Raises ValueError."""
    return estimate(restricted(durations_s, horizon_s))


def paired_restricted_mean(mine_s: Values, base_s: Values, horizon_s: float) -> Difference:
    """Paired difference of restricted means, mine less base, in s. Raises ValueError."""
    return paired(restricted(mine_s, horizon_s), restricted(base_s, horizon_s))
