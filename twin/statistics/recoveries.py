"""Time to recovery of many services on several sides, each beside the baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from twin.statistics.durations import paired_restricted_mean, restricted_mean, survival
from twin.statistics.estimates import Difference, Estimate
from twin.statistics.group_sequential import significant


@dataclass(frozen=True)
class Recovery:
    """``mean``: restricted to the horizon, in s. ``median_s``: infinite where half has not ended by then.
    ``difference``: paired, from the baseline; None of the baseline itself."""

    mean: Estimate
    median_s: float
    difference: Difference | None = None
    significant: bool = False

    def as_json(self) -> dict[str, Any]:
        """{"time_to_recovery_s", "median_s" (null: not by the horizon), "difference"}."""
        median = self.median_s if math.isfinite(self.median_s) else None
        document = {"time_to_recovery_s": self.mean.as_json(), "median_s": median}
        if self.difference is not None:
            document["difference"] = self.difference.as_json() | {"significant": self.significant}
        return document


def recovery_times(
    durations_s: Mapping[str, Mapping[str, np.ndarray]], baseline: str, horizon_s: float
) -> dict[str, dict[str, Recovery]]:
    """Service → side → how long it took, from side → service → (worlds,) durations, infinite where it did not
    end. A side may have fewer worlds than the baseline: the first of them. The differences of all services
    and sides are one family (Holm). Raises ValueError."""
    base = durations_s.get(baseline, {})
    differences = {
        (side, service): paired_restricted_mean(mine, base[service][: len(mine)], horizon_s)
        for side, services in durations_s.items() if side != baseline
        for service, mine in services.items()
    }  # fmt: skip
    is_significant = significant({key: d.p for key, d in differences.items()})
    recoveries: dict[str, dict[str, Recovery]] = {}
    for side, services in durations_s.items():
        for service, mine in services.items():
            key = side, service
            mean, median_s = restricted_mean(mine, horizon_s), survival(mine, horizon_s).median_s
            one = Recovery(mean, median_s, differences.get(key), is_significant.get(key, False))
            recoveries.setdefault(service, {})[side] = one
    return recoveries
