"""The same scenario without feedback: the answer of a dependency graph alone, to score beside the twin.

Every service becomes a relay, which only passes on the failures of its dependencies. A relay has no queue,
cache, connection, lease or retry, and recovers when its dependencies do. Kinds that hold the event stay:
the DNS endpoint. An action on a parameter that a relay lacks is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from twin.kinds import kinds_that, registry
from twin.model.scenario import Dependency, Intervention, Quantity, Scenario, Service
from twin.spec.inputs import is_given

PASSED_ON = ("share", "delay_s")  # numbers of a dependency: how much is passed on, and when
OWN = Quantity(value=100.0, assumed="so that a service without callers shows how it would fare")


def without_feedback(scenario: Scenario) -> Scenario:
    """The scenario with a relay in place of each service, and without settings that a relay lacks."""
    services = {name: _relay(service) for name, service in scenario.topology.services.items()}
    services = _without_cycles(services, scenario.topology.services)
    topology = scenario.topology.model_copy(update={"services": services})
    targets = set(_targets(services.values()))
    update = {key: _obeyed(getattr(scenario, key), targets) for key in ("faults", "actions")}
    return scenario.model_copy(update={"topology": topology, "parameters": {}, **update})


def _relay(service: Service) -> Service:
    if is_given(service):
        return service
    (plain,) = kinds_that("is_plain")
    known = {p.name for p in registry()[plain].PARAMETERS}
    parameters = {name: value for name, value in service.parameters.items() if name in known}
    edges = tuple(_plain(d) for d in service.dependencies)
    update = {"kind": plain, "parameters": {**parameters, "own_per_s": OWN}, "dependencies": edges}
    return service.model_copy(update=update)


def _plain(dependency: Dependency) -> Dependency:
    """The dependency as a hard one without retries, caches or connections; a soft one stays soft."""
    gone = {name: None for name in dependency.numbers if name not in PASSED_ON}
    mode = dependency.mode if dependency.mode == "soft" else "hard"
    return dependency.model_copy(update={"mode": mode, **gone})


def _without_cycles(services: dict[str, Service], before: dict[str, Service]) -> dict[str, Service]:
    """Without the dependencies that close a cycle: a cycle is feedback, and would latch for ever.

    Hard dependencies are kept first.
    """
    edges = sorted((d.mode != "hard", name, d.on) for name, s in before.items() for d in s.dependencies)
    kept: dict[str, set[str]] = {name: set() for name in services}
    for _, caller, callee in edges:
        if not _reaches(kept, callee, caller):
            kept[caller].add(callee)
    return {
        name: s.model_copy(update={"dependencies": tuple(d for d in s.dependencies if d.on in kept[name])})
        for name, s in services.items()
    }


def _reaches(callees: dict[str, set[str]], start: str, end: str) -> bool:
    todo, seen = [start], {start}
    while todo:
        new = callees[todo.pop()] - seen
        todo.extend(new)
        seen |= new
    return end in seen


def _targets(services: Iterable[Service]) -> Iterator[str]:
    """Everything that an intervention can set."""
    for service in services:
        yield from (f"{service.name}.{p.name}" for p in registry()[service.kind].PARAMETERS)
        yield from (f"{service.name}->{d.on}.{name}" for d in service.dependencies for name in PASSED_ON)


def _obeyed(interventions: tuple[Intervention, ...], targets: set[str]) -> tuple[Intervention, ...]:
    """The interventions with the settings that are left, if there is one."""
    left = (
        (x, {target: value for target, value in x.set.items() if target in targets}) for x in interventions
    )
    return tuple(x.model_copy(update={"set": settings}) for x, settings in left if settings)
