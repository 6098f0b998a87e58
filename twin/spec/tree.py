"""YAML text → a tree in which every value knows its line and column.

It is built from the events of the YAML parser (libyaml, if installed). PyYAML's own objects would not do:
they read 3:15:00 as 11700 and ``no`` as False, and silently keep the last of two equal keys. Here scalars
have the types of YAML 1.2: true, false, null, whole and decimal numbers; everything else is text. Aliases,
tags and a second document are refused: no file here needs them, and aliases can make a small file huge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from twin.base.units import format_size
from twin.spec.problems import Problem, SpecError, did_you_mean, shown

MAX_FILE_BYTES = 5_000_000
MAX_DEPTH = 40

_Loader = getattr(yaml, "CLoader", yaml.Loader)
_CONSTANTS: dict[str, bool | None] = {"~": None, "": None}
for _word, _constant in (("true", True), ("false", False), ("null", None)):
    _CONSTANTS |= {_word: _constant, _word.capitalize(): _constant, _word.upper(): _constant}
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(slots=True)
class Tree:
    """A value with its place.

    ``value``: a dict of Trees, a list of Trees, or a scalar. ``key``: line and column of its key in the
    mapping around it. Lines and columns count from 1. ``origin_above``: a number whose origin stands at the
    top of its file.
    """

    value: Any
    file: str
    line: int
    column: int
    key: tuple[int, int] | None = None
    origin_above: bool = False

    def get(self, *path: str | int) -> Tree | None:
        """The Tree at a path below, None where there is none."""
        tree: Tree | None = self
        for part in path:
            tree = tree._child(part) if tree is not None else None
        return tree

    def _child(self, part: str | int) -> Tree | None:
        if isinstance(self.value, dict):
            return self.value.get(part)
        if isinstance(self.value, list) and isinstance(part, int) and 0 <= part < len(self.value):
            return self.value[part]
        return None

    def items(self, *path: str | int) -> list[tuple[str, Tree]]:
        """Keys and Trees of the mapping at a path; empty where there is no mapping."""
        tree = self.get(*path)
        return list(tree.value.items()) if tree is not None and isinstance(tree.value, dict) else []

    def elements(self, *path: str | int) -> list[Tree]:
        """Trees of the list at a path; empty where there is no list."""
        tree = self.get(*path)
        return list(tree.value) if tree is not None and isinstance(tree.value, list) else []

    def scalar(self, *path: str | int) -> Any:
        """The scalar at a path; None where there is none."""
        tree = self.get(*path)
        return None if tree is None or isinstance(tree.value, dict | list) else tree.value

    def plain(self) -> Any:
        """The value in Python's own dicts and lists."""
        if isinstance(self.value, dict):
            return {key: tree.plain() for key, tree in self.value.items()}
        if isinstance(self.value, list):
            return [tree.plain() for tree in self.value]
        return self.value

    def problem(self, path: str, found: str, expected: str, hint: str = "", at_key: bool = False) -> Problem:
        """A Problem at this place, or at the key that leads to it."""
        line, column = self.key if at_key and self.key else (self.line, self.column)
        return Problem(self.file, line, column, path, found, expected, hint)


class Cell(Tree):
    """A value of a Parquet table: ``line`` is its row, ``column`` is 0. A number is in SI units.

    ``named``: its column; '' for what takes a whole row.
    """

    __slots__ = ("named",)
    named: str

    def __init__(self, *place: Any, named: str = "", **more: Any) -> None:
        super().__init__(*place, **more)
        self.named = named

    def problem(self, path: str, found: str, expected: str, hint: str = "", at_key: bool = False) -> Problem:
        """A Problem of this row and column."""
        said = Tree.problem(self, path, found, expected, hint, at_key)
        return replace(said, column_name=self.named)


def read_tree(path: Path | str, problems: list[Problem]) -> Tree | None:
    """The tree of a YAML file; None, with the reason added to ``problems``, if it cannot be read."""
    try:
        text = file_text(Path(path))
    except SpecError as error:
        problems.extend(error.problems)
        return None
    return parse_tree(text, str(path), problems)


