"""A call for whose answer nobody waits: at both levels it costs the caller neither time nor errors."""

from pathlib import Path

import pytest

import twin

SCENARIO = """\
scenario: forget
assumed: example
requests: LEVEL
start: 2030-01-01T00:00:00Z
duration: 5m
services:
  metrics: {kind: relay, parameters: {fault_ratio: 1, service_time_s: 3s}}
  web: {kind: relay, parameters: {service_time_s: 10ms}, dependencies: [{on: metrics, mode: fire_and_forget}]}
  users: {kind: workload, parameters: {rate_per_s: 10/s}, dependencies: [{on: web, mode: hard}]}
"""


@pytest.mark.parametrize("level", ["each", "counted"])
def test_the_caller_goes_on_at_once(tmp_path: Path, level: str) -> None:
    path = tmp_path / "forget.yaml"
    path.write_text(SCENARIO.replace("LEVEL", level), encoding="utf-8")
    sums = "sum(offered_per_s) as came, sum(goodput_per_s) as good, max(latency_s) as s"
    columns = f"service::varchar as name, {sums}"
    rows = twin.run(twin.load(path)).sql(f"select {columns} from samples group by 1").to_pylist()
    found = {row["name"]: row for row in rows}
    assert found["metrics"]["came"] == pytest.approx(found["users"]["came"], rel=0.1)
    assert found["metrics"]["good"] == 0.0
    assert found["users"]["good"] == pytest.approx(found["users"]["came"], rel=0.01)
    assert found["users"]["s"] < 0.05
