"""The baseline keeps the event and the dependences, and nothing that could feed back."""

import twin
from twin.results.outcomes import signals_of, times
from twin.simulation.relay_baseline import without_feedback


def test_every_service_but_the_given_is_a_relay(scenario) -> None:
    kinds = {s.name: s.kind for s in without_feedback(scenario).topology.services.values()}
    assert kinds.pop("names") == scenario.topology.services["names"].kind == "dns"
    assert set(kinds.values()) == {"relay"}


def test_dependencies_are_hard_and_plain(scenario) -> None:
    services = without_feedback(scenario).topology.services
    edges = {(s.name, d.on): (d.mode, set(d.numbers)) for s in services.values() for d in s.dependencies}
    assert edges["page", "front"] == ("hard", set())
    assert edges["page", "post"] == ("hard", {"share"})
    assert edges["front", "store"] == ("hard", set())
    assert edges["post", "store"] == ("soft", set())


def test_no_cycle_is_left(scenario) -> None:
    """page → post is asynchronous and post → page cached: the first by name stays."""
    services = without_feedback(scenario).topology.services
    assert [d.on for d in services["post"].dependencies] == ["store"]
    assert [d.on for d in services["page"].dependencies] == ["front", "post"]


def test_parameters_of_a_relay_stay(scenario) -> None:
    services = without_feedback(scenario).topology.services
    assert services["store"].parameters["service_time_s"].value == 0.02
    assert set(services["users"].parameters) == {"own_per_s"}


def test_interventions_keep_what_a_relay_can_obey(scenario) -> None:
    sets = {x.id: x.set for x in without_feedback(scenario).interventions}
    limit = {"page.fault_ratio": 0.0, "post.service_time_s": 1.0}
    assert sets == {"outage": {"store.fault_ratio": 1.0}, "limit": limit}


def test_trouble_ends_with_its_cause(scenario) -> None:
    reflex = without_feedback(scenario)
    found = times(signals_of(twin.run(reflex), scenario.published), scenario.published)
    assert 600 <= found["store-fails"] <= found["page-fails"] <= 660
    assert 1800 <= found["page-back"] <= 1860
    assert found["users-late"] is not None, "customers fail with what they call"
