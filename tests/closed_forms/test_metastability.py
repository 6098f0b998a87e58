"""One service by itself: the classes, the frontier and the ways out follow the laws of their queues."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import twin
from twin.analysis.metastability import stability_document, study_stability
from twin.analysis.metastability.isolate import fewer_hosts, isolate, operating_point
from twin.analysis.metastability.laws import Fleet, attempts, fixed_points, renewal_goodput_ratio
from twin.analysis.metastability.loads import undisturbed
from twin.analysis.metastability.probe import Bench, Push
from twin.analysis.metastability.thermometer import station_reading
from twin.analysis.metastability.ways import clear_to
from twin.model.scenario import Scenario

from .one_station import FLUID, Samples, run, scenario, setting
from .test_lease_fleet import scenario as fleet

EXAMPLES = Path(__file__).parents[2] / "scenarios" / "examples"
CAPACITY_PER_S = 1e5
CLIENT = {"timeout_s": 3.0, "retries": 4, "backoff_s": 0.0}
TRIGGERS = [(0.225, 10.0, 1.0), (0.2, 10.0, 1.0), (0.2, 9.0, 1.0), (0.2, 10.0, 0.75)]
PUBLISHED = [False, True, False, False]


# --- the four MongoDB experiments --------------------------------------------


def stays_down(utilisation: float, tick_s: float, left: float, for_s: float, load: float,
               **station: Any) -> bool:  # fmt: skip
    """Whether most inserts still fail five minutes after the processor is back."""
    load_per_s = CAPACITY_PER_S * utilisation * load
    _, client = run(
        FLUID | {"capacity_per_s": CAPACITY_PER_S} | station, load_per_s, 400, tick_s,
        client=CLIENT, noise="mean", changes=(setting(60.0, for_s=for_s, capacity_ratio=left),),
    )  # fmt: skip
    return bool(client.error_ratio[-50:].mean() > 0.5)


@pytest.mark.parametrize("utilisation", [0.364, 0.37, 0.38, 0.39, 0.393])
def test_the_four_outcomes_of_the_artifact(utilisation: float) -> None:
    """V52: recovers, collapses, recovers, recovers, at any utilisation between 0.3635 and 0.394."""
    assert [stays_down(utilisation, 0.02, *trigger) for trigger in TRIGGERS] == PUBLISHED


@pytest.mark.parametrize(("beside", "outcomes"), [(0.36, [False] * 4), (0.397, [True, True, True, False])])
def test_no_other_utilisation_gives_them(beside: float, outcomes: list[bool]) -> None:
    assert [stays_down(beside, 0.02, *trigger) for trigger in TRIGGERS] == outcomes


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_a_store_that_drops_expired_work_never_stays_down(trigger: tuple[float, float, float]) -> None:
    """The red version of the mechanism: free cancellation cannot reproduce the second outcome."""
    assert not stays_down(0.38, 0.1, *trigger, discipline="deadline_drop")


@pytest.mark.parametrize(("name", "collapses"), [
    ("10s-78", False), ("10s-80", True), ("9s-80", False), ("10s-80-less-load", False),
])  # fmt: skip
def test_the_scenario_files_of_the_four(name: str, collapses: bool) -> None:
    loaded = twin.load(EXAMPLES / f"mongodb-{name}.yaml")
    last = Samples(twin.run(loaded), "mongodb").error_ratio[-60:]
    assert last.mean() == pytest.approx(1.0 if collapses else 0.0, abs=0.01)


# --- classes -----------------------------------------------------------------


def station(load: float, client: dict[str, Any] | None = None, changes: tuple = (), **more: Any) -> Scenario:
    """A station of 1000 a second, with three retries after three seconds, unless told otherwise."""
    return scenario(
        {"capacity_per_s": 1000.0, "service_time_s": 0.01} | more, load, 400, 0.5,
        client={"timeout_s": 3.0, "retries": 3} | (client or {}), changes=changes, noise="mean",
    )  # fmt: skip


@pytest.mark.parametrize(("load", "expected"), [
    (200, "stable"), (240, "stable"), (265, "vulnerable"), (950, "vulnerable"), (1100, "overloaded"),
])  # fmt: skip
def test_the_class_follows_the_band(load: float, expected: str) -> None:
    """Both states exist between mu/(1+r) = 250 and mu = 1000, given all the time to heal."""
    assert study_stability(station(load), "station", heals_within_s=np.inf).verdict == expected


@pytest.mark.parametrize(("more", "client"), [
    ({"discipline": "deadline_drop"}, {}), ({}, {"retries": 0}), ({"buffer_count": 1000.0}, {}),
    ({}, {"retry_budget_ratio": 0.1}), ({"discipline": "lifo"}, {}), ({}, {"retry_mode": "standard"}),
    ({}, {"client_throttle_ratio": 2.0}), ({}, {"breaker_error_ratio": 0.5, "clients_count": 600}),
    ({}, {"deadline_s": 3.0}),
], ids=["expired work is dropped", "no retries", "small buffer", "retry budget", "newest first",
        "retry quota", "client throttle", "breakers", "deadline"])  # fmt: skip
def test_without_the_loop_it_is_stable(more: dict[str, Any], client: dict[str, Any]) -> None:
    """Red versions: each lacks one part of the loop, and must not be called metastable or vulnerable."""
    tripped = station(600, client, (setting(100.0, for_s=60.0, capacity_ratio=0.1),), **more)
    assert study_stability(tripped, "station", at_s=400.0).verdict == "stable"


@pytest.mark.parametrize(("client", "tries"), [
    ({}, 4.0), ({"retry_mode": "standard"}, 1.0), ({"deadline_s": 5.0}, 2.0), ({"deadline_s": 20.0}, 4.0),
    ({"retry_budget_ratio": 0.1}, 1.1),
])  # fmt: skip
def test_attempts_are_what_the_clients_policies_allow(client: dict[str, Any], tries: float) -> None:
    case = station(600, client)
    assert attempts(isolate(case, "station", operating_point(case, "station"))) == pytest.approx(tries)


def test_a_station_that_its_trigger_has_tipped_is_metastable() -> None:
    tripped = station(600, changes=(setting(100.0, for_s=60.0, capacity_ratio=0.1),))
    assert study_stability(tripped, "station", at_s=90.0).verdict == "vulnerable"
    assert study_stability(tripped, "station", at_s=400.0).verdict == "metastable"
    held = station(200, changes=(setting(100.0, capacity_ratio=0.1),))
    found = study_stability(held, "station", at_s=400.0, heals_within_s=np.inf)
    assert (found.verdict, found.impaired_then) == ("stable", True)  # down, but by a fault, not by itself


def test_a_service_that_others_keep_down_is_not_metastable() -> None:
    """The site fails because the store does; alone it is well at once."""
    path = EXAMPLES.parent / "us-east-1-2025-10-20.yaml"
    night = twin.load(path, until="+4h")
    found = study_stability(night, "sqs", at_s=3 * 3600.0)
    assert found.verdict == "stable"
    assert "nothing in it sustains a failure" in found.reason


def test_an_empty_record_stays_empty() -> None:
    """The damage of the race needs no load to last; the resolvers behind it come back once they are alone."""
    night = twin.load(EXAMPLES.parent / "us-east-1-2025-10-20.yaml", until="+3h")
    assert study_stability(night, "dynamodb-dns", at_s=9000.0).verdict == "metastable"
    assert study_stability(night, "dynamodb-dns", at_s=3000.0).verdict == "stable"
    found = study_stability(night, "resolvers-vpc", at_s=9000.0)
    assert (found.verdict, found.impaired_then) == ("stable", True)


def test_contention_is_a_loop_of_its_own() -> None:
    """Capacity that falls with the backlog keeps a queue down without a single retry."""
    found = study_stability(station(600, {"retries": 0}, half_capacity_backlog_count=10_000.0), "station")
    assert found.verdict == "vulnerable"


# --- frontier, ways out, hysteresis ------------------------------------------


def test_the_frontier_is_where_the_artifact_found_it() -> None:
    """With 78 % lost, more than 10 s tip; with 80 %, between 9 and 10 s; more always tips sooner."""
    found = study_stability(twin.load(EXAMPLES / "mongodb-10s-80.yaml"), "mongodb", at_s=300.0)
    assert found.verdict == "metastable"
    capacity = next(f for f in found.frontiers if f.trigger.name == "capacity")
    by_depth = dict(capacity.points)
    assert 9.0 < by_depth[0.8] <= 10.0
    assert list(by_depth.values()) == sorted(by_depth.values())
    assert by_depth[0.9] < by_depth[0.8] < by_depth[0.7]
    bench = Bench(isolate(*(lambda s: (s, "mongodb", operating_point(s, "mongodb")))(
        twin.load(EXAMPLES / "mongodb-10s-78.yaml"))))  # fmt: skip
    lost = {"mongodb.capacity_ratio": 0.225}
    assert not bench.push(Push(lost, for_s=10.0)).is_stuck
    assert bench.push(Push(lost, for_s=11.5)).is_stuck


def test_the_load_to_shed_is_the_edge_of_the_band() -> None:
    """Capacity over attempts, from a bisection of runs; the hysteresis has the same two edges."""
    found = study_stability(station(600), "station", heals_within_s=np.inf)
    law = next(law for law in found.laws if law.name == "collapsed state from")
    assert law.value == 250.0
    assert law.found == pytest.approx(250.0, rel=0.05)
    ways = {way.name: way.value for way in found.ways}
    assert ways["add capacity"] == pytest.approx(600 * 4 / 1000, rel=0.06)
    assert ways["drop expired work for as long as a call's attempts last"] == 1.0
    for branch in found.hysteresis:
        load = branch.load_ratio * 600
        assert branch.from_well.is_stuck == (load > 1000)
        assert branch.from_collapsed.is_stuck == (load > 250)


def test_a_queue_longer_than_the_last_that_recovers_does_not() -> None:
    """The queue to clear: bisected, and checked on both sides in runs of their own."""
    small = station(600)
    bench = Bench(isolate(small, "station", operating_point(small, "station")))
    count = clear_to(bench)
    assert count is not None
    for factor, errors in ((0.9, 0.0), (1.1, 1.0)):
        begun = {"capacity_per_s": 1000.0, "service_time_s": 0.01, "initial_backlog_count": factor * count}
        _, customers = run(begun, 600, 600, 0.5, client={"timeout_s": 3.0, "retries": 3}, noise="mean")
        assert customers.error_ratio[-100:].mean() == pytest.approx(errors, abs=0.01)


def test_another_load_is_another_operating_point() -> None:
    assert study_stability(station(600), "station", load=0.15).verdict == "stable"
    with pytest.raises(ValueError, match="a moment"):
        study_stability(station(600), "station", at_s=300.0, load=2.0)
    with pytest.raises(KeyError):
        study_stability(station(600), "stations")


def test_the_document_is_json_and_complete() -> None:
    import json

    found = stability_document(study_stability(station(600), "station"), 400.0)
    json.dumps(found, allow_nan=False)
    assert found["class"] == "vulnerable"
    assert found["operating_point"]["utilisation_ratio"] == pytest.approx(0.6, rel=1e-3)
    assert found["markov_chain"]["readings"][0]["well_s"] > 0.0


# --- the Markov chain beside it -----------------------------------------------


def slow(load_per_s: float, **client: float) -> Scenario:
    """One call a second, ten of them in a time-out: small enough for its own chain."""
    numbers = {"timeout_s": 10.0, "retries": 4, "backoff_s": 0.0} | client
    return scenario({"capacity_per_s": 1.0, "service_time_s": 0.0}, load_per_s, 400, 0.5, client=numbers,
                    noise="mean")  # fmt: skip


def test_v40b_the_command_gives_the_time_to_collapse() -> None:
    """V40b: of a service so small its own chain is the law's, states and all: nothing is scaled."""
    found = stability_document(study_stability(slow(0.5), "station"), horizon_s=3600.0)["markov_chain"]
    (reading,) = found["readings"]
    assert found["slots_of_the_service"] == reading["slots"] == 10.0
    assert reading["states"] == 2501
    assert reading["well_s"] == pytest.approx(20726.6, rel=1e-5)
    assert reading["collapsed_s"] == pytest.approx(5.4e7, rel=0.01)
    assert reading["on_time_ratio"] == pytest.approx(0.000381229, rel=1e-5)
    assert reading["collapse_chance"] == pytest.approx(1.0 - np.exp(-3600.0 / 20726.6), rel=1e-5)


