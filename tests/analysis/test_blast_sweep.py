"""All losses in one sweep: the same answers as one after another, with alternatives, fallbacks, cycles."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.analysis import blast_sweep
from twin.analysis.blast_sweep import BlastSweep, needs_of, worse_together
from twin.analysis.dependencies import dependents
from twin.model.graph import callees_first
from twin.model.scenario import Dependency, Service

from .slow_blast import lost

NAMES = "abcdefgh"
MODES = ("hard", "hard", "hard", "soft", "async", "cached", "new_connections", "fire_and_forget")


def service(name: str, *calls: dict) -> Service:
    return Service(name=name, kind="queueing", dependencies=tuple(Dependency(**call) for call in calls))


@st.composite
def regions(draw: st.DrawFn) -> dict[str, Service]:
    """Up to eight services; each calls some others, in a plain way, in a group, or with a fallback."""
    found = {}
    for name in NAMES[: draw(st.integers(2, len(NAMES)))]:
        others = [x for x in NAMES[: draw(st.integers(2, len(NAMES)))] if x != name]
        callees = draw(st.lists(st.sampled_from(others), unique=True, max_size=5))
        calls = [{"on": on, "mode": draw(st.sampled_from(MODES))} for on in callees]
        form = draw(st.sampled_from(("plain", "one_of", "fallback")))
        for call in calls[:3] if form == "one_of" else ():
            call |= {"mode": "hard", "one_of": "cells"}
        for call, spare in pairwise(calls[:3]) if form == "fallback" else ():
            call |= {"fallback": spare["on"]}
        found[name] = calls
    for name in {call["on"] for calls in found.values() for call in calls} - found.keys():
        found[name] = []
    return {name: service(name, *calls) for name, calls in found.items()}


@settings(max_examples=40)
@given(regions())
def test_the_sweep_finds_what_one_loss_after_another_finds(services: dict[str, Service]) -> None:
    sweep = BlastSweep(services)
    losses = [loss for k in (0, 1, 2, 3) for loss in combinations(sorted(services), k)]
    swept = sweep.lose(losses)
    for k, loss in enumerate(losses):
        assert (swept.down(k), swept.touched(k)) == lost(services, loss), loss
    assert swept.down_count.tolist() == [len(lost(services, loss)[0]) for loss in losses]
    assert swept.touched_count.tolist() == [len(lost(services, loss)[1]) for loss in losses]


@settings(max_examples=40)
@given(regions())
def test_who_depends_on_a_service_agrees(services: dict[str, Service]) -> None:
    singles = BlastSweep(services).singles()
    for k, name in enumerate(singles.names):
        found = dependents(services, name)
        assert {d.service for d in found} == singles.touched(k) - {name}
        assert {d.service for d in found if d.hard} == singles.down(k) - {name}


@settings(max_examples=40)
@given(regions(), st.integers(1, 200))
def test_pairs_come_in_blocks_and_none_is_dropped(services: dict[str, Service], block_bytes: int) -> None:
    sweep, seen = BlastSweep(services), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blast_sweep, "BLOCK_BYTES", block_bytes)
        for pairs, swept in sweep.pairs():
            for k, pair in enumerate(pairs):
                names = tuple(sweep.names[n] for n in pair)
                seen.append(names)
                assert swept.down(k) == lost(services, names)[0]
            assert swept.count == len(swept.down_count) == len(pairs)
    assert seen == [*combinations(sweep.names, 2)]


def test_an_alternative_is_needed_only_with_the_others() -> None:
    cells = [{"on": cell, "mode": "hard", "one_of": "cells"} for cell in ("east", "west")]
    services = {"router": service("router", *cells), "east": service("east"), "west": service("west")}
    swept = BlastSweep(services).lose([("east",), ("west",), ("east", "west")])
    assert [("router" in swept.down(k)) for k in range(3)] == [False, False, True]
    assert all("router" in swept.touched(k) for k in range(3))
    (found,) = dependents(services, "east")
    assert not found.hard and found.ends_at == ("router", "east")


def test_two_alternatives_with_one_root_are_no_alternatives() -> None:
    cells = [{"on": cell, "mode": "hard", "one_of": "cells"} for cell in ("east", "west")]
    services = {"router": service("router", *cells), "dns": service("dns")}
    services |= {cell: service(cell, {"on": "dns", "mode": "hard"}) for cell in ("east", "west")}
    router = next(d for d in dependents(services, "dns") if d.service == "router")
    assert router.hard and router.ends_at is None


def test_a_fallback_has_to_fail_too() -> None:
    calls = ({"on": "first", "mode": "hard", "fallback": "second"}, {"on": "second", "mode": "hard"})
    services = {"shop": service("shop", *calls), "first": service("first"), "second": service("second")}
    assert needs_of(services["shop"]) == [("first", "second")]
    swept = BlastSweep(services).lose([("first",), ("second",), ("first", "second")])
    assert [("shop" in swept.down(k)) for k in range(3)] == [False, False, True]


def test_groups_come_after_what_they_call() -> None:
    calls = {"a": "b", "b": "c", "c": "b", "d": "a"}
    services = {n: service(n, {"on": on, "mode": "hard"}) for n, on in calls.items()}
    assert callees_first(services) == [("b", "c"), ("a",), ("d",)]


def test_more_losses_than_a_word_has_bits() -> None:
    services = {
        f"s{k}": service(f"s{k}", *([{"on": f"s{k - 1}", "mode": "hard"}] if k else [])) for k in range(150)
    }
    singles = BlastSweep(services).singles()
    assert singles.down_count.tolist() == [150 - int(name[1:]) for name in singles.names]
    assert singles.down_count.dtype == np.int64


@settings(max_examples=40)
@given(regions())
def test_pairs_that_are_worse_together(services: dict[str, Service]) -> None:
    expected = {}
    for pair in combinations(sorted(services), 2):
        alone = frozenset().union(*(lost(services, (name,))[0] for name in pair))
        if also := lost(services, pair)[0] - alone:
            expected[pair] = tuple(sorted(also))
    found = worse_together(services)
    assert {pair.lost: pair.also_down for pair in found} == expected
    assert [len(pair.also_down) for pair in found] == sorted(map(len, expected.values()), reverse=True)
