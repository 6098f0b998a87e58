"""The one rule that finds outcomes, on signals drawn by hand."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from twin.model.published import Exclusion, Outcome, Published
from twin.results.outcomes import APART_S, Episode, Series, broken, is_onset, times

START = datetime(2025, 1, 1, tzinfo=UTC)
SAMPLE_S = 10.0
MINUTES = 240


def signal(*spans: tuple[float, float], quiet: float = 0.0, loud: float = 1.0) -> Series:
    """``loud`` in each span of minutes from the start, else ``quiet``."""
    end_s = np.arange(1, MINUTES * 6 + 1) * SAMPLE_S
    value = np.full(len(end_s), quiet)
    for begin_min, end_min in spans:
        value[(end_s > begin_min * 60) & (end_s <= end_min * 60)] = loud
    return Series(end_s, value, SAMPLE_S)


def outcome(direction: str, episode: int = 1, signal: str = "error_ratio", level: float = 0.05) -> Outcome:
    given = {"signal": signal, "direction": direction, "level": level, "episode": episode}
    return Outcome(id="x", subject="a", at=START, source="PES", **given)


def time_min(series: Series, wanted: Outcome) -> float | None:
    published = Published(incident="x", outcomes=(wanted,))
    found = times({("a", wanted.signal): series}, published)["x"]
    return None if found is None else found / 60


@pytest.mark.parametrize(
    ("spans", "episode", "begin", "end"),
    [
        ([], 1, None, None),
        ([(20, 50)], 1, 20, 50),
        ([(20, 50)], 2, None, None),
        ([(20, 20.5)], 1, None, None),  # not held
        ([(20, 21)], 1, 20, 21),  # just held
        ([(20, 20.5), (22, 22.5), (23, 24)], 1, 20, 24),  # flapping: not well for five minutes in between
        ([(20, 20.5), (40, 60)], 1, 40, 60),  # a blip is not the beginning of what follows
        ([(20, 50), (79, 90)], 1, 20, 90),  # less than half an hour apart
        ([(20, 50), (79, 90)], 2, None, None),
        ([(20, 50), (81, 90)], 1, 20, 50),
        ([(20, 50), (81, 90)], 2, 81, 90),
        ([(0, 50)], 1, 0, 50),
        ([(20, MINUTES)], 1, 20, None),  # to the end: no recovery
        ([(20, MINUTES - 3)], 1, 20, None),  # not yet well for five minutes
        ([(20, MINUTES - 5)], 1, 20, MINUTES - 5),
    ],
)
def test_begin_and_end_of_an_episode(spans, episode, begin, end) -> None:
    assert time_min(signal(*spans), outcome("rising", episode)) == begin
    assert time_min(signal(*spans), outcome("falling", episode)) == end


def test_a_level_belongs_to_its_outcome() -> None:
    series = signal((20, 60), loud=0.5)
    series.value[(series.end_s > 1800) & (series.end_s <= 2400)] = 0.95
    assert time_min(series, outcome("rising", level=0.05)) == 20
    assert time_min(series, outcome("rising", level=0.9)) == 30
    assert time_min(series, outcome("falling", level=0.9)) == 40
    assert time_min(series, outcome("rising", level=0.5)) == 20, "at the level is in trouble"


def test_capacity_is_in_trouble_below_its_level() -> None:
    series = signal((20, 60), quiet=1.0, loud=0.4)
    falling, rising = (outcome(d, signal="capacity_ratio", level=0.95) for d in ("falling", "rising"))
    assert is_onset(falling) and not is_onset(rising)
    assert (time_min(series, falling), time_min(series, rising)) == (20, 60)


def test_stretches_of_the_whole_series() -> None:
    series = signal((10, 20), (60, 70))
    assert series.episodes(series.value > 0, APART_S) == [Episode(600, 1200), Episode(3600, 4200)]
    empty = Series(np.zeros(0), np.zeros(0), SAMPLE_S)
    assert empty.episodes(np.zeros(0, bool), APART_S) == []


@pytest.mark.parametrize(
    ("spans", "direction", "is_broken"),
    [
        ([(20, 50)], "rising", True),
        ([(20, 50)], "falling", False),
        ([(5, 25)], "rising", False),
        ([(5, 25)], "falling", True),
        ([(5, 25), (27, 60)], "falling", False),  # well for two minutes only
        ([(5, 25), (31, 60)], "falling", True),  # well for six: that counts, though it is one episode
        ([(5, 50)], "falling", False),
        ([(20, 20.5)], "rising", False),
        ([], "rising", False),
    ],
)
def test_what_must_not_happen(spans, direction, is_broken) -> None:
    begin, end = START + timedelta(minutes=10), START + timedelta(minutes=40)
    ban = Exclusion(id="ban", subject="a", signal="error_ratio", direction=direction, level=0.05, begin=begin,
                    end=end, source="PES")  # fmt: skip
    published = Published(incident="x", outcomes=(), must_not=(ban,))
    found = broken({("a", "error_ratio"): signal(*spans)}, published, START)
    assert found == (("ban",) if is_broken else ())
