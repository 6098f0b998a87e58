"""Responders in the published incident: scripted, modelled, drawn."""

from pathlib import Path

import pytest

import twin
from twin.causes import chain_of
from twin.ensemble import drawn
from twin.model import Scenario
from twin.numbers import numbers, varies
from twin.runs import Run

SCENARIO = Path(__file__).parents[2] / "scenarios" / "us-east-1-2025-10-20.yaml"
NEAR_MIN = 5.0
# Actions whose signal comes at another time in the replay than it came, and which therefore do, too.
AWAY_MIN = {
    "lambda-throttle": (15.0, "the replay's relapse of Lambda is some ten minutes late"),
    "failover-on": (25.0, "the replay's launches are normal some quarter of an hour early"),
}


@pytest.fixture(scope="module")
def modelled() -> Scenario:
    return twin.load(SCENARIO, responders="modelled")


@pytest.fixture(scope="module")
def replay(modelled: Scenario) -> Run:
    return twin.run(modelled)


def begins(run: Run) -> dict[str, int]:
    return {x["id"]: x["tick"] for x in run.manifest["inputs"] if x["begin"]}


def test_scripted_responders_change_no_row() -> None:
    """The replay is, byte for byte, that of a scenario that says nothing about responders."""
    scripted = twin.load(SCENARIO)
    plain = {"diagnoses": (), "faults": tuple(x for x in scripted.faults if x.set)}
    plain["actions"] = tuple(x.model_copy(update={"follows": None, "takes": {}}) for x in scripted.actions)
    assert twin.run(scripted).digest == twin.run(scripted.model_copy(update=plain)).digest


def test_modelled_responders_act_when_they_did(modelled: Scenario, replay: Run) -> None:
    found = begins(replay)
    for x in modelled.actions:
        if x.at_s is not None:
            away_min = abs(found[x.id] * modelled.tick_s - x.at_s) / 60
            assert away_min <= AWAY_MIN.get(x.id, (NEAR_MIN,))[0], f"{x.id}: {away_min:.1f} min"
            assert x.id not in AWAY_MIN or away_min > NEAR_MIN, f"{x.id}: listed as away, but it is near"


def test_every_diagnosis_is_made_once(modelled: Scenario, replay: Run) -> None:
    made = replay.sql("select subject, value, cause_id from events where event = 'diagnosed'").to_pylist()
    assert sorted(row["subject"] for row in made) == sorted(d.id for d in modelled.diagnoses)
    alarms = {row["subject"]: row["value"] for row in made}
    visible = sum(s.visible for s in modelled.topology.services.values())
    assert 20 < alarms["dns-identified"] <= visible


def test_without_the_decoy(replay: Run) -> None:
    """Half an hour earlier, and with it what follows; 34: the decoy alone does nothing."""
    ours = begins(twin.run(twin.load(SCENARIO, responders="modelled", drop=["packet-loss-az1"])))
    theirs = begins(replay)
    for name in ("dns-identified", "internal-override", "alias-repair", "droplet-throttle", "failover-off"):
        assert (theirs[name] - ours[name]) / 60 == pytest.approx(30.0, abs=3.0), name
    alone = begins(twin.run(twin.load(SCENARIO, responders="modelled", drop=["lock-starvation"])))
    assert set(alone) == {"packet-loss-az1"}


def test_what_never_lapses_needs_no_throttle(replay: Run) -> None:
    """Leases of a day: no collapse, so no throttle to impose or to lift, and no load balancer in trouble."""
    done = begins(twin.run(twin.load(SCENARIO, responders="modelled", set={"dwfm.lease_s": "24h"})))
    needless = {"droplet-throttle", "launch-ramp", "failover-off", "failover-on", "lambda-throttle"}
    assert "alias-repair" in done and not done.keys() & needless
    assert begins(replay).keys() >= needless


def test_without_triage(replay: Run) -> None:
    """13: a quarter of an hour earlier, within what the alarms of the replay make of it."""
    none = {"dns-identified.triage_s": "0s", "dns-identified.triage_doubling_s": "0s"}
    ours = begins(twin.run(twin.load(SCENARIO, responders="modelled", set=none, until="+5h")))
    for name in ("dns-identified", "internal-override", "alias-repair"):
        assert (begins(replay)[name] - ours[name]) / 60 == pytest.approx(15.0, abs=2.0), name


def test_a_diagnosis_that_is_never_made() -> None:
    done = begins(twin.run(twin.load(SCENARIO, responders="modelled", drop=["dns-identified"], until="+7h")))
    assert not done.keys() & {"internal-override", "alias-repair", "droplet-throttle", "global-freeze"}


def test_the_chain_of_causes_goes_through_people(replay: Run) -> None:
    rows = replay.sql(
        "select c.event, c.subject from events e join cascade c on c.event_id = e.event_id "
        "where e.subject = 'droplet-throttle' and e.event = 'input' order by c.depth"
    ).to_pylist()
    said = [(r["event"], r["subject"]) for r in rows]
    assert said[:2] == [("input", "droplet-throttle"), ("diagnosed", "leases-stuck")]
    assert said[2][0] == "onset" and said[-1][1] == "lock-starvation"
    ids = replay.events["event_id"].to_pylist()
    assert len(set(ids)) == len(ids)


def test_why_names_the_diagnosis(replay: Run) -> None:
    """Where trouble goes back to an action, the chain says what that followed from."""
    words = [link.words for link in chain_of(replay, "nlb").links]
    assert any("diagnosis" in w and "alarms" in w for w in words), words


def test_times_of_responders_are_numbers_of_the_scenario(modelled: Scenario) -> None:
    """An ensemble varies those that nobody published, where they are used and not drawn anyway."""

    def varied(mode: str) -> set[str]:
        scenario = twin.load(SCENARIO, responders=mode)
        return {n.target for n in numbers(scenario) if varies(scenario, n)}

    own = {"dns-identified.reading_s", "redshift-stop.decision_s", "dns-identified.triage_doubling_s"}
    assert varied("modelled") >= own and not varied("scripted") & own and not varied("drawn") & own
    number = next(n for n in numbers(modelled) if n.target == "redshift-stop.decision_s")
    moved = drawn(modelled, [number], [1.0])
    assert next(x for x in moved.actions if x.id == "redshift-stop").takes["decision_s"].value == 7 * 3600.0


def test_drawn_responders_follow_seed_and_replicate() -> None:
    scenario = twin.load(SCENARIO, responders="drawn", until="+5h")
    first, again, other = (twin.run(scenario, replicate=n) for n in (1, 1, 2))
    assert first.digest == again.digest
    assert begins(first)["dns-identified"] != begins(other)["dns-identified"]
