"""twin list: kinds, services, scenarios, mitigations, runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from twin.cli import _show as show
from twin.cli._command import command
from twin.cli._options import out_option, output_options, topology_option


@command(
    "list", "twin list kinds", "twin list services --topology topology/us-east-1", "twin list runs --json"
)
@click.argument("what", type=click.Choice(["kinds", "services", "scenarios", "mitigations", "runs"]))
@topology_option
@out_option
@output_options
def list_command(what: str, topology: Path, out: Path, as_json: bool) -> None:
    """List kinds, services, scenarios, mitigations or runs."""
    columns, rows = {
        "kinds": _kinds,
        "services": lambda: _services(topology),
        "scenarios": _scenarios,
        "mitigations": _mitigations,
        "runs": lambda: _runs(out),
    }[what]()
    if as_json:
        show.document([dict(zip(columns, row, strict=True)) for row in rows])
    elif rows:
        kept = [n for n, column in enumerate(columns) if (what, column) not in FOR_MACHINES]
        show.table(
            [columns[n] for n in kept], [[_brief(row[n]) for n in kept] for row in rows], whole=("start",)
        )
    else:
        show.say(f"no {what}")


FOR_MACHINES = {("services", "domain"), ("runs", "seed"), ("runs", "runner")}  # no room in a table
Listing = tuple[Sequence[str], list[tuple[Any, ...]]]


def _brief(value: object) -> object:
    """A time in ISO 8601 as '2025-10-19 22:00', a fraction as '0.08'; anything else as it is."""
    if isinstance(value, float):
        return f"{value:.2g}" if value < 10 else f"{value:.1f}"
    is_time = isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value)
    return str(value)[:16].replace("T", " ") if is_time else value


def _kinds() -> Listing:
    """Every kind with its parameters and what it claims to be."""
    from twin.kinds import registry

    return ("kind", "parameters", "about"), [
        (name, len(module.PARAMETERS), (module.__doc__ or "").splitlines()[0])
        for name, module in registry().items()
    ]


def _services(topology: Path) -> Listing:
    """Every service of a topology. Raises SpecError."""
    from twin.spec import load_topology

    return ("service", "kind", "domain", "needs", "title"), [
        (s.name, s.kind, s.domain, len(s.dependencies), s.title)
        for _, s in sorted(load_topology(topology).services.items())
    ]


def _scenarios() -> Listing:
    """The scenarios that run by name, with the question of each."""
    from twin.spec.library import list_scenarios

    return ("scenario", "title", "question"), [(s.name, s.title, s.question) for s in list_scenarios()]


def _mitigations() -> Listing:
    """The files of scenarios/mitigations/, the cheapest first."""
    from twin.spec.mitigations import overview

    return ("mitigation", "cost", "title"), [(m.name, m.cost, m.title) for m in overview()]


def _runs(out: Path) -> Listing:
    """Every finished run, the latest last; the title of a damaged one says what is wrong."""
    from twin.simulation.runs import list_runs

    columns = ("run", "scenario", "start", "hours", "seed", "runner", "title")
    return columns, [
        (r.run_id, r.scenario, r.start, r.hours, r.seed, r.runner, r.title) for r in list_runs(out)
    ]
