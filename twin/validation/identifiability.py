"""Identifiability: two inputs of which the timeline knows only the ratio, or the product (modelling.md §5.3).

The pair is moved together, so that the combination stays, and then apart. If the outcomes that may be fitted
to stay in the first case and move in the second, only the combination is identifiable.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from twin.experiments.opened import StudySettings, open_study
from twin.model.scenario import Scenario
from twin.spec.inputs import UncertainInput, inputs_of
from twin.spec.problems import did_you_mean
from twin.validation.fit import NEVER_MIN, Aim, CannotFit, Wrong, domain_outcomes
from twin.validation.timeline import Simulated, WantedRun, timelines_of

FACTORS = (0.5, 0.5**0.5, 1.0, 2**0.5, 2.0)
HALF = 0.5  # of a scale: an outcome that moves by less has stayed


@dataclass(frozen=True)
class Ratio:
    """``first`` and ``second``, and whether their ratio ('/') or product ('*') is kept. ``together`` and
    ``apart``: (factor of the first number, largest movement of an outcome in scales, that outcome)."""

    first: UncertainInput
    second: UncertainInput
    kept: str
    together: tuple[tuple[float, float, str], ...]
    apart: tuple[tuple[float, float, str], ...]

    @property
    def verdict(self) -> str:
        """In words, what the outcomes tell of the two."""
        holds, splits = (max(m for _, m, _ in rows) <= HALF for rows in (self.together, self.apart))
        name = {"/": "ratio", "*": "product"}[self.kept]
        if holds and splits:
            return "neither: no outcome of these domains moves with either of them"
        if holds:
            return f"only their {name}: each alone is unidentifiable"
        return f"more than their {name}: an outcome moves although that is kept"

    def as_json(self) -> dict[str, Any]:
        """What ``twin calibrate --profile --json`` prints."""
        rows = {"together": self.together, "apart": self.apart}
        keys = ("factor", "moved_scales", "outcome")
        return {
            "first": self.first.target, "second": self.second.target, "kept": self.kept,
            "identified": self.verdict,
            **{name: [dict(zip(keys, row, strict=True)) for row in found] for name, found in rows.items()},
        }  # fmt: skip


def profile(scenario: Scenario, pair: str, *, settings: StudySettings | None = None) -> Ratio:
    """Look at the pair 'A/B' or 'A*B' of targets around the scenario's values. Raises CannotFit.

    Factors that would leave the range of one of the two are left out.
    """
    first, kept, second = _pair(scenario, pair)
    aim = domain_outcomes(scenario)
    if not aim.outcomes:
        raise CannotFit([Wrong("--profile", "no published outcome to look at", "some that may be fitted to")])
    other = {f: f if kept == "/" else 1 / f for f in FACTORS}
    factors = [f for f in FACTORS if f != 1.0 and _fits(first, f) and _fits(second, other[f])]
    if not factors:
        expected = "room in both ranges for a factor of 1.4 up or down"
        raise CannotFit([Wrong(pair, "ranges without room", expected)])
    both = [{**_times(first, f), **_times(second, other[f])} for f in factors]
    wanted = [WantedRun(values) for values in ({}, *both, *(_times(first, f) for f in factors))]
    with open_study({scenario.name: scenario}, settings, runs=len(wanted)) as study:
        origin, *found = timelines_of(study, scenario.name, wanted)
    n = len(factors)
    rows = (_rows(aim, factors, origin, part) for part in (found[:n], found[n:]))
    return Ratio(first, second, kept, *rows)


def _pair(scenario: Scenario, pair: str) -> tuple[UncertainInput, str, UncertainInput]:
    match = re.fullmatch(r"\s*(\S+?)\s*([/*])\s*(\S+)\s*", pair)
    if not match:
        raise CannotFit([Wrong("--profile", f"'{pair}'", "two numbers: A/B or A*B")])
    known = {n.target: n for n in inputs_of(scenario) if n.service and n.range is not None}
    first, kept, second = match.groups()
    wrong = [
        Wrong(t, "no such number", "one that has a range", did_you_mean(t, known))
        for t in (first, second)
        if t not in known
    ]
    if first == second:
        wrong.append(Wrong(first, "the same number twice", "two numbers"))
    if wrong:
        raise CannotFit(wrong)
    return known[first], kept, known[second]


def _fits(number: UncertainInput, factor: float) -> bool:
    assert number.range is not None and not isinstance(number.value, str)
    return number.value > 0 and number.range[0] <= number.value * factor <= number.range[1]


def _times(number: UncertainInput, factor: float) -> dict[str, float | int]:
    assert not isinstance(number.value, str)
    value = number.value * factor
    return {number.target: round(value) if number.unit == "count" else value}


def _rows(
    aim: Aim, factors: Sequence[float], origin: Simulated, timelines: Sequence[Simulated]
) -> tuple[tuple[float, float, str], ...]:
    return tuple((round(f, 4), *_most(aim, origin, t)) for f, t in zip(factors, timelines, strict=True))


def _most(aim: Aim, origin: Simulated, timeline: Simulated) -> tuple[float, str]:
    """The largest movement of an outcome, in scales, and which one it is."""
    late = aim.end_min + NEVER_MIN
    moved = [abs(min(timeline.times_min[o], late) - min(origin.times_min[o], late)) for o in aim.outcomes]
    scales = np.array(moved) / aim.scale_min
    k = int(np.argmax(scales))
    return round(float(scales[k]), 3) if math.isfinite(scales[k]) else late, aim.outcomes[k]
