"""A loop over several services is studied as one, and named."""

import json

import pytest

from twin.analysis.metastability import stability_document, study_stability
from twin.analysis.metastability.isolate import isolate, operating_point
from twin.analysis.metastability.loads import loads_of
from twin.analysis.metastability.loop import loop_of, worst_of
from twin.model.scenario import Scenario

from .small import calls, scenario, service, two_tiers


def loop(world: Scenario, name: str) -> tuple[str, ...]:
    return loop_of(world, name, loads_of(world))


# --- who is on it ---------------------------------------------------------------


def test_two_tiers_with_retries_are_one_loop() -> None:
    """The front's users try again when the back fails the front: load that comes back to the back."""
    assert loop(two_tiers(20.0), "back") == ("back", "front")
    assert loop(two_tiers(20.0), "front") == ("front", "back")


def test_a_tier_that_nobody_calls_again_is_outside() -> None:
    assert loop(two_tiers(40.0, outer=0), "back") == ("back",)
    assert loop(two_tiers(40.0, outer=0), "front") == ("front",)


def test_without_a_lack_of_capacity_there_is_no_loop() -> None:
    """Nine times ten a second is less than a hundred."""
    assert loop(two_tiers(10.0), "back") == ("back",)


def test_all_retries_of_all_tiers_multiply() -> None:
    world = two_tiers(20.0)
    worst = worst_of(world.topology.services, loads_of(world).calls_per_s)
    assert worst["back"] == pytest.approx(180.0)


def cycle(rate_per_s: float, retries: int) -> Scenario:
    """A needs B, and B reads A's cache for some calls."""
    return scenario({
        "people": service("workload", calls("a", timeout_s=30.0), rate_per_s=rate_per_s),
        "a": service("queueing", calls("b", timeout_s=3.0, retries=retries, backoff_s=0.1),
                     capacity_per_s=100.0),
        "b": service("queueing", calls("a", share=0.2, timeout_s=3.0, retries=retries, backoff_s=0.1),
                     capacity_per_s=100.0),
    })  # fmt: skip


def test_services_that_call_each_other_are_one_loop() -> None:
    assert loop(cycle(50.0, 2), "a") == ("a", "b")


@pytest.mark.parametrize("word", [{"fallback": "spare"}, {"one_of": "stores", "failover_count": 1}])
def test_whom_a_failure_sends_calls_to_is_on_the_loop(word: dict) -> None:
    """Spare and store need the same database, so a failure of the store comes back to it as load."""
    world = scenario({
        "people": service("workload", calls("site"), rate_per_s=60.0),
        "site": service("relay", calls("store", **word),
                        calls("spare", **{k: v for k, v in word.items() if k == "one_of"})),
        "store": service("relay", calls("database")),
        "spare": service("relay", calls("database", retries=2)),
        "database": service("queueing", capacity_per_s=100.0),
    })  # fmt: skip
    assert set(loop(world, "database")) >= {"database", "spare", "store"}


# --- what is said of it -----------------------------------------------------------


def test_a_loop_over_two_services_is_not_stable() -> None:
    """Alone, the back gets 3 × 20 of its 100 a second when all fails. With the front it gets 9 × 20."""
    found = study_stability(two_tiers(20.0), "back")
    assert found.verdict == "vulnerable"
    assert found.members == ("back", "front")
    assert "back and front keep each other down" in found.reason
    document = stability_document(found, 400.0)
    json.dumps(document, allow_nan=False)
    assert document["loop"] == ["back", "front"]


@pytest.mark.parametrize(("rate_per_s", "verdict"), [
    (10.5, "stable"), (12.0, "vulnerable"), (90.0, "vulnerable"), (110.0, "overloaded"),
])  # fmt: skip
def test_the_band_of_two_tiers(rate_per_s: float, verdict: str) -> None:
    """Both states exist between mu / ((1 + r)(1 + r')) = 11.1 and mu = 100: the law, for all time."""
    found = study_stability(two_tiers(rate_per_s), "back", heals_within_s=float("inf"))
    assert found.verdict == verdict


def test_the_triggers_and_ways_out_name_their_service() -> None:
    found = study_stability(two_tiers(20.0), "front")
    assert found.verdict == "vulnerable"
    assert "capacity of back" in [f.trigger.name for f in found.frontiers]
    assert "add capacity to back" in [way.name for way in found.ways]


def test_a_loop_that_its_trigger_has_tipped_is_metastable() -> None:
    fault = {"id": "slow", "at": 100.0, "for": 60.0, "assumed": "a test", "set": {"back.capacity_ratio": 0.1}}
    tripped = two_tiers(20.0).model_copy(update={})
    tripped = Scenario.model_validate(tripped.model_dump(by_alias=True) | {"faults": [fault]})
    assert study_stability(tripped, "back", at_s=90.0).verdict == "vulnerable"
    assert study_stability(tripped, "back", at_s=400.0).verdict == "metastable"


def test_the_small_world_has_the_whole_loop_and_those_around_it() -> None:
    world = cycle(50.0, 2)
    alone = isolate(world, "a", operating_point(world, "a"))
    assert set(alone.scenario.topology.services) == {"a", "b", "people"}
    assert alone.point.calls_per_s == {"people": pytest.approx(50.0)}
    assert alone.load_per_s == pytest.approx(50.0 / (1 - 0.2))


def test_a_caller_of_two_members_is_two_workloads() -> None:
    services = {
        "people": service("workload", calls("a"), calls("b"), rate_per_s=30.0),
        "a": service("queueing", calls("b", retries=2), capacity_per_s=100.0),
        "b": service("queueing", calls("a", share=0.2, retries=2), capacity_per_s=100.0),
    }
    world = scenario(services)
    alone = isolate(world, "a", operating_point(world, "a"))
    assert set(alone.callers) == {"people-to-a", "people-to-b"}


def test_the_load_to_shed_is_the_edge_of_the_band_of_both_tiers() -> None:
    """100 / 9 of the 20 a second; the back's queue falls, though the front fails until it is gone."""
    found = study_stability(two_tiers(20.0), "front", heals_within_s=float("inf"))
    ways = {way.name: way.value for way in found.ways}
    assert ways["shed load"] == pytest.approx(100 / 9 / 20, rel=0.08)
    assert ways["add capacity to back"] == pytest.approx(20 * 9 / 100, rel=0.08)
