"""What responders do when, without a run: the schedule is told what fires and what can be seen.

Each law is a function of a schedule's making, so that the broken makings at the end can be shown to fail it.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from twin.model.responders import Delays
from twin.model.scenario import Condition, Diagnosis, Intervention, Quantity, Scenario, Service, Topology
from twin.simulation.schedule import Change, News, Schedule

Make = Callable[[Scenario], Schedule]
SET = {"store.fault_ratio": 0.0}
BREAKS, HEALS = 0, 1  # numbers of the conditions below
ALARMS = News(alarms=7, holds=frozenset({BREAKS}))  # log2(1 + 7) is 3


def minutes(value: float) -> Quantity:
    return Quantity(value=60.0 * value, assumed="a test")


def act(name: str, follows: str | None = None, **more: object) -> Intervention:
    return Intervention(id=name, follows=follows, assumed="a test", **{"set": SET, **more})


def scenario(mode: str = "modelled", decoy: bool = True, **update: object) -> Scenario:
    """A store breaks; it is diagnosed, repaired, and watched until it is well again."""
    found = Diagnosis(
        id="found", when=Condition(service="store", signal="error_ratio", above=0.05, for_s=60.0),
        triage_s=minutes(2), triage_doubling_s=minutes(4), misled_by={"decoy": minutes(30)},
        takes={"reading_s": minutes(1)},
    )  # fmt: skip
    well = Diagnosis(
        id="well", follows="repair", when=Condition(service="store", signal="error_ratio", below=0.05)
    )
    faults = (act("broken", at_s=600.0), act("decoy", at_s=600.0, set={}))
    actions = (
        act("repair", "found", at_s=5000.0, takes={"decision_s": minutes(10), "execution_s": minutes(5)}),
        act("freeze", "repair", at_s=6000.0, takes={"decision_s": minutes(1)}),
        act("lift", "well", at_s=7000.0, until_s=7600.0),
    )
    services = {"store": Service(name="store", kind="relay")}
    return Scenario(
        name="small", topology=Topology(name="small", services=services), duration_s=36000.0,
        start=datetime(2026, 1, 1, tzinfo=UTC), responders=mode, diagnoses=(found, well),
        faults=faults[: 1 + decoy], actions=actions,
    ).model_copy(update=update)  # fmt: skip


def make(s: Scenario, replicate: int = 0) -> Schedule:
    return Schedule(s, {"store.fault_ratio": 0.5}, seed=5, replicate=replicate)


def story(schedule: Schedule, news: News = ALARMS, fires: dict[int, int] | None = None) -> dict[str, Change]:
    """All that is done when conditions fire at these ticks; by name, the last change of each."""
    fires = {700: BREAKS} if fires is None else dict(fires)
    done, tick = {}, 0
    while tick < 36000:
        for change in schedule.due(tick, lambda: news):
            done[change.name] = change
        coming = [t for t in (schedule.next_tick(), min(fires, default=None)) if t is not None]
        if not coming:
            break
        tick = min(coming)
        if tick in fires:
            schedule.fired(fires.pop(tick), tick, cause_id=42)
    return done


def at(done: dict[str, Change]) -> dict[str, float]:
    """Minutes after the first alarm."""
    return {name: (change.tick - 700) / 60 for name, change in done.items()}


# --- laws ------------------------------------------------------------------


def stages_add_up(make: Make) -> None:
    """Triage 2 + 4·3, the decoy 30, reading 1; then decision and execution; then what follows those."""
    times = at(story(make(scenario())))
    assert (times["found"], times["repair"], times["freeze"]) == (45.0, 60.0, 61.0)


def triage_grows(make: Make) -> None:
    """Each doubling of the alarms costs as much again; alarms that come while others are sorted count."""
    few, many = (at(story(make(scenario()), News(n, frozenset({BREAKS}))))["found"] for n in (1, 63))
    assert many - few == pytest.approx(4.0 * 5)
    schedule = make(scenario(decoy=False))
    schedule.due(600)
    schedule.fired(BREAKS, 700)
    assert schedule.due(700, lambda: News(1)) == []
    while (tick := schedule.next_tick()) is not None and tick < 5000:
        for change in schedule.due(tick, lambda: News(31, frozenset({BREAKS}))):
            assert (change.name, (change.tick - 700) / 60) == ("found", 2 + 4 * 5 + 1)
            return
    raise AssertionError("never diagnosed")


def diagnosis_moves_the_rest(make: Make) -> None:
    """Without the decoy all comes half an hour earlier, to the second."""
    with_it, without = (story(make(scenario(decoy=decoy))) for decoy in (True, False))
    for name in ("found", "repair", "freeze"):
        assert with_it[name].tick - without[name].tick == 1800


def nothing_noticed_nothing_done(make: Make) -> None:
    assert set(story(make(scenario()), fires={})) == {"broken", "decoy"}


def what_has_healed_is_left_alone(make: Make) -> None:
    """The repair is not made where the reason for it has gone; once that is back, it is made at once."""
    done = story(make(scenario()), News(alarms=7))
    assert done["repair"].silent and done["repair"].arms == (BREAKS,) and not done["repair"].values
    assert "freeze" not in done
    schedule = make(scenario())
    story(schedule, News(alarms=7))
    schedule.fired(BREAKS, 20000)
    assert [c.name for c in schedule.due(20000, lambda: ALARMS)] == ["repair"]


LAWS = [stages_add_up, triage_grows, diagnosis_moves_the_rest, nothing_noticed_nothing_done,
        what_has_healed_is_left_alone]  # fmt: skip


@pytest.mark.parametrize("law", LAWS)
def test_laws(law: Callable[[Make], None]) -> None:
    law(make)


def test_scripted_responders_know_nothing() -> None:
    """Every action at its time; no diagnosis, no decoy, and nobody asks for news."""
    blind = make(scenario("scripted")).due(8000, lambda: pytest.fail("somebody asked"))
    assert [c.name for c in blind] == ["broken", "repair", "freeze", "lift"]
    done = story(make(scenario("scripted")), fires={})
    assert {name: c.tick for name, c in done.items()} == {
        "broken": 600, "repair": 5000, "freeze": 6000, "lift": 7600}  # fmt: skip


def test_what_lasts_until_a_time_lasts_as_long() -> None:
    """The lifting that lasts from 7000 to 7600 s in the script takes 600 s whenever it is done."""
    schedule = make(scenario())
    begins = {700: BREAKS, 9000: HEALS}
    done = story(schedule, News(7, frozenset({BREAKS, HEALS})), begins)
    assert done["lift"].tick == 9600


def test_what_follows_a_ramp_follows_its_end() -> None:
    """People go on once a change has been made in full."""
    ramped = scenario()
    slow = ramped.actions[0].model_copy(update={"over_s": 1800.0})
    ramped = ramped.model_copy(update={"actions": (slow, *ramped.actions[1:])})
    plain, done = story(make(scenario())), story(make(ramped))
    assert done["freeze"].tick - plain["freeze"].tick == 1800
    assert done["freeze"].cause_id == done["repair"].event_id != plain["repair"].event_id
    assert done["repair"].cause_id == plain["repair"].event_id  # it ended because it had begun
    assert done["repair"].arms == (HEALS,)


def test_events_have_ids_and_causes_of_their_own() -> None:
    done = story(make(scenario()), fires={700: BREAKS})
    assert len({c.event_id for c in done.values()}) == len(done)
    assert done["found"].cause_id == 42 and done["found"].alarms == 7
    assert done["repair"].cause_id == done["found"].event_id
    assert done["freeze"].cause_id == done["repair"].event_id
    assert done["repair"].arms == (HEALS,)
    schedule = make(scenario())
    story(schedule, fires={700: BREAKS})
    schedule.fired(HEALS, 20000)  # nothing is open: what made people look is the cause
    well = schedule.due(20000, lambda: ALARMS)[0]
    assert (well.name, well.cause_id) == ("well", done["repair"].event_id)


def test_drawn_stages() -> None:
    """Median as given, spread as asked, equal for equal seed and replicate, each stage with its own luck."""
    cv = Quantity(value=0.7, assumed="a test")
    drawn = scenario("drawn", stage_cv_ratio=cv)
    times = [at(story(make(drawn, n))) for n in range(400)]
    waits = sorted(t["freeze"] - t["repair"] for t in times)
    assert waits[200] == pytest.approx(1.0, rel=0.15)
    mean = sum(waits) / 400
    assert mean == pytest.approx(1.0 * (1 + 0.7**2) ** 0.5, rel=0.15)
    assert at(story(make(drawn, 3))) == at(story(make(drawn, 3))) != at(story(make(drawn, 4)))
    repair = drawn.actions[0]
    each = [repair.model_copy(update={"takes": {name: minutes(1)}}) for name in repair.takes]
    assert len({Delays(drawn, 5, 0).rest_s(x, ()) for x in each}) == 2


def test_drawn_variants_share_their_luck() -> None:
    """Without the decoy the other stages are those that they were: only the decoy's own time is saved."""
    both = [at(story(make(scenario("drawn", decoy=decoy)))) for decoy in (True, False)]
    saved = [a["found"] - b["found"] for a, b in [both]]
    assert both[0]["repair"] - both[1]["repair"] == pytest.approx(saved[0], abs=0.05)
    assert saved[0] > 0


