"""The retry storm: ten seconds of three times the load, and clients that try again at once.

One server, exponential service of 1 ms on average, a queue without end; 700 calls a second for 300 s, 2100 in
[60, 70). A call waits 0.5 s, and is tried again up to three times; the server does not learn who has left.
With a budget, retries take from a bucket of 100 tokens, into which each call puts a tenth.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np

import twin
from tests.bench.environments import Absent, Told, ask
from tests.bench.measure import REFERENCE_S, Bench, Target, expect
from tests.bench.scenarios import engine_s
from twin.model.scenario import Scenario
from twin.simulation.run import FinishedRun, simulate
from twin.spec import override

MODES = ("none", "budget")
RATE_PER_S, HORIZON_S, SMALL_S = 700.0, 300.0, 5.0
ENGINE, TABLES = Target(least=5000.0), Target(least=1000.0)
MODEL = Path(__file__).parents[1] / "models" / "storm.yaml"
PEERS = (("SimPy", "simpy", "storm_simpy.py"), ("heapq loop", "", "storm_heap.py"),
         ("happysim", "happysim", "storm_happysim.py"))  # fmt: skip


def scenario(mode: str, horizon_s: float = HORIZON_S) -> Scenario:
    """The storm of a mode, as the twin reads it."""
    storm = twin.load(MODEL).model_copy(update={"duration_s": horizon_s})
    budget = {"users->front.retry_budget_ratio": 0.1, "users->front.retry_budget_count": 100}
    return override(storm, set=budget) if mode == "budget" else storm


def check(mode: str, good: Sequence[float], who: str) -> None:
    """``good``: calls that succeeded in each second. Raises WrongAnswer."""
    before, end = float(np.mean(good[10:60])), float(np.mean(good[280:300]))
    expect(abs(before - RATE_PER_S) <= 10.0, f"{who}, {mode}: {before:.1f}/s before, expected 700 ± 10")
    if mode == "none":
        expect(end == 0.0, f"{who}, none: {end:.1f}/s at the end, expected 0")
        return
    back = back_s(good)
    expect(115 <= back <= 135, f"{who}, budget: back at {back} s, expected 115 to 135")
    expect(abs(end - RATE_PER_S) <= 20.0, f"{who}, budget: {end:.1f}/s at the end, expected 700")


def back_s(good: Sequence[float]) -> int:
    """The first second after the rush in which at least 90 % of the calls succeed."""
    return next((s for s in range(71, len(good)) if good[s] >= 0.9 * RATE_PER_S), len(good))


def good_of(run: FinishedRun) -> list[float]:
    found = run.sql("select goodput_per_s as good from samples where service = 'users' order by tick")
    return found.column("good").to_pylist()


def measure(bench: Bench) -> None:
    """SimPy first, whose time is the measure of this machine; then the twin; the other peers last."""
    horizon_s = SMALL_S if bench.is_small else HORIZON_S
    simpy = {mode: seconds for mode in MODES if (seconds := peer(bench, PEERS[0], mode, horizon_s))}
    for mode in MODES:
        storm, work = scenario(mode, horizon_s), f"retry storm, {mode}"
        engine_s(storm)
        simulate(storm)
        engine = median(engine_s(storm, n) for n in range(3 * bench.repeats))
        tables_s = with_tables_s(bench, mode, storm)
        bench.add(work, "twin, engine", engine * 1e3, "ms")
        bench.add(work, "twin, tables and all", tables_s * 1e3, "ms")
        if mode in simpy:
            bench.add(work, "SimPy over the engine", simpy[mode] / engine, "×", ENGINE)
            bench.add(work, "SimPy over tables and all", simpy[mode] / tables_s, "×", TABLES)
    for named in PEERS[1:] if bench.has_peers else ():
        for mode in MODES:
            peer(bench, named, mode, horizon_s)


def with_tables_s(bench: Bench, mode: str, storm: Scenario) -> float:
    """From the loaded scenario to its four tables."""

    def right(runs: list[FinishedRun]) -> None:
        for run in runs:
            check(mode, good_of(run), "twin")

    return bench.seconds(lambda n: simulate(storm, replicate=n, digest=False), right)


def peer(bench: Bench, named: tuple[str, str, str], mode: str, horizon_s: float) -> float | None:
    """The seconds of a peer; its answers are checked. What takes long is asked ``bench.slow`` times."""
    name, package, program = named
    told: list[Told] = []
    try:
        while len(told) < bench.times(told):
            told.append(ask(package, program, mode=mode, seed=len(told), horizon_s=horizon_s))
    except Absent as absent:
        bench.add(f"retry storm, {mode}", name, None, note=str(absent))
        return None
    for one in told if not bench.is_small else ():
        check(mode, one.answer["good"], name)
    seconds = median(one.seconds for one in told)
    if (name, mode) == ("SimPy", "none") and not bench.is_small:
        bench.factor = seconds / REFERENCE_S
    bench.add(f"retry storm, {mode}", f"{name} {told[0].version}".strip(), seconds, note=bench.runs_of(told))
    return seconds
