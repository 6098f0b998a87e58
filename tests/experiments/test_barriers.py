"""What is said of defences, on made-up losses of which the answer is known."""

from collections.abc import Mapping

import pytest

import twin
from twin.base.places import LIBRARY
from twin.experiments.barriers import (
    Effect,
    Findings,
    TurningPoint,
    combined,
    findings,
    label,
    switched_on_late,
    switches_of,
)
from twin.experiments.barriers.analysis import RESOLUTION_S, effect, most_rounds, too_late
from twin.experiments.barriers.switches import comes_late
from twin.model.changes import Barriers, Variation
from twin.spec import load_barriers, vary

FILE = LIBRARY / "scenarios" / "barriers" / "us-east-1-2025-10-20.yaml"
WORLDS = range(3)


def lost(on: frozenset[str], world: int) -> float:
    """An event of 1000 and some minutes: a, b and c are three holes in a row, so any of them stops it. If it
    happens, d saves 200 of it; e and f each do what the other does, and 100; g and h save 150 only together;
    i and j save 50 each, and 150 together; k makes it worse by 100; l does nothing."""
    if on & {"a", "b", "c"}:
        return 0.0
    left = 1000.0 + world
    left -= 200.0 * ("d" in on) + 100.0 * bool(on & {"e", "f"}) + 150.0 * ({"g", "h"} <= on)
    left -= 50.0 * ("i" in on) + 50.0 * ("j" in on) + 50.0 * ({"i", "j"} <= on)
    return left + 100.0 * ("k" in on)


NAMES = list("abcdefghijkl")
SETS = [frozenset(), *(frozenset(n) for n in NAMES), *(frozenset((m, n)) for m in NAMES for n in NAMES)]


def losses(of=lost) -> Mapping[frozenset[str], list[float]]:
    return {on: [of(on, world) for world in WORLDS] for on in SETS}


@pytest.fixture(scope="module")
def found() -> Findings:
    return findings(losses(), NAMES)


def that(found: Findings, verdict: str) -> list[str]:
    return [name for name, e in found.singles.items() if e.verdict == verdict]


def test_holes_that_had_to_line_up(found: Findings) -> None:
    assert that(found, "stops") == ["a", "b", "c"]
    assert that(found, "shrinks") == ["d", "e", "f", "i", "j"]
    assert that(found, "worsens") == ["k"]
    assert that(found, "nothing") == ["g", "h", "l"]
    assert found.lined_up == ["a", "b", "c", "d", "e", "f", "i", "j"]


def test_pairs_that_do_what_neither_does_alone(found: Findings) -> None:
    sorts = {label(p.effect.switches): p.verdict for p in found.together}
    assert sorts["g+h"] == "only together"
    assert sorts["i+j"] == "more than their sum"
    assert sorts["d+e"] == sorts["d+i"] == "more than the better one"
    assert "e+f" not in sorts, "the second of two that do the same adds nothing"
    assert not any(set("abc") & set(pair) for pair in sorts), "nothing is left to add to"
    assert not any(set("kl") & set(pair) for pair in sorts)


def test_luck_is_no_finding() -> None:
    """A saving in most worlds, or of less than a run's luck, is none; and where nothing is lost, none is."""
    base = (1000.0, 1000.0, 1000.0)
    assert Effect(frozenset("x"), (100.0, 100.0, -1.0), base).verdict == "nothing"
    assert Effect(frozenset("x"), (5.0, 5.0, 5.0), base).verdict == "nothing"
    assert Effect(frozenset("x"), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)).verdict == "nothing"


def test_an_additive_world_has_no_interaction() -> None:
    """The law above, broken: the same defences without what they do together."""

    def additive(on: frozenset[str], world: int) -> float:
        return 1000.0 + world - 40.0 * len(on)

    sorts = {p.verdict for p in findings(losses(additive), NAMES).together}
    assert sorts == {"more than the better one"}


def test_until_when_it_would_have_helped() -> None:
    """Before its moment a defence saves all; after it, what is left of the event, in a straight line."""
    end_s, moment_s = 36_000.0, {"a": 5_000.0, "d": 20_000.0}

    def at(times: Mapping[str, float]) -> dict[str, list[float]]:
        out = {}
        for name, at_s in times.items():
            whole = lost(frozenset(), 0) - lost(frozenset(name), 0)
            share = 1.0 if at_s <= moment_s[name] else max(0.0, 1.0 - (at_s - moment_s[name]) / 10_000.0)
            out[name] = [1000.0 - whole * share] * len(WORLDS)
        return out

    same = {on: [lost(on, 0)] * len(WORLDS) for on in SETS}
    points = too_late([effect(same, frozenset("a")), effect(same, frozenset("d"))], end_s, at)
    for point in points:
        half_s = moment_s[point.name] + 5_000.0
        assert point.helps_s <= half_s <= point.too_late_s
        assert point.too_late_s - point.helps_s <= RESOLUTION_S


def test_a_search_asks_as_often_as_it_says() -> None:
    point, asked = TurningPoint("x", 0.0, 66_600.0), 0
    while (at_s := point.next_s()) is not None:
        point.too_late_s, asked = at_s, asked + 1
    assert asked <= most_rounds(66_600.0) == 11


# ---------------------------------------------------------------- the file that is shipped


@pytest.fixture(scope="module")
def shipped() -> Barriers:
    return load_barriers(FILE)[0]


def test_every_defence_of_the_event_is_there(shipped: Barriers) -> None:
    assert [b.name for b in shipped.barriers] == [
        "lock", "freshness-check", "keep-n", "active-tree-guard", "empty-answer-floor", "rollback",
        "lease-length", "poller-supervision", "admission", "network-ready", "thresholds", "failover-floor",
    ]  # fmt: skip
    assert all(comes_late(b.on) for b in shipped.barriers)
    singles = switches_of(shipped.barriers)
    assert len(list(combined(shipped.barriers))) == 1 + len(singles) + 12 * 11 // 2


def test_every_switch_changes_the_scenario(shipped: Barriers) -> None:
    base = load_barriers(FILE)[1]
    for name, variation in switches_of(shipped.barriers).items():
        assert vary(base, variation) != base, name


def test_a_defence_that_comes_at_the_start_is_one_that_was_there(shipped: Barriers) -> None:
    """Switched on at the first tick it does what it does when it always was; at the end, nothing. Also the
    one whose memory is laid out before the run."""
    base = load_barriers(FILE)[1].model_copy(update={"duration_s": 8 * 3600.0})

    def minutes(variation: Variation) -> float:
        done = twin.run(vary(base, variation))
        with done.tables() as tables:
            return tables.rows("from totals")[0]["service_minutes_lost"]

    lease = next(b for b in shipped.barriers if b.name == "lease-length")
    always, never = minutes(lease.on), minutes(Variation())
    assert minutes(switched_on_late(lease, base, 0.0)) == always < 0.98 * never
    assert minutes(switched_on_late(lease, base, base.duration_s)) == pytest.approx(never, rel=0.01)


def test_what_cannot_be_timed(shipped: Barriers) -> None:
    assert not comes_late(Variation(drop=("lock-starvation",)))
