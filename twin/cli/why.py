"""twin why."""

from __future__ import annotations

from pathlib import Path

import click

from twin.cli import _show as show
from twin.cli._command import command
from twin.cli._options import at_option, open_named_run, out_option, output_options


@command(
    "why",
    "twin why last sts",
    "twin why 3f9c lambda-invoke --at 06:20",
    "twin why last sts --at +4h --json",
)
@click.argument("run")
@click.argument("service")
@at_option
@out_option
@output_options
def why_command(run: str, service: str, at: str | None, out: Path, as_json: bool) -> None:
    """Explain why SERVICE broke in RUN: the chain of causes, back to the first.

    RUN is 'last', the id of a run, or its first characters. An onset is the time at which the service began
    to fail. With --at, the command explains the last onset at or before that time; without it, the first.
    """
    chain = open_named_run(run, out).why(service, at)
    if as_json:
        show.document(chain.as_json())
    else:
        show.prose(str(chain))
