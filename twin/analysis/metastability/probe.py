"""What a service does when it is pushed: one run of its small world a push, and a verdict.

A push sets parameters for a while; the verdict looks at what is left of it afterwards. *Well* is not
impaired, by the twin's own levels (``twin/base/thresholds.py``). What is not well yet but on its way is
*recovering*,
and is watched for longer. What is neither is *stuck*: the push has tipped it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from twin.analysis.metastability.isolate import Isolated, value_of, with_values
from twin.analysis.metastability.moment import samples_of
from twin.base.thresholds import IMPAIRED_RATIO, SLOW_RATIO
from twin.model.scenario import Intervention
from twin.simulation import inline
from twin.simulation.run import schedule_for
from twin.simulation.world import build

NEVER_S = 3600.0  # a time-out from here on is a workflow's, and strikes nobody
LONGER = (1, 3, 9)  # times the horizon, while it is recovering
PROGRESS = 1e-9  # share that must go from one quarter of the time to the next: less is no progress
HOPE = 1e-4  # the same for work of its own, whose goodput is never quite 0 (MODELLING 1.3.2)
LEFT = 0.2  # share of what is there now that may be left at the end of an extrapolation to nothing
WARM_PERIODS = 30

Settings = Mapping[str, float | str | bool]


@dataclass(frozen=True)
class Push:
    """Set ``settings`` at ``at_s`` after the warm-up; for ``for_s``, or for good."""

    settings: Settings
    at_s: float = 0.0
    for_s: float | None = None


class Outlook(StrEnum):
    """Where a service is heading once the push is over."""

    WELL = "well"
    RECOVERING = "recovering"
    STUCK = "stuck"


@dataclass(frozen=True)
class Aftermath:
    """What is left of a push; the numbers are means of the last quarter.

    ``pushed_backlog_count`` is the backlog at the end of the last push that ends. ``after_s`` is the time
    from there until it was well for good, inf if it never was.
    """

    state: Outlook
    error_ratio: float
    goodput_per_s: float
    backlog_count: float
    pushed_backlog_count: float
    after_s: float

    @property
    def is_stuck(self) -> bool:
        return self.state is Outlook.STUCK


@dataclass
class Bench:
    """Pushes one isolated service, and counts the runs; its verdicts' counts are times ``scale``."""

    alone: Isolated
    scale: float = 1.0
    runs: int = 0
    _known: dict[tuple, Aftermath] = field(default_factory=dict)

    @property
    def period_s(self) -> float:
        """Shortest time that a sample tells anything about."""
        return self.alone.scenario.topology.signal_period_s

    @property
    def warm_s(self) -> float:
        """Time before the first push."""
        return WARM_PERIODS * self.period_s

    @property
    def pace_s(self) -> float:
        """The time scale on which the service moves."""
        return max(10.0 * self.period_s, pace_s(self.alone))

    @property
    def horizon_s(self) -> float:
        """How long to watch, at first, after the last push."""
        return 20.0 * self.pace_s

    @property
    def longest_s(self) -> float:
        """The longest trigger that is tried."""
        return (100.0 if self.alone.about.own_work is None else 40.0) * self.pace_s

    def push(self, *pushes: Push) -> Aftermath:
        """The verdict on a run with these pushes; the same one again costs nothing."""
        key = tuple((p.at_s, p.for_s, *sorted(p.settings.items())) for p in pushes)
        if key not in self._known:
            self._known[key] = self._push(pushes)
        return self._known[key]

    def _push(self, pushes: tuple[Push, ...]) -> Aftermath:
        end_s = self.warm_s + max((p.at_s + (p.for_s or 0.0) for p in pushes), default=0.0)
        for factor in LONGER:
            rows = self.rows(pushes, end_s + factor * self.horizon_s)
            found = self.judge(rows, round(self.warm_s / self.period_s), round(end_s / self.period_s),
                               final=factor == LONGER[-1])  # fmt: skip
            if found.state is not Outlook.RECOVERING:
                break
        return found

    def from_start(self, parameter: str, value: float) -> Aftermath:
        """The verdict on a world that begins with another value of a parameter of the service."""
        quiet = self.rows((), self.warm_s)
        scenario = self.alone.scenario
        record = with_values(self.alone.record, {parameter: value}, "a push")
        services = scenario.topology.services | {record.name: record}
        topology = scenario.topology.model_copy(update={"services": services})
        other = Bench(replace(self.alone, scenario=scenario.model_copy(update={"topology": topology})))
        for factor in LONGER:
            self.runs += 1
            rows = np.concatenate([quiet, other.rows((), factor * self.horizon_s)])
            found = self.judge(rows, len(quiet), len(quiet), final=factor == LONGER[-1])
            if found.state is not Outlook.RECOVERING:
                break
        return found

    def judge(self, rows: np.ndarray, warm: int, end: int, final: bool = True) -> Aftermath:
        """As the function of that name, for this service."""
        progress = PROGRESS if self.alone.about.own_work is None else HOPE
        found = aftermath_of(rows, warm, end, self.period_s, progress, final)
        return replace(
            found, goodput_per_s=self.scale * found.goodput_per_s,
            backlog_count=self.scale * found.backlog_count,
            pushed_backlog_count=self.scale * found.pushed_backlog_count,
        )  # fmt: skip

    def rows(self, pushes: tuple[Push, ...], duration_s: float) -> np.ndarray:
        """Samples of the service, one a signal period, of the small world with these pushes."""
        self.runs += 1
        periods = max(1, round(duration_s / self.period_s))
        scenario = self.alone.scenario.model_copy(
            update={"duration_s": periods * self.period_s,
                    "faults": tuple(_fault(n, p, self.warm_s) for n, p in enumerate(pushes))}
        )  # fmt: skip
        model = build(scenario, seed=scenario.seed)
        done = inline.run_inline(
            model, schedule_for(model, scenario), round(scenario.duration_s / scenario.tick_s)
        )
        return samples_of(model, self.alone.service, done.samples)


