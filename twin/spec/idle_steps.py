"""Faults, actions and expectations without an effect: they set what holds already, undo each other, or come
after the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from twin.base.thresholds import RECOVERED_S
from twin.base.units import format_duration
from twin.model.fields import Value
from twin.model.responders import follows
from twin.model.scenario import Intervention, Scenario
from twin.spec.inputs import value_before
from twin.spec.problems import Problem
from twin.spec.tree import Tree
from twin.spec.values import Names

FOREVER = float("inf")
IDLE = "it judges nothing"
Places = Mapping[str, tuple[str, Tree]]  # id of a step → its path and place


def idle_steps(scenario: Scenario, tree: Tree, names: Names) -> Iterator[Problem]:
    """A problem for each, at its place in ``tree``; of what other files say, nothing."""
    places = {str(step.scalar("id")): (f"{key}.{i}", step)
              for key in ("faults", "actions") for i, step in enumerate(tree.elements(key))}  # fmt: skip
    for x in scenario.interventions:
        if x.id in places and x.at_s is not None and x.at_s >= scenario.duration_s:
            path, place = places[x.id]
            found = f"a begin at +{format_duration(x.at_s)}"
            yield _at(place, "at").problem(f"{path}.at", found, _before_end(scenario), "it never happens")
        elif x.id in places and places[x.id][0].startswith("faults") and _ends_late(scenario, x):
            path, place = places[x.id]
            found = f"an end {format_duration(scenario.duration_s - _only_end_s(x))} before that of the run"
            expected = f"{format_duration(RECOVERED_S)} or more: a recovery needs so long without impairment"
            yield _at(place, "for").problem(f"{path}.for", found, expected, "no recovery can be seen")
    yield from _changes_nothing(scenario, places, names)
    yield from _idle_expectations(scenario, tree)


def _before_end(scenario: Scenario) -> str:
    return f"a time before the end of the run, +{format_duration(scenario.duration_s)}"


def _ends_late(scenario: Scenario, x: Intervention) -> bool:
    """Whether a run ends after a fault, but before a recovery from it can be seen."""
    return scenario.duration_s - RECOVERED_S < _only_end_s(x) < scenario.duration_s


def _only_end_s(x: Intervention) -> float:
    return FOREVER if x.at_s is None or x.for_s is None or x.every_s is not None else x.at_s + x.for_s


def _at(entry: Tree, key: str) -> Tree:
    return entry.get(key) or entry


@dataclass
class _Clock:
    """What is set while time goes on. ``active``: target → what sets it now, and until when."""

    present: dict[str, Value]
    active: dict[str, list[tuple[Intervention, float]]] = field(default_factory=dict)


def _changes_nothing(scenario: Scenario, places: Places, names: Names) -> Iterator[Problem]:
    """Follow the steps that have a time. What a step with a condition sets is left out: nobody knows when."""
    unknown = {t for x in scenario.interventions if not _is_timed(scenario, x) for t in x.set}
    timed = [(begin_s, n, x) for n, x in enumerate(scenario.interventions) if _is_timed(scenario, x)
             for begin_s in _begins_s(x)]  # fmt: skip
    clock = _Clock({t: value_before(scenario, t, names.parameter(t)) for _, _, x in timed for t in x.set})
    ends: list[tuple[float, int, Intervention, dict[str, Value]]] = []
    for begin_s, number, x in sorted(timed, key=lambda entry: entry[:2]):
        for end in sorted((end for end in ends if end[0] <= begin_s), key=lambda entry: entry[:2]):
            clock.present |= end[3]
            ends.remove(end)
        if x.id in places:
            yield from _doubts_about(x, begin_s, *places[x.id], clock, is_known=not unknown & set(x.set))
        end_s = _end_s(x, begin_s)
        if end_s < FOREVER:
            ends.append((end_s, number, x, {t: clock.present[t] for t in x.set}))
        clock.present |= x.set
        for target in x.set:
            clock.active.setdefault(target, []).append((x, end_s))


def _doubts_about(
    x: Intervention, begin_s: float, path: str, place: Tree, clock: _Clock, is_known: bool
) -> Iterator[Problem]:
    """A step at its begin: whether it changes anything, and whether an end of another undoes it.
    ``is_known``: nothing but steps with a time sets the same."""
    settings = place.get("set") or place
    if x.set and is_known and all(clock.present[t] == value for t, value in x.set.items()):
        expected = "another value than the one that it has then"
        found = ", ".join(f"{target} {value}" for target, value in x.set.items())
        yield settings.problem(f"{path}.set", found, expected, "this step changes nothing", at_key=True)
    for target in x.set:
        for other, end_s in clock.active.get(target, ()):
            if begin_s < end_s < _end_s(x, begin_s):
                found = f"{target}, which {other.id} sets until +{format_duration(end_s)}"
                hint = "each end puts back the value from before its own begin"
                expected = "steps one after the other, or one within the other"
                yield settings.problem(f"{path}.set", found, expected, hint, at_key=True)


def _is_timed(scenario: Scenario, x: Intervention) -> bool:
    has_time = x.at_s is not None and x.random is None
    return has_time and x.when is None and follows(scenario, x) is None


def _begins_s(x: Intervention) -> Iterator[float]:
    yield from ((x.at_s or 0.0) + n * (x.every_s or 0.0) for n in range(x.times or 1))


def _end_s(x: Intervention, begin_s: float) -> float:
    if x.for_s is not None:
        return begin_s + x.for_s
    return FOREVER if x.until_s is None else x.until_s


def _idle_expectations(scenario: Scenario, tree: Tree) -> Iterator[Problem]:
    for i, (entry, place) in enumerate(zip(scenario.expect, tree.elements("expect"), strict=False)):
        after_s, before_s = entry.after_s or 0.0, scenario.duration_s
        if entry.before_s is not None:
            before_s = min(before_s, entry.before_s)
        if after_s >= scenario.duration_s:
            found = f"after: +{format_duration(after_s)}"
            expected = _before_end(scenario)
            yield _at(place, "after").problem(f"expect.{i}.after", found, expected, IDLE)
        elif before_s <= after_s:
            found = f"before: +{format_duration(before_s)}"
            expected = f"a time after +{format_duration(after_s)}"
            yield _at(place, "before").problem(f"expect.{i}.before", found, expected, IDLE)
    end = scenario.duration_s
    for outcome in scenario.published.outcomes if scenario.published is not None else ():
        at_s = (outcome.at - scenario.start).total_seconds()
        if not 0 <= at_s <= end:
            place = tree.get("published") or tree
            found = f"{outcome.id} at {outcome.at.isoformat()}, outside of the run"
            yield place.problem("published", found, f"a time in the run, which lasts {format_duration(end)}")
