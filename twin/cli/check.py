"""twin check: every problem of every file, with its line and column."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twin.cli import _show as show
from twin.cli._command import command
from twin.cli._errors import BAD_INPUT, as_option
from twin.cli._options import change_options, changed_scenario, output_options, topology_option

if TYPE_CHECKING:
    from twin.spec.problems import Problem


@command(
    "check",
    "twin check scenarios/*.yaml",
    "twin check topology/us-east-1 data/published/*.yaml",
    "twin check my-mitigation.yaml --with my-services.yaml",
    "twin check us-east-1-2025-10-20 --with my-services.yaml --mitigate my-mitigation.yaml",
)
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@topology_option
@change_options
@output_options
def check_command(files: tuple[str, ...], topology: Path, as_json: bool, **changes: Any) -> None:
    """Check files: every problem, with its line and column.

    The keys of a file show what it is: a scenario, a topology (a folder or one of its files), services of
    your own, or a file as in one of these folders: scenarios/mitigations, scenarios/what-if,
    scenarios/variants, scenarios/barriers, scenarios/defects, data/published; also data/sources.yaml.

    --with applies to every file. The other changes to the scenario (--set, --drop and the rest) apply to
    scenarios only, and are checked too.

    The exit code is 2 if there is a problem.
    """
    ctx = click.get_current_context()
    options = {name for p in ctx.command.params for name in p.opts}
    found = {file: _problems(file, topology, changes) for file in files}
    if as_json:
        show.document(
            [{"file": f, "ok": not ps, "problems": [vars(p) for p in ps]} for f, ps in found.items()]
        )
    else:
        for file, problems in found.items():
            for problem in problems:
                show.say(as_option(str(problem), options))
            if not problems:
                click.echo(f"{file}: ok")
    if any(found.values()):
        ctx.exit(BAD_INPUT)


def _problems(file: str, topology: Path, changes: dict[str, Any]) -> list[Problem]:
    """Every problem of a file, and of the files that it names; then of the changes to a scenario."""
    from twin.model.scenario import Scenario
    from twin.spec.files import load_any
    from twin.spec.library import scenario_path
    from twin.spec.problems import SpecError

    try:
        record = load_any(scenario_path(file), topology, changes["with_files"])
        if isinstance(record, Scenario):
            changed_scenario(record, changes)
    except SpecError as error:
        return list(error.problems)
    return []
