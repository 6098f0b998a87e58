"""Which changes would have helped, how much, and how sure one can be.

Baseline and each arm run in the same worlds (common random numbers), so what is compared is the difference in
each world. A world that is ill, in which something is impaired before anything has happened, contradicts the
scenario; it is left out, and another drawn in its place. All times count from the scenario's first input, on
one clock: so whatever has not ended at the end of the run is censored at the same moment in all of them, and
a restricted mean is a mean (``twin.statistics.durations``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from twin.statistics.durations import Survival, restricted, survival
from twin.statistics.estimates import Band, Difference, Estimate, curve_band, estimate, paired
from twin.statistics.families import Verdict, distinguishable, looks, verdicts
from twin.statistics.proportions import Proportion, paired_proportions, wilson
from twin.statistics.recoveries import Recovery, recoveries
from twin.studies.arms import BASELINE, Arm
from twin.studies.study import Job, Results, Study, beginning_of, first_input_s
from twin.studies.worlds import World, worlds

WORTH_RATIO = 0.02  # of the baseline's loss: less is no difference worth having
TRIES = 4  # worlds drawn for each that is asked for, before giving up
PRIMARY = "service_minutes_lost"

Measured = Mapping[str, np.ndarray]
Note = Callable[[str], None]


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
    Measure("p_recovered", "all well within the horizon", "ratio", "higher", True),
    Measure("requests_lost", "customers' requests lost", "count"),
)


RAW = (PRIMARY, "peak_impaired", "last_recovery_s", "metastable", "requests_lost")  # what they are made of


class NoWorlds(Exception):
    """In nearly every draw something is impaired before anything happens."""


@dataclass(frozen=True)
class Question:
    """What is compared. ``within_s``: by when a recovery counts. ``weights``: service → weight of a minute of
    it, 1 where nothing is said; empty for no weighing. ``draws``: of the numbers that nobody knows; without,
    worlds differ in their noise. ``early``: an arm may stop where its answer is clear."""

    scenario: str
    arms: tuple[Arm, ...]
    replicates: int
    within_s: float
    weights: Mapping[str, float] = field(default_factory=dict)
    draws: bool = True
    variant: str = ""
    early: bool = True

    def of(self, arms: tuple[Arm, ...], replicates: int = 0) -> Question:
        """The same of other arms and, if given, in another number of worlds."""
        return replace(self, arms=arms, replicates=replicates or self.replicates)


@dataclass(frozen=True)
class Compared:
    """One arm beside the baseline. ``worlds``: in which it ran; ``stopped``: why in no more."""

    arm: Arm
    worlds: tuple[World, ...]
    values: Measured
    value: Mapping[str, Estimate | Proportion]
    difference: Mapping[str, Difference]
    distinguishable: Mapping[str, bool]
    stopped: Verdict | None = None

    @property
    def words(self) -> str:
        """What can be said of its primary measure."""
        d = self.difference[PRIMARY]
        if d.identical:
            return "no difference at all"
        if not self.distinguishable[PRIMARY]:
            return "cannot be told apart" if self.stopped != Verdict.TOO_SMALL else str(self.stopped)
        return "helps" if d.mean < 0 else "harms"


@dataclass(frozen=True)
class Comparison:
    """``left_out``: worlds that were ill. ``recovery_s``: arm → service → (worlds,) time to recovery; nought
    where nothing happened, infinite where it did not come back."""

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
            "within_s": self.question.within_s, "horizon_s": self.horizon_s,
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
        self.worlds: list[World] = []
        self.tried = 0
        self.stopped: dict[str, tuple[int, Verdict]] = {}
        base = study.setting.bases[question.scenario]
        self.origin_s = first_input_s(base)
        self.horizon_s = base.duration_s - self.origin_s
        self.measures = tuple(m for m in MEASURES if question.weights or not m.name.startswith("weighted"))

    def result(self) -> Comparison:
        q = self.question
        plan = looks(q.replicates) if q.early else looks(q.replicates, q.replicates)
        for look in plan:
            self._draw(look.worlds)
            results = self._do([*self._jobs(look.worlds)])
            if not look.last:
                self._stop(look, self._sides(results))
        return self._compared(results, self._sides(results), plan[-1].error)

    def _do(self, jobs: Sequence[Job]) -> Results:
        before = self.made

        def count(done: int, _: int) -> None:
            self.made = before + done
            self.tick(self.made)

        return self.study.do(jobs, count)

    def _draw(self, count: int) -> None:
        """Find so many worlds that begin well."""
        q = self.question
        while len(self.worlds) < count:
            if self.tried >= TRIES * q.replicates:
                raise NoWorlds(f"{len(self.worlds)} of {self.tried} worlds begin well")
            new = worlds(count - len(self.worlds), draws=q.draws, variant=q.variant, first=self.tried + 1)
            self.tried += len(new)
            ill = self._ill(new)
            self.worlds += [w for w in new if w not in ill]

    def _ill(self, new: Sequence[World]) -> set[World]:
        """Those that do not begin well. A run to the first input shows it, and costs little."""
        if not self.origin_s:
            return set()
        name = beginning_of(self.question.scenario)
        return self.study.do([Job(name, Arm(), w) for w in new]).ill(name)

    def _jobs(self, count: int) -> Iterator[Job]:
        for arm in (Arm(), *self.question.arms):
            stop, _ = self.stopped.get(arm.name, (count, None))
            yield from (Job(self.question.scenario, arm, w) for w in self.worlds[: min(stop, count)])

    def _stop(self, look: Any, sides: Mapping[str, Measured]) -> None:
        """Decide which arms need no more worlds."""
        base = sides[BASELINE][PRIMARY]
        found = {}
        for arm in self.question.arms:
            mine = sides[arm.name][PRIMARY]
            found[arm.name] = paired(mine, base[: len(mine)])
        worth = dict.fromkeys(found, WORTH_RATIO * float(np.mean(base)))
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

    def _compared(self, results: Results, sides: Mapping[str, Measured], error: float) -> Comparison:
        base = sides[BASELINE]
        differences = {
            (arm.name, m.name): _difference(m, sides[arm.name][m.name], base[m.name])
            for arm in self.question.arms for m in self.measures
        }  # fmt: skip
        told = distinguishable({key: d.p for key, d in differences.items()}, error)
        arms = tuple(self._arm(arm, sides[arm.name], differences, told) for arm in self.question.arms)
        recovery_s, curves = self._recoveries(results), self._curves(results)
        left_out = self.tried - len(self.worlds)
        return Comparison(
            self.question, self.measures, tuple(self.worlds), left_out,
            {m.name: _value(m, base[m.name]) for m in self.measures}, base, arms,
            recovery_s, curves, self.horizon_s,
        )  # fmt: skip

    def _arm(
        self, arm: Arm, mine: Measured, differences: Mapping[Any, Difference], told: Mapping[Any, bool]
    ) -> Compared:
        count, verdict = self.stopped.get(arm.name, (len(self.worlds), None))
        clear = {m.name: told[arm.name, m.name] for m in self.measures}
        clear[PRIMARY] |= verdict == Verdict.CLEAR
        return Compared(
            arm, tuple(self.worlds[:count]), mine,
            {m.name: _value(m, mine[m.name]) for m in self.measures},
            {m.name: differences[arm.name, m.name] for m in self.measures}, clear, verdict,
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


def _number(value: float | None) -> float:
    """What never comes is nought: no trouble lasts no time."""
    return 0.0 if value is None else value


def _value(measure: Measure, values: np.ndarray) -> Estimate | Proportion:
    return wilson(int(values.sum()), len(values)) if measure.is_share else estimate(values)


def _difference(measure: Measure, mine: np.ndarray, base: np.ndarray) -> Difference:
    base = base[: len(mine)]
    return paired_proportions(mine, base) if measure.is_share else paired(mine, base)

