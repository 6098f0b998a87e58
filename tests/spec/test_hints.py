"""What people write, and the word here that a problem names."""

from __future__ import annotations

import pytest

from twin.spec import load_scenario
from twin.spec.problems import SpecError, did_you_mean

from .conftest import Files


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("workers", "did you mean workers_count?"),
        ("timeout", "a time-out belongs to a dependency: timeout_s there"),
        ("hedge_s", "hedged requests do not exist here"),
    ],
)
def test_what_people_write_for_a_number(name: str, hint: str) -> None:
    assert did_you_mean(name, ("workers_count", "work_s", "retries")) == hint


def test_a_contradiction_has_no_second_error(files: Files) -> None:
    """A dependency of two groups is refused once, and not as a group of one beside."""
    calls = "{on: a, mode: hard, one_of: g, parallel: g}, {on: b, mode: hard, one_of: g}"
    services = (
        f"  web: {{kind: queueing, dependencies: [{calls}]}}\n  a: {{kind: relay}}\n  b: {{kind: relay}}\n"
    )
    head = "scenario: mix\nassumed: example\nstart: 2030-01-01T00:00:00Z\nduration: 30m\nservices:\n"
    with pytest.raises(SpecError) as error:
        load_scenario(files.write("mix.yaml", head + services))
    (problem,) = error.value.problems
    assert "one of parallel, one_of" in str(problem)
