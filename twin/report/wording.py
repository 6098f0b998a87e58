"""Values, intervals and durations as text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # only types: the command line starts without them
    from twin.results.metrics import Metric
    from twin.statistics.estimates import Estimate
    from twin.statistics.proportions import Proportion

MINUS = "\u2212"
PERCENT = "\u00a0%"  # on one line with its number


def amount(metric: Metric, value: float, signed: bool = False) -> str:
    """A value of a metric in a readable unit; '∞' if it has no bound."""
    sign = "+" if signed else ""
    if not math.isfinite(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    if metric.unit == "ratio":
        text = f"{value:{sign}.0%}"
    elif metric.unit == "s":
        text = f"{value / 3600:{sign}.1f} h"
    elif abs(value) >= 1e6:
        text = f"{value / 1e6:{sign}.1f} M"
    else:
        text = f"{value:{sign},.0f}" if abs(value) >= 10 else f"{value:{sign}.1f}"
    if not any(digit in text for digit in "123456789"):
        text = text.lstrip("+-")  # zero has no sign
    return text.replace("-", MINUS)


def share(ratio: float) -> str:
    """'47 %'; 'over 99 %' and 'under 1 %' close to all and to none."""
    if 0.995 <= ratio < 1:
        return f"over 99{PERCENT}"
    if 0 < ratio < 0.005:
        return f"under 1{PERCENT}"
    return f"{100 * ratio:.0f}{PERCENT}".replace("-", MINUS)


def interval(metric: Metric, e: Estimate | Proportion, signed: bool = False) -> str:
    """'[35, 51]'."""
    return f"[{amount(metric, e.low, signed)}, {amount(metric, e.high, signed)}]"


def estimated(metric: Metric, e: Estimate | Proportion, signed: bool = False) -> str:
    """'42 [35, 51]'."""
    return f"{amount(metric, e.mean, signed)} {interval(metric, e, signed)}"


def hours(seconds: float) -> str:
    """'13.5 h'; minutes below two hours; '∞' without an end."""
    if not math.isfinite(seconds):
        return "∞"
    return f"{seconds / 3600:.3g} h" if seconds >= 7200 else f"{seconds / 60:.0f} min"


def quantity(value: object, unit: str) -> str:
    """A number of the model with its unit."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if not isinstance(value, int | float):
        return str(value)
    if unit == "ratio":
        return f"{value:.3g}"
    if unit == "s" and abs(value) >= 120:
        return f"{value / 3600:.3g} h" if abs(value) >= 7200 else f"{value / 60:.3g} min"
    text = f"{value:,.4g}" if abs(value) < 1e6 else f"{value:.3g}"
    return f"{text} {unit}".rstrip() if unit not in ("count", "") else text


def many(items: Sequence[str], most: int = 6) -> str:
    """'a, b and c'; the rest as a number."""
    shown = list(items[:most])
    if len(items) > most:
        shown.append(f"{len(items) - most} more")
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)
