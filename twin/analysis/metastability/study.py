"""Stable, vulnerable or metastable: one service of a scenario, studied by itself.

*Stable*: no trigger that was tried keeps it down. *Vulnerable*: it is well, and some trigger tips it into a
state that outlasts the trigger. *Metastable*: it is in that state. *Overloaded*: at this load there is no
well state to begin with, which is another trouble.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from twin.analysis.metastability import thermometer
from twin.analysis.metastability.isolate import Isolated, fewer_hosts, isolate, operating_point
from twin.analysis.metastability.laws import Law, attempts, laws
from twin.analysis.metastability.moment import alone_from, lived
from twin.analysis.metastability.probe import Aftermath, Bench, Say, impaired
from twin.analysis.metastability.triggers import Frontier, frontier, triggers
from twin.analysis.metastability.ways import Branch, Way, clear_to, collapse, hysteresis, ways_out
from twin.kinds import about
from twin.model.kind import ClosedForm
from twin.model.scenario import Scenario

NOTHING = "nothing in it sustains a failure of load"
ENDLESS = 1e4  # capacity over load from which on it is never short


class StabilityClass(StrEnum):
    """What a study concludes; see above."""

    STABLE = "stable"
    VULNERABLE = "vulnerable"
    METASTABLE = "metastable"
    OVERLOADED = "overloaded"


@dataclass(frozen=True)
class StabilityStudy:
    """Everything that is known about a service's stability; rates per second, times in s.

    ``moment``: what became of it when it was taken out of the scenario at ``at_s`` and left to itself, None
    if nobody asked. ``tipping_count``: the largest count from which it recovers.
    """

    scenario: str
    service: str
    kind: str
    verdict: StabilityClass
    reason: str
    at_s: float | None
    load_ratio: float
    load_per_s: float
    capacity_per_s: float | None
    attempts: float
    moment: Aftermath | None = None
    impaired_then: bool | None = None
    frontiers: tuple[Frontier, ...] = ()
    ways: tuple[Way, ...] = ()
    tipping_count: float | None = None
    hysteresis: tuple[Branch, ...] = ()
    laws: tuple[Law, ...] = ()
    thermometer: thermometer.Thermometer | None = None
    horizon_s: float = 0.0
    longest_s: float = 0.0
    runs: int = 0

    def __repr__(self) -> str:
        return f"StabilityStudy({self.service} of {self.scenario}: {self.verdict}, {self.runs} runs)"

    @property
    def works_for_itself(self) -> bool:
        """Whether its load is work of its own, and no calls."""
        return about(self.kind).own_work is not None


def study_stability(
    scenario: Scenario, service: str, *, at_s: float | None = None, load: float = 1.0,
    say: Say = lambda text: None,
) -> StabilityStudy:  # fmt: skip
    """Study ``service`` at ``load`` times its operating point.

    ``at_s``: how the scenario, with its faults and actions, has left it by then; None: not looked at. ``say``
    is told what is being tried. Raises KeyError for a service that the topology lacks, ValueError for a
    moment outside the run or a moment of another load.
    """
    if service not in scenario.topology.services:
        raise KeyError(service)
    if at_s is not None and (load != 1.0 or not 0.0 < at_s <= scenario.duration_s):
        raise ValueError("a moment of the scenario has the scenario's load, and lies within its duration")
    say("operating point")
    point = operating_point(scenario, service)
    alone = isolate(scenario, service, point, load)
    found = StabilityStudy(
        scenario.name, service, alone.kind, StabilityClass.STABLE, "", at_s, load, alone.point.load_per_s,
        capacity_of(alone), attempts(alone),
    )  # fmt: skip
    if reason := nothing_to_sustain(alone):
        return _as_it_was(replace(found, reason=reason), scenario, Bench(alone), say)
    return _push_around(found, scenario, alone, say)


def capacity_of(alone: Isolated) -> float | None:
    """Calls a second that the service can take; None if its kind has no such number."""
    if not alone.has("capacity_per_s"):
        return None
    ratio = alone.value("capacity_ratio") if alone.has("capacity_ratio") else 1.0
    return alone.value("capacity_per_s") * ratio


def nothing_to_sustain(alone: Isolated) -> str:
    """Why the service cannot keep itself down, '' if it might."""
    if alone.about.why_passive:
        return f"{NOTHING}: {alone.about.why_passive}"
    if alone.about.closed_form == ClosedForm.STATION:
        capacity, asked = capacity_of(alone) or 0.0, alone.point.load_per_s * attempts(alone)
        if capacity > ENDLESS * asked:
            return (
                f"{NOTHING}: its capacity, {capacity:.3g}/s, is never short of the "
                f"{asked:.3g}/s that come even when every attempt fails"
            )
    return ""


def _as_it_was(found: StabilityStudy, scenario: Scenario, bench: Bench, say: Say) -> StabilityStudy:
    """Not pushed, but taken out of the scenario all the same, if it is asked for: an empty record stays."""
    moment, was_impaired = _moment(found, scenario, bench, say)
    found = replace(found, moment=moment, impaired_then=was_impaired, runs=bench.runs)
    if moment is None or not was_impaired or not moment.is_stuck:
        return found
    verdict, reason = _class_of(found)
    return replace(found, verdict=verdict, reason=reason)


def _push_around(found: StabilityStudy, scenario: Scenario, alone: Isolated, say: Say) -> StabilityStudy:
    bench = Bench(*fewer_hosts(alone))
    found = replace(found, horizon_s=bench.horizon_s, longest_s=bench.longest_s)
    say("without any trigger")
    usual = bench.push()
    if usual.is_stuck:
        reason = f"no trigger needed: alone and undisturbed, {usual.error_ratio:.0%} of its work fails"
        return replace(found, verdict=StabilityClass.OVERLOADED, reason=reason, runs=bench.runs)
    moment, was_impaired = _moment(found, scenario, Bench(alone), say)
    frontiers = tuple(frontier(bench, trigger, say) for trigger in triggers(alone))
    found = replace(found, frontiers=frontiers, moment=moment, impaired_then=was_impaired)
    found = _two_states(found, alone, bench, say)
    verdict, reason = _class_of(found)
    return replace(found, runs=bench.runs, verdict=verdict, reason=reason)


def _moment(
    found: StabilityStudy, scenario: Scenario, bench: Bench, say: Say
) -> tuple[Aftermath | None, bool | None]:
    """How it is at ``at_s``, and what becomes of that once it is alone."""
    if found.at_s is None:
        return None, None
    say("the scenario, up to the time asked for")
    small, past = lived(scenario, bench.alone, found.at_s)
    quiet = bench.rows((), bench.warm_s)
    was_impaired = bool(len(past)) and bool(impaired(past[-1:], quiet, bench.period_s)[0])
    ticks = round(4.0 * bench.horizon_s / scenario.tick_s)
    rows = alone_from(small, found.service, round(found.at_s / scenario.tick_s), ticks)
    return bench.judge(np.concatenate([quiet, rows]), len(quiet), len(quiet)), was_impaired


def _two_states(found: StabilityStudy, alone: Isolated, bench: Bench, say: Say) -> StabilityStudy:
    """Ways out, hysteresis, laws and thermometer, if there is a second state at all."""
    tipping = [f for f in found.frontiers if f.tips]
    ways: tuple[Way, ...] = ()
    branches: tuple[Branch, ...] = ()
    cleared = None
    if tipping:
        easiest = min(tipping, key=lambda f: f.points[0][1])
        down = collapse(bench, easiest.trigger, easiest.points[0][1])
        say("ways out")
        ways = tuple(ways_out(down))
        cleared = clear_to(bench)
        say("hysteresis")
        branches = tuple(hysteresis(down, found.capacity_per_s or 0.0))
    shed = next((way.value for way in ways if way.name == "shed load"), None)
    say("closed forms and Markov chain")
    return replace(
        found, ways=ways, tipping_count=cleared, hysteresis=branches,
        laws=tuple(laws(alone, shed=shed, cleared=cleared)), thermometer=thermometer.chains_of(alone),
    )  # fmt: skip


def _class_of(found: StabilityStudy) -> tuple[StabilityClass, str]:
    tipping = [f for f in found.frontiers if f.tips]
    if found.moment is not None and found.impaired_then and found.moment.is_stuck:
        return (
            StabilityClass.METASTABLE,
            "it is down at that time, and left alone with healthy dependencies it stays down",
        )
    if tipping:
        easiest = min(tipping, key=lambda f: f.points[0][1])
        depth, for_s = easiest.points[0]
        push = f"{easiest.trigger.words(depth)} for {for_s:g} s"
        return StabilityClass.VULNERABLE, f"it is well, but {push}, and it stays down"
    return StabilityClass.STABLE, _why_stable(found)


def _why_stable(found: StabilityStudy) -> str:
    tried = ", ".join(f.trigger.name for f in found.frontiers)
    asked = found.load_per_s * found.attempts
    is_station = about(found.kind).closed_form == ClosedForm.STATION
    if is_station and found.capacity_per_s and asked <= found.capacity_per_s:
        return f"if all attempts fail, {asked:.4g}/s come, and {found.capacity_per_s:.4g}/s can be done"
    return f"it came back from every trigger tried ({tried}), up to {found.longest_s:g} s long"
