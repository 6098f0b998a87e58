"""A service that is well but cannot be reached is called so, by the calls that fail before they reach it."""

import pytest

import twin
from twin.api.run import Run

SCENARIO = """\
scenario: name
title: A store and its name
assumed: example
start: 2025-10-19T22:00:00-07:00
duration: 2h
seed: 7
requests: {level}
services:
  people:
    kind: workload
    visible: false
    parameters: {rate_per_s: 15/s}
    dependencies: [{on: site, for: pages, mode: hard}]
  staff:
    kind: workload
    visible: false
    parameters: {rate_per_s: 5/s}
    dependencies: [{on: tool, for: work, mode: hard}]
  site: {kind: relay, dependencies: [{on: store, for: rows, mode: hard}]}
  tool: {kind: relay, dependencies: [{on: store, for: rows, mode: hard, reached_through: none}]}
  names: {kind: relay, visible: false}
  store: {kind: relay, reached_through: {on: names, for: its address, lifetime_s: 10s}}
faults:
  - {id: no-name, title: names are away, at: +30m, for: 20m, set: {names.fault_ratio: {lost}}}
  - {id: ill, title: the store itself fails, at: +80m, for: 20m, set: {store.fault_ratio: 0.3}}
"""


# As counts, half of the hosts lose their names. One by one, half of the attempts fail, and a few that succeed
# give connections to all. So there all names are away.
LOST = {"counted": 0.5, "each": 1.0}


@pytest.fixture(scope="module", params=LOST)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    path = tmp_path_factory.mktemp("name") / "name.yaml"
    path.write_text(SCENARIO.replace("{level}", request.param).replace("{lost}", str(LOST[request.param])))
    return twin.run(twin.load(path))


def states(run: Run, begin_s: float, end_s: float, service: str = "store") -> set[str]:
    """The states of a service between two moments."""
    query = "select distinct state from states where service = $s and tick > $a and tick <= $b"
    return {row["state"] for row in run.sql(query, s=service, a=begin_s, b=end_s).to_pylist()}


def test_it_is_unreachable_while_its_name_is_away_and_impaired_while_it_fails(run: Run) -> None:
    assert states(run, 0, 1800) == states(run, 3400, 4800) == {"ok"}
    assert states(run, 2000, 3000) == {"unreachable"}
    assert states(run, 4900, 6000) == {"impaired"}
    assert states(run, 0, 7200, "tool") <= {"ok", "impaired"}, "nobody reaches it through anything"


def test_the_share_is_that_of_the_calls_which_need_the_name(run: Run) -> None:
    """Three quarters of the calls need a name, once the connections have closed."""
    query = "select avg(unreached_ratio) as share from states where service = 'store'"
    (row,) = run.sql(f"{query} and tick between 2000 and 3000").to_pylist()
    lost = LOST[run.manifest["inputs_scenario"]["requests"]]
    assert row["share"] == pytest.approx(lost * 0.75, abs=0.02)


def test_what_does_not_reach_it_is_lost_at_its_callers_only(run: Run) -> None:
    impact = run.impact()
    (only,) = impact.unreachable
    assert only.service == "store" and 19 < only.unreachable_min < 22 and only.end is not None
    assert str(only).startswith("store was well but unreachable, for 2")
    assert {s.service for s in impact.services if s.onset < only.end} == {"site", "people", "names"}
    assert impact.as_json()["unreachable"][0]["service"] == "store"
    assert "unreachable" in impact._repr_html_()


def test_why_says_that_it_was_not_reached(run: Run) -> None:
    said = run.why("store", "22:40").lines()[0]
    assert "never impaired at or before that time, but from 19 Oct 22:3" in said
    assert said.endswith("calls to it failed before they reached it, at names")


def test_a_lane_shows_it(run: Run) -> None:
    spans = run.sql("select level, begins, ends from lanes where service = 'store' and level > 0").to_pylist()
    assert [row["level"] for row in spans if row["ends"] - row["begins"] > 120] == [2, 4]
