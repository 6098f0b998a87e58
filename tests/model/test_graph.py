"""The graph: cycles, reach, division into shards, layout; each the same for any order of the files."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.model import graph
from twin.model.scenario import Dependency, Service


def services(text: str, domains: dict[str, str] | None = None) -> dict[str, Service]:
    """'a>b c' is: a depends on b; c is there."""
    callees: dict[str, list[str]] = {}
    for part in text.split():
        caller, _, callee = part.partition(">")
        callees.setdefault(caller, [])
        if callee:
            callees.setdefault(callee, [])
            callees[caller].append(callee)
    found = {}
    for name, names in callees.items():
        calls = tuple(Dependency(on=callee, mode="hard") for callee in names)
        domain = (domains or {}).get(name, name)
        found[name] = Service(name=name, kind="relay", domain=domain, dependencies=calls)
    return found


def test_reach_names_a_shortest_path() -> None:
    found = graph.reach(services("web>api api>auth web>auth auth>dns other>web free"), "dns")
    assert found == {
        "auth": ("auth", "dns"),
        "api": ("api", "auth", "dns"),
        "web": ("web", "auth", "dns"),
        "other": ("other", "web", "auth", "dns"),
    }
    assert list(found) == ["auth", "api", "web", "other"]
    with pytest.raises(KeyError):
        graph.reach(services("a>b"), "c")


def test_reach_in_a_cycle_leaves_the_service_itself_out() -> None:
    assert graph.reach(services("a>b b>a"), "a") == {"b": ("b", "a")}


def test_partition_deals_the_largest_domains_first() -> None:
    region = services("a b c d e f", {"a": "big", "b": "big", "c": "big", "d": "pair", "e": "pair"})
    assert graph.partition(region, 2) == [("a", "b", "c"), ("d", "e", "f")]
    assert graph.partition(region, 1) == [tuple("abcdef")]
    assert graph.partition(region, 9) == [("a", "b", "c"), ("d", "e"), ("f",)]
    with pytest.raises(ValueError, match="at least one"):
        graph.partition(region, 0)


def test_partition_keeps_together_what_calls_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def crossing(parts: list[tuple[str, ...]]) -> int:
        home = {name: k for k, part in enumerate(parts) for name in part}
        return sum(home[s.name] != home[d.on] for s in region.values() for d in s.dependencies)

    draw = random.Random(1)
    pairs = {(n, n - n % 25 + draw.randrange(25)) for n in range(1000) for _ in range(5)}  # teams of 25
    region = services(" ".join(f"s{a}>s{b}" for a, b in sorted(pairs) if a != b))
    near = graph.partition(region, 2)
    monkeypatch.setattr(graph, "MOST_PASSES", 0)
    assert crossing(near) < 0.6 * crossing(graph.partition(region, 2))
    assert max(map(len, near)) <= graph.MOST_OVER * 500


NAMES = st.sampled_from("abcdefghijkl")


@given(st.lists(st.tuples(NAMES, NAMES), max_size=40), st.integers(1, 5))
def test_properties(pairs: list[tuple[str, str]], shards: int) -> None:
    text = " ".join(f"{a}>{b}" for a, b in dict.fromkeys(pairs))
    region = services(text, dict.fromkeys("abcd", "first"))
    turned = dict(reversed(region.items()))
    parts = graph.partition(region, shards)
    assert sorted(n for part in parts for n in part) == sorted(region)
    assert len(parts) <= shards and all(parts)
    home = {n: k for k, part in enumerate(parts) for n in part}
    assert len({home[n] for n in "abcd" if n in region}) <= 1
    places = graph.layout(region)
    assert list(places) == sorted(region) and len(set(places.values())) == len(places)
    assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in places.values())
    assert parts == graph.partition(turned, shards) and places == graph.layout(turned)


def test_layout_puts_callers_above_and_keeps_edges_short() -> None:
    places = graph.layout(services("web>api api>dns lone mail>queue queue>disk"))
    assert places["dns"][1] == places["disk"][1] == places["lone"][1] == 0.0
    assert places["api"][1] == places["queue"][1] == 0.5 and places["web"][1] == places["mail"][1] == 1.0
    crossed = (places["web"][0] < places["mail"][0]) != (places["api"][0] < places["queue"][0])
    assert not crossed


def test_layout_of_a_cycle_is_side_by_side() -> None:
    places = graph.layout(services("a>b b>a b>dns"))
    assert places["a"][1] == places["b"][1] == 1.0 and places["a"][0] != places["b"][0]
    assert graph.layout({}) == {}


def test_strongly_connected_groups_lead_back_to_themselves() -> None:
    edges = [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("e", "e"), ("x", "y"), ("y", "x")]
    assert graph.strongly_connected(edges) == [("a", "b", "c"), ("e",), ("x", "y")]
    assert graph.strongly_connected([]) == []
