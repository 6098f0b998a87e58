"""Responders in the published incident: scripted, modelled, drawn."""

from pathlib import Path

import pytest

import twin
from twin.api.run import Run
from twin.experiments.realizations import sampled
from twin.model.scenario import Scenario
from twin.results import outcomes
from twin.simulation.world import Model
from twin.spec.inputs import inputs_of, varies

SCENARIO = Path(__file__).parents[2] / "scenarios" / "us-east-1-2025-10-20.yaml"
NEAR_MIN = 5.0
# Action → published outcomes that show when the trouble behind it came and went. Where the replay has it at
# another time, its responders act as much earlier or later; where it went before they could, they do not.
SIGNALS = {
    "lambda-throttle": ("lambda-invoke-relapse", "lambda-invoke-second-recovery"),
    "failover-off": ("nlb-impaired", "nlb-recovered"),
    "launch-ramp": ("nm-latency-normal", None),
    "failover-on": ("ec2-launch-normal", None),
}
UNPUBLISHED = {"redshift-stop": "nobody published when the backlog was large enough to be seen"}


@pytest.fixture(scope="module")
def modelled() -> Scenario:
    return twin.load(SCENARIO, responders="modelled")


@pytest.fixture(scope="module")
def replay(modelled: Scenario) -> Run:
    return twin.run(modelled)


def begins(run: Run) -> dict[str, int]:
    """Step → tick; a step of zones begins with the last of them."""
    return {x["id"].partition("@")[0]: x["tick"] for x in run.manifest["inputs"] if x["begin"]}


def test_scripted_responders_change_no_row() -> None:
    """The replay is, byte for byte, that of a scenario that says nothing about responders."""
    scripted = twin.load(SCENARIO)
    plain = {"diagnoses": (), "faults": tuple(x for x in scripted.faults if x.set)}
    plain["actions"] = tuple(x.model_copy(update={"follows": None, "takes": {}}) for x in scripted.actions)
    assert twin.run(scripted).digest == twin.run(scripted.model_copy(update=plain)).digest


def test_modelled_responders_act_when_they_did(modelled: Scenario, replay: Run) -> None:
    """Each action at its published time, or as far from it as its signal is in the replay."""
    assert modelled.published is not None
    shown = outcomes.times(outcomes.signals_of(replay, modelled.published), modelled.published)
    published = {o.id: (o.at - modelled.start).total_seconds() for o in modelled.published.outcomes}
    found, left_out = begins(replay), set()
    for x in modelled.actions:
        if x.at_s is None or x.id in UNPUBLISHED or x.follows in left_out:
            continue
        came, went = SIGNALS.get(x.id, (None, None))
        due_s = x.at_s if came is None else x.at_s + (shown[came] or 0.0) - published[came]
        if x.id in found:
            assert abs(found[x.id] * modelled.tick_s - due_s) <= 60 * NEAR_MIN, x.id
        else:
            assert went is not None and (shown[went] or 0.0) < due_s, x.id
            left_out |= {x.id, *(d.id for d in modelled.diagnoses if d.follows == x.id)}


def test_diagnoses_are_events(modelled: Scenario, replay: Run) -> None:
    """Each is made once at most, with the alarms that there were, and a cause."""
    made = replay.sql("select subject, value, cause_id from events where event = 'diagnosed'").to_pylist()
    alarms = {row["subject"]: row["value"] for row in made}
    assert len(alarms) == len(made) >= 6
    assert alarms.keys() <= {d.id for d in modelled.diagnoses} and all(row["cause_id"] for row in made)
    visible = sum(s.visible for s in modelled.topology.services.values())
    assert 20 < alarms["dns-identified"] <= visible


def test_without_the_decoy(replay: Run) -> None:
    """Half an hour earlier, and with it what follows; 34: the decoy alone does nothing."""
    ours = begins(twin.run(twin.load(SCENARIO, responders="modelled", drop=["packet-loss-az1"])))
    theirs = begins(replay)
    for name in ("dns-identified", "internal-override", "alias-repair", "droplet-throttle"):
        assert (theirs[name] - ours[name]) / 60 == pytest.approx(30.0, abs=3.0), name
    alone = begins(twin.run(twin.load(SCENARIO, responders="modelled", drop=["lock-starvation"])))
    assert set(alone) == {"packet-loss-az1"}


def test_what_never_lapses_needs_no_throttle(replay: Run) -> None:
    """Leases of a day: no collapse, so no throttle to impose or to lift."""
    done = begins(twin.run(twin.load(SCENARIO, responders="modelled", set={"dwfm.lease_s": "24h"})))
    needless = {"droplet-throttle", "launches-reopened", "launch-ramp"}
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
    words = [cause.text for cause in replay.why("nlb").causes]
    assert any("diagnosis" in w and "alarms" in w for w in words), words


def test_times_of_responders_are_numbers_of_the_scenario(modelled: Scenario) -> None:
    """An ensemble varies those that nobody published, where they are used and not drawn anyway."""

    def varied(mode: str) -> set[str]:
        scenario = twin.load(SCENARIO, responders=mode)
        return {n.target for n in inputs_of(scenario) if varies(scenario, n)}

    own = {"dns-identified.reading_s", "redshift-stop.decision_s", "dns-identified.triage_doubling_s"}
    assert varied("modelled") >= own and not varied("scripted") & own and not varied("drawn") & own
    number = next(n for n in inputs_of(modelled) if n.target == "redshift-stop.decision_s")
    moved = sampled(modelled, {number: 1.0})
    assert next(x for x in moved.actions if x.id == "redshift-stop").takes["decision_s"].value == 7 * 3600.0


def test_drawn_responders_follow_seed_and_replicate() -> None:
    scenario = twin.load(SCENARIO, responders="drawn", until="+5h")
    first, again, other = (twin.run(scenario, replicate=n) for n in (1, 1, 2))
    assert first.digest == again.digest
    assert begins(first)["dns-identified"] != begins(other)["dns-identified"]


def test_looking_costs_next_to_nothing(modelled: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """People are shown the region when they decide something, not at each of 66 600 ticks."""
    looks = []
    see = Model.holding
    monkeypatch.setattr(Model, "holding", lambda self: looks.append(1) or see(self))
    done = begins(twin.run(modelled))
    assert len(done) / 2 < len(looks) < 3 * len(done)
