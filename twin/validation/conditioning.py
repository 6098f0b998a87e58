"""One draw of an ensemble, made to agree with what the fit has seen.

The fitted numbers are not known either: held at their best values they would make the twin too sure, and
drawn from their priors nearly every draw would contradict the outcomes that they were fitted to. So each draw
fits them anew, to those outcomes as they may really have been: published time plus a reporting error. Where
there are as many outcomes as fitted numbers this is randomized maximum likelihood (Oliver, He, Reynolds,
ECMOR 1996): a draw from the prior of all the others, with the numbers that make it agree. A number that moves
no outcome of its own is not known from the fit: it goes where its prior drew it.

Near enough is within the *doubt* of each outcome (``Aim.doubt_min``: 5 % of the time since the event began,
modelling.md §5.3), so it takes a few runs a draw: every number follows its own outcomes, by secants, and by
regula falsi once they lie between two places seen. What still disagrees afterwards is implausible
(``Match.off``), and the ensemble leaves it out: history matching, §5.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from twin.model.scenario import Scenario
from twin.validation.fit import Aim, Search
from twin.validation.trials import Trial, try_values

RUNS = 6  # at most, for one draw
RADIUS = 0.25  # of its range is the longest step of a number
CAP = 12.0  # doubts: an outcome that is further off, or never happens, says no more than on which side
UNKNOWN = 1.0  # doubts by which a number moves its outcomes over its whole range, to be known from them
STANDS = 1e-3  # of its range: a number that moves by less stands
INSIDE = 0.15  # of the way between two places the next one keeps from both


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
    of a fitted outcome against its published time, in doubts."""

    trial: Trial
    place: np.ndarray
    runs: int
    off: float


@dataclass(frozen=True)
class Known:
    """What the fit knows. ``start``, ``slopes`` (numbers,): places of the fit, and by how many doubts each
    number moves its own outcomes there, for each unit of its place. ``free`` (numbers,): moves none of them
    anywhere near, so nothing is known of it. A number that is neither sloped nor free stands between cliffs,
    and stays."""

    aim: Aim
    start: np.ndarray
    slopes: np.ndarray
    free: np.ndarray


def known(search: Search) -> Known:
    """Look around the places at which the numbers stand."""
    aim, start = search.aim, search.aim.start()
    if not len(start):
        return Known(aim, start, start, start.astype(bool))
    slopes = search.slopes(start)[: len(aim.outcomes)] * (aim.scale_min / aim.doubt_min)[:, None]
    own = np.array([_own(aim, slopes[:, k], k) for k in range(len(start))])
    flat = np.flatnonzero(np.abs(own) < UNKNOWN)
    away = [np.clip(start + sign * RADIUS * np.eye(len(start))[k], 0, 1) for k in flat for sign in (-1, 1)]
    here, *there = (aim.errors_min(trial) / aim.doubt_min for trial in search.trials([start, *away]))
    free = np.zeros(len(start), bool)
    for k, pair in zip(flat, zip(there[::2], there[1::2], strict=True), strict=True):
        free[k] = all(np.max(np.abs(each - here)) <= UNKNOWN for each in pair)
    return Known(aim, start, own, free)


def match(scenario: Scenario, job: tuple[Known, Draw]) -> Match:
    """Fit the numbers that the fit knows anew for one draw."""
    about, draw = job
    aim, sloped = about.aim, np.flatnonzero(np.abs(about.slopes) >= UNKNOWN).tolist()
    place = np.where(about.free, draw.prior, about.start)
    lines = {k: _Line(float(about.slopes[k])) for k in sloped}
    tried: list[tuple[float, np.ndarray, Trial]] = []
    while len(tried) < RUNS:
        trial = try_values(scenario, ({**draw.values, **aim.values(place)}, draw.replicate))
        misfit = np.clip((aim.errors_min(trial) - draw.reports_min) / aim.doubt_min, -CAP, CAP)
        tried.append((float(np.sum(misfit**2)), place, trial))
        if not sloped or not trial.began_well or np.max(np.abs(misfit)) <= 1.0:
            break
        before, place = place, place.copy()
        for k in sloped:
            place[k] = lines[k].next(float(place[k]), _own(aim, misfit, k))
        if np.max(np.abs(place - before)) < STANDS:  # at the ends of their ranges, and still far off
            break
    _, place, trial = min(tried, key=lambda each: each[0])
    off = np.abs(aim.errors_min(trial) / aim.doubt_min)
    return Match(trial, place, len(tried), float(np.max(off, initial=0.0)))


def _own(aim: Aim, of_outcomes: np.ndarray, k: int) -> float:
    """The mean over the outcomes that a number names, of something that each outcome has."""
    mine = [n for n, o in enumerate(aim.outcomes) if o in aim.numbers[k].fitted_to]
    return float(np.mean(of_outcomes[mine]))


@dataclass
class _Line:
    """The way of one number: ``seen`` holds (place, misfit of its outcomes), the latest last."""

    slope: float
    seen: list[tuple[float, float]] = field(default_factory=list)

    def next(self, place: float, misfit: float) -> float:
        """Where the misfit should vanish, as far as one knows."""
        self.seen.append((place, misfit))
        if abs(misfit) <= 0.5:
            return place
        low, high = self._latest(True), self._latest(False)
        if low is not None and high is not None:
            return _between(low, high)
        step = min(max(-misfit / self._secant(), -RADIUS), RADIUS)
        return min(max(place + step, 0.0), 1.0)

    def _latest(self, below: bool) -> tuple[float, float] | None:
        """The latest seen place on the side of the root where the misfit calls for a higher (a lower) one."""
        wanted = [p for p in self.seen if (p[1] * self.slope < 0) == below]
        return wanted[-1] if wanted else None

    def _secant(self) -> float:
        """The slope between the two latest places, if it has the sign of the first one; never flat."""
        if len(self.seen) > 1:
            (a, before), (b, now) = self.seen[-2:]
            slope = (now - before) / (b - a) if abs(b - a) > 1e-6 else 0.0
            if slope * self.slope > 0 and max(abs(before), abs(now)) < CAP:
                return slope
        return self.slope


def _between(low: Sequence[float], high: Sequence[float]) -> float:
    """Between two places whose misfits have different signs: where a straight line crosses nought; in the
    middle, where one of them is capped."""
    (a, before), (b, after) = low, high
    share = 0.5 if max(abs(before), abs(after)) >= CAP else before / (before - after)
    return a + (b - a) * min(max(share, INSIDE), 1.0 - INSIDE)
