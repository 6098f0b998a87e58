"""Problems of input, all in one form: file:line:column, found, expected, hint."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

RENAMED = {  # what files called a key or column before → its name now
    "measure": "metric",
    "also": "includes",
    "hangs_on": "coincidence",
    "stood": "status",
    "that_night": "in_the_event",
    "without": "removed_by",
    "hump": "episode",
}


@dataclass(frozen=True, order=True)
class Problem:
    """One problem. ``file``: a file, or the argument of a function or command that holds the value.

    Lines and columns count from 1, and are 0 for an argument. ``path`` leads to the value in the document; ''
    is the whole.
    """

    file: str
    line: int
    column: int
    path: str
    found: str
    expected: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        where = f"{place}: {self.path}: " if self.path else f"{place}: "
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}found {self.found}, expected {self.expected}{hint}"


def argument_problem(argument: str, found: str, expected: str, hint: str = "") -> SpecError:
    """An error about one argument of a function or command."""
    return SpecError([Problem(argument, 0, 0, "", found, expected, hint)])


class SpecError(Exception):
    """Bad input. ``problems`` holds every problem of every file and argument, in the order of the lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[type[SpecError], tuple[tuple[Problem, ...]]]:
        return SpecError, (self.problems,)  # so that it survives the way back from another process


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """'did you mean X?', or the known names if few, or ''."""
    names = sorted(known)
    renamed = [new for old, new in RENAMED.items() if old == name and new in names]
    close = renamed or difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(names)}" if 0 < len(names) <= 12 else ""


def shown(value: object) -> str:
    """A value in a message: short, on one line, without control characters."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if isinstance(value, bool):
        return str(value).lower()
    text = "".join(c if c.isprintable() else "?" for c in str(value))
    text = text if len(text) <= 60 else text[:57] + "..."
    return f"'{text}'" if isinstance(value, str) else text
