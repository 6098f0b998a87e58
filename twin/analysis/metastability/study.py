"""Stable, vulnerable or metastable: one service of a scenario, studied with those that are on a loop with it.

*Stable*: no trigger that was tried keeps it down. *Vulnerable*: it is well, and some trigger tips it into a
state that outlasts the trigger. *Metastable*: it is in that state. *Overloaded*: at this load there is no
well state to begin with, which is another trouble.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from twin.analysis.metastability import thermometer
from twin.analysis.metastability.isolate import Isolated, fewer_hosts, isolate, operating_point
from twin.analysis.metastability.laws import Law, attempts, laws
from twin.analysis.metastability.loop import capacity_of
from twin.analysis.metastability.moment import alone_from, lived
from twin.analysis.metastability.probe import HEALS_WITHIN_S, Aftermath, Bench, Outlook, Say, impaired
from twin.analysis.metastability.triggers import Frontier, frontier, triggers
from twin.analysis.metastability.ways import (
    Branch,
    Way,
    clear_to,
    collapse,
    hysteresis,
    load_that_may_stay,
    ways_out,
)
from twin.base.units import format_duration
from twin.kinds import about
from twin.model.kind import ClosedForm
from twin.model.scenario import Scenario
from twin.simulation.by_zone import by_zone, in_a_zone

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

    ``members``: the services of its loop, itself first. ``moment``: what became of it when it was taken out
    of the scenario at ``at_s`` and left to itself, None if nobody asked. ``tipping_count``: the largest count
    from which it recovers.
    """

    scenario: str
    service: str
    kind: str
    members: tuple[str, ...]
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
    heals_within_s: float = HEALS_WITHIN_S
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
    heals_within_s: float = HEALS_WITHIN_S, say: Say = lambda text: None,
) -> StabilityStudy:  # fmt: skip
    """Study ``service`` and its loop at ``load`` times its operating point.

    ``at_s``: how the scenario, with its faults and actions, has left it by then; None: not looked at.
    ``heals_within_s``: what needs longer to be well again has collapsed; inf: only what never is. ``say`` is
    told what is being tried. Of a service with zones, the first is studied. Raises KeyError for one that
    the topology lacks, ValueError for a moment outside the run or a moment of another load.
    """
    scenario, service = by_zone(scenario), in_a_zone(scenario, service)
    if service not in scenario.topology.services:
        raise KeyError(service)
    if at_s is not None and (load != 1.0 or not 0.0 < at_s <= scenario.duration_s):
        raise ValueError("a moment of the scenario has the scenario's load, and lies within its duration")
    say("operating point")
    point = operating_point(scenario, service)
    alone = isolate(scenario, service, point, load)
    capacity_per_s = capacity_of(alone.record)
    found = StabilityStudy(
        scenario.name, service, alone.kind, alone.members, StabilityClass.STABLE, "", at_s, load,
        alone.load_per_s, capacity_per_s if capacity_per_s < math.inf else None, attempts(alone),
        heals_within_s=heals_within_s,
    )  # fmt: skip
    if reason := nothing_to_sustain(alone):
        bench = Bench(alone, heals_within_s=heals_within_s)
        return _as_it_was(replace(found, reason=reason), scenario, bench, say)
    return _push_around(found, scenario, alone, say)


