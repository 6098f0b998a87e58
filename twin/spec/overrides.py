"""Variations of a loaded scenario.

A mitigation, a what-if, and the changes that a function or a command is given are applied by the same code,
``vary``.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Any

from twin.model.changes import Variation
from twin.model.reach import NONE, inherit
from twin.model.responders import with_stages
from twin.model.scenario import Dependency, Intervention, Quantity, Scenario, Service, Topology
from twin.model.step_numbers import with_step_numbers
from twin.model.target import AT, Target


def fold(topology: Topology, overrides: Mapping[str, Quantity]) -> Topology:
    """The topology with new values, by target: 'service.parameter' or 'caller->callee.number'.

    Targets of services that it does not have are ignored. Those of one zone, 'service@zone.parameter', are
    kept for when the zones are made. The share of a call is also the share of what the
    caller inherits for it.
    """
    services = dict(topology.services)
    for target, quantity in overrides.items():
        caller, callee, name = Target.parse(target)
        whole, at, _ = caller.partition(AT)
        if at and whole in services:
            key = target.replace(" ", "").removeprefix(whole + AT)
            in_zone = {**(services[whole].in_zone or {}), key: quantity}
            services[whole] = services[whole].model_copy(update={"in_zone": in_zone})
        if caller not in services:
            continue
        service = services[caller]
        if callee:
            edges = tuple(
                d.model_copy(update={name: quantity})
                if d.on == callee or (name == "share" and d.inherited_from == callee)
                else d
                for d in service.dependencies
            )
            services[caller] = service.model_copy(update={"dependencies": edges})
        else:
            parameters = {**service.parameters, name: quantity}
            services[caller] = service.model_copy(update={"parameters": parameters})
    return topology.model_copy(update={"services": services})


def lay(topology: Topology, services: Mapping[str, Service]) -> Topology:
    """The topology with services on top.

    The given fields of a known service replace the old ones; so does a dependency on the same callee. Callers
    of a service that is reached in another way now inherit that.
    """
    present = dict(topology.services)
    for name, over in services.items():
        under = present.get(name)
        present[name] = over if under is None else _laid(under, over)
    rerouted = {name for name, over in services.items() if "reached_through" in over.model_fields_set}
    if rerouted:
        present = {name: _forgetting(service, rerouted) for name, service in present.items()}
    return inherit(topology.model_copy(update={"services": present}))


def _laid(under: Service, over: Service) -> Service:
    update = {key: getattr(over, key) for key in over.model_fields_set}
    if over.domain == over.name:  # the default: the file gave no domain
        update.pop("domain", None)
    update["parameters"] = {**under.parameters, **over.parameters}
    given = {d.on for d in over.dependencies}
    kept = (d for d in _forgetting(under, given).dependencies if d.on not in given)
    update["dependencies"] = (*kept, *over.dependencies)
    return under.model_copy(update=update)


def _forgetting(service: Service, callees: Container[str]) -> Service:
    """The service without what it inherits from these callees."""
    kept = tuple(d for d in service.dependencies if d.inherited_from not in callees)
    return service.model_copy(update={"dependencies": kept}) if kept != service.dependencies else service


def _without(topology: Topology, edges: Iterable[str]) -> Topology:
    """The topology without these dependencies, 'caller->callee'. None is inherited again."""
    gone = {Target.parse(edge).edge for edge in edges}
    if not gone:
        return topology

    def direct(service: Service, d: Dependency) -> Dependency:
        way = d.reached_through or topology.services[d.on].through
        is_cut = way is not None and (service.name, way) in gone
        return d.model_copy(update={"reached_through": NONE}) if is_cut else d

    def kept(service: Service) -> tuple[Dependency, ...]:
        left = (d for d in service.dependencies if (service.name, d.on) not in gone)
        return tuple(direct(service, d) for d in left)

    services = {n: s.model_copy(update={"dependencies": kept(s)}) for n, s in topology.services.items()}
    return inherit(topology.model_copy(update={"services": services}))


def vary(scenario: Scenario, variation: Variation) -> Scenario:
    """The scenario with a variation. The variation has to be checked against it before."""
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
    return with_step_numbers(with_stages(scenario.model_copy(update=update), parameters), parameters)


def _changed(
    interventions: tuple[Intervention, ...], dropped: set[str], moved: Mapping[str, float]
) -> tuple[Intervention, ...]:
    """Without the dropped interventions, and with the moved ones at their new time.

    A moved intervention keeps its length, and waits for no condition and no other step.
    """
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
