"""How the result of an experiment is read in Python: as rows, as a data frame, as text, in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any, ClassVar

from twin.experiments.store import arrow_table


class Tabular:
    """A result with ``rows()`` of data, and a short ``summary()`` under ``headings`` for people."""

    headings: ClassVar[Sequence[str]] = ()

    def rows(self) -> Iterable[dict[str, Any]]:
        """The data, a dict a row."""
        raise NotImplementedError

    def summary(self) -> Iterable[tuple[object, ...]]:
        """The rows of ``table()``."""
        raise NotImplementedError

    def frame(self) -> Any:
        """The rows as an Arrow table; its ``to_pandas()`` gives a pandas data frame."""
        return arrow_table(list(self.rows()))

    def table(self) -> str:
        """The summary as text, in columns."""
        lines = [tuple(self.headings), *(tuple(map(_cell, row)) for row in self.summary())]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(_line(cells, widths) for cells in lines)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(h)}</th>" for h in self.headings)
        body = "".join(f"<tr>{''.join(_html(row))}</tr>" for row in self.summary())
        return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,.4g}" if isinstance(value, float) and abs(value) < 1000 else (
        f"{value:,.0f}" if isinstance(value, float) else str(value))  # fmt: skip


def _html(row: Iterable[object]) -> Iterator[str]:
    return (f"<td>{escape(_cell(value))}</td>" for value in row)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
