"""The rate of the race, one number varied at a time, and the laws that the estimates have to keep."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from twin.analysis.dns_race.rate import (
    Habits,
    check,
    delay_likelihood,
    exactly,
    exponent,
    fitted_exponent,
    likelihood,
)
from twin.kinds import kinds_that, registry
from twin.statistics.estimates import Estimate

FACTORS = (0.5, 1.0, 2.0, 4.0)
CAPS_S = (math.inf, 3600.0, 600.0, 60.0, 10.0)
LOST_TRIES = (1, 2, 5, 10, 15)
ASSUMED = "the chance to lose a lock and the first back-off are unpublished"


@dataclass(frozen=True)
class RateRow:
    """One line. ``varied``: the field of ``habits`` that differs from the base, '' for the base itself.

    ``late``: probability to be ``keep`` plans late. Both come with their closed forms without jitter.
    """

    varied: str
    habits: Habits
    late: Estimate
    late_without_jitter: float
    events_per_year: Estimate
    events_per_year_without_jitter: float

    def as_json(self) -> dict[str, Any]:
        """As ``twin explore --rate --json`` prints it; null without a cap."""
        habits = {name: None if math.isinf(v) else v for name, v in self.habits._asdict().items()}
        estimates = {name: _interval(getattr(self, name)) for name in ("late", "events_per_year")}
        rest = {name: getattr(self, f"{name}_without_jitter") for name in estimates}
        return {
            "varied": self.varied, **habits, **estimates,
            **{f"{name}_without_jitter": value for name, value in rest.items()},
        }  # fmt: skip


@dataclass(frozen=True)
class RatePowerLaw:
    """Probability ``late`` for each number of plans kept, without a cap; None if one of them is 0."""

    expected_exponent: float
    fitted_exponent: float | None
    keeps: tuple[float, ...]
    late: tuple[float, ...]


@dataclass(frozen=True)
class RateDelay:
    """P(D >= ``delay_s``) after ``lost_tries``: p^k in closed form, and its estimate by splitting."""

    lost_tries: int
    delay_s: float
    closed_form: float
    estimate: Estimate


@dataclass(frozen=True)
class RaceRate:
    """How often chance alone brings the race about: the base, variations, and two checks of the method."""

    base: RateRow
    rows: tuple[RateRow, ...]
    law: RatePowerLaw
    delays: tuple[RateDelay, ...]

    def __repr__(self) -> str:
        return f"RaceRate(the base and {len(self.rows)} variations)"

    def as_json(self) -> dict[str, Any]:
        """As ``twin explore --rate --json`` prints it."""
        return {
            "base": self.base.as_json(),
            "rows": [row.as_json() for row in self.rows],
            "law": asdict(self.law),
            "delays": [asdict(d) | {"estimate": _interval(d.estimate)} for d in self.delays],
            "assumed": ASSUMED,
        }


def habits_of(
    *, plan_interval_s: float | None = None, keep: float | None = None, endpoints: float | None = None,
    backoff_s: float | None = None, cap_s: float = math.inf, lose_ratio: float = 1 / 3,
    jitter_ratio: float = 0.5,
) -> Habits:  # fmt: skip
    """The habits of the automation; the simulator's number where None is given. Raises ValueError."""
    (kind,) = kinds_that("holds_event")
    numbers = registry()[kind].PARAMETERS
    known = {p.name: float(p.default) for p in numbers if isinstance(p.default, int | float)}
    count = float(endpoints or known["endpoints_count"])
    # Half of the other endpoints are still to be written when the clean-up of one begins to matter.
    window_s = (count - 1) / 2 * known["batch_s"] + known["cleanup_s"]
    interval_s = plan_interval_s or known["plan_interval_s"]
    habits = Habits(
        interval_s, float(keep or known["keep_count"]), backoff_s or known["backoff_s"], cap_s, lose_ratio,
        jitter_ratio, count, min(window_s, interval_s),
    )  # fmt: skip
    check(habits)
    return habits


def race_rate(base: Habits, seed: int = 1) -> RaceRate:
    """The rate with these habits, and with one number varied at a time. ``seed``: of the splitting."""
    rows = tuple(_row(name, h, seed) for name, h in _variations(base))
    return RaceRate(_row("", base, seed), rows, _law(base, seed), tuple(_delays(base, seed)))


def _variations(base: Habits) -> Iterator[tuple[str, Habits]]:
    """(field, habits with another value of it)."""
    for name in ("keep", "plan_interval_s", "backoff_s"):
        for factor in FACTORS:
            value = getattr(base, name) * factor
            h = base._replace(**{name: max(1.0, round(value)) if name == "keep" else value})
            yield name, h._replace(window_s=min(h.window_s, h.plan_interval_s))
    for cap_s in sorted({*CAPS_S, base.cap_s}, reverse=True):
        yield "cap_s", base._replace(cap_s=cap_s)


def _row(varied: str, h: Habits, seed: int) -> RateRow:
    found = likelihood(h, seed=seed)
    late, events = exactly(h)
    return RateRow(varied, h, found.late, late, found.events_per_year, events)


def _law(base: Habits, seed: int) -> RatePowerLaw:
    free = base._replace(cap_s=math.inf)
    keeps = [base.keep * 2**k for k in range(5)]
    late = [likelihood(free._replace(keep=keep), seed=seed).late.mean for keep in keeps]
    fitted = fitted_exponent(keeps, late) if min(late) > 0 else None
    return RatePowerLaw(exponent(base), fitted, tuple(keeps), tuple(late))


def _delays(base: Habits, seed: int) -> Iterator[RateDelay]:
    """Splitting over levels that are the delays themselves: without jitter and cap."""
    free = base._replace(cap_s=math.inf, jitter_ratio=0.0)
    for k in LOST_TRIES:
        delay_s = base.backoff_s * (2**k - 1)
        yield RateDelay(k, delay_s, base.lose_ratio**k, delay_likelihood(free, k, seed=seed))


def _interval(e: Estimate) -> dict[str, float]:
    return {"mean": e.mean, "low": e.low, "high": e.high}
