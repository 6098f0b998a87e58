"""The metrics of a run: each with its name, unit and direction, declared once.

The view ``metrics`` (``twin/simulation/sql/metrics.sql``) computes them from a finished run. A moment is in
seconds from the start of the run. It is infinite for trouble that does not end, and missing (None) for what
never comes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from twin.model.changes import OCCURS, OF_SERVICE, TOTALS, Direction, ExpectedEffect
from twin.model.published import Published
from twin.results import outcomes
from twin.statistics.attribution import Better
from twin.statistics.durations import restricted

Measured = Mapping[str, float | None]
Raw = Mapping[tuple[str, str], float]
"""(service, name in the view ``metrics``) → value; service '' for the whole run."""


@dataclass(frozen=True)
class Metric:
    """``view``: the name in the view ``metrics`` from which it is made. ``is_share``: 0 or 1 in each
    realization, so that its mean is a probability."""

    name: str
    title: str
    unit: str
    view: str
    better: Better = Better.LOWER
    is_share: bool = False


PRIMARY = "service_minutes_lost"
WEIGHTED = "weighted_minutes_lost"
OF_RUN = (
    Metric(PRIMARY, "service-minutes lost", "min", PRIMARY),
    Metric(WEIGHTED, "service-minutes lost, weighted", "min", "lost_min"),
    Metric("peak_impaired", "services impaired at the peak", "count", "peak_impaired"),
    Metric("time_to_recovery_s", "time until all are well", "s", "last_recovery_s"),
    Metric("p_metastable", "metastable", "ratio", "metastable", is_share=True),
    Metric("p_recovered", "all well in time", "ratio", "last_recovery_s", Better.HIGHER, True),
    Metric("requests_lost", "customers' requests lost", "count", "requests_lost"),
)  # fmt: skip
OF_EACH_SERVICE = (
    Metric("lost_min", "service-minutes lost", "min", "lost_min"),
    Metric("impaired_min", "minutes impaired", "min", "impaired_min"),
    Metric("peak_error_ratio", "share failing at the peak", "ratio", "peak_error_ratio"),
    Metric("time_to_recovery_s", "time until it is well", "s", "recovery_s"),
)
RAW = tuple(dict.fromkeys(m.view for m in OF_RUN if m.name != WEIGHTED))


def of_runs(
    column: Mapping[str, np.ndarray], origin_s: float, horizon_s: float, within_s: float
) -> dict[str, np.ndarray]:
    """Metric → (realizations,) values, from as many values of each of RAW.

    Times count from ``origin_s``, to ``horizon_s`` at most. A recovery counts as in time by ``within_s``.
    """
    lasted_s = np.maximum(column["last_recovery_s"] - origin_s, 0.0)
    made = dict(column) | {
        "time_to_recovery_s": restricted(lasted_s, horizon_s),
        "p_metastable": column["metastable"],
        "p_recovered": (lasted_s <= within_s).astype("f8"),
    }
    return {m.name: made[m.name] for m in OF_RUN if m.name != WEIGHTED}


def named(raw: Raw, name: str) -> float | None:
    """A metric, or a moment, by the name that a what-if gives it: ``twin.model.changes`` lists the names.

    A number that is missing counts as 0, as trouble that never began. A moment that is missing is None.
    """
    service, _, own = name.rpartition(".")
    value = raw.get((service, "last_recovery_s" if name == "last_recovery" else own))
    return 0.0 if value is None and is_number(name) else value


def recovery_names(published: Published | None) -> set[str]:
    """The moments that end some trouble: for these, never is as good as early."""
    ended = {o.id for o in published.outcomes if not outcomes.is_onset(o)} if published else set()
    return ended | {"last_recovery"}


def holds(expected: ExpectedEffect, mine: Measured, other: Measured, recoveries: Iterable[str]) -> bool:
    """Whether one run compares with another as expected."""
    name, direction = expected.metric, expected.direction
    x, y = mine[name], other[name]
    if direction in OCCURS:
        return (x is None) == (direction == Direction.NEVER)
    if direction == Direction.SAME:
        return _same(expected, x, y)
    # A missing moment is later than every other, unless it ends something: then nothing began.
    absent = -math.inf if name in recoveries else math.inf
    a, b = (absent if v is None else v for v in (x, y))
    by = float(expected.by or 0.0) * (abs(b) if is_number(name) else 1.0)
    less = direction in (Direction.LOWER, Direction.EARLIER)
    low, high = (a, b) if less else (b, a)
    return low < high and low <= high - by


def is_number(name: str) -> bool:
    """Whether a name is of a number, whose margins are shares; or of a moment, whose margins are times."""
    return TOTALS.get(name, "number" if name.rpartition(".")[2] in OF_SERVICE else "moment") == "number"


def _same(expected: ExpectedEffect, x: float | None, y: float | None) -> bool:
    if x is None or y is None or x == y:
        return x == y
    within = float(expected.within or 0.0)
    if is_number(expected.metric):
        within *= max(abs(x), abs(y))
    return abs(x - y) <= within
