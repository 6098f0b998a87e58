"""The numbers of a step: what it sets, how long it takes, and the condition that it waits for.

A step (a fault, an action, a diagnosis) has plain values. ``numbers`` of the step holds the origin and the
range of those that a file gives with an origin of their own, by the key that leads to them in the file:
``set.dwfm.admission_ratio``, ``over``, ``when.below``. The others have the origin of the step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from twin.model.fields import Value
from twin.model.parameter import Param
from twin.model.reach import shares_that_follow
from twin.model.responders import Step
from twin.model.scenario import Intervention, Quantity, Scenario
from twin.model.signals import WATCHED

SET = "set."  # before the target of what a step sets
MOST_S = 7 * 86400.0


@dataclass(frozen=True)
class Slot:
    """Where a number stands: ``key`` in the file; ``owner`` ('' for the step) and ``field`` of the record.
    ``is_moment``: a time of day or from the start. ``is_level``: of a signal, in its unit."""

    key: str
    owner: str
    field: str
    is_moment: bool = False
    is_level: bool = False
    unit: str = "s"

    @property
    def inner(self) -> str:
        """The key inside its owner."""
        return self.key.rpartition(".")[2]


SLOTS = {
    slot.key: slot
    for slot in (
        Slot("at", "", "at_s", is_moment=True),  # its target is the id of the step
        Slot("over", "", "over_s"),
        Slot("apart", "", "apart_s"),
        Slot("for", "", "for_s"),
        Slot("after", "", "after_s"),
        Slot("every", "", "every_s"),
        Slot("until", "", "until_s", is_moment=True),
        Slot("when.above", "when", "above", is_level=True),
        Slot("when.below", "when", "below", is_level=True),
        Slot("when.for", "when", "for_s"),
        Slot("when.from", "when", "from_s", is_moment=True),
        Slot("random.rate", "random", "rate_per_s", unit="1/s"),
        Slot("random.for", "random", "for_s"),
    )
}


def slot_param(slot: Slot, signal: object) -> Param:
    """What a number may be: its unit and bounds. ``signal``: that of the condition."""
    unit = WATCHED.get(str(signal), "ratio") if slot.is_level else slot.unit
    return Param(slot.inner, 0.0, unit, 0.0, 1e9 if slot.is_level else MOST_S, "", "")


def numbers_of(step: Step) -> Iterator[tuple[str, Value, Param | None]]:
    """(key, value, what it may be) of each number of a step; None for what it sets, as kinds know that.

    Left out: its begin, and what no file gives, as a condition that counts from the start on.
    """
    if isinstance(step, Intervention):
        yield from ((f"{SET}{target}", value, None) for target, value in step.set.items())
    signal = None if step.when is None else step.when.signal
    for key, slot in SLOTS.items():
        if key == "at":
            continue
        value = getattr(_owner(step, slot), slot.field, None)
        if value is not None and not (value == 0.0 and key not in step.numbers and not slot.is_level):
            yield key, value, slot_param(slot, signal)


def is_moment(target: str) -> bool:
    """Whether a number is a time of day, by its target: the begin or the end of a step, say."""
    slot = SLOTS.get(target.partition(".")[2])
    return "." not in target or (slot is not None and slot.is_moment)


def number_targets(scenario: Scenario) -> Iterator[tuple[str, Param | None]]:
    """('step.key', what it may be) of each number of each step, for any kind of responders."""
    for step in scenario.interventions + scenario.diagnoses:
        yield from ((f"{step.id}.{key}", param) for key, _, param in numbers_of(step))


def with_step_numbers(scenario: Scenario, given: Mapping[str, Quantity]) -> Scenario:
    """The scenario with other numbers in its steps: 'step.key' → quantity. Other targets are ignored."""
    known = [target for target, _ in number_targets(scenario) if target in given]
    if not known:
        return scenario
    of_step: dict[str, dict[str, Quantity]] = {}
    for target in known:
        step, _, key = target.partition(".")
        of_step.setdefault(step, {})[key] = given[target]
    ways = shares_that_follow(scenario)
    update = {}
    for key in ("faults", "actions", "diagnoses"):
        update[key] = tuple(
            _with_numbers(x, of_step[x.id], ways) if x.id in of_step else x for x in getattr(scenario, key)
        )
    return scenario.model_copy(update=update)


def _with_numbers(step: Any, given: Mapping[str, Quantity], ways: Mapping[str, str]) -> Any:
    update: dict[str, Any] = {"numbers": {**step.numbers, **given}}
    for key, quantity in given.items():
        if key.startswith(SET):
            target = key.removeprefix(SET)
            settings = update.setdefault("set", dict(step.set))
            settings[target] = quantity.value
            if (inherited := ways.get(target)) in settings and f"{SET}{inherited}" not in step.numbers:
                settings[inherited] = quantity.value
            continue
        slot = SLOTS[key]
        if slot.owner:
            owner = update.get(slot.owner, getattr(step, slot.owner))
            update[slot.owner] = owner.model_copy(update={slot.field: quantity.value})
        else:
            update[slot.field] = quantity.value
    return step.model_copy(update=update)


def _owner(step: Step, slot: Slot) -> Any:
    return getattr(step, slot.owner, None) if slot.owner else step
