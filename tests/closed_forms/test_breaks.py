"""What each kind says of how it is broken: it exists, a caller notices, and it is over when it is over."""

import math

import pytest

from twin.experiments import blast
from twin.kinds import registry
from twin.model.parameter import HOWS, LATE
from twin.model.scenario import Dependency, Quantity, Scenario, Service, Topology
from twin.simulation.run import simulate
from twin.spec import vary

AT_S, FOR_S = 600.0, 900.0
WAYS = [(kind, how) for kind, module in registry().items() for how in module.BREAKS]
WAYS.remove(("lease_holders", "down"))  # stepped one by one only: tests/compositions
WAYS.remove(("propagation_queue", "partial"))  # half of its capacity is just what the caller here needs
# What the caller's own books say is lost: all of the quarter of an hour, or half of it. Other kinds have a
# mechanism that makes more of it (leases, queues, objects that wait, members taken out).
LOST_MIN = {"down": 15.0, "slow": 15.0, "partial": 7.5}
MEMORYLESS = ("dns", "execution_pool", "host_fleet", "poller", "relay", "resolver")


def world(kind: str) -> Scenario:
    """A caller with 100 calls a second, and what it calls."""
    caller = Service(
        name="caller", kind="relay", dependencies=(Dependency(on="lost", mode="hard"),),
        parameters={"own_per_s": Quantity(value=100.0, assumed="a test")},
    )  # fmt: skip
    topology = Topology(name="pair", services={"lost": Service(name="lost", kind=kind), "caller": caller})
    lasting = blast.lasting(blast.of_topology(topology), AT_S, FOR_S, 3600.0)
    return lasting.model_copy(update={"requests": "counted"})


def trouble(kind: str, how: str) -> dict[str, dict]:
    """Line of ``impact`` of each service that is impaired."""
    scenario = world(kind)
    done = simulate(vary(scenario, blast.loss_of(scenario, "lost", how, AT_S, FOR_S)), debug=True)
    with done.tables() as tables:
        return {row["service"]: row for row in tables.rows("from impact")}


@pytest.mark.parametrize("kind", registry())
def test_every_kind_says_how_it_breaks_in_its_own_parameters(kind: str) -> None:
    module = registry()[kind]
    parameters = {p.name: p for p in module.PARAMETERS}
    assert set(module.BREAKS) <= set(HOWS)
    for values in module.BREAKS.values():
        for name, value in values.items():
            assert value == LATE or parameters[name].low <= value <= parameters[name].high
            assert value != LATE or parameters[name].unit == "s"
            assert value != parameters[name].default


@pytest.mark.parametrize(("kind", "how"), WAYS)
def test_a_break_shows_to_a_caller_at_once(kind: str, how: str) -> None:
    found = trouble(kind, how)["caller"]
    assert AT_S <= found["onset_tick"] <= AT_S + 20
    assert found["peak_error_ratio"] >= (0.45 if how == "partial" else 0.99)
    if kind in MEMORYLESS:
        assert found["lost_min"] == pytest.approx(LOST_MIN[how], rel=0.02)
        assert found["recovery_tick"] == pytest.approx(AT_S + FOR_S, abs=20)


def test_droplets_without_their_manager_are_lost_for_good() -> None:
    """A quarter of an hour is longer than a lease, and all of them at once are more than it can regain."""
    assert trouble("lease_fleet", "down")["caller"]["recovery_tick"] is None


def test_slow_is_later_than_the_most_patient_caller_who_waits() -> None:
    scenario = world("relay")
    assert blast.break_values(scenario, "lost", "slow") == {"lost.service_time_s": 90.0}
    edge = scenario.topology.services["caller"].dependencies[0]
    for changed, expected in (
        ({"timeout_s": Quantity(value=3.0, assumed="a test")}, 4.5),
        ({"timeout_s": Quantity(value=0.1, assumed="a test")}, 0.2),  # ten times what it takes undisturbed
        ({"timeout_s": Quantity(value=86_400.0, assumed="a test")}, 3600.0),  # as far as the parameter goes
        ({"mode": "async"}, 0.2),  # nobody waits
    ):
        calls = (edge.model_copy(update=changed),)
        caller = scenario.topology.services["caller"].model_copy(update={"dependencies": calls})
        services = {**scenario.topology.services, "caller": caller}
        topology = scenario.topology.model_copy(update={"services": services})
        other = scenario.model_copy(update={"topology": topology})
        assert blast.break_values(other, "lost", "slow")["lost.service_time_s"] == pytest.approx(expected)
    assert blast.longest_timeout_s(scenario.topology, "caller") == 0.0


def test_what_cannot_be_broken_so_says_so() -> None:
    with pytest.raises(blast.CannotBreak, match=r"lost cannot be slow: kind resolver .*ways: down, partial"):
        blast.break_values(world("resolver"), "lost", "slow")
    with pytest.raises(blast.CannotBreak, match="ways: none"):
        blast.break_values(world("workload"), "lost", "down")


def test_a_fault_gets_a_name_that_is_free() -> None:
    scenario = world("relay")
    once = vary(scenario, blast.loss_of(scenario, "lost", "down", AT_S, FOR_S))
    twice = vary(once, blast.loss_of(once, "lost", "slow", AT_S, FOR_S))
    assert [x.id for x in twice.faults] == ["lose-lost", "lose-lost-2"]
    assert math.isclose(twice.faults[1].at_s or 0.0, AT_S)
