"""Numbers, times and tables as people and machines read them."""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from twin.base.clock import Clock as Clock
from twin.base.text import counted as counted

WIDE = 120  # columns of a table that goes to a file or a pipe, unless COLUMNS says otherwise
GAP = 2  # columns between those of a table


def document(value: object) -> None:
    """One JSON document on stdout; null for what never comes or never ends: JSON has no infinity."""
    click.echo(json.dumps(_finite(value), indent=2, default=_plain, allow_nan=False))


def _finite(value: Any) -> Any:
    """The same, without numbers that JSON has not."""
    if isinstance(value, float):  # of numpy too
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list | tuple) else value


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Comma-separated values with a header; times in ISO 8601, nothing for NULL."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_plain(v) if isinstance(v, datetime) else v for v in row] for row in rows)
    return text.getvalue()


def console() -> Any:
    """Rich on stdout, as wide as COLUMNS, the terminal, or WIDE."""
    from rich.console import Console

    class Piped(Console):
        """A closed pipe is an error like any other, and not the end of the process with exit code 1."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Piped(highlight=False, width=shutil.get_terminal_size((WIDE, 24)).columns)


def prose(text: str) -> None:
    """Sentences on stdout, wrapped to fit the console; a wrapped line is indented more than it begins."""
    width = console().width
    for line in text.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        click.echo(
            textwrap.fill(
                line.strip(), width, initial_indent=indent, subsequent_indent=indent + "  ",
                break_long_words=False, break_on_hyphens=False,
            )
        )  # fmt: skip


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], numbers: Iterable[str] = (),
    whole: Iterable[str] = (), key: int | None = None,
) -> None:  # fmt: skip
    """A table on stdout; the columns in ``numbers`` are flush right.

    Text is wrapped at its spaces to fit the console, but that of the columns in ``whole``. A name or a number
    is never broken, so a table of many names is wider than the console. With a ``key`` it is printed as
    several tables that repeat the first ``key`` columns.
    """
    lines = [[cell(value) for value in row] for row in rows]
    shown = [
        _Column(title, [line[n] for line in lines], title in set(numbers), title in set(whole))
        for n, title in enumerate(columns)
    ]
    width = console().width
    parts = [shown] if key is None else _parts(shown[:key], shown[key:], width)
    for n, part in enumerate(parts):
        click.echo("\n" * (n > 0), nl=False)
        _print(part, width)


class _Column:
    """A column of a table: its title, its cells, how they are set."""

    def __init__(self, title: str, cells: Sequence[str], is_right: bool, is_whole: bool) -> None:
        self.title, self.cells, self.is_right = title, cells, is_right
        words = cells if is_whole else [word for text in cells for word in text.split()]
        self.least = _longest([*title.split(), *words])
        self.most = _longest([title, *cells])


def _parts(first: Sequence[_Column], others: Sequence[_Column], width: int) -> list[list[_Column]]:
    """As many tables as it takes for each to fit the width, if one more column can."""
    parts = [list(first)]
    for column in others:
        if len(parts[-1]) > len(first) and _span([*parts[-1], column]) > width:
            parts.append(list(first))
        parts[-1].append(column)
    return parts


def _span(columns: Sequence[_Column]) -> int:
    return sum(column.least for column in columns) + GAP * (len(columns) - 1)


def _print(columns: Sequence[_Column], width: int) -> None:
    from rich.table import Table

    grid, out = Table(box=None, pad_edge=False, header_style="bold"), console()
    widths = _widths(columns, width - GAP * (len(columns) - 1))
    for column, given in zip(columns, widths, strict=True):
        grid.add_column(column.title.strip(), justify="right" if column.is_right else "left", width=given)
    for line in zip(*(column.cells for column in columns), strict=True):
        grid.add_row(*line)
    out.width = max(width, sum(widths) + GAP * (len(columns) - 1))
    out.print(grid)


def _widths(columns: Sequence[_Column], room: int) -> list[int]:
    """The widest is narrowed first, until all fit or each has its least width."""
    widths, least = [c.most for c in columns], [c.least for c in columns]
    while sum(widths) > room and widths != least:
        widest = max((n for n in range(len(widths)) if widths[n] > least[n]), key=widths.__getitem__)
        widths[widest] -= 1
    return widths


def _longest(texts: Iterable[str]) -> int:
    from rich.text import Text

    return max((Text.from_markup(text).cell_len for text in texts), default=0)


def cell(value: object) -> str:
    """One value of a table: without what a terminal or Rich would obey."""
    from rich.markup import escape

    if value is None:
        return ""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return escape("".join(c if c.isprintable() else "?" for c in text))


def minutes(value: float | None) -> str:
    """'12.5'; '' for None."""
    return "" if value is None else f"{value:.1f}"


def say(text: str) -> None:
    """A line for people, beside the data: on stderr."""
    click.echo(text, err=True)
