"""The replay of 20 October: 18.5 hours, 43 services. The loop is compiled before the stopwatch starts."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from statistics import median
from typing import Any

from tests.bench.environments import ask
from tests.bench.measure import Bench, Target, expect
from tests.bench.scenarios import INCIDENT, engine_s, incident, shortened
from twin.model.scenario import Scenario
from twin.simulation.run import simulate
from twin.spec import override

CORE, SHELL, OVER_RUNS, MEMORY = Target(most=0.4), Target(most=3.0), Target(most=1.2), Target(most=1024.0)
FLEETS = (10**5, 10**6, 10**8)
PER_DROPLET_PER_S = 290e-6  # capacity grows with the fleet, so that each does the same
UNCOMPILED_S, SMALL_S = 60, 120.0
WORK = "20 October, core (43 services)"


def measure(bench: Bench) -> None:
    core = shortened(incident(), SMALL_S) if bench.is_small else incident()
    engine_s(shortened(core, 60.0))
    seconds = median(engine_s(core) for _ in range(bench.repeats))
    bench.add(WORK, "twin, engine", seconds, target=CORE)
    if bench.is_small:
        return
    uncompiled(bench, core, WORK, seconds)
    fleets(bench, core)
    shells(bench)


def uncompiled(
    bench: Bench, scenario: Scenario, work: str, compiled_s: float, seconds: float = UNCOMPILED_S
) -> None:
    """The same code without Numba, for the first ``seconds``, scaled to all ticks. The rows are the same."""
    few = shortened(scenario, min(seconds, scenario.duration_s))
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(few.model_dump_json())
        file.flush()
        told = ask("", "uncompiled.py", path=file.name, env={"NUMBA_DISABLE_JIT": "1"})
    expect(told.answer["digest"] == simulate(few).digest, f"{work}: uncompiled, the rows differ")
    whole_s = told.seconds * scenario.duration_s / few.duration_s
    bench.add(work, "twin, uncompiled", whole_s, note=f"once, scaled from {few.duration_s:.0f} s of the run")
    bench.add(work, "uncompiled over compiled", whole_s / compiled_s, "×")


def fleets(bench: Bench, core: Scenario) -> None:
    """A thousand times the droplets cost no more. Taken in turns."""
    seconds: dict[int, list[float]] = {n: [] for n in FLEETS}
    for _ in range(bench.repeats):
        for n in FLEETS:
            changes = {"dwfm.holders_count": n, "dwfm.capacity_per_s": round(n * PER_DROPLET_PER_S)}
            seconds[n].append(engine_s(override(core, set=changes)))
    medians = [median(these) for these in seconds.values()]
    bench.add(
        WORK, "slowest over fastest of 1e5, 1e6, 1e8 droplets", max(medians) / min(medians), "×", OVER_RUNS
    )


def shells(bench: Bench) -> None:
    """``twin replay``, process start and scorecard included. Wall time."""
    digests = set()
    ways = {"twin replay from the shell": (), "twin replay on 1 actor": ("--runner", "ray", "--actors", "1"),
            "twin replay on 2 actors": ("--runner", "ray", "--actors", "2")}  # fmt: skip
    for who, options in ways.items():
        runs = [replay(*options) for _ in range(bench.repeats)]
        digests |= {card["digest"] for _, card in runs}
        expect(len(digests) == 1, f"{who}: the rows differ")
        target = None if options else SHELL
        bench.add(WORK, f"{who}, wall time", median(wall_s for wall_s, _ in runs), target=target)
    bench.add(WORK, "peak memory of twin replay", peak_mb(), "MB", MEMORY)


def command(folder: str, *options: str) -> list[str]:
    return [sys.executable, "-m", "twin", "replay", str(INCIDENT), "--json", "--out", folder, *options]


def replay(*options: str) -> tuple[float, dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        done = subprocess.run(command(folder, *options), check=True, capture_output=True, text=True)
        return time.perf_counter() - began, json.loads(done.stdout)


def peak_mb() -> float:
    """Most memory that one ``twin replay`` took."""
    with tempfile.TemporaryDirectory() as folder:
        script = (
            "import resource, subprocess\n"
            f"subprocess.run({command(folder)!r}, check=True, stdout=subprocess.DEVNULL)\n"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return int(done.stdout) / 1024.0
