"""twin check: every problem of every file, with its line and column."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twin.base.text import counted
from twin.cli import _show as show
from twin.cli._command import CHANGES, command
from twin.cli._errors import BAD_INPUT, as_option, in_all
from twin.cli._options import change_options, changed_scenario, output_options, topology_option

if TYPE_CHECKING:
    from twin.simulation.stepping import Stepping
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

    For a scenario it says which services are stepped call by call, and which as counts in ticks.

    A warning is about something that is allowed, but probably not meant: a number that nothing reads, or that
    its source does not have, a condition that never holds, a step or an expectation without effect, trouble
    before the first fault, a call that does not feel that its callee cannot be reached.

    The exit code is 2 if there is a problem, and 0 if there are only warnings.
    """
    ctx = click.get_current_context()
    options = {name for p in ctx.command.params for name in p.opts}
    given = [
        p.opts[0] for p in ctx.command.params if _is_change(p) and changes[str(p.name)] not in ((), None)
    ]
    found = {file: _checked(file, topology, changes, given) for file in files}
    if as_json:
        show.document([{"file": file, **of_file.as_json()} for file, of_file in found.items()])
    else:
        _say(found, options)
    if any(of_file.problems for of_file in found.values()):
        ctx.exit(BAD_INPUT)


@dataclass(frozen=True)
class _Found:
    """What is wrong with a file, what is doubtful, the changes without use, how services are stepped."""

    problems: list[Problem]
    warnings: list[Problem]
    unused: list[str] = field(default_factory=list)
    stepping: Stepping | None = None

    def as_json(self) -> dict[str, Any]:
        """The keys of a document."""
        problems, warnings = ([vars(p) for p in those] for those in (self.problems, self.warnings))
        stepping = {} if self.stepping is None else {"stepping": asdict(self.stepping)}
        found = {"ok": not problems, "problems": problems, "warnings": warnings, "unused": self.unused}
        return found | stepping


def _is_change(option: click.Parameter) -> bool:
    """Whether it applies to scenarios only."""
    return getattr(option, "heading", None) == CHANGES and option.name != "with_files"


def _say(found: dict[str, _Found], options: set[str]) -> None:
    for file, of_file in found.items():
        for problem in of_file.problems:
            show.say(as_option(str(problem), options))
        for doubt in of_file.warnings:
            show.say(doubt.text("warning"))
        if not of_file.problems:
            unused, warnings = of_file.unused, len(of_file.warnings)
            ignored = f" ({', '.join(unused)} not used: only for scenarios)" if unused else ""
            doubts = f", {counted(warnings, 'warning')}" if warnings else ""
            click.echo(f"{file}: ok{doubts}{ignored}")
            for line in of_file.stepping.lines() if of_file.stepping is not None else ():
                click.echo(f"  {line}")
    for line in in_all(sum(len(of_file.problems) for of_file in found.values())):
        show.say(line)


def _checked(file: str, topology: Path, changes: dict[str, Any], given: list[str]) -> _Found:
    """Every problem of a file, of the files that it names, and of the changes; the changes without use."""
    from twin.model.scenario import Scenario
    from twin.simulation.stepping import stepped_as_counts, stepping_of
    from twin.spec.files import doubts_about, load_any
    from twin.spec.library import scenario_path
    from twin.spec.problems import SpecError

    warnings: list[Problem] = []
    try:
        path = scenario_path(file)
        warnings = doubts_about(path, topology, changes["with_files"], stepped_as_counts)
        record = load_any(path, topology, changes["with_files"])
        if not isinstance(record, Scenario):
            return _Found([], warnings, given)
        changed = changed_scenario(record, changes)
    except SpecError as error:
        return _Found(list(error.problems), warnings)
    return _Found([], warnings, stepping=stepping_of(changed))
