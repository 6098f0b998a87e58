"""twin why."""

from __future__ import annotations

from pathlib import Path

import click

from twin.cli import _show as show
from twin.cli._options import debug_option, examples, json_option, open_run, out_option


@click.command(
    "why",
    epilog=examples(
        "twin why last sts",
        "twin why 3f9c lambda-invoke --at 06:20",
        "twin why last sts --at +4h --json",
    ),
)
@click.argument("run")
@click.argument("service")
@click.option(
    "--at",
    metavar="TIME",
    help="The last onset at or before this time, as in 06:20 or +4h; without it, the first.",
)
@out_option
@json_option
@debug_option
def why_command(run: str, service: str, at: str | None, out: Path, as_json: bool) -> None:
    """Why SERVICE broke in RUN: the chain of causes, back to the first."""
    chain = open_run(run, out).why(service, at)
    if as_json:
        show.document(chain.as_json())
    else:
        click.echo(str(chain))
