"""twin compare --suite: the same mitigations in every scenario of scenarios/faults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from twin.cli import _show as show

if TYPE_CHECKING:
    from twin.experiments.suite import Suite


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
