"""How results are shown in Python: a count with its noun, and a table for a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def counted(count: int, noun: str) -> str:
    """'1 world', '2 worlds'."""
    return f"{count} {noun}{'s' * (count != 1)}"


def html_table(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """A table of escaped text."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(v))}</td>" for v in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
