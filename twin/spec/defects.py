"""Files with the defects that an event is shared out among: ``scenarios/defects/``."""

from __future__ import annotations

from pathlib import Path

from twin.base.units import Refused
from twin.model.changes import Defects
from twin.model.scenario import Scenario
from twin.spec.mitigations import MITIGATIONS_FOLDER, find_mitigations
from twin.spec.problems import Problem, SpecError
from twin.spec.sources import check_unique, source_ids
from twin.spec.tree import read_tree
from twin.spec.validate import validate
from twin.spec.values import Checker, names_of


def load_defects(path: Path, base: Scenario, folder: Path = MITIGATIONS_FOLDER) -> Defects:
    """A file of scenarios/defects/, each mitigation in it known. Raises SpecError."""
    problems: list[Problem] = []
    tree = read_tree(path, problems)
    if tree is None:
        raise SpecError(problems)
    names = names_of(base)
    names.sources = source_ids(path, problems)
    checker = Checker(names, problems)
    places = tree.elements("defects")
    check_unique(((f"defects.{at}", place.get("name")) for at, place in enumerate(places)), checker)
    for at, place in enumerate(places):
        checker.source(place, f"defects.{at}")
        for k, name in enumerate(place.elements("removed_by")):
            try:
                find_mitigations(str(name.value), folder)
            except SpecError as error:
                expected = error.problems[0].expected
                checker.refuse(
                    name, f"defects.{at}.removed_by.{k}", Refused(expected, error.problems[0].hint)
                )
    record = validate(Defects, tree.plain(), tree, problems, {})
    if record is None or problems:
        raise SpecError(problems)
    return record
