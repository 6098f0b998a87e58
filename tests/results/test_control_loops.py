"""What is read off control loops, where the answer is known; and that looking changes nothing."""

from pathlib import Path
from statistics import median

import pytest

import twin
from twin.api.run import Run
from twin.base.places import LIBRARY
from twin.model.changes import Variation
from twin.model.scenario import Scenario
from twin.results.control_loops import Loop, Reading, watch
from twin.spec import vary
from twin.spec.responders import with_responders

REPLAY = LIBRARY / "scenarios" / "us-east-1-2025-10-20.yaml"
FAULT = "lock-starvation"


@pytest.fixture(scope="module")
def night() -> Scenario:
    """The first hours of the event, with people who know something."""
    scenario = twin.load(REPLAY)
    return with_responders(scenario.model_copy(update={"duration_s": 3 * 3600.0}), "modelled")


@pytest.fixture(scope="module")
def watched(night: Scenario) -> tuple[Run, list[Loop]]:
    return watch(night)


def loop_of(loops: list[Loop], name: str, service: str = "") -> Loop:
    (found,) = [loop for loop in loops if loop.name == name and service in ("", loop.service)]
    return found


def stale(loops: list[Loop]) -> list[Reading]:
    return [r for r in loop_of(loops, "Enactor freshness").readings if "over the newer" in r.did]


def test_looking_changes_nothing(night: Scenario, watched: tuple[Run, list[Loop]]) -> None:
    assert watched[0].digest == twin.run(night).digest


# ---------------------------------------------------------------- Enactor freshness


def test_the_stale_write_rests_on_a_check_as_old_as_the_fault(
    night: Scenario, watched: tuple[Run, list[Loop]]
) -> None:
    """The check passed before its Enactor lost every lock; the write came within a back-off of the end."""
    (fault,) = [x for x in night.faults if x.id == FAULT]
    assert fault.at_s is not None and fault.until_s is not None
    first = stale(watched[1])[0]
    assert first.age_s is not None and "endpoint 0" in first.did
    checked_s = first.tick - first.age_s
    waited_s = first.tick - fault.until_s
    assert first.age_s == pytest.approx((fault.until_s - fault.at_s) + (fault.at_s - checked_s) + waited_s)
    assert checked_s <= fault.at_s + 3.0, "it had checked when the fault began"
    assert 0.0 < waited_s <= 10.0 + 3.0, "the longest back-off, and a batch"


def test_it_is_behind_by_the_plans_written_since(watched: tuple[Run, list[Loop]]) -> None:
    """Counted by the Planner's clock: a plan a minute, the first after 45 s."""
    first = stale(watched[1])[0]
    assert first.age_s is not None
    checked = first.tick - first.age_s
    plans = [45 + 60 * k for k in range(200)]
    assert first.wrong == sum(checked < at + 1 <= first.tick for at in plans) == 10


def test_a_batch_that_compares_lets_no_stale_write_through(night: Scenario) -> None:
    guarded = vary(night, Variation(set={"dynamodb-dns.guard_cas": True}))
    _, loops = watch(guarded.model_copy(update={"duration_s": 2 * 3600.0}))
    assert stale(loops) == []
    gave_up = [r for r in loop_of(loops, "Enactor freshness").readings if "gave" in r.did]
    assert gave_up and max(r.age_s or 0.0 for r in gave_up) > 600.0, "the old plan was refused at the write"


def test_without_the_fault_every_check_is_young(night: Scenario) -> None:
    _, loops = watch(vary(night, Variation(drop=(FAULT,))).model_copy(update={"duration_s": 2 * 3600.0}))
    enactors = loop_of(loops, "Enactor freshness")
    assert stale(loops) == []
    assert enactors.oldest is not None and (enactors.oldest.age_s or 0.0) < 120.0
    assert enactors.most_wrong is not None and enactors.most_wrong.wrong <= 1.0


# ---------------------------------------------------------------- the others


