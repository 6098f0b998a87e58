"""A run's topology is in tables beside its manifest, and nothing of it is lost."""

from pathlib import Path

import twin
from tests.bench.large_graph import large_scenario, large_topology
from twin.model.scenario import Quantity, Scenario
from twin.simulation.journal import MANIFEST
from twin.simulation.run import run_id

SHOP = "scenarios/examples/slow-dependency.yaml"


def large(services_count: int) -> Scenario:
    return large_scenario(large_topology(services_count), fault=True, duration_s=120.0, fault_at_s=60.0)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    for scenario in (large(200), twin.load(SHOP)):
        run = twin.run(scenario, out=tmp_path)
        assert run.folder is not None
        read = twin.open_run(run.folder)
        assert read.scenario == scenario and read.services == run.services
        assert read.dependencies == run.dependencies
        assert run_id(read.scenario, scenario.seed) == run.run_id


def test_the_past_of_a_large_run_can_be_left(tmp_path: Path) -> None:
    run = twin.run(large(200), out=tmp_path)
    assert run.folder is not None
    forked = twin.open_run(run.folder).fork("+90s", set={"s-000199.fault_ratio": 0.5})
    assert forked.samples.num_rows == run.samples.num_rows


def test_the_manifest_does_not_grow_with_the_topology(tmp_path: Path) -> None:
    sizes = []
    for count in (100, 400):
        scenario = large(count).model_copy(update={"faults": ()})
        run = twin.run(scenario, out=tmp_path)
        assert run.folder is not None
        sizes.append((run.folder / MANIFEST).stat().st_size)
    assert sizes[0] == sizes[1] < 10_000


def test_the_id_is_that_of_the_inputs_and_not_of_their_order() -> None:
    scenario = large(50)
    services = scenario.topology.services
    names = sorted(services, reverse=True)

    def with_services(changed: dict) -> str:
        topology = scenario.topology.model_copy(update={"services": changed})
        return run_id(scenario.model_copy(update={"topology": topology}), 7)

    turned = {name: services[name].model_validate(services[name].model_dump()) for name in names}
    assert with_services(turned) == run_id(scenario, 7)
    other = {"fault_ratio": Quantity(value=0.5, assumed="a test")}
    one = services[names[0]].model_copy(update={"parameters": services[names[0]].parameters | other})
    assert with_services(services | {names[0]: one}) != run_id(scenario, 7)
