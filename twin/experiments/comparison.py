"""What a comparison comes to: records, their tables, and the words for them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from twin.base.text import counted
from twin.experiments.arms import BASELINE, Arm
from twin.experiments.realizations import Realization
from twin.experiments.tables import Tabular
from twin.model.changes import Mitigation, dearest
from twin.model.scenario import Scenario
from twin.results.metrics import PRIMARY, Metric
from twin.statistics.durations import Survival, survival
from twin.statistics.estimates import Band, Difference, Estimate, curve_band, paired
from twin.statistics.group_sequential import BLOCK, InterimLook, LookVerdict, interim_looks, significant
from twin.statistics.proportions import Proportion
from twin.statistics.recoveries import Recovery, recovery_times

WORTH_RATIO = 0.02  # of the baseline's loss: a smaller difference is not worth having

Columns = Mapping[str, np.ndarray]
"""Metric → (realizations,) values."""
K = TypeVar("K", bound=Hashable)


class ArmVerdict(StrEnum):
    """What a comparison says of an arm, from its primary metric."""

    HELPS = "helps"
    HARMS = "harms"
    HARDLY_HELPS = "hardly helps"
    HARDLY_HARMS = "hardly harms"
    NOT_SIGNIFICANT = LookVerdict.OPEN
    TOO_SMALL = LookVerdict.TOO_SMALL
    IDENTICAL = LookVerdict.IDENTICAL
    NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class ComparisonPlan:
    """What is compared.

    ``worlds``: realizations in which baseline and arms run. ``within_s``: by when a recovery counts as in
    time. ``target``: the service whose minutes lost are the primary metric; '' for all that customers see.
    ``weights``: service → weight of a minute of it, 1 where none is given; empty for no weighted metric.
    ``draws``: sample the uncertain inputs; without, realizations differ in their noise only. ``interim``: an
    arm may stop at an interim look, when its answer is clear. ``comparisons``: how many such comparisons are
    tested together (``adjusted``), and share the error of interim looks.
    """

    scenario: str
    arms: tuple[Arm, ...]
    worlds: int
    within_s: float
    weights: Mapping[str, float] = field(default_factory=dict)
    draws: bool = True
    variant: str = ""
    interim: bool = True
    comparisons: int = 1
    target: str = ""

    @cached_property
    def looks(self) -> tuple[InterimLook, ...]:
        """When the answers are looked at."""
        return interim_looks(self.worlds, BLOCK if self.interim else self.worlds, self.comparisons)

    def of(self, arms: tuple[Arm, ...], worlds: int = 0) -> ComparisonPlan:
        """The same plan for other arms and, if given, another number of realizations."""
        return replace(self, arms=arms, worlds=worlds or self.worlds)


@dataclass(frozen=True)
class ArmResult:
    """One arm beside the baseline.

    ``worlds``: the realizations in which it ran. ``stopped``: why it ran in no more of them. ``otherwise``:
    the verdict on its primary metric if that is not significant.
    """

    arm: Arm
    worlds: tuple[Realization, ...]
    values: Columns
    value: Mapping[str, Estimate | Proportion]
    difference: Mapping[str, Difference]
    significant: Mapping[str, bool]
    stopped: LookVerdict | None = None
    otherwise: LookVerdict = LookVerdict.OPEN

    @property
    def verdict(self) -> ArmVerdict:
        """What can be said of its primary metric."""
        d = self.difference[PRIMARY]
        if d.identical:
            return ArmVerdict.IDENTICAL
        if any(m.coincidence for m in self.mitigations):
            return ArmVerdict.NOT_JUDGED
        if not self.significant[PRIMARY]:
            return ArmVerdict(self.otherwise)
        hardly = abs(d.mean) < WORTH_RATIO * abs(self.value[PRIMARY].mean - d.mean)
        if d.mean < 0:
            return ArmVerdict.HARDLY_HELPS if hardly else ArmVerdict.HELPS
        return ArmVerdict.HARDLY_HARMS if hardly else ArmVerdict.HARMS

    @property
    def mitigations(self) -> tuple[Mitigation, ...]:
        """Those of its changes that are mitigation files, with a cost and a side effect."""
        return tuple(v for v in self.arm.variations if isinstance(v, Mitigation))

    @property
    def ps(self) -> dict[str, float]:
        """Metric → p-value for the test of all together. It is 1 for a test that an interim look gave up: it
        stays in Holm's family, and cannot become significant any more."""
        given_up = self.stopped not in (None, LookVerdict.CLEAR)
        return {m: 1.0 if given_up and m == PRIMARY else d.p for m, d in self.difference.items()}

    def judged(self, significant: Mapping[str, bool]) -> ArmResult:
        """The same with its significant metrics. A test that an interim look called clear has spent its error
        already, and stays significant."""
        clear = {m: s or (m == PRIMARY and self.stopped == LookVerdict.CLEAR) for m, s in significant.items()}
        return replace(self, significant=clear)


