"""Causes are causes: the chain behind every onset runs from caller to callee, and ends in an input."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

import twin
from twin import Run
from twin.base.clock import Clock
from twin.results.causes import CauseChain

ROOT = Path(__file__).parents[2]
REPLAY = ROOT / "scenarios/us-east-1-2025-10-20.yaml"
FOLDERS = ("scenarios/faults", "scenarios/examples")
FILES = [path for folder in FOLDERS for path in sorted((ROOT / folder).glob("*.yaml"))]
SCENARIOS = [REPLAY, *(path for path in FILES if "scenario:" in path.read_text())]
LINKS = """
select e.event_id, e.service, e.event, e.subject, c.service as cause, c.origin
from events e join events c on c.event_id = e.cause_id where e.origin = 'model'
"""
ROOTS = """
select o.service, o.tick, arg_max(c.service, c.depth) as service_behind, arg_max(c.event, c.depth) as event,
    arg_max(c.origin, c.depth) as origin, max(c.depth) as depth
from events o join cascade c on c.event_id = o.event_id where o.event = 'onset'
group by o.event_id, o.service, o.tick
"""
# What stands at a chain's end where no input does: the run begins with it.
STARTS = {
    "mongodb-10s-80": "more work than capacity from the first tick",
    "two-states": "one of two equal stations begins with a backlog",
}


@pytest.fixture(scope="module", params=SCENARIOS, ids=lambda path: path.stem)
def ran(request: pytest.FixtureRequest) -> Run:
    return twin.run(request.param)


def test_no_link_runs_from_a_caller_to_its_callee_unless_load_carries_it(ran: Run) -> None:
    calls = {(d["caller"], d["callee"]) for d in ran.dependencies}
    for link in ran.sql(LINKS).to_pylist():
        if link["event"] == "more_load":
            assert (link["subject"], link["service"]) in calls, link
        elif link["origin"] == "model" and link["cause"] != link["service"]:
            assert (link["service"], link["cause"]) in calls, link


def test_every_chain_ends_in_an_input(ran: Run) -> None:
    for root in ran.sql(ROOTS).to_pylist():
        assert root["depth"] < 20, f"a circle: {root}"
        assert root["origin"] == "input" or ran.scenario.name in STARTS, root


def test_one_moment_is_one_moment_in_all_tables(ran: Run) -> None:
    clock = Clock(ran.manifest)
    impact = {s.service: s for s in ran.impact().services}
    for service, found in impact.items():
        first = ran.why(service)
        episodes = ran.sql(
            "from episodes where service = $service order by onset_tick", service=service
        ).to_pylist()
        assert first.causes[0].at == found.onset == clock.at(episodes[0]["onset_tick"])
        last = ran.why(service, clock.at(episodes[-1]["onset_tick"]) - ran.scenario.start)
        assert last.recovery == found.recovery
        assert (last.recovery is None) == (episodes[-1]["recovery_tick"] is None)


def test_episodes_are_those_of_the_samples(ran: Run) -> None:
    """The journal notes them while they happen; here they are counted afterwards, from the samples."""
    noted = ran.sql("select service, onset_tick from episodes order by all").to_pylist()
    assert noted == ran.sql(FROM_SAMPLES).to_pylist()


EPISODES = "from episodes where service = $service order by onset_tick"
FROM_SAMPLES = """
with trouble as (
    select service, tick - sample_s() / tick_s() as begins,
        lag(tick) over (partition by service order by tick) as before
    from impairment where state in ('impaired', 'down')
), marked as (
    select *, sum(case when before is null or (begins - before) * tick_s() >= recovered_s() then 1 else 0 end)
        over (partition by service order by begins) as episode
    from trouble
)
select service, min(begins)::bigint as onset_tick from marked group by service, episode
having count(*) * sample_s() >= hold_s() order by all
"""


# --- the shipped event -----------------------------------------------------


@pytest.fixture(scope="module")
def replay() -> Run:
    return twin.run(REPLAY)


def said(chain: CauseChain) -> list[tuple[str, str]]:
    """Service and event of each link; a zone counts as the whole of it, and both as one."""
    links = [(cause.service.partition("@")[0], cause.event) for cause in chain.causes]
    return [link for link, before in zip(links, [None, *links], strict=False) if link != before]


def in_order(found: list[tuple[str, str]], wanted: list[tuple[str, str]]) -> bool:
    rest: Iterator[tuple[str, str]] = iter(found)
    return all(link in rest for link in wanted)


def test_launches_fail_by_leases_that_lapse(replay: Run) -> None:
    """DWFM is itself far from impaired then."""
    chain = replay.why("ec2-launch")
    assert said(chain)[1] == ("dwfm", "leases_lapsing")
    assert chain.causes[0].at < replay.why("dwfm").causes[0].at
    assert said(chain)[-2] == ("dynamodb-dns", "endpoint_emptied") and "lock-starvation" in str(chain)


def test_the_morning_goes_back_to_the_race(replay: Run) -> None:
    chain = replay.why("sts", "07:45")
    wanted = [
        ("nlb", "onset"), ("(input)", "input"), ("dwfm", "timeouts"), ("dwfm", "leases_lapsing"),
        ("dynamodb-dns", "endpoint_emptied"), ("(input)", "input_ended"),
    ]  # fmt: skip
    assert in_order(said(chain), wanted), str(chain)
    assert "launches-reopened" in str(chain)
    assert re.search(r"because of load from ec2-(launch|workflows)@az\d: ", str(chain))


def test_a_cause_is_not_later_than_its_effect(replay: Run) -> None:
    """By more than the signal period to which signals are known."""
    late = timedelta(seconds=replay.scenario.topology.signal_period_s)
    for service in (s.service for s in replay.impact().services):
        causes = replay.why(service).causes
        for effect, cause in pairwise(causes):
            assert cause.at < effect.at + late or cause.event == "first_sign", (effect, cause)


def test_the_journal_stays_short(replay: Run) -> None:
    """First signs of trouble are noted too; most of the services have one or two."""
    assert replay.events.num_rows < 8 * len(replay.services)


def test_what_is_set_in_all_zones_is_said_once(replay: Run) -> None:
    text = str(replay.why("network-manager"))
    assert "dwfm.admission_ratio = 0.5 in each of 6 zones" in text and "dwfm@az2" not in text
