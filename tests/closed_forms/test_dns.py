"""Names: what an empty answer does to caches, to connections, and to one population of resolvers of two."""

from typing import Any

import numpy as np
import pytest

import twin
from twin.analysis.dependencies import negative_ttl_s
from twin.kinds import registry
from twin.model.scenario import Scenario

from .one_station import q
from .test_resolver import BUSY, CACHES, column, good_ratio, scenario, seen

NEVER_AGAIN_S = 100_000.0

# --- the SOA's rule ----------------------------------------------------------


@pytest.mark.parametrize(("soa_ttl_s", "minimum_s", "kept_s"), [
    (900.0, 86_400.0, 900.0), (3600.0, 60.0, 60.0), (300.0, 300.0, 300.0),
])  # fmt: skip
def test_an_empty_answer_is_kept_for_the_smaller_of_two(soa_ttl_s: float, minimum_s: float, kept_s: float):
    """RFC 2308, section 3; the first row is Route 53's default."""
    assert negative_ttl_s(soa_ttl_s, minimum_s) == kept_s


def test_resolvers_keep_empty_answers_as_route_53_asks_by_default() -> None:
    default = {p.name: p for p in registry()["resolver"].PARAMETERS}["negative_ttl_s"]
    assert default.default == negative_ttl_s(900.0, 86_400.0)


@pytest.mark.parametrize("soa", [(900.0, 86_400.0), (86_400.0, 300.0)])
def test_after_the_repair_empty_answers_leave_in_a_straight_line(soa: tuple[float, float]) -> None:
    """V16: (1 - t/Tn) of those that hold one, which is 2/3 of caches that are asked twice in Tn."""
    kept_s = negative_ttl_s(*soa)
    repaired_s = 60.0 + 8 * kept_s
    case = scenario(repaired_s + 1.2 * kept_s, tick_s=1.0, empty_s=60, until_s=repaired_s, positive_ttl_s=5.0,
                    negative_ttl_s=kept_s, queries_per_s=2.0 / kept_s)  # fmt: skip
    errors = seen(column(case, "clients", "error_ratio"), repaired_s, 1.0)
    at = np.array([0.05, 0.25, 0.5, 0.75, 1.1])
    assert errors[(at * kept_s).astype(int)] == pytest.approx((1.0 - at).clip(0.0) * 2 / 3, abs=0.03)


def test_no_negative_caching_means_recovery_with_the_repair() -> None:
    case = scenario(400, tick_s=1.0, empty_s=100, until_s=300.0, positive_ttl_s=5.0, negative_ttl_s=1.0,
                    **BUSY)  # fmt: skip
    left = seen(column(case, "clients", "error_ratio"), 300.0, 1.0)
    assert left[0] == pytest.approx(1.0, abs=0.01)
    assert left[5:].max() == 0.0


# --- serve-stale -------------------------------------------------------------


def test_an_empty_answer_replaces_a_good_one_that_was_still_kept() -> None:
    """The trap: RFC 8767 keeps expired answers for days, for when a refresh *fails*. An empty answer without
    error is a refresh that succeeds, so nothing stale is served, however long good answers live."""
    for positive_ttl_s in (5.0, 60.0, 600.0):
        case = scenario(900, tick_s=1.0, empty_s=100, positive_ttl_s=positive_ttl_s, **BUSY)
        errors = column(case, "clients", "error_ratio")
        assert errors[-100:].min() == 1.0
        assert seen(errors, 100.0, 1.0)[: round(0.5 * positive_ttl_s)].max() < 0.6


def test_only_what_is_asked_during_the_outage_is_poisoned() -> None:
    """A share D/TTL of busy caches: what helps is a long TTL, not staleness."""
    case = scenario(800, tick_s=1.0, empty_s=200, until_s=500.0, positive_ttl_s=1200.0,
                    negative_ttl_s=NEVER_AGAIN_S / 2, **BUSY)  # fmt: skip
    assert seen(good_ratio(case), 500.0, 1.0)[20] == pytest.approx(0.75, abs=0.01)


# --- connections, and two populations ----------------------------------------


def behind(**connections: float) -> dict[str, Any]:
    """A service whose hosts ask a resolver only for new connections."""
    numbers = {"lifetime_s": 120.0, "retries": 0, "connections_count": 100_000} | connections
    return {"kind": "relay", "dependencies": [
        {"on": "caches", "mode": "new_connections"} | {k: q(v) for k, v in numbers.items()}]}  # fmt: skip


