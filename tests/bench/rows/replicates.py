"""32 replicates of the retry storm on two processes: the study's pool, and SimPy in a pool. Wall time."""

from __future__ import annotations

import time

from tests.bench.environments import Absent, ask
from tests.bench.measure import Bench, Target, expect
from tests.bench.rows.storm import HORIZON_S, MODES, SMALL_S, scenario
from twin.experiments.arms import Arm
from twin.experiments.pool import PoolSettings, open_pool
from twin.experiments.realizations import realizations
from twin.experiments.study import Job, Setting, run_job

REPLICATES, OF_SIMPY = 32, 2
RATE = Target(least=100.0)


def measure(bench: Bench) -> None:
    horizon_s = SMALL_S if bench.is_small else HORIZON_S
    setting = Setting({mode: scenario(mode, horizon_s) for mode in MODES})
    with open_pool(PoolSettings("process", 2), setting) as pool:
        for mode in MODES:
            jobs = [Job(mode, Arm(), world) for world in realizations(REPLICATES, draws=False)]
            dict(pool.map(run_job, jobs[:8]))
            wall_s = bench.seconds(
                lambda n, jobs=jobs: dict(pool.map(run_job, jobs)), right, time.perf_counter
            )
            bench.add(
                f"replicates of the storm, {mode}, two processes",
                "twin, a study's answers",
                REPLICATES / wall_s,
                "/s",
                RATE,
            )
    try:
        told = ask("simpy", "storm_pool.py", mode="none", count=OF_SIMPY, horizon_s=horizon_s)
    except Absent as absent:
        bench.add(
            "replicates of the storm, none, two processes", "SimPy in a pool", None, "/s", note=str(absent)
        )
        return
    note = f"measured on {OF_SIMPY} replicates, once"
    bench.add(
        "replicates of the storm, none, two processes",
        "SimPy in a pool",
        OF_SIMPY / told.answer["wall_s"],
        "/s",
        note=note,
    )


def right(answers: list[dict]) -> None:
    for answer in answers:
        expect(len(answer) == REPLICATES, f"{len(answer)} answers of {REPLICATES} replicates")
