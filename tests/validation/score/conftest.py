"""A small incident: a store fails for twenty minutes, and what was published of it."""

from pathlib import Path

import pytest

import twin
from twin.model.scenario import Scenario

SCENARIO = """\
scenario: store-outage
topology: topology.yaml
published: store.csv
scoring:
  phases: [{id: outage, title: the outage, through: page-back}, {id: after}]
start: 2025-01-01T00:00:00+00:00
duration: 90m
seed: 7
requests: counted
parameters:
  front->store.lifetime_s: {value: 2m, fitted_to: [front-fails], range: [1m, 10m]}
faults:
  - id: outage
    at: +10m
    for: 20m
    set: {store.fault_ratio: 1.0}
    assumed: for the test
    range: [+9m, +11m]
actions:
  - id: limit
    at: +40m
    set: {front->store.retries: 2, page.fault_ratio: 0.0, post.service_time_s: 1s}
    source: PES
  - {id: pool, at: +50m, set: {front->store.lifetime_s: 5m}, source: PES}
"""
TOPOLOGY = """\
topology: store
services:
  users:
    kind: workload
    parameters: {rate_per_s: {value: 50/s, assumed: for the test, range: [20/s, 400/s]}}
    dependencies: [{on: page, mode: hard}]
  page:
    kind: relay
    dependencies:
      - {on: front, mode: hard, retries: {value: 1, source: SDK}}
      - {on: post, mode: async, share: {value: 0.1, source: PES}}
  front:
    kind: relay
    dependencies: [{on: store, mode: new_connections}]
  store: {kind: relay, parameters: {service_time_s: {value: 20ms, source: PES}}}
  post:
    kind: relay
    dependencies: [{on: page, mode: cached}, {on: store, mode: soft}]
  names: {kind: dns}
"""
PUBLISHED = """\
id,subject,what,signal,direction,level,episode,published,source,tolerance_min,imposed
store-fails,store,the store fails,error_ratio,rising,0.05,1,2025-01-01T00:10:00+00:00,PES,1,true
front-fails,front,the front fails,error_ratio,rising,0.05,1,2025-01-01T00:11:00+00:00,PES,1,false
page-fails,page,pages fail,error_ratio,rising,0.05,1,2025-01-01T02:11:00+02:00,PES,1,false
page-back,page,pages are back,error_ratio,falling,0.05,1,2025-01-01T00:31:00+00:00,PES,1,false
users-late,users,users are far too late,error_ratio,rising,0.9,1,2025-01-01T01:11:00+00:00,PES,1,false
page-again,page,pages fail again,error_ratio,rising,0.05,2,2025-01-01T01:00:00+00:00,PES,1,false
beyond,page,after the end,error_ratio,rising,0.05,2,2025-01-01T03:00:00+00:00,PES,1,false
"""
MUST_NOT = """\
id,subject,signal,direction,level,from,to,source
store-stays-down,store,error_ratio,falling,0.05,2025-01-01T00:12:00+00:00,2025-01-01T00:25:00+00:00,PES
page-stays-well,page,error_ratio,rising,0.05,2025-01-01T00:05:00+00:00,2025-01-01T00:50:00+00:00,PES
"""


@pytest.fixture(scope="session")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    folder: Path = tmp_path_factory.mktemp("store")
    files = {"s.yaml": SCENARIO, "topology.yaml": TOPOLOGY}
    files |= {"store.csv": PUBLISHED, "store-must-not.csv": MUST_NOT}
    for name, text in files.items():
        (folder / name).write_text(text)
    return twin.load(folder / "s.yaml")


@pytest.fixture(scope="session")
def run(scenario: Scenario):
    return twin.run(scenario, debug=True)