# --- red versions ----------------------------------------------------------


class IgnoresAlarms(Delays):
    def triage_s(self, diagnosis: Diagnosis, alarms: int) -> float:
        return super().triage_s(diagnosis, 7)


class NeverMisled(Delays):
    def rest_s(self, step: Intervention | Diagnosis, begun: object) -> float:
        return super().rest_s(step, ())


def with_delays(kind: type[Delays]) -> Make:
    def broken(s: Scenario) -> Schedule:
        schedule = make(s)
        schedule._delays = kind(s, 5, 0)
        return schedule

    return broken


def acts_by_the_clock(s: Scenario) -> Schedule:
    """An action that ignores its diagnosis."""
    actions = tuple(x.model_copy(update={"follows": None, "takes": {}}) for x in s.actions)
    return make(s.model_copy(update={"actions": actions}))


def never_looks_again(s: Scenario) -> Schedule:
    """Responders who carry out what they have once decided on."""
    schedule = make(s)
    schedule._reason.clear()
    return schedule


@pytest.mark.parametrize(
    ("law", "broken"),
    [
        (triage_grows, with_delays(IgnoresAlarms)),
        (diagnosis_moves_the_rest, with_delays(NeverMisled)),
        (stages_add_up, acts_by_the_clock),
        (diagnosis_moves_the_rest, acts_by_the_clock),
        (nothing_noticed_nothing_done, acts_by_the_clock),
        (what_has_healed_is_left_alone, never_looks_again),
    ],
)
def test_broken_responders_fail(law: Callable[[Make], None], broken: Make) -> None:
    with pytest.raises(AssertionError):
        law(broken)
