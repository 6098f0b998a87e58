"""The large graphs of the bench are what their names say: quiet, or in trouble as far as a fault spreads."""

import twin
from tests.bench.large_graph import TROUBLED, large_scenario, large_topology

TOPOLOGY = large_topology(1000)


def test_nothing_happens_in_the_quiet_graph() -> None:
    assert not twin.run(large_scenario(TOPOLOGY)).impact().services


def test_the_fault_reaches_about_as_many_as_it_shall() -> None:
    impact = twin.run(large_scenario(TOPOLOGY, fault=True)).impact()
    assert 0.5 * TROUBLED < impact.peak_impaired / 1000 < 1.5 * TROUBLED
