"""The oracle against numbers that others have: closed forms, and another event simulation of six systems.

Those systems are the instances C01-a … C20-a of the compositions; each number has its mean over twelve runs
and its standard error, as they were handed over.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from tests.compositions.oracle import simulate_requests
from tests.compositions.oracle.__main__ import main
from tests.compositions.oracle.record import GOOD, Record, UserCall
from tests.compositions.small_scenarios import load_tree, scenario_tree

RUNS_THERE = 12
LONG_S = 86_400.0


def station(**given: Any) -> dict[str, Any]:
    return {
        "kind": "queueing",
        "service": "exponential",
        "service_time_s": 0.0,
        "fails": "on_arrival",
        **given,
    }


def relay(**given: Any) -> dict[str, Any]:
    return {"kind": "relay", "service_time_s": 0.0, **given}


def users(rate_per_s: float, on: str, patience_s: float) -> dict[str, Any]:
    calls = [{"on": on, "timeout_s": patience_s}]
    return {"kind": "workload", "rate_per_s": rate_per_s, "calls": calls}


class Known(NamedTuple):
    """What somebody else's simulation says of a number."""

    what: str
    measure: Callable[[Record], float]
    mean: float
    stderr: float
    floor: float


def started(record: Record, begin: float, end: float) -> list[UserCall]:
    return [row for row in record.users if begin <= row.start_s < end]


def failed_share(begin: float, end: float) -> Callable[[Record], float]:
    def measure(record: Record) -> float:
        rows = started(record, begin, end)
        return sum(row.outcome not in GOOD for row in rows) / len(rows)

    return measure


def mean_latency(begin: float, end: float, good: bool = True) -> Callable[[Record], float]:
    def measure(record: Record) -> float:
        rows = [r.latency_s for r in started(record, begin, end) if (r.outcome in GOOD) is good]
        return sum(rows) / len(rows)

    return measure


def percentile(p: float, begin: float, end: float) -> Callable[[Record], float]:
    def measure(record: Record) -> float:
        rows = sorted(r.latency_s for r in started(record, begin, end) if r.outcome in GOOD)
        return rows[math.ceil(p * len(rows)) - 1]

    return measure


def rate(edge: str, event: str, begin: int, end: int) -> Callable[[Record], float]:
    caller, _, callee = edge.partition("->")
    return lambda record: record.rate((caller, callee), event, begin, end)


class System(NamedTuple):
    """A system of the compositions: services, faults, length, and some of its numbers."""

    services: dict[str, Any]
    faults: list[dict[str, Any]]
    duration_s: float
    known: list[Known]


def fault(target: str, value: float, begin: float = 300, end: float = 900) -> list[dict[str, Any]]:
    return [{"at": begin, "until": end, "set": {target: value}}]


