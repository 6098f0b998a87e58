"""What a study costs: a run with everything around it, Ray beside processes, memory over replicates."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

import twin
from twin.experiments.arms import Arm, arm_of
from twin.experiments.pool import PoolSettings, open_pool
from twin.experiments.realizations import realizations
from twin.experiments.study import Job, Setting, Study, run_job
from twin.spec.responders import with_responders

from .measure import SCENARIO, figure

EIGHT = (
    "compare-and-swap", "short-negative-ttl", "tolerate-missing-target", "long-leases", "wait-for-network",
    "no-zone-failover", "self-healing-poller", "restart-runbook",
)  # fmt: skip


def setting(until: str | None = None) -> Setting:
    return Setting({"replay": with_responders(twin.load(SCENARIO, until=until), "drawn")})


def jobs(count: int) -> list[Job]:
    return [Job("replay", Arm(), w) for w in realizations(count)]


def test_a_run_of_a_study_costs_little() -> None:
    there = setting()
    run_job(there, jobs(1)[0])
    began = time.process_time()
    for job in jobs(6):
        run_job(there, job)
    each_s = (time.process_time() - began) / 6
    assert figure("a run of a study, all of it", each_s, "s", 1.2)


def wall_s(runner: str, count: int) -> float:
    """Of so many runs on two workers that are warm."""
    with open_pool(PoolSettings(runner, 2), setting()) as pool:
        dict(pool.map(run_job, jobs(4)))
        began = time.perf_counter()
        dict(pool.map(run_job, jobs(count)))
        return time.perf_counter() - began


@pytest.mark.slow
@pytest.mark.ray(own=True)
def test_ray_costs_little_more_than_processes() -> None:
    processes, ray = wall_s("process", 24), wall_s("ray", 24)
    figure("Ray over processes, two of each", (ray / processes - 1) * 100, "%", 10.0)
    assert ray < 1.5 * processes


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
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / 1024


@pytest.mark.slow
def test_memory_does_not_grow_with_replicates(tmp_path: Path) -> None:
    few, many = peak_mb(tmp_path / "few", 50), peak_mb(tmp_path / "many", 800)
    figure("memory of 800 replicates beside 50", many - few, "MB", 25.0)
    assert many - few < 60


@pytest.mark.slow
@pytest.mark.ray(own=True)
@pytest.mark.timeout(3600)
def test_eight_mitigations_in_sixty_four_worlds(tmp_path: Path) -> None:
    from twin.experiments.compare import compared
    from twin.experiments.comparison import ComparisonPlan

    there = setting()
    arms = tuple(arm_of(name, there.bases["replay"]) for name in EIGHT)
    began = time.perf_counter()
    with Study(there, tmp_path, PoolSettings("ray", 2)) as study:
        found = compared(study, ComparisonPlan("replay", arms, 64, 6 * 3600.0, interim=False))
    minutes = (time.perf_counter() - began) / 60
    figure("baseline and 8 mitigations × 64, two actors", minutes, "min", 6.0)
    assert len(found.arms) == 8
