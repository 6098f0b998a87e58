"""``assumed: example``, once at the top of a file: every number in it is part of an example.

A number may then be written plainly, ``rate_per_s: 50/s``. It needs neither an origin nor a range. Faults
and actions need no origin either. Files that describe a real system do not use it: each number
there says why it is what it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from twin.model.dependency_parameters import EDGE_PARAMETERS
from twin.model.scenario import ORIGINS
from twin.spec.problems import Problem, shown
from twin.spec.step_numbers import STEPS, places_of
from twin.spec.tree import Tree

KEY, EXAMPLE = "assumed", "example"
_EDGE = frozenset(p.name for p in EDGE_PARAMETERS)


def spread_origin(tree: Tree, problems: list[Problem]) -> Tree:
    """The tree of a file, with ``assumed: example`` at each number and step instead of at its top."""
    above = tree.value.pop(KEY, None)
    if above is None:
        return tree
    if above.value != EXAMPLE:
        hint = "a number that needs another reason has its own, beside its value"
        problems.append(above.problem(KEY, shown(above.value), EXAMPLE, hint))
    for holder, name in list(_quantities(tree)):
        holder.value[name] = _with_origin(holder.value[name])
    for key in ("faults", "actions"):
        for step in tree.elements(key):
            _add_origin(step)
    for holder, name in [place for key in STEPS for step in tree.elements(key) for place in _own(step)]:
        holder.value[name] = _with_origin(holder.value[name])
    return tree


def _quantities(tree: Tree) -> Iterator[tuple[Tree, str]]:
    """Each mapping that holds numbers, and the name of each of them."""
    holders = [tree.get("parameters")]
    for _, service in tree.items("services"):
        holders.append(service.get("parameters"))
        way = service.get("reached_through")
        for edge in service.elements("dependencies") + ([way] if way is not None else []):
            yield from ((edge, name) for name, _ in edge.items() if name in _EDGE)
    for key in ("actions", "diagnoses"):
        for step in tree.elements(key):
            holders += [step.get("takes"), step.get("misled_by")]
            yield from ((step, name) for name in ("triage_s", "triage_doubling_s") if step.get(name))
    if tree.get("stage_cv_ratio"):
        yield tree, "stage_cv_ratio"
    for holder in holders:
        yield from ((holder, name) for name, _ in holder.items()) if holder is not None else ()


def _own(step: Tree) -> Iterator[tuple[Tree, str]]:
    """Each number of a step that is a mapping: it may have a range. A plain one is as the step is."""
    yield from ((h, name) for h, name, _ in places_of(step) if isinstance(h.value[name].value, dict))


def _with_origin(quantity: Tree) -> Tree:
    """A quantity, from a plain value too. It needs no range."""
    if isinstance(quantity.value, list):
        return quantity
    plain = not isinstance(quantity.value, dict)
    value = {"value": quantity} if plain else quantity.value
    found = Tree(value, quantity.file, quantity.line, quantity.column, quantity.key, origin_above=True)
    _add_origin(found)
    return found


def _add_origin(tree: Tree) -> None:
    if isinstance(tree.value, dict) and not any(key in tree.value for key in ORIGINS):
        tree.value[KEY] = Tree(EXAMPLE, tree.file, tree.line, tree.column, tree.key)