def test_collapse_without_a_trigger_is_rarer_the_larger_the_service() -> None:
    """A rate, not a yes or no; and a load that is further from capacity makes it rarer."""
    times = {(load, slots): station_reading(slots, load, 3.0, 5.0, 3.0).well_s
             for load in (0.5, 0.8) for slots in (10.0, 20.0)}  # fmt: skip
    assert times[0.5, 10.0] > 10 * times[0.8, 10.0]
    assert times[0.5, 20.0] > 100 * times[0.5, 10.0]


def test_no_chain_for_what_it_does_not_describe() -> None:
    """Clients with a budget make no fixed number of attempts; those with a throttle obey no band either."""
    assert study_stability(slow(0.5, retry_budget_ratio=0.1), "station").thermometer is None
    found = study_stability(slow(0.5, client_throttle_ratio=2.0), "station")
    assert found.thermometer is None and found.laws == ()


# --- the isolated world -------------------------------------------------------


def test_the_small_world_has_the_load_of_the_large_one() -> None:
    """Rates over each dependency, and what the service makes of them, are those of the undisturbed region."""
    region = twin.load(EXAMPLES.parent / "us-east-1-2025-10-20.yaml")
    quiet = undisturbed(region)
    for name in ("lambda-async", "network-manager@az1", "sts"):
        alone = isolate(region, name, operating_point(region, name))
        small = Bench(alone).rows((), 600.0)
        large = Samples(twin.run(quiet), name)
        assert small["offered_per_s"][-20:].mean() == pytest.approx(large.offered[-20:].mean(), rel=0.01)
        assert small["error_ratio"][-20:].mean() == pytest.approx(large.error_ratio[-20:].mean(), abs=1e-3)