def adjusted(arms: Mapping[K, Sequence[ArmResult]], error: float) -> dict[K, tuple[ArmResult, ...]]:
    """The arms of one or more comparisons, with what is significant among all of their tests (Holm).
    ``error``: what interim looks have left of the 5 %."""
    ps = {(k, a.arm.name, m): p for k, mine in arms.items() for a in mine for m, p in a.ps.items()}
    clear = significant(ps, error)
    return {
        k: tuple(a.judged({m: clear[k, a.arm.name, m] for m in a.difference}) for a in mine)
        for k, mine in arms.items()
    }


@dataclass(frozen=True)
class PairedComparison(Tabular):
    """``base``: the scenario. ``invalid``: realizations that were screened out. ``tests``: how many were
    tested together. ``recovery_s``: arm → service → (realizations,) time to recovery; 0 where it was not
    impaired, infinite where it did not recover. ``curves``: arm → (realizations, bins) impaired services.
    ``matched``: (realizations,) whether the event happens in the baseline; None if the scenario does not say
    what that is.
    """

    base: Scenario
    plan: ComparisonPlan
    metrics: tuple[Metric, ...]
    worlds: tuple[Realization, ...]
    invalid: int
    baseline: Mapping[str, Estimate | Proportion]
    values: Columns
    arms: tuple[ArmResult, ...]
    recovery_s: Mapping[str, Mapping[str, np.ndarray]]
    curves: Mapping[str, np.ndarray]
    horizon_s: float
    tests: int
    matched: np.ndarray | None = None

    def __repr__(self) -> str:
        first = [f"{a.arm.name}: {a.verdict}" for a in self.ranking[:3]]
        verdicts = "; ".join([*first, "…"] if len(self.arms) > len(first) else first)
        size = f"{counted(len(self.arms), 'arm')} in {counted(len(self.worlds), 'world')}"
        return f"{type(self).__name__}({size}: {verdicts})"

    @cached_property
    def ranking(self) -> tuple[ArmResult, ...]:
        """The arm that loses least first; equal ones by name."""
        return tuple(sorted(self.arms, key=lambda a: (a.difference[PRIMARY].mean, a.arm.name)))

    @cached_property
    def in_matched(self) -> dict[str, dict[str, Difference]]:
        """Arm → metric → its difference in the worlds in which the event happens, the arm that loses least
        there first. Empty if there are fewer than two such worlds, or if all are."""
        if self.matched is None or self.matched.all():
            return {}
        found = {a.arm.name: self._differences_in(a, self.matched[: len(a.worlds)]) for a in self.arms}
        some = {name: by_metric for name, by_metric in found.items() if by_metric}
        return dict(sorted(some.items(), key=lambda pair: (pair[1][PRIMARY].mean, pair[0])))

    def _differences_in(self, a: ArmResult, keep: np.ndarray) -> dict[str, Difference]:
        if keep.sum() < 2:
            return {}
        totals = [m.name for m in self.metrics if not m.is_share]
        return {m: paired(a.values[m][keep], self.values[m][: len(keep)][keep]) for m in totals}

    def survival(self, arm: str, service: str) -> Survival:
        """Share of the realizations in which a service has not recovered yet, over time."""
        return survival(self.recovery_s[arm][service], self.horizon_s)

    def band(self, arm: str) -> Band:
        """Services impaired at once, over time."""
        return curve_band(self.curves[arm])

    @cached_property
    def services(self) -> dict[str, dict[str, Recovery]]:
        """Service → arm → its time to recovery, and the difference from the baseline's."""
        return recovery_times(self.recovery_s, BASELINE, self.horizon_s)

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row a metric of the baseline, then of each arm: value and difference with their intervals."""
        for m in self.metrics:
            yield self._row(BASELINE, m.name, len(self.worlds), self.baseline[m.name], None, None)
        for a in self.ranking:
            for m in self.metrics:
                clear = a.significant[m.name]
                yield self._row(
                    a.arm.name, m.name, len(a.worlds), a.value[m.name], a.difference[m.name], clear
                )

    def _row(
        self, name: str, metric: str, worlds: int, e: Estimate | Proportion, d: Difference | None,
        clear: bool | None,
    ) -> dict[str, Any]:  # fmt: skip
        return {
            "scenario": self.plan.scenario, "mitigation": name, "metric": metric, "worlds": worlds,
            "mean": e.mean, "low": e.low, "high": e.high,
            "difference": d and d.mean, "difference_low": d and d.low, "difference_high": d and d.high,
            "p": d and d.p, "significant": clear,
        }  # fmt: skip

    def summary(self) -> Iterator[tuple[object, ...]]:
        """The rows of ``table()``: the primary metric of each arm."""
        for a in self.ranking:
            d, v = a.difference[PRIMARY], a.value[PRIMARY]
            yield a.arm.name, str(a.verdict), len(a.worlds), v.mean, d.mean, d.low, d.high

    headings = ("mitigation", "verdict", "worlds", "minutes lost", "difference", "low", "high")

    def as_json(self) -> dict[str, Any]:
        """As ``twin compare --json`` prints it; null where an interval is infinite."""
        return {
            "scenario": self.plan.scenario, "worlds": len(self.worlds), "invalid": self.invalid,
            "within_s": self.plan.within_s, "horizon_s": self.horizon_s, "tests": self.tests,
            "metrics": [{"name": m.name, "unit": m.unit, "better": m.better} for m in self.metrics],
            "baseline": {name: e.as_json() for name, e in self.baseline.items()},
            "matched": self._matched(),
            "mitigations": [self._arm(a) for a in self.ranking],
            "services": {
                service: {arm: r.as_json() for arm, r in arms.items()}
                for service, arms in self.services.items()
            },
        }  # fmt: skip

    def _matched(self) -> dict[str, Any] | None:
        """The worlds in which the event happens, and the differences in them; None if nothing defines it."""
        if self.matched is None:
            return None
        differences = {
            name: {metric: d.as_json() for metric, d in by_metric.items()}
            for name, by_metric in self.in_matched.items()
        }
        about = {"outcomes": list(self.base.scoring.matched), "worlds": int(self.matched.sum())}
        return {**about, "difference": differences}

    def _arm(self, a: ArmResult) -> dict[str, Any]:
        return {
            "name": a.arm.name, "worlds": len(a.worlds), "verdict": a.verdict,
            "cost": cost.class_ if (cost := dearest(a.arm.variations)) else None,
            "side_effects": [
                {"mitigation": m.name, "side_effect": m.side_effect, "shown_by": m.shown_by,
                 "shown": bool(m.shows)}
                for m in a.mitigations if m.side_effect
            ],
            "hangs_on": [m.coincidence for m in a.mitigations if m.coincidence],
            "stopped": a.stopped,
            "value": {name: e.as_json() for name, e in a.value.items()},
            "difference": {
                name: d.as_json() | {"significant": a.significant[name]}
                for name, d in a.difference.items()
            },
        }  # fmt: skip
