"""Writes every generated file: ``make docs``. One is docs/command-line.md, made here from the commands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import click

from twin.base.places import LIBRARY
from twin.cli import JOBS
from twin.cli._command import HEADINGS, HeadedOption
from twin.cli._errors import EXIT_CODES
from twin.report.reference import generated

INTRODUCTION = """\
# Command line

<!-- Written by `make docs` from the commands. Edit those. -->

`twin COMMAND --help` explains one command. An option has the same meaning in every command that takes it.

| Word | Meaning |
|---|---|
| SCENARIO | a file, or a name of `twin list scenarios` |
| RUN | `last`, the id of a run, or its first characters |
| TIME | `07:50` (the first one after the start, in its zone), `+2h`, or ISO 8601 with a zone |
| DURATION | a number with a unit, as in `90s`, `15m`, `1h30m` |
| world | one set of values for the uncertain inputs, the delays of people and the random numbers (noise) |
| noise | all randomness inside a run |
| SERVICE | a name that `twin list services` prints |
"""


def generated_files() -> dict[str, str]:
    """Path relative to the root → the text that should be there."""
    return {**generated(), "docs/command-line.md": command_line_page()}


def command_line_page() -> str:
    """Markdown: the commands by job, the options by heading."""
    codes = (_row(str(code), meaning) for code, meaning in EXIT_CODES.items())
    exits = ["\n", *_table_head("Exit code", "Meaning"), *codes]
    return "".join([INTRODUCTION, *exits, "\n## Commands\n\n", *_commands(), *_options()])


def _commands() -> Iterator[str]:
    yield from _table_head("Job", "Command", "What it does")
    for job, commands in JOBS.items():
        for n, command in enumerate(commands):
            yield _row(job if n == 0 else "", f"`twin {command.name}`", command.get_short_help_str(200))


def _options() -> Iterator[str]:
    commands = [command for group in JOBS.values() for command in group]
    for heading in HEADINGS:
        takers: dict[tuple[str, str], list[click.Command]] = {}
        for command in commands:
            for option in command.params:
                if getattr(option, "heading", None) == heading:
                    takers.setdefault((_spelling(option), _meaning(option)), []).append(command)
        yield f"\n## {heading}\n\n"
        yield from _table_head("Option", "Meaning", "Commands")
        for (name, meaning), those in takers.items():
            yield _row(f"`{name}`", meaning, _names(those, len(commands)))


def names_under(command: click.Command, heading: str) -> list[str]:
    """The options of a command under a heading, as they are written."""
    return [_spelling(p) for p in command.params if getattr(p, "heading", None) == heading]


def _spelling(option: click.Parameter) -> str:
    """'--until TIME'."""
    if not isinstance(option, HeadedOption):
        return ""
    names = ", ".join([*option.opts, *option.secondary_opts])
    return names if option.is_flag else f"{names} {option.make_metavar(click.Context(click.Command('')))}"


def _meaning(option: Any) -> str:
    help = str(option.help).split("  [default")[0]
    return " ".join([help, *(f"`{name}`: {meaning}." for name, meaning in option.meanings.items())])


def _names(commands: Iterable[click.Command], of: int) -> str:
    names = [f"`{command.name}`" for command in commands]
    return "all" if len(names) == of else ", ".join(names)


def _table_head(*columns: str) -> Iterator[str]:
    yield _row(*columns)
    yield "|" + "---|" * len(columns) + "\n"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def main() -> None:
    """Bring every generated file up to date."""
    for name, text in generated_files().items():
        path = LIBRARY / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
