"""A small incident with a known truth: three numbers, and the timeline that they made.

A cache keeps connections to a store that is down for an hour and a half; meanwhile a queue stands still, and
then works off what has piled up. How long connections live shows in when the cache fails; how fast the queue
is, in when it is empty. Only its speed over its load counts, so the two together are unidentifiable.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

import twin
from twin.experiments.opened import StudySettings, open_study
from twin.experiments.pool import PoolSettings
from twin.model.scenario import Scenario
from twin.validation.timeline import Simulated, WantedRun, timelines_of

INLINE = StudySettings(pool=PoolSettings("inline"))
TRUTH = {"cache->store.lifetime_s": 3000.0, "mover.capacity_per_s": 30.0}
SCENARIO = """\
# What is known.
scenario: small
topology: topology.yaml
published: small.csv
scoring: {{fit_domains: [dynamodb, ec2]}}
start: 2025-01-01T00:00:00+00:00
duration: 5h
tick: 10s
seed: 3
requests: counted
parameters:
  cache->store.lifetime_s: {{value: {lifetime}, fitted_to: [cache-fails], range: [20m, 3h]}}  # of a pool
  mover.capacity_per_s:
    value: {capacity}  # changes
    fitted_to: [mover-late]
    range: [20/s, 60/s]
faults:
  - id: outage
    at: +30m
    for: 90m
    set: {{store.fault_ratio: 1.0, mover.capacity_ratio: 0.0}}
    source: PES
"""
TOPOLOGY = """\
topology: small
services:
  users:
    kind: workload
    domain: customers
    parameters: {rate_per_s: {value: 10/s, assumed: for the test, range: [5/s, 20/s]}}
    dependencies: [{on: cache, mode: hard}, {on: far, mode: hard}]
  feeds:
    kind: workload
    domain: customers
    parameters: {rate_per_s: {value: 10/s, assumed: for the test, range: [5/s, 20/s]}}
    dependencies: [{on: mover, mode: async}]
  cache:
    kind: relay
    domain: ec2
    dependencies:
      - on: store
        mode: new_connections
        connections_count: {value: 1000, assumed: a pool, range: [500, 2000]}
  store: {kind: relay, domain: dynamodb}
  far:
    kind: relay
    dependencies: [{on: cache, mode: cached, lifetime_s: {value: 30m, assumed: "?", range: [20m, 40m]}}]
  mover: {kind: propagation_queue, domain: ec2}
"""
HEAD = "id,subject,what,signal,direction,level,episode,published,source,tolerance_min,imposed\n"
ROWS = {
    "cache-fails": "cache,the cache fails,error_ratio,rising,0.5,1",
    "mover-late": "mover,the queue is worked off,backlog_s,falling,60,1",
    "far-fails": "far,what is far fails,error_ratio,rising,0.05,1",
    "users-fail": "users,users notice,error_ratio,rising,0.5,1",
}
MUST_NOT = """\
id,subject,signal,direction,level,from,to,source
mover-waits,mover,backlog_s,falling,60,2025-01-01T00:35:00+00:00,2025-01-01T01:50:00+00:00,PES
"""


def write(folder: Path, times_min: dict[str, float], lifetime: str, capacity: str) -> Path:
    """The files, with these published times (minutes from the start)."""
    clock = {id: f"2025-01-01T{int(m) // 60:02}:{int(m) % 60:02}:{round(m % 1 * 60):02}+00:00"
             for id, m in times_min.items()}  # fmt: skip
    rows = "".join(f"{id},{ROWS[id]},{clock[id]},PES,1,false\n" for id in ROWS)
    (folder / "small.csv").write_text(HEAD + rows)
    (folder / "small-must-not.csv").write_text(MUST_NOT)
    (folder / "topology.yaml").write_text(TOPOLOGY)
    (folder / "small.yaml").write_text(SCENARIO.format(lifetime=lifetime, capacity=capacity))
    return folder / "small.yaml"


Away = Callable[[str], Path]


def timeline(scenario: Scenario) -> Simulated:
    """What one run shows of the published timeline."""
    with open_study({scenario.name: scenario}, INLINE, runs=1) as study:
        return timelines_of(study, scenario.name, [WantedRun({})])[0]


@pytest.fixture(scope="session")
def truth(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """When each outcome happens with the true numbers, in minutes from the start."""
    folder = tmp_path_factory.mktemp("truth")
    shown = timeline(twin.load(write(folder, dict.fromkeys(ROWS, 30.0), "50m", "30/s")))
    assert all(time < 300 for time in shown.times_min.values()), shown
    return dict(shown.times_min)


@pytest.fixture
def path(truth: dict[str, float], tmp_path: Path) -> Path:
    """The scenario's file, with the true timeline and numbers that are wrong."""
    return write(tmp_path, truth, "2h", "55/s")


@pytest.fixture
def scenario(path: Path) -> Scenario:
    return twin.load(path)
