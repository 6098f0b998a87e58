"""Scenarios, and files that name a scenario as their base: another scenario or a what-if.

A scenario with ``base:`` is its base with some changes, which have the keys of a Variation. If it starts at
another time, the interventions of its base move with it. It has no published timeline: the published
outcomes belong to its base.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from twin.base import units
from twin.base.garbage import no_garbage
from twin.base.units import Refused
from twin.model.changes import Extension, WhatIf
from twin.model.scenario import Scenario
from twin.model.scoring import Scoring
from twin.spec.examples import spread_origin
from twin.spec.overrides import vary
from twin.spec.problems import Problem, SpecError, did_you_mean
from twin.spec.responders import with_responders
from twin.spec.scenario import check_steps, load_whole
from twin.spec.tree import Tree, must_read, read_tree
from twin.spec.variations import Kinds, checked

Bases = dict[tuple[str, ...], Scenario]

KEPT = ("duration_s", "sample_s", "seed")  # as in the base, unless the file gives another


@no_garbage()
def load_scenario(
    path: Path | str,
    with_files: Iterable[Path | str] = (),
    topology: Path | str | None = None,
    *,
    kinds: Mapping[str, Any] | None = None,
) -> Scenario:
    """The scenario in a file. Its ``parameters`` are in its topology already; all numbers are in SI.

    ``with_files``: files with services of one's own, laid on top. ``topology``: a folder in place of the one
    that the scenario (or its base) names. ``kinds``: kind → object with PARAMETERS; the default is all kinds
    of the package. Raises SpecError with every problem of every file; problems of a base are reported alone.
    """
    return _load(Path(path), tuple(with_files), topology, kinds, ())


def _load(
    path: Path, with_files: tuple[Path | str, ...], topology: Path | str | None, kinds: Kinds,
    above: tuple[Path, ...],
) -> Scenario:  # fmt: skip
    """``above``: the files that name this one as their base, directly or not."""
    problems: list[Problem] = []
    tree = read_tree(path, problems)
    if tree is None:
        raise SpecError(problems)
    spread_origin(tree, problems)
    named = tree.get("base")
    if named is None:
        return load_whole(tree, path, with_files, topology, kinds, problems)
    if problems:
        raise SpecError(problems)
    above = (*above, path.resolve())
    file = _file(named, path)
    if file.resolve() in above:
        ring = [p.stem for p in (*above[above.index(file.resolve()) :], file)]
        found = f"a cycle, {' → '.join(ring)}"
        raise SpecError([named.problem("base", found, "a scenario that does not depend on this one")])
    return _extended(tree, path, _load(file, with_files, topology, kinds, above), kinds)


def _extended(tree: Tree, path: Path, base: Scenario, kinds: Kinds) -> Scenario:
    """The base with the changes of a file."""
    base = base.model_copy(
        update={"published": None, "scoring": Scoring(), "start": _start(tree) or base.start}
    )
    extension = checked(Extension, tree, path, base, kinds)
    changed = vary(base, extension)
    own = {name: getattr(extension, name) for name in ("name", "title", "question", "expect")}
    own |= {name: value for name in KEPT if (value := getattr(extension, name)) is not None}
    changed = changed.model_copy(update=own)
    problems: list[Problem] = []
    check_steps(changed, tree, problems)
    try:
        changed = with_responders(changed, extension.responders or base.responders)
    except SpecError as error:
        place = tree.get("responders") or tree
        problems += [place.problem("responders", p.found, p.expected, p.hint) for p in error.problems]
    if problems:
        raise SpecError(problems)
    return changed


def _start(tree: Tree) -> Any:
    try:
        return units.parse_clock(tree.scalar("start"))
    except Refused:
        return None  # pydantic reports it, if there is one


def load_what_if(
    path: Path | str,
    bases: Bases | None = None,
    kinds: Kinds = None,
    with_files: Iterable[Path | str] = (),
) -> tuple[WhatIf, Scenario]:
    """A file of scenarios/what-if/, and the scenario that it asks about. Raises SpecError.

    ``bases`` keeps scenarios that have been loaded, for the next file. ``with_files``: services of one's own.
    """
    tree = must_read(path)
    base = base_of(tree, Path(path), bases, kinds, with_files)
    return checked(WhatIf, tree, Path(path), base, kinds), base


def base_of(
    tree: Tree,
    path: Path,
    bases: Bases | None = None,
    kinds: Kinds = None,
    with_files: Iterable[Path | str] = (),
) -> Scenario:
    """The scenario that a file names with ``base:``, and the services that are on top of it."""
    bases = {} if bases is None else bases
    named = tree.get("base")
    if named is None:
        raise SpecError([tree.problem("base", "no scenario", "base: PATH, relative to this file")])
    named_files = (_file(place, path) for place in (named, *tree.elements("with")))
    paths = tuple(str(Path(file).resolve()) for file in (*named_files, *with_files))
    if paths not in bases:
        bases[paths] = load_scenario(paths[0], paths[1:], kinds=kinds)
    return bases[paths]


def _file(named: Tree, path: Path) -> Path:
    """The file that a place names. Raises SpecError."""
    if not isinstance(named.value, str):
        raise SpecError([named.problem("base", "no scenario", "base: PATH, relative to this file")])
    file = path.parent / named.value
    if not file.is_file():
        near = did_you_mean(file.stem, (p.stem for p in file.parent.glob("*.yaml")))
        expected = "a file, relative to this one"
        raise SpecError([named.problem("base", f"no such file '{named.value}'", expected, near)])
    return file
