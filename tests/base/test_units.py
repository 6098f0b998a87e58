"""Text ↔ numbers with units."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.base import units
from twin.base.units import Refused

START = datetime(2025, 10, 20, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("180s", 180),
        ("15m", 900),
        ("1h30m", 5400),
        ("200ms", 0.2),
        ("0s", 0),
        ("147m", 8820),
        ("1.5h", 5400),
        ("2d", 172800),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert units.parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "per_s"),
    [("225/s", 225), ("10/min", 1 / 6), ("3/h", 3 / 3600), ("1e6/s", 1e6), ("24/d", 1 / 3600)],
)
def test_rates(text: str, per_s: float) -> None:
    assert units.parse_rate(text) == pytest.approx(per_s, rel=1e-15)


@given(st.integers(0, 10**10))
def test_a_duration_reads_back(ms: int) -> None:
    assert round(units.parse_duration(units.format_duration(ms / 1000)) * 1000) == ms


@pytest.mark.parametrize(
    ("parse", "bad", "hint"),
    [
        (units.parse_duration, 180, "missing unit"),
        (units.parse_duration, "180", "missing unit"),
        (units.parse_duration, "-5s", "negative"),
        (units.parse_duration, "1h 30m", "1h30m"),
        (units.parse_duration, "5 minutes", "15m"),
        (units.parse_duration, True, "15m"),
        (units.parse_duration, None, "15m"),
        (units.parse_rate, 225, "missing unit"),
        (units.parse_rate, "-1/s", "negative"),
        (units.parse_rate, "10/m", "/min"),
        (units.parse_ratio, "5 %", "5%"),
        (units.parse_ratio, True, "5%"),
        (units.parse_count, 2.5, "fraction"),
        (units.parse_count, "3", "no unit"),
        (units.parse_count, True, "no unit"),
        (units.parse_clock, "2025-10-19T22:00:00", "missing zone"),
        (units.parse_clock, "yesterday", "2025"),
    ],
)
def test_what_is_refused(parse, bad: object, hint: str) -> None:
    with pytest.raises(Refused) as caught:
        parse(bad)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("+15m", 900),
        ("2025-10-20T03:00:00Z", 0),
        ("2025-10-19T20:01:00-07:00", 60),
        ("2025-10-20T02:00:00+00:00", -3600),
    ],
)
def test_times_are_seconds_from_the_start(text: str, seconds: float) -> None:
    assert units.parse_time(text, START) == seconds


def test_a_time_reads_back() -> None:
    assert units.parse_time(units.format_time(4711.25, START), START) == 4711.25


def test_sizes_and_ratios() -> None:
    assert units.format_size(104_857_600) == "105 MB" and units.format_size(12) == "12 B"
    assert units.parse_ratio("5%") == 0.05 and units.parse_ratio(0.05) == 0.05
    assert units.parse_count(1e6) == 1_000_000


@pytest.mark.parametrize(("text", "seconds"), [
    ("07:50", 35_400.0), ("22:05:30", 330.0), ("22:00", 0.0), ("21:59", 86_340.0), ("+1h30m", 5400.0),
    ("2025-10-20T05:01:00Z", 60.0), (90, 90.0), (timedelta(hours=2), 7200.0),
    (datetime.fromisoformat("2025-10-20T05:01:00+00:00"), 60.0),
])  # fmt: skip
def test_moments_that_a_person_names(text: object, seconds: float) -> None:
    start = datetime.fromisoformat("2025-10-19T22:00:00-07:00")
    assert units.parse_moment(text, start) == seconds


@pytest.mark.parametrize(
    "text", ["noon", "24:00", "7:5", "2025-10-19T22:05:00", True, datetime(2025, 10, 20)]
)
def test_moments_that_cannot_be_read(text: object) -> None:
    with pytest.raises(units.Refused):
        units.parse_moment(text, datetime.fromisoformat("2025-10-19T22:00:00-07:00"))
