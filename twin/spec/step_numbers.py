"""Numbers of a fault, an action or a diagnosis that have an origin of their own.

A file may write each of them plainly, or as a mapping with value, origin and range. Here the mapping is
checked, and moves to ``numbers`` of the step. Its place gets the plain value, as the rest of loading expects.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from twin.base import units
from twin.base.units import Refused
from twin.model.parameter import Param
from twin.model.step_numbers import SET, SLOTS, slot_param
from twin.spec.tree import Cell, Tree
from twin.spec.values import Checker

KEY = "numbers"
STEPS = ("faults", "actions", "diagnoses")


def check_numbers(entry: Tree, path: str, checker: Checker, start: datetime | None) -> None:
    """Check the numbers of a step that have an origin of their own, and put them in their place."""
    if (own := entry.get(KEY)) is not None:
        refused = Refused("no such key", "write the origin at the number itself", f"key '{KEY}'")
        checker.refuse(own, f"{path}.{KEY}", refused, at_key=True)
        del entry.value[KEY]
    for holder, inner, key in places_of(entry):
        quantity = holder.value[inner]
        if not isinstance(quantity.value, dict):
            continue
        param, before = _param(entry, key, checker), len(checker.problems)
        raw = quantity.scalar("value")
        if param is not None:
            _check(quantity, f"{path}.{key}", key, param, checker, start)
        good = param is not None and raw is not None and len(checker.problems) == before
        holder.value[inner] = _plain(quantity, key, param, raw if good else None)
        entry.value.setdefault(KEY, Tree({}, *_place(entry))).value[key] = quantity


def places_of(entry: Tree) -> Iterator[tuple[Tree, str, str]]:
    """(mapping, its key, key in the step) of each number that a file gives for a step."""
    if (settings := entry.get("set")) is not None:
        yield from ((settings, target, f"{SET}{target}") for target, _ in entry.items("set"))
    for slot in SLOTS.values():
        owner = entry.get(slot.owner) if slot.owner else entry
        if owner is not None and owner.get(slot.inner) is not None:
            yield owner, slot.inner, slot.key


def _param(entry: Tree, key: str, checker: Checker) -> Param | None:
    """What the number may be; None if it is of something unknown, which is said elsewhere."""
    if slot := SLOTS.get(key):
        signal = str(entry.scalar("when", "signal")).rpartition(".")[2]
        return slot_param(slot, signal)
    try:
        return checker.names.parameter(key.removeprefix(SET))
    except Refused:
        return None


def _check(
    quantity: Tree, path: str, key: str, param: Param, checker: Checker, start: datetime | None
) -> None:
    slot = SLOTS.get(key)
    if slot is None or not slot.is_moment or _timed(quantity, path, checker, start):
        checker.quantity(quantity, path, param)


def _timed(quantity: Tree, path: str, checker: Checker, start: datetime | None) -> bool:
    """Times as seconds from the start, in place; whether that worked. The plain value keeps its form."""
    spread = quantity.get("range")
    ends = [(spread.value, n) for n in range(len(spread.elements()))] if spread is not None else []
    for holder, name in [(quantity.value, "value")] * ("value" in quantity.value) + ends:
        place = holder[name]
        try:
            seconds = units.parse_time(place.value, start) if start is not None else 0.0
        except Refused as refused:
            checker.refuse(place, path, refused)
            return False
        holder[name] = Cell(seconds, *_place(place))
    return True


def _plain(quantity: Tree, key: str, param: Param | None, raw: Any) -> Tree:
    """The value alone, as the rest of loading reads it: a duration or a time with its unit, else in SI.

    ``raw``: the value as the file has it; None if something is wrong, which is said already.
    """
    slot, place = SLOTS.get(key), _place(quantity)
    if slot is not None and not slot.is_level:
        return Tree(_HARMLESS[slot.unit, slot.is_moment] if raw is None else raw, *place, quantity.key)
    default = 0.0 if param is None else param.default
    return Cell(default if raw is None else quantity.scalar("value"), *place, quantity.key)


_HARMLESS = {("s", False): "1s", ("s", True): "+1d", ("1/s", False): "1/s"}


def _place(tree: Tree) -> tuple[str, int, int]:
    return tree.file, tree.line, tree.column
