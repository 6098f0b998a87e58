"""A scenario file → Scenario, with its topology and the published timeline that it is scored against."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from twin.base import units
from twin.base.event_ids import MOST_TICKS
from twin.base.places import find_file
from twin.base.units import Refused
from twin.model.published import Published
from twin.model.scenario import ORIGINS, Scenario, Topology
from twin.spec.contradictions import AT_LEAST_ONE
from twin.spec.overrides import fold
from twin.spec.problems import Problem, SpecError
from twin.spec.responders import check_responders, decoys, entries
from twin.spec.scoring import check_scoring
from twin.spec.sources import (
    build_published,
    check_level,
    check_published,
    check_service,
    check_subjects,
    check_unique,
    read_published,
    source_ids,
)
from twin.spec.step_numbers import check_numbers
from twin.spec.topology import (
    build_topology,
    check_graph,
    check_services,
    lay_file_on_top,
    lay_on_top,
    read_topology,
)
from twin.spec.tree import Tree
from twin.spec.validate import validate
from twin.spec.values import Checker, names_of_kinds

OF_TOPOLOGY = ("services", "signal_period", "zones")  # keys of a scenario that go on top of the topology


@dataclass(frozen=True)
class Whole:
    """The trees of a scenario without ``base:``, checked one by one, with their values typed in place."""

    tree: Tree
    under: Tree
    published: Tree | None
    checker: Checker

    @property
    def overrides(self) -> Tree | None:
        return self.tree.get("parameters")


def read_whole(
    tree: Tree,
    path: Path,
    with_files: Iterable[Path | str],
    topology: Path | str | None,
    kinds: Mapping[str, Any] | None,
    problems: list[Problem],
) -> Whole:
    """The trees of a scenario. ``problems`` already holds the problems of its YAML, and gets theirs."""
    under = _topology(tree, path, topology, problems)
    for file in with_files:
        lay_file_on_top(under, find_file(file), problems)
    checker = Checker(names_of_kinds(kinds, source_ids(path, problems)), problems)
    published = _published(tree, path, checker)
    check_services(under, checker)
    if published is not None:
        check_subjects(published, checker)
    _check(tree, checker, _start(tree))
    check_scoring(tree, under, published, checker)
    return Whole(tree, under, published, checker)


def load_whole(
    tree: Tree,
    path: Path,
    with_files: Iterable[Path | str],
    topology: Path | str | None,
    kinds: Mapping[str, Any] | None,
    problems: list[Problem],
) -> Scenario:
    """The scenario of a file without ``base:``. ``problems`` already holds the problems of its YAML."""
    whole = read_whole(tree, path, with_files, topology, kinds, problems)
    under, overrides, names = whole.under, whole.overrides, whole.checker.names
    check_graph(under, overrides, names, _tick_s(tree), problems)
    scenario = build_whole(whole, problems)
    if scenario is None or problems:
        raise SpecError(problems)
    return scenario


def build_whole(whole: Whole, problems: list[Problem]) -> Scenario | None:
    """The record of the trees; None if ``problems`` has any, or gets any."""
    return _build(whole.tree, whole.under, whole.published, _start(whole.tree), problems)


def _topology(tree: Tree, path: Path, instead: Path | str | None, problems: list[Problem]) -> Tree:
    """The tree of the scenario's topology, with the scenario's own services on top."""
    named = tree.get("topology")
    under = Tree({}, str(path), 1, 1)
    if instead is not None:
        under = read_topology(Path(instead), problems)
    elif named is not None and isinstance(named.value, str):
        folder = _beside(path, named.value)
        if folder.exists():
            under = read_topology(folder, problems)
        else:
            found = f"no such folder '{named.value}'"
            problems.append(named.problem("topology", found, "a folder, relative to this file"))
    elif named is None and tree.get("services") is None:
        problems.append(tree.problem("", "neither topology nor services", "one of them"))
    if "topology" not in under.value:
        name = tree.get("scenario")
        under.value["topology"] = name if name is not None else Tree("unnamed", str(path), 1, 1)
    for key in OF_TOPOLOGY:
        value = tree.value.pop(key, None)
        if value is not None and key == "services":
            lay_on_top(under, value)
        elif value is not None:
            under.value[key] = value
    return under


def _beside(path: Path, name: str) -> Path:
    """A path as written in a file, relative to that file; short, for messages."""
    return Path(os.path.normpath(path.parent / name))


def _published(tree: Tree, path: Path, checker: Checker) -> Tree | None:
    """The tree of the published timeline. Its subjects are checked later; its ids become known names."""
    named = tree.get("published")
    if named is None or not isinstance(named.value, str):
        return None
    file = _beside(path, named.value)
    if not file.exists():
        refused = Refused("a file, relative to this one", found=f"no such file '{named.value}'")
        checker.refuse(named, "published", refused)
        return None
    published = read_published(file, checker.problems)
    checker.names.outcomes = frozenset(str(o.scalar("id")) for o in published.elements("outcomes"))
    check_published(published, checker)
    return published


def _start(tree: Tree) -> datetime | None:
    try:
        return units.parse_clock(tree.scalar("start"))
    except Refused:
        return None  # pydantic reports it


def _tick_s(tree: Tree) -> float:
    try:
        return units.parse_duration(tree.scalar("tick"))
    except Refused:
        return 1.0


def _check(tree: Tree, checker: Checker, start: datetime | None) -> None:
    """All checks that a record cannot make by itself."""
    for target, quantity in tree.items("parameters"):
        path = f"parameters.{target}"
        try:
            checker.quantity(quantity, path, checker.names.parameter(target))
        except Refused as refused:
            checker.refuse(quantity, path, refused, at_key=True)
    check_interventions(tree, checker, start)
    check_responders(tree, checker)
    check_expectations(tree, checker)


def check_expectations(tree: Tree, checker: Checker) -> None:
    """The subject of each entry of ``expect`` is a service, and its level is in the signal's unit."""
    for i, entry in enumerate(tree.elements("expect")):
        check_service(entry.get("subject"), f"expect.{i}.subject", checker)
        check_level(entry, f"expect.{i}", entry.scalar("signal"), checker, ("above", "below"))


