"""A command whose options stand under headings in its help."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

OWN, CHANGES, PLACE, OUTPUT = "Options", "Changes to the scenario", "Where it runs", "Output"
HEADINGS = (OWN, CHANGES, PLACE, OUTPUT)
HELP = {"help_option_names": ["-h", "--help"]}
HELP_WIDTH = 80
FORMER = {  # option of an earlier version → its name now
    "--draws": "--worlds",
    "--max-runs": "--budget",
    "--services": "--by-service",
    "--shipped": "--replicates",
    "--workers": "--actors",
}


class HeadedOption(click.Option):
    """An option that knows the heading that it stands under.

    ``meanings``: of the values to choose from, each with one line of help.
    """

    def __init__(
        self, *arguments: Any, heading: str = OWN, meanings: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        if meanings:
            more["type"] = click.Choice(list(meanings))
        super().__init__(*arguments, **more)
        self.heading, self.meanings = heading, meanings or {}

    def get_help_extra(self, ctx: click.Context) -> Any:
        """The default and the environment variable. A number out of its range is refused with the range."""
        extra = super().get_help_extra(ctx)
        extra.pop("range", None)
        if isinstance(self.show_default, str):
            extra["default"] = self.show_default
        return extra

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        if record is None or not self.meanings:
            return record
        width = max(map(len, self.meanings))
        lines = (f"{name:<{width}}  {meaning}" for name, meaning in self.meanings.items())
        return record[0], record[1] + "\n\n\b\n" + "\n".join(lines)


class HeadedCommand(click.Command):
    """A command whose help has its options under HEADINGS, in this order."""

    def get_help_option_names(self, ctx: click.Context) -> list[str]:
        """In whichever context: click keeps the first answer."""
        return HELP["help_option_names"]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            now = FORMER.get(error.option_name)
            if now not in {name for p in self.params for name in p.opts}:
                raise
            raise click.UsageError(f"{error.message} Did you mean '{now}'?", ctx) from None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for heading in HEADINGS:
            options = [p for p in self.get_params(ctx) if _heading(p) == heading]
            if lines := [line for line in (p.get_help_record(ctx) for p in options) if line is not None]:
                with formatter.section(heading):
                    formatter.write_dl(lines)


def _heading(parameter: click.Parameter) -> str:
    """Click makes --help itself."""
    return getattr(parameter, "heading", OUTPUT if isinstance(parameter, click.Option) else "")


def command(name: str, *lines: str, note: str = "") -> Callable[[Callable[..., Any]], HeadedCommand]:
    """A command of this name, with ``lines`` as its examples. ``note`` stands before them."""
    return click.command(name, cls=HeadedCommand, epilog="\n\n".join(filter(None, (note, examples(*lines)))))


def examples(*lines: str) -> str:
    """The end of a help text: command lines that fit HELP_WIDTH."""
    return "\b\nExamples:\n" + "\n".join(f"  {_folded(line)}" for line in lines)


def _folded(line: str) -> str:
    """A command line, continued on the next one before the last option that fits."""
    if len(line) <= HELP_WIDTH - 4:
        return line
    at = max(line.rfind(mark, 0, HELP_WIDTH - 6) for mark in (" --", " && "))
    return f"{line[:at]} \\\n      {_folded(line[at + 1 :])}"


def headed_option(*declarations: str, **attributes: Any) -> Callable[[F], F]:
    """An option under a heading."""
    return click.option(*declarations, cls=HeadedOption, **attributes)


def all_of(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator, in this order."""

    def decorate(function: F) -> F:
        for one in reversed(options):
            function = one(function)
        return function

    return decorate
