"""Sums over scored outcomes: how many happen, how many are near, how far off they are, in which order.

What never happens counts in the mean error, with a penalty: as if it were off by the whole length of the
event. So an outcome cannot become better by not happening.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from statistics import fmean
from typing import Any

import numpy as np

NEAR_MIN, FAR_MIN = 10.0, 44.0  # 44 minutes are 5 % of the event
WINDOWS = {"within_10_min": NEAR_MIN, "within_44_min": FAR_MIN}

Errors = Sequence[float | None]
"""Simulated less published, in minutes; None for what never happens."""


def timing_of(errors_min: Errors, never_min: float) -> dict[str, Any]:
    """Counts, shares of all, and the mean error; what never happens is off by ``never_min`` in it."""
    happen = [abs(e) for e in errors_min if e is not None]
    counts = {name: sum(e <= most for e in happen) for name, most in WINDOWS.items()}
    charged = happen + [never_min] * (len(errors_min) - len(happen))

    def share(count: int) -> float | None:
        return round(count / len(errors_min), 4) if errors_min else None

    return {
        "count": len(errors_min),
        "exist": len(happen),
        "exist_share": share(len(happen)),
        **counts,
        **{f"{name}_share": share(count) for name, count in counts.items()},
        "mean_abs_error_min": round(fmean(charged), 2) if charged else None,
        "mean_abs_error_if_it_happens_min": round(fmean(happen), 2) if happen else None,
    }


def also_right(errors_min: Errors, others_min: Errors) -> dict[str, int]:
    """How many outcomes within each window the other side has within it, too: these say nothing of us."""
    pairs = [(abs(a), abs(b)) for a, b in zip(errors_min, others_min, strict=True)
             if a is not None and b is not None]  # fmt: skip
    return {name: sum(a <= most and b <= most for a, b in pairs) for name, most in WINDOWS.items()}


def kendall_order(happened: Iterable[tuple[datetime, datetime, datetime | None]]) -> float | None:
    """Kendall's tau-b of the published and simulated times of outcomes that happen; None for fewer than two.

    Each is (published at the earliest, at the latest, simulated). Two that overlap count as published at one
    time: nobody knows their order.
    """
    happen = [tuple(x.timestamp() for x in each if x) for each in happened if each[2] is not None]
    if len(happen) < 2:
        return None
    begin, end, simulated = np.array(happen).T
    later = begin[:, None] > end[None, :]
    published = later.astype("f8") - later.T
    shown = np.sign(simulated[:, None] - simulated[None, :])
    pairs_in_order = math.sqrt(float((published**2).sum() * (shown**2).sum()))
    return round(float((published * shown).sum()) / pairs_in_order, 4) if pairs_in_order else None
