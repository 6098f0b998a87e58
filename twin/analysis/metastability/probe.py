"""What a service does when it is pushed: one run of its small world a push, and a verdict.

A push sets parameters for a while; the verdict looks at what is left of it afterwards. *Well* is not
impaired, by the twin's own levels (``twin/base/thresholds.py``). What is not well yet but on its way is
*recovering*, and is watched for longer. What needs longer than a stated time is *drifting*. What does not
move is *stuck*. Both count as collapsed: the push has tipped it. The stated time begins when the work that
the push left behind could have been done, with the capacity that new calls leave: to work off a queue is no
collapse. On a loop of several services, the verdict is that of the worst of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from twin.analysis.metastability.isolate import Isolated
from twin.analysis.metastability.loads import value_of, with_values
from twin.analysis.metastability.loop import capacity_of
from twin.analysis.metastability.moment import samples_of
from twin.base.thresholds import IMPAIRED_RATIO, SLOW_RATIO
from twin.model.scenario import Dependency, Intervention
from twin.simulation import inline
from twin.simulation.run import schedule_for
from twin.simulation.world import build

NEVER_S = 3600.0  # a time-out from here on is a workflow's, and strikes nobody
LONGER = (1, 3, 9)  # times the horizon, while it is recovering
PROGRESS = 1e-9  # share that must go from one quarter of the time to the next: less is no progress
HOPE = 1e-4  # the same for work of its own, whose goodput is never quite 0 (MODELLING 1.3.2)
LEFT = 0.2  # share of what is there now that may be left at the end of an extrapolation to nothing
WARM_PERIODS = 30
MARGIN = 2.0  # a backlog may take twice the time that its work needs
HEALS_WITHIN_S = 1800.0  # what is still impaired half an hour after every fault has ended is metastable

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
    DRIFTING = "drifting"
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
        """Whether it has collapsed: it does not come back, or not in the stated time."""
        return self.state in (Outlook.STUCK, Outlook.DRIFTING)


@dataclass
class Bench:
    """Pushes one isolated service, and counts the runs; its verdicts' counts are times ``scale``.

    ``heals_within_s``: what needs longer than this to be well again has collapsed.
    """

    alone: Isolated
    scale: float = 1.0
    heals_within_s: float = HEALS_WITHIN_S
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
            rows = self.each_rows(pushes, end_s + factor * self.horizon_s)
            found = self.judge(rows, round(self.warm_s / self.period_s), round(end_s / self.period_s),
                               final=factor == LONGER[-1])  # fmt: skip
            if found.state is not Outlook.RECOVERING:
                break
        return found

    def from_start(self, parameter: str, value: float) -> Aftermath:
        """The verdict on a world that begins with another value of a parameter of the service."""
        quiet = self.each_rows((), self.warm_s)
        scenario = self.alone.scenario
        record = with_values(self.alone.record, {parameter: value}, "a push")
        services = scenario.topology.services | {record.name: record}
        topology = scenario.topology.model_copy(update={"services": services})
        other = Bench(replace(self.alone, scenario=scenario.model_copy(update={"topology": topology})))
        for factor in LONGER:
            self.runs += 1
            then = other.each_rows((), factor * self.horizon_s)
            rows = [np.concatenate(both) for both in zip(quiet, then, strict=True)]
            found = self.judge(rows, len(quiet[0]), len(quiet[0]), final=factor == LONGER[-1])
            if found.state is not Outlook.RECOVERING:
                break
        return found

    def judge(self, rows: list[np.ndarray], warm: int, end: int, final: bool = True) -> Aftermath:
        """As ``aftermath_of``, for the loop: ``rows`` of each member; the numbers are the service's own."""
        progress = HOPE if self.alone.about.own_work is not None or self.alone.is_single else PROGRESS
        waiting = np.sum([samples["backlog_count"] for samples in rows], axis=0)
        drains_s = [drain_s(member, samples[warm // 2 : warm], samples[max(0, end - 1) : end + 1])
                    for member, samples in zip(self.alone.each, rows, strict=True)]  # fmt: skip
        allowed_s = self.heals_within_s + max(drains_s)
        found = [aftermath_of(samples, warm, end, self.period_s, progress, final, allowed_s, waiting)
                 for samples in rows]  # fmt: skip
        worst = max(found, key=lambda aftermath: list(Outlook).index(aftermath.state))
        return replace(
            found[0], state=worst.state, after_s=max(aftermath.after_s for aftermath in found),
            goodput_per_s=self.scale * found[0].goodput_per_s,
            backlog_count=self.scale * found[0].backlog_count,
            pushed_backlog_count=self.scale * found[0].pushed_backlog_count,
        )  # fmt: skip

    def rows(self, pushes: tuple[Push, ...], duration_s: float) -> np.ndarray:
        """Samples of the service, one a signal period, of the small world with these pushes."""
        return self.each_rows(pushes, duration_s)[0]

    def each_rows(self, pushes: tuple[Push, ...], duration_s: float) -> list[np.ndarray]:
        """The same of each member of its loop."""
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
        return [samples_of(model, name, done.samples) for name in self.alone.members]


def _fault(n: int, push: Push, warm_s: float) -> Intervention:
    timed = {} if push.for_s is None else {"for": push.for_s}
    return Intervention.model_validate(
        {"id": f"push-{n}", "kind": "fault", "at": warm_s + push.at_s, "assumed": "a push", **timed,
         "set": dict(push.settings)}
    )  # fmt: skip


def pace_s(alone: Isolated) -> float:
    """The time in which its own mechanism takes a turn: attempts of a call, or what its kind says."""
    turns_s = [m.about.own_work.pace_s(m.value) for m in alone.each if m.about.own_work is not None]
    turns_s += [m.about.pace_s(m.value) for m in alone.each if m.about.pace_s is not None]
    within = [d for m in alone.each for d in m.record.dependencies if d.on in alone.members]
    if alone.about.own_work is None:
        within += [caller.dependencies[0] for caller in alone.callers.values()]
    waits_s = [attempts_s(edge) for edge in within]
    return max([*turns_s, *(w for w in waits_s if w < NEVER_S)], default=0.0)


def attempts_s(edge: Dependency) -> float:
    """How long a caller's call can last, all attempts and waits together."""
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


def drain_s(alone: Isolated, quiet: np.ndarray, rows: np.ndarray) -> float:
    """The time in which the service could work off its backlog, beside first tries; 0 if nobody knows."""
    spare_per_s = _most_per_s(alone, quiet)
    if alone.about.own_work is None:
        spare_per_s -= alone.load_per_s
    if not 0.0 < spare_per_s < math.inf or not len(rows):
        return 0.0
    return MARGIN * float(rows["backlog_count"].max()) / spare_per_s


def _most_per_s(alone: Isolated, quiet: np.ndarray) -> float:
    """Calls a second that it can serve; workers are held as long as undisturbed calls take."""
    capacity_per_s = capacity_of(alone.record)
    workers = alone.value("workers_count") if alone.has("workers_count") else 0.0
    held_s = float(quiet["latency_s"].mean()) if workers > 0.0 and len(quiet) else 0.0
    return min(capacity_per_s, workers / held_s) if held_s > 0.0 else capacity_per_s


def aftermath_of(
    rows: np.ndarray, warm: int, end: int, period_s: float, progress: float, final: bool,
    allowed_s: float = math.inf, waiting: np.ndarray | None = None,
) -> Aftermath:  # fmt: skip
    """The verdict on samples: ``warm`` of them before the push, ``end`` until it was over.

    What is not well recovers if its backlog or its errors fall; where ``final``, towards nothing. A fall by
    less than the share ``progress`` in a quarter of the time is none. What is or will be impaired
    ``allowed_s`` after the push drifts. ``waiting``: the backlog of all on the loop, if it is not alone.
    """
    signs = [rows["backlog_count"] if waiting is None else waiting, rows["error_ratio"]]
    quiet, after = rows[warm // 2 : warm], rows[end:]
    bad = impaired(after, quiet, period_s)
    last = after[-max(1, len(after) // 4) :]
    is_well = bool(bad[-max(1, len(after) // 8) :].mean() <= 0.5)
    back_s = (np.flatnonzero(bad)[-1] + 1 if bad.any() else 0) * period_s
    return Aftermath(
        _outlook([sign[end:] for sign in signs], bad, is_well, period_s, progress, final, allowed_s),
        float(last["error_ratio"].mean()), float(last["goodput_per_s"].mean()),
        float(last["backlog_count"].mean()), float(rows["backlog_count"][max(0, end - 1)]),
        back_s if is_well else math.inf,
    )  # fmt: skip


def _outlook(
    signs: list[np.ndarray], bad: np.ndarray, is_well: bool, period_s: float, progress: float, final: bool,
    allowed_s: float,
) -> Outlook:  # fmt: skip
    watched_s = len(bad) * period_s
    by_then = min(allowed_s, watched_s) / period_s
    late = bad[round(by_then) :][: max(1, round(by_then / 20.0))]
    if is_well:
        return Outlook.DRIFTING if len(late) and late.mean() > 0.5 else Outlook.WELL
    falling = [sign for sign in signs if goes_away(sign, progress, final)]
    if not falling:
        return Outlook.STUCK
    too_long = min(gone_after_s(sign, period_s) for sign in falling) > allowed_s
    return Outlook.DRIFTING if watched_s >= allowed_s or (final and too_long) else Outlook.RECOVERING


def gone_after_s(values: np.ndarray, period_s: float) -> float:
    """When falling values would be gone, from their start, if they went on as in the last quarters; inf:
    never."""
    quarter = len(values) // 4
    then, now = values[len(values) - 2 * quarter :].reshape(2, quarter).mean(axis=1)
    if then <= now:
        return math.inf
    return (len(values) - quarter / 2.0 + now / (then - now) * quarter) * period_s


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