# --- closed forms ------------------------------------------------------------


def test_fixed_points_of_retries() -> None:
    """MODELLING 1.1.3: mu 10, time-out 3, four retries."""
    assert fixed_points(8.0, 10.0, 3.0, 4) == pytest.approx([8.0212, 9.3564, 40.0], abs=1e-4)
    assert len(fixed_points(8.6, 10.0, 3.0, 4)) == 1


def test_goodput_and_equilibria_of_work_in_steps() -> None:
    """V22, V22c: at N = 2 mu T; unstable and collapsed equilibria for eight steps, none for four."""
    assert [renewal_goodput_ratio(k, 0.5) for k in (1, 2, 4, 8, 16)] == pytest.approx(
        [1.0, 0.590, 0.297, 0.103, 0.0165], abs=5e-4
    )
    eight = Fleet(1e5, 200.0, 60.0, 1e-4, 8, 1e-9)
    found = [(b / eight.unit, stable) for b, stable in eight.equilibria()[1:]]
    assert found == [(pytest.approx(2.62, abs=0.005), False), (pytest.approx(8.32, abs=0.005), True)]
    assert all(len(replace(eight, steps=k).equilibria()) == 1 for k in (1, 2, 4))


# --- the lease fleet ---------------------------------------------------------

HOST = {"hosts_count": 1, "capacity_per_s": 22.5, "timeout_s": 180.0, "lapse_per_s": 0.0,
        "min_duration_s": 0.001, "holders_count": 20_000}  # fmt: skip