def parse_tree(text: str, file: str, problems: list[Problem]) -> Tree | None:
    """As read_tree, from a text."""
    before = len(problems)
    try:
        root = _Builder(file, problems).build(yaml.parse(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        problems.append(_syntax_problem(error, file))
        return None
    if root is None or root.value is None:
        if len(problems) == before:
            problems.append(Problem(file, 1, 1, "", "an empty file", "a mapping"))
        return None
    if not isinstance(root.value, dict):
        problems.append(root.problem("", shown(root.value), "a mapping of keys to values"))
        return None
    return root


def _syntax_problem(error: yaml.MarkedYAMLError, file: str) -> Problem:
    """The complaint of the YAML parser, in plain words where that is easy."""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    message = error.problem or error.context or "a syntax error"
    found, expected, hint = message.removeprefix("found "), "YAML", error.context or ""
    if message.startswith("did not find expected "):
        found, expected = "something else", message.removeprefix("did not find expected ")
    elif both := re.fullmatch("expected (.*), but (?:found|got) (.*)", message):
        expected, found = both.groups()
    elif message.startswith("mapping values are not allowed"):
        found, hint = "': ' inside a value", "put the text in quotes"
    return Problem(file, line, column, "", found, expected, hint)


def file_text(path: Path, wanted: str = "a YAML file") -> str:
    """The text of a file. Raises SpecError if it is too large, not UTF-8, or has control characters."""

    def refusal(found: str, expected: str, hint: str = "", before: str = "") -> SpecError:
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        return SpecError([Problem(str(path), line, column, "", found, expected, hint)])

    try:
        if path.is_dir():
            raise refusal("a folder", wanted)
        if not path.exists():
            raise refusal("no such file", wanted, _nearest(path))
        if not path.is_file():
            raise refusal("a device or pipe", wanted)
        if (size := path.stat().st_size) > MAX_FILE_BYTES:
            expected = f"at most {format_size(MAX_FILE_BYTES)}"
            raise refusal(format_size(size), expected, "split it, or is this another file?")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise refusal(getattr(error, "strerror", None) or str(error), wanted) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        raise refusal(f"byte 0x{data[error.start]:02x}", "text in UTF-8", "a binary file?", before) from None
    if bad := _UNREADABLE.search(text):
        raise refusal(f"control character 0x{ord(bad[0]):02x}", "text", "a binary file?", text[: bad.start()])
    return text


def _nearest(path: Path) -> str:
    """A file of the same sort beside it with a similar name: that all end in .yaml is no likeness."""
    candidates = path.parent.glob(f"*{path.suffix}") if path.parent.is_dir() else ()
    hint = did_you_mean(path.stem, (candidate.stem for candidate in candidates))
    return f"{hint[:-1]}{path.suffix}?" if hint.startswith("did") else ""


@dataclass
class _Builder:
    """Builds a Tree from events, with its own stack: deep files cannot exhaust Python's."""

    file: str
    problems: list[Problem]
    root: Tree | None = None
    documents: int = 0
    open: list[Tree] = field(default_factory=list)
    names: list[Tree | None] = field(default_factory=list)  # of each level, the key that waits for its value
    trail: list[str] = field(default_factory=list)  # of each level, the key or position above it

    def build(self, events: Iterator[yaml.Event]) -> Tree | None:
        for event in events:
            if isinstance(event, yaml.ScalarEvent):
                self._add(self._tree(event, _typed(event)))
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                self._open(event)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                for levels in (self.open, self.names, self.trail):
                    levels.pop()
            elif isinstance(event, yaml.AliasEvent):
                self._refuse(event, f"alias *{event.anchor}", "the value written out")
                self._add(self._tree(event, None))
            elif isinstance(event, yaml.DocumentStartEvent):
                self.documents += 1
                if self.documents > 1:
                    self._refuse(event, "a second document", "one document a file")
                    return self.root
            if len(self.open) > MAX_DEPTH:
                self._refuse(event, f"more than {MAX_DEPTH} levels", "a flatter document")
                return None
        return self.root

    def _tree(self, event: yaml.NodeEvent, value: Any) -> Tree:
        tag = getattr(event, "tag", None)
        if tag is not None and tag != "!":
            self._refuse(event, f"tag {shown(tag)}", "no tag", "values are typed by the schema")
        return Tree(value, self.file, *_place(event))

    def _open(self, event: yaml.NodeEvent) -> None:
        tree = self._tree(event, {} if isinstance(event, yaml.MappingStartEvent) else [])
        if self.open and isinstance(self.open[-1].value, dict) and self.names[-1] is None:
            tree.value = {} if isinstance(tree.value, dict) else []
            self._refuse(event, f"{shown(tree.value)} as a key", "a name", "'{a: b}' needs quotes")
        self.trail.append(self._part())
        self._add(tree)
        self.open.append(tree)
        self.names.append(None)

    def _add(self, tree: Tree) -> None:
        """Adds a value to the open mapping or list, or takes it as the key of the next value."""
        if not self.open:
            self.root = tree
        elif isinstance(self.open[-1].value, list):
            self.open[-1].value.append(tree)
        elif (name := self.names[-1]) is None:
            self.names[-1] = tree
        else:
            self.names[-1] = None
            tree.key = (name.line, name.column)
            self._put(self.open[-1].value, name, tree)

    def _put(self, mapping: dict[Any, Tree], name: Tree, tree: Tree) -> None:
        key = name.value if isinstance(name.value, str) else shown(name.value)
        if key in mapping:
            line = (mapping[key].key or (mapping[key].line, 0))[0]
            hint = f"the first is on line {line}"
            path, found = self._path(key), f"key {shown(key)} twice"
            self.problems.append(name.problem(path, found, "each key once", hint))
            return
        mapping[key] = tree

    def _refuse(self, event: yaml.Event, found: str, expected: str, hint: str = "") -> None:
        self.problems.append(Problem(self.file, *_place(event), self._path(), found, expected, hint))

    def _path(self, *more: str) -> str:
        """The current path: keys and positions of the open mappings and lists."""
        return ".".join(part for part in [*self.trail, self._part(), *more] if part)

    def _part(self) -> str:
        """Key or position of the next value in the open mapping or list; '' if a key comes next."""
        if self.open and isinstance(self.open[-1].value, list):
            return str(len(self.open[-1].value))
        name = self.names[-1] if self.names else None
        return "" if name is None else str(name.value)


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    assert mark is not None
    return mark.line + 1, mark.column + 1


def _typed(event: yaml.ScalarEvent) -> Any:
    """A plain scalar as YAML 1.2 reads it; a quoted one is text."""
    return plain_scalar(event.value) if event.implicit[0] else event.value


def plain_scalar(text: str) -> bool | int | float | str | None:
    """Text without quotes as YAML 1.2 reads it."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.fullmatch(text):
        return int(text) if len(text) < 300 else text
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if number - number == 0 else text  # 1e999 stays text: no number of ours is infinite
    return text


def must_read(path: Path | str) -> Tree:
    """The tree of a file that can be read. Raises SpecError."""
    problems: list[Problem] = []
    tree = read_tree(path, problems)
    if tree is None:
        raise SpecError(problems)
    return tree
