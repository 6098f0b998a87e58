"""``reached_through``: said once at a service, inherited by every caller."""

from pathlib import Path

import pytest

from tests.structure.tree import ROOT
from twin.model.scenario import Dependency, Scenario, Topology
from twin.spec import SpecError, load_actions, load_scenario, load_topology, vary
from twin.spec.doubts import doubts_about_scenario, doubts_about_topology

REGION = ROOT / "topology/us-east-1"
SMALL = """\
topology: small
services:
  names: {kind: resolver}
  other-names: {kind: resolver}
  store:
    kind: relay
    reached_through:
      on: names
      for: the address of the store
      lifetime_s: {value: 2m, source: SDK}
      retries: {value: 3, source: SDK}
"""
CALLER = """\
  site:
    kind: relay
    dependencies:
      - {on: store, for: rows, mode: hard}
"""


def topology(tmp_path: Path, *texts: str) -> Topology:
    """A topology of these texts, the ends of one file."""
    path = tmp_path / "topology.yaml"
    path.write_text("".join(texts))
    return load_topology(path)


def inherited(found: Topology | Scenario, caller: str = "site") -> list[Dependency]:
    """What a caller inherits."""
    services = (found.topology if isinstance(found, Scenario) else found).services
    return [d for d in services[caller].dependencies if d.inherited_from]


def test_a_caller_inherits_the_way_before_its_call(tmp_path: Path) -> None:
    site = topology(tmp_path, SMALL, CALLER).services["site"]
    assert [(d.on, d.mode, d.inherited_from) for d in site.dependencies] == [
        ("names", "new_connections", "store"),
        ("store", "hard", None),
    ]
    way = site.dependencies[0]
    assert (way.purpose, way.value("lifetime_s"), way.value("retries")) == (
        "the address of the store",
        120.0,
        3,
    )
    assert all(q.source == "SDK" for q in way.numbers.values())


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("mode: hard", ("new_connections", 120.0, 1.0)),
        ("mode: new_connections, lifetime_s: {value: 9s, source: SDK}", ("new_connections", 9.0, 1.0)),
        ("mode: cached, lifetime_s: {value: 1h, source: SDK}", ("cached", 3600.0, 1.0)),
        ("mode: cached", ("cached", 300.0, 1.0)),
        ("mode: soft", ("soft", 300.0, 1.0)),
        ("mode: hard, share: {value: 25%, source: SDK}", ("new_connections", 120.0, 0.25)),
        ("mode: async", None),
        ("mode: fire_and_forget", None),
        ("mode: hard, reached_through: none", None),
    ],
)
def test_the_way_hurts_as_the_call_does(
    tmp_path: Path, call: str, expected: tuple[str, float, float] | None
) -> None:
    caller = CALLER.replace("mode: hard", call)
    ways = inherited(topology(tmp_path, SMALL, caller))
    assert [(d.mode, d.value("lifetime_s"), d.value("share")) for d in ways] == [expected] * bool(expected)


def test_a_caller_may_go_another_way(tmp_path: Path) -> None:
    named = CALLER.replace("mode: hard", "mode: hard, reached_through: other-names")
    (way,) = inherited(topology(tmp_path, SMALL, named))
    assert (way.on, way.value("lifetime_s")) == ("other-names", 120.0)


@pytest.mark.parametrize("on", ["names", "other-names"])
def test_a_caller_that_lists_a_connection_inherits_none(tmp_path: Path, on: str) -> None:
    own = f"      - {{on: {on}, mode: new_connections}}\n"
    assert inherited(topology(tmp_path, SMALL, CALLER, own)) == []


@pytest.mark.parametrize(
    ("call", "other"),
    [
        ("mode: hard", "      - {on: other-names, mode: hard, fallback: store}\n"),
        ("mode: hard, one_of: stores", "      - {on: other-names, mode: hard, one_of: stores}\n"),
    ],
)
def test_one_of_several_ways_brings_no_name(tmp_path: Path, call: str, other: str) -> None:
    assert inherited(topology(tmp_path, SMALL, CALLER.replace("mode: hard", call), other)) == []


