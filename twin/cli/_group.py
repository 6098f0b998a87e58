"""The group of all commands: its help lists them by job, and every failure becomes an exit code."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from twin.base.progress import listening
from twin.cli._errors import reader_gone, report_error


class Group(click.Group):
    """Commands under the job that they do."""

    def __init__(
        self, name: str | None = None, *, jobs: Mapping[str, Sequence[click.Command]], **more: Any
    ) -> None:
        commands = [command for group in jobs.values() for command in group]
        super().__init__(name, commands=commands, **more)
        self.jobs = jobs

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.commands))
        for job, commands in self.jobs.items():
            with formatter.section(job):
                formatter.write_dl([(f"{c.name:<{width}}", c.get_short_help_str(80)) for c in commands])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["twin.args"] = list(args)
        try:
            return super().parse_args(ctx, args)
        except BrokenPipeError:  # of --help
            ctx.exit(reader_gone())

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with listening(show_progress):
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:
            ctx.exit(reader_gone())
        except (Exception, KeyboardInterrupt) as error:
            ctx.exit(report_error(error, ctx))


def show_progress(what: str, done: int, total: int) -> None:
    """How far loading has come, on one line of stderr. Nothing if that is no terminal."""
    if sys.stderr.isatty():
        click.echo(f"\r{done:,} of {total:,} {what} ", nl=done >= total, err=True)
