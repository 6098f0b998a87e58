"""The stopwatch: how long, how much memory, and one line a figure."""

import json
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import twin
from twin.model.scenario import Scenario

SCENARIO = Path(__file__).parents[2] / "scenarios" / "us-east-1-2025-10-20.yaml"


YARDSTICK_S = 0.06  # that ``yardstick_s`` takes on the machine for which the targets are written
TIMES = ("ms", "s", "min")


@cache
def yardstick_s() -> float:
    """Processor time of a fixed piece of Python, the least of five."""
    spent_s = []
    for _ in range(5):
        began_s = time.process_time()
        sum(k * k for k in range(1_000_000))
        spent_s.append(time.process_time() - began_s)
    return min(spent_s)


def figure(what: str, value: float, unit: str, target: float) -> bool:
    """Print ``value`` beside its target; whether it is met.

    A target that is a time grows with what this machine takes for the yardstick, so a slow machine does not
    miss it.
    """
    target *= max(1.0, yardstick_s() / YARDSTICK_S) if unit in TIMES else 1.0
    verdict = "" if value <= target else "   missed"
    print(f"\n  {what:<48}{value:9.2f} {unit:<3} target {target:.3g} {unit}{verdict}")  # noqa: T201
    return value <= target


def engine_s(scenario: Scenario, repeats: int = 3) -> float:
    """Engine seconds of a run, the least of several; the loop is compiled and loaded before."""
    twin.run(scenario.model_copy(update={"duration_s": 60.0}))
    return min(twin.run(scenario).manifest["engine_seconds"] for _ in range(repeats))


def command(folder: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "twin", "replay", str(SCENARIO), "--json", "--out", str(folder), *options]


def replay(folder: Path, *options: str) -> tuple[float, dict[str, Any]]:
    """(wall seconds of ``twin replay``, process start and scorecard included; what it printed)."""
    began = time.perf_counter()
    done = subprocess.run(command(folder, *options), check=True, capture_output=True, text=True)
    return time.perf_counter() - began, json.loads(done.stdout)


def peak_mb(folder: Path) -> float:
    """Most memory that one ``twin replay`` of the incident took."""
    script = (
        "import resource, subprocess\n"
        f"subprocess.run({command(folder)!r}, check=True, stdout=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return int(done.stdout) / 1024.0
