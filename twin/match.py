"""One draw of an ensemble, made to agree with what the fit has seen.

The fitted numbers are not known either: held at their best values they would make the twin too sure, and
drawn from their priors nearly every draw would contradict the outcomes that they were fitted to. So each draw
fits them anew, to those outcomes as they may really have been: published time plus a reporting error. This is
randomized maximum likelihood (Oliver, He, Reynolds, ECMOR 1996): a draw from the prior of all numbers, moved
as little as makes it agree, is a draw from the posterior where the twin is about linear, and close to it
elsewhere. What the outcomes do not tell stays as the prior drew it.

It costs a few runs a draw: the slopes are those at the fitted values, mended with each run (Broyden), and the
first step is taken before anything was seen. What still disagrees afterwards is implausible (``Match.off``),
and the ensemble leaves it out: history matching, modelling.md §5.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from twin.fit import Aim
from twin.model import Scenario
from twin.trials import Trial, try_values

PRIOR_PRECISION = 12.0  # one over the variance of a place that is uniform from 0 to 1
RUNS = 7  # at most, for one draw
RADIUS = 0.3  # of its range is the longest step of a number
NEAR = 0.2  # of a scale: near enough
SHRINK = 0.4  # of the step that made things worse is tried next


@dataclass(frozen=True)
class Draw:
    """``values`` of the numbers that are drawn. ``prior`` (fitted numbers,): places drawn from their priors.
    ``reports_min`` (outcomes,): by how much the published times of the fitted outcomes are off."""

    values: Mapping[str, float | int]
    prior: np.ndarray
    reports_min: np.ndarray
    replicate: int


@dataclass(frozen=True)
class Match:
    """What a draw shows. ``place``: of the fitted numbers; ``runs``: how many it took; ``off``: largest error
    of a fitted outcome against its published time, in scales."""

    trial: Trial
    place: np.ndarray
    runs: int
    off: float


@dataclass
class _Best:
    """The best place so far, and how far from it the next one may be."""

    place: np.ndarray
    misfit: np.ndarray
    trial: Trial
    radius: float = RADIUS


def match(scenario: Scenario, job: tuple[Aim, np.ndarray, np.ndarray, Draw]) -> Match:
    """Fit the numbers of ``aim`` anew for one draw. The job: aim, (numbers,) places of the fit, (outcomes,
    numbers) slopes of the misfits there, the draw."""
    aim, start, slopes, draw = job
    place, best, runs = start, None, 0
    while runs < RUNS:
        trial = try_values(scenario, ({**draw.values, **aim.values(place)}, draw.replicate))
        misfit, runs = (aim.errors_min(trial) - draw.reports_min) / aim.scale_min, runs + 1
        if best is None:
            best = _Best(place, misfit, trial)
        else:
            slopes = _mended(slopes, place - best.place, misfit - best.misfit)
            if np.sum(misfit**2) < np.sum(best.misfit**2):
                best = _Best(place, misfit, trial)
            else:
                best.radius = SHRINK * float(np.max(np.abs(place - best.place)))
        if not len(start) or not best.trial.began_well or np.max(np.abs(best.misfit)) <= NEAR:
            break
        place = _next(best, slopes, draw.prior)
        if np.max(np.abs(place - best.place)) < 1e-3:
            break
    assert best is not None
    off = np.abs(aim.errors_min(best.trial) / aim.scale_min)
    return Match(best.trial, best.place, runs, float(np.max(off, initial=0.0)))


def _next(best: _Best, slopes: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """The place at which misfit and distance to the prior's draw would be smallest together, were the twin
    linear; not further than the radius, and inside the ranges."""
    size = len(prior)
    matrix = slopes.T @ slopes + PRIOR_PRECISION * np.eye(size)
    step = -np.linalg.solve(matrix, slopes.T @ best.misfit + PRIOR_PRECISION * (best.place - prior))
    longest = float(np.max(np.abs(step)))
    return np.clip(best.place + step * min(1.0, best.radius / max(longest, 1e-12)), 0.0, 1.0)


def _mended(slopes: np.ndarray, moved: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """Slopes that explain what the last step did (Broyden's update); 0.01 keeps short steps from shouting."""
    return slopes + np.outer(changed - slopes @ moved, moved) / (moved @ moved + 1e-2**2)
