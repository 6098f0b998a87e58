"""What keeps a service down is asked apart from what brought it down."""

from __future__ import annotations

from pathlib import Path

import pytest

import twin
from twin import Run
from twin.results.keeps import Sustained
from twin.spec.problems import SpecError

ROOT = Path(__file__).parents[2]
REPLAY = ROOT / "scenarios/us-east-1-2025-10-20.yaml"
LOOP = """
scenario: loop
title: Two services that need each other, and a fault at a third
start: 2025-10-19T22:00:00-07:00
duration: 1h
seed: 1
assumed: example
noise: mean
services:
  store: {kind: relay}
  front: {kind: relay, dependencies: [{on: back, mode: hard}, {on: store, mode: hard}]}
  back: {kind: relay, dependencies: [{on: front, mode: hard, delay_s: 1s}]}
  people: {kind: workload, visible: false, dependencies: [{on: front, mode: hard}]}
faults:
  - {id: breaks, title: The store fails, at: +10m, for: 10m, set: {store.fault_ratio: 50%}}
"""
STORM = """
scenario: storm
title: A shop that a burst has tipped over, and clients that try again
start: 2025-10-19T22:00:00-07:00
duration: 1h
seed: 1
assumed: example
noise: mean
services:
  shop: {kind: queueing, parameters: {capacity_per_s: 100/s}}
  people:
    kind: workload
    visible: false
    parameters: {rate_per_s: 70/s}
    dependencies:
      - on: shop
        mode: hard
        timeout_s: 3s
        retries: 3
faults:
  - {id: rush, title: A rush, at: +10m, for: 2m, set: {people.rate_ratio: 3}}
"""


@pytest.fixture(scope="module")
def replay() -> Run:
    return twin.run(REPLAY, until="10:10")


def wholes(found: Sustained) -> list[str]:
    """The services that hold, a zone as the whole of it, each once."""
    return list(dict.fromkeys(hold.service.partition("@")[0] for hold in found.holds))


def test_the_morning_is_kept_down_by_a_backlog(replay: Run) -> None:
    """Balancers also wait for launches: hosts of their checker are among the instances."""
    found = replay.keeps_down("sts", "06:30")
    assert wholes(found) == ["sts", "nlb", "ec2-launch", "network-manager"]
    backlog = found.holds[-1]
    assert backlog.backlog_count > 100_000 and backlog.change_per_s < 0.0 and backlog.lasts_s > 1800.0


def test_a_backlog_that_falls_has_an_end(replay: Run) -> None:
    backlog = replay.keeps_down("network-manager", "09:45").holds[-1]
    assert backlog.lasts_s == pytest.approx(backlog.backlog_count / -backlog.change_per_s)


def test_a_fault_that_has_ended_keeps_nothing_down(replay: Run) -> None:
    """The race is over for hours: leases are held up by their own queue."""
    found = replay.keeps_down("ec2-launch", "03:30")
    assert wholes(found) == ["ec2-launch", "dwfm"]
    assert "timeouts since" in str(found) and "lock-starvation" not in str(found)
    assert "lock-starvation" in str(replay.why("ec2-launch", "03:30"))


def test_a_loop_is_named_and_what_broke_it_is_not(tmp_path: Path) -> None:
    """Each of two relays fails by the other for ever; the fault of the store brought them down."""
    path = tmp_path / "loop.yaml"
    path.write_text(LOOP)
    run = twin.run(path)
    found = run.keeps_down("people", "+50m")
    assert set(found.loop) == {"front", "back"} and "store" not in str(found)
    assert "fault breaks" in str(run.why("people")) and "fault breaks" in str(run.why("back"))


def test_retries_of_a_caller_are_a_loop(tmp_path: Path) -> None:
    """The rush is over; the retries of those whom it made wait are more than the shop can serve."""
    path = tmp_path / "storm.yaml"
    path.write_text(STORM)
    run = twin.run(path)
    found = run.keeps_down("shop", "+50m")
    assert found.loop == ("shop", "people") and "by people, by retries" in str(found), str(found)
    assert "rush" not in str(found)
    chain = run.why("shop")
    assert [cause.event for cause in chain.causes] == ["onset", "more_load", "input"] and "rush" in str(chain)


def test_a_service_that_is_well(replay: Run) -> None:
    assert "not impaired" in str(replay.keeps_down("sts", "22:30"))
    with pytest.raises(SpecError, match="a service of the run"):
        replay.keeps_down("stts", "07:45")
