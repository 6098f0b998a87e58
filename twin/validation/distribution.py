"""The whole distribution of an ensemble against what was published, phase by phase.

A band that is wide enough covers everything, and a sharp one can be wrong. The continuous ranked probability
score (CRPS; Gneiting and Raftery 2007) charges both: for the errors e of the draws it is E|e| − ½ E|e − e'|,
in minutes. For one time without a spread it is the absolute error, so the model without feedback has one too.
What never happens is off by the same penalty as in the mean error. Between two published bounds no error is
left, on both sides.

The rank histogram counts in which tenth of the draws each published time falls. It is flat if the published
times look like draws. Both ends are high if the ensemble is too narrow. One end is high if it is early or
late.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

BINS = 10  # of the rank histogram

Bounds = tuple[float, float]
"""(published at the earliest, at the latest), in minutes from the start."""


@dataclass(frozen=True)
class OutcomeDistribution:
    """One outcome. ``band_min``: width of the 5–95 % band, infinite if it is open. ``crps_min``, and
    ``baseline_min``: those of the draws and of the run without feedback. ``rank``: 0 to 1, the share of the
    draws that come before the published time. ``in_baseline``: whether it happens without feedback."""

    covered: bool
    band_min: float
    crps_min: float
    baseline_min: float
    rank: float
    in_baseline: bool


@dataclass(frozen=True)
class PhaseDistribution:
    """The outcomes of a phase together."""

    title: str
    outcomes: tuple[OutcomeDistribution, ...]

    def skill(self, kept: Callable[[OutcomeDistribution], bool] = lambda o: True) -> float | None:
        """One less the CRPS over that without feedback: 1 is perfect, 0 no better, negative worse."""
        mine = [o for o in self.outcomes if kept(o)]
        theirs = sum(o.baseline_min for o in mine)
        return round(1.0 - sum(o.crps_min for o in mine) / theirs, 4) if theirs else None

    def histogram(self) -> list[int]:
        """How many published times fall into each tenth of the draws, the earliest first."""
        places = [min(int(o.rank * BINS), BINS - 1) for o in self.outcomes]
        return np.bincount(places, minlength=BINS).tolist()

    def as_json(self) -> dict[str, Any]:
        """As ``twin replay --worlds --json`` prints it; a width of null is open."""
        n = max(1, len(self.outcomes))
        width = float(np.median([o.band_min for o in self.outcomes])) if self.outcomes else math.inf
        return {
            "phase": self.title, "count": len(self.outcomes),
            "coverage": round(sum(o.covered for o in self.outcomes) / n, 4),
            "median_band_min": round(width, 2) if math.isfinite(width) else None,
            "open_share": round(sum(math.isinf(o.band_min) for o in self.outcomes) / n, 4),
            "crps_min": round(sum(o.crps_min for o in self.outcomes) / n, 2),
            "baseline_crps_min": round(sum(o.baseline_min for o in self.outcomes) / n, 2),
            "skill": self.skill(), "skill_where_baseline_happens": self.skill(lambda o: o.in_baseline),
            "rank_histogram": self.histogram(),
        }  # fmt: skip


def distribution_of(
    times_min: np.ndarray, bounds: Bounds, band: Bounds, baseline_error_min: float | None, never_min: float
) -> OutcomeDistribution:
    """One outcome of an ensemble. ``times_min`` (draws,): infinite where it does not happen."""
    errors = errors_min(times_min, bounds, never_min)
    low, high = band
    return OutcomeDistribution(
        low <= bounds[1] and high >= bounds[0],
        high - low if math.isfinite(high) else math.inf,
        crps(errors),
        never_min if baseline_error_min is None else abs(baseline_error_min),
        rank(errors),
        baseline_error_min is not None,
    )


def errors_min(times_min: np.ndarray, bounds: Bounds, never_min: float) -> np.ndarray:
    """(draws,) simulated less published; 0 between the bounds; ``never_min`` for what never happens."""
    late, early = np.maximum(times_min - bounds[1], 0.0), np.minimum(times_min - bounds[0], 0.0)
    return np.where(np.isinf(times_min), never_min, late + early)


def crps(errors: np.ndarray) -> float:
    """E|e| − ½ E|e − e'| of the draws, in the unit of the errors; 0 for no draws."""
    if not len(errors):
        return 0.0
    return float(np.abs(errors).mean() - 0.5 * np.abs(errors[:, None] - errors[None, :]).mean())


def rank(errors: np.ndarray) -> float:
    """Share of the draws before the published time; one that is equal counts half."""
    if not len(errors):
        return 0.5
    return float((errors < 0).mean() + 0.5 * (errors == 0).mean())


def by_phase(
    found: Mapping[str, OutcomeDistribution], phases: Sequence[tuple[str, Sequence[str]]]
) -> list[PhaseDistribution]:
    """For each phase, its title and its outcomes: ``phases`` has their ids."""
    return [PhaseDistribution(title, tuple(found[id] for id in ids if id in found)) for title, ids in phases]
