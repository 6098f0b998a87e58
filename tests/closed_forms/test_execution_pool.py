"""The execution pool against the published law of its growth."""

from typing import Any

import pytest

import twin
from twin.model.scenario import Scenario


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
