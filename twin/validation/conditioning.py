"""History matching: refits the fitted inputs in each draw of the prior (conditioning).

The fitted inputs are not known either. At their best values the twin would be too certain. Sampled from their
priors, nearly every draw would contradict the outcomes that they were fitted to. So each draw fits them anew,
to those outcomes as they may really have been: published time plus a reporting error. With as many outcomes
as fitted inputs, this is randomized maximum likelihood (Oliver, He, Reynolds, ECMOR 1996). It gives a sample
of all other inputs, with the values that make it agree. An input that moves no outcome of its own is not
known from the fit: it keeps its sample.

Near enough is within the *doubt* of each outcome (``Aim.doubt_min``: 5 % of the time since the event began,
modelling.md §5.3). So a draw takes few runs: every input follows its own outcomes, by secants, and by regula
falsi once they lie between two places. A draw that still disagrees is implausible (``Conditioned.off``), and
the ensemble leaves it out.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

import numpy as np

from twin.experiments.realizations import Realization
from twin.experiments.study import Study
from twin.validation.fit import Aim, FitRuns
from twin.validation.timeline import Simulated, WantedRun, timelines_of

RUNS = 6  # at most, for one draw
RADIUS = 0.25  # of its range is the longest step of an input
CAP = 12.0  # doubts: an outcome that is further off, or never happens, shows only the side that it is on
UNKNOWN = 1.0  # doubts by which an input must move its outcomes over its whole range, to be known from them
STANDS = 1e-3  # of its range: an input that moves by less has not moved
INSIDE = 0.15  # of the way between two places: the next place keeps this distance from both


@dataclass(frozen=True)
class Draw:
    """``prior`` (fitted inputs,): quantiles sampled from their priors. ``reports_min`` (outcomes,): the error
    of the published time of each fitted outcome."""

    realization: Realization
    prior: np.ndarray
    reports_min: np.ndarray


@dataclass(frozen=True)
class Conditioned:
    """The result of a draw. ``place``: of the fitted inputs. ``runs``: how many it took. ``off``: largest
    error of a fitted outcome against its published time, in doubts."""

    timeline: Simulated
    place: np.ndarray
    runs: int
    off: float


@dataclass(frozen=True)
class FitKnowledge:
    """What the fit knows.

    ``start``, ``slopes`` (inputs,): places of the fit, and by how many doubts each input moves its own
    outcomes there, for each unit of its place. ``free`` (inputs,): it moves none of them anywhere near, so
    nothing is known of it. An input that is neither sloped nor free stands between cliffs, and stays.
    """

    aim: Aim
    start: np.ndarray
    slopes: np.ndarray
    free: np.ndarray


def knowledge_of(runs: FitRuns) -> FitKnowledge:
    """Look around the places at which the inputs stand."""
    aim, start = runs.aim, runs.aim.start()
    if not len(start):
        return FitKnowledge(aim, start, start, start.astype(bool))
    slopes = runs.slopes(start)[: len(aim.outcomes)] * (aim.scale_min / aim.doubt_min)[:, None]
    own = np.array([_own(aim, slopes[:, k], k) for k in range(len(start))])
    flat = np.flatnonzero(np.abs(own) < UNKNOWN)
    away = [np.clip(start + sign * RADIUS * np.eye(len(start))[k], 0, 1) for k in flat for sign in (-1, 1)]
    origin, *moved = (aim.errors_min(one) / aim.doubt_min for one in runs.timelines([start, *away]))
    free = np.zeros(len(start), bool)
    for k, pair in zip(flat, zip(moved[::2], moved[1::2], strict=True), strict=True):
        free[k] = all(np.max(np.abs(each - origin)) <= UNKNOWN for each in pair)
    return FitKnowledge(aim, start, own, free)


def conditioned(study: Study, scenario: str, about: FitKnowledge, draws: Sequence[Draw]) -> list[Conditioned]:
    """Refit the fitted inputs in each draw; all draws take their next run together. Raises WorkerLost."""
    steps = [_condition(about, draw) for draw in draws]
    wanted = {k: next(step) for k, step in enumerate(steps)}
    found: dict[int, Conditioned] = {}
    while wanted:
        timelines = timelines_of(study, scenario, list(wanted.values()))
        for k, timeline in zip(list(wanted), timelines, strict=True):
            try:
                wanted[k] = steps[k].send(timeline)
            except StopIteration as done:
                found[k] = done.value
                del wanted[k]
    return [found[k] for k in range(len(draws))]


def _condition(about: FitKnowledge, draw: Draw) -> Generator[WantedRun, Simulated, Conditioned]:
    """The steps of one draw: each yields the run that it wants, and is sent its timeline."""
    aim, sloped = about.aim, np.flatnonzero(np.abs(about.slopes) >= UNKNOWN).tolist()
    place = np.where(about.free, draw.prior, about.start)
    lines = {k: _Line(float(about.slopes[k])) for k in sloped}
    tried: list[tuple[float, np.ndarray, Simulated]] = []
    while len(tried) < RUNS:
        timeline = yield WantedRun(aim.values(place), draw.realization)
        misfit = np.clip((aim.errors_min(timeline) - draw.reports_min) / aim.doubt_min, -CAP, CAP)
        tried.append((float(np.sum(misfit**2)), place, timeline))
        if not sloped or not timeline.valid or np.max(np.abs(misfit)) <= 1.0:
            break
        before, place = place, place.copy()
        for k in sloped:
            place[k] = lines[k].next(float(place[k]), _own(aim, misfit, k))
        if np.max(np.abs(place - before)) < STANDS:  # at the ends of their ranges, and still far off
            break
    _, place, timeline = min(tried, key=lambda each: each[0])
    off = np.abs(aim.errors_min(timeline) / aim.doubt_min)
    return Conditioned(timeline, place, len(tried), float(np.max(off, initial=0.0)))


def _own(aim: Aim, of_outcomes: np.ndarray, k: int) -> float:
    """The mean of a value of each outcome, over the outcomes that an input names."""
    mine = [n for n, o in enumerate(aim.outcomes) if o in aim.numbers[k].fitted_to]
    return float(np.mean(of_outcomes[mine]))


@dataclass
class _Line:
    """The steps of one input. ``seen``: (place, misfit of its outcomes), the latest last."""

    slope: float
    seen: list[tuple[float, float]] = field(default_factory=list)

    def next(self, place: float, misfit: float) -> float:
        """The place at which the misfit should vanish."""
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
    """Between two places whose misfits differ in sign: where a straight line crosses 0, or the middle if one
    of them is capped."""
    (a, before), (b, after) = low, high
    share = 0.5 if max(abs(before), abs(after)) >= CAP else before / (before - after)
    return a + (b - a) * min(max(share, INSIDE), 1.0 - INSIDE)
