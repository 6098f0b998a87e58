"""A small incident, run and scored by the command line, and the page's own modules."""

import sys
from pathlib import Path

import pytest

import twin
from tests.cli.conftest import invoke
from twin.api.run import Run

UI = Path(__file__).resolve().parents[2] / "ui"
sys.path.insert(0, str(UI))  # as Streamlit does with the folder of its script

SCENARIO = """\
scenario: store-outage
title: A store fails
published: store.csv
start: 2025-10-19T22:00:00-07:00
duration: 90m
seed: 7
requests: counted
services:
  people:
    kind: workload
    visible: false
    dependencies: [{on: page, mode: hard}]
  page: {kind: relay, title: The page, dependencies: [{on: front, mode: hard}, {on: names, mode: soft}]}
  front: {kind: relay, dependencies: [{on: store, mode: hard}]}
  store: {kind: relay}
  names: {kind: relay}
faults:
  - id: outage
    title: the store fails most of its calls
    at: +10m
    until: +30m
    set: {store.fault_ratio: 0.7}
    assumed: for the test
    range: [+9m, +11m]
actions:
  - {id: relief, title: a little relief, at: +20m, set: {front.fault_ratio: 0.01}, assumed: a test}
"""
PUBLISHED = """\
id,subject,what,signal,direction,level,episode,published,source,tolerance_min,imposed
store-fails,store,the store fails,error_ratio,rising,0.05,1,2025-10-19T22:10:00-07:00,PES,1,true
front-fails,front,the front fails,error_ratio,rising,0.05,1,2025-10-19T22:12:00-07:00,PES,1,false
page-fails,page,pages fail,error_ratio,rising,0.05,1,2025-10-19T22:11:00-07:00,PES,1,false
page-back,page,pages are back,error_ratio,falling,0.05,1,2025-10-19T22:31:00-07:00,PES,1,false
names-fail,names,names fail,error_ratio,rising,0.05,1,2025-10-19T22:40:00-07:00,PES,1,false
beyond,page,after the end,error_ratio,rising,0.05,2,2025-10-20T03:00:00-07:00,PES,1,false
"""


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one finished and scored run. Tests must not change it."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "s.yaml").write_text(SCENARIO)
    (folder / "store.csv").write_text(PUBLISHED)
    result = invoke("replay", folder / "s.yaml", "--out", folder / "runs", "--json")
    assert result.exit_code == 0, result.output
    return folder / "runs"


@pytest.fixture(scope="session")
def run(runs: Path) -> Run:
    (folder,) = runs.iterdir()
    return twin.open_run(folder)
