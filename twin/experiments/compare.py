"""Which changes would have helped, how much, and how sure one can be.

Baseline and each arm run in the same worlds (common random numbers), so what is compared is the difference in
each world. A world that is ill, in which something is impaired before anything has happened, contradicts the
scenario; it is left out, and another drawn in its place. All times count from the scenario's first input, on
one clock: so whatever has not ended at the end of the run is censored at the same moment in all of them, and
a restricted mean is a mean (``twin.statistics.durations``).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from twin.experiments.arms import BASELINE, Arm
from twin.experiments.screening import TRIES, well_begun
from twin.experiments.study import Job, Results, Study, first_input_s
from twin.experiments.worlds import World
from twin.model.changes import Mitigation, dearest
from twin.statistics.durations import Survival, restricted, survival
from twin.statistics.estimates import Band, Difference, Estimate, curve_band, estimate, paired
from twin.statistics.families import BLOCK, Look, Verdict, distinguishable, looks, unclear, verdicts
from twin.statistics.proportions import Proportion, paired_proportions, wilson
from twin.statistics.recoveries import Recovery, recoveries

WORTH_RATIO = 0.02  # of the baseline's loss: less is no difference worth having
PRIMARY = "service_minutes_lost"

Measured = Mapping[str, np.ndarray]
Note = Callable[[str], None]
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Measure:
    """``better``: lower or higher. ``is_share``: 0 or 1 in each world, of which the mean is a probability."""

    name: str
    title: str
    unit: str
    better: str = "lower"
    is_share: bool = False


MEASURES = (
    Measure(PRIMARY, "service-minutes lost", "min"),
    Measure("weighted_minutes_lost", "service-minutes lost, weighted", "min"),
    Measure("peak_impaired", "services impaired at the peak", "count"),
    Measure("time_to_recovery_s", "time until all are well", "s"),
    Measure("p_metastable", "metastable", "ratio", is_share=True),
    Measure("p_recovered", "all well in time", "ratio", "higher", True),
    Measure("requests_lost", "customers' requests lost", "count"),
)


RAW = (PRIMARY, "peak_impaired", "last_recovery_s", "metastable", "requests_lost")  # what they are made of


@dataclass(frozen=True)
class Question:
    """What is compared. ``within_s``: by when a recovery counts. ``weights``: service → weight of a minute of
    it, 1 where nothing is said; empty for no weighing. ``draws``: of the numbers that nobody knows; without,
    worlds differ in their noise. ``early``: an arm may stop where its answer is clear. ``families``: how many
    such comparisons are judged together (``judged``), and share what may be spent early."""

    scenario: str
    arms: tuple[Arm, ...]
    replicates: int
    within_s: float
    weights: Mapping[str, float] = field(default_factory=dict)
    draws: bool = True
    variant: str = ""
    early: bool = True
    families: int = 1

    @cached_property
    def looks(self) -> tuple[Look, ...]:
        """When its answers are looked at."""
        return looks(self.replicates, BLOCK if self.early else self.replicates, self.families)

    def of(self, arms: tuple[Arm, ...], replicates: int = 0) -> Question:
        """The same of other arms and, if given, in another number of worlds."""
        return replace(self, arms=arms, replicates=replicates or self.replicates)


@dataclass(frozen=True)
class Compared:
    """One arm beside the baseline. ``worlds``: in which it ran; ``stopped``: why in no more; ``otherwise``:
    what its primary measure comes to where it is not told apart."""

    arm: Arm
    worlds: tuple[World, ...]
    values: Measured
    value: Mapping[str, Estimate | Proportion]
    difference: Mapping[str, Difference]
    distinguishable: Mapping[str, bool]
    stopped: Verdict | None = None
    otherwise: Verdict = Verdict.OPEN

    @property
    def words(self) -> str:
        """What can be said of its primary measure."""
        d = self.difference[PRIMARY]
        if d.identical:
            return str(Verdict.IDENTICAL)
        if any(m.coincidence for m in self.mitigations):
            return "not judged"
        if not self.distinguishable[PRIMARY]:
            return str(self.otherwise)
        hardly = abs(d.mean) < WORTH_RATIO * abs(self.value[PRIMARY].mean - d.mean)
        return ("hardly " if hardly else "") + ("helps" if d.mean < 0 else "harms")

    @property
    def mitigations(self) -> tuple[Mitigation, ...]:
        """Those among its changes that are files with a cost and a side effect."""
        return tuple(v for v in self.arm.variations if isinstance(v, Mitigation))

    @property
    def ps(self) -> dict[str, float]:
        """Measure → the p-value that goes among all tests: 1 for what an early look gave up, as it stays in
        Holm's family and cannot be found any more."""
        given_up = self.stopped not in (None, Verdict.CLEAR)
        return {m: 1.0 if given_up and m == PRIMARY else d.p for m, d in self.difference.items()}

    def told(self, told: Mapping[str, bool]) -> Compared:
        """The same with what is told apart; what an early look called clear has spent its error already."""
        clear = {m: t or (m == PRIMARY and self.stopped == Verdict.CLEAR) for m, t in told.items()}
        return replace(self, distinguishable=clear)


