"""What a search is to reach: comparisons joined by 'and', and what so many worlds say of them.

``peak_impaired < 20 and p_recovered > 90%``. A comparison of a number is about its mean over all worlds; with
``in 90%`` behind it (``peak_impaired < 20 in 90%``), about the share of the worlds in which it holds, as one
of a probability is. It is *met* with a confidence if the end of the one-sided interval at that confidence is
on the right side, Student's for means and Wilson's for shares; *missed* if the other end is on the wrong one.
All comparisons must be met: since each alone keeps the error, all together do (an intersection-union test).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from twin.base import units
from twin.base.units import Refused
from twin.experiments.compare import MEASURES, Measure
from twin.model.scenario import Scenario
from twin.spec import Problem, SpecError
from twin.spec.problems import did_you_mean
from twin.statistics.estimates import CONFIDENCE, interval
from twin.statistics.proportions import wilson

WHERE = "goal"
OF_SERVICES = (
    Measure("lost_min", "service-minutes lost", "min"),
    Measure("impaired_min", "minutes impaired", "min"),
    Measure("peak_error_ratio", "share failing at the peak", "ratio"),
    Measure("time_to_recovery_s", "time until it is well", "s"),
)
SHARE = Measure("share", "share of the worlds", "ratio", "higher", True)
_TERM = re.compile(
    r"\s*(?P<name>[^\s<>=]+)\s*(?P<sign>[<>]=?)\s*(?P<value>[^\s<>=]+)"
    r"(?P<within>\s+in\s+(?P<share>[^\s<>=]+))?\s*$"
)
_SHAPE = "MEASURE < VALUE (or <=, >, >=), as in 'peak_impaired < 20', joined by 'and'"


@dataclass(frozen=True)
class Judged:
    """What so many worlds say of a term. ``mean``: of the measure, or the share of the worlds. ``low`` and
    ``high``: one-sided ends, each with the confidence asked for. ``lacks``: by how much of the threshold the
    mean is on the wrong side; negative on the right one."""

    mean: float
    low: float
    high: float
    n: int
    met: bool
    missed: bool
    lacks: float


@dataclass(frozen=True)
class Term:
    """``measure`` of ``service`` ('' for the whole run) is to be on this side of ``threshold``, in SI units.
    ``share``: in at least so many of the worlds; None for the mean."""

    text: str
    measure: Measure
    service: str
    sign: str
    threshold: float
    share: float | None = None

    @property
    def is_share(self) -> bool:
        return self.measure.is_share or self.share is not None

    @property
    def bar(self) -> float:
        """What the mean, or the share of worlds, is held against."""
        return self.threshold if self.share is None else self.share

    def judge(self, values: np.ndarray, confidence: float = CONFIDENCE) -> Judged:
        """Of (n,) values, one a world, with one-sided ``confidence``."""
        if self.share is not None:
            values = _compare(values, self.sign, self.threshold).astype("f8")
        n, mean = len(values), float(np.mean(values))
        low, high = _ends(values, self.is_share, confidence)
        sign = ">=" if self.share is not None else self.sign
        upward = sign.startswith(">")
        worst, best = (low, high) if upward else (high, low)
        away = (self.bar - mean) if upward else (mean - self.bar)
        lacks = away / (abs(self.bar) or 1.0)
        if not _is(mean, sign, self.bar):
            lacks = max(lacks, 1e-9)  # exactly on a bar that is to be passed
        return Judged(mean, low, high, n, _is(worst, sign, self.bar), not _is(best, sign, self.bar), lacks)

    def least_worlds(self, confidence: float) -> int:
        """Worlds below which it cannot be met, even if all of them are on the right side."""
        if not self.is_share:
            return 2
        perfect = 1.0 if self.share is not None or self.sign.startswith(">") else 0.0
        full = np.full(1, perfect)
        return next(n for n in range(1, 100_000) if self._met_by(np.repeat(full, n), confidence))

    def _met_by(self, shares: np.ndarray, confidence: float) -> bool:
        low, high = _ends(shares, True, confidence)
        return low >= self.share if self.share is not None else _is(
            low if self.sign.startswith(">") else high, self.sign, self.bar
        )  # fmt: skip


@dataclass(frozen=True)
class Goal:
    """``text`` as it was given; every term must be met."""

    text: str
    terms: tuple[Term, ...]

    def least_worlds(self, confidence: float) -> int:
        """Worlds below which it cannot be met."""
        return max(term.least_worlds(confidence) for term in self.terms)


def _is(value: float, sign: str, bar: float) -> bool:
    return bool(_compare(np.array([value]), sign, bar)[0])


def _compare(values: np.ndarray, sign: str, bar: float) -> np.ndarray:
    compared = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}[sign]
    return np.asarray(compared(values, bar))


def _ends(values: np.ndarray, is_share: bool, confidence: float) -> tuple[float, float]:
    """Of the mean: each end by itself, with ``confidence``."""
    both = 2 * confidence - 1
    if is_share:
        share = wilson(int(values.sum()), len(values), both)
        return share.low, share.high
    return interval(values, both)[1:]


# --- reading -----------------------------------------------------------------


def parse_goal(text: str, scenario: Scenario) -> Goal:
    """The goal of a text. Raises SpecError with every problem, the columns counting in the text."""
    problems: list[Problem] = []
    terms = []
    for column, part in _parts(text):
        try:
            terms.append(_term(part, scenario))
        except _Wrong as wrong:
            found, expected = wrong.refused.found or "something else", wrong.refused.expected
            at = column + wrong.at
            problems.append(Problem(WHERE, 1, at, "", found, expected, wrong.refused.hint))
    if problems:
        raise SpecError(problems)
    return Goal(" ".join(text.split()), tuple(terms))


class _Wrong(Exception):
    def __init__(self, refused: Refused, at: int) -> None:
        self.refused, self.at = refused, at


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """(column, text) of each comparison."""
    at = 0
    for joint in [*re.finditer(r"\band\b", text), None]:
        end = joint.start() if joint else len(text)
        yield at + 1, text[at:end]
        at = joint.end() if joint else end


def _term(text: str, scenario: Scenario) -> Term:
    found = _TERM.match(text)
    if not found:
        at = len(text) - len(text.lstrip())
        raise _Wrong(Refused(_SHAPE, found=f"'{text.strip()}'" if text.strip() else "nothing"), at)
    service, measure = _attempt(found, "name", lambda name: _measure(name, scenario))
    threshold = _attempt(found, "value", lambda value: _value(value, measure))
    share = None
    if found["within"]:
        if measure.is_share:
            expected = f"no 'in': {measure.name} is a share of the worlds already"
            again = Refused(expected, found=f"'{found['within'].strip()}'")
            raise _Wrong(again, found.start("within") + 1)
        share = _attempt(found, "share", _share)
    term = Term(" ".join(text.split()), measure, service, found["sign"], threshold, share)
    if term.is_share:
        _attempt(found, "value" if share is None else "share", lambda value: _possible(term, value))
    return term


def _attempt(found: re.Match[str], group: str, read: Callable[[str], Any]) -> Any:
    """What ``read`` makes of a group; a refusal says where the group stands."""
    try:
        return read(found[group])
    except Refused as refused:
        told = Refused(refused.expected, refused.hint, refused.found or f"'{found[group]}'")
        raise _Wrong(told, found.start(group)) from None


def _measure(name: str, scenario: Scenario) -> tuple[str, Measure]:
    whole = {m.name: m for m in MEASURES if not m.name.startswith("weighted")}
    service, dot, own = name.rpartition(".")
    known = _named({m.name: m for m in OF_SERVICES} if dot else whole)
    services = scenario.topology.services
    if dot and service not in services:
        raise Refused("a service of the scenario before the dot", did_you_mean(service, services))
    if own not in known:
        each = ", ".join(m.name for m in (OF_SERVICES if dot else whole.values()))
        near = did_you_mean(own, known)
        hint = near if near.startswith("did") else f"known: {each}" + ("" if dot else "; SERVICE.lost_min …")
        raise Refused("a measure", hint)
    return service, known[own]


def _named(measures: Mapping[str, Measure]) -> dict[str, Measure]:
    """By name, and without the unit: 'time_to_recovery' too."""
    return {**{name.removesuffix("_s"): m for name, m in measures.items()}, **measures}


def _value(text: str, measure: Measure) -> float:
    if measure.unit == "s":
        return units.parse_duration(text)
    if measure.unit == "ratio":
        found = units.parse_ratio(_number(text))
        if not 0 <= found <= 1:
            raise Refused("a ratio from 0 to 100%")
        return found
    number = _number(text)
    if isinstance(number, float) and number >= 0:
        return number
    if measure.unit == "min" and isinstance(number, str):
        return units.parse_duration(number) / 60
    raise Refused("a number, 0 or more" if measure.unit == "count" else "minutes, or a duration",
                  "a count has no unit" if measure.unit == "count" else "write 90 or 1h30m")  # fmt: skip


def _number(text: str) -> float | str:
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def _share(text: str) -> float:
    found = units.parse_ratio(_number(text))
    if not 0 < found < 1:
        raise Refused("a share of the worlds, more than 0 and less than 100%",
                      "no number of worlds makes sure of all of them")  # fmt: skip
    return found


def _possible(term: Term, _: str) -> None:
    """Refuse what no number of worlds can be sure of."""
    certain = 1.0 if term.share is not None or term.sign.startswith(">") else 0.0
    if term.bar == certain:
        expected = "less than 100%" if certain else "more than 0%"
        raise Refused(expected, "no number of worlds makes sure of all of them")