def check_interventions(tree: Tree, checker: Checker, start: datetime | None) -> None:
    """The faults, actions and diagnoses of a mapping."""
    interventions, diagnoses = entries(tree, "faults", "actions"), entries(tree, "diagnoses")
    for path, entry in interventions:
        _check_intervention(entry, path, checker, start, decoys(tree))
    for path, entry in diagnoses:
        check_numbers(entry, path, checker, start)
        _check_condition(entry.get("when"), f"{path}.when", checker)
    check_unique(((path, entry.get("id")) for path, entry in interventions + diagnoses), checker)


def _check_intervention(
    entry: Tree, path: str, checker: Checker, start: datetime | None, idle: Collection[str]
) -> None:
    """``idle``: ids of interventions that may set no parameter."""
    if isinstance(entry.value, dict):
        if entry.get("follows") is None or entry.get("at") is not None or entry.get("when") is not None:
            checker.one_of(entry, path, "at", "when")
        checker.one_of(entry, path, *ORIGINS)
    checker.source(entry, path)
    check_numbers(entry, path, checker, start)
    if entry.get("fitted_to") is not None:
        checker.fit(entry, path)
    if (kind := entry.get("kind")) is not None:
        checker.refuse(
            kind,
            f"{path}.kind",
            Refused("no kind: faults: and actions: already give it", found="kind"),
            at_key=True,
        )
    for target, value in entry.items("set"):
        where = f"{path}.set.{target}"
        try:
            param = checker.names.parameter(target)
        except Refused as refused:
            checker.refuse(value, where, refused, at_key=True)
            continue
        if checker.value(value, where, param) and value.value == 0 and param.name in AT_LEAST_ONE:
            checker.refuse(value, where, Refused("1 or more", AT_LEAST_ONE[param.name], f"{param.name} 0"))
        over = entry.get("over")
        if over is not None and param.unit in ("choice", "switch"):
            hint = f"{param.name} is a {param.unit}"
            checker.refuse(over, f"{path}.over", Refused("over: for numbers only", hint), at_key=True)
    settings = entry.get("set")
    if settings is not None and settings.value == {} and entry.scalar("id") not in idle:
        checker.refuse(settings, f"{path}.set", Refused("at least one parameter", found="an empty mapping"))
    _check_condition(entry.get("when"), f"{path}.when", checker)
    _check_times(entry, path, checker, start)