def nothing_to_sustain(alone: Isolated) -> str:
    """Why the service cannot keep itself down, '' if it might."""
    if len(alone.members) > 1:
        return ""
    if alone.about.why_passive:
        return f"{NOTHING}: {alone.about.why_passive}"
    holds = alone.has("workers_count") and alone.value("workers_count") > 0.0  # a slow callee makes it short
    if alone.about.closed_form == ClosedForm.STATION and not holds:
        capacity, asked = capacity_of(alone.record), alone.load_per_s * attempts(alone)
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
    few, scale = fewer_hosts(alone)
    bench = Bench(few, scale, found.heals_within_s)
    found = replace(found, horizon_s=bench.horizon_s, longest_s=bench.longest_s)
    say("without any trigger")
    usual = bench.push()
    if usual.is_stuck:
        reason = f"no trigger needed: alone and undisturbed, {usual.error_ratio:.0%} of its work fails"
        return replace(found, verdict=StabilityClass.OVERLOADED, reason=reason, runs=bench.runs)
    moment, was_impaired = _moment(found, scenario, Bench(alone, heals_within_s=found.heals_within_s), say)
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
    quiet = bench.each_rows((), bench.warm_s)
    was_impaired = any(
        bool(impaired(rows[-1:], usual, bench.period_s).any())
        for rows, usual in zip(past, quiet, strict=True)
    )
    ticks = round(4.0 * bench.horizon_s / scenario.tick_s)
    then = alone_from(small, bench.alone.members, round(found.at_s / scenario.tick_s), ticks)
    rows = [np.concatenate(both) for both in zip(quiet, then, strict=True)]
    return bench.judge(rows, len(quiet[0]), len(quiet[0])), was_impaired


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
    say("closed forms and Markov chain")
    return replace(
        found, ways=ways, tipping_count=cleared, hysteresis=branches,
        laws=tuple(_laws(alone, bench, tipping)), thermometer=thermometer.chains_of(alone),
    )  # fmt: skip


def _laws(alone: Isolated, bench: Bench, tipping: list[Frontier]) -> list[Law]:
    """The closed forms beside runs in which nothing has to heal by a stated time: as the laws speak of it."""
    if not tipping or not laws(alone, shed=None, cleared=None):
        return laws(alone, shed=None, cleared=None)
    endless = Bench(bench.alone, bench.scale, math.inf)
    easiest = min(tipping, key=lambda f: f.points[0][1])
    down = collapse(endless, easiest.trigger, easiest.points[0][1])
    is_station = alone.about.closed_form == ClosedForm.STATION
    shed, cleared = (load_that_may_stay(down), None) if is_station else (None, clear_to(endless))
    found = laws(alone, shed=shed, cleared=cleared)
    bench.runs += endless.runs
    return found


def _class_of(found: StabilityStudy) -> tuple[StabilityClass, str]:
    tipping = [f for f in found.frontiers if f.tips]
    together = f"{_listed(found.members)} keep each other down: " if len(found.members) > 1 else ""
    if found.moment is not None and found.impaired_then and found.moment.is_stuck:
        stays = "it stays down" if found.moment.state is Outlook.STUCK else _too_slow(found)
        return (
            StabilityClass.METASTABLE,
            f"{together}it is down at that time, and left alone with healthy dependencies {stays}",
        )
    if tipping:
        easiest = min(tipping, key=lambda f: f.points[0][1])
        depth, for_s = easiest.points[0]
        lasts = "" if easiest.trigger.is_momentary else f" for {for_s:g} s"
        push = f"{easiest.trigger.words(depth)}{lasts}"
        stays = "it stays down" if easiest.stuck else _too_slow(found)
        return StabilityClass.VULNERABLE, f"{together}it is well, but {push}, and {stays}"
    return StabilityClass.STABLE, _why_stable(found)


def _too_slow(found: StabilityStudy) -> str:
    return f"it does not heal within {format_duration(found.heals_within_s)}"


def _listed(names: tuple[str, ...]) -> str:
    *most, last = sorted(names)
    return f"{', '.join(most)} and {last}"


def _why_stable(found: StabilityStudy) -> str:
    tried = ", ".join(f.trigger.name for f in found.frontiers)
    asked = found.load_per_s * found.attempts
    is_station = about(found.kind).closed_form == ClosedForm.STATION and len(found.members) == 1
    if is_station and found.capacity_per_s and asked <= found.capacity_per_s:
        return f"if all attempts fail, {asked:.4g}/s come, and {found.capacity_per_s:.4g}/s can be done"
    loop = f"the loop of {_listed(found.members)}" if len(found.members) > 1 else "it"
    return f"{loop} came back from every trigger tried ({tried}), up to {found.longest_s:g} s long"