def judged(arms: Mapping[K, Sequence[Compared]], error: float) -> dict[K, tuple[Compared, ...]]:
    """Arms of one or more comparisons, with what is told apart among the tests of all of them (Holm).
    ``error``: what early looks have left of it."""
    ps = {(k, a.arm.name, m): p for k, mine in arms.items() for a in mine for m, p in a.ps.items()}
    clear = distinguishable(ps, error)
    return {
        k: tuple(a.told({m: clear[k, a.arm.name, m] for m in a.difference}) for a in mine)
        for k, mine in arms.items()
    }


@dataclass(frozen=True)
class Comparison:
    """``left_out``: worlds that were ill. ``tests``: how many were judged together. ``recovery_s``: arm →
    service → (worlds,) time to recovery; nought where nothing happened, infinite where it did not come back.
    """

    question: Question
    measures: tuple[Measure, ...]
    worlds: tuple[World, ...]
    left_out: int
    baseline: Mapping[str, Estimate | Proportion]
    values: Measured
    arms: tuple[Compared, ...]
    recovery_s: Mapping[str, Mapping[str, np.ndarray]]
    curves: Mapping[str, np.ndarray]
    horizon_s: float
    tests: int

    @cached_property
    def ranking(self) -> tuple[Compared, ...]:
        """The arm that loses least first; equals by name."""
        return tuple(sorted(self.arms, key=lambda a: (a.difference[PRIMARY].mean, a.arm.name)))

    def survival(self, arm: str, service: str) -> Survival:
        """Share of the worlds in which a service is not well yet, over time."""
        return survival(self.recovery_s[arm][service], self.horizon_s)

    def band(self, arm: str) -> Band:
        """Services impaired at once, over time."""
        return curve_band(self.curves[arm])

    def as_json(self) -> dict[str, Any]:
        """As ``twin compare --json`` prints it; null where an interval is infinite."""
        return {
            "scenario": self.question.scenario, "replicates": len(self.worlds), "left_out": self.left_out,
            "within_s": self.question.within_s, "horizon_s": self.horizon_s, "tests": self.tests,
            "measures": [{"name": m.name, "unit": m.unit, "better": m.better} for m in self.measures],
            "baseline": {name: e.as_json() for name, e in self.baseline.items()},
            "mitigations": [self._arm(a) for a in self.ranking],
            "services": {
                service: {arm: r.as_json() for arm, r in arms.items()}
                for service, arms in self.services.items()
            },
        }  # fmt: skip

    def _arm(self, a: Compared) -> dict[str, Any]:
        return {
            "name": a.arm.name, "replicates": len(a.worlds), "verdict": a.words,
            "cost": cost.class_ if (cost := dearest(a.arm.variations)) else None,
            "side_effects": [
                {"mitigation": m.name, "side_effect": m.side_effect, "shown_by": m.shown_by,
                 "shown": bool(m.shows)}
                for m in a.mitigations if m.side_effect
            ],
            "hangs_on": [m.coincidence for m in a.mitigations if m.coincidence],
            "stopped": None if a.stopped is None else str(a.stopped),
            "value": {name: e.as_json() for name, e in a.value.items()},
            "difference": {
                name: d.as_json() | {"distinguishable": a.distinguishable[name]}
                for name, d in a.difference.items()
            },
        }  # fmt: skip

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row a measure of the baseline, then of each arm: value and difference with their intervals."""
        for m in self.measures:
            yield self._row(BASELINE, m.name, len(self.worlds), self.baseline[m.name], None, None)
        for a in self.ranking:
            for m in self.measures:
                told = a.distinguishable[m.name]
                yield self._row(
                    a.arm.name, m.name, len(a.worlds), a.value[m.name], a.difference[m.name], told
                )

    def _row(
        self, name: str, measure: str, worlds: int, e: Estimate | Proportion, d: Difference | None,
        told: bool | None,
    ) -> dict[str, Any]:  # fmt: skip
        return {
            "scenario": self.question.scenario, "mitigation": name, "measure": measure, "worlds": worlds,
            "mean": e.mean, "low": e.low, "high": e.high,
            "difference": d and d.mean, "difference_low": d and d.low, "difference_high": d and d.high,
            "p": d and d.p, "distinguishable": told,
        }  # fmt: skip

    @cached_property
    def services(self) -> dict[str, dict[str, Recovery]]:
        """Service → arm → its time to recovery, and the difference from the baseline's."""
        return recoveries(self.recovery_s, BASELINE, self.horizon_s)


