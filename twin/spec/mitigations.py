"""Files of scenarios/mitigations/: by name or by path, alone or several at once, bundles with their parts.

A mitigation that changes the interventions of one scenario names that scenario (``base:``). It is always
checked against it, so a wrong name is reported. In a scenario without these interventions, the changes to
them are left out (``pruned``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from twin.base.places import SCENARIOS
from twin.model.changes import COSTS, Mitigation, Variation
from twin.model.responders import listed, stage_targets
from twin.model.scenario import Scenario, Topology
from twin.model.step_numbers import number_targets
from twin.spec.bases import load_scenario
from twin.spec.clashes import clashes
from twin.spec.overrides import lay
from twin.spec.problems import Problem, SpecError, did_you_mean
from twin.spec.tree import Tree, must_read, read_tree
from twin.spec.values import Checker, names_of
from twin.spec.variations import Kinds, check_applied, check_comparisons, checked

MITIGATIONS_FOLDER = SCENARIOS / "mitigations"


@dataclass(frozen=True)
class Placed:
    """A mitigation as it applies to a scenario, and the tree that it was read from."""

    tree: Tree
    mitigation: Mitigation


def load_mitigation(
    path: Path | str, base: Scenario | Topology, kinds: Kinds = None, with_files: Iterable[Path] = ()
) -> Mitigation:
    """A file of scenarios/mitigations/, checked against what it changes. Raises SpecError.

    Of a bundle it is the bundle's own part: ``load_mitigations`` has all of them. Against a topology alone,
    ids of steps are checked if the file names its base. ``with_files``: services of one's own, on the base.
    """
    return place_mitigation(Path(path), base, kinds, with_files).mitigation


def load_mitigations(
    asked: Iterable[str | Path], base: Scenario, folder: Path = MITIGATIONS_FOLDER, kinds: Kinds = None
) -> tuple[Mitigation, ...]:
    """Several at once, in this order, each by name, by path or as 'A+B'.

    The parts of a bundle come before it, and each file comes once. Raises SpecError: with every unknown name;
    if there is none, with every problem of every file; if there is none, with every contradiction.
    """
    problems: list[Problem] = []
    files: list[Path] = []
    for text in asked:
        try:
            files += find_mitigations(text, folder)
        except SpecError as error:
            problems.extend(error.problems)
    paths = {p.resolve(): p for file in files for p in _with_parts(file, problems)}
    if problems:
        raise SpecError(problems)
    placed: list[Placed] = []
    for path in paths.values():
        try:
            placed.append(place_mitigation(path, base, kinds))
        except SpecError as error:
            problems.extend(error.problems)
    if problems := problems or clashes([one.tree for one in placed]):
        raise SpecError(problems)
    mitigations = _said_once([one.mitigation for one in placed])
    if placed:
        check_applied(base, mitigations, placed[-1].tree, kinds)
    return mitigations


def is_unfit(problem: Problem) -> bool:
    """Whether the problem is a name that the scenario lacks; otherwise the file itself is wrong."""
    return problem.path.partition(".")[0] in Variation.model_fields


def find_mitigations(text: str | Path, folder: Path = MITIGATIONS_FOLDER) -> list[Path]:
    """The files of 'A+B', each once: A and B are paths, or names of files in the folder.

    Raises SpecError with every unknown name.
    """
    if isinstance(text, Path) or Path(text).is_file():
        return [Path(text)]
    known = {path.stem: path for path in folder.glob("*.yaml")}
    files: dict[Path, Path] = {}
    problems = []
    for name in (part.strip() for part in text.split("+")):
        if "/" in name or name.endswith((".yaml", ".yml")):
            files.setdefault(Path(name).resolve(), Path(name))
        elif name in known:
            files.setdefault(known[name].resolve(), known[name])
        else:
            hint = did_you_mean(name, known) or "twin list mitigations shows them"
            problems.append(Problem("mitigate", 0, 0, "", f"'{name}'", "the name of a mitigation", hint))
    if problems:
        raise SpecError(problems)
    return list(files.values())


@dataclass(frozen=True)
class Summary:
    """A row in the list of mitigations. ``shows``: how the twin shows the side effect, in words."""

    name: str
    title: str
    cost: str
    side_effect: str
    shown_by: str
    shows: str


def overview(folder: Path = MITIGATIONS_FOLDER) -> list[Summary]:
    """Every file of the folder, from the cheapest class of cost to the dearest. A file that cannot be read is
    listed by its name."""
    order = list(COSTS)
    summaries = [_summary(path, read_tree(path, [])) for path in folder.glob("*.yaml")]
    return sorted(summaries, key=lambda m: (order.index(m.cost) if m.cost in order else len(order), m.name))


def _summary(path: Path, tree: Tree | None) -> Summary:
    def text(*keys: str) -> str:
        return str((tree.scalar(*keys) if tree else None) or "")

    shows = [
        " ".join(str(c.scalar(key)) for key in ("metric", "is") if c.scalar(key))
        for c in (tree.elements("shows") if tree else [])
    ]
    shown_by = Path(text("shown_by")).stem
    return Summary(
        path.stem, text("title"), text("cost", "class"), text("side_effect"), shown_by, ", ".join(shows)
    )


def contradictions(placed: Mapping[str, Placed]) -> frozenset[frozenset[str]]:
    """The pairs of names whose files contradict each other."""
    trees = {name: one.tree for name, one in placed.items()}
    return frozenset(frozenset((a, b)) for a, b in combinations(trees, 2) if clashes([trees[a], trees[b]]))


def place_mitigation(
    path: Path, scenario: Scenario | Topology, kinds: Kinds = None, with_files: Iterable[Path] = ()
) -> Placed:
    """A file as it applies to a scenario; to its base, if there is only a topology."""
    tree = must_read(path)
    base = _named(tree, "base", path, kinds, with_files)
    problems: list[Problem] = []
    _with_parts(path, problems)
    if problems:
        raise SpecError(problems)
    if base is not None and isinstance(scenario, Scenario) and scenario != base:
        both = lay(base.topology, scenario.topology.services)  # what is on top of the scenario counts
        _checked(tree, path, base.model_copy(update={"topology": both}), kinds)
        tree = pruned(must_read(path), base, scenario)
    elif base is not None:
        scenario = base
    return Placed(tree, _checked(tree, path, scenario, kinds))


def _checked(tree: Tree, path: Path, scenario: Scenario | Topology, kinds: Kinds) -> Mitigation:
    shown = _named(tree, "shown_by", path, kinds)
    problems: list[Problem] = []
    if shown is not None:
        checker = Checker(names_of(shown, kinds), problems)
        check_comparisons(tree, checker, shown, kinds, "shows")
    if problems:
        raise SpecError(problems)
    return checked(Mitigation, tree, path, scenario, kinds)


def _named(
    tree: Tree, key: str, path: Path, kinds: Kinds, with_files: Iterable[Path] = ()
) -> Scenario | None:
    """The scenario that a key names, relative to the file; None if it names none."""
    place = tree.get(key)
    if place is None or not isinstance(place.value, str):
        return None  # for the record to say
    file = path.parent / place.value
    if not file.is_file():
        near = did_you_mean(file.stem, (p.stem for p in file.parent.glob("*.yaml")))
        expected = "the file of a scenario, relative to this one"
        raise SpecError([place.problem(key, f"no such file '{place.value}'", expected, near)])
    return load_scenario(file, with_files, kinds=kinds)


def _with_parts(path: Path, problems: list[Problem], around: tuple[Path, ...] = ()) -> list[Path]:
    """The files of a bundle: its parts, then itself. A missing file is a problem."""
    try:
        tree = must_read(path)
    except SpecError as error:
        problems.extend(error.problems)
        return []
    parts: list[Path] = []
    around = (*around, path.resolve())
    for i, place in enumerate(tree.elements("includes")):
        part = path.parent / f"{place.value}.yaml"
        if part.resolve() in around:
            ring = [*(p.stem for p in around[around.index(part.resolve()) :]), part.stem]
            cycle = f"a cycle, {' → '.join(ring)}"
            problems.append(place.problem(f"includes.{i}", cycle, "parts that do not contain the whole"))
        elif not part.is_file():
            near = did_you_mean(place.value, (p.stem for p in path.parent.glob("*.yaml")))
            problems.append(
                place.problem(f"includes.{i}", f"'{place.value}'", "a mitigation beside this", near)
            )
        else:
            parts += [p for p in _with_parts(part, problems, around) if p not in parts]
    return [*parts, path]


def _of_steps(scenario: Scenario) -> set[str]:
    return stage_targets(scenario).keys() | {target for target, _ in number_targets(scenario)}


def pruned(tree: Tree, base: Scenario, scenario: Scenario) -> Tree:
    """The tree without changes to steps that ``base`` has and ``scenario`` lacks; changed in place."""
    gone = {x.id for x in listed(base)} - {x.id for x in listed(scenario)}
    times = _of_steps(base) - _of_steps(scenario)
    _keep(tree, "drop", lambda _, place: place.value not in gone)
    _keep(tree, "move", lambda name, _: name not in gone)
    for key in ("parameters", "set"):
        _keep(tree, key, lambda target, _: target not in times)
    for diagnosis in tree.elements("diagnoses"):
        _keep(diagnosis, "misled_by", lambda name, _: name not in gone)
    added = [x for key in ("faults", "actions", "diagnoses") for x in tree.elements(key)]
    while orphans := [x for x in added if x.scalar("follows") in gone]:
        gone |= {x.scalar("id") for x in orphans}
        added = [x for x in added if x not in orphans]
    for key in ("faults", "actions", "diagnoses"):
        _keep(tree, key, lambda _, place: place in added)
    return tree


def _keep(tree: Tree, key: str, wanted: Any) -> None:
    """Keep the entries of a mapping or list for which ``wanted(key, place)``."""
    place = tree.get(key)
    if place is not None and isinstance(place.value, dict):
        place.value = {name: x for name, x in place.value.items() if wanted(name, x)}
    elif place is not None and isinstance(place.value, list):
        place.value = [x for x in place.value if wanted(None, x)]


def _said_once(mitigations: list[Mitigation]) -> tuple[Mitigation, ...]:
    """Each step once: if two mitigations add the same step, the later one leaves it out.

    A step that replaces a dropped one stays in both: the later mitigation drops the earlier replacement.
    """
    kept: list[Mitigation] = []
    for mitigation in mitigations:
        update: dict[str, Any] = {}
        for key in ("faults", "actions", "diagnoses"):
            before = [x for one in kept for x in getattr(one, key) if x.id not in mitigation.drop]
            update[key] = tuple(x for x in getattr(mitigation, key) if x not in before)
        kept.append(mitigation.model_copy(update=update))
    return tuple(kept)
