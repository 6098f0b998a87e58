"""twin why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from twin.cli import _show as show
from twin.cli._errors import BadInput
from twin.cli._options import debug_option, examples, json_option, open_run, out_option

if TYPE_CHECKING:
    from twin.api.run import Run


@click.command(
    "why",
    epilog=examples(
        "twin why last sts",
        "twin why 3f9c lambda-invoke --at 2025-10-20T06:30:00-07:00",
        "twin why last sts --at +4h --json",
    ),
)
@click.argument("run")
@click.argument("service")
@click.option("--at", metavar="TIME", help="The last onset at or before this time; without it, the first.")
@out_option
@json_option
@debug_option
def why_command(run: str, service: str, at: str | None, out: Path, as_json: bool) -> None:
    """Why SERVICE broke in RUN: the chain of causes, back to the first."""
    from twin.results.causes import chain_of

    opened = open_run(run, out)
    found = chain_of(opened, service, _tick_of(opened, at))
    if as_json:
        show.document(found.as_json())
    else:
        for line in found.lines():
            click.echo(line)


def _tick_of(run: Run, at: str | None) -> int | None:
    from twin.base import units

    if at is None:
        return None
    clock = show.Clock(run.manifest)
    try:
        return int(units.parse_time(at, clock.start) / clock.tick_s)
    except units.Refused as refused:
        raise BadInput(f"--at: found '{at}', {refused}") from None
