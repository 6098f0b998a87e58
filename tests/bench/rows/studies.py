"""What a study costs: a run with everything around it, Ray beside processes, memory over replicates."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.measure import Bench, Target, expect
from tests.bench.scenarios import ROOT, incident
from tests.experiments.honesty.small import TINY, measured
from twin.experiments.arms import Arm, arm_of
from twin.experiments.compare import compared
from twin.experiments.comparison import ComparisonPlan
from twin.experiments.pool import PoolSettings, open_pool
from twin.experiments.realizations import realizations
from twin.experiments.study import Job, Setting, Study, run_job
from twin.simulation.run import simulate
from twin.spec.responders import with_responders

EIGHT = (
    "compare-and-swap", "short-negative-ttl", "tolerate-missing-target", "long-leases", "wait-for-network",
    "no-zone-failover", "self-healing-poller", "restart-runbook",
)  # fmt: skip
RUN, TINY_MS, OVER_PROCESSES = Target(most=0.6), Target(most=10.0), Target(most=1.05)
MEMORY, COMPARISON = Target(most=25.0), Target(most=3.0)
WORLDS = 64
WORK = "studies of 20 October, core"


def setting(until: str | None = None) -> Setting:
    return Setting({"replay": with_responders(incident(until), "drawn")})


def jobs(count: int) -> list[Job]:
    return [Job("replay", Arm(), world) for world in realizations(count)]


def measure(bench: Bench) -> None:
    there, several = setting("+10m" if bench.is_small else None), jobs(bench.repeats)
    run_job(there, several[0])
    bench.add(
        WORK, "a run of a study, all of it", bench.seconds(lambda n: run_job(there, several[n])), target=RUN
    )
    measured(simulate(TINY))
    tiny_s = bench.seconds(lambda n: [measured(simulate(TINY, replicate=k)) for k in range(20)] and None) / 20
    bench.add("studies of a tiny system", "a run with its measures", tiny_s * 1e3, "ms", TINY_MS)
    if bench.is_small:
        return
    processes, ray = wall_s("process", 24), wall_s("ray", 24)
    bench.add(WORK, "Ray over processes, two of each", ray / processes, "×", OVER_PROCESSES)
    with tempfile.TemporaryDirectory() as folder:
        few, many = peak_mb(Path(folder) / "few", 50), peak_mb(Path(folder) / "many", 800)
    bench.add("studies of a tiny system", "memory of 800 replicates beside 50", many - few, "MB", MEMORY)
    eight(bench)


def wall_s(runner: str, count: int) -> float:
    """Of so many runs on two workers that are warm."""
    with open_pool(PoolSettings(runner, 2), setting()) as pool:
        dict(pool.map(run_job, jobs(4)))
        began = time.perf_counter()
        dict(pool.map(run_job, jobs(count)))
        return time.perf_counter() - began


SCRIPT = """
import resource, sys
from pathlib import Path
import twin
from twin.experiments.arms import Arm
from twin.experiments.study import Job, Setting, Study
from twin.experiments.realizations import realizations
there = Setting({"tiny": twin.load("tests/experiments/honesty/tiny.yaml")})
with Study(there, Path(sys.argv[1])) as study:
    study.do([Job("tiny", Arm(), w) for w in realizations(int(sys.argv[2]))]).values("requests_lost")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_mb(folder: Path, count: int) -> float:
    command = [sys.executable, "-c", SCRIPT, str(folder), str(count)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout) / 1024


def eight(bench: Bench) -> None:
    """Baseline and eight mitigations in 64 worlds, on two processes. Once. Wall time.

    If what is slow is to be short, an eighth of the worlds, scaled.
    """
    there, worlds = setting(), WORLDS if bench.slow == bench.repeats else WORLDS // 8
    arms = tuple(arm_of(name, there.bases["replay"]) for name in EIGHT)
    began = time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        Study(there, Path(folder), PoolSettings("process", 2)) as study,
    ):
        found = compared(study, ComparisonPlan("replay", arms, worlds, 6 * 3600.0, interim=False))
    minutes = (time.perf_counter() - began) / 60 * WORLDS / worlds
    expect(len(found.arms) == len(EIGHT), f"{len(found.arms)} arms of {len(EIGHT)}")
    note = "once" if worlds == WORLDS else f"once, scaled from {worlds} worlds"
    bench.add(WORK, f"baseline and 8 mitigations × {WORLDS}, wall time", minutes, "min", COMPARISON, note)
