"""The execution pool against the published law of its growth, and the laws of its cells and newcomers."""

import math
from typing import Any

import pytest

import twin
from twin.model.scenario import Scenario
from twin.simulation import inline
from twin.simulation.run import schedule_for
from twin.simulation.world import build


def q(value: float) -> dict[str, Any]:
    return {"value": value, "assumed": "a test"}


@pytest.mark.parametrize("noise", ["exact", "mean"])
@pytest.mark.parametrize("domains", [("one", "one"), ("one", "two")])
def test_a_pool_starts_no_faster_than_its_bootstrap_serves(noise: str, domains: tuple[str, str]) -> None:
    """A bootstrap serves one start in five seconds: 20 of 1000 stand after 100 s, and 100 after 500 s."""
    pool = {"capacity_count": 1000, "initial_ratio": 0.0, "scale_per_s": 10.0}
    asks = {"on": "bootstrap", "mode": "lease", "timeout_s": q(600.0)}
    services = {
        "pool": {"name": "pool", "kind": "execution_pool", "domain": domains[0],
                 "parameters": {k: q(v) for k, v in pool.items()}, "dependencies": [asks]},
        "bootstrap": {"name": "bootstrap", "kind": "queueing", "domain": domains[1],
                      "parameters": {"capacity_per_s": q(0.2)}},
    }  # fmt: skip
    case = Scenario.model_validate({
        "scenario": "bootstrap", "start": "2025-10-19T22:00:00-07:00", "duration": 540.0, "sample": 10.0,
        "noise": noise, "topology": {"topology": "bootstrap", "services": services},
    })  # fmt: skip
    rows = [r for r in twin.run(case, debug=True).samples.to_pylist() if r["service"] == "pool"]
    started = [1000 - r["backlog_count"] for r in rows]
    late = 1 if domains[0] == domains[1] else 5  # of news from another domain
    assert 20 - late <= started[9] <= 20 and 100 - late <= started[49] <= 100


@pytest.mark.parametrize(("at_once", "full_s"), [(1000, 90.0), (0, 100.0)])
def test_v50_scale_out(at_once: int, full_s: float) -> None:
    """From 0 to 10 000 environments: the burst stands at the start, the others come by 100 a second."""
    wanted = 10_000
    numbers = {"capacity_count": wanted, "initial_ratio": at_once / wanted, "scale_per_s": 100.0}
    pool = {"name": "pool", "kind": "execution_pool", "parameters": {k: q(v) for k, v in numbers.items()}}
    topology = {"topology": "scale-out", "signal_period": 1.0, "services": {"pool": pool}}
    case = Scenario.model_validate({
        "scenario": "scale-out", "start": "2025-10-19T22:00:00-07:00", "duration": 200.0, "sample": 1.0,
        "noise": "mean", "topology": topology,
    })  # fmt: skip
    missing = twin.run(case, debug=True).samples["backlog_count"].to_pylist()
    assert missing[0] == wanted - at_once - 100
    assert missing.index(0) + 1 == pytest.approx(full_s, abs=1.0)


def troubled(duration_s: float, noise: str = "mean", network_s: float = 20.0, **pool: float) -> Scenario:
    """A pool in full load, whose targets are all out of service between 100 s and 400 s."""
    numbers = {"capacity_count": 100_000, "load_per_s": 100.0, "scale_per_s": 20.0, "loss_per_s": 0.002}
    services = {
        "balancers": {"kind": "queueing", "parameters": {"capacity_per_s": q(100.0)}},
        "network": {"kind": "relay", "parameters": {"service_time_s": q(network_s)}},
        "pool": {"kind": "execution_pool", "parameters": {k: q(v) for k, v in (numbers | pool).items()},
                 "dependencies": [{"on": "balancers", "mode": "lease", "share": q(0.0)},
                                  {"on": "network", "mode": "async", "share": q(0.0)}]},
        "people": {"kind": "workload", "parameters": {"rate_per_s": q(100.0)},
                   "dependencies": [{"on": "pool", "mode": "hard", "retries": q(0)}]},
    }  # fmt: skip
    named = {name: {"name": name, "domain": "one"} | service for name, service in services.items()}
    to = {"balancers.capacity_per_s": 0.001}
    out = {"id": "out", "at": 100.0, "for": 300.0, "assumed": "a test", "set": to}
    return Scenario.model_validate({
        "scenario": "troubled", "start": "2025-10-19T22:00:00-07:00", "duration": duration_s, "sample": 10.0,
        "noise": noise, "topology": {"topology": "troubled", "services": named}, "faults": [out],
    })  # fmt: skip


