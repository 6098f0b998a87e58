"""twin check: every problem of every file, with its line and column."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twin.cli import _show as show
from twin.cli._command import CHANGES, command
from twin.cli._errors import BAD_INPUT, as_option, in_all
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
    scenarios only, and are checked too. A file that does not use them is named.

    The exit code is 2 if there is a problem.
    """
    ctx = click.get_current_context()
    options = {name for p in ctx.command.params for name in p.opts}
    given = [
        p.opts[0] for p in ctx.command.params if _is_change(p) and changes[str(p.name)] not in ((), None)
    ]
    found = {file: _checked(file, topology, changes, given) for file in files}
    if as_json:
        show.document(
            [{"file": file, "ok": not problems, "problems": [vars(p) for p in problems], "unused": unused}
             for file, (problems, unused) in found.items()]
        )  # fmt: skip
    else:
        _say(found, options)
    if any(problems for problems, _ in found.values()):
        ctx.exit(BAD_INPUT)


def _is_change(option: click.Parameter) -> bool:
    """Whether it applies to scenarios only."""
    return getattr(option, "heading", None) == CHANGES and option.name != "with_files"


def _say(found: dict[str, tuple[list[Problem], list[str]]], options: set[str]) -> None:
    for file, (problems, unused) in found.items():
        for problem in problems:
            show.say(as_option(str(problem), options))
        if not problems:
            ignored = f" ({', '.join(unused)} not used: only for scenarios)" if unused else ""
            click.echo(f"{file}: ok{ignored}")
    for line in in_all(sum(len(problems) for problems, _ in found.values())):
        show.say(line)


def _checked(
    file: str, topology: Path, changes: dict[str, Any], given: list[str]
) -> tuple[list[Problem], list[str]]:
    """Every problem of a file, of the files that it names, and of the changes; the changes without use."""
    from twin.model.scenario import Scenario
    from twin.spec.files import load_any
    from twin.spec.library import scenario_path
    from twin.spec.problems import SpecError

    try:
        record = load_any(scenario_path(file), topology, changes["with_files"])
        if not isinstance(record, Scenario):
            return [], given
        changed_scenario(record, changes)
    except SpecError as error:
        return list(error.problems), []
    return [], []
