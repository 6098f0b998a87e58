"""Numbers, times and tables as people and machines read them."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from twin.base.clock import Clock as Clock

WIDE = 200  # columns of a table that goes to a file or a pipe


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


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], numbers: Iterable[str] = ()) -> None:
    """A table on stdout; the columns in ``numbers`` are flush right.

    Text is wrapped at its spaces to fit the console. A name or a number is never broken: a table of many
    names is wider than the console.
    """
    from rich.table import Table

    right, lines = set(numbers), [[cell(value) for value in row] for row in rows]
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for n, column in enumerate(columns):
        is_text = any(" " in line[n] for line in lines)
        grid.add_column(column, justify="right" if column in right else "left", no_wrap=not is_text)
    for line in lines:
        grid.add_row(*line)
    out = console()
    out.width = max(out.width, out.measure(grid).minimum)
    out.print(grid)


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