def _fault(n: int, push: Push, warm_s: float) -> Intervention:
    timed = {} if push.for_s is None else {"for": push.for_s}
    return Intervention.model_validate(
        {"id": f"push-{n}", "kind": "fault", "at": warm_s + push.at_s, "assumed": "a push", **timed,
         "set": dict(push.settings)}
    )  # fmt: skip


def pace_s(alone: Isolated) -> float:
    """The time in which its own mechanism takes a turn: attempts of a call, or what its kind says."""
    if alone.about.own_work is not None:
        return alone.about.own_work.pace_s(alone.value)
    waits_s = [attempts_s(caller) for caller in alone.callers.values()]
    return max([w for w in waits_s if w < NEVER_S], default=0.0)


def attempts_s(caller: object) -> float:
    """How long a caller's call can last, all attempts and waits together."""
    edge = caller.dependencies[0]  # type: ignore[attr-defined]
    timeout_s, retries = value_of(edge, "timeout_s"), value_of(edge, "retries")
    if edge.mode == "async" or timeout_s >= NEVER_S:
        return math.inf
    backoff_s = min(value_of(edge, "backoff_cap_s"), value_of(edge, "backoff_s") * 2.0**retries)
    return (timeout_s + backoff_s) * (1.0 + retries)


def impaired(rows: np.ndarray, quiet: np.ndarray, period_s: float) -> np.ndarray:
    """Whether each sample is worse than undisturbed, by the twin's levels; bool[len(rows)]."""
    usual_s, usual = float(quiet["latency_s"].mean()), float(quiet["error_ratio"].mean())
    slow = rows["latency_s"] >= SLOW_RATIO * usual_s + period_s
    return (rows["error_ratio"] >= usual + IMPAIRED_RATIO) | slow


def aftermath_of(
    rows: np.ndarray, warm: int, end: int, period_s: float, progress: float, final: bool
) -> Aftermath:
    """The verdict on samples: ``warm`` of them before the push, ``end`` until it was over.

    What is not well recovers if its backlog or its errors fall; where ``final``, towards nothing. A fall by
    less than the share ``progress`` in a quarter of the time is none.
    """
    quiet, after = rows[warm // 2 : warm], rows[end:]
    bad = impaired(after, quiet, period_s)
    last = after[-max(1, len(after) // 4) :]
    falls = any(goes_away(after[x], progress, final) for x in ("backlog_count", "error_ratio"))
    is_well = bool(bad[-max(1, len(after) // 8) :].mean() <= 0.5)
    back_s = (np.flatnonzero(bad)[-1] + 1 if bad.any() else 0) * period_s
    return Aftermath(
        Outlook.WELL if is_well else Outlook.RECOVERING if falls else Outlook.STUCK,
        float(last["error_ratio"].mean()), float(last["goodput_per_s"].mean()),
        float(last["backlog_count"].mean()), float(rows["backlog_count"][max(0, end - 1)]),
        back_s if is_well else math.inf,
    )  # fmt: skip


def goes_away(values: np.ndarray, progress: float, for_good: bool) -> bool:
    """Whether ``values`` fall, and, if ``for_good``, not towards a level of their own.

    It compares the means of the last three quarters. If a fall is at least as large as the one before, the
    values go on falling. If falls shrink, a geometric series gives the level at which they end.
    """
    quarter = len(values) // 4
    if quarter == 0:
        return False
    first, then, now = values[len(values) - 3 * quarter :].reshape(3, quarter).mean(axis=1)
    if then - now <= progress * now:
        return False
    if not for_good or then - now >= first - then:
        return True
    end = now - (then - now) ** 2 / ((first - then) - (then - now))
    return bool(end <= LEFT * now)


Say = Callable[[str], None]
