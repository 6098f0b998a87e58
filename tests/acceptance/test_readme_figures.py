"""The figures in the README are those of a replay."""

import re

import pytest

import twin
from twin.validation.score import score

from .figures import README, SCENARIO, between, measured

APART = 0.05  # share by which two figures may differ: processors differ in the last bit of a logarithm
LITTLE = 3.0  # and an outcome, or three minutes
NUMBER = re.compile(r"\d+(?:\.\d+)?")


@pytest.fixture(scope="module")
def found() -> dict[str, str]:
    return measured(twin.load(SCENARIO))


@pytest.mark.parametrize("name", ["score", "hold-out"])
def test_the_readme_says_what_a_replay_says(found: dict[str, str], name: str) -> None:
    """Not to the last digit. `make figures` writes them again."""
    said = between(README.read_text(), name)
    assert NUMBER.sub("#", said) == NUMBER.sub("#", found[name])
    for old, new in zip(NUMBER.findall(said), NUMBER.findall(found[name]), strict=True):
        assert abs(float(old) - float(new)) <= max(LITTLE, APART * float(new)), f"{old}: make figures"


def test_the_misses_that_the_readme_shows_are_misses(found: dict[str, str]) -> None:
    pattern = re.compile(r"(?m)^  ([a-z-]+): ")
    said = pattern.findall(between(README.read_text(), "misses"))
    scenario = twin.load(SCENARIO)
    misses = {row.outcome.id for row in score(scenario, twin.run(scenario)).misses}
    assert len(said) >= 3 and set(said) <= misses


def test_floors() -> None:
    """What the replay must show at least, whatever the README says.

    In the first phase the figures, and in each phase more than without feedback.
    """
    scenario = twin.load(SCENARIO)
    card = score(scenario, twin.run(scenario))
    first = card.phases[0].twin
    assert first["exist_share"] == 1.0
    assert first["within_10_min_share"] >= 0.8 and first["mean_abs_error_min"] <= 10
    for phase in card.phases:
        assert phase.twin["mean_abs_error_min"] < phase.baseline["mean_abs_error_min"], phase.title
    assert sum(card.summary()[kind]["count"] for kind in ("imposed", "fitted", "predicted")) >= 35
    assert len(card.fitted) <= 6
