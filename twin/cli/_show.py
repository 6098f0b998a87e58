"""Numbers, times and tables as people and machines read them."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from twin.base.clock import Clock as Clock

WIDE = 200  # columns of a table that goes to a file or a pipe
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
    """Rich on stdout; wide where stdout is no terminal, so that a pipe gets whole lines."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)


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


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], numbers: Iterable[str] = ()) -> None:
    """A table on stdout; the columns in ``numbers`` are flush right.

    Text is wrapped at its spaces to fit the console. A name or a number is never broken: a table of many
    names is wider than the console.
    """
    from rich.table import Table

    right, lines, out = set(numbers), [[cell(value) for value in row] for row in rows], console()
    in_columns = [[line[n] for line in lines] for n in range(len(columns))]
    titles = list(columns)
    if sum(map(_least, titles, in_columns)) + GAP * (len(columns) - 1) > out.width:
        titles = [_folded(title, cells) for title, cells in zip(columns, in_columns, strict=True)]
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for column, title, cells in zip(columns, titles, in_columns, strict=True):
        least, justify = _least(title, cells), "right" if column in right else "left"
        grid.add_column(title, justify=justify, min_width=least)  # type: ignore[arg-type]
    for line in lines:
        grid.add_row(*line)
    out.width = max(out.width, sum(map(_least, titles, in_columns)) + GAP * (len(columns) - 1))
    out.print(grid)


def _least(title: str, cells: Iterable[str]) -> int:
    """The width of a column whose text is wrapped at each space, but for that of its title."""
    return _longest([*title.splitlines(), *(word for text in cells for word in text.split())])


def _folded(title: str, cells: Iterable[str]) -> str:
    """A title that is wider than its column, a word a line."""
    return title if len(title) <= _longest(cells) else title.strip().replace(" ", "\n")


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