def compare(
    study: Study, question: Question, say: Note | None = None, tick: Callable[[int], None] | None = None
) -> Comparison:
    """Run what is missing and put every arm beside the baseline.

    ``say`` hears of what is decided, in words; ``tick`` of how many runs have been made. Raises NoWorlds,
    WorkerLost.
    """
    return _Comparing(study, question, say or (lambda text: None), tick or (lambda made: None)).result()


class _Comparing:
    """One comparison on its way: which worlds there are, and which arms go on."""

    def __init__(self, study: Study, question: Question, say: Note, tick: Callable[[int], None]) -> None:
        self.study, self.question, self.say, self.tick = study, question, say, tick
        self.made = 0
        self.worlds: tuple[World, ...] = ()
        self.left_out = 0
        self.stopped: dict[str, tuple[int, Verdict]] = {}
        base = study.setting.bases[question.scenario]
        self.origin_s = first_input_s(base)
        self.horizon_s = base.duration_s - self.origin_s
        self.measures = tuple(m for m in MEASURES if question.weights or not m.name.startswith("weighted"))

    def result(self) -> Comparison:
        q = self.question
        for look in q.looks:
            self.worlds, self.left_out = well_begun(
                self.study, q.scenario, look.worlds, TRIES * q.replicates, draws=q.draws, variant=q.variant
            )
            results = self._do([*self._jobs(look.worlds)])
            if not look.last:
                self._stop(look, self._sides(results))
        return self._compared(results, self._sides(results))

    def _do(self, jobs: Sequence[Job]) -> Results:
        before = self.made

        def count(done: int, _: int) -> None:
            self.made = before + done
            self.tick(self.made)

        return self.study.do(jobs, count)

    def _jobs(self, count: int) -> Iterator[Job]:
        for arm in (Arm(), *self.question.arms):
            stop, _ = self.stopped.get(arm.name, (count, None))
            yield from (Job(self.question.scenario, arm, w) for w in self.worlds[: min(stop, count)])

    def _stop(self, look: Look, sides: Mapping[str, Measured]) -> None:
        """Decide which arms need no more worlds."""
        base = sides[BASELINE][PRIMARY]
        found = {}
        for arm in self.question.arms:
            mine = sides[arm.name][PRIMARY]
            found[arm.name] = paired(mine, base[: len(mine)])
        worth = dict.fromkeys(found, _worth(base))
        before = {name: verdict for name, (_, verdict) in self.stopped.items()}
        for name, verdict in verdicts(look, found, worth, before).items():
            if verdict is not None and name not in self.stopped:
                self.stopped[name] = look.worlds, verdict
                self.say(f"{name}: {verdict} after {look.worlds} worlds, so no more of them")

    def _sides(self, results: Results) -> dict[str, Measured]:
        """Arm → measure → (worlds,) values."""
        raw = {m: results.values(m, scenario=self.question.scenario) for m in RAW}
        sides: dict[str, Measured] = {}
        for arm in raw[PRIMARY]:
            there = [w for w in self.worlds if w in raw[PRIMARY][arm]]
            column = {m: np.array([_number(by[arm][w]) for w in there]) for m, by in raw.items()}
            sides[arm] = measured(column, self.origin_s, self.horizon_s, self.question.within_s)
        if self.question.weights:
            self._weigh(results, sides)
        return sides

    def _weigh(self, results: Results, sides: dict[str, Measured]) -> None:
        seen = {s.name for s in self._base.topology.services.values() if s.visible}
        total = {arm: np.zeros(len(m[PRIMARY])) for arm, m in sides.items()}
        for service, arms in results.of_services("lost_min", self.question.scenario).items():
            if service in seen:
                for arm, values in arms.items():
                    mine = [values.get(w) or 0.0 for w in self.worlds if w in values]
                    total[arm] += self.question.weights.get(service, 1.0) * np.array(mine)
        for arm in sides:
            sides[arm] = {**sides[arm], "weighted_minutes_lost": total[arm]}

    @property
    def _base(self) -> Any:
        return self.study.setting.bases[self.question.scenario]

    def _compared(self, results: Results, sides: Mapping[str, Measured]) -> Comparison:
        base = sides[BASELINE]
        arms = tuple(self._arm(arm, sides[arm.name], base) for arm in self.question.arms)
        recovery_s, curves = self._recoveries(results), self._curves(results)
        return Comparison(
            self.question, self.measures, self.worlds, self.left_out,
            {m.name: _value(m, base[m.name]) for m in self.measures}, base,
            judged({"": arms}, self.question.looks[-1].error)[""],
            recovery_s, curves, self.horizon_s, len(arms) * len(self.measures),
        )  # fmt: skip

    def _arm(self, arm: Arm, mine: Measured, base: Measured) -> Compared:
        count, stopped = self.stopped.get(arm.name, (len(self.worlds), None))
        differences = {m.name: _difference(m, mine[m.name], base[m.name]) for m in self.measures}
        last = unclear(self.question.looks[-1], differences[PRIMARY], _worth(base[PRIMARY]))
        return Compared(
            arm, self.worlds[:count], mine, {m.name: _value(m, mine[m.name]) for m in self.measures},
            differences, {}, stopped, stopped or last or Verdict.OPEN,
        )  # fmt: skip

    def _recoveries(self, results: Results) -> dict[str, dict[str, np.ndarray]]:
        found: dict[str, dict[str, np.ndarray]] = {}
        seen = {s.name for s in self._base.topology.services.values() if s.visible}
        for service, arms in results.of_services("recovery_s", self.question.scenario).items():
            if service in seen:
                for arm, values in arms.items():
                    ends = np.array([_number(values[w]) for w in self.worlds if w in values])
                    found.setdefault(arm, {})[service] = np.maximum(ends - self.origin_s, 0.0)
        return found

    def _curves(self, results: Results) -> dict[str, np.ndarray]:
        curves = results.curves(self.question.scenario)
        return {arm: np.array([by[w] for w in self.worlds if w in by]) for arm, by in curves.items()}


