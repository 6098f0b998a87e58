"""Conditions on a queue of services where nothing ever waits."""

from __future__ import annotations

from collections.abc import Iterator

from twin.model.target import Target
from twin.spec.problems import Problem
from twin.spec.stores import QuietDay
from twin.spec.tree import Tree

SIGNALS = ("oldest_age_s", "backlog_s")
HARMLESS = (
    "service_time_s",
    "fault_ratio",
    "error_s",
    "slow_ratio",
    "slow_s",
)  # no number here makes a queue


def waits_nowhere(tree: Tree, steps: Tree, day: QuietDay) -> Iterator[Problem]:
    """A problem for each condition on the queue of a plain service that has no limit and no store."""
    limited = {t.service for key in ("faults", "actions") for step in steps.elements(key)
               for t in (Target.parse(target) for target, _ in step.items("set"))
               if t.name not in HARMLESS}  # fmt: skip
    stores = {end for edges in day.edges.values() for e in edges if e.mode == "async"
              for end in (e.caller, e.on)}  # fmt: skip
    plain = {name for name, service in tree.items("services")
             if "servers_count" in day.values[name] and name not in limited | stores
             and all(key in HARMLESS for key, _ in service.items("parameters"))}  # fmt: skip
    for key in ("faults", "actions", "diagnoses"):
        for i, step in enumerate(steps.elements(key)):
            place = step.get("when", "signal")
            service, _, signal = str(place.value if place else "").rpartition(".")
            if place is not None and service in plain and signal in SIGNALS:
                expected = "a service with servers, workers or a store: this condition never holds"
                yield place.problem(f"{key}.{i}.when.signal", f"{signal} of {service}", expected)
