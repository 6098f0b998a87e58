"""Durations, rates, ratios, sizes and times: the only place where text becomes a number with a unit.

Inside the twin a duration is in seconds, a rate per second, a ratio a plain number, a time the seconds since
the scenario's start. Text in any other form raises ``Refused``, which says what was expected and a hint.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

DURATION_PATTERN = r"^(\d+(\.\d+)?(ms|s|m|h|d))+$"
RATE_PATTERN = r"^\d+(\.\d+)?([eE][+-]?\d+)?/(s|min|h|d)$"
RATIO_PATTERN = r"^\d+(\.\d+)?%$"
TIME_PATTERN = r"^(\+.+|\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d))$"

_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_PER_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_SIZES = {"GB": 10**9, "MB": 10**6, "kB": 10**3}

A_DURATION = "a duration with its unit"
A_RATE = "a rate with its unit"
A_RATIO = "a ratio"
A_COUNT = "a whole number"
A_TIME = "a time with its zone, or relative to the start"

_DURATION_HINT = "write 180s, 15m, 1h30m or 200ms"
_RATE_HINT = "write 225/s, 10/min or 3/h"
_CLOCK_PATTERN = r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?"
_MOMENT_HINT = "write 07:50, +4h25m or 2025-10-20T07:50:00-07:00"
_TIME_HINT = "write 2025-10-19T22:05:00-07:00 or +15m"


class Refused(ValueError):
    """A value that cannot be accepted, with what was ``expected`` and a ``hint``. ``found`` says what was
    found where the value itself does not; both may be empty."""

    def __init__(self, expected: str, hint: str = "", found: str = "") -> None:
        super().__init__(f"expected {expected}" + (f" ({hint})" if hint else ""))
        self.expected = expected
        self.hint = hint
        self.found = found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refuse_bare(value: object, expected: str, hint: str) -> str:
    """The text of a value that must carry a unit; a bare or a negative number is refused by name."""
    text = str(value).strip()
    if text.startswith("-"):
        raise Refused(expected, f"it cannot be negative; {hint}")
    if _is_number(value) or re.fullmatch(r"\d+(\.\d*)?", text):
        raise Refused(expected, f"missing unit: {hint}")
    if not isinstance(value, str):
        raise Refused(expected, hint)
    return text


def parse_duration(value: object) -> float:
    """Seconds of '1h30m', '180s' or '200ms'. Raises Refused."""
    text = _refuse_bare(value, A_DURATION, _DURATION_HINT)
    if not re.fullmatch(DURATION_PATTERN, text):
        raise Refused(A_DURATION, _DURATION_HINT)
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text)
    # Milliseconds are divided, not multiplied by 0.001, so that 200ms is exactly 0.2.
    return sum(float(n) / 1000 if unit == "ms" else float(n) * _SECONDS[unit] for n, unit in parts)


def format_duration(seconds: float) -> str:
    """The shortest text that parse_duration reads back, to the millisecond: '1h30m', '200ms', '0s'."""
    if seconds < 0:
        return "-" + format_duration(-seconds)
    whole, rest_ms = divmod(round(seconds * 1000), 1000)
    text = ""
    for unit, size in (("h", 3600), ("m", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        text += f"{count}{unit}" if count else ""
    text += f"{rest_ms}ms" if rest_ms else ""
    return text or "0s"


def parse_rate(value: object) -> float:
    """Events per second of '225/s', '10/min', '3/h' or '24/d'. Raises Refused."""
    text = _refuse_bare(value, A_RATE, _RATE_HINT)
    if not re.fullmatch(RATE_PATTERN, text):
        raise Refused(A_RATE, "a minute is /min" if text.endswith("/m") else _RATE_HINT)
    number, per = text.split("/")
    return float(number) / _PER_SECONDS[per]


def parse_ratio(value: object) -> float:
    """A plain number from 0.05 or '5%'. Raises Refused."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    text = str(value).strip()
    if not re.fullmatch(RATIO_PATTERN, text):
        raise Refused(A_RATIO, "write 0.05 or 5%")
    return float(text[:-1]) / 100


def parse_count(value: object) -> int:
    """A whole number; 1e6 counts as one. Raises Refused."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value == int(value):
        return int(value)
    raise Refused(A_COUNT, "a count has no unit and no fraction")


def format_size(size_bytes: int) -> str:
    """'104 MB': three digits are enough for a message."""
    for unit, size in _SIZES.items():
        if size_bytes >= size:
            return f"{size_bytes / size:.3g} {unit}"
    return f"{size_bytes} B"


def parse_clock(value: object) -> datetime:
    """A datetime with its zone, from ISO 8601. Raises Refused."""
    expected, hint = "a time with its zone", "write 2025-10-19T22:05:00-07:00"
    try:
        clock = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        clock = None
    if clock is None:
        raise Refused(expected, hint)
    if clock.tzinfo is None:
        raise Refused(expected, f"missing zone: {hint}")
    return clock


def parse_time(value: object, start: datetime) -> float:
    """Seconds from ``start`` of an ISO 8601 time with zone or of '+15m'; before the start is negative."""
    if isinstance(value, str) and value.startswith("+"):
        return parse_duration(value[1:])
    try:
        return (parse_clock(value) - start).total_seconds()
    except Refused as refused:
        raise Refused(A_TIME, refused.hint if "zone:" in refused.hint else _TIME_HINT) from None


def parse_moment(value: str | float | datetime | timedelta, start: datetime) -> float:
    """Seconds from ``start`` to a moment that a person names: before the start is negative. Raises Refused.

    '07:50' is the first such time at or after the start, in its zone; '+2h' counts from the start; ISO 8601
    carries a zone. In Python, a number is seconds from the start, and a datetime (with zone) or a timedelta
    will do. Files take fewer forms: ``parse_time``.
    """
    if isinstance(value, timedelta):
        return value.total_seconds()
    if _is_number(value):
        return float(value)  # type: ignore[arg-type]
    if isinstance(value, datetime) and value.tzinfo is not None:
        return (value - start).total_seconds()
    text = str(value).strip()
    if re.fullmatch(_CLOCK_PATTERN, text):
        return _until_clock(text, start)
    try:
        return parse_time(text, start)
    except Refused as refused:
        hint = refused.hint if "unit:" in refused.hint else _MOMENT_HINT
        raise Refused("a time of the scenario", hint) from None


def _until_clock(text: str, start: datetime) -> float:
    """Seconds from ``start`` to the first moment when a clock in its zone shows 'HH:MM' or 'HH:MM:SS'."""
    hour, minute, second = (int(part) for part in (text + ":0").split(":")[:3])
    then = start.replace(hour=hour, minute=minute, second=second, microsecond=0)
    return (then - start).total_seconds() % 86400.0


def format_time(seconds: float, start: datetime) -> str:
    """ISO 8601 with the zone of ``start``; fractions of a second only where there are any."""
    return (start + timedelta(seconds=seconds)).isoformat()
