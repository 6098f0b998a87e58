"""Any file is checked as what it is; services of one's own count where they are given."""

from pathlib import Path

import pytest

from twin.base.places import LIBRARY
from twin.spec import SpecError, load_mitigations, load_scenario
from twin.spec.files import load_any

TOPOLOGY = LIBRARY / "topology" / "us-east-1"
REPLAY = LIBRARY / "scenarios" / "us-east-1-2025-10-20.yaml"
MINE = """
services:
  checkout:
    kind: relay
    title: Our checkout
    dependencies:
      - on: dynamodb
        for: baskets
        mode: hard
        retries: {value: 2, source: SDK}
"""
MITIGATION = """
mitigation: fewer-retries
does: Our checkout tries once
proposed_by: us
assumed: a test
{base}
set: {{checkout->dynamodb.retries: 0}}
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    (tmp_path / "mine.yaml").write_text(MINE)
    return tmp_path / "mine.yaml"


@pytest.fixture(params=["", f"base: {REPLAY}"], ids=["of any scenario", "of one scenario"])
def mitigation(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "fewer-retries.yaml").write_text(MITIGATION.format(base=request.param))
    return tmp_path / "fewer-retries.yaml"


def test_a_mitigation_of_ones_own_dependency(mine: Path, mitigation: Path) -> None:
    with pytest.raises(SpecError, match="dependency 'checkout->dynamodb'"):
        load_any(mitigation, TOPOLOGY)
    assert load_any(mitigation, TOPOLOGY, [mine])


def test_it_applies_to_a_scenario_with_these_services(mine: Path, mitigation: Path) -> None:
    quiet = load_scenario(LIBRARY / "scenarios" / "faults" / "peak-hour.yaml", [mine])
    for scenario in (load_scenario(REPLAY, [mine]), quiet):
        (loaded,) = load_mitigations([mitigation], scenario)
        assert loaded.set == {"checkout->dynamodb.retries": 0}


def test_a_question_about_ones_own_dependency(mine: Path, tmp_path: Path) -> None:
    question = tmp_path / "question.yaml"
    question.write_text(
        "what_if: fewer-retries\nnumber: 1\nquestion: What if?\nasked_by: us\nassumed: a test\n"
        f"base: {REPLAY}\nexpected: nothing\nexpect: [{{metric: checkout.lost_min, is: lower}}]\n"
        "set: {checkout->dynamodb.retries: 0}\n"
    )
    with pytest.raises(SpecError) as refused:
        load_any(question, TOPOLOGY)
    assert len(refused.value.problems) == 2
    assert load_any(question, TOPOLOGY, [mine])


def test_services_of_ones_own(mine: Path) -> None:
    assert "checkout" in load_any(mine, TOPOLOGY).services
    assert "checkout" in load_any(TOPOLOGY, TOPOLOGY, [mine]).services
    assert "checkout" in load_any(REPLAY, TOPOLOGY, [mine]).topology.services


@pytest.mark.parametrize("kind", ["barriers", "defects"])
def test_a_file_beside_a_scenario(kind: str) -> None:
    assert load_any(LIBRARY / "scenarios" / kind / "us-east-1-2025-10-20.yaml", TOPOLOGY)
