"""Two services that keep each other down, call by call: leases of A are renewed at B.

The family C18 of the compositions (``tests/compositions``): 300 holders, 1/30 s of work for a renewal, a
time-out of 2.01 s, a retry every 5 s. If a share x loses its leases at once, 300 x attempts come to a server
of 30/s, and again after 5 s. The system recovers at x = 0.5 and not at x = 0.6, says an event simulation.
"""

import numpy as np
import pytest

from twin.analysis.metastability import study_stability
from twin.analysis.metastability.isolate import isolate, operating_point
from twin.analysis.metastability.loads import loads_of, one_by_one
from twin.analysis.metastability.loop import worst_of
from twin.analysis.metastability.probe import Bench, Push
from twin.analysis.metastability.triggers import frontier, triggers
from twin.model.scenario import Scenario

from .small import calls, scenario, service, two_tiers

HOLDERS, WORK_S, RETRY_S, RENEW_S = 300, 1 / 30, 5.0, 30.0


def leases(holders: int = HOLDERS, lapses: float | None = None) -> Scenario:
    """``lapses``: the share that loses its leases at 120 s."""
    blip = {"id": "blip", "at": 120.0, "for": 0.5, "assumed": "a test", "set": {"a.lapse_ratio": lapses}}
    return scenario({
        "a": service("lease_holders", calls("b", timeout_s=2.01), holders_count=holders, lease_s=45.0,
                     renew_every_s=RENEW_S, retry_every_s=RETRY_S),
        "b": service("queueing", work_s=WORK_S, servers_count=1, service_time_s=0.0),
    }, noise="exact", duration=520.0, faults=[] if lapses is None else [blip])  # fmt: skip


def test_who_is_stepped_one_by_one() -> None:
    assert one_by_one(leases()) == {"a", "b"}
    assert one_by_one(two_tiers(20.0)) == set()


def test_the_loads_of_both_states() -> None:
    """Spread over time, renewals are a third of what the server can do; all at once, twice as much."""
    loads = loads_of(leases())
    assert loads.calls_per_s["a", "b"] == pytest.approx(HOLDERS / RENEW_S, rel=1e-12)
    assert worst_of(leases().topology.services, loads.calls_per_s)["b"] == pytest.approx(HOLDERS / RETRY_S)


@pytest.mark.parametrize("name", ["a", "b"])
def test_both_are_on_the_loop(name: str) -> None:
    assert set(operating_point(leases(), name).members) == {"a", "b"}


def test_the_latency_of_a_dependency_is_its_mean() -> None:
    """A single tick sees a few calls by chance; workers are held by the mean of many."""
    world = scenario({
        "users": service("workload", calls("svc", timeout_s=2.0), rate_per_s=25.0),
        "svc": service("queueing", calls("dep"), workers_count=10, service_time_s=0.0),
        "dep": service("queueing", work_s=0.1, service="exponential", service_time_s=0.0),
    }, noise="exact")  # fmt: skip
    assert loads_of(world).latency_s["svc", "dep"] == pytest.approx(0.1, rel=0.05)


def test_few_holders_are_no_loop() -> None:
    """All of 100 at once ask 20 times a second: less than 30."""
    assert operating_point(leases(100), "b").members == ("b",)


def test_the_share_from_which_it_does_not_recover() -> None:
    world = leases()
    bench = Bench(isolate(world, "b", operating_point(world, "b")))
    (lapse,) = (t for t in triggers(bench.alone) if t.name == "a.lapse_ratio")
    assert lapse.words(0.55) == "55 % of the leases of a lapse at once"
    found = frontier(bench, lapse, lambda text: None)
    assert found.least_depth is not None
    assert 0.5 < found.least_depth <= 0.6


@pytest.mark.parametrize(("share", "collapses"), [(0.4, False), (0.5, False), (0.6, True), (1.0, True)])
def test_the_grid_of_the_event_simulation(share: float, collapses: bool) -> None:
    world = leases()
    bench = Bench(isolate(world, "a", operating_point(world, "a")))
    assert bench.push(Push({"a.lapse_ratio": share}, for_s=0.5)).is_stuck == collapses


def test_the_loop_is_not_called_stable() -> None:
    found = study_stability(leases(), "b")
    assert found.verdict == "vulnerable"
    assert "a and b keep each other down" in found.reason


def test_what_a_blip_has_left_is_metastable() -> None:
    """Four minutes after the blip nothing is left of it but what keeps itself."""
    found = study_stability(leases(lapses=0.8), "a", at_s=360.0)
    assert found.verdict == "metastable"
    assert found.moment is not None and np.isinf(found.moment.after_s)
