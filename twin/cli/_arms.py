"""What a comparison is asked with, from text: the scenario, its arms, a duration, weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin.cli._errors import BadInput
from twin.cli._options import changed_scenario

if TYPE_CHECKING:
    from twin.experiments.arms import Arm
    from twin.model.scenario import Scenario


def prepared(scenario: str, changes: dict[str, Any]) -> Scenario:
    """The scenario with the changes asked for; people act on what they know, after drawn times."""
    from twin.experiments.arms import with_people
    from twin.experiments.realizations import first_input_s

    base = changed_scenario(scenario, {**changes, "mitigations": ()})
    if changes["responders"] is None:
        base = with_people(base, "drawn")
    if base.interventions and base.duration_s <= first_input_s(base):
        raise BadInput(f"{base.name}: the run ends before anything happens; give a later --until")
    return base


@contextmanager
def bad_input(prefix: str = "") -> Iterator[None]:
    """A ValueError inside is the user's: it names what is wrong, after the option that it came from."""
    try:
        yield
    except ValueError as error:
        raise BadInput(f"{prefix}{error}") from None


def sides(texts: Iterable[str | Path], base: Scenario, folder: Path) -> tuple[Arm, ...]:
    """The arms asked for. Raises SpecError with the problems of all of them, BadInput."""
    from twin.experiments.arms import arms_of

    with bad_input("--mitigate: "):
        return arms_of(texts, base, folder)


def seconds(text: str, option: str) -> float:
    """A duration of more than 0. Raises BadInput."""
    from twin.base import units

    try:
        found = units.parse_duration(text)
    except units.Refused as refused:
        raise BadInput(f"{option}: found '{text}', expected {refused.expected}") from None
    if found <= 0:
        raise BadInput(f"{option}: found '{text}', expected more than 0")
    return found


def weights_of(path: Path | None, base: Scenario) -> dict[str, float]:
    """Service → weight. Raises SpecError with every problem of the file."""
    from twin.spec import Problem, SpecError
    from twin.spec.problems import did_you_mean
    from twin.spec.tree import read_tree

    if path is None:
        return {}
    problems: list[Problem] = []
    tree = read_tree(path, problems)
    found: dict[str, float] = {}
    for name, value in tree.items() if tree is not None else ():
        if name not in base.topology.services:
            hint = did_you_mean(name, base.topology.services)
            problems.append(value.problem(name, f"'{name}'", "a service", hint, at_key=True))
        elif not isinstance(value.value, int | float) or isinstance(value.value, bool) or value.value < 0:
            problems.append(value.problem(name, f"{value.value!r}", "a weight, 0 or more"))
        else:
            found[name] = float(value.value)
    if problems:
        raise SpecError(problems)
    return found
