"""sdk: NAME gives a dependency the defaults of a client; numbers beside it win."""

import pytest

from twin.model.dependency_parameters import EDGE_PARAMETERS
from twin.model.scenario import Dependency
from twin.model.sdk import SDK_DEFAULTS
from twin.spec import load_scenario, load_sources

from .conftest import Files

SCENARIO = """\
scenario: client
start: 2030-01-01T00:00:00Z
duration: 10m
services:
  db: {kind: queueing}
  web:
    kind: queueing
    dependencies:
      - {on: db, mode: hard, sdk: NAME}
"""


def to_db(files: Files, words: str) -> Dependency:
    scenario = load_scenario(files.write("client.yaml", SCENARIO.replace("NAME", words)))
    return scenario.topology.services["web"].dependencies[0]


@pytest.mark.parametrize("name", SDK_DEFAULTS)
def test_its_numbers_are_those_of_the_client_with_their_source(files: Files, name: str) -> None:
    edge = to_db(files, name)
    assert set(edge.numbers) == set(SDK_DEFAULTS[name].numbers)
    source = SDK_DEFAULTS[name].source
    assert {q.source or "" for q in edge.numbers.values()} == {source}
    assert (source == "" or source in load_sources()) and edge.sdk == name


def test_the_standard_mode_of_an_aws_sdk(files: Files) -> None:
    found = {name: q.value for name, q in to_db(files, "aws-standard").numbers.items()}
    waits = {"backoff_s": 0.05, "backoff_cap_s": 20.0, "jitter": "full"}
    assert found == {"timeout_s": 60.0, "retries": 2, **waits, "retry_mode": "standard"}


def test_the_defaults_of_a_dependency_are_those_of_an_aws_sdk_but_for_retries() -> None:
    """A dependency without sdk: waits as the AWS SDKs do."""
    defaults = {p.name: p for p in EDGE_PARAMETERS}
    assert (defaults["timeout_s"].default, defaults["backoff_s"].default) == (60.0, 0.05)
    assert defaults["retries"].default == 0


def test_a_number_beside_it_wins(files: Files) -> None:
    words = "aws-legacy, retries: {value: 1, measured: our client}"
    numbers = to_db(files, words).numbers
    assert (numbers["retries"].value, numbers["retries"].measured) == (1, "our client")
    assert numbers["backoff_s"].value == 1.0


def test_an_unknown_client(files: Files) -> None:
    path = files.write("client.yaml", SCENARIO.replace("NAME", "aws-standrd"))
    (problem,) = files.problems(load_scenario, path)
    assert problem.startswith(
        "client.yaml:9:35: services.web.dependencies.0.sdk: found 'aws-standrd', expected"
    )
    assert "(did you mean aws-standard?)" in problem