def measured(
    column: Mapping[str, np.ndarray], origin_s: float, horizon_s: float, within_s: float
) -> dict[str, np.ndarray]:
    """Measure → (worlds,) values, of the same of RAW. Times count from ``origin_s``, to ``horizon_s`` at
    most; ``within_s``: by when a recovery counts."""
    lasted_s = np.maximum(column["last_recovery_s"] - origin_s, 0.0)
    return {
        PRIMARY: column[PRIMARY],
        "peak_impaired": column["peak_impaired"],
        "time_to_recovery_s": restricted(lasted_s, horizon_s),
        "p_metastable": column["metastable"],
        "p_recovered": (lasted_s <= within_s).astype("f8"),
        "requests_lost": column["requests_lost"],
    }


def _worth(base: np.ndarray) -> float:
    """Of (worlds,) losses without any arm: how much less or more is worth having."""
    return WORTH_RATIO * float(np.mean(base))


def _number(value: float | None) -> float:
    """What never comes is nought: no trouble lasts no time."""
    return 0.0 if value is None else value


def _value(measure: Measure, values: np.ndarray) -> Estimate | Proportion:
    return wilson(int(values.sum()), len(values)) if measure.is_share else estimate(values)


def _difference(measure: Measure, mine: np.ndarray, base: np.ndarray) -> Difference:
    base = base[: len(mine)]
    return paired_proportions(mine, base) if measure.is_share else paired(mine, base)