def errors_of(services: dict[str, Any], duration_s: float, *changes: dict[str, Any]) -> dict[str, np.ndarray]:
    """Error ratio by service, a value a second."""
    named = {name: {"name": name, "domain": "one"} | s for name, s in services.items()}
    done = twin.run(Scenario.model_validate({
        "scenario": "names", "start": "2025-10-19T22:00:00-07:00", "duration": duration_s, "sample": 1.0,
        "requests": "counted",
        "topology": {"topology": "names", "signal_period": 1.0, "services": named}, "faults": changes,
    }), debug=True)  # fmt: skip
    rows = done.samples.to_pylist()
    return {name: np.array([r["error_ratio"] for r in rows if r["service"] == name]) for name in services}


def population(**resolver: float) -> dict[str, Any]:
    numbers = {"caches_count": CACHES, "positive_ttl_s": 5.0} | BUSY | resolver
    return {"kind": "resolver", "parameters": {k: q(v) for k, v in numbers.items()},
            "dependencies": [{"on": "authority", "mode": "hard"}]}  # fmt: skip


EMPTY = {"id": "empty", "at": 100.0, "set": {"authority.fault_ratio": 1.0}, "assumed": "a test"}


@pytest.mark.parametrize("lifetime_s", [60.0, 240.0])
def test_churn_decides_how_fast_a_dependent_notices(lifetime_s: float) -> None:
    """1 - exp(-t/tau) of the connections are gone after t: only new ones need the name."""
    services = {
        "authority": {"kind": "relay"}, "caches": population(), "table": behind(lifetime_s=lifetime_s),
        "clients": {"kind": "workload", "parameters": {"rate_per_s": q(1e5)},
                    "dependencies": [{"on": "table", "mode": "hard", "retries": q(0)}]},
    }  # fmt: skip
    found = errors_of(services, 600, EMPTY)["table"]
    after_s = np.array([30, 60, 120, 300])
    expected = 1.0 - np.exp(-(after_s - 4.0) / lifetime_s)  # the last cache has lost its answer after 5 s
    assert found[100 + after_s] == pytest.approx(expected, abs=0.02)
    assert found[:100].max() == 0.0


@pytest.mark.parametrize("fresh", [0.0, 0.05, 0.3])
def test_some_requests_open_a_connection_in_any_case(fresh: float) -> None:
    """Cold starts do not wait for connections to close: their share fails at once, and stays the floor."""
    services = {
        "authority": {"kind": "relay"}, "caches": population(),
        "table": behind(lifetime_s=240.0, new_connection_ratio=fresh),
        "clients": {"kind": "workload", "parameters": {"rate_per_s": q(1e5)},
                    "dependencies": [{"on": "table", "mode": "hard", "retries": q(0)}]},
    }  # fmt: skip
    found = errors_of(services, 600, EMPTY)["table"]
    after_s = np.array([10, 60, 300])
    closed = 1.0 - np.exp(-(after_s - 4.0) / 240.0)
    assert found[100 + after_s] == pytest.approx(fresh + (1.0 - fresh) * closed, abs=0.02)
    assert found[:100].max() == 0.0


def test_an_override_helps_the_population_that_has_it() -> None:
    crowd = {"kind": "workload", "parameters": {"rate_per_s": q(1e4)}}
    services = {
        "authority": {"kind": "relay"},
        "inside": population(override_rollout_s=100.0), "outside": population(override_rollout_s=100.0),
        "staff": crowd | {"dependencies": [{"on": "inside", "mode": "hard", "retries": q(0)}]},
        "customers": crowd | {"dependencies": [{"on": "outside", "mode": "hard", "retries": q(0)}]},
    }  # fmt: skip
    override = {"id": "override", "at": 300.0, "set": {"inside.override": True}, "assumed": "a test"}
    found = errors_of(services, 600, EMPTY, override)
    assert found["staff"][200:299].min() == 1.0
    assert found["staff"][350] == pytest.approx(0.5, abs=0.03)  # half-way through the roll-out
    assert found["staff"][410:].max() == 0.0
    assert found["customers"][200:].min() == 1.0
