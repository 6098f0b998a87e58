"""Which changes would have helped, by how much, and how certain that is.

Baseline and arms run in the same realizations (common random numbers), so the difference is taken within
each. Invalid realizations are left out and replaced (``screening``). All times count from the scenario's
first input, on one clock. So a duration that outlasts the run is censored at the same moment in all of them.
Therefore a restricted mean is a mean (``twin.statistics.durations``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from twin.experiments.answers import Results
from twin.experiments.arms import BASELINE, Arm
from twin.experiments.comparison import (
    WORTH_RATIO,
    ArmResult,
    Columns,
    ComparisonPlan,
    PairedComparison,
    adjusted,
)
from twin.experiments.questions import MATCHED
from twin.experiments.realizations import Realization, first_input_s, realizations
from twin.experiments.screening import TRIES, screened
from twin.experiments.study import Job, Study
from twin.results.metrics import OF_RUN, PRIMARY, RAW, WEIGHTED, Metric, of_runs
from twin.statistics.estimates import Difference, Estimate, estimate, paired
from twin.statistics.group_sequential import InterimLook, LookVerdict, least_worlds, unclear, verdicts
from twin.statistics.proportions import Proportion, paired_proportions, wilson

WITHIN_S = 6 * 3600.0


def warning(plan: ComparisonPlan, arms: int = 0) -> str:
    """What to say before a comparison that is too small to find anything; '' if it is large enough."""
    tests = (arms or len(plan.arms)) * len(metrics_of(plan)) * plan.comparisons
    least = least_worlds(tests, plan.looks[-1].error)
    if plan.worlds >= least:
        return ""
    return (f"{plan.worlds} worlds are too few for {tests} tests together: no difference, however large, can "
            f"be significant. It takes {least} or more.")  # fmt: skip


def metrics_of(plan: ComparisonPlan) -> tuple[Metric, ...]:
    """The metrics of a comparison, the primary one first."""
    kept = [m for m in OF_RUN if plan.weights or m.name != WEIGHTED]
    if plan.target:
        kept[0] = replace(kept[0], title=f"minutes lost of {plan.target}", view="lost_min")
    return tuple(kept)


def planned_runs(plan: ComparisonPlan) -> dict[Job, int]:
    """A run of each side → in how many worlds it is planned."""
    (world,) = realizations(1, draws=plan.draws, variant=plan.variant)
    return {Job(plan.scenario, arm, world): plan.worlds for arm in (Arm(), *plan.arms)}


def compared(study: Study, plan: ComparisonPlan) -> PairedComparison:
    """Run what is missing, and put every arm beside the baseline. Raises NoWorlds, WorkerLost."""
    return _Comparing(study, plan).result()


class _Comparing:
    """A comparison under way: which realizations there are, and which arms go on."""

    def __init__(self, study: Study, plan: ComparisonPlan) -> None:
        self.study, self.plan = study, plan
        self.worlds: tuple[Realization, ...] = ()
        self.invalid = 0
        self.stopped: dict[str, tuple[int, LookVerdict]] = {}
        self.base = study.setting.bases[plan.scenario]
        self.origin_s = first_input_s(self.base)
        self.horizon_s = self.base.duration_s - self.origin_s
        self.metrics = metrics_of(plan)

    def result(self) -> PairedComparison:
        plan = self.plan
        for look in plan.looks:
            found = screened(self.study, plan.scenario, look.worlds, most=TRIES * plan.worlds,
                             draws=plan.draws, variant=plan.variant)  # fmt: skip
            self.worlds, self.invalid = found.valid, found.invalid
            results = self.study.do(self._jobs(look.worlds))
            if not look.last:
                self._stop(look, self._sides(results))
        return self._compared(results, self._sides(results))

    def _jobs(self, count: int) -> Iterator[Job]:
        for arm in (Arm(), *self.plan.arms):
            stop, _ = self.stopped.get(arm.name, (count, None))
            yield from (Job(self.plan.scenario, arm, r) for r in self.worlds[: min(stop, count)])

    def _stop(self, look: InterimLook, sides: Mapping[str, Columns]) -> None:
        """Decide which arms need no more realizations."""
        base = sides[BASELINE][PRIMARY]
        differences = {}
        for arm in self.plan.arms:
            mine = sides[arm.name][PRIMARY]
            differences[arm.name] = paired(mine, base[: len(mine)])
        worth = dict.fromkeys(differences, _worth(base))
        before = {name: verdict for name, (_, verdict) in self.stopped.items()}
        for name, verdict in verdicts(look, differences, worth, before).items():
            if verdict is not None and name not in self.stopped:
                self.stopped[name] = look.worlds, verdict
                self.study.say(f"{name}: {verdict} after {look.worlds} worlds, so it stops there")

    def _sides(self, results: Results) -> dict[str, Columns]:
        """Arm → metric → (realizations,) values."""
        raw = {m: results.values(m, scenario=self.plan.scenario) for m in RAW}
        if self.plan.target:
            raw[PRIMARY] = results.values("lost_min", self.plan.target, self.plan.scenario)
        sides: dict[str, Columns] = {}
        for arm in raw[PRIMARY]:
            mine = [r for r in self.worlds if r in raw[PRIMARY][arm]]
            column = {m: np.array([_number(by[arm][r]) for r in mine]) for m, by in raw.items()}
            sides[arm] = of_runs(column, self.origin_s, self.horizon_s, self.plan.within_s)
        if self.plan.weights:
            self._weigh(results, sides)
        return sides

    def _weigh(self, results: Results, sides: dict[str, Columns]) -> None:
        visible = {s.name for s in self.base.topology.services.values() if s.visible}
        total = {arm: np.zeros(len(m[PRIMARY])) for arm, m in sides.items()}
        for service, arms in results.of_services("lost_min", self.plan.scenario).items():
            if service in visible:
                for arm, values in arms.items():
                    mine = [values.get(r) or 0.0 for r in self.worlds if r in values]
                    total[arm] += self.plan.weights.get(service, 1.0) * np.array(mine)
        for arm in sides:
            sides[arm] = {**sides[arm], WEIGHTED: total[arm]}

    def _compared(self, results: Results, sides: Mapping[str, Columns]) -> PairedComparison:
        base = sides[BASELINE]
        arms = tuple(self._arm(arm, sides[arm.name], base) for arm in self.plan.arms)
        return PairedComparison(
            self.base, self.plan, self.metrics, self.worlds, self.invalid,
            {m.name: _value(m, base[m.name]) for m in self.metrics}, base,
            adjusted({"": arms}, self.plan.looks[-1].error)[""],
            self._recoveries(results), self._curves(results), self.horizon_s, len(arms) * len(self.metrics),
            self._matched(results),
        )  # fmt: skip

    def _matched(self, results: Results) -> np.ndarray | None:
        """(realizations,) whether the event happens in the baseline."""
        if self.base.published is None or not self.base.scoring.matched:
            return None
        found = results.values(MATCHED, scenario=self.plan.scenario)[BASELINE]
        return np.array([bool(found.get(r)) for r in self.worlds])

    def _arm(self, arm: Arm, mine: Columns, base: Columns) -> ArmResult:
        count, stopped = self.stopped.get(arm.name, (len(self.worlds), None))
        differences = {m.name: _difference(m, mine[m.name], base[m.name]) for m in self.metrics}
        last = unclear(self.plan.looks[-1], differences[PRIMARY], _worth(base[PRIMARY]))
        return ArmResult(
            arm, self.worlds[:count], mine, {m.name: _value(m, mine[m.name]) for m in self.metrics},
            differences, {}, stopped, stopped or last or LookVerdict.OPEN,
        )  # fmt: skip

    def _recoveries(self, results: Results) -> dict[str, dict[str, np.ndarray]]:
        found: dict[str, dict[str, np.ndarray]] = {}
        visible = {s.name for s in self.base.topology.services.values() if s.visible}
        for service, arms in results.of_services("recovery_s", self.plan.scenario).items():
            if service in visible:
                for arm, values in arms.items():
                    ends = np.array([_number(values[r]) for r in self.worlds if r in values])
                    found.setdefault(arm, {})[service] = np.maximum(ends - self.origin_s, 0.0)
        return found

    def _curves(self, results: Results) -> dict[str, np.ndarray]:
        curves = results.curves(self.plan.scenario)
        return {arm: np.array([by[r] for r in self.worlds if r in by]) for arm, by in curves.items()}


def _worth(base: np.ndarray) -> float:
    """The smallest difference worth having, for (realizations,) losses of the baseline."""
    return WORTH_RATIO * float(np.mean(base))


def _number(value: float | None) -> float:
    """A missing value counts as 0: trouble that never began lasts no time."""
    return 0.0 if value is None else value


def _value(metric: Metric, values: np.ndarray) -> Estimate | Proportion:
    return wilson(int(values.sum()), len(values)) if metric.is_share else estimate(values)


def _difference(metric: Metric, mine: np.ndarray, base: np.ndarray) -> Difference:
    base = base[: len(mine)]
    return paired_proportions(mine, base) if metric.is_share else paired(mine, base)
