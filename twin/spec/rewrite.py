"""Writes new values into a scenario's file. Only the characters of these values change.

The new text is parsed and compared with the old one first. Then it replaces the file by rename, so a file is
never half written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from twin.base import units
from twin.model.step_numbers import is_moment
from twin.spec.problems import Problem, SpecError
from twin.spec.step_numbers import STEPS, places_of
from twin.spec.tree import Tree, file_text, parse_tree

_SCALAR = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s,}\]]+""")


def value_places(tree: Tree) -> dict[str, Tree]:
    """Target, or id of a fault or action → the Tree of the value in a scenario's file."""
    places = {t: q.get("value") for t, q in tree.items("parameters")}
    for step in (x for key in STEPS for x in tree.elements(key)):
        name = str(step.scalar("id"))
        at = step.get("at")
        places[name] = at.get("value") if at is not None and isinstance(at.value, dict) else at
        places |= {f"{name}.{key}": holder.get(inner, "value") for holder, inner, key in places_of(step)}
    return {target: place for target, place in places.items() if place is not None}


def written(value: float | int, unit: str, old: str, start: datetime, is_time: bool) -> str:
    """A value as text for the file. A time keeps its form: relative to the start, or time of day."""
    if is_time:
        return "+" + units.format_duration(value) if old.startswith("+") else units.format_time(value, start)
    if unit == "s":
        return units.format_duration(value)
    return f"{value:.10g}/s" if unit == "1/s" else f"{value:.10g}"


def rewrite(path: Path, values: Mapping[str, tuple[float | int, str]], start: datetime) -> None:
    """Write new values, target → (value in SI, unit), into a scenario's file.

    A target without a dot is the id of a fault or action: its time is set. Raises OSError, and SpecError if
    the file does not contain one of the values; then nothing is changed.
    """
    text, problems = file_text(path), list[Problem]()
    tree = parse_tree(text, str(path), problems)
    if tree is None:
        raise SpecError(problems)
    places = value_places(tree)
    missing = [target for target in values if target not in places]
    if missing:
        expected = "parameters: or a fault or action of this file, to write the value to"
        raise SpecError([Problem(str(path), 1, 1, t, f"no {t} here", expected) for t in missing])
    changes = {}
    for target, (value, unit) in values.items():
        old = str(places[target].value)
        changes[target] = written(value, unit, old, start, is_moment(target))
    new = _replaced(text, {(places[t].line, places[t].column): word for t, word in changes.items()})
    _compare(tree, new, changes, path)
    _write(path, new)


def _replaced(text: str, words: Mapping[tuple[int, int], str]) -> str:
    """The text with the scalar at each (line, column) replaced."""
    lines = text.split("\n")
    for line, column in sorted(words, reverse=True):
        row = lines[line - 1]
        scalar = _SCALAR.match(row, column - 1)
        end = scalar.end() if scalar else column - 1
        lines[line - 1] = row[: column - 1] + words[line, column] + row[end:]
    return "\n".join(lines)


def _compare(old: Tree, new: str, changes: Mapping[str, str], path: Path) -> None:
    """Raises SpecError if ``new`` differs from the old file in anything but the changes."""
    problems: list[Problem] = []
    tree = parse_tree(new, str(path), problems)
    if tree is None or problems:
        raise SpecError(problems)
    for target, place in value_places(old).items():
        if target in changes:
            place.value = _read(changes[target])
    if old.plain() != tree.plain():
        expected = "values that can be replaced on their line"
        raise SpecError([Problem(str(path), 1, 1, "", "values written in an unusual way", expected)])


def _read(word: str) -> Any:
    tree = parse_tree(f"value: {word}", "", [])
    return tree.scalar("value") if tree else word


def _write(path: Path, text: str) -> None:
    """Replace a file by rename and keep its permissions. A symbolic link stays; its target is replaced."""
    path = path.resolve()
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(text.encode())
        partial.chmod(path.stat().st_mode)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
