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
from twin.model.step_numbers import SET, SLOTS, Slot, slot_param
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
        param = _param(entry, key, checker)
        if param is not None:
            _check(quantity, f"{path}.{key}", key, param, checker, start)
        holder.value[inner] = _plain(quantity, key)
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
    value = quantity.get("value")
    raw = None if value is None else value.value
    slot = SLOTS.get(key)
    if slot is not None and slot.is_moment and not _timed(quantity, path, checker, start):
        return
    checker.quantity(quantity, path, param)
    if value is not None and slot is not None and not slot.is_level:
        quantity.value["raw"] = Tree(raw, *_place(value))  # as the record reads it, with its unit


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


def _plain(quantity: Tree, key: str) -> Tree:
    """The value alone, at its place; a harmless one where there is none, as that is said of the mapping."""
    raw = quantity.value.pop("raw", None)
    value = raw if raw is not None else quantity.get("value")
    if value is not None and not isinstance(value.value, dict | list):
        return Tree(value.value, *_place(value), quantity.key)
    return Tree(_harmless(SLOTS.get(key)), *_place(quantity), quantity.key)


def _harmless(slot: Slot | None) -> Any:
    if slot is None or slot.is_level:
        return 0.0
    if slot.unit == "1/s":
        return "1/s"
    return "+1d" if slot.is_moment else "1s"


def _place(tree: Tree) -> tuple[str, int, int]:
    return tree.file, tree.line, tree.column
