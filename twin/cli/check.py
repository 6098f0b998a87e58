"""twin check: every problem of every file, with its line and column."""

from __future__ import annotations

from pathlib import Path

import click

from twin.base.places import TOPOLOGY
from twin.cli import _show as show
from twin.cli._errors import BAD_INPUT
from twin.cli._options import debug_option, examples, json_option


@click.command(
    "check",
    epilog=examples(
        "twin check scenarios/*.yaml",
        "twin check topology/us-east-1 data/published/*.yaml",
        "twin check my-services.yaml --topology topology/us-east-1 --json",
    ),
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@click.option(
    "--topology",
    type=click.Path(path_type=Path),
    default=TOPOLOGY,
    metavar="DIR",
    help="Topology under files of services and mitigations.  [default: topology/us-east-1]",
)
@json_option
@debug_option
def check_command(files: tuple[Path, ...], topology: Path, as_json: bool) -> None:
    """Check files and report every problem of each; exit code 2 if there is any.

    Scenarios, topologies (a folder or its files), services of your own, mitigations, what-ifs, variants
    of the model, barriers, published timelines and sources: what a file is shows from its keys.
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
