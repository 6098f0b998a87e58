"""One's own numbers: measured, or part of an example; neither needs a range, and neither is sampled."""

import pytest

from twin.base.places import LIBRARY
from twin.spec import load_scenario, load_topology
from twin.spec.examples import KEY
from twin.spec.files import keys_of
from twin.spec.inputs import inputs_of, varies

from .conftest import KINDS, Files

MEASURED = "{value: 2s, measured: our dashboard}"
PLAIN = """\
scenario: plain
assumed: example
start: 2030-01-01T00:00:00Z
duration: 10m
services:
  web:
    kind: queueing
    parameters: {servers_count: 3, service: exponential, service_time_s: {value: 20ms, assumed: a guess}}
    dependencies:
      - {on: db, mode: hard, timeout_s: 2s, retries: {value: 2, source: SDK}, jitter: none}
  db: {kind: queueing, parameters: {work_s: {value: 5ms}}}
parameters: {web->db.backoff_s: 1s, db.fault_ratio: {value: 1%, assumed: a guess, range: [0, 2%]}}
faults:
  - {id: gone, at: +1m, for: 1m, set: {db.fault_ratio: 1}}
actions:
  - {id: more, at: +2m, set: {web.servers_count: 5}, measured: the ticket}
"""


def test_a_measured_number_needs_no_range_and_is_not_sampled(files: Files) -> None:
    files.spoil("topology/services.yaml", "{value: 1m30s, source: SDK}", MEASURED)
    topology = load_topology(files.topology, kinds=KINDS)
    timeout = topology.services["web"].dependencies[0].numbers["timeout_s"]
    assert (timeout.value, timeout.measured, timeout.range) == (2.0, "our dashboard", None)


def test_a_measured_number_is_no_uncertain_input(files: Files) -> None:
    text = PLAIN.replace("work_s: {value: 5ms}", "work_s: {value: 5ms, measured: a trace, range: [1ms, 1s]}")
    scenario = load_scenario(files.write("plain.yaml", text))
    work = next(n for n in inputs_of(scenario) if n.target == "db.work_s")
    assert work.sourced and not varies(scenario, work)


def test_plain_numbers_of_an_example(files: Files) -> None:
    scenario = load_scenario(files.write("plain.yaml", PLAIN))
    web = scenario.topology.services["web"]
    to_db = web.dependencies[0].numbers
    assert (web.parameters["servers_count"].value, web.parameters["service"].value) == (3, "exponential")
    assert (to_db["timeout_s"].value, to_db["timeout_s"].assumed, to_db["timeout_s"].range) == (
        2.0,
        "example",
        None,
    )
    assert (to_db["retries"].source, to_db["backoff_s"].value) == ("SDK", 1.0)
    assert [x.assumed for x in scenario.interventions] == ["example", None]


def test_numbers_of_an_example_are_sampled_only_over_a_range_of_their_own(files: Files) -> None:
    scenario = load_scenario(files.write("plain.yaml", PLAIN))
    drawn = {n.target for n in inputs_of(scenario) if n.given and n.is_unsourced}
    assert drawn == {"db.fault_ratio"}


def test_a_topology_and_services_of_ones_own_may_be_examples(files: Files) -> None:
    services = "services:\n  web: {kind: queueing, parameters: {servers_count: 3}}\n"
    folder = files.write("mine/topology.yaml", f"topology: mine\nassumed: example\n{services}").parent
    files.write("mine/more.yaml", "services:\n  db: {kind: queueing}\n")
    mine = files.write("own.yaml", f"assumed: example\n{services}".replace("web", "own"))
    topology = load_topology(folder, [mine])
    assert topology.services["own"].parameters["servers_count"].assumed == "example"


def test_what_describes_the_event_gives_each_number_its_origin() -> None:
    files = [*(LIBRARY / "topology").rglob("*.yaml"), LIBRARY / "scenarios" / "us-east-1-2025-10-20.yaml"]
    assert len(files) > 5
    assert [file.name for file in files if KEY in keys_of(file)] == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "assumed: example\n",
            "",
            "services.web.parameters.servers_count: found 3, expected a mapping with value",
        ),
        (
            "assumed: example",
            "assumed: a teaching example",
            "assumed: found 'a teaching example', expected example",
        ),
        (
            "timeout_s: 2s",
            "timeout_s: 2",
            "services.web.dependencies.0.timeout_s.value: found 2, expected a duration",
        ),
        ("source: SDK", "source: SKD", "retries.source: found 'SKD', expected an id of data/sources.yaml"),
    ],
)
def test_what_stays_an_error(files: Files, old: str, new: str, said: str) -> None:
    found = files.problems(load_scenario, files.write("plain.yaml", PLAIN.replace(old, new)))
    assert any(said in problem for problem in found)


def test_a_file_on_top_is_no_example_because_another_is(files: Files) -> None:
    mine = files.write("own.yaml", "services:\n  own: {kind: queueing, parameters: {servers_count: 3}}\n")
    (problem,) = files.problems(load_scenario, files.write("plain.yaml", PLAIN), [mine])
    assert problem.startswith("own.yaml:2:53: services.own.parameters.servers_count: found 3")