def test_ways_may_have_ways(tmp_path: Path) -> None:
    """A store behind a load balancer, which has a name."""
    front = "  front: {kind: relay, reached_through: {on: names}}\n"
    back = "  back: {kind: relay, reached_through: {on: front}}\n"
    found = topology(tmp_path, SMALL, front, back, CALLER.replace("on: store", "on: back"))
    assert [(d.on, d.inherited_from) for d in inherited(found)] == [("names", "front"), ("front", "back")]


def test_two_callees_behind_one_name_share_it(tmp_path: Path) -> None:
    second = "      - {on: table, mode: hard}\n  table: {kind: relay, reached_through: {on: names}}\n"
    assert [d.on for d in inherited(topology(tmp_path, SMALL, CALLER, second))] == ["names"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("on: names", "on: nams", ":8:11: services.store.reached_through.on: found 'nams', expected a"),
        ("on: names", "on: store", "services.store.reached_through.on: found store itself"),
        ("lifetime_s: {", "life_s: {", "unknown key 'life_s', expected a known key (did you mean life"),
        ("lifetime_s: {", "keys_count: {", "found 'keys_count', expected a number that new connections have"),
        ("{value: 2m, source", "{value: 2, source", "lifetime_s.value: found 2, expected a duration"),
        ("mode: hard", "mode: hard, reached_through: nams", "dependencies.0.reached_through: found 'nams'"),
        ("mode: hard", "mode: hard, inherited_from: store", "found unknown key 'inherited_from'"),
        ("names: {kind: resolver}", "names: {kind: resolver, dependencies: [{on: store, mode: soft}]}",
         ":8:11: services.store.reached_through.on: found a circle: names -> store, which is reached"),
        ("names: {kind: resolver}", "names: {kind: resolver, dependencies: [{on: site, mode: hard}]}",
         "found a circle: names -> site -> store, which is reached through names"),
        ("names: {kind: resolver}", "names: {kind: resolver, reached_through: {on: store}}",
         "found a circle: store, which is reached through names"),
    ],
)  # fmt: skip
def test_bad_ways_are_refused(tmp_path: Path, old: str, new: str, problem: str) -> None:
    text = SMALL + CALLER
    assert text.count(old) >= 1
    with pytest.raises(SpecError) as error:
        topology(tmp_path, text.replace(old, new, 1))
    assert problem in str(error.value)


def test_a_caller_that_can_do_without_makes_no_circle(tmp_path: Path) -> None:
    loop = SMALL.replace(
        "  names: {kind: resolver}", "  names: {kind: resolver, dependencies: [{on: site, mode: hard}]}"
    )
    for call in (
        "mode: soft",
        "mode: hard, reached_through: none",
        "mode: hard, share: {value: 0.1, source: SDK}",
    ):
        assert topology(tmp_path, loop, CALLER.replace("mode: hard", call))


SCENARIO = """\
scenario: small
start: 2025-10-19T22:00:00-07:00
duration: 1h
topology: topology.yaml
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A scenario on the small topology, which brings its own caller."""
    (tmp_path / "topology.yaml").write_text(SMALL)
    path = tmp_path / "scenario.yaml"
    path.write_text(SCENARIO + "services:\n" + CALLER)
    return path


def test_numbers_of_what_is_inherited_can_be_set(small: Path) -> None:
    small.write_text(
        small.read_text() + "parameters: {site->names.lifetime_s: {value: 7s, source: SDK}, "
        "site->store.share: {value: 0.5, source: SDK}}\n"
    )
    (way,) = inherited(load_scenario(small))
    assert (way.value("lifetime_s"), way.value("share")) == (7.0, 0.5)


