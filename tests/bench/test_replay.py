"""What the replay of 18.5 hours costs. ``make bench`` prints the figures.

Compilation is not measured: the loop is compiled before the stopwatch starts.
"""

from pathlib import Path

import pytest

import twin
from twin.spec import override

from .measure import SCENARIO, engine_s, figure, peak_mb, replay

FLEETS = (10**5, 10**6, 10**8)
PER_DROPLET_PER_S = 290e-6  # capacity grows with the fleet, so that each does the same


@pytest.mark.slow
def test_engine() -> None:
    assert figure("engine, inline, warm", engine_s(twin.load(SCENARIO)), "s", 1.0)


@pytest.mark.slow
def test_wall_time_from_the_shell(tmp_path: Path) -> None:
    replay(tmp_path)
    wall_s, _ = min(replay(tmp_path / str(k)) for k in range(2))
    assert figure("twin replay from the shell", wall_s, "s", 8.0)


@pytest.mark.slow
@pytest.mark.ray(own=True)
def test_two_ray_actors(tmp_path: Path) -> None:
    """The same rows, too."""
    wall_s, card = replay(tmp_path / "ray", "--runner", "ray", "--actors", "2")
    _, inline = replay(tmp_path / "inline")
    assert figure("twin replay on two Ray actors", wall_s, "s", 25.0)
    assert card["digest"] == inline["digest"]


@pytest.mark.slow
def test_size_of_the_fleet() -> None:
    """Cohorts are counts: a thousand times the droplets cost no more. Taken in turns, the least of three."""
    incident = twin.load(SCENARIO)
    seconds = dict.fromkeys(FLEETS, float("inf"))
    for _ in range(3):
        for n in FLEETS:
            changes = {"dwfm.holders_count": n, "dwfm.capacity_per_s": round(n * PER_DROPLET_PER_S)}
            seconds[n] = min(seconds[n], engine_s(override(incident, set=changes), repeats=1))
    ratio = max(seconds.values()) / min(seconds.values())
    assert figure("slowest over fastest of 1e5, 1e6, 1e8 droplets", ratio, "x", 1.5)


@pytest.mark.slow
def test_peak_memory(tmp_path: Path) -> None:
    assert figure("peak memory of twin replay, inline", peak_mb(tmp_path), "MB", 1024.0)
