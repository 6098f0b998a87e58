"""Files with the defences in the way of a scenario's event: ``scenarios/barriers/``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from twin.base.units import Refused
from twin.model.changes import Barriers
from twin.model.scenario import Scenario
from twin.spec.bases import base_of
from twin.spec.problems import Problem, SpecError
from twin.spec.sources import check_unique, source_ids
from twin.spec.tree import Tree, read_tree
from twin.spec.validate import validate
from twin.spec.values import Checker, names_of
from twin.spec.variations import Kinds, check_applied, check_variation, plain_of

SWITCHES = ("on", "off")


def load_barriers(
    path: Path | str, kinds: Kinds = None, with_files: Iterable[Path | str] = ()
) -> tuple[Barriers, Scenario]:
    """A file of scenarios/barriers/, every switch checked against its scenario; and that scenario. Raises
    SpecError. ``with_files``: services of one's own."""
    problems: list[Problem] = []
    tree = read_tree(path, problems)
    if tree is None:
        raise SpecError(problems)
    base = base_of(tree, Path(path), kinds=kinds, with_files=with_files)
    names = names_of(base, kinds)
    names.sources = source_ids(Path(path), problems)
    checker = Checker(names, problems)
    places = tree.elements("barriers")
    for at, place in enumerate(places):
        checker.source(place, f"barriers.{at}")
        for key in SWITCHES:
            if (switch := place.get(key)) is not None:
                check_variation(switch, f"barriers.{at}.{key}.", checker, base)
                if isinstance(switch.value, dict) and not switch.value:
                    nothing = Refused("at least one change", "set: {service.parameter: value}", "no change")
                    checker.refuse(switch, f"barriers.{at}.{key}", nothing)
    check_unique(((f"barriers.{at}", place.get("name")) for at, place in enumerate(places)), checker)
    record = validate(Barriers, _data(tree), tree, problems, {"start": base.start})
    if record is None or problems:
        raise SpecError(problems)
    for place, barrier in zip(places, record.barriers, strict=True):
        for key in SWITCHES:
            if (switch := getattr(barrier, key)) is not None:
                check_applied(base, (switch,), place.get(key) or place, kinds)
    return record, base


def _data(tree: Tree) -> Any:
    """The plain form, with what the places of the switches say."""
    data = tree.plain()
    for at, place in enumerate(tree.elements("barriers")):
        for key in SWITCHES:
            if (switch := place.get(key)) is not None:
                data["barriers"][at][key] = plain_of(switch)
    return data
