"""How services are stepped, in words."""

from tests.simulation.scenario import service, to
from twin.model.scenario import Scenario, Topology
from twin.simulation.stepping import Stepping, stepped_as_counts, stepping_of


def scenario(**update: object) -> Scenario:
    services = [
        service("table", "relay", "storage", to("shards", "async")),
        service("shards", "reconciler", "other"),
        service("people", "workload", "storage", to("table", "hard"), rate_per_s=10.0),
    ]
    whole = Topology(name="small", services={s.name: s for s in services})
    plain = Scenario(name="small", topology=whole, duration_s=3600.0, start="2030-01-01T00:00:00Z")
    return plain.model_copy(update=update)


def test_each_service_is_named_once() -> None:
    found = stepping_of(scenario())
    assert (set(found.each), found.counts, found.hops) == (
        {"people", "table"},
        ("shards",),
        ("table->shards",),
    )
    assert stepped_as_counts(scenario()) == {"shards"}
    assert list(found.lines()) == [
        "call by call: people, table",
        "as counts, in ticks of 1s: shards",
        "1 call path between domains: news over each may be up to 10s late",
    ]


def test_a_scenario_may_ask_for_counts() -> None:
    found = stepping_of(scenario(requests="counted"))
    assert (found.each, found.counts) == ({}, ("people", "shards", "table"))


def test_too_many_calls_are_grouped_in_words() -> None:
    many = Stepping(dict.fromkeys("abcdefghi", 7), (), (), 1.0, 10.0)
    assert list(many.lines()) == ["call by call, one for 7 as there are too many: 9 services"]