@pytest.mark.parametrize(("law", "workflow", "tolerance"), [
    (1.0, {"steps": 0}, 0.03), (2.0, {"workflow": "fifo"}, 0.03),
    (2.62, {"workflow": "renewal", "holders_count": 33_750, "lapse_per_s": 22.5e-4 / 45}, 0.05),
], ids=["fixed work", "in order", "eight steps"])  # fmt: skip
def test_laws_of_the_lease_fleet(law: float, workflow: dict[str, Any], tolerance: float) -> None:
    """mu T for work of fixed size, 2 mu T in order, the renewal threshold for steps: law and runs agree."""
    world = fleet(600.0, HOST | workflow, fault_ratio=0.0, sample_s=60.0)
    bench = Bench(isolate(world, "dwfm", operating_point(world, "dwfm")), heals_within_s=np.inf)
    count = clear_to(bench)
    assert count is not None
    if "lapse_per_s" not in workflow:
        assert count / (22.5 * 180.0) == pytest.approx(law, rel=tolerance)
    numbers = Fleet(float(workflow.get("holders_count", 20_000)), 22.5, 180.0,
                    float(workflow.get("lapse_per_s", 0.0)), 8, 0.001)  # fmt: skip
    if "lapse_per_s" in workflow:
        unstable = next(b for b, stable in numbers.equilibria() if not stable)
        assert count == pytest.approx(unstable, rel=tolerance)


