"""Calls that come back to themselves for ever are refused; a delay or a share below one breaks the circle."""

import pytest

from twin.spec import load_topology

from .conftest import KINDS, Files

SERVICE = "  {}:\n    kind: queueing\n    dependencies: [{{on: {}, mode: {}}}]\n"


def circle(first: str, second: str) -> str:
    """Two services that depend on each other, in these modes."""
    return "topology: round\nservices:\n" + SERVICE.format("a", "b", first) + SERVICE.format("b", "a", second)


def test_every_call_makes_a_call(files: Files) -> None:
    bad = files.write("round.yaml", circle("hard", "hard"))
    (problem,) = files.problems(load_topology, bad, kinds=KINDS)
    assert "services.a.dependencies.0.on: found a cycle without delay: a -> b -> a" in problem


HALF, LATER = "share: {value: 0.5, source: PES}", "delay_s: {value: 30s, source: PES}"


@pytest.mark.parametrize("breaks", ["soft", "async", f"hard, {HALF}", f"hard, {LATER}"])
def test_what_breaks_the_circle(files: Files, breaks: str) -> None:
    assert len(load_topology(files.write("fine.yaml", circle("hard", breaks)), kinds=KINDS).services) == 2
