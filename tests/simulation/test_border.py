"""Calls that are stepped one by one, to services that are stepped as counts."""

from pathlib import Path

import pytest

import twin

SCENARIO = """\
scenario: border
assumed: example
start: 2025-10-19T22:00:00-07:00
duration: 30m
seed: 7
services:
  people:
    kind: workload
    visible: false
    parameters: {rate_per_s: 5/s}
    dependencies: [{on: shop, mode: hard}]
  shop:
    kind: queueing
    parameters: {servers_count: 4, work_s: 50ms}
    dependencies: [{on: names, mode: MODE}]
  names: {kind: resolver}
faults:
  - {id: away, at: +10m, for: 5m, set: {names.fault_ratio: 1.0}}
"""


@pytest.mark.parametrize("mode", ["hard", "async", "fire_and_forget"])
def test_every_call_over_the_border_ends(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "border.yaml"
    path.write_text(SCENARIO.replace("MODE", mode))
    run = twin.run(twin.load(path))
    sums = "sum(sent) as sent, sum(served) as served, sum(failed) as failed"
    query = f"select {sums}, arg_max(in_flight, tick) as left from calls where caller = 'shop'"
    (it,) = run.sql(query).to_pylist()
    assert it["sent"] == it["served"] + it["failed"] + it["left"]
    assert it["sent"] > 8000 and it["left"] < 5
    waits = mode == "async"
    assert it["failed"] == 0 if waits else it["failed"] > 1000, "work that waits is done in the end"
