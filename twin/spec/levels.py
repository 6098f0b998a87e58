"""Levels outside of the range of their signal: a condition that can never hold, or that always does."""

from __future__ import annotations

from collections.abc import Iterator

from twin.model.target import Target
from twin.spec.problems import Problem
from twin.spec.tree import Tree

RATIOS = ("error_ratio", "utilisation_ratio")  # shares, from 0 to 1
LIFTS = ("capacity", "servers_count", "workers_count", "rate_", "target_utilisation_ratio")  # … of a service


def doubtful_levels(tree: Tree, lifted: set[str]) -> Iterator[Problem]:
    """A problem for each level of a condition or an expectation that its signal cannot cross. ``lifted``:
    services whose capacity may rise above that of a quiet day."""
    for key in ("faults", "actions", "diagnoses"):
        for i, step in enumerate(tree.elements(key)):
            when = step.get("when")
            service, dot, signal = str(when.scalar("signal") if when else "").rpartition(".")
            if when is not None and dot:
                never = "a level that the signal can cross: this condition never holds"
                always = "a level that the signal can cross: this condition always holds"
                yield from _of(when, f"{key}.{i}.when", signal, service in lifted, never, always)
    for i, entry in enumerate(tree.elements("expect")):
        service, signal = str(entry.scalar("subject")), str(entry.scalar("signal"))
        expected = "a level that the signal can cross: the answer does not depend on the run"
        yield from _of(entry, f"expect.{i}", signal, service in lifted, expected, expected)


def _of(entry: Tree, path: str, signal: str, is_lifted: bool, never: str, always: str) -> Iterator[Problem]:
    top = 1.0 if signal in RATIOS or (signal == "capacity_ratio" and not is_lifted) else float("inf")
    hint = f"{signal} is between 0 and 1" if top == 1.0 else f"{signal} is never below 0"
    for side in ("above", "below"):
        place = entry.get(side)
        level = place.value if place is not None else None
        if place is None or isinstance(level, bool) or not isinstance(level, int | float):
            continue
        is_above = side == "above"
        if (is_above and level >= top) or (not is_above and level <= 0):
            yield place.problem(f"{path}.{side}", f"{signal} {side} {level:g}", never, hint)
        elif (is_above and level < 0) or (not is_above and level > top):
            yield place.problem(f"{path}.{side}", f"{signal} {side} {level:g}", always, hint)


def lifted_services(under: Tree, steps: Tree) -> set[str]:
    """Services whose capacity something may raise: a step, or autoscaling."""
    targets = [Target.parse(t) for key in ("faults", "actions") for x in steps.elements(key)
               for t, _ in x.items("set")]  # fmt: skip
    set_by_steps = {t.service for t in targets if any(word in t.name for word in LIFTS)}
    scaled = {name for name, s in under.items("services")
              if (s.scalar("parameters", "target_utilisation_ratio", "value") or 0) != 0}  # fmt: skip
    return set_by_steps | scaled
