"""The loss of a service where the answer is known: chains of relays, a retry storm, a queue to drain."""

import math
from pathlib import Path

import pytest

import twin
from twin.experiments import blast
from twin.experiments.blast import Trouble, service_effect
from twin.model.scenario import Dependency, Quantity, Scenario, Service, Topology
from twin.simulation.run import simulate
from twin.spec import override

EXAMPLES = Path(__file__).resolve().parents[2] / "scenarios" / "examples"
DELAY_S, PERIOD_S = 60.0, 10.0
FOR_S = 900.0


def number(value: float) -> Quantity:
    return Quantity(value=value, assumed="a test")


def relays(mode: str = "hard", requests: str = "counted") -> Scenario:
    """site → api → store: a call to api is a minute on its way. Nobody depends on site."""
    own = {"own_per_s": number(100.0)}
    store = Service(name="store", kind="relay", parameters=own)
    on_store = Dependency(on="store", mode=mode)
    api = Service(name="api", kind="relay", parameters=own, dependencies=(on_store,))
    on_api = Dependency(on="api", mode="hard", delay_s=number(DELAY_S))
    site = Service(name="site", kind="relay", parameters=own, dependencies=(on_api,))
    services = {s.name: s for s in (store, api, site)}
    return blast.of_topology(Topology(name="chain", services=services, requests=requests))


def lost(scenario: Scenario, service: str, how: str = "down") -> blast.BlastRadius:
    """What its loss for a quarter of an hour does."""
    asked = blast.blast_plan(scenario, [service], how, blast.WARM_UP_S, FOR_S, 7200.0)
    assert not asked.refused
    runs = {name: troubles(arm.applied(asked.scenario)) for name, arm in asked.arms.items()}
    return blast.radius(
        asked.scenario, service, runs[service], troubles(asked.scenario), asked.at_s, asked.for_s
    )


def troubles(scenario: Scenario) -> dict[str, Trouble]:
    names = ("onset_s", "recovery_s", "impaired_min", "lost_min", "peak_error_ratio")
    with simulate(scenario).tables() as tables:
        rows = tables.rows("from metrics")
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        if row["service"] and row["metric"] in names:
            found.setdefault(row["service"], {})[row["metric"]] = row["value"]
    return {service: Trouble(**values) for service, values in found.items()}


@pytest.mark.parametrize(
    ("requests", "api_late_s", "site_late_s"),
    [
        ("counted", PERIOD_S, 2 * PERIOD_S + DELAY_S),
        ("each", 0.0, 0.0),
    ],  # each: it fails as soon as it arrives
)
def test_a_chain_is_lost_for_the_length_of_the_fault(
    requests: str, api_late_s: float, site_late_s: float
) -> None:
    found = lost(relays(requests=requests), "store")
    assert found.own is not None and found.own.impaired_min == FOR_S / 60
    effects = {e.service: e for e in found.others}
    assert set(effects) == found.needed_by == {"api", "site"}
    for name, late_s in (("api", api_late_s), ("site", site_late_s)):
        assert effects[name].onset_s == effects[name].recovery_s == late_s
        assert effects[name].impaired_min == pytest.approx(FOR_S / 60)
        assert effects[name].lost_min == pytest.approx(FOR_S / 60, rel=1e-3)
        assert effects[name].depth_ratio == 1.0
    assert found.lost_per_min == pytest.approx(3.0, rel=1e-3)
    assert found.others_per_min == pytest.approx(2.0, rel=1e-3)
    assert found.outlasting == () and found.surprises == ()


def test_a_soft_dependency_passes_nothing_on() -> None:
    found = lost(relays("soft"), "store")
    assert found.others == () and found.needed_by == frozenset() and found.own is not None


def test_half_lost_is_half_as_deep() -> None:
    found = lost(relays(), "store", "partial")
    for e in found.others:
        assert e.depth_ratio == pytest.approx(0.5, abs=0.1)
        assert e.lost_min == pytest.approx(FOR_S / 60 / 2, rel=0.02)


def test_who_nobody_depends_on_hurts_nobody() -> None:
    found = lost(relays(), "site")
    assert found.others == () and found.own is not None and found.others_per_min == 0.0


@pytest.mark.parametrize("how", ["down", "slow", "partial"])
def test_a_retry_storm_outlives_its_cause(how: str) -> None:
    found = lost(blast.quiet(twin.load(EXAMPLES / "retry-storm.yaml")), "front", how)
    assert [e.service for e in found.outlasting] == ["customers", "front"]
    assert all(math.isinf(e.recovery_s) for e in found.outlasting)


def test_without_retries_the_queue_only_has_to_drain() -> None:
    """600 calls a second have waited for 15 minutes; 1000 a second are served, and 600 still come."""
    scenario = blast.quiet(twin.load(EXAMPLES / "retry-storm.yaml"))
    found = lost(override(scenario, set={"customers->front.retries": 0}), "front")
    assert found.own is not None
    assert found.own.recovery_s == pytest.approx(600 * FOR_S / (1000 - 600), abs=PERIOD_S)
    assert found.outlasting == ()


def test_what_one_would_have_had_anyway_is_no_effect() -> None:
    trouble = Trouble(700.0, 2000.0, 20.0, 10.0, 0.5)
    assert service_effect("x", None, None, 600, 900) is None
    assert service_effect("x", trouble, trouble, 600, 900) is None
    assert service_effect("x", Trouble(700, 2000, 20.9, 10.9, 0.5), trouble, 600, 900) is None


def test_what_is_beyond_the_baseline_is_an_effect() -> None:
    before = Trouble(500.0, 2000.0, 25.0, 10.0, 0.5)
    worse = service_effect("x", Trouble(500.0, 3500.0, 45.0, 30.0, 1.0), before, 600, 900)
    assert worse == blast.ServiceEffect("x", None, 2000.0, 20.0, 20.0, 1.0)
    assert worse.outlives_cause
    for_good = Trouble(500.0, math.inf, 145.0, 50.0, 0.5)
    same_end = service_effect("x", Trouble(500.0, math.inf, 145.0, 60.0, 1.0), for_good, 600, 900)
    assert same_end is not None and not same_end.outlives_cause  # it would not have come back anyway


def test_thirty_minutes_make_it_outlive_its_cause() -> None:
    for recovery_s, expected in ((1500 + 1799.0, False), (1500 + 1800.0, True)):
        found = service_effect("x", Trouble(610.0, recovery_s, 30.0, 30.0, 1.0), None, 600, 900)
        assert found is not None and found.outlives_cause == expected


def test_the_largest_loss_comes_first() -> None:
    found = [lost(relays(), name) for name in ("site", "store", "api")]
    assert [r.lost for r in blast.ranked(found)] == ["store", "api", "site"]
    columns, rows = blast.matrix(blast.ranked(found))
    assert columns == ["api", "site", "store"]
    assert [[e is not None for e in row] for row in rows] == [
        [True, True, True], [True, True, False], [False, True, False],
    ]  # fmt: skip


def test_a_quiet_world_lasts_as_long_as_it_is_watched() -> None:
    scenario = blast.quiet(twin.load(EXAMPLES / "retry-storm.yaml"))
    assert scenario.interventions == () and scenario.expect == ()
    assert blast.lasting(scenario, 600.0, 901.0, 3600.0).duration_s == 5110.0