SYSTEMS = {
    "C01-a": System(
        {"users": users(25, "svc", 2.0),
         "svc": station(workers_count=10, calls=[{"on": "dep", "timeout_s": LONG_S}]),
         "dep": station(work_s=0.1)},
        fault("dep.work_s", 1.0), 1200,
        [Known("failed in the fault", failed_share(300, 900), 0.99787, 0.00021, 0.001),
         Known("failed after", failed_share(900, 1200), 0.39241, 0.0034, 0.001),
         Known("latency after", mean_latency(900, 1200), 0.1132, 0.0010, 0.001),
         Known("sent in the fault", rate("svc->dep", "sent", 300, 900), 10.065, 0.051, 0.01),
         Known("sent after", rate("svc->dep", "sent", 900, 1200), 54.709, 0.176, 0.01),
         Known("longest queue", lambda record: record.waiting["svc"].most, 8953.5, 49.9, 1)]),
    "C02-a": System(
        {"users": users(10, "a", 10.0),
         "a": station(work_s=0.01, calls=[{"on": "b", "timeout_s": 5.0}]),
         "b": station(work_s=0.01, calls=[{"on": "c", "timeout_s": 1.0, "retries": 1, "backoff_s": 0.0}]),
         "c": station(work_s=0.02, slow_s=3.02)},
        fault("c.slow_ratio", 1.0), 1200,
        [Known("latency before", mean_latency(60, 300), 0.03997, 0.00015, 0.0005),
         Known("p99 before", percentile(0.99, 60, 300), 0.1222, 0.0013, 0.001),
         Known("latency of failed", mean_latency(300, 900, good=False), 2.02005, 4e-5, 0.0005),
         Known("sent to c", rate("b->c", "sent", 310, 890), 20.02, 0.098, 0.02),
         Known("late", lambda record: record.total(("b", "c"), "served_late"), 11998.0, 59.2, 1)]),
    "C03-a": System(
        {"users": users(25, "s", 1.0),
         "s": relay(calls=[{"on": "callee", "timeout_s": LONG_S, "retries": 3, "backoff_s": 0.2,
                            "jitter": "none"}]),
         "callee": station(work_s=0.05, error_s=0.005)},
        fault("callee.fault_ratio", 0.5), 1200,
        [Known("failed in the fault", failed_share(300, 900), 0.12522, 0.00054, 0.0005),
         Known("latency in the fault", mean_latency(300, 900), 0.19597, 0.00036, 0.001),
         Known("p50 in the fault", percentile(0.5, 300, 900), 0.1060, 0.00097, 0.001),
         Known("p99 in the fault", percentile(0.99, 300, 900), 0.7407, 0.00094, 0.002)]),
    "C05-a": System(
        {"users": users(0, "relay", LONG_S),
         "relay": relay(calls=[{"on": "station", "timeout_s": 5.005, "retries": 2, "backoff_s": 0.0}]),
         "station": station(servers_count=1, work_s=0.01, service="deterministic")},
        [{"at": 10, "set": {"users.batch_count": 2000}}], 60,
        [Known("good answers", lambda r: sum(x.outcome in GOOD for x in r.users), 500, 0.0, 0.5),
         Known("the last good one", lambda r: max(x.latency_s for x in r.users if x.outcome in GOOD),
               5.0, 0.0, 1e-6),
         Known("the first loss", lambda r: min(x.latency_s for x in r.users if x.outcome not in GOOD),
               15.015, 0.0, 1e-6)]),
    "C07-a": System(
        {"users": users(30, "router", 5.0),
         "router": relay(calls=[{"on": f"cell{k}", "one_of": "cells", "weight": weight, "timeout_s": 1.0}
                                for k, weight in enumerate((0.5, 0.3, 0.2))]),
         **{f"cell{k}": station(servers_count=20, work_s=0.1, buffer_count=50) for k in range(3)}},
        fault("cell1.fault_ratio", 1.0), 1200,
        [Known("failed in the fault", failed_share(300, 900), 0.29946, 0.0011, 0.001),
         Known("latency of failed", mean_latency(300, 900, good=False), 0.001093, 4.3e-5, 2e-4),
         Known("sent to cell 0", rate("router->cell0", "sent", 310, 890), 15.065, 0.038, 0.01)]),
    "C20-a": System(
        {"users": users(13, "a", 25.0),
         "a": relay(calls=[{"on": "b", "timeout_s": 7.0, "retries": 2, "backoff_s": 0.0}]),
         "b": relay(calls=[{"on": "c", "timeout_s": 2.0, "retries": 2, "backoff_s": 0.0}]),
         "c": station(servers_count=4, work_s=0.2)},
        fault("c.capacity_ratio", 0.5, 300, 360), 900,
        [Known("latency before", mean_latency(60, 300), 0.24526, 0.0038, 0.001),
         Known("failed in the fault", failed_share(300, 360), 0.91948, 0.0134, 0.001),
         Known("failed at the end", failed_share(600, 900), 1.0, 0.0, 0.001),
         Known("sent a->b at the end", rate("a->b", "sent", 600, 870), 39.276, 0.156, 0.02),
         Known("sent b->c at the end", rate("b->c", "sent", 600, 870), 117.818, 0.483, 0.02)]),
}  # fmt: skip


