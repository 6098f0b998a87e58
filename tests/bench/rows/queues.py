"""M/M/1 and M/M/10: 200,000 customers, one by one, at seven tenths of the capacity."""

from __future__ import annotations

import math
from pathlib import Path
from statistics import fmean, median

import twin
from tests.bench.environments import Absent, ask
from tests.bench.measure import Bench, Target, expect
from tests.bench.scenarios import engine_s
from twin.model.scenario import Scenario
from twin.simulation.run import FinishedRun, simulate
from twin.spec import override

MODEL = Path(__file__).parents[1] / "models" / "queue.yaml"
CUSTOMERS, SMALL = 200_000, 2_000
LOAD, SERVICE_S, TOLERANCE = 0.7, 0.001, 0.03
PEERS = (
    ("SimPy", "simpy", "queue_simpy.py"),
    ("Ciw", "ciw", "queue_ciw.py"),
    ("Cimba", "cimba", "queue_cimba.py"),
)
OVER_SIMPY = Target(least=10.0)


def erlang_wait(servers: int) -> float:
    """Mean wait in mean services, by Erlang's formula C."""
    offered = LOAD * servers
    terms = [offered**k / math.factorial(k) for k in range(servers)]
    last = offered**servers / math.factorial(servers) / (1.0 - LOAD)
    return last / (sum(terms) + last) / (servers - offered)


def scenario(servers: int, customers: int) -> Scenario:
    rate_per_s = LOAD * servers / SERVICE_S
    queue = twin.load(MODEL).model_copy(
        update={"duration_s": float(math.ceil(customers / rate_per_s / 10) * 10)}
    )
    return override(queue, set={"desk.servers_count": servers, "customers.rate_per_s": rate_per_s})


def wait_of(run: FinishedRun) -> float:
    """Mean wait in mean services, by Little's law from the mean number that waits."""
    query = """
        select (select avg(waiting_count) from samples where service = 'desk') as waiting,
               (select count(*) from requests) / $seconds as per_s"""
    row = run.sql(query, seconds=run.manifest["duration_s"]).to_pylist()[0]
    return row["waiting"] / row["per_s"] / SERVICE_S


def check(waits: list[float], servers: int, who: str) -> None:
    """The mean of all repeats. Raises WrongAnswer."""
    wait, expected = fmean(waits), erlang_wait(servers)
    expect(abs(wait / expected - 1.0) <= TOLERANCE, f"{who}: mean wait {wait:.4g}, expected {expected:.4g}")


def measure(bench: Bench) -> None:
    for servers in (1, 10):
        customers = SMALL if bench.is_small else CUSTOMERS
        queue, work = scenario(servers, customers), f"M/M/{servers}, {CUSTOMERS:,} customers"
        simulate(queue.model_copy(update={"duration_s": 10.0}))

        def right(runs: list[FinishedRun], servers: int = servers) -> None:
            check([wait_of(run) for run in runs], servers, "twin")

        def whole(n: int, queue: Scenario = queue) -> FinishedRun:
            return simulate(queue, replicate=n, digest=False)

        seconds = bench.seconds(whole, right)
        share = customers / (queue.duration_s * LOAD * servers / SERVICE_S)
        seconds *= share
        engine = median(engine_s(queue, n) for n in range(bench.repeats)) * share
        bench.add(work, "twin, engine", engine)
        bench.add(work, "twin, tables and all", seconds)
        peers(bench, servers, customers, work, (engine, seconds))


def peers(bench: Bench, servers: int, customers: int, work: str, twin_s: tuple[float, float]) -> None:
    for name, package, program in PEERS if bench.has_peers else PEERS[:1]:
        asked = {"servers": servers, "arrivals_per_s": LOAD * servers, "customers": customers}
        try:
            told = [ask(package, program, seed=n + 1, **asked) for n in range(bench.repeats)]
        except Absent as absent:
            bench.add(work, name, None, note=str(absent))
            continue
        if not bench.is_small:
            check([t.answer["wait_s"] for t in told], servers, name)
        theirs_s = median(t.seconds for t in told)
        bench.add(work, f"{name} {told[0].version}", theirs_s)
        if name == "SimPy":
            bench.add(work, "SimPy over the engine", theirs_s / twin_s[0], "×")
            bench.add(work, "SimPy over tables and all", theirs_s / twin_s[1], "×", OVER_SIMPY)
