"""twin compare --suite: the same mitigations in every scenario of scenarios/faults."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import click

from twin.base.places import SCENARIOS
from twin.cli import _show as show

if TYPE_CHECKING:
    from pathlib import Path

    from twin.experiments.arms import Arm
    from twin.experiments.suite import Suite
    from twin.model.scenario import Scenario

FAULTS = SCENARIOS / "faults"


def others(prepared: Callable[[str], Scenario], but: str) -> dict[str, Scenario]:
    """Name → scenario of every fault but that one. Raises SpecError."""
    names = sorted(path.stem for path in FAULTS.glob("*.yaml"))
    return {name: prepared(str(FAULTS / f"{name}.yaml")) for name in names if name != but}


def fitting(texts: Iterable[str | Path], base: Scenario, folder: Path) -> tuple[Arm, ...]:
    """The arms of a scenario, but those that do not fit it, and those of which it has nothing: steps of
    another scenario's script. Raises BadInput; SpecError for a file that is wrong in itself."""
    from twin.cli._errors import BadInput
    from twin.experiments.arms import arm_of, distinct
    from twin.spec import Problem, SpecError
    from twin.spec.mitigations import is_unfit

    arms: list[tuple[object, Arm]] = []
    wrong: list[Problem] = []
    for text in texts:
        try:
            arm = arm_of(text, base, folder)
        except SpecError as error:
            wrong += [p for p in error.problems if not is_unfit(p)]
            show.say(f"{base.name}: left out, as it does not fit: {text} ({error.problems[0]})")
            continue
        if any(not v.is_empty for v in arm.variations):
            arms.append((text, arm))
    if wrong:
        raise SpecError(wrong)
    try:
        return distinct(arms)
    except ValueError as error:
        raise BadInput(f"--mitigate: {error}") from None


def show_suite(found: Suite) -> None:
    """Mitigations by scenarios: the difference in service-minutes; ≈ if it is not significant."""
    names = list(found.by_scenario)
    click.echo()
    show.prose("In other scenarios: service-minutes lost, difference from each one's baseline")
    rows: list[tuple[object, ...]] = [("(baseline)", *(_baseline(found, s) for s in names))]
    rows += [(name, *_row(found, name)) for name in found.names]
    show.table(("mitigation", *names), rows, whole=names, key=1)
    for name, why in found.unanswered.items():
        show.prose(f"{name}: no answer: {why}")
    for name, (helps, harms) in found.mixed.items():
        show.prose(f"{name} helps in {', '.join(helps)} and harms in {', '.join(harms)}")


def _baseline(found: Suite, scenario: str) -> str:
    from twin.results.metrics import PRIMARY

    return f"{found.by_scenario[scenario].baseline[PRIMARY].mean:.0f}"


def _row(found: Suite, name: str) -> Iterator[str]:
    from twin.results.metrics import PRIMARY

    for scenario in found.by_scenario:
        a = found.of(scenario, name)
        if a is None:
            yield "–"
        elif a.difference[PRIMARY].identical:
            yield "0"
        else:
            d = a.difference[PRIMARY]
            mark = "" if a.significant[PRIMARY] else "≈ "
            yield f"{mark}{d.mean:+.0f} [{d.low:+.0f}, {d.high:+.0f}]"
