"""twin why."""

from __future__ import annotations

from pathlib import Path

import click

from twin.cli import _show as show
from twin.cli._command import command, headed_option
from twin.cli._options import at_option, open_named_run, out_option, output_options


@command(
    "why",
    "twin why last sts",
    "twin why 3f9c lambda-invoke --at 06:20",
    "twin why last sts --at 07:45 --keeps",
    "twin why last sts --at +4h --json",
)
@click.argument("run")
@click.argument("service")
@at_option
@headed_option(
    "--keeps", is_flag=True, help="Explain what keeps SERVICE down at that time, not what broke it."
)
@out_option
@output_options
def why_command(run: str, service: str, at: str | None, keeps: bool, out: Path, as_json: bool) -> None:
    """Explain why SERVICE broke in RUN: the chain of causes, back to the first.

    RUN is 'last', the id of a run, or its first characters. An onset is the time at which the service began
    to fail. With --at, the command explains the last onset at or before that time; without it, the first.

    --keeps asks what keeps the service down at that time, or at the end of the run: the services that fail by
    each other, what waits there and how long that takes, and the faults that still act.
    """
    found = open_named_run(run, out)
    chain = found.keeps_down(service, at) if keeps else found.why(service, at)
    if as_json:
        show.document(chain.as_json())
    else:
        show.prose(str(chain))
