"""What good files become."""

import copy
import pickle
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
import yaml

from twin.base.places import LIBRARY
from twin.model.dependency_parameters import EDGE_PARAMETERS
from twin.model.scenario import Dependency, Quantity
from twin.spec import SpecError, load_published, load_scenario, load_sources, load_topology

from .conftest import KINDS, Files


def test_a_topology_in_si(files: Files) -> None:
    topology = load_topology(files.topology, kinds=KINDS)
    web, db = topology.services.values()
    assert (topology.name, topology.signal_period_s) == ("small", 10.0)
    assert (web.name, web.domain, web.visible) == ("web", "front", True)
    assert (db.name, db.domain, db.visible) == ("db", "db", False)
    assert web.parameters["capacity_per_s"].value == 2.0
    assert web.parameters["capacity_per_s"].range == (1.0, 10.0)
    assert {n: q.value for n, q in web.dependencies[0].numbers.items()} == {"timeout_s": 90.0, "share": 0.5}


def test_a_scenario_in_si(files: Files) -> None:
    scenario = load_scenario(files.scenario, kinds=KINDS)
    assert (scenario.duration_s, scenario.tick_s, scenario.sample_s) == (5400.0, 1.0, 10.0)
    fault, action = scenario.interventions
    assert (fault.kind, fault.at_s, fault.until_s) == ("fault", 900.0, 1800.0)
    assert fault.set == {"db.capacity_per_s": 3 / 3600}
    assert (action.kind, action.after_s, action.over_s) == ("action", 600.0, 1200.0)
    assert action.set == {"web.throttle_ratio": 0.1, "web->db.timeout_s": 1.0}
    assert action.when is not None
    when = action.when
    assert (when.service, when.signal, when.above, when.for_s) == ("db", "error_ratio", 0.05, 300.0)
    expectation = scenario.expect[0]
    assert (expectation.above, expectation.occurrence, expectation.after_s) == (60.0, "never", 3600.0)
    assert scenario.published is not None and scenario.published.incident == "published"
    outcome, ban = scenario.published.outcomes[0], scenario.published.must_not[0]
    assert (outcome.what, outcome.level, outcome.episode) == ("rows, all of them, fail", 0.05, 1)
    assert (outcome.tolerance_min, outcome.imposed) == (0.0, False)
    assert (ban.subject, ban.level, (ban.end - ban.begin).total_seconds()) == ("web", 3, 300)


def test_parameters_of_a_scenario_are_in_its_topology(files: Files) -> None:
    scenario = load_scenario(files.scenario, kinds=KINDS)
    web = scenario.topology.services["web"]
    assert web.parameters["service_s"] == scenario.parameters["web.service_s"]
    assert web.parameters["service_s"].fitted_to == ("db-impaired",)
    assert web.dependencies[0].retries == Quantity(value=2, source="SDK")


def test_services_on_top(files: Files) -> None:
    mine = files.write(
        "mine.yaml",
        "services:\n"
        "  mine:\n    kind: relay\n    dependencies: [{on: web, mode: soft}]\n"
        "  web:\n    parameters: {order: {value: fifo, source: PES}}\n"
        "    dependencies: [{on: mine, mode: async}, {on: db, mode: cached}]\n",
    )
    services = load_topology(files.topology, [mine], kinds=KINDS).services
    assert list(services) == ["web", "db", "mine"]
    assert services["web"].title == "The web"
    assert services["web"].parameters["order"].value == "fifo"
    assert services["web"].parameters["capacity_per_s"].value == 2.0
    assert [(d.on, d.mode) for d in services["web"].dependencies] == [("mine", "async"), ("db", "cached")]
    assert "mine" in load_scenario(files.scenario, [mine], kinds=KINDS).topology.services


def test_a_scenario_may_stand_alone(files: Files) -> None:
    path = files.write(
        "alone.yaml",
        "scenario: alone\nstart: 2025-01-01T00:00:00Z\nduration: 1m\nsignal_period: 1s\nsample: 1s\n"
        "services: {a: {kind: relay}}\n",
    )
    scenario = load_scenario(path, kinds=KINDS)
    assert (scenario.topology.name, scenario.topology.signal_period_s) == ("alone", 1.0)
    assert list(scenario.topology.services) == ["a"]


def test_another_topology(files: Files) -> None:
    other = files.write("other.yaml", "topology: other\nservices:\n  web: {kind: queueing}\n")
    files.write("bare.yaml", "scenario: bare\nstart: 2025-01-01T00:00:00Z\nduration: 1m\ntopology: nowhere\n")
    scenario = load_scenario(files.folder / "bare.yaml", topology=other, kinds=KINDS)
    assert scenario.topology.name == "other"


def test_an_action_after_the_end_is_fine(files: Files) -> None:
    files.spoil("scenario.yaml", "until: +30m", "until: +30h")
    assert load_scenario(files.scenario, kinds=KINDS).faults[0].until_s == 108_000


def test_records_are_frozen_and_travel(files: Files) -> None:
    scenario = load_scenario(files.scenario, kinds=KINDS)
    with pytest.raises(ValueError):
        scenario.seed = 8  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(scenario)) == scenario == copy.deepcopy(scenario)


def test_an_error_travels(files: Files) -> None:
    with pytest.raises(SpecError) as caught:
        load_scenario(files.folder / "none.yaml", kinds=KINDS)
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems


def test_the_model_has_every_edge_number() -> None:
    quantities = [n for n, f in Dependency.model_fields.items() if f.annotation == Quantity | None]
    assert sorted(quantities) == sorted(p.name for p in EDGE_PARAMETERS)


def test_the_project_has_good_sources_and_timelines() -> None:
    assert load_sources()["PES"].trust == "highest"
    published = load_published(LIBRARY / "data/published/us-east-1-2025-10-20.csv")
    assert len(published.outcomes) >= 30 and len(published.must_not) >= 5


def test_a_large_topology_loads_fast(files: Files) -> None:
    """Checks and records cost little beside the parsing that libyaml does."""
    ratios = (p for p in EDGE_PARAMETERS if p.unit == "ratio")
    numbers = ", ".join(f"{p.name}: {{value: {p.default}, source: PES}}" for p in ratios)
    edge = "      - {on: s%d, mode: soft, evidence: {source: PES, confidence: published}, " + numbers + "}\n"
    parameter = "      capacity_per_s: {value: 2/s, assumed: why, range: [1/s, 3/s]}\n"
    text = "topology: large\nservices:\n" + "".join(
        f"  s{i}:\n    kind: queueing\n    parameters:\n{parameter}    dependencies:\n"
        + "".join(edge % ((i + k) % 45) for k in range(1, 9))
        for i in range(45)
    )
    path = files.write("large.yaml", text)
    loading_s = least_s(lambda: load_topology(path, kinds=KINDS))
    parsing_s = least_s(lambda: yaml.compose(text, Loader=yaml.CSafeLoader))
    assert loading_s < 6 * parsing_s, f"{loading_s:.3f} s, of which libyaml needs {parsing_s:.3f} s"


def least_s(work: Callable[[], object]) -> float:
    """Processor time of ``work``, the least of five."""
    times = []
    for _ in range(5):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return min(times)


def test_the_compiler_is_not_imported_for_the_spec() -> None:
    code = "import sys, twin.spec, twin.spec.schemas; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