def ended(case: Scenario) -> tuple[Any, int]:
    """(state of the pool, removals of network state that it has asked for) at the end of a run."""
    model = build(case, seed=case.seed)
    inline.run_inline(model, schedule_for(model, case), round(case.duration_s / case.tick_s))
    to_network = model.state.edge[model.edges.index(("pool", "network"))]
    return model.states["execution_pool"][0], int(to_network["sent_total"])


@pytest.mark.parametrize("network_s", [60.0, 300.0, 1200.0])
def test_newcomers_without_a_network_are_launched_in_vain(network_s: float) -> None:
    """A share exp(-grace/wait) of launches; each is terminated, and asked for again."""
    grace_s = 300.0
    state, removed = ended(troubled(6000.0, network_s=network_s, grace_s=grace_s))
    late = math.exp(-grace_s / network_s)
    assert state["in_vain"] + state["doomed"] == pytest.approx(late * state["launched"], abs=2)
    lost = removed - state["in_vain"]
    serving = state["launched"] - state["in_vain"] - state["coming"] - state["doomed"]
    assert lost > 10_000 and state["standing"] == 100_000 - lost + serving


def events(case: Scenario) -> dict[str, int]:
    rows = twin.run(case, debug=True).events.to_pylist()
    return {row["event"]: row["tick"] for row in reversed(rows) if row["service"] == "pool"}


def test_cells_of_subsystems_fail_earlier_and_recover_later_than_their_mean() -> None:
    """With the same losses and the same mean utilisation."""
    mean = events(troubled(6000.0, noise="exact"))
    cells = {"cells_count": 4, "subsystems_count": 5, "utilisation_spread_ratio": 0.15}
    weakest = events(troubled(6000.0, noise="exact", **cells))
    assert weakest["capacity_short"] < mean["capacity_short"] - 20
    assert weakest["capacity_back"] > mean["capacity_back"]


@pytest.mark.parametrize(("exposed", "losing"), [(0.2, 1), (0.6, 3), (1.0, 5)])
def test_only_exposed_subsystems_lose_members_and_these_decide(exposed: float, losing: int) -> None:
    """300 s at 0.002/s without replacement: all that calls find is what is left of the exposed subsystems."""
    case = troubled(450.0, noise="mean", subsystems_count=5, exposed_ratio=exposed, replace_ratio=0.0)
    state, _ = ended(case)
    left = math.exp(-0.002 * 300.0)
    assert state["standing"] / 100_000 == pytest.approx(1.0 - losing / 5 * (1.0 - left), abs=0.005)
    rows = [r for r in twin.run(case, debug=True).samples.to_pylist() if r["service"] == "pool"]
    assert rows[-1]["capacity_per_s"] == pytest.approx(100.0 / 0.7 * left, rel=0.01)
    assert rows[-1]["error_ratio"] == pytest.approx(1.0 - left / 0.7, abs=0.01)


@pytest.mark.parametrize("noise", ["exact", "mean"])
def test_a_late_network_makes_the_trouble_longer(noise: str) -> None:
    early, late = (events(troubled(6000.0, noise, network_s=s))["capacity_back"] for s in (20.0, 300.0))
    assert late > early + 60