def test_quiet_loops_read_what_they_are_built_for(watched: tuple[Run, list[Loop]]) -> None:
    """Before anything happens: a droplet was checked half an interval ago, less half a slot; a verdict takes
    two rounds and a time-out; next to nothing is wrong."""
    quiet = {loop.name + loop.service: [r for r in loop.readings if r.tick <= 5400] for loop in watched[1]}
    leases, checks = quiet["Lease renewaldwfm@az1"], quiet["Health checknlb"]
    assert median(r.age_s or 0.0 for r in leases) == pytest.approx((180.0 - 10.0) / 2, abs=1.0)
    assert max(r.wrong for r in leases) < 0.001
    assert all(40.0 <= (r.age_s or 0.0) < 41.0 for r in checks) and max(r.wrong for r in checks) < 0.005
    assert max(r.wrong for r in quiet["Propagationnetwork-manager@az1"]) < 1000
    assert quiet["Responders"] == []


def test_servers_that_run_are_taken_for_lost(watched: tuple[Run, list[Loop]]) -> None:
    """The error of the lease loop is at least the share without a lease that the samples show."""
    done, loops = watched
    (row,) = done.sql("select max(error_ratio) as it from samples where service = 'dwfm@az1'").to_pylist()
    (leases,) = (loop for loop in loops if loop.service == "dwfm@az1")
    worst = leases.most_wrong
    assert worst is not None and row["it"] > 0.1 and row["it"] - 0.01 <= worst.wrong <= 1.0


def test_what_responders_knew(watched: tuple[Run, list[Loop]]) -> None:
    done, loops = watched
    (found,) = [r for r in loop_of(loops, "Responders").readings if r.did.startswith("found: The state")]
    query = """select e.tick, c.tick as onset from events e join events c on c.event_id = e.cause_id
        where e.event = 'diagnosed' and e.subject = 'dns-identified'"""
    (row,) = done.sql(query).to_pylist()
    assert found.tick == row["tick"] and found.age_s == row["tick"] - row["onset"]
    assert "misled by packet-loss-az1" in found.did and found.wrong >= 20


def test_people_who_know_nothing_have_no_picture(night: Scenario) -> None:
    _, loops = watch(night.model_copy(update={"responders": "scripted", "duration_s": 600.0}))
    assert "Responders" not in {loop.name for loop in loops}


SMALL = """\
scenario: small
title: A queue that grows, behind a throttle
question: How old is what comes out?
start: 2025-10-19T22:00:00-07:00
duration: 1h
seed: 7
noise: mean
services:
  network: {{kind: propagation_queue, domain: one, title: It, parameters: {{
    capacity_per_s: {{value: {capacity}/s, assumed: for the test, range: [1/s, 100/s]}},
    base_delay_s: {{value: 5s, assumed: for the test, range: [1s, 10s]}}}}}}
  store: {{kind: relay, domain: one, title: The store}}
  launch:
    kind: queueing
    title: Launches
    domain: one
    dependencies:
      - {{on: network, for: changes, mode: async}}
      - {{on: store, for: rows, mode: hard}}
  people:
    kind: workload
    visible: false
    domain: one
    parameters: {{rate_per_s: {{value: 20/s, assumed: for the test, range: [1/s, 100/s]}}}}
    dependencies: [{{on: launch, for: launches, mode: hard}}]
actions:
  - {{id: throttle, at: +20m, set: {{launch.admitted_ratio: 0.4}}, assumed: for the test}}
"""


def small(tmp_path: Path, capacity: int) -> list[Loop]:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL.format(capacity=capacity))
    return watch(twin.load(path))[1]


def test_what_comes_out_of_a_queue_that_grows(tmp_path: Path) -> None:
    """20 a second come, 10 leave: after t seconds the change that leaves came at t/2."""
    readings = loop_of(small(tmp_path, 10), "Propagation").readings
    for r in readings:
        if 300 <= r.tick <= 1200:
            assert r.age_s == pytest.approx(r.tick / 2 + 5.0, abs=3.0)
            assert r.wrong == pytest.approx(10.0 * r.tick, rel=0.03)


def test_a_throttle_and_what_it_turns_away(tmp_path: Path) -> None:
    """Nobody has set it before; then it lets less than half in, and all could be carried out."""
    readings = loop_of(small(tmp_path, 50), "Throttle", "launch").readings
    before, after = ([r for r in readings if (r.tick > 1260) == late] for late in (False, True))
    assert all(r.age_s is None for r in before if r.tick <= 1200)
    assert all(r.age_s == pytest.approx(r.tick - 1200, abs=1.0) for r in after)
    assert all(r.wrong == pytest.approx(-0.6) for r in after)
