"""How the result of an experiment is read in Python: as rows, as a data frame, as text, in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from twin.base.text import html_table
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
        return html_table(self.headings, (map(_cell, row) for row in self.summary()))


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,.4g}" if isinstance(value, float) and abs(value) < 1000 else (
        f"{value:,.0f}" if isinstance(value, float) else str(value))  # fmt: skip


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
