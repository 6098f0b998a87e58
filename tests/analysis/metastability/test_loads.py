"""Loads are those that the parameters say, to the last digit, and not calls that were counted."""

import pytest

from twin.analysis.metastability.loads import exact, loads_of
from twin.model.scenario import Scenario

from .small import calls, scenario, service


def loads(world: Scenario) -> dict[tuple[str, str], float]:
    return loads_of(world).calls_per_s


@pytest.mark.parametrize("rate_per_s", [0.42, 1 / 3, 0.001, 17.123, 31_234.567])
def test_a_rate_is_exact(rate_per_s: float) -> None:
    """Of 0.42 calls a second, a count over a minute sees 25 or 26 calls: never 25.2."""
    world = scenario({"people": service("workload", calls("site"), rate_per_s=rate_per_s),
                      "site": service("relay")})  # fmt: skip
    assert loads(world)["people", "site"] == pytest.approx(rate_per_s, rel=1e-12)


def test_shares_multiply_along_a_chain_and_add_where_it_meets() -> None:
    world = scenario({
        "people": service("workload", calls("a", share=0.3), calls("b", share=0.7), rate_per_s=0.42),
        "a": service("relay", calls("c", share=0.5)),
        "b": service("relay", calls("c"), own_per_s=0.011),
        "c": service("relay"),
    })  # fmt: skip
    found = loads(world)
    assert found["a", "c"] == pytest.approx(0.42 * 0.3 * 0.5, rel=1e-12)
    assert found["b", "c"] == pytest.approx(0.42 * 0.7 + 0.011, rel=1e-12)


def test_pools_renew_each_connection_once_in_its_lifetime() -> None:
    world = scenario({
        "people": service("workload", calls("site"), rate_per_s=10.0),
        "site": service("relay", calls("names", "new_connections", connections_count=100, lifetime_s=300.0)),
        "names": service("relay"),
    })  # fmt: skip
    assert loads(world)["site", "names"] == pytest.approx(100 / 300, rel=1e-12)


def test_a_cycle_of_calls_is_a_geometric_series() -> None:
    """A calls B, and B calls A's cache for a tenth of its calls: A gets 1 / (1 - 0.1) of what people send."""
    world = scenario({
        "people": service("workload", calls("a"), rate_per_s=0.9),
        "a": service("relay", calls("b")),
        "b": service("relay", calls("a", share=0.1)),
    })  # fmt: skip
    found = loads(world)
    assert found["a", "b"] == pytest.approx(1.0, rel=1e-9)
    assert found["b", "a"] == pytest.approx(0.1, rel=1e-9)


def test_what_obeys_no_law_stays_counted() -> None:
    """A site that fails half of its calls before it makes any is no such multiple."""
    services = scenario({
        "people": service("workload", calls("site"), rate_per_s=10.0),
        "site": service("relay", calls("store")), "store": service("relay"),
    }).topology.services  # fmt: skip
    counted = {("people", "site"): 10.0, ("site", "store"): 5.0}
    assert exact(services, counted, 60.0) == counted
