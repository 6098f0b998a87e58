"""The goal of a search: comparisons joined by 'and', and what the runs say about them.

``peak_impaired < 20 and p_recovered > 90%``. A comparison of a number is about its mean over all
realizations. With ``in 90%`` behind it (``peak_impaired < 20 in 90%``) it is about the share of realizations
in which it holds; so is one of a probability. It is *met* with a confidence if the end of the one-sided
interval at that confidence is on the right side. The interval is Student's for means, Wilson's for shares. It
is *missed* if the other end is on the wrong side. All comparisons must be met: since each alone keeps the
error, all together do (an intersection-union test).
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
from twin.model.scenario import Scenario
from twin.results.metrics import OF_EACH_SERVICE, OF_RUN, Metric
from twin.spec import Problem, SpecError
from twin.spec.problems import did_you_mean
from twin.statistics.attribution import Better
from twin.statistics.estimates import CONFIDENCE, mean_interval
from twin.statistics.proportions import wilson

WHERE = "goal"
SHARE = Metric("share", "share of the worlds", "ratio", "", Better.HIGHER, True)
_TERM = re.compile(
    r"\s*(?P<name>[^\s<>=]+)\s*(?P<sign>[<>]=?)\s*(?P<value>[^\s<>=]+)"
    r"(?P<within>\s+in\s+(?P<share>[^\s<>=]+))?\s*$"
)
_SHAPE = "METRIC < VALUE (or <=, >, >=), as in 'peak_impaired < 20', joined by 'and'"


@dataclass(frozen=True)
class TermResult:
    """A term in ``n`` realizations. ``mean``: of the metric, or the share of realizations. ``low``, ``high``:
    one-sided ends, each with the confidence asked for. ``lacks``: how far the mean is on the wrong side, as a
    share of the threshold; negative on the right side."""

    mean: float
    low: float
    high: float
    n: int
    met: bool
    missed: bool
    lacks: float


@dataclass(frozen=True)
class Term:
    """``metric`` of ``service`` ('' for the whole run) is to be on this side of ``threshold``, in SI units.
    ``share``: of the realizations, at least; None for the mean."""

    text: str
    metric: Metric
    service: str
    sign: str
    threshold: float
    share: float | None = None

    @property
    def is_share(self) -> bool:
        return self.metric.is_share or self.share is not None

    @property
    def bar(self) -> float:
        """The threshold for the mean, or for the share of realizations."""
        return self.threshold if self.share is None else self.share

    def judge(self, values: np.ndarray, confidence: float = CONFIDENCE) -> TermResult:
        """The result of (n,) values, one a realization, with one-sided ``confidence``."""
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
            lacks = max(lacks, 1e-9)  # exactly at the threshold, which is not enough
        return TermResult(
            mean, low, high, n, _is(worst, sign, self.bar), not _is(best, sign, self.bar), lacks
        )

    def least_worlds(self, confidence: float) -> int:
        """The fewest realizations with which it can be met."""
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
        """The fewest realizations with which it can be met."""
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
    return mean_interval(values, both)[1:]


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
    service, metric = _attempt(found, "name", lambda name: _metric(name, scenario))
    threshold = _attempt(found, "value", lambda value: _value(value, metric))
    share = None
    if found["within"]:
        if metric.is_share:
            expected = f"no 'in': {metric.name} is a share of the worlds already"
            again = Refused(expected, found=f"'{found['within'].strip()}'")
            raise _Wrong(again, found.start("within") + 1)
        share = _attempt(found, "share", _share)
    term = Term(" ".join(text.split()), metric, service, found["sign"], threshold, share)
    if term.is_share:
        _attempt(found, "value" if share is None else "share", lambda value: _possible(term, value))
    return term


def _attempt(found: re.Match[str], group: str, read: Callable[[str], Any]) -> Any:
    """What ``read`` makes of a group; a refusal says where the group stands."""
    try:
        return read(found[group])
    except Refused as refused:
        refusal = Refused(refused.expected, refused.hint, refused.found or f"'{found[group]}'")
        raise _Wrong(refusal, found.start(group)) from None


def _metric(name: str, scenario: Scenario) -> tuple[str, Metric]:
    whole = {m.name: m for m in OF_RUN if not m.name.startswith("weighted")}
    service, dot, own = name.rpartition(".")
    known = _named({m.name: m for m in OF_EACH_SERVICE} if dot else whole)
    services = scenario.topology.services
    if dot and service not in services:
        raise Refused("a service of the scenario before the dot", did_you_mean(service, services))
    if own not in known:
        each = ", ".join(m.name for m in (OF_EACH_SERVICE if dot else whole.values()))
        near = did_you_mean(own, known)
        hint = near if near.startswith("did") else f"known: {each}" + ("" if dot else "; SERVICE.lost_min …")
        raise Refused("a metric", hint)
    return service, known[own]


def _named(metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    """By name, and without the unit: 'time_to_recovery' too."""
    return {**{name.removesuffix("_s"): m for name, m in metrics.items()}, **metrics}


def _value(text: str, metric: Metric) -> float:
    if metric.unit == "s":
        return units.parse_duration(text)
    if metric.unit == "ratio":
        found = units.parse_ratio(_number(text))
        if not 0 <= found <= 1:
            raise Refused("a ratio from 0 to 100%")
        return found
    number = _number(text)
    if isinstance(number, float) and number >= 0:
        return number
    if metric.unit == "min" and isinstance(number, str):
        return units.parse_duration(number) / 60
    raise Refused("a number, 0 or more" if metric.unit == "count" else "minutes, or a duration",
                  "a count has no unit" if metric.unit == "count" else "write 90 or 1h30m")  # fmt: skip


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
    """Refuse what no number of realizations can confirm."""
    certain = 1.0 if term.share is not None or term.sign.startswith(">") else 0.0
    if term.bar == certain:
        expected = "less than 100%" if certain else "more than 0%"
        raise Refused(expected, "no number of worlds makes sure of all of them")
