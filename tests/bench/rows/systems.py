"""Four small systems under a fault, request by request: the twin, and the tests' oracle, which is SimPy."""

from __future__ import annotations

from statistics import fmean

import numpy as np

from tests.bench.measure import Bench, Target, expect
from tests.compositions import special_measures
from tests.compositions.agreement import examine, load_text, texts
from tests.compositions.instance import read_instance, shipped
from tests.compositions.oracle import simulate_requests
from tests.compositions.twin_side import twin_users
from twin.simulation.run import FinishedRun, simulate

SYSTEMS = {"C01-a": "pool exhaustion", "C20-a": "two-tier retries", "C10-a": "cache", "C02-a": "chain"}
OVER_SIMPY = Target(least=100.0)
SHARE = 0.02  # by which the shares of failed users may differ between five runs of each side
assert special_measures.__doc__  # imported for the measures that it adds


def failed(users: list) -> float:
    return float(np.mean([user.outcome not in ("served", "degraded") for user in users]))


def measure(bench: Bench) -> None:
    names = dict([*SYSTEMS.items()][:1]) if bench.is_small else SYSTEMS
    for name, title in names.items():
        instance = read_instance(shipped()[name])
        (text,) = texts(instance).values()
        scenario, work = load_text(text), f"composition: {title}"
        if bench.is_small:
            scenario = scenario.model_copy(update={"duration_s": 20.0})
        ours, theirs = [], []

        def twice(n: int, scenario=scenario) -> FinishedRun:
            return simulate(scenario, replicate=n, digest=False)

        twice(0)
        twin_s = bench.seconds(twice, ours.extend)
        simpy_s = bench.seconds(
            lambda n, scenario=scenario: simulate_requests(scenario, n).users, theirs.extend
        )
        bench.add(work, "twin, tables and all", twin_s * 1e3, "ms")
        bench.add(work, "SimPy (the oracle)", simpy_s * 1e3, "ms")
        if not bench.is_small:
            outside = [str(verdict) for verdict in examine(instance) if not verdict.is_within]
            expect(not outside, f"{name}: {'; '.join(outside)}")
            apart = fmean(map(failed, map(twin_users, ours))) - fmean(map(failed, theirs))
            expect(abs(apart) <= SHARE, f"{name}: {apart:.3f} more users fail than in SimPy")
        bench.add(work, "SimPy over the twin", simpy_s / twin_s, "×", OVER_SIMPY)
