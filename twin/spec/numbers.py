"""All numbers of a scenario by where they come from: the books of ``twin numbers``.

| class | meaning |
|---|---|
| sourced | a publication has the number |
| measured | somebody measured it in a system that they know |
| argued | nobody published it; its reason and its range hold without the published times |
| chosen | nobody published it; it was chosen with the published times in sight |
| fitted | ``twin calibrate`` moves it until published times come out |
| neutral | no estimate: a scale, or a mechanism that is off; equal ends of the range |
| open | neither an origin of its own nor a range |

Numbers that are written once count once, however many services use them. Switches and choices are no numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from twin.base.text import counted
from twin.model.responders import is_modelled
from twin.model.scenario import Scenario
from twin.model.target import Target
from twin.spec.inputs import UncertainInput, controls_of, inputs_of, spread_of
from twin.spec.number_places import REACHED, Spot, number_places, place_of

CLASSES = ("sourced", "measured", "argued", "chosen", "fitted", "neutral", "open")
_OF_ORIGIN = {"source": "sourced", "measured": "measured", "assumed": "argued", "chosen": "chosen"}


@dataclass(frozen=True)
class BookedNumber:
    """One number: its class, its name, its value and range in SI with their unit, why it is what it is, the
    place where it is written, and the services and steps that use it."""

    class_: str
    number: str
    value: float
    unit: str
    range: tuple[float, float] | None
    why: str
    file: str
    line: int
    used_by: tuple[str, ...]


def origin_class(number: UncertainInput) -> str:
    """One of CLASSES."""
    if number.fitted_to:
        return "fitted"
    if number.range is not None and number.range[0] == number.range[1] and not number.sourced:
        return "neutral"
    if number.range is None and not number.sourced:
        return "open"
    return _OF_ORIGIN.get(number.origin, "open")


def books(scenario: Scenario, path: Path, with_files: Iterable[Path | str] = ()) -> list[BookedNumber]:
    """Every number of a scenario and its topology, in the order of CLASSES. Raises SpecError.

    ``path``: its file. Times that only modelled responders take are among them.
    """
    given = number_places(path, with_files)
    groups: dict[tuple[Spot, str], list[UncertainInput]] = {}
    numbers = [*inputs_of(_with_people(scenario)), *spread_of(scenario)]
    for n in map(partial(_at_rest, controls_of(scenario)), dict.fromkeys(numbers)):
        if not isinstance(n.value, bool | str):
            groups.setdefault((place_of(n.target, scenario, given), _name(n, scenario)), []).append(n)
    found = [_entry(place, name, those) for (place, name), those in groups.items()]
    return sorted(found, key=lambda e: (CLASSES.index(e.class_), e.file, e.line, e.number))


def how_many(entries: Iterable[BookedNumber]) -> dict[str, int]:
    """Class → how many numbers, without those that are nobody's."""
    found = dict.fromkeys(CLASSES, 0)
    for entry in entries:
        found[entry.class_] += 1
    return {name: count for name, count in found.items() if count}


def count_line(of_class: Mapping[str, int]) -> str:
    """'192 numbers: 44 sourced, 101 argued, 43 chosen, 4 fitted; and 112 neutral'."""
    estimates = {name: count for name, count in of_class.items() if name != "neutral"}
    parts = ", ".join(f"{count} {name}" for name, count in estimates.items())
    neutral = f"; and {of_class['neutral']} neutral" if of_class.get("neutral") else ""
    return f"{counted(sum(estimates.values()), 'number')}: {parts}{neutral}"


def _at_rest(controls: Collection[str], number: UncertainInput) -> UncertainInput:
    """A control that no file gives stands where it does nothing, and is no estimate."""
    if number.given or number.target not in controls or isinstance(number.value, bool | str):
        return number
    return replace(number, range=(float(number.value), float(number.value)))


def _with_people(scenario: Scenario) -> Scenario:
    can_be_modelled = any(x.follows for x in scenario.actions)
    keep = is_modelled(scenario) or not can_be_modelled
    return scenario if keep else scenario.model_copy(update={"responders": "modelled"})


def _name(number: UncertainInput, scenario: Scenario) -> str:
    """What the users of one number have in common: the kind, or the callee that says how it is reached."""
    parsed = Target.parse(number.target)
    if not number.service:
        return number.target
    if not parsed.is_dependency:
        kind = scenario.topology.services[number.service].kind
        return number.target if number.given else f"{kind}.{parsed.name}"
    call = next(d for d in scenario.topology.services[number.service].dependencies if d.on == parsed.callee)
    if number.given and call.inherited_from:
        return f"{call.inherited_from}.{REACHED}.{parsed.name}"
    return number.target if number.given else f"dependency.{parsed.name}"


def _entry(place: Spot, name: str, those: Sequence[UncertainInput]) -> BookedNumber:
    first = those[0]
    owners = dict.fromkeys(_owner(n) for n in those)
    shown = first.target if len(those) == 1 else name
    return BookedNumber(
        origin_class(first), shown, float(first.value), first.unit, first.range, first.why, *place[:2],
        tuple(owners),
    )  # fmt: skip


def _owner(number: UncertainInput) -> str:
    return number.service or number.target.partition(".")[0]
