"""A service in which nothing ends is late, though no call says so; what takes no time can be late, too."""

from __future__ import annotations

from pathlib import Path

import twin

HEAD = "scenario: stuck\ntitle: Nothing ends\nassumed: example\nstart: 2025-11-01T00:00:00Z\nseed: 3\n"
FULL_STORE = (
    HEAD
    + """\
duration: 16m
services:
  users:
    kind: workload
    parameters: {rate_per_s: 20/s}
    dependencies: [{on: api, mode: hard, timeout_s: 10s}]
  api:
    kind: queueing
    parameters: {service_time_s: 0s}
    dependencies: [{on: worker, mode: async, store_count: 600, when_full: block}]
  worker:
    kind: queueing
    parameters: {work_s: 30ms, servers_count: 1, service: deterministic, service_time_s: 0s}
faults:
  - {id: pause, at: +5m, for: 2m, set: {worker.capacity_ratio: 0}}
"""
)
ASKED_IN_TROUBLE_ONLY = (
    HEAD
    + """\
duration: 20m
services:
  users:
    kind: workload
    parameters: {rate_per_s: 20/s}
    dependencies: [{on: web, mode: hard}]
  web:
    kind: queueing
    parameters: {instances_count: 40, work_s: 10ms}
    dependencies: [{on: config, mode: bootstrap, timeout_s: 40s}]
  config: {kind: queueing, parameters: {work_s: 6s, servers_count: 2, service_time_s: 0s}}
faults:
  - {id: herd, at: +5m, set: {web.restart_ratio: 0.9}}
"""
)


def run_of(text: str, folder: Path) -> twin.Run:
    (folder / "stuck.yaml").write_text(text)
    return twin.run(twin.load(folder / "stuck.yaml"))


def test_callers_of_a_full_store_are_down_because_of_who_empties_it(tmp_path: Path) -> None:
    run = run_of(FULL_STORE, tmp_path)
    told = str(run.why("users"))
    assert told.index("users became impaired") < told.index("because api") < told.index("fault pause")
    rows = run.sql("select t, latency_s from samples where service = 'api' and minute(t) between 6 and 8")
    assert min(row["latency_s"] for row in rows.to_pylist()) > 10.0, "from the first minute, before one ends"


def test_who_is_called_in_trouble_only_is_known_by_its_own_work(tmp_path: Path) -> None:
    run = run_of(ASKED_IN_TROUBLE_ONLY, tmp_path)
    rows = run.sql("select minute(t) as m, latency_ratio from signals where service = 'config'").to_pylist()
    assert all(row["latency_ratio"] == 1.0 for row in rows if row["m"] < 5)
    assert max(row["latency_ratio"] for row in rows) > 10.0
