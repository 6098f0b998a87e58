"""Changes to a loaded scenario: ``--set``, ``--drop``, ``--move``, ``--until``, ``--seed``, variations.

A mitigation, a what-if and the options of a command are applied by the same code, ``vary``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from twin.base import units
from twin.base.units import Refused
from twin.model.changes import Variation
from twin.model.responders import with_stages
from twin.model.scenario import Dependency, Intervention, Quantity, Scenario, Service, Topology
from twin.model.target import Target
from twin.spec.problems import Problem, SpecError, did_you_mean
from twin.spec.responders import with_responders
from twin.spec.tree import parse_tree
from twin.spec.values import Names, names_of, typed


def fold(topology: Topology, overrides: Mapping[str, Quantity]) -> Topology:
    """The topology with 'service.parameter' and 'caller->callee.number' replaced; what belongs to no service
    of it is left alone."""
    services = dict(topology.services)
    for target, quantity in overrides.items():
        caller, callee, name = Target.parse(target)
        if caller not in services:
            continue
        service = services[caller]
        if callee:
            edges = tuple(
                d.model_copy(update={name: quantity}) if d.on == callee else d for d in service.dependencies
            )
            services[caller] = service.model_copy(update={"dependencies": edges})
        else:
            parameters = {**service.parameters, name: quantity}
            services[caller] = service.model_copy(update={"parameters": parameters})
    return topology.model_copy(update={"services": services})


def lay(topology: Topology, services: Mapping[str, Service]) -> Topology:
    """The topology with services on top: of a known one, what is given replaces, a dependency that on the
    same callee."""
    present = dict(topology.services)
    for name, over in services.items():
        under = present.get(name)
        present[name] = over if under is None else _laid(under, over)
    return topology.model_copy(update={"services": present})


def _laid(under: Service, over: Service) -> Service:
    update = {key: getattr(over, key) for key in over.model_fields_set}
    if over.domain == over.name:  # what a service has that says nothing of it
        update.pop("domain", None)
    update["parameters"] = {**under.parameters, **over.parameters}
    given = {d.on for d in over.dependencies}
    update["dependencies"] = (*(d for d in under.dependencies if d.on not in given), *over.dependencies)
    return under.model_copy(update=update)


def _without(topology: Topology, edges: Iterable[str]) -> Topology:
    """The topology without these dependencies, 'caller->callee'."""
    gone = {Target.parse(edge).edge for edge in edges}

    def kept(service: Service) -> tuple[Dependency, ...]:
        return tuple(d for d in service.dependencies if (service.name, d.on) not in gone)

    services = {n: s.model_copy(update={"dependencies": kept(s)}) for n, s in topology.services.items()}
    return topology.model_copy(update={"services": services}) if gone else topology


def vary(scenario: Scenario, variation: Variation) -> Scenario:
    """The scenario with a variation that has been checked against it."""
    topology = _without(lay(scenario.topology, variation.services), variation.without)
    asked = {t: Quantity(value=value, assumed="as asked") for t, value in variation.set.items()}
    parameters = {**variation.parameters, **asked}
    dropped, moved = set(variation.drop), variation.move
    update: dict[str, Any] = {
        "topology": fold(topology, parameters),
        "parameters": {**scenario.parameters, **parameters},
        "faults": _changed(scenario.faults, dropped, moved) + variation.faults,
        "actions": _changed(scenario.actions, dropped, moved) + variation.actions,
        "diagnoses": tuple(d for d in scenario.diagnoses if d.id not in dropped) + variation.diagnoses,
    }
    return with_stages(scenario.model_copy(update=update), parameters)


def parse_set(
    text: str, loaded: Scenario | Topology, kinds: Mapping[str, Any] | None = None
) -> tuple[str, float | str | bool]:
    """'service.parameter=value' → target and value in SI. Raises SpecError with '--set' as its file."""
    return _parse_set(text, names_of(loaded, kinds))


def _parse_set(text: str, names: Names) -> tuple[str, float | str | bool]:
    target, equals, value = text.partition("=")
    target = target.strip()
    column = 1
    try:
        if not equals or not target:
            raise Refused("service.parameter=value", found=f"'{text}'")
        param = names.parameter(target)
        column = len(text) - len(value) + 1
        scalar = _scalar(value)
        return target, typed(scalar, param)
    except Refused as refused:
        found = refused.found or f"'{value.strip()}'"
        path = target if column > 1 else ""
        problem = Problem("--set", 1, column, path, found, refused.expected, refused.hint)
        raise SpecError([problem]) from None


def _scalar(text: str) -> Any:
    """A value as YAML would type it."""
    tree = parse_tree(f"value: {text.strip()}", "--set", [])
    value = tree.scalar("value") if tree is not None else None
    return text.strip() if value is None else value


def parse_move(text: str, scenario: Scenario) -> tuple[str, float]:
    """'ID=TIME' → id of a fault or action, and seconds from the start. Raises SpecError."""
    name, equals, when = text.partition("=")
    column = 1
    try:
        if not equals:
            raise Refused("ID=TIME", found=f"'{text}'")
        name = _known(name.strip(), scenario)
        column = len(text) - len(when) + 1
        return name, _time(when.strip(), scenario)
    except Refused as refused:
        found = refused.found or f"'{when.strip()}'"
        path = name if column > 1 else ""
        raise SpecError([Problem("--move", 1, column, path, found, refused.expected, refused.hint)]) from None


def parse_drop(text: str, scenario: Scenario) -> str:
    """The id of a fault or action. Raises SpecError."""
    try:
        return _known(text.strip(), scenario, [d.id for d in scenario.diagnoses])
    except Refused as refused:
        problem = Problem("--drop", 1, 1, "", refused.found, refused.expected, refused.hint)
        raise SpecError([problem]) from None


def parse_until(text: str, scenario: Scenario) -> float:
    """Seconds from the start to a new end. Raises SpecError."""
    try:
        seconds = _time(text.strip(), scenario)
        if seconds == 0:
            raise Refused("a time after the start")
        return seconds
    except Refused as refused:
        found = refused.found or f"'{text.strip()}'"
        raise SpecError([Problem("--until", 1, 1, "", found, refused.expected, refused.hint)]) from None


def parse_sample(text: str, scenario: Scenario) -> float:
    """Seconds of a sample interval: a multiple of the signal period. Raises SpecError."""
    period_s = scenario.topology.signal_period_s
    try:
        seconds = units.parse_duration(text.strip())
        periods = round(seconds / period_s)
        if periods < 1 or abs(periods * period_s - seconds) > 1e-9 * seconds:
            raise Refused(f"a multiple of the signal period, {units.format_duration(period_s)}")
        return seconds
    except Refused as refused:
        found = refused.found or f"'{text.strip()}'"
        raise SpecError([Problem("--sample", 1, 1, "", found, refused.expected, refused.hint)]) from None


def _known(name: str, scenario: Scenario, more: Iterable[str] = ()) -> str:
    ids = [*(x.id for x in scenario.interventions), *more]
    if name not in ids:
        raise Refused("the id of a fault or action", did_you_mean(name, ids), f"'{name}'")
    return name


def _time(text: str, scenario: Scenario) -> float:
    seconds = units.parse_time(text, scenario.start)
    if seconds < 0:
        raise Refused(f"a time from the start on, {scenario.start.isoformat()}")
    return seconds


def override(
    scenario: Scenario,
    *,
    sets: Iterable[str] = (),
    drops: Iterable[str] = (),
    moves: Iterable[str] = (),
    until: str | None = None,
    sample: str | None = None,
    seed: int | None = None,
    responders: str | None = None,
    kinds: Mapping[str, Any] | None = None,
) -> Scenario:
    """The scenario with these changes. Raises SpecError with the problems of all of them."""
    problems: list[Problem] = []

    def attempt(parse: Any, text: str, *more: Any) -> list[Any]:
        try:
            return [parse(text, *more)]
        except SpecError as error:
            problems.extend(error.problems)
            return []

    names = names_of(scenario, kinds)
    given = dict(pair for text in sets for pair in attempt(_parse_set, text, names))
    dropped = [name for text in drops for name in attempt(parse_drop, text, scenario)]
    moved = dict(pair for text in moves for pair in attempt(parse_move, text, scenario))
    ends = attempt(parse_until, until, scenario) if until is not None else []
    samples = attempt(parse_sample, sample, scenario) if sample is not None else []
    if problems:
        raise SpecError(problems)
    parameters = {target: Quantity(value=value, assumed="--set") for target, value in given.items()}
    changed = vary(scenario, Variation(parameters=parameters, drop=tuple(dropped), move=moved))
    update: dict[str, Any] = {
        "duration_s": ends[0] if ends else scenario.duration_s,
        "sample_s": samples[0] if samples else scenario.sample_s,
        "seed": scenario.seed if seed is None else seed,
    }
    changed = changed.model_copy(update=update)
    return changed if responders is None else with_responders(changed, responders)


def _changed(
    interventions: tuple[Intervention, ...], dropped: set[str], moved: Mapping[str, float]
) -> tuple[Intervention, ...]:
    """Without the dropped, the moved at their new time; a moved one keeps its length, and waits no more."""
    kept = []
    for x in interventions:
        if x.id in moved:
            later = 0.0 if x.at_s is None else moved[x.id] - x.at_s
            until_s = None if x.until_s is None else x.until_s + later
            free: dict[str, Any] = {"when": None, "after_s": 0.0, "follows": None, "takes": {}}
            x = x.model_copy(update={"at_s": moved[x.id], "until_s": until_s, **free})
        if x.id not in dropped:
            kept.append(x)
    return tuple(kept)
