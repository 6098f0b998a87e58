"""twin check: every problem of every file, with its line and column."""

from __future__ import annotations

from pathlib import Path

import click

from twin.cli import _show as show
from twin.cli._command import command
from twin.cli._errors import BAD_INPUT
from twin.cli._options import output_options, topology_option


@command(
    "check",
    "twin check scenarios/*.yaml",
    "twin check topology/us-east-1 data/published/*.yaml",
    "twin check my-services.yaml --topology topology/us-east-1 --json",
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@topology_option
@output_options
def check_command(files: tuple[Path, ...], topology: Path, as_json: bool) -> None:
    """Check files: every problem, with its line and column.

    The keys of a file show what it is: a scenario, a topology (a folder or one of its files), services of
    your own, a mitigation, a what-if, a variant, barriers, a published timeline or sources.

    The exit code is 2 if there is a problem.
    """
    from twin.spec.files import problems_of

    found = {str(file): problems_of(file, topology) for file in files}
    if as_json:
        show.document(
            [{"file": f, "ok": not ps, "problems": [vars(p) for p in ps]} for f, ps in found.items()]
        )
    else:
        for file, problems in found.items():
            for problem in problems:
                show.say(str(problem))
            if not problems:
                click.echo(f"{file}: ok")
    if any(found.values()):
        click.get_current_context().exit(BAD_INPUT)