def _check_condition(when: Tree | None, path: str, checker: Checker) -> None:
    signal = when.get("signal") if when is not None else None
    if when is None or signal is None or not isinstance(signal.value, str):
        return
    service, dot, name = signal.value.rpartition(".")
    if dot:
        try:
            checker.names.service(service)
        except Refused as refused:
            found = Refused(refused.expected, refused.hint, f"service '{service}'")
            checker.refuse(signal, f"{path}.signal", found)
    check_level(when, path, name, checker, ("above", "below"))


def _check_times(entry: Tree, path: str, checker: Checker, start: datetime | None) -> None:
    """Nothing happens before the start, and ``until`` is after ``at``.

    Times after the scenario's end are allowed, as a run may last longer.
    """
    if start is None:
        return
    seconds: dict[str, float] = {}
    for key in ("at", "until"):
        place = entry.get(key)
        try:
            seconds[key] = units.parse_time(place.value if place else None, start)
        except Refused:
            continue  # pydantic reports it
        if seconds[key] < 0 and place is not None:
            hint = f"it is {units.format_duration(-seconds[key])} before"
            expected = f"a time from the start on, {start.isoformat()}"
            checker.refuse(place, f"{path}.{key}", Refused(expected, hint))
    until = entry.get("until")
    if until is not None and 0 <= seconds.get("until", -1) <= seconds.get("at", -1):
        checker.refuse(until, f"{path}.until", Refused("a time after at"))
    if entry.get("fitted_to") is not None and entry.get("range") is None:
        expected = "a plausible range of the time, as it was fitted"
        checker.refuse(entry, path, Refused(expected, "write range: [earliest, latest]", "no range"))


def _build(
    tree: Tree, under: Tree, published: Tree | None, start: datetime | None, problems: list[Problem]
) -> Scenario | None:
    topology = build_topology(under, problems)
    timeline = build_published(published, problems) if published is not None else None
    data = tree.plain()
    data["topology"] = topology or Topology(name="unreadable")
    if "published" in data:
        data["published"] = timeline or Published(incident="unreadable", outcomes=())
    for key, kind in (("faults", "fault"), ("actions", "action")):
        for entry in data[key] if isinstance(data.get(key), list) else ():
            if isinstance(entry, dict):
                entry["kind"] = kind
    scenario = validate(Scenario, data, tree, problems, {"start": start})
    if scenario is None or problems:
        return None
    check_steps(scenario, tree, problems)
    return scenario.model_copy(update={"topology": fold(scenario.topology, scenario.parameters)})


def check_steps(scenario: Scenario, tree: Tree, problems: list[Problem]) -> None:
    """The tick divides the signal period, the signal period divides the sample interval, and none is 0."""
    period_s = scenario.topology.signal_period_s
    period = f"the signal period, {units.format_duration(period_s)}"

    def refuse(key: str, found_s: float, expected: str) -> None:
        place = tree.get(key) or tree
        problems.append(place.problem(key, units.format_duration(found_s), expected))

    for key, value in (("duration", scenario.duration_s), ("tick", scenario.tick_s)):
        if value <= 0:
            refuse(key, value, "more than 0s")
            return
    if scenario.duration_s / scenario.tick_s >= MOST_TICKS:
        refuse("duration", scenario.duration_s, f"fewer than {MOST_TICKS} ticks, or a longer tick")
    if not _divides(scenario.tick_s, period_s):
        refuse("tick", scenario.tick_s, f"a whole fraction of {period}")
    elif not _divides(period_s, scenario.sample_s):
        refuse("sample", scenario.sample_s, f"a multiple of {period}")


def _divides(step_s: float, length_s: float) -> bool:
    steps = round(length_s / step_s)
    return steps >= 1 and abs(steps * step_s - length_s) < 1e-9 * length_s
