"""The published incident, loaded once and replayed once for all tests of a process."""

from pathlib import Path

import pytest

import twin
from twin.api.run import Run
from twin.model.scenario import Scenario

SCENARIO = Path(__file__).parents[2] / "scenarios" / "us-east-1-2025-10-20.yaml"


@pytest.fixture(scope="session")
def incident() -> Scenario:
    return twin.load(SCENARIO)


@pytest.fixture(scope="session")
def replay(incident: Scenario) -> Run:
    return twin.run(incident)
