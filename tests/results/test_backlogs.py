"""How a backlog is told: by its change in the last minute, its limit, and the requests that it holds up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import twin
from twin.results.backlogs import Backlog

STORE = """
scenario: full-store
title: A worker that pauses, and a store that becomes full
start: 2025-11-01T00:00:00Z
duration: 9m
seed: 3
assumed: example
services:
  users:
    kind: workload
    parameters: {rate_per_s: 20/s}
    dependencies: [{on: api, mode: hard, timeout_s: 10s}]
  api:
    kind: queueing
    parameters: {service_time_s: 0s}
    dependencies: [{on: worker, mode: async, store_count: 600, when_full: WHEN}]
  worker: {kind: queueing, parameters: {work_s: 30ms, servers_count: 1, service_time_s: 0s}}
faults:
  - {id: pause, at: +5m, for: 2m, set: {worker.capacity_ratio: 0}}
"""
HERD = """
scenario: herd
title: Instances that restart together, and a slow service that they start from
start: 2025-11-01T00:00:00Z
duration: 15m
seed: 3
assumed: example
services:
  users:
    kind: workload
    parameters: {rate_per_s: 40/s}
    dependencies: [{on: web, mode: hard, timeout_s: 2s}]
  web:
    kind: queueing
    parameters: {instances_count: 40, servers_count: 3, work_s: 1s, service_time_s: 0s, buffer_count: 60}
    dependencies: [{on: config, mode: bootstrap, timeout_s: 40s, backoff_s: 5s, jitter: none}]
  config: {kind: queueing, parameters: {work_s: 6s, servers_count: 2, service_time_s: 0s}}
faults:
  - {id: herd, at: +5m, set: {web.restart_ratio: 0.9}}
"""


def hold_of_api(tmp_path: Path, when: str, at: str) -> Any:
    path = tmp_path / "full-store.yaml"
    path.write_text(STORE.replace("WHEN", when))
    holds = twin.run(path).keeps_down("users", at).holds
    return next(hold for hold in holds if hold.service == "api")


def test_a_full_store_is_at_its_limit_and_does_not_grow(tmp_path: Path) -> None:
    hold = hold_of_api(tmp_path, "fail", "+6m50s")
    assert "600 wait: at its limit of 600" in hold.text and "never done" not in hold.text


def test_a_full_store_holds_up_requests(tmp_path: Path) -> None:
    assert "are held up until there is room" in hold_of_api(tmp_path, "block", "+6m50s").text


@pytest.mark.parametrize(
    ("backlog", "text"),
    [
        (Backlog(194, 0.0, 200.0), "194 wait: at its limit of 200"),
        (Backlog(194, 1.0, 200.0), "194 wait, 1/s more: never done at this rate"),
        (Backlog(50, 0.0, 200.0), "50 wait, no more and no fewer"),
        (Backlog(6000, -10.0), "6 000 wait, 10/s fewer: 10m at this rate"),
        (Backlog(600, 0.0, 600.0, 1200), "600 wait: at its limit of 600, and 1 200 are held up until"),
    ],
)
def test_words(backlog: Backlog, text: str) -> None:
    assert str(backlog).startswith(text)


def test_what_acts_at_one_moment_is_not_in_force_after_it(tmp_path: Path) -> None:
    """Nine of ten instances restart; so long after, that is over, and only those who wait are not."""
    path = tmp_path / "herd.yaml"
    path.write_text(HERD)
    assert "herd is in force" not in str(twin.run(path).keeps_down("web", "+14m"))