def test_a_few_hosts_tell_what_all_of_them_would() -> None:
    """Each host collapses by itself, so the pushed fleet may be a tenth of the fleet."""
    world = fleet(600.0, {}, fault_ratio=0.0, sample_s=60.0, tick_s=10.0)
    whole = isolate(world, "dwfm", operating_point(world, "dwfm"))
    few, fewer = fewer_hosts(whole)
    assert (few.value("hosts_count"), few.value("holders_count"), fewer) == (6, 100_000, 10.0)
    down = {"dynamodb.fault_ratio": 1.0}
    for for_s in (60.0, 600.0, 1200.0):
        large, small = (bench.push(Push(down, for_s=for_s)) for bench in (Bench(whole), Bench(few, fewer)))
        assert large.state == small.state
        assert small.error_ratio == pytest.approx(large.error_ratio, abs=0.01)
        assert small.goodput_per_s == pytest.approx(large.goodput_per_s, abs=0.01 * 1e6)


def test_memoryless_work_is_stable() -> None:
    """The red version: one step has no memory to lose, so no outage keeps the fleet down."""
    many = HOST | {"holders_count": 80_000, "lapse_per_s": 1e-6}
    one = fleet(600.0, many | {"steps": 1}, fault_ratio=0.0, sample_s=60.0)
    bench = Bench(isolate(one, "dwfm", operating_point(one, "dwfm")))
    assert not bench.push(Push({"dynamodb.fault_ratio": 1.0}, for_s=3600.0)).is_stuck
    eight = fleet(600.0, many, fault_ratio=0.0, sample_s=60.0)
    bench = Bench(isolate(eight, "dwfm", operating_point(eight, "dwfm")))
    assert bench.push(Push({"dynamodb.fault_ratio": 1.0}, for_s=3600.0)).is_stuck


def test_verdicts_know_a_drain_from_a_level() -> None:
    """A line falls to nothing; a decay to a level of its own does not; noise is no fall."""
    from twin.analysis.metastability.probe import goes_away

    t = np.arange(400.0)
    assert goes_away(1000.0 - t, 1e-9, True)
    assert goes_away(1000.0 * np.exp(-t / 100.0), 1e-9, True)
    assert not goes_away(500.0 + 500.0 * np.exp(-t / 100.0), 1e-9, True)
    assert goes_away(500.0 + 500.0 * np.exp(-t / 100.0), 1e-9, False)
    assert not goes_away(np.full(400, 7.0), 1e-9, True)
    assert not goes_away(t, 1e-9, True)
