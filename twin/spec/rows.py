"""CSV text → a list of Trees, one a row, in which every cell knows its line and column.

The format is RFC 4180: a header; commas; quotes around a cell with a comma, a quote (doubled) or a line end.
Cells are text. In typed columns they are numbers and switches, read as in YAML.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from twin.spec.problems import Problem, SpecError, did_you_mean
from twin.spec.tree import Tree, file_text, plain_scalar

_CELL = re.compile(r'(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)')


def read_rows(
    path: Path,
    required: Collection[str],
    optional: Collection[str],
    typed: Collection[str],
    problems: list[Problem],
) -> list[Tree]:
    """The rows of a CSV file, each a mapping from column to cell. Empty optional cells are left out."""
    try:
        header, *rows = list(_lines(file_text(path, "a CSV file"), str(path)))
    except SpecError as error:
        problems.extend(error.problems)
        return []
    if bad := list(_header_problems(header, required, optional)):
        problems.extend(bad)
        return []
    trees = []
    for cells in rows:
        if len(cells) != len(header):
            expected = f"{len(header)} cells, as in the header"
            hint = "a cell with a comma or a quote needs quotes around it"
            problems.append(cells[0].problem("", f"{len(cells)} cells", expected, hint))
            continue
        trees.append(_row(header, cells, optional, typed))
    return trees


def _row(header: list[Tree], cells: list[Tree], optional: Collection[str], typed: Collection[str]) -> Tree:
    row = {}
    for name, cell in zip((h.value for h in header), cells, strict=True):
        if cell.value or name not in optional:
            cell.value = plain_scalar(cell.value) if name in typed and cell.value else cell.value
            row[name] = cell
    return Tree(row, cells[0].file, cells[0].line, 1)


def _header_problems(
    header: list[Tree], required: Collection[str], optional: Collection[str]
) -> Iterator[Problem]:
    names, known = [h.value for h in header], [*required, *optional]
    for i, cell in enumerate(header):
        if cell.value not in known:
            hint = did_you_mean(cell.value, known)
            yield cell.problem("", f"unknown column '{cell.value}'", "a known column", hint)
        elif cell.value in names[:i]:
            yield cell.problem("", f"column '{cell.value}' twice", "each column once")
    for name in required:
        if name not in names:
            yield header[0].problem("", f"no column '{name}'", f"'{name}'")


def _lines(text: str, file: str) -> Iterator[list[Tree]]:
    """Cells of each line. Raises SpecError where a quote is not closed or stands in the middle of a cell."""
    at = begin = 0  # where the next cell and its line begin
    line, row = 1, list[Tree]()
    while at < len(text) or row or line == 1:
        match = _CELL.match(text, at)
        if match is None:
            expected = 'a cell, or a cell in quotes with each quote in it doubled ("")'
            raise SpecError([Problem(file, line, at - begin + 1, "", "a quote out of place", expected)])
        quoted, bare, end = match.groups()
        row.append(Tree(bare if quoted is None else quoted.replace('""', '"'), file, line, at - begin + 1))
        at = match.end()
        line += match[0].count("\n")
        if "\n" in match[0]:
            begin = text.rindex("\n", 0, at) + 1
        if end != ",":
            if len(row) > 1 or row[0].value or line == 1:
                yield row
            row = []
            if at >= len(text):
                return