LONG = ("C07-a", "C20-a")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long if name in LONG else ()) for name in SYSTEMS]
)
def test_it_agrees_with_another_event_simulation(name: str, tmp_path: Path) -> None:
    system, seeds = SYSTEMS[name], 1
    scenario = load_tree(scenario_tree(system.services, system.faults, system.duration_s), tmp_path)
    records = [simulate_requests(scenario, seed, rest_s=60.0) for seed in range(seeds)]
    for known in system.known:
        mean = sum(known.measure(record) for record in records) / seeds
        of_one_run = known.stderr * math.sqrt(RUNS_THERE)
        tolerance = 4.0 * of_one_run * math.sqrt(1.0 / seeds + 1.0 / RUNS_THERE) + known.floor
        assert mean == pytest.approx(known.mean, abs=tolerance), known.what


def later_than(t_s: float, servers: int, per_s: float, mean_s: float) -> float:
    """Share of calls of an M/M/c queue that take longer than ``t_s``: the wait (Erlang's C) and the work."""
    offered = per_s * mean_s
    terms = [offered**k / math.factorial(k) for k in range(servers + 1)]
    waits = terms[-1] / (1.0 - offered / servers)
    waits /= sum(terms[:-1]) + waits
    mu, drain = 1.0 / mean_s, servers / mean_s - per_s
    if math.isclose(mu, drain):
        return math.exp(-mu * t_s) * (1.0 + waits * mu * t_s)
    both = waits * (drain * math.exp(-mu * t_s) - mu * math.exp(-drain * t_s)) / (drain - mu)
    return (1.0 - waits) * math.exp(-mu * t_s) + both


@pytest.mark.parametrize("servers", [1, 10])
def test_time_in_an_mmc_queue(servers: int, tmp_path: Path) -> None:
    """0.04: four standard errors at the load 0.7, where neighbours in a queue are alike."""
    per_s = 7.0 * servers
    services = {"users": users(per_s, "q", 0.3), "q": station(servers_count=servers, work_s=0.1)}
    scenario = load_tree(scenario_tree(services, [], 4000.0 / servers), tmp_path)
    record = simulate_requests(scenario, 1)
    late = failed_share(20, 4000.0 / servers - 1.0)(record)
    assert late == pytest.approx(later_than(0.3, servers, per_s, 0.1), abs=0.04)


def test_a_fan_out_takes_as_long_as_its_slowest_call(tmp_path: Path) -> None:
    """The mean of the largest of k exponential times is the mean times 1 + 1/2 + … + 1/k."""
    part = station(work_s=0.05)
    calls = [{"on": "dep", "timeout_s": LONG_S, "parallel": "all", "times": 10}]
    services = {"users": users(20, "s", LONG_S), "s": relay(calls=calls), "dep": part}
    record = simulate_requests(load_tree(scenario_tree(services, [], 300), tmp_path), 1, rest_s=5.0)
    harmonic = sum(1.0 / k for k in range(1, 11))
    assert mean_latency(0, 300)(record) == pytest.approx(0.05 * harmonic, rel=0.03)


def test_a_fault_that_comes_again(tmp_path: Path) -> None:
    services = {"users": users(50, "s", 1.0), "s": relay()}
    tree = scenario_tree(services, [{"at": 10, "set": {"s.fault_ratio": 1.0}}], 100)
    tree["faults"][0] |= {"for": "5s", "every": "20s", "times": 3}
    record = simulate_requests(load_tree(tree, tmp_path), 1)
    bad = {int(row.start_s) for row in record.users if row.outcome not in GOOD}
    assert bad == {*range(10, 15), *range(30, 35), *range(50, 55)}


def test_a_word_that_it_does_not_know_is_refused(tmp_path: Path) -> None:
    services = {"users": users(5, "s", 1.0), "s": station(throttle_per_s=3.0, burst_count=1)}
    scenario = load_tree(scenario_tree(services, [], 10), tmp_path)
    with pytest.raises(NotImplementedError, match=r"s\.throttle_per_s"):
        simulate_requests(scenario, 1)


def test_the_command_prints_users_over_time(tmp_path: Path) -> None:
    services = {"users": users(50, "s", 1.0), "s": relay(service_time_s=0.25)}
    load_tree(scenario_tree(services, [], 20), tmp_path)
    command = [str(tmp_path / "small.yaml"), "--seeds", "2", "--bin", "10s", "--oracle-only"]
    shown = CliRunner().invoke(main, command)
    assert shown.exit_code == 0, shown.output
    assert len(shown.output.splitlines()) == 5 and shown.output.count("0.25") == 4