def test_a_base_a_file_on_top_and_a_change_all_inherit(small: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("scenario: other\nbase: scenario.yaml\nservices:\n" + CALLER.replace("site", "shop"))
    assert [d.on for d in inherited(load_scenario(other), "shop")] == ["names"]
    top = tmp_path / "top.yaml"
    top.write_text("services:\n  store: {kind: relay, reached_through: {on: other-names}}\n")
    assert [d.on for d in inherited(load_scenario(small, [top]))] == ["other-names"]
    other.write_text(
        "scenario: other\nbase: scenario.yaml\nservices: {store: {reached_through: {on: other-names}}}\n"
    )
    assert [d.on for d in inherited(load_scenario(other))] == ["other-names"]
    other.write_text("scenario: other\nbase: scenario.yaml\nservices: {store: {reached_through: none}}\n")
    assert inherited(load_scenario(other)) == []


@pytest.mark.parametrize("change", ["without: [site->names]", "without: [site->store]"])
def test_what_is_removed_stays_away(small: Path, tmp_path: Path, change: str) -> None:
    other, more = tmp_path / "other.yaml", tmp_path / "more.yaml"
    other.write_text(f"scenario: other\nbase: scenario.yaml\n{change}\n")
    more.write_text("id: later\nat: +5m\nset: {store.fault_ratio: 1.0}\nassumed: an example\n")
    changed = load_scenario(other)
    assert inherited(changed) == []
    assert inherited(vary(changed, load_actions(more, changed))) == []


def test_the_numbers_of_an_example_are_plain(tmp_path: Path) -> None:
    plain = "assumed: example\n" + SMALL.replace("{value: 2m, source: SDK}", "2m")
    (way,) = inherited(topology(tmp_path, plain, CALLER))
    assert way.value("lifetime_s") == 120.0


def test_a_circle_that_a_change_makes_is_refused(small: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(
        "scenario: other\nbase: scenario.yaml\nservices: {names: {dependencies: [{on: site, mode: hard}]}}\n"
    )
    with pytest.raises(SpecError, match="a circle: names -> site -> store"):
        load_scenario(other)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("mode: hard", None),
        ("mode: soft", None),
        ("mode: fire_and_forget", None),
        ("mode: hard, reached_through: other-names", None),
        ("mode: async, reached_through: none", None),
        (
            "mode: hard, reached_through: none",
            "found reached_through: none with mode hard, expected the way that",
        ),
        ("mode: async", "found a call that inherits no way to store, as its work waits in a store"),
    ],
)
def test_check_warns_of_a_call_that_does_not_feel_it(small: Path, call: str, said: str | None) -> None:
    small.write_text(SCENARIO + "services:\n" + CALLER.replace("mode: hard", call))
    found = [str(doubt) for doubt in doubts_about_scenario(small) if "store" in str(doubt)]
    assert len(found) == (said is not None) and all(str(said) in text for text in found)
    other = small.with_name("other.yaml")
    other.write_text(f"scenario: other\nbase: {small.name}\nservices:\n" + CALLER.replace("mode: hard", call))
    found = [str(doubt) for doubt in doubts_about_scenario(other)]
    assert len(found) == (said is not None) and all(str(said) in text for text in found)


def test_check_warns_of_one_of_several_ways(small: Path) -> None:
    spare = "      - {on: other-names, mode: hard, fallback: store}\n"
    small.write_text(SCENARIO + "services:\n" + CALLER + spare)
    (said,) = map(str, doubts_about_scenario(small))
    assert (
        "site.dependencies.0.on: found a call that inherits no way to store, as it is one of several" in said
    )


def test_the_region_leaves_no_doubt_of_its_ways() -> None:
    assert [d for d in doubts_about_topology(REGION) if "way" in d.found or "reached" in d.found] == []


def test_in_the_region_every_hard_caller_of_dynamodb_needs_its_name() -> None:
    services = load_topology(REGION, [ROOT / "scenarios/examples/only-dynamodb.yaml"]).services
    callers = {s.name: s for s in services.values() if any(d.on == "dynamodb" for d in s.dependencies)}
    ways = {
        name: [
            d.on for d in s.dependencies if services[d.on].kind == "resolver" and d.mode == "new_connections"
        ]
        for name, s in callers.items()
    }
    assert len(callers) > 12 and all(len(way) == 1 for way in ways.values())
    assert ways["checkout"] == ["resolvers-vpc"] and ways["sts"] == ["resolvers-internal"]
